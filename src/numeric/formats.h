// Conversions between number formats: one definition each (docs/numerics.md), the same bits on every host.
//
// Rounding is to nearest even. NaN has one bit pattern per format (fp32: 0x7FC00000). Float to integer saturates and
// gives 0 for NaN. Overflow to a float format gives infinity (fp8 E4M3FN, which has none: NaN).
#pragma once

#include <bit>
#include <cstdint>

#include "numeric/dtype.h"

namespace systole {

constexpr std::uint32_t kCanonicalNan = 0x7FC00000u;

float canonical(float x);               // NaN -> the canonical NaN, anything else unchanged
float flush_subnormal(float x);         // a subnormal -> zero of the same sign

std::uint16_t f32_to_bf16(float x);
float bf16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_f16(float x);
float f16_to_f32(std::uint16_t bits);
std::uint8_t f32_to_f8e4m3(float x);
float f8e4m3_to_f32(std::uint8_t bits);
std::uint8_t f32_to_f8e5m2(float x);
float f8e5m2_to_f32(std::uint8_t bits);
float f32_to_tf32(float x);             // 10 fraction bits, kept in an fp32 word

std::int32_t f32_to_i32(float x);       // nearest even, saturating, NaN -> 0
std::int32_t f32_to_i32_truncate(float x);
float i32_to_f32(std::int32_t x);

// Fixed point of 16 bits, `fraction` of them behind the point: products round half up and saturate, sums saturate.
std::int16_t fixed_mul(std::int16_t a, std::int16_t b, int fraction);
std::int16_t fixed_add(std::int16_t a, std::int16_t b);
std::int16_t f32_to_fixed(float x, int fraction);  // nearest even, saturating, NaN -> 0
float fixed_to_f32(std::int16_t x, int fraction);  // exact

// fp32 = hi + mid + lo, each a bf16 (part 0, 1, 2): part i is the bf16 nearest to what the parts before it leave.
std::uint16_t bf16_part(float x, int part);

// One element of any format at `p`, as fp32 / int32, and back. For kPred a non-zero is 1.
float load_as_f32(DType type, const void* p);
void store_from_f32(DType type, void* p, float x);
std::int32_t load_as_i32(DType type, const void* p);
void store_from_i32(DType type, void* p, std::int32_t x);   // saturates to the format's range

// The same for `count` consecutive elements.
void load_lanes_f32(DType type, const void* from, float* to, std::int64_t count);
void store_lanes_f32(DType type, const float* from, void* to, std::int64_t count);
void load_lanes_i32(DType type, const void* from, std::int32_t* to, std::int64_t count);
void store_lanes_i32(DType type, const std::int32_t* from, void* to, std::int64_t count);

}  // namespace systole
