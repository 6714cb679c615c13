#include "machine/tinytpu/text.h"

#include <fmt/format.h>

#include "base/file.h"
#include "chip/suggest.h"
#include "machine/tinytpu/line.h"

namespace systole::tinytpu {
namespace {

constexpr std::size_t kPathway = 11, kScale = 12, kLeak = 13;   // fields that stay from line to line
constexpr std::size_t kStream = 8;

class Assembler {
 public:
  explicit Assembler(const std::string& place) : place_(place) { program_.name = place; }

  Status line(std::string_view text, std::size_t number) {
    number_ = number;
    const std::vector<Token> tokens = split(text);
    if (tokens.empty()) return ok_status();
    if (tokens[0].key == ".mse") return error_directive(tokens);
    if (tokens[0].key.starts_with('.')) return error(tokens[0], fmt::format("'{}' is no directive", tokens[0].key), "the one directive is .mse");
    const auto controls = control_table();
    for (std::size_t i = 0; i < controls.size(); ++i) {
      if (tokens[0].key == controls[i].name) return control(tokens, static_cast<Control>(i));
    }
    return word(tokens);
  }

  Expected<Program> finish() {
    SYSTOLE_TRY(check_program(program_));
    return std::move(program_);
  }

 private:
  Error error(const Token& token, std::string message, std::string hint = {}) const {
    return invalid_input(fmt::format("{}:{}:{}", place_, number_, token.column), std::move(message), std::move(hint));
  }

  Expected<std::int64_t> number(const Token& token, std::int64_t low, std::int64_t high, NumberKind kind = NumberKind::kWhole) const {
    if (!token.has_value) return error(token, fmt::format("'{}' needs a value", token.key), token.key + "=...");
    const auto value = parse_number(token.value, kind);
    if (!value) return error(token, fmt::format("'{}' is no number", token.value), std::string(kind_name(kind)));
    if (*value < low || *value > high) return error(token, fmt::format("{}={} is out of range", token.key, token.value), fmt::format("{} .. {}", low, high));
    return *value;
  }

  void push(Instruction instruction) {
    program_.code.push_back(instruction);
    program_.places.push_back(fmt::format("{}:{}", place_, number_));
  }

  Status error_directive(const std::vector<Token>& tokens) {
    ErrorSpec spec;
    for (std::size_t i = 1; i < tokens.size(); ++i) {
      const Token& t = tokens[i];
      std::int64_t* const field = t.key == "predictions" ? &spec.predictions : t.key == "targets" ? &spec.targets : t.key == "count" ? &spec.count : nullptr;
      if (field == nullptr) return error(t, fmt::format("'{}' is no part of .mse", t.key), ".mse predictions=A targets=B count=N");
      SYSTOLE_ASSIGN(*field, number(t, 0, kMemoryWords));
    }
    if (spec.count < 1 || spec.predictions + spec.count > kMemoryWords || spec.targets + spec.count > kMemoryWords) {
      return error(tokens[0], "names words outside the buffer, or none", "predictions + count and targets + count are at most 128");
    }
    program_.error = spec;
    return ok_status();
  }

  Status control(const std::vector<Token>& tokens, Control which) {
    const ControlInfo& info = control_table()[static_cast<std::size_t>(which)];
    Instruction instruction;
    instruction.kind = Kind::kControl;
    instruction.control = which;
    const std::size_t wanted = info.has_operand ? 2 : 1;
    if (tokens.size() < wanted) return error(tokens[0], fmt::format("{} needs a number", info.name), fmt::format("{} .. {}", info.low, info.high));
    if (tokens.size() > wanted) return error(tokens[wanted], fmt::format("'{}' does not belong to {}", tokens[wanted].key, info.name), "a control word stands alone on its line");
    if (info.has_operand) {
      Token operand = tokens[1];
      operand.value = operand.key;
      operand.has_value = true;
      operand.key = info.name;
      SYSTOLE_ASSIGN(instruction.operand, number(operand, info.low, info.high));
    }
    push(instruction);
    return ok_status();
  }

