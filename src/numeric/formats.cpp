#include "numeric/formats.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace systole {
namespace {

std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }
float from_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }

// A sign bit, kExponent bits of exponent, kFraction bits of fraction, as a small float's low bits.
template <int kExponent, int kFraction>
struct SmallFloat {
  static constexpr int kBias = (1 << (kExponent - 1)) - 1;
  static constexpr int kMinExponent = 1 - kBias;
  static constexpr std::uint32_t kSign = 1u << (kExponent + kFraction);

  // The magnitude's code, nearest even, as if the exponent were unbounded above. `magnitude`: fp32 bits, finite.
  static std::uint32_t round_magnitude(std::uint32_t magnitude) {
    const int exponent = std::max(static_cast<int>(magnitude >> 23), 1) - 127;
    const std::uint32_t fraction = magnitude & 0x7FFFFFu;
    const std::uint32_t significand = magnitude >> 23 ? fraction | 0x800000u : fraction;
    const int steps_below_normal = std::max(kMinExponent - exponent, 0);
    const int shift = 23 - kFraction + steps_below_normal;
    if (shift > 25) return 0;
    const std::uint32_t odd = (significand >> shift) & 1u;
    const std::uint32_t rounded = (significand + (1u << (shift - 1)) - 1u + odd) >> shift;
    // The significand's leading 1 (also one that rounding carried out) counts itself into the exponent.
    const int base = std::max(exponent, kMinExponent) - kMinExponent;
    return (static_cast<std::uint32_t>(base) << kFraction) + rounded;
  }

  // Value of a finite code.
  static float decode(std::uint32_t code) {
    const std::uint32_t exponent = (code & (kSign - 1)) >> kFraction;
    const std::uint32_t fraction = code & ((1u << kFraction) - 1);
    float magnitude = 0;
    if (exponent == 0) {
      magnitude = static_cast<float>(fraction) * from_bits(static_cast<std::uint32_t>(127 + kMinExponent - kFraction) << 23);
    } else {
      magnitude = from_bits(((exponent + 127u - kBias) << 23) | (fraction << (23 - kFraction)));
    }
    return code & kSign ? -magnitude : magnitude;
  }
};

using Half = SmallFloat<5, 10>;
using E5M2 = SmallFloat<5, 2>;
using E4M3 = SmallFloat<4, 3>;

// The formats with IEEE's infinities and NaNs.
template <typename Format>
std::uint32_t encode_ieee(float x, std::uint32_t infinity, std::uint32_t nan) {
  if (std::isnan(x)) return nan;
  const std::uint32_t sign = bits_of(x) >> 31 ? Format::kSign : 0;
  if (std::isinf(x)) return sign | infinity;
  return sign | std::min(Format::round_magnitude(bits_of(x) & 0x7FFFFFFFu), infinity);
}

template <typename Format>
float decode_ieee(std::uint32_t code, std::uint32_t infinity) {
  const std::uint32_t magnitude = code & (Format::kSign - 1);
  if (magnitude > infinity) return from_bits(kCanonicalNan);
  if (magnitude == infinity) return from_bits(code & Format::kSign ? 0xFF800000u : 0x7F800000u);
  return Format::decode(code);
}

// Nearest even at bit `dropped` of the word, NaN canonical; a carry into the exponent gives the next power or infinity.
std::uint32_t drop_bits(float x, int dropped) {
  if (std::isnan(x)) return kCanonicalNan;
  const std::uint32_t bits = bits_of(x);
  const std::uint32_t rounded = bits + (1u << (dropped - 1)) - 1u + ((bits >> dropped) & 1u);
  return rounded >> dropped << dropped;
}

template <typename Integer>
Integer saturate(double integral) {
  constexpr double kLow = static_cast<double>(std::numeric_limits<Integer>::min());
  constexpr double kHigh = static_cast<double>(std::numeric_limits<Integer>::max());  // 2^63 for int64
  if (std::isnan(integral)) return 0;
  if (integral <= kLow) return std::numeric_limits<Integer>::min();
  if (integral >= kHigh) return std::numeric_limits<Integer>::max();
  return static_cast<Integer>(integral);
}

