// The instruction table as data: made at run time from the field tuples of instruction.h, for everything that works on all
// instructions alike (encoder, assembler, documentation, the RTL's decode package). No opcode is named here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "isa/instruction.h"
#include "numeric/dtype.h"

namespace systole::isa {

// A word: bit 0 is the lowest bit of element 0.
constexpr int kWordBits = 256;
constexpr int kOpcodeOffset = 0, kOpcodeBits = 8;
constexpr int kUnitOffset = 8, kUnitBits = 4;
constexpr int kWaitOffset = 12, kSignalOffset = 28, kMaskBits = 16;
constexpr int kFieldsOffset = 44;

constexpr int kOpcodes = static_cast<int>(std::variant_size_v<Body>);

// How a field is written in text. kAddress: a field X that comes with X_strides, or a far address.
enum class FieldKind { kNumber, kAddress, kStrideSet, kType, kSpace };

struct FieldInfo {
  std::string_view name;
  int offset = 0;             // first bit in the word
  int bits = 0;
  bool is_signed = false;     // two's complement
  std::int64_t initial = 0;   // value when the assembler's text leaves the field out
  FieldKind kind = FieldKind::kNumber;
  int strides = -1;           // kAddress: position of X_strides among the fields, or -1
  std::string_view doc;

  std::int64_t lowest() const { return is_signed ? -(std::int64_t{1} << (bits - 1)) : 0; }
  std::int64_t highest() const { return (std::int64_t{1} << (is_signed ? bits - 1 : bits)) - 1; }
};

// Which queue an instruction may stand in.
enum class UnitClass { kAny, kScalar, kVector, kDma, kPush, kMatrix };

struct OpcodeInfo {
  int opcode = 0;
  std::string_view name, doc;
  UnitClass unit = UnitClass::kAny;
  std::span<const FieldInfo> fields;
  int used_bits = 0;          // 44 + the widths of the fields
};

// Indexed by opcode.
std::span<const OpcodeInfo> instruction_table();
const OpcodeInfo* find_opcode(std::string_view name);      // nullptr: unknown
const OpcodeInfo& info_of(const Instruction& instruction);

// The instruction of that opcode with every field at its initial value.
Body make_body(int opcode);
std::int64_t get_field(const Body& body, int field);
void set_field(Body& body, int field, std::int64_t value);
// The element types that the instruction names, each in range (check_instruction).
std::vector<DType> types_of(const Instruction& instruction);
// Position of the field, or -1.
int find_field(const OpcodeInfo& opcode, std::string_view name);

// "scalar", "vpu", "dma0" .. "dma3", "push0", "mxu0" .. "push3", "mxu3"; unit14 and unit15 do not exist.
std::string unit_name(int unit);
std::optional<UnitId> parse_unit(std::string_view name);
UnitClass unit_class(int unit);             // kAny for 14 and 15
std::string_view space_name(std::int64_t space);   // "hbm", "cmem", "vmem", "accumulators"

// Calls visit(Field<S>, position) for every field of the instruction struct S.
template <typename S, typename Visit>
constexpr void for_each_field(Visit&& visit) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (visit(std::get<I>(S::fields), static_cast<int>(I)), ...);
  }(std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(S::fields)>>>{});
}

}  // namespace systole::isa