  // Keys without a value; false: not one of them.
  Expected<bool> flag(const std::vector<Token>& tokens, std::size_t& i, Instruction& instruction) {
    const std::string& key = tokens[i].key;
    if (key == "idle") return true;
    if (key == "wait") instruction.kind = Kind::kWordThenWait;
    else if (key == "switch") instruction.word.switch_weights = true;
    else if (key == "transpose") instruction.word.transpose = true;
    else if (key == "read") {
      if (i + 1 == tokens.size()) return error(tokens[i], "read needs a stream", "read input, weight, bias, target, activation, old_bias or old_weight");
      SYSTOLE_ASSIGN(instruction.word.stream, stream(tokens[++i]));
      instruction.word.read = true;
    } else return false;
    return true;
  }

  Expected<Stream> stream(const Token& token) const {
    std::vector<std::string> names;
    for (int s = 0; s < 8; ++s) {
      names.emplace_back(stream_name(static_cast<Stream>(s)));
      if (!token.has_value && token.key == names.back()) return static_cast<Stream>(s);
    }
    return error(token, fmt::format("'{}' is no stream", token.key), suggest(token.key, names));
  }

  Status word(const std::vector<Token>& tokens) {
    Instruction instruction;
    for (const std::size_t field : {kPathway, kScale, kLeak}) set_field(instruction.word, field, get_field(levels_, field));
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      for (std::size_t before = 0; before < i; ++before) {
        if (tokens[before].key == tokens[i].key) return error(tokens[i], fmt::format("'{}' stands twice", tokens[i].key), "one word has each field once");
      }
      if (!tokens[i].has_value) {
        SYSTOLE_ASSIGN(const bool known, flag(tokens, i, instruction));
        if (known) continue;
      }
      SYSTOLE_TRY(field_of(tokens[i], instruction.word));
    }
    levels_ = instruction.word;
    push(instruction);
    return ok_status();
  }

  Status field_of(const Token& token, Word& word) const {
    const auto fields = word_fields();
    for (int channel = 0; channel < 2; ++channel) {
      if (token.key != (channel == 0 ? "write1" : "write2")) continue;
      word.write_valid[channel] = true;
      SYSTOLE_ASSIGN(const std::int64_t value, number(token, -32768, 32767, NumberKind::kFixed));
      word.write_data[channel] = static_cast<std::int16_t>(value);
      return ok_status();
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (token.key != fields[i].name) continue;
      const std::int64_t high = (std::int64_t{1} << (fields[i].width - fields[i].is_signed)) - 1;
      const NumberKind kind = i == kPathway ? NumberKind::kBinary : fields[i].is_signed ? NumberKind::kFixed : NumberKind::kWhole;
      SYSTOLE_ASSIGN(const std::int64_t value, number(token, fields[i].is_signed ? -high - 1 : 0, high, kind));
      set_field(word, i, value);
      return ok_status();
    }
    std::vector<std::string> names = {"idle", "wait", "read", "write1", "write2"};
    for (const Field& field : fields) names.emplace_back(field.name);
    for (const ControlInfo& info : control_table()) names.emplace_back(info.name);
    return error(token, fmt::format("'{}' is no field of a word", token.key), suggest(token.key, names));
  }