template <typename T>
T load(const void* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

template <typename T>
void store(void* p, T value) {
  std::memcpy(p, &value, sizeof value);
}

template <typename Integer>
void store_rounded(void* p, float x) {
  store(p, saturate<Integer>(std::nearbyint(static_cast<double>(x))));
}

template <typename Integer>
void store_clamped(void* p, std::int64_t x) {
  constexpr std::int64_t kLow = std::is_signed_v<Integer> ? std::numeric_limits<std::int32_t>::min() : 0;
  constexpr std::int64_t kLowest = sizeof(Integer) < 4 ? std::int64_t{std::numeric_limits<Integer>::min()} : kLow;
  constexpr std::int64_t kHighest = sizeof(Integer) < 4 ? static_cast<std::int64_t>(std::numeric_limits<Integer>::max())
                                                        : std::int64_t{std::numeric_limits<std::int32_t>::max()};
  store(p, static_cast<Integer>(std::clamp(x, kLowest, kHighest)));
}

// The low four bits as two's complement.
std::int32_t int4_value(const void* p) { return static_cast<std::int8_t>(load<std::uint8_t>(p) << 4) >> 4; }

std::int16_t saturate16(std::int32_t x) { return static_cast<std::int16_t>(std::clamp(x, -32768, 32767)); }

}  // namespace

float canonical(float x) { return std::isnan(x) ? from_bits(kCanonicalNan) : x; }

float flush_subnormal(float x) {
  const std::uint32_t bits = bits_of(x);
  return (bits & 0x7F800000u) == 0 ? from_bits(bits & 0x80000000u) : x;
}

std::uint16_t f32_to_bf16(float x) { return static_cast<std::uint16_t>(drop_bits(x, 16) >> 16); }
float bf16_to_f32(std::uint16_t bits) { return canonical(from_bits(static_cast<std::uint32_t>(bits) << 16)); }

std::uint16_t f32_to_f16(float x) { return static_cast<std::uint16_t>(encode_ieee<Half>(x, 0x7C00, 0x7E00)); }
float f16_to_f32(std::uint16_t bits) { return decode_ieee<Half>(bits, 0x7C00); }

std::uint8_t f32_to_f8e5m2(float x) { return static_cast<std::uint8_t>(encode_ieee<E5M2>(x, 0x7C, 0x7E)); }
float f8e5m2_to_f32(std::uint8_t bits) { return decode_ieee<E5M2>(bits, 0x7C); }

std::uint8_t f32_to_f8e4m3(float x) {
  constexpr std::uint32_t kLargest = 0x7E;  // 448; 0x7F is NaN and there is no infinity
  if (!std::isfinite(x)) return 0x7F;
  const std::uint32_t code = E4M3::round_magnitude(bits_of(x) & 0x7FFFFFFFu);
  if (code > kLargest) return 0x7F;
  return static_cast<std::uint8_t>(code | (bits_of(x) >> 31 ? 0x80u : 0u));
}
float f8e4m3_to_f32(std::uint8_t bits) {
  return (bits & 0x7F) == 0x7F ? from_bits(kCanonicalNan) : E4M3::decode(bits);
}

float f32_to_tf32(float x) { return from_bits(drop_bits(x, 13)); }

std::int32_t f32_to_i32(float x) { return saturate<std::int32_t>(std::nearbyint(static_cast<double>(x))); }
std::int32_t f32_to_i32_truncate(float x) { return saturate<std::int32_t>(std::trunc(static_cast<double>(x))); }
float i32_to_f32(std::int32_t x) { return static_cast<float>(x); }

std::int16_t fixed_mul(std::int16_t a, std::int16_t b, int fraction) {
  const std::int32_t product = std::int32_t{a} * std::int32_t{b};
  return saturate16((product + (1 << (fraction - 1))) >> fraction);
}
std::int16_t fixed_add(std::int16_t a, std::int16_t b) { return saturate16(std::int32_t{a} + std::int32_t{b}); }
std::int16_t f32_to_fixed(float x, int fraction) {
  return saturate<std::int16_t>(std::nearbyint(static_cast<double>(x) * static_cast<double>(1 << fraction)));
}
float fixed_to_f32(std::int16_t x, int fraction) { return static_cast<float>(x) / static_cast<float>(1 << fraction); }

std::uint16_t bf16_part(float x, int part) {
  float rest = x;
  for (int i = 0; i < part; ++i) {
    const float piece = bf16_to_f32(f32_to_bf16(rest));
    if (!std::isfinite(piece)) return 0;
    rest -= piece;
  }
  return f32_to_bf16(rest);
}

