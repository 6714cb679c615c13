#include "isa/table.h"

#include <fmt/format.h>

#include <array>
#include <cassert>
#include <vector>

namespace systole::isa {
namespace {

template <typename S>
constexpr UnitClass kClass = UnitClass::kScalar;
template <> constexpr UnitClass kClass<Nop> = UnitClass::kAny;
template <> constexpr UnitClass kClass<Load> = UnitClass::kDma;
template <> constexpr UnitClass kClass<Store> = UnitClass::kDma;
template <> constexpr UnitClass kClass<Gather> = UnitClass::kDma;
template <> constexpr UnitClass kClass<Push> = UnitClass::kPush;
template <> constexpr UnitClass kClass<Pad> = UnitClass::kMatrix;
template <> constexpr UnitClass kClass<Matmul> = UnitClass::kMatrix;
template <> constexpr UnitClass kClass<Bind> = UnitClass::kVector;
template <> constexpr UnitClass kClass<Window> = UnitClass::kVector;
template <> constexpr UnitClass kClass<Run> = UnitClass::kVector;

constexpr std::string_view kStridesSuffix = "_strides";

FieldKind kind_of(std::string_view name) {
  if (name.ends_with(kStridesSuffix)) return FieldKind::kStrideSet;
  if (name == "type" || name == "format") return FieldKind::kType;
  if (name == "space" || name.ends_with("_space")) return FieldKind::kSpace;
  return name == "far" ? FieldKind::kAddress : FieldKind::kNumber;
}

void pair_strides(std::vector<FieldInfo>& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    for (FieldInfo& address : fields) {
      if (fields[i].name != std::string(address.name) + std::string(kStridesSuffix)) continue;
      address.kind = FieldKind::kAddress;
      address.strides = static_cast<int>(i);
    }
  }
}

template <typename S>
std::vector<FieldInfo> fields_of() {
  std::vector<FieldInfo> fields;
  int offset = kFieldsOffset;
  for_each_field<S>([&](const Field<S>& f, int) {
    fields.push_back({f.name, offset, f.bits, f.is_signed, S{}.*f.member, kind_of(f.name), -1, f.doc});
    offset += f.bits;
  });
  pair_strides(fields);
  return fields;
}

struct Table {
  std::array<std::vector<FieldInfo>, kOpcodes> fields;
  std::array<OpcodeInfo, kOpcodes> opcodes;
};

template <typename S>
void add_row(Table& table, int opcode) {
  auto& fields = table.fields[opcode];
  fields = fields_of<S>();
  const int end = fields.empty() ? kFieldsOffset : fields.back().offset + fields.back().bits;
  assert(end <= kWordBits);
  table.opcodes[opcode] = {opcode, S::kName, S::kDoc, kClass<S>, fields, end};
}

const Table& table() {
  static const Table instance = [] {
    Table t;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (add_row<std::variant_alternative_t<I, Body>>(t, static_cast<int>(I)), ...);
    }(std::make_index_sequence<kOpcodes>{});
    return t;
  }();
  return instance;
}

}  // namespace

std::span<const OpcodeInfo> instruction_table() { return table().opcodes; }

const OpcodeInfo* find_opcode(std::string_view name) {
  for (const OpcodeInfo& row : table().opcodes) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

const OpcodeInfo& info_of(const Instruction& instruction) { return table().opcodes[instruction.body.index()]; }

Body make_body(int opcode) {
  assert(opcode >= 0 && opcode < kOpcodes);
  Body body;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((static_cast<int>(I) == opcode ? static_cast<void>(body.emplace<I>()) : void()), ...);
  }(std::make_index_sequence<kOpcodes>{});
  return body;
}

std::int64_t get_field(const Body& body, int field) {
  return std::visit([&]<typename S>(const S& s) {
    std::int64_t value = 0;
    for_each_field<S>([&](const Field<S>& f, int i) { if (i == field) value = s.*f.member; });
    return value;
  }, body);
}

void set_field(Body& body, int field, std::int64_t value) {
  std::visit([&]<typename S>(S& s) {
    for_each_field<S>([&](const Field<S>& f, int i) { if (i == field) s.*f.member = value; });
  }, body);
}

std::vector<DType> types_of(const Instruction& instruction) {
  const OpcodeInfo& info = info_of(instruction);
  std::vector<DType> types;
  for (std::size_t i = 0; i < info.fields.size(); ++i) {
    if (info.fields[i].kind == FieldKind::kType)
      types.push_back(static_cast<DType>(get_field(instruction.body, static_cast<int>(i))));
  }
  return types;
}

int find_field(const OpcodeInfo& opcode, std::string_view name) {
  for (std::size_t i = 0; i < opcode.fields.size(); ++i) {
    if (opcode.fields[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

std::string unit_name(int unit) {
  if (unit == kScalar) return "scalar";
  if (unit == kVector) return "vpu";
  if (unit < push_unit(0)) return fmt::format("dma{}", unit - dma_unit(0));
  if (unit >= push_unit(kMaxArrays)) return fmt::format("unit{}", unit);
  const int array = (unit - push_unit(0)) / 2;
  return fmt::format("{}{}", unit == push_unit(array) ? "push" : "mxu", array);
}

std::optional<UnitId> parse_unit(std::string_view name) {
  for (int unit = 0; unit < kUnits; ++unit) {
    if (unit_name(unit) == name && unit_class(unit) != UnitClass::kAny) return static_cast<UnitId>(unit);
  }
  return std::nullopt;
}

UnitClass unit_class(int unit) {
  if (unit == kScalar) return UnitClass::kScalar;
  if (unit == kVector) return UnitClass::kVector;
  if (unit < push_unit(0)) return UnitClass::kDma;
  if (unit >= push_unit(kMaxArrays)) return UnitClass::kAny;
  return (unit - push_unit(0)) % 2 == 0 ? UnitClass::kPush : UnitClass::kMatrix;
}

std::string_view space_name(std::int64_t space) {
  constexpr std::array<std::string_view, 4> kNames = {"hbm", "cmem", "vmem", "accumulators"};
  assert(space >= 0 && space < 4);
  return kNames[static_cast<std::size_t>(space)];
}

}  // namespace systole::isa