  const std::string& place_;
  std::size_t number_ = 0;
  Program program_;
  Word levels_;
};

std::string word_text(const Instruction& instruction, const Word& levels) {
  const Word& w = instruction.word;
  std::string line;
  const auto add = [&](const std::string& part) { line += (line.empty() ? "" : " ") + part; };
  if (w.switch_weights) add("switch");
  if (w.read) add(fmt::format("read {}", stream_name(w.stream)));
  if (w.transpose) add("transpose");
  const auto fields = word_fields();
  for (std::size_t i = 5; i < fields.size(); ++i) {
    const std::int64_t value = get_field(w, i);
    const bool channel_two = i == 10;
    if (i == kStream) {
      if (!w.read && value != 0) add(fmt::format("stream={}", value));
    } else if (i == 9 || i == 10) {
      if (w.write_valid[channel_two]) add(fmt::format("write{}={}", channel_two + 1, value));
      else if (value != 0) add(fmt::format("data{}={}", channel_two + 1, value));
    } else if (i == kPathway) {
      if (value != get_field(levels, i)) add(fmt::format("pathway={:04b}", value));
    } else if (i == kScale || i == kLeak) {
      if (value != get_field(levels, i)) add(fmt::format("{}={}", fields[i].name, value));
    } else if (value != 0) {
      add(fmt::format("{}={}", fields[i].name, value));
    }
  }
  if (line.empty()) add("idle");
  if (instruction.kind == Kind::kWordThenWait) add("wait");
  return line;
}

}  // namespace

Expected<Program> assemble(const std::string& text, const std::string& place) {
  Assembler assembler(place);
  std::size_t number = 0;
  for (const std::string_view line : lines_of(text)) SYSTOLE_TRY(assembler.line(line, ++number));
  return assembler.finish();
}

std::string disassemble(const Program& program) {
  std::string text;
  if (program.error) text += fmt::format(".mse predictions={} targets={} count={}\n", program.error->predictions, program.error->targets, program.error->count);
  Word levels;
  std::size_t depth = 0;
  for (const Instruction& instruction : program.code) {
    const bool is_control = instruction.kind == Kind::kControl;
    if (is_control && instruction.control == Control::kEnd && depth > 0) --depth;
    text += std::string(2 * depth, ' ');
    if (is_control) {
      const ControlInfo& info = control_table()[static_cast<std::size_t>(instruction.control)];
      text += info.has_operand ? fmt::format("{} {}\n", info.name, instruction.operand) : fmt::format("{}\n", info.name);
      if (instruction.control == Control::kLoop) ++depth;
      continue;
    }
    text += word_text(instruction, levels) + "\n";
    levels = instruction.word;
  }
  return text;
}

Expected<Program> read_hex(const std::string& text, const std::string& place) {
  Program program;
  program.name = place;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(text)) {
    ++number;
    const std::vector<Token> tokens = split(line);
    if (tokens.empty()) continue;
    const std::string where = fmt::format("{}:{}", place, number);
    const std::string& digits = tokens[0].key;
    const bool hex = digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    if (tokens.size() > 1 || tokens[0].has_value || !hex || digits.size() > 24) {
      return invalid_input(where, "is no word", "one word of at most 24 hexadecimal digits stands on a line");
    }
    Bits bits{};
    for (std::size_t i = 0; i < digits.size(); ++i) {
      const char c = digits[digits.size() - 1 - i];
      const int value = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
      bits[i / 8] |= static_cast<std::uint32_t>(value) << (4 * (i % 8));
    }
    auto instruction = decode(bits);
    if (!instruction.ok()) return invalid_input(where, instruction.error().message, instruction.error().hint);
    program.code.push_back(*instruction);
    program.places.push_back(where);
  }
  SYSTOLE_TRY(check_program(program));
  return program;
}

std::string write_hex(const Program& program) {
  std::string text;
  for (const Instruction& instruction : program.code) {
    const Bits bits = encode(instruction);
    text += fmt::format("{:08x}{:08x}{:08x}\n", bits[2], bits[1], bits[0]);
  }
  return text;
}

Expected<Program> load_program(const std::string& path) {
  const bool is_hex = path.ends_with(".hex");
  if (!is_hex && !path.ends_with(".s")) return invalid_input(path, "is no TinyTPU program by its name", "assembly text ends in .s, words in .hex");
  SYSTOLE_ASSIGN(const std::string text, read_text_file(path));
  return is_hex ? read_hex(text, path) : assemble(text, path);
}

}  // namespace systole::tinytpu
