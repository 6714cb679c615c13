// push and matmul: docs/machine.md section 4.
#include <tbb/parallel_for.h>

#include <algorithm>
#include <cstring>

#include "machine/event_traffic.h"
#include "machine/values_convert.h"
#include "machine/values_core.h"

namespace systole::machine {
namespace {

constexpr std::int64_t kRowBlock = 256;                 // rows packed at a time
constexpr std::int64_t kParallelMacs = 1 << 20;         // smaller products stay on one thread
constexpr std::int64_t kSourceModulus = std::int64_t{1} << 32;

bool multiplies_together(const TileFormat& f) {
  if (is_fixed(f.activation) || is_fixed(f.weight)) return f.activation == f.weight;
  return is_float(f.activation) == is_float(f.weight);
}

// The rows that a matmul streams. Offsets are bytes from `base` in VMEM.
class RowSource {
 public:
  RowSource(const isa::Matmul& matmul, const isa::Pad& pad, std::int64_t row_elements)
      : matmul_(matmul), pad_(pad), edge_{static_cast<DType>(pad.type), static_cast<DType>(matmul.format), matmul.part},
        size_(dtype_bytes(edge_.type)), to_size_(dtype_bytes(edge_.format)), row_elements_(row_elements) {
    std::uint8_t bits[8] = {};
    std::memcpy(bits, &pad.value, 2);
    convert_edge(edge_, bits, pad_element_, 1);
  }

  // Fixes the base so that all elements read lie in VMEM, or says that none does.
  Outcome place(ByteStore& vmem) {
    const IndexRange rows = pad_.height == 0 ? IndexRange{0, matmul_.out_rows}
                                             : inside_range(matmul_.row, pad_.row_step, matmul_.out_rows, pad_.height);
    std::int64_t low = 0, high = 0;
    bool any = false;
    const std::int64_t distinct = pad_.width == 0 ? std::min<std::int64_t>(matmul_.out_columns, 2) : matmul_.out_columns;
    for (std::int64_t i = 0; i < distinct && rows.size() > 0; ++i) {
      const std::int64_t ow = pad_.width == 0 && i == 1 ? matmul_.out_columns - 1 : i;
      const IndexRange inside = elements(ow);
      if (inside.size() == 0) continue;
      const std::int64_t first = ow * pad_.step_pitch + inside.low * size_, end = ow * pad_.step_pitch + inside.high * size_;
      low = any ? std::min(low, first) : first;
      high = any ? std::max(high, end) : end;
      any = true;
    }
    if (!any) return nullptr;
    const auto widen = [&](std::int64_t from, std::int64_t to) {
      low += std::min(from, to);
      high += std::max(from, to);
    };
    widen(0, (matmul_.images - 1) * pad_.image_pitch);
    widen(rows.low * pad_.row_pitch, (rows.high - 1) * pad_.row_pitch);
    const std::int64_t wrapped = (matmul_.source + low) & (kSourceModulus - 1);
    if (!vmem.holds(wrapped, high - low)) return outside("VMEM", wrapped, high - low, vmem.size());
    base_ = vmem.data() + (wrapped - low);
    return nullptr;
  }

  // The rows as they stand in memory, if nothing is to be converted, padded or moved: their pitch in elements, else -1.
  std::int64_t direct_pitch() const {
    if (!edge_.copies() || pad_.height != 0 || pad_.width != 0 || row_elements_ != matmul_.length) return -1;
    const bool one_row = matmul_.out_rows == 1, one_image = matmul_.images == 1;
    std::int64_t pitch = pad_.step_pitch;
    if (matmul_.out_columns == 1) {
      pitch = one_row ? pad_.image_pitch : pad_.row_pitch;
    } else if (!one_row && pad_.row_pitch != matmul_.out_columns * pitch) {
      return -1;
    }
    const std::int64_t row_count = matmul_.out_columns * matmul_.out_rows;
    if (!one_image && row_count > 1 && pad_.image_pitch != row_count * pitch) return -1;
    if (pitch < 0 || pitch % size_ != 0 || reinterpret_cast<std::uintptr_t>(base_) % static_cast<std::uintptr_t>(size_) != 0) return -1;
    return pitch / size_;
  }
  const std::uint8_t* base() const { return base_; }

