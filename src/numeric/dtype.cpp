#include "numeric/dtype.h"

#include <array>
#include <cassert>
#include <string>

namespace systole {
namespace {

struct Row {
  DType type;
  std::int64_t bytes;
  std::string_view name;
  std::string_view alias;  // the spelling of the command line and of NumPy
};

constexpr std::array<Row, kDTypes> kRows = {{
    {DType::kPred, 1, "i1", "pred"},
    {DType::kI4, 1, "i4", "int4"},
    {DType::kI8, 1, "i8", "int8"},
    {DType::kI16, 2, "i16", "int16"},
    {DType::kI32, 4, "i32", "int32"},
    {DType::kI64, 8, "i64", "int64"},
    {DType::kU8, 1, "ui8", "uint8"},
    {DType::kU16, 2, "ui16", "uint16"},
    {DType::kU32, 4, "ui32", "uint32"},
    {DType::kU64, 8, "ui64", "uint64"},
    {DType::kBF16, 2, "bf16", "bfloat16"},
    {DType::kF16, 2, "f16", "fp16"},
    {DType::kF8E4M3, 1, "f8E4M3FN", "fp8-e4m3"},
    {DType::kF8E5M2, 1, "f8E5M2", "fp8-e5m2"},
    {DType::kTF32, 4, "tf32", "tensorfloat32"},
    {DType::kF32, 4, "f32", "fp32"},
    {DType::kF64, 8, "f64", "fp64"},
    {DType::kQ8_8, 2, "q8.8", "q88"},
    {DType::kQ14_2, 2, "q14.2", "q14_2"},
    {DType::kQ13_3, 2, "q13.3", "q13_3"},
    {DType::kQ12_4, 2, "q12.4", "q12_4"},
    {DType::kQ11_5, 2, "q11.5", "q11_5"},
    {DType::kQ10_6, 2, "q10.6", "q10_6"},
    {DType::kQ9_7, 2, "q9.7", "q9_7"},
    {DType::kQ15_1, 2, "q15.1", "q15_1"},
    {DType::kQ7_9, 2, "q7.9", "q7_9"},
    {DType::kQ6_10, 2, "q6.10", "q6_10"},
    {DType::kQ5_11, 2, "q5.11", "q5_11"},
    {DType::kQ4_12, 2, "q4.12", "q4_12"},
    {DType::kQ3_13, 2, "q3.13", "q3_13"},
    {DType::kQ2_14, 2, "q2.14", "q2_14"},
    {DType::kQ1_15, 2, "q1.15", "q1_15"},
}};

const Row& row_of(DType type) {
  const auto index = static_cast<std::size_t>(type);
  assert(index < kRows.size() && kRows[index].type == type);
  return kRows[index];
}

}  // namespace

std::int64_t dtype_bytes(DType type) { return row_of(type).bytes; }

std::string_view dtype_name(DType type) { return row_of(type).name; }

Expected<DType> parse_dtype(std::string_view name) {
  std::string known;
  for (const Row& row : kRows) {
    if (name == row.name || name == row.alias) return row.type;
    if (!is_fixed(row.type)) known += std::string(row.name) + ", ";
  }
  return invalid_input("", "unknown element type '" + std::string(name) + "'",
                       "one of " + known + "or fixed point of 16 bits, q1.15 to q15.1 (q8.8)");
}

}  // namespace systole
