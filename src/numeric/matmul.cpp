#include "numeric/matmul.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>
#include <vector>

#include "numeric/matmul_reference.h"
#include "numeric/tile_kernels.h"
#include "numeric/tile_pack.h"
#include "base/units.h"

namespace systole {
namespace {

// Activation rows that are packed at a time: a multiple of kBlockRows that stays in the first-level cache.
constexpr std::int64_t kPackedRows = 48;

const KernelEntry* fastest_kernel(const TileFormat& format) {
  for (const OperandForm form : exact_forms(format)) {
    for (const KernelEntry& entry : tile_kernels()) {
      if (entry.form == form && entry.supported) return &entry;
    }
  }
  assert(false);
  return nullptr;
}

std::uint32_t sum_of_bytes(const std::uint32_t* words, std::int64_t groups) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(words);
  std::uint32_t sum = 0;
  for (std::int64_t i = 0; i < groups * 4; ++i) sum += bytes[i];
  return sum;
}

}  // namespace

DType accumulator_type(const TileFormat& format) {
  return is_float(format.activation) ? DType::kF32 : DType::kI32;
}

struct WeightTile::Packed {
  TileFormat format;
  TileShape shape;
  const KernelEntry* kernel = nullptr;
  std::vector<std::uint8_t> dense;            // rows x columns elements, as given
  std::vector<std::uint32_t> panels;          // per kBlockColumns columns: [groups][kBlockColumns]
  std::vector<std::uint32_t> column_terms;    // kI8x4 with signed activations or unsigned weights

  std::int64_t groups() const { return ceil_div(shape.rows, group_size(kernel->form)); }
  void pack_panels();
  void pack_column_terms();
  void multiply_rows(const std::uint32_t* words, std::int64_t rows, std::uint32_t* acc, std::int64_t acc_pitch,
                     bool accumulate) const;
};

void WeightTile::Packed::pack_panels() {
  const std::int64_t size = dtype_bytes(format.weight);
  const std::int64_t group = group_size(kernel->form);
  panels.assign(static_cast<std::size_t>(round_up(shape.columns, kBlockColumns) * groups()), 0);
  for (std::int64_t column = 0; column < shape.columns; column += kBlockColumns) {
    std::uint32_t* const panel = panels.data() + column * groups();
    const std::int64_t count = std::min(kBlockColumns, shape.columns - column);
    for (std::int64_t r = 0; r < shape.rows; ++r) {
      const std::uint8_t* elements = dense.data() + (r * shape.columns + column) * size;
      pack_weights(kernel->form, format.weight, elements, count, r, panel + r / group * kBlockColumns);
    }
  }
}

// With a' = a + za and w' = w - zw: sum a w = sum a' w' + zw sum a' - za (sum w' + k zw). This is the last term.
void WeightTile::Packed::pack_column_terms() {
  const std::uint32_t za = activation_offset(kernel->form, format.activation);
  const std::uint32_t zw = weight_offset(kernel->form, format.weight);
  if (za == 0) return;
  column_terms.assign(static_cast<std::size_t>(round_up(shape.columns, kBlockColumns)), 0);
  const auto byte_of = [](std::uint32_t word, int shift) {
    return static_cast<std::uint32_t>(std::int32_t{static_cast<std::int8_t>(word >> shift)});
  };
  const std::int64_t depth = groups();
  for (std::int64_t column = 0; column < shape.columns; column += kBlockColumns) {
    std::uint32_t sums[kBlockColumns] = {};
    for (std::int64_t g = 0; g < depth; ++g) {
      const std::uint32_t* words = panels.data() + column * depth + g * kBlockColumns;
      for (std::int64_t j = 0; j < kBlockColumns; ++j) {
        sums[j] += byte_of(words[j], 0) + byte_of(words[j], 8) + byte_of(words[j], 16) + byte_of(words[j], 24);
      }
    }
    for (std::int64_t j = 0; j < kBlockColumns; ++j) {
      column_terms[static_cast<std::size_t>(column + j)] = 0u - za * (sums[j] + zw * static_cast<std::uint32_t>(shape.rows));
    }
  }
}

