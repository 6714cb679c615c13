#include "numeric/tile_pack.h"

#include <bit>
#include <cstring>

#include "numeric/formats.h"

namespace systole {
namespace {

bool fits_bf16(DType t) { return t == DType::kBF16 || t == DType::kF8E4M3 || t == DType::kF8E5M2; }
bool fits_byte(DType t) { return t == DType::kI4 || t == DType::kI8 || t == DType::kU8 || t == DType::kPred; }
bool fits_i16(DType t) { return fits_byte(t) || t == DType::kI16; }
bool is_signed_byte(DType t) { return t == DType::kI4 || t == DType::kI8; }

// Intel's server cores start a bf16 dot every second cycle and two fp32 fused multiply-adds every cycle, so fp32 is the
// faster of two exact ways (bench/numeric: 190 against 103 GFLOP/s on Sapphire Rapids); AMD's start a dot every cycle.
bool host_prefers_bf16_dot() {
#if defined(__x86_64__)
  return __builtin_cpu_is("amd") != 0;
#else
  return false;
#endif
}

std::uint16_t as_bf16(DType type, const void* p) {
  std::uint16_t bits;
  if (type != DType::kBF16) return f32_to_bf16(load_as_f32(type, p));
  std::memcpy(&bits, p, sizeof bits);
  return bits;
}

void pack_bf16_pairs(DType type, const void* row, std::int64_t k, std::uint32_t* words) {
  const auto* bytes = static_cast<const std::uint8_t*>(row);
  const std::int64_t pairs = k / 2;
  if (type == DType::kBF16) {
    std::memcpy(words, row, static_cast<std::size_t>(pairs) * 4);
    for (std::int64_t i = 0; i < pairs; ++i) words[i] = std::rotl(words[i], 16);
  } else {
    for (std::int64_t i = 0; i < pairs; ++i) {
      words[i] = static_cast<std::uint32_t>(as_bf16(type, bytes + 2 * i)) << 16 | as_bf16(type, bytes + 2 * i + 1);
    }
  }
  if (k % 2 != 0) {
    const std::uint32_t last = as_bf16(type, bytes + (k - 1) * dtype_bytes(type));
    words[pairs] = last << 16 | 0x8000u;
  }
}

void pack_floats(DType type, const void* row, std::int64_t k, std::uint32_t* words) {
  if (type == DType::kBF16) {
    const auto* from = static_cast<const std::uint16_t*>(row);
    for (std::int64_t i = 0; i < k; ++i) words[i] = static_cast<std::uint32_t>(from[i]) << 16;
  } else if (type == DType::kF32) {
    std::memcpy(words, row, static_cast<std::size_t>(k) * 4);
  } else {
    load_lanes_f32(type, row, reinterpret_cast<float*>(words), k);
  }
}

void pack_bytes(DType type, const void* row, std::int64_t k, std::uint32_t* words) {
  words[(k - 1) / 4] = 0;
  if (type == DType::kI4) {
    const auto* from = static_cast<const std::uint8_t*>(row);
    auto* to = reinterpret_cast<std::uint8_t*>(words);
    for (std::int64_t i = 0; i < k; ++i) to[i] = static_cast<std::uint8_t>(load_as_i32(type, from + i) + 128);
    return;
  }
  std::memcpy(words, row, static_cast<std::size_t>(k));
  if (type != DType::kI8) return;
  for (std::int64_t i = 0; i < k / 4; ++i) words[i] ^= 0x80808080u;
  for (std::int64_t i = k / 4 * 4; i < k; ++i) words[i / 4] ^= 0x80u << (i % 4 * 8);
}

}  // namespace

std::int64_t group_size(OperandForm form) {
  switch (form) {
    case OperandForm::kI8x4: return 4;
    case OperandForm::kBF16x2:
    case OperandForm::kI16x2: return 2;
    case OperandForm::kF32:
    case OperandForm::kI32:
    case OperandForm::kFixed:
      return 1;
  }
  return 1;
}

std::vector<OperandForm> exact_forms(const TileFormat& format) {
  const auto both = [&](bool (*fits)(DType)) { return fits(format.activation) && fits(format.weight); };
  if (is_fixed(format.activation)) return {OperandForm::kFixed};
  if (both(fits_bf16)) {
    if (host_prefers_bf16_dot()) return {OperandForm::kBF16x2, OperandForm::kF32};
    return {OperandForm::kF32, OperandForm::kBF16x2};
  }
  if (is_float(format.activation)) return {OperandForm::kF32};
  if (both(fits_byte)) return {OperandForm::kI8x4, OperandForm::kI16x2};
  if (both(fits_i16)) return {OperandForm::kI16x2};
  return {OperandForm::kI32};
}

std::uint32_t activation_offset(OperandForm form, DType activation) {
  return form == OperandForm::kI8x4 && is_signed_byte(activation) ? 128 : 0;
}

std::uint32_t weight_offset(OperandForm form, DType weight) {
  return form == OperandForm::kI8x4 && !is_signed_byte(weight) ? 128 : 0;
}

void pack_activations(OperandForm form, DType type, const void* row, std::int64_t k, std::uint32_t* words) {
  if (k == 0) return;
  const auto* bytes = static_cast<const std::uint8_t*>(row);
  const std::int64_t size = dtype_bytes(type);
  switch (form) {
    case OperandForm::kBF16x2: return pack_bf16_pairs(type, row, k, words);
    case OperandForm::kF32: return pack_floats(type, row, k, words);
    case OperandForm::kI8x4: return pack_bytes(type, row, k, words);
    case OperandForm::kI16x2: {
      if (type == DType::kI16) {
        words[(k - 1) / 2] = 0;
        std::memcpy(words, row, static_cast<std::size_t>(k) * 2);
        return;
      }
      const auto value = [&](std::int64_t i) { return static_cast<std::uint32_t>(load_as_i32(type, bytes + i * size)) & 0xFFFFu; };
      for (std::int64_t i = 0; i < k; i += 2) words[i / 2] = value(i) | (i + 1 < k ? value(i + 1) << 16 : 0u);
      return;
    }
    case OperandForm::kI32: return load_lanes_i32(type, row, reinterpret_cast<std::int32_t*>(words), k);
    case OperandForm::kFixed: {
      const auto* from = static_cast<const std::int16_t*>(row);
      for (std::int64_t i = 0; i < k; ++i) words[i] = static_cast<std::uint32_t>(std::int32_t{from[i]});
      return;
    }
  }
}

void pack_weights(OperandForm form, DType type, const void* elements, std::int64_t count, std::int64_t row,
                  std::uint32_t* words) {
  if (form == OperandForm::kF32) return pack_floats(type, elements, count, words);
  std::int32_t values[kBlockColumns];
  std::uint32_t mask = 0xFFFFFFFFu;
  std::int64_t shift = 0;
  if (form == OperandForm::kBF16x2) {
    float floats[kBlockColumns];
    load_lanes_f32(type, elements, floats, count);
    for (std::int64_t j = 0; j < count; ++j) values[j] = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(floats[j]) >> 16);
    shift = row % 2 == 0 ? 16 : 0;
  } else {
    const DType integer = form == OperandForm::kFixed ? DType::kI16 : type;
    load_lanes_i32(integer, elements, values, count);
    const std::int64_t group = group_size(form);
    mask >>= 32 - 32 / group;
    shift = row % group * (32 / group);
  }
  const std::uint32_t offset = weight_offset(form, type);
  for (std::int64_t j = 0; j < count; ++j) words[j] |= ((static_cast<std::uint32_t>(values[j]) - offset) & mask) << shift;
}

}  // namespace systole
