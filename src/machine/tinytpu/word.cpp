#include "machine/tinytpu/word.h"

#include <fmt/format.h>

namespace systole::tinytpu {
namespace {

constexpr Field kFields[] = {
    {"switch", 0, 1, false, "shadow weights become active, from the first element on in a diagonal wave"},
    {"start", 1, 1, false, "a stream starts in this clock"},
    {"transpose", 2, 1, false, "... and walks the matrix the other way (input and weight only)"},
    {"valid1", 3, 1, false, "data1 is appended to the buffer"},
    {"valid2", 4, 1, false, "data2 is appended to the buffer, before data1"},
    {"cols", 5, 2, false, "columns of the stream"},
    {"rows", 7, 8, false, "rows of the stream"},
    {"at", 15, 8, false, "address of the stream's matrix"},
    {"stream", 23, 3, false, "where it goes: 0 input, 1 weight, 2 bias, 3 target (Y), 4 activation (H), 5 old_bias, 6 old_weight, 7 nowhere"},
    {"data1", 26, 16, true, "host data, first channel"},
    {"data2", 42, 16, true, "host data, second channel"},
    {"pathway", 58, 4, false, "vector stages that work: 8 bias, 4 leaky ReLU, 2 loss derivative, 1 leaky ReLU derivative"},
    {"scale", 62, 16, true, "2/N of the loss derivative, Q8.8"},
    {"leak", 78, 16, true, "slope of the leaky ReLU and of its derivative, Q8.8"},
};

constexpr std::string_view kStreams[] = {"input", "weight", "bias", "target", "activation", "old_bias", "old_weight", "none"};

constexpr ControlInfo kControls[] = {
    {"halt", false, 0, 0, "the sequencer stops; streams under way end"},
    {"loop", true, 1, (1 << 24) - 1, "the words up to the matching end are done this many times"},
    {"end", false, 0, 0, "end of a loop"},
    {"pointer", true, 0, 65535, "the write pointer, from the next clock on"},
    {"hold", true, 1, (1 << 24) - 1, "this many clocks without a word"},
};

constexpr int kKindLow = 94, kControlLow = 90, kOperandBits = 24;

void put(Bits& bits, int low, int width, std::uint64_t value) {
  for (int i = 0; i < width; ++i) {
    const int at = low + i;
    if ((value >> i) & 1) bits[static_cast<std::size_t>(at / 32)] |= 1u << (at % 32);
  }
}

std::uint64_t get(const Bits& bits, int low, int width) {
  std::uint64_t value = 0;
  for (int i = 0; i < width; ++i) {
    const int at = low + i;
    value |= std::uint64_t{(bits[static_cast<std::size_t>(at / 32)] >> (at % 32)) & 1} << i;
  }
  return value;
}

Expected<Instruction> decode_control(const Bits& bits) {
  Instruction result;
  result.kind = Kind::kControl;
  const std::uint64_t opcode = get(bits, kControlLow, 4);
  if (opcode >= std::size(kControls)) return invalid_input("", fmt::format("{} is no control word", opcode), "bits 93..90 are 0 to 4");
  result.control = static_cast<Control>(opcode);
  result.operand = static_cast<std::int64_t>(get(bits, 0, kOperandBits));
  const ControlInfo& info = kControls[opcode];
  if (encode(result) != bits) return invalid_input("", fmt::format("{} has bits that mean nothing", info.name), "they must be 0");
  if (result.operand < info.low || result.operand > info.high) {
    return invalid_input("", fmt::format("{} {} is out of range", info.name, result.operand), fmt::format("{} .. {}", info.low, info.high));
  }
  return result;
}

}  // namespace

std::string_view stream_name(Stream stream) { return kStreams[static_cast<std::size_t>(stream)]; }
std::span<const Field> word_fields() { return kFields; }
std::span<const ControlInfo> control_table() { return kControls; }

std::int64_t get_field(const Word& w, std::size_t field) {
  switch (field) {
    case 0: return w.switch_weights;
    case 1: return w.read;
    case 2: return w.transpose;
    case 3: return w.write_valid[0];
    case 4: return w.write_valid[1];
    case 5: return w.columns;
    case 6: return w.rows;
    case 7: return w.address;
    case 8: return static_cast<std::int64_t>(w.stream);
    case 9: return w.write_data[0];
    case 10: return w.write_data[1];
    case 11: return w.pathway;
    case 12: return w.loss_scale;
    default: return w.leak;
  }
}

void set_field(Word& w, std::size_t field, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value) & ((std::uint64_t{1} << kFields[field].width) - 1);
  const auto fixed = static_cast<std::int16_t>(bits);
  const auto small = static_cast<std::uint8_t>(bits);
  switch (field) {
    case 0: w.switch_weights = bits != 0; break;
    case 1: w.read = bits != 0; break;
    case 2: w.transpose = bits != 0; break;
    case 3: w.write_valid[0] = bits != 0; break;
    case 4: w.write_valid[1] = bits != 0; break;
    case 5: w.columns = small; break;
    case 6: w.rows = small; break;
    case 7: w.address = small; break;
    case 8: w.stream = static_cast<Stream>(small); break;
    case 9: w.write_data[0] = fixed; break;
    case 10: w.write_data[1] = fixed; break;
    case 11: w.pathway = small; break;
    case 12: w.loss_scale = fixed; break;
    default: w.leak = fixed; break;
  }
}