void WeightTile::Packed::multiply_rows(const std::uint32_t* words, std::int64_t rows, std::uint32_t* acc,
                                       std::int64_t acc_pitch, bool accumulate) const {
  alignas(64) std::uint32_t sums[kBlockRows * kBlockColumns];
  const JoinFunction join = join_function(*kernel);
  const std::uint32_t zw = weight_offset(kernel->form, format.weight);
  const std::int64_t depth = groups();
  const int fraction = is_fixed(format.activation) ? fraction_bits(format.activation) : 0;
  Joining joining;
  joining.accumulate = accumulate;
  joining.short_chunk = shape.rows < shape.array_rows;
  for (std::int64_t column = 0; column < shape.columns; column += kBlockColumns) {
    const std::uint32_t* panel = panels.data() + column * depth;
    joining.column_terms = column_terms.empty() ? nullptr : column_terms.data() + column;
    const std::int64_t columns = std::min(kBlockColumns, shape.columns - column);
    for (std::int64_t row = 0; row < rows; row += kBlockRows) {
      const std::uint32_t* block = words + row * depth;
      for (std::int64_t i = 0; zw != 0 && i < kBlockRows; ++i) joining.row_terms[i] = zw * sum_of_bytes(block + i * depth, depth);
      kernel->kernel(block, panel, depth, sums, fraction);
      join(sums, joining, std::min(kBlockRows, rows - row), columns, acc + row * acc_pitch + column, acc_pitch);
    }
  }
}

WeightTile::WeightTile(TileFormat format, const void* weights, std::int64_t k, std::int64_t n, std::int64_t pitch,
                       std::int64_t array_rows, const KernelEntry* kernel)
    : packed_(std::make_unique<Packed>()) {
  assert(k >= 1 && k <= array_rows && n >= 1 && n <= pitch);
  assert(is_float(format.activation) == is_float(format.weight));
  assert((!is_fixed(format.activation) && !is_fixed(format.weight)) || format.activation == format.weight);
  packed_->format = format;
  packed_->shape = {k, n, array_rows};
  packed_->kernel = kernel ? kernel : fastest_kernel(format);
  const std::int64_t size = dtype_bytes(format.weight);
  packed_->dense.resize(static_cast<std::size_t>(k * n * size));
  for (std::int64_t r = 0; r < k; ++r) {
    std::memcpy(packed_->dense.data() + r * n * size, static_cast<const std::uint8_t*>(weights) + r * pitch * size,
                static_cast<std::size_t>(n * size));
  }
  packed_->pack_panels();
  packed_->pack_column_terms();
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
  const Packed& tile = *packed_;
  const std::int64_t depth = tile.groups();
  const std::int64_t size = dtype_bytes(tile.format.activation);
  std::vector<std::uint32_t> words(static_cast<std::size_t>(std::min(kPackedRows, round_up(m, kBlockRows)) * depth));
  for (std::int64_t first = 0; first < m; first += kPackedRows) {
    const std::int64_t rows = std::min(kPackedRows, m - first);
    for (std::int64_t i = 0; i < rows; ++i) {
      const auto* row = static_cast<const std::uint8_t*>(a) + (first + i) * a_pitch * size;
      pack_activations(tile.kernel->form, tile.format.activation, row, tile.shape.rows, words.data() + i * depth);
    }
    std::optional<FlushScope> scope;
    if (tile.kernel->flushes) scope.emplace();
    tile.multiply_rows(words.data(), rows, static_cast<std::uint32_t*>(acc) + first * acc_pitch, acc_pitch, accumulate);
  }
}

std::int64_t WeightTile::rows() const { return packed_->shape.rows; }
std::int64_t WeightTile::columns() const { return packed_->shape.columns; }

}  // namespace systole
