// A program as text. The grammar stands in docs/isa.md; assemble.cpp reads it back.
#include <fmt/format.h>

#include <iterator>

#include "isa/micro_text.h"
#include "isa/program.h"
#include "isa/table.h"
#include "isa/text_line.h"

namespace systole::isa {
namespace {

using Out = fmt::memory_buffer;

template <typename... Args>
void print(Out& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

std::string mask_text(std::uint16_t mask) {
  std::string text;
  for (int unit = 0; unit < kUnits; ++unit) {
    if (mask >> unit & 1) text += (text.empty() ? "" : ",") + unit_name(unit);
  }
  return text;
}

std::string value_text(const FieldInfo& field, std::int64_t value) {
  switch (field.kind) {
    case FieldKind::kAddress: return fmt::format("{:#x}", value);
    case FieldKind::kSpace: return std::string(space_name(value));
    case FieldKind::kType:
      if (value < kDTypes) return std::string(dtype_name(static_cast<DType>(value)));
      break;
    case FieldKind::kNumber:
    case FieldKind::kStrideSet: break;
  }
  return fmt::format("{}", value);
}

void print_instruction(Out& out, const Instruction& instruction, const CoreCode& core, std::size_t index, const Program& program, int depth) {
  const OpcodeInfo& info = info_of(instruction);
  print(out, "{:{}}{}: {}", "", 2 * depth, unit_name(instruction.unit), info.name);
  for (std::size_t i = 0; i < info.fields.size(); ++i) {
    const std::int64_t value = get_field(instruction.body, static_cast<int>(i));
    if (value != info.fields[i].initial) print(out, " {}={}", info.fields[i].name, value_text(info.fields[i], value));
  }
  if (instruction.wait) print(out, " wait={}", mask_text(instruction.wait));
  if (instruction.signal) print(out, " signal={}", mask_text(instruction.signal));
  const std::uint16_t layer = core.layer.empty() ? 0 : core.layer[index];
  if (layer) print(out, " layer={}", layer);
  const bool begins = index < core.layer.size() && layer < program.layers.size() && (index == 0 || core.layer[index - 1] != layer);
  if (begins) print(out, "  ; {}", quote(program.layers[layer].name));
  print(out, "\n");
}

void print_core(Out& out, const Program& program, std::size_t number) {
  const CoreCode& core = program.cores[number];
  const bool unlabelled = core.layer.empty() && !core.code.empty();
  print(out, "\ncore {}{}\n", number, unlabelled ? " layers=none" : "");
  int depth = 1;
  for (std::size_t i = 0; i < core.code.size(); ++i) {
    if (core.code[i].as<End>() && depth > 1) --depth;
    print_instruction(out, core.code[i], core, i, program, depth);
    if (core.code[i].as<Loop>() && depth < kLoopLevels + 1) ++depth;
  }
}

void print_image(Out& out, const Image& image) {
  constexpr std::int64_t kBytesPerLine = 64;
  const std::int64_t bytes = image.bytes.bytes();
  print(out, "\nimage space={} address={:#x} bytes={}\n", space_name(static_cast<int>(image.space)), image.address, bytes);
  constexpr char kDigits[] = "0123456789abcdef";
  for (std::int64_t i = 0; i < bytes; ++i) {
    if (i % kBytesPerLine == 0) print(out, "{}  data ", i == 0 ? "" : "\n");
    const std::uint8_t byte = image.bytes.raw()[i];
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  if (bytes > 0) print(out, "\n");
}

void print_binding(Out& out, const char* kind, const Binding& b) {
  print(out, "{} {} type={} shape={} space={} address={:#x}\n", kind, quote(b.name), dtype_name(b.type), shape_text(b.shape),
        space_name(static_cast<int>(b.space)), b.address);
}

}  // namespace

std::string disassemble(const Program& program) {
  Out out;
  print(out, "; Systole program\nchip {} fingerprint={:#x} format={}\n", quote(program.chip), program.fingerprint, quote(program.format));
  print(out, "memory hbm={} cmem={} vmem={}\n", program.hbm_bytes, program.cmem_bytes, program.vmem_bytes);
  for (const std::string& name : program.host_operators) print(out, "host_operator {}\n", quote(name));
  for (const Binding& b : program.inputs) print_binding(out, "input", b);
  for (const Binding& b : program.outputs) print_binding(out, "output", b);
  for (std::size_t i = 0; i < program.layers.size(); ++i) {
    const Layer& layer = program.layers[i];
    print(out, "layer {} {} kind={} macs={}\n", i, quote(layer.name), quote(layer.kind), layer.macs);
  }
  if (!program.microcode.empty()) print(out, "\n");
  for (std::size_t i = 0; i < program.microcode.size(); ++i) print(out, "micro {}  ; {}\n", micro_text(program.microcode[i]), i);
  for (std::size_t i = 0; i < program.cores.size(); ++i) print_core(out, program, i);
  for (const Image& image : program.images) print_image(out, image);
  return fmt::to_string(out);
}

}  // namespace systole::isa
