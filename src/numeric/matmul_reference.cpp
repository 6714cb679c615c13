#include "numeric/matmul_reference.h"

#include <cstring>

#include "numeric/formats.h"
#include "numeric/mac.h"

namespace systole {
namespace {

const void* element(DType type, const void* base, std::int64_t index) {
  return static_cast<const std::uint8_t*>(base) + index * dtype_bytes(type);
}

float float_sum(const TileFormat& format, const TileShape& shape, const void* a_row, const void* w_column) {
  float sum = 0;
  for (std::int64_t r = 0; r < shape.array_rows; ++r) {
    const bool used = r < shape.rows;
    const float a = used ? load_as_f32(format.activation, element(format.activation, a_row, r)) : 0.0f;
    const float w = used ? load_as_f32(format.weight, element(format.weight, w_column, r * shape.columns)) : 0.0f;
    sum = mac_f32(a, w, sum);
  }
  return sum;
}

std::uint32_t integer_sum(const TileFormat& format, const TileShape& shape, const void* a_row, const void* w_column) {
  std::uint32_t sum = 0;
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    const std::int32_t a = load_as_i32(format.activation, element(format.activation, a_row, r));
    const std::int32_t w = load_as_i32(format.weight, element(format.weight, w_column, r * shape.columns));
    sum += static_cast<std::uint32_t>(a) * static_cast<std::uint32_t>(w);
  }
  return sum;
}

std::int16_t fixed_sum(int fraction, const TileShape& shape, const void* a_row, const void* w_column) {
  const auto* a = static_cast<const std::int16_t*>(a_row);
  const auto* w = static_cast<const std::int16_t*>(w_column);
  std::int16_t sum = 0;
  for (std::int64_t r = 0; r < shape.rows; ++r) sum = fixed_add(fixed_mul(a[r], w[r * shape.columns], fraction), sum);
  return sum;
}

}  // namespace

void multiply_tile_reference(const TileFormat& format, const TileShape& shape, const void* weights, const void* a,
                             std::int64_t m, std::int64_t a_pitch, void* acc, std::int64_t acc_pitch, bool accumulate) {
  for (std::int64_t i = 0; i < m; ++i) {
    const void* a_row = element(format.activation, a, i * a_pitch);
    for (std::int64_t j = 0; j < shape.columns; ++j) {
      const void* w_column = element(format.weight, weights, j);
      void* out = static_cast<std::uint8_t*>(acc) + (i * acc_pitch + j) * 4;
      if (is_fixed(format.activation)) {
        auto* sum = static_cast<std::int32_t*>(out);
        const std::int16_t chunk = fixed_sum(fraction_bits(format.activation), shape, a_row, w_column);
        *sum = fixed_add(static_cast<std::int16_t>(accumulate ? *sum : 0), chunk);
      } else if (is_float(format.activation)) {
        auto* sum = static_cast<float*>(out);
        *sum = add_f32_flushed(accumulate ? *sum : 0.0f, float_sum(format, shape, a_row, w_column));
      } else {
        auto* sum = static_cast<std::uint32_t*>(out);
        *sum = (accumulate ? *sum : 0) + integer_sum(format, shape, a_row, w_column);
      }
    }
  }
}

}  // namespace systole
