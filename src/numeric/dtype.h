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
  kQ8_8,             // signed fixed point, 8 fraction bits, 16 bits in all (TinyTPU's format)
};

// Bytes of one element in memory (kI4: 1, one element a byte; kTF32: 4).
std::int64_t dtype_bytes(DType type);
// StableHLO's element type name: "i1", "i8", "ui8", "bf16", "f32", "f8E4M3FN", "f8E5M2", "tf32", "q8.8", ...
std::string_view dtype_name(DType type);
Expected<DType> parse_dtype(std::string_view name);

constexpr bool is_float(DType t) { return t >= DType::kBF16 && t <= DType::kF64; }
// The vector unit holds it as fp32: floats and Q8.8; everything else is int32 there.
constexpr bool is_real(DType t) { return is_float(t) || t == DType::kQ8_8; }
constexpr bool is_unsigned(DType t) { return t == DType::kPred || (t >= DType::kU8 && t <= DType::kU64); }
constexpr bool is_integer(DType t) { return t >= DType::kI4 && t <= DType::kU64; }

}  // namespace systole