Bits encode(const Instruction& instruction) {
  Bits bits{};
  put(bits, kKindLow, 2, static_cast<std::uint64_t>(instruction.kind));
  if (instruction.kind == Kind::kControl) {
    put(bits, kControlLow, 4, static_cast<std::uint64_t>(instruction.control));
    put(bits, 0, kOperandBits, static_cast<std::uint64_t>(instruction.operand));
    return bits;
  }
  for (std::size_t i = 0; i < std::size(kFields); ++i) {
    put(bits, kFields[i].low, kFields[i].width, static_cast<std::uint64_t>(get_field(instruction.word, i)));
  }
  return bits;
}

Expected<Instruction> decode(const Bits& bits) {
  const std::uint64_t kind = get(bits, kKindLow, 2);
  if (kind == 2) return decode_control(bits);
  if (kind == 3) return invalid_input("", "kind 3 is no instruction", "bits 95..94: 0 a word, 1 a word and a wait, 2 control");
  Instruction result;
  result.kind = static_cast<Kind>(kind);
  for (std::size_t i = 0; i < std::size(kFields); ++i) {
    set_field(result.word, i, static_cast<std::int64_t>(get(bits, kFields[i].low, kFields[i].width)));
  }
  return result;
}

std::string Program::place(std::size_t index) const {
  return index < places.size() ? places[index] : fmt::format("{}: instruction {}", name, index);
}

Status check_program(const Program& program) {
  if (program.code.size() >= kProgramWords) {
    return invalid_input(program.name, fmt::format("{} instructions do not fit in the {} of instruction memory, a halt included", program.code.size(), kProgramWords),
                         "use loop ... end");
  }
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    const Instruction& instruction = program.code[i];
    if (instruction.kind != Kind::kControl) continue;
    const ControlInfo& info = kControls[static_cast<std::size_t>(instruction.control)];
    if (instruction.operand < info.low || instruction.operand > info.high) {
      return invalid_input(program.place(i), fmt::format("{} {} is out of range", info.name, instruction.operand), fmt::format("{} .. {}", info.low, info.high));
    }
    if (instruction.control == Control::kLoop) {
      open.push_back(i);
      if (open.size() > kLoopDepth) return invalid_input(program.place(i), "loops stand more than four deep", "the sequencer has four loop counters");
    }
    if (instruction.control == Control::kEnd) {
      if (open.empty()) return invalid_input(program.place(i), "end without a loop", "each end belongs to a loop before it");
      open.pop_back();
    }
  }
  if (!open.empty()) return invalid_input(program.place(open.back()), "this loop has no end", "each loop needs an end after its words");
  return ok_status();
}

}  // namespace systole::tinytpu
