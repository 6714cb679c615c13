// What one instruction may say, whatever stands around it: field widths, and the ranges that give the machine a meaning.
#include <fmt/format.h>

#include "isa/program.h"
#include "isa/table.h"

namespace systole::isa {
namespace {

class Rules {
 public:
  explicit Rules(const Instruction& instruction) : name_(info_of(instruction).name) {}

  void range(std::string_view field, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value >= low && value <= high) return;
    fail(field, fmt::format("{} is outside {} .. {}", value, low, high));
  }
  void at_least(std::string_view field, std::int64_t value, std::int64_t low) {
    if (value < low) fail(field, fmt::format("{} is below {}", value, low));
  }
  void require(bool condition, std::string_view field, std::string message, std::string hint = {}) {
    if (!condition) fail(field, std::move(message), std::move(hint));
  }
  void type(std::string_view field, std::int64_t value) { range(field, value, 0, kDTypes - 1); }
  // `part` picks a bf16 part of an fp32 element.
  void part(std::int64_t part, std::int64_t format) {
    range("part", part, 0, 3);
    require(part == 0 || format == static_cast<std::int64_t>(DType::kBF16), "part", "a part needs format bf16");
  }
  void far_space(std::int64_t value) { range("far_space", value, 0, 1); }
  void local_space(std::string_view field, std::int64_t value) { range(field, value, 2, 3); }

  Status status() const { return failed_ ? Status(error_) : ok_status(); }

 private:
  void fail(std::string_view field, std::string message, std::string hint = {}) {
    if (failed_) return;
    failed_ = true;
    error_ = invalid_input(fmt::format("{}.{}", name_, field), std::move(message), std::move(hint));
  }
  std::string_view name_;
  bool failed_ = false;
  Error error_;
};

void check(Rules& rules, const Loop& i) { rules.at_least("count", i.count, 1); }
void check(Rules& rules, const Strides& i) {
  rules.require(i.set != 0, "set", "0 cannot be written: set 0 is all zero", "sets 1 .. 31");
}
template <typename S>
void check_box(Rules& rules, const S& i) {
  rules.far_space(i.far_space);
  rules.at_least("bytes", i.bytes, 1);
  rules.at_least("rows", i.rows, 1);
  rules.at_least("planes", i.planes, 1);
}
void check(Rules& rules, const Load& i) { check_box(rules, i); }
void check(Rules& rules, const Store& i) {
  check_box(rules, i);
  rules.local_space("local_space", i.local_space);
}
void check(Rules& rules, const Gather& i) {
  rules.far_space(i.far_space);
  rules.at_least("bytes", i.bytes, 1);
  rules.at_least("count", i.count, 1);
  rules.at_least("limit", i.limit, 1);
}
void check(Rules& rules, const Push& i) {
  rules.at_least("rows", i.rows, 1);
  rules.at_least("columns", i.columns, 1);
  rules.type("type", i.type);
  rules.type("format", i.format);
  rules.part(i.part, i.format);
  rules.require(i.part == 0 || i.type == static_cast<std::int64_t>(DType::kF32), "part", "a part needs type f32");
}
void check(Rules& rules, const Pad& i) {
  rules.type("type", i.type);
  if (i.type >= kDTypes) return;
  const std::int64_t bytes = dtype_bytes(static_cast<DType>(i.type));
  rules.require(bytes <= 2 || i.value == 0, "value", "a type wider than 16 bits pads with zero only");
  rules.require(bytes != 1 || i.value <= 0xFF, "value", "wider than the one byte of the type");
}
void check(Rules& rules, const Matmul& i) {
  rules.at_least("images", i.images, 1);
  rules.at_least("out_rows", i.out_rows, 1);
  rules.at_least("out_columns", i.out_columns, 1);
  rules.at_least("length", i.length, 1);
  rules.at_least("columns", i.columns, 1);
  rules.type("format", i.format);
  rules.part(i.part, i.format);
}
void check(Rules& rules, const Bind& i) {
  rules.local_space("space", i.space);
  rules.type("type", i.type);
}
void check(Rules& rules, const Window& i) {
  rules.range("row_dim", i.row_dim, 0, kVectorDims - 1);
  rules.range("column_dim", i.column_dim, 0, kVectorDims - 1);
}
void check(Rules& rules, const Run& i) {
  rules.require(i.mode <= 6 || (i.mode >= 9 && i.mode <= 14), "mode", fmt::format("{} is no mode", i.mode),
                "0 map; 1 .. 6 fp32 add, multiply, maximum, minimum, and, or; + 8 for int32");
  const std::pair<std::string_view, std::int64_t> counts[] = {{"d0", i.d0}, {"d1", i.d1}, {"d2", i.d2}, {"d3", i.d3},
                                                              {"d4", i.d4}, {"w0", i.w0}, {"w1", i.w1}};
  for (const auto& [name, count] : counts) rules.at_least(name, count, 1);
}
template <typename S>
void check(Rules&, const S&) {}

Status check_widths(const Instruction& instruction) {
  const OpcodeInfo& info = info_of(instruction);
  for (std::size_t i = 0; i < info.fields.size(); ++i) {
    const FieldInfo& f = info.fields[i];
    const std::int64_t value = get_field(instruction.body, static_cast<int>(i));
    if (value >= f.lowest() && value <= f.highest()) continue;
    return invalid_input(fmt::format("{}.{}", info.name, f.name),
                         fmt::format("{} does not fit in {} {} bits", value, f.bits, f.is_signed ? "signed" : "unsigned"),
                         fmt::format("{} .. {}", f.lowest(), f.highest()));
  }
  return ok_status();
}

std::string_view queue_text(UnitClass c) {
  switch (c) {
    case UnitClass::kScalar: return "scalar";
    case UnitClass::kVector: return "vpu";
    case UnitClass::kDma: return "dma0 .. dma3";
    case UnitClass::kPush: return "push0 .. push3";
    case UnitClass::kMatrix: return "mxu0 .. mxu3";
    case UnitClass::kAny: break;
  }
  return "any unit";
}

Status check_unit(const Instruction& instruction) {
  const OpcodeInfo& info = info_of(instruction);
  const std::string place = fmt::format("{}.unit", info.name);
  if (instruction.unit >= push_unit(kMaxArrays)) return invalid_input(place, fmt::format("unit {} does not exist", instruction.unit));
  const UnitClass have = unit_class(instruction.unit);
  if (info.unit != UnitClass::kAny && info.unit != have) {
    return invalid_input(place, fmt::format("{} does not run {}", unit_name(instruction.unit), info.name),
                         fmt::format("it runs on {}", queue_text(info.unit)));
  }
  constexpr std::uint16_t kMissing = 0xC000;   // units 14 and 15
  if (instruction.wait & kMissing) return invalid_input(fmt::format("{}.wait", info.name), "names unit 14 or 15, which do not exist");
  if (instruction.signal & kMissing) return invalid_input(fmt::format("{}.signal", info.name), "names unit 14 or 15, which do not exist");
  if (have == UnitClass::kScalar && instruction.signal != 0) {
    return invalid_input(fmt::format("{}.signal", info.name), "the sequencer gives no tokens",
                         "a word that it fetches later is after it already");
  }
  return ok_status();
}

}  // namespace

Status check_instruction(const Instruction& instruction) {
  SYSTOLE_TRY(check_widths(instruction));
  SYSTOLE_TRY(check_unit(instruction));
  Rules rules(instruction);
  std::visit([&](const auto& body) { check(rules, body); }, instruction.body);
  return rules.status();
}

}  // namespace systole::isa