float load_as_f32(DType type, const void* p) {
  switch (type) {
    case DType::kPred: return load<std::uint8_t>(p) != 0 ? 1.0f : 0.0f;
    case DType::kI4: return static_cast<float>(int4_value(p));
    case DType::kI8: return load<std::int8_t>(p);
    case DType::kI16: return load<std::int16_t>(p);
    case DType::kI32: return static_cast<float>(load<std::int32_t>(p));
    case DType::kI64: return static_cast<float>(load<std::int64_t>(p));
    case DType::kU8: return load<std::uint8_t>(p);
    case DType::kU16: return load<std::uint16_t>(p);
    case DType::kU32: return static_cast<float>(load<std::uint32_t>(p));
    case DType::kU64: return static_cast<float>(load<std::uint64_t>(p));
    case DType::kBF16: return bf16_to_f32(load<std::uint16_t>(p));
    case DType::kF16: return f16_to_f32(load<std::uint16_t>(p));
    case DType::kF8E4M3: return f8e4m3_to_f32(load<std::uint8_t>(p));
    case DType::kF8E5M2: return f8e5m2_to_f32(load<std::uint8_t>(p));
    case DType::kTF32: return f32_to_tf32(load<float>(p));
    case DType::kF32: return canonical(load<float>(p));
    case DType::kF64: return canonical(static_cast<float>(load<double>(p)));
    default:
      return fixed_to_f32(load<std::int16_t>(p), fraction_bits(type));
  }
}

void store_from_f32(DType type, void* p, float x) {
  switch (type) {
    case DType::kPred: return store(p, static_cast<std::uint8_t>(x != 0.0f));
    case DType::kI4: return store(p, static_cast<std::int8_t>(std::clamp(f32_to_i32(x), -8, 7)));
    case DType::kI8: return store_rounded<std::int8_t>(p, x);
    case DType::kI16: return store_rounded<std::int16_t>(p, x);
    case DType::kI32: return store_rounded<std::int32_t>(p, x);
    case DType::kI64: return store_rounded<std::int64_t>(p, x);
    case DType::kU8: return store_rounded<std::uint8_t>(p, x);
    case DType::kU16: return store_rounded<std::uint16_t>(p, x);
    case DType::kU32: return store_rounded<std::uint32_t>(p, x);
    case DType::kU64: return store_rounded<std::uint64_t>(p, x);
    case DType::kBF16: return store(p, f32_to_bf16(x));
    case DType::kF16: return store(p, f32_to_f16(x));
    case DType::kF8E4M3: return store(p, f32_to_f8e4m3(x));
    case DType::kF8E5M2: return store(p, f32_to_f8e5m2(x));
    case DType::kTF32: return store(p, f32_to_tf32(x));
    case DType::kF32: return store(p, canonical(x));
    case DType::kF64: return store(p, std::isnan(x) ? std::bit_cast<double>(0x7FF8000000000000ull) : double{x});
    default:
      return store(p, f32_to_fixed(x, fraction_bits(type)));
  }
}

std::int32_t load_as_i32(DType type, const void* p) {
  constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
  switch (type) {
    case DType::kPred: return load<std::uint8_t>(p) != 0;
    case DType::kI4: return int4_value(p);
    case DType::kI8: return load<std::int8_t>(p);
    case DType::kI16: return load<std::int16_t>(p);
    case DType::kI32: return load<std::int32_t>(p);
    case DType::kI64:
      return static_cast<std::int32_t>(std::clamp<std::int64_t>(load<std::int64_t>(p), -std::int64_t{kMax} - 1, kMax));
    case DType::kU8: return load<std::uint8_t>(p);
    case DType::kU16: return load<std::uint16_t>(p);
    case DType::kU32: return static_cast<std::int32_t>(std::min<std::uint32_t>(load<std::uint32_t>(p), kMax));
    case DType::kU64: return static_cast<std::int32_t>(std::min<std::uint64_t>(load<std::uint64_t>(p), kMax));
    case DType::kF64: return saturate<std::int32_t>(std::nearbyint(load<double>(p)));
    default: return f32_to_i32(load_as_f32(type, p));
  }
}

void store_from_i32(DType type, void* p, std::int32_t x) {
  switch (type) {
    case DType::kPred: return store(p, static_cast<std::uint8_t>(x != 0));
    case DType::kI4: return store(p, static_cast<std::int8_t>(std::clamp(x, -8, 7)));
    case DType::kI8: return store_clamped<std::int8_t>(p, x);
    case DType::kI16: return store_clamped<std::int16_t>(p, x);
    case DType::kI32: return store(p, x);
    case DType::kI64: return store(p, std::int64_t{x});
    case DType::kU8: return store_clamped<std::uint8_t>(p, x);
    case DType::kU16: return store_clamped<std::uint16_t>(p, x);
    case DType::kU32: return store_clamped<std::uint32_t>(p, x);
    case DType::kU64: return store_clamped<std::uint64_t>(p, x);
    case DType::kF64: return store(p, static_cast<double>(x));
    default:
      if (is_fixed(type)) return store(p, saturate16(std::clamp(x, -32768, 32767) * (1 << fraction_bits(type))));
      return store_from_f32(type, p, i32_to_f32(x));
  }
}

}  // namespace systole
