// The number formats that a tensor element can have.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/expected.h"

namespace systole {

enum class DType : std::uint8_t {
  kPred,             // 0 or 1, one byte
  kI4, kI8, kI16, kI32, kI64,
  kU8, kU16, kU32, kU64,
  kBF16, kF16, kF8E4M3, kF8E5M2, kTF32, kF32, kF64,
  // Qm.n: signed fixed point of m + n = 16 bits, n of them behind the point. In the order of n, but for Q8.8 (TinyTPU's), which came
  // first and stands in the place of Q15.1.
  kQ8_8, kQ14_2, kQ13_3, kQ12_4, kQ11_5, kQ10_6, kQ9_7, kQ15_1, kQ7_9, kQ6_10, kQ5_11, kQ4_12, kQ3_13, kQ2_14, kQ1_15,
};
constexpr int kDTypes = static_cast<int>(DType::kQ1_15) + 1;

// Bytes of one element in memory (kI4: 1, one element a byte; kTF32: 4).
std::int64_t dtype_bytes(DType type);
// StableHLO's element type name: "i1", "i8", "ui8", "bf16", "f32", "f8E4M3FN", "f8E5M2", "tf32", "q8.8", "q4.12", ...
std::string_view dtype_name(DType type);
Expected<DType> parse_dtype(std::string_view name);

constexpr bool is_float(DType t) { return t >= DType::kBF16 && t <= DType::kF64; }
constexpr bool is_fixed(DType t) { return t >= DType::kQ8_8 && t <= DType::kQ1_15; }
// The vector unit holds it as fp32: floats and fixed point; everything else is int32 there.
constexpr bool is_real(DType t) { return is_float(t) || is_fixed(t); }
constexpr bool is_unsigned(DType t) { return t == DType::kPred || (t >= DType::kU8 && t <= DType::kU64); }
constexpr bool is_integer(DType t) { return t >= DType::kI4 && t <= DType::kU64; }

constexpr int kFixedBits = 16;
// The n of a Qm.n.
constexpr int fraction_bits(DType t) {
  const int n = static_cast<int>(t) - static_cast<int>(DType::kF64);
  return n == 1 ? 8 : n == 8 ? 1 : n;
}
// The Qm.n with `fraction` fraction bits, 1 .. 15.
constexpr DType fixed_type(int fraction) {
  const int n = fraction == 8 ? 1 : fraction == 1 ? 8 : fraction;
  return static_cast<DType>(static_cast<int>(DType::kF64) + n);
}

}  // namespace systole