  // Rows first .. first + count - 1, row_elements of the product's format each.
  void pack(std::int64_t first, std::int64_t count, std::uint8_t* to) const {
    std::int64_t ow = first % matmul_.out_columns;
    std::int64_t oh = first / matmul_.out_columns % matmul_.out_rows;
    std::int64_t n = first / matmul_.out_columns / matmul_.out_rows;
    for (std::int64_t i = 0; i < count; ++i, to += row_elements_ * to_size_) {
      pack_row(n, oh, ow, to);
      if (++ow < matmul_.out_columns) continue;
      ow = 0;
      if (++oh < matmul_.out_rows) continue;
      oh = 0;
      ++n;
    }
  }
  std::int64_t packed_row_bytes() const { return row_elements_ * to_size_; }

 private:
  IndexRange elements(std::int64_t ow) const {
    if (pad_.width == 0) return {0, matmul_.length};
    const std::int64_t x = matmul_.column + ow * pad_.column_step;
    return {std::max<std::int64_t>(-x, 0), std::min(matmul_.length, pad_.width - x)};
  }
  void pack_row(std::int64_t n, std::int64_t oh, std::int64_t ow, std::uint8_t* to) const {
    const std::int64_t h = matmul_.row + oh * pad_.row_step;
    IndexRange inside = elements(ow);
    if ((pad_.height != 0 && (h < 0 || h >= pad_.height)) || inside.size() == 0) inside = {matmul_.length, matmul_.length};
    fill(to, 0, inside.low);
    if (inside.size() > 0) {
      const std::uint8_t* from = base_ + n * pad_.image_pitch + oh * pad_.row_pitch + ow * pad_.step_pitch + inside.low * size_;
      convert_edge(edge_, from, to + inside.low * to_size_, inside.size());
    }
    fill(to, inside.high, matmul_.length);
    std::memset(to + matmul_.length * to_size_, 0, static_cast<std::size_t>((row_elements_ - matmul_.length) * to_size_));
  }
  void fill(std::uint8_t* to, std::int64_t low, std::int64_t high) const {
    for (std::int64_t e = low; e < high; ++e) std::memcpy(to + e * to_size_, pad_element_, static_cast<std::size_t>(to_size_));
  }

