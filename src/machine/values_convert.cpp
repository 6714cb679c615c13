#include "machine/values_convert.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "numeric/formats.h"

namespace systole::machine {
namespace {

constexpr std::int64_t kBlock = 256;

// f32_to_bf16 without a branch, for the host's vector instructions: nearest even, NaN canonical.
std::uint32_t bf16_bits(std::uint32_t u) {
  const std::uint32_t rounded = (u + 0x7FFFu + ((u >> 16) & 1u)) >> 16;
  return (u & 0x7FFFFFFFu) > 0x7F800000u ? 0x7FC0u : rounded;
}

// What a part leaves; a part that is not finite leaves nothing.
std::uint32_t rest_after(std::uint32_t u) {
  const std::uint32_t piece = bf16_bits(u) << 16;
  const float rest = std::bit_cast<float>(u) - std::bit_cast<float>(piece);
  return (piece & 0x7F800000u) == 0x7F800000u ? 0u : std::bit_cast<std::uint32_t>(rest);
}

void f32_to_bf16_parts(const std::uint8_t* from, std::uint8_t* to, std::int64_t count, std::int64_t part) {
  std::uint32_t words[kBlock];
  std::uint16_t halves[kBlock];
  for (std::int64_t i = 0; i < count; i += kBlock) {
    const std::int64_t n = std::min(kBlock, count - i);
    std::memcpy(words, from + i * 4, static_cast<std::size_t>(n * 4));
    for (std::int64_t p = 1; p < part; ++p) std::transform(words, words + n, words, rest_after);
    std::transform(words, words + n, halves, [](std::uint32_t word) { return static_cast<std::uint16_t>(bf16_bits(word)); });
    std::memcpy(to + i * 2, halves, static_cast<std::size_t>(n * 2));
  }
}

}  // namespace

void convert_edge(const EdgeFormat& edge, const std::uint8_t* from, std::uint8_t* to, std::int64_t count) {
  const std::int64_t size = dtype_bytes(edge.type), to_size = dtype_bytes(edge.format);
  if (edge.copies()) {
    std::memcpy(to, from, static_cast<std::size_t>(count * size));
    return;
  }
  if (edge.type == DType::kF32 && edge.format == DType::kBF16) {
    f32_to_bf16_parts(from, to, count, edge.part);
    return;
  }
  const bool integers = is_integer(edge.format) && !is_real(edge.type);
  float floats[kBlock];
  std::int32_t ints[kBlock];
  alignas(8) std::uint8_t source[kBlock * 8], target[kBlock * 8];
  for (std::int64_t i = 0; i < count; i += kBlock) {
    const std::int64_t n = std::min(kBlock, count - i);
    std::memcpy(source, from + i * size, static_cast<std::size_t>(n * size));
    if (integers) {
      load_lanes_i32(edge.type, source, ints, n);
      store_lanes_i32(edge.format, ints, target, n);
    } else {
      load_lanes_f32(edge.type, source, floats, n);
      store_lanes_f32(edge.format, floats, target, n);
    }
    std::memcpy(to + i * to_size, target, static_cast<std::size_t>(n * to_size));
  }
}

}  // namespace systole::machine
