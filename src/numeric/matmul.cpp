#include "numeric/matmul.h"

#include <cassert>
#include <cstring>
#include <vector>

#include "numeric/matmul_reference.h"

namespace systole {

DType accumulator_type(const TileFormat& format) {
  return is_float(format.activation) ? DType::kF32 : DType::kI32;
}

struct WeightTile::Packed {
  TileFormat format;
  TileShape shape;
  std::vector<std::uint8_t> dense;  // rows x columns elements, as given
};

WeightTile::WeightTile(TileFormat format, const void* weights, std::int64_t k, std::int64_t n, std::int64_t pitch,
                       std::int64_t array_rows)
    : packed_(std::make_unique<Packed>()) {
  assert(k <= array_rows && n <= pitch);
  assert(is_float(format.activation) == is_float(format.weight));
  assert((format.activation == DType::kQ8_8) == (format.weight == DType::kQ8_8));
  packed_->format = format;
  packed_->shape = {k, n, array_rows};
  const std::int64_t size = dtype_bytes(format.weight);
  packed_->dense.resize(static_cast<std::size_t>(k * n * size));
  for (std::int64_t r = 0; r < k; ++r) {
    std::memcpy(packed_->dense.data() + r * n * size, static_cast<const std::uint8_t*>(weights) + r * pitch * size,
                static_cast<std::size_t>(n * size));
  }
}

WeightTile::~WeightTile() = default;
WeightTile::WeightTile(WeightTile&&) noexcept = default;
WeightTile& WeightTile::operator=(WeightTile&&) noexcept = default;

void WeightTile::multiply_reference(const void* a, std::int64_t m, std::int64_t a_pitch, void* acc,
                                    std::int64_t acc_pitch, bool accumulate) const {
  multiply_tile_reference(packed_->format, packed_->shape, packed_->dense.data(), a, m, a_pitch, acc, acc_pitch,
                          accumulate);
}

void WeightTile::multiply(const void* a, std::int64_t m, std::int64_t a_pitch, void* acc, std::int64_t acc_pitch,
                          bool accumulate) const {
  multiply_reference(a, m, a_pitch, acc, acc_pitch, accumulate);
}

std::int64_t WeightTile::rows() const { return packed_->shape.rows; }
std::int64_t WeightTile::columns() const { return packed_->shape.columns; }

}  // namespace systole
