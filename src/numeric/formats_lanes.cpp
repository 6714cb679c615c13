// Conversions of whole runs of elements.
#include "numeric/formats.h"

namespace systole {

void load_lanes_f32(DType type, const void* from, float* to, std::int64_t count) {
  const auto* bytes = static_cast<const std::uint8_t*>(from);
  for (std::int64_t i = 0; i < count; ++i) to[i] = load_as_f32(type, bytes + i * dtype_bytes(type));
}

void store_lanes_f32(DType type, const float* from, void* to, std::int64_t count) {
  auto* bytes = static_cast<std::uint8_t*>(to);
  for (std::int64_t i = 0; i < count; ++i) store_from_f32(type, bytes + i * dtype_bytes(type), from[i]);
}

void load_lanes_i32(DType type, const void* from, std::int32_t* to, std::int64_t count) {
  const auto* bytes = static_cast<const std::uint8_t*>(from);
  for (std::int64_t i = 0; i < count; ++i) to[i] = load_as_i32(type, bytes + i * dtype_bytes(type));
}

void store_lanes_i32(DType type, const std::int32_t* from, void* to, std::int64_t count) {
  auto* bytes = static_cast<std::uint8_t*>(to);
  for (std::int64_t i = 0; i < count; ++i) store_from_i32(type, bytes + i * dtype_bytes(type), from[i]);
}

}  // namespace systole