  isa::Matmul matmul_;
  isa::Pad pad_;
  EdgeFormat edge_;
  std::int64_t size_, to_size_, row_elements_;
  std::uint8_t pad_element_[8] = {};
  const std::uint8_t* base_ = nullptr;
};

// The host's packing of the weights as k x n, zeros beyond what was pushed.
const WeightTile& tile_for(PushedWeights& weights, const TileFormat& format, std::int64_t k, std::int64_t n, std::int64_t array_rows) {
  if (weights.tile && weights.tile_format == format && weights.tile->rows() == k && weights.tile->columns() == n) return *weights.tile;
  const std::int64_t size = dtype_bytes(format.weight);
  std::vector<std::uint8_t> padded;
  const void* from = weights.dense.data();
  std::int64_t pitch = weights.columns;
  if (k > weights.rows || n > weights.columns) {
    padded.assign(static_cast<std::size_t>(k * n * size), 0);
    for (std::int64_t r = 0; r < std::min(k, weights.rows); ++r) {
      std::memcpy(padded.data() + r * n * size, weights.dense.data() + r * weights.columns * size,
                  static_cast<std::size_t>(std::min(n, weights.columns) * size));
    }
    from = padded.data();
    pitch = n;
  }
  weights.tile.emplace(format, from, k, n, pitch, array_rows);
  weights.tile_format = format;
  return *weights.tile;
}

}  // namespace

Outcome ValueCore::push(ValueArray& array, const isa::Push& push) {
  if (push.rows > chip_->mxu.rows || push.columns > chip_->mxu.columns) return impossible("the tile is larger than the array");
  const EdgeFormat edge{static_cast<DType>(push.type), static_cast<DType>(push.format), push.part};
  const std::int64_t size = dtype_bytes(edge.type), to_size = dtype_bytes(edge.format);
  const std::int64_t lines = push.transpose != 0 ? push.columns : push.rows, length = push.transpose != 0 ? push.rows : push.columns;
  const std::int64_t span = (lines - 1) * push.pitch + length * size;
  if (!vmem_.holds(push.weights, span)) return outside("VMEM", push.weights, span, vmem_.size());
  PushedWeights weights;
  weights.given = true;
  weights.format = edge.format;
  weights.rows = push.rows;
  weights.columns = push.columns;
  weights.dense.resize(static_cast<std::size_t>(push.rows * push.columns * to_size));
  std::vector<std::uint8_t> line(static_cast<std::size_t>(length * to_size));
  for (std::int64_t i = 0; i < lines; ++i) {
    const std::uint8_t* from = vmem_.data() + push.weights + i * push.pitch;
    if (push.transpose == 0) {
      convert_edge(edge, from, weights.dense.data() + i * length * to_size, length);
      continue;
    }
    convert_edge(edge, from, line.data(), length);
    for (std::int64_t r = 0; r < length; ++r) {
      std::memcpy(weights.dense.data() + (r * push.columns + i) * to_size, line.data() + r * to_size, static_cast<std::size_t>(to_size));
    }
  }
  array.pushed.push_back(std::move(weights));
  return nullptr;
}

Outcome ValueCore::matmul(ValueArray& array, const isa::Matmul& matmul) {
  if (matmul.length > chip_->mxu.rows || matmul.columns > chip_->mxu.columns) return impossible("the product is larger than the array");
  if (matmul.swap != 0) {
    if (array.pushed.empty()) return impossible("it swaps in weights that nobody has pushed");
    array.active = std::move(array.pushed.front());
    array.pushed.pop_front();
  }
  PushedWeights& weights = array.active;
  const auto activation = static_cast<DType>(matmul.format);
  if (!weights.given) weights.format = activation;
  const TileFormat format{activation, weights.format};
  if (!multiplies_together(format)) return impossible("the formats of activations and weights do not multiply together");

  const std::int64_t m = matmul.images * matmul.out_rows * matmul.out_columns, n = matmul.columns, c = chip_->mxu.columns;
  const std::int64_t k = std::max(matmul.length, weights.rows);
  if (Outcome bad = need_accumulators(array, *chip_, matmul.accumulator * c, (m - 1) * c + n)) return bad;
  RowSource rows(matmul, array.pad, k);
  if (Outcome bad = rows.place(vmem_)) return bad;
  const WeightTile& tile = tile_for(weights, format, k, n, chip_->mxu.rows);
  auto* acc = array.accumulators.data() + matmul.accumulator * c * 4;
  const std::int64_t direct = rows.direct_pitch();
  const auto block = [&](std::int64_t first) {
    const std::int64_t count = std::min(kRowBlock, m - first);
    std::uint8_t* to = acc + first * c * 4;
    if (direct >= 0) {
      const std::uint8_t* from = rows.base() + first * direct * dtype_bytes(activation);
      tile.multiply(from, count, direct, to, c, matmul.accumulate != 0);
      return;
    }
    thread_local std::vector<std::uint8_t> packed;
    packed.resize(static_cast<std::size_t>(kRowBlock * rows.packed_row_bytes()));
    rows.pack(first, count, packed.data());
    tile.multiply(packed.data(), count, k, to, c, matmul.accumulate != 0);
  };
  const std::int64_t blocks = (m + kRowBlock - 1) / kRowBlock;
  if (threads_ > 1 && blocks > 1 && m * n * k >= kParallelMacs) {
    tbb::parallel_for(std::int64_t{0}, blocks, [&](std::int64_t b) { block(b * kRowBlock); });
  } else {
    for (std::int64_t b = 0; b < blocks; ++b) block(b * kRowBlock);
  }
  return nullptr;
}

}  // namespace systole::machine
