// Conversions of whole runs of elements: the loops that matter for speed are written so that compilers vectorise them;
// the others go element by element.
#include <array>
#include <cstring>
#include <limits>

#include "numeric/formats.h"

namespace systole {
namespace {

template <typename From, typename To>
void widen(const void* from, To* to, std::int64_t count) {
  const auto* source = static_cast<const From*>(from);
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(source[i]);
}

std::uint32_t canonical_word(std::uint32_t bits) { return (bits & 0x7FFFFFFFu) > 0x7F800000u ? kCanonicalNan : bits; }

void load_bf16(const void* from, float* to, std::int64_t count) {
  const auto* source = static_cast<const std::uint16_t*>(from);
  for (std::int64_t i = 0; i < count; ++i) to[i] = std::bit_cast<float>(canonical_word(static_cast<std::uint32_t>(source[i]) << 16));
}

void load_f32(const void* from, float* to, std::int64_t count) {
  const auto* source = static_cast<const std::uint32_t*>(from);
  for (std::int64_t i = 0; i < count; ++i) to[i] = std::bit_cast<float>(canonical_word(source[i]));
}

// The exponent and fraction moved into place are the value times 2^-112; the product is exact, subnormals too.
void load_f16(const void* from, float* to, std::int64_t count) {
  const auto* source = static_cast<const std::uint16_t*>(from);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t bits = source[i];
    const std::uint32_t magnitude = bits & 0x7FFFu;
    const float finite = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
    const std::uint32_t special = magnitude > 0x7C00u ? kCanonicalNan : 0x7F800000u | (bits & 0x8000u) << 16;
    const std::uint32_t ordinary = std::bit_cast<std::uint32_t>(finite) | (bits & 0x8000u) << 16;
    to[i] = std::bit_cast<float>(magnitude >= 0x7C00u ? special : ordinary);
  }
}

using ByteTable = std::array<float, 256>;

ByteTable make_table(float (*decode)(std::uint8_t)) {
  ByteTable table;
  for (int code = 0; code < 256; ++code) table[static_cast<std::size_t>(code)] = decode(static_cast<std::uint8_t>(code));
  return table;
}

void load_by_table(const ByteTable& table, const void* from, float* to, std::int64_t count) {
  const auto* source = static_cast<const std::uint8_t*>(from);
  for (std::int64_t i = 0; i < count; ++i) to[i] = table[source[i]];
}

void store_bf16(const float* from, void* to, std::int64_t count) {
  auto* out = static_cast<std::uint16_t*>(to);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t bits = canonical_word(std::bit_cast<std::uint32_t>(from[i]));
    const std::uint32_t rounded = bits + 0x7FFFu + ((bits >> 16) & 1u);
    out[i] = static_cast<std::uint16_t>(rounded >> 16);
  }
}

// Integers below 2^22: bounds first (they are integral), then adding 1.5 * 2^23 leaves the nearest integer, ties to
// even, in the low bits.
template <typename Integer>
void store_small(const float* from, void* to, std::int64_t count, float low, float high) {
  auto* out = static_cast<Integer*>(to);
  constexpr float kAnchor = 0x1.8p23f;
  for (std::int64_t i = 0; i < count; ++i) {
    const float x = from[i] == from[i] ? from[i] : 0.0f;
    const float above = x > low ? x : low;
    const float bounded = above < high ? above : high;
    const std::int32_t word = std::bit_cast<std::int32_t>(bounded + kAnchor) - std::bit_cast<std::int32_t>(kAnchor);
    out[i] = static_cast<Integer>(word);
  }
}

template <typename Integer>
void store_clamped(const std::int32_t* from, void* to, std::int64_t count, std::int32_t low, std::int32_t high) {
  auto* out = static_cast<Integer*>(to);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t above = from[i] > low ? from[i] : low;
    out[i] = static_cast<Integer>(above < high ? above : high);
  }
}

}  // namespace

void load_lanes_f32(DType type, const void* from, float* to, std::int64_t count) {
  static const ByteTable kE4M3 = make_table(f8e4m3_to_f32);
  static const ByteTable kE5M2 = make_table(f8e5m2_to_f32);
  switch (type) {
    case DType::kI8: return widen<std::int8_t>(from, to, count);
    case DType::kU8: return widen<std::uint8_t>(from, to, count);
    case DType::kI16: return widen<std::int16_t>(from, to, count);
    case DType::kU16: return widen<std::uint16_t>(from, to, count);
    case DType::kI32: return widen<std::int32_t>(from, to, count);
    case DType::kBF16: return load_bf16(from, to, count);
    case DType::kF16: return load_f16(from, to, count);
    case DType::kF32: return load_f32(from, to, count);
    case DType::kF8E4M3: return load_by_table(kE4M3, from, to, count);
    case DType::kF8E5M2: return load_by_table(kE5M2, from, to, count);
    default: break;
  }
  const auto* bytes = static_cast<const std::uint8_t*>(from);
  for (std::int64_t i = 0; i < count; ++i) to[i] = load_as_f32(type, bytes + i * dtype_bytes(type));
}

void store_lanes_f32(DType type, const float* from, void* to, std::int64_t count) {
  switch (type) {
    case DType::kI4: return store_small<std::int8_t>(from, to, count, -8, 7);
    case DType::kI8: return store_small<std::int8_t>(from, to, count, -128, 127);
    case DType::kU8: return store_small<std::uint8_t>(from, to, count, 0, 255);
    case DType::kI16: return store_small<std::int16_t>(from, to, count, -32768, 32767);
    case DType::kU16: return store_small<std::uint16_t>(from, to, count, 0, 65535);
    case DType::kBF16: return store_bf16(from, to, count);
    case DType::kF32: return load_f32(from, static_cast<float*>(to), count);
    default: break;
  }
  auto* bytes = static_cast<std::uint8_t*>(to);
  for (std::int64_t i = 0; i < count; ++i) store_from_f32(type, bytes + i * dtype_bytes(type), from[i]);
}

void load_lanes_i32(DType type, const void* from, std::int32_t* to, std::int64_t count) {
  switch (type) {
    case DType::kI8: return widen<std::int8_t>(from, to, count);
    case DType::kU8: return widen<std::uint8_t>(from, to, count);
    case DType::kI16: return widen<std::int16_t>(from, to, count);
    case DType::kU16: return widen<std::uint16_t>(from, to, count);
    case DType::kI32: return widen<std::int32_t>(from, to, count);
    default: break;
  }
  const auto* bytes = static_cast<const std::uint8_t*>(from);
  for (std::int64_t i = 0; i < count; ++i) to[i] = load_as_i32(type, bytes + i * dtype_bytes(type));
}

void store_lanes_i32(DType type, const std::int32_t* from, void* to, std::int64_t count) {
  switch (type) {
    case DType::kI4: return store_clamped<std::int8_t>(from, to, count, -8, 7);
    case DType::kI8: return store_clamped<std::int8_t>(from, to, count, -128, 127);
    case DType::kU8: return store_clamped<std::uint8_t>(from, to, count, 0, 255);
    case DType::kI16: return store_clamped<std::int16_t>(from, to, count, -32768, 32767);
    case DType::kU16: return store_clamped<std::uint16_t>(from, to, count, 0, 65535);
    case DType::kI32: return widen<std::int32_t>(from, static_cast<std::int32_t*>(to), count);
    default: break;
  }
  auto* bytes = static_cast<std::uint8_t*>(to);
  for (std::int64_t i = 0; i < count; ++i) store_from_i32(type, bytes + i * dtype_bytes(type), from[i]);
}

}  // namespace systole
