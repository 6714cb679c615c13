#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "rtl/random_parts.h"
#include "rtl/token_writer.h"

namespace systole::rtl {
namespace {

using isa::Space;

// Writes the words and, as a second meaning of the same choices, keeps what the accumulators hold: one word after another.
class Stream {
 public:
  Stream(Random& random, const Chip& chip) : random_(random), chip_(chip), a_type_(random_type(random, chip)), w_type_(random_type(random, chip)) {
    rows_ = chip.mxu.rows;
    columns_ = chip.mxu.columns;
    acc_rows_ = std::min<std::int64_t>(chip.mxu.accumulator_rows, 24);
    kernel_ = describe(chip, random_bytes(random, kImage, a_type_), random_bytes(random, kTiles * rows_ * columns_, w_type_), acc_rows_, columns_, layout_);
    tile_base_ = align(kImage);
    scratch_ = tile_base_ + align(kTiles * rows_ * columns_);
    active_.resize(static_cast<std::size_t>(rows_ * columns_));
    accumulators_.resize(static_cast<std::size_t>(acc_rows_ * columns_));
  }

  Kernel write(std::int64_t words) {
    transfer(isa::Load{.far = layout_.a, .local = 0, .bytes = kImage}, {{Space::kHbm, layout_.a, layout_.a + kImage, false}, {Space::kVmem, 0, kImage, true}});
    const std::int64_t tiles = kTiles * rows_ * columns_;
    transfer(isa::Load{.far = layout_.w, .local = tile_base_, .bytes = tiles},
             {{Space::kHbm, layout_.w, layout_.w + tiles, false}, {Space::kVmem, tile_base_, tile_base_ + tiles, true}});
    pad();
    while (static_cast<std::int64_t>(writer_.size()) < words) word();
    while (!pushed_.empty()) matmul(true);
    store(0, acc_rows_);
    auto* y = kernel_.expected->mutable_data<std::int32_t>();
    std::copy(accumulators_.begin(), accumulators_.end(), y);
    kernel_.text = fmt::format("stream of {} words", writer_.size());
    finish(kernel_, chip_, writer_.take());
    return std::move(kernel_);
  }

 private:
  static constexpr std::int64_t kLine = 24, kHeight = 8, kImage = kLine * kHeight, kTiles = 6;

  void word() {
    const double dice = random_.real();
    if (random_.chance(0.1)) writer_.wait_for(any_unit());
    if (dice < 0.30) return push();
    if (dice < 0.62) return matmul(!pushed_.empty() && random_.chance(0.8));
    if (dice < 0.70) return pad();
    if (dice < 0.86) return writer_.add(isa::Nop{}, random_.chance(0.15) ? isa::kScalar : any_unit());
    if (dice < 0.95) return small_load();
    const std::int64_t first = random_.integer(0, acc_rows_ - 1);
    store(first, random_.integer(1, std::min<std::int64_t>(4, acc_rows_ - first)));
  }
  isa::UnitId any_unit() {
    const std::int64_t unit = random_.integer(0, chip_.dma_engines + 1);
    if (unit < chip_.dma_engines) return isa::dma_unit(static_cast<int>(unit));
    return unit == chip_.dma_engines ? isa::push_unit(0) : isa::matrix_unit(0);
  }
  void transfer(const isa::Body& body, std::vector<Access> accesses) {
    writer_.add(body, isa::dma_unit(static_cast<int>(random_.integer(0, chip_.dma_engines - 1))), std::move(accesses));
  }
  // Bytes that nobody reads.
  void small_load() {
    const std::int64_t bytes = random_.integer(1, 3 * chip_.hbm.burst_bytes / 2), at = scratch_ + 128 * random_.integer(0, 7);
    const std::int64_t length = std::min<std::int64_t>(bytes, 128);
    transfer(isa::Load{.far = layout_.a, .local = at, .bytes = length}, {{Space::kHbm, layout_.a, layout_.a + length, false}, {Space::kVmem, at, at + length, true}});
  }
  void store(std::int64_t first, std::int64_t rows) {
    const std::int64_t far = layout_.y + first * columns_ * 4, bytes = columns_ * 4;
    transfer(isa::Store{.far = far, .local_space = 3, .local = first, .bytes = bytes, .rows = rows, .pitch = bytes},
             {{Space::kHbm, far, far + rows * bytes, true}, {Space::kAccumulator, first, first + rows, false}});
  }
  // A push is fetched after the swap of the push before, for else a word between them could wait for it for ever.
  void push() {
    while (!pushed_.empty()) matmul(true);
    const std::int64_t at = tile_base_ + random_.integer(0, kTiles - 1) * rows_ * columns_;
    const std::int64_t rows = random_.integer(1, rows_), columns = random_.integer(1, columns_), type = static_cast<std::int64_t>(w_type_);
    const bool transpose = random_.chance(0.4);
    const std::int64_t down = transpose ? 1 : columns_, across = transpose ? rows_ : 1;   // bytes to the element below, to the right
    writer_.add(isa::Push{.weights = at, .pitch = std::max(down, across), .rows = rows, .columns = columns, .type = type, .format = type, .transpose = transpose ? 1 : 0}, isa::push_unit(0),
                {{Space::kVmem, at, at + rows_ * columns_, false}});
    std::vector<std::int64_t> tile(static_cast<std::size_t>(rows_ * columns_));
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        tile[static_cast<std::size_t>(r * columns_ + c)] = byte_value(kernel_.inputs[1].raw() + (at - tile_base_) + r * down + c * across, w_type_);
      }
    }
    pushed_.push_back(std::move(tile));
  }
  void pad() {
    pad_ = {.image_pitch = random_.integer(0, 3) * kLine, .row_pitch = random_.integer(1, 2) * kLine, .step_pitch = random_.integer(1, 3), .height = kHeight,
            .width = kLine, .value = random_.integer(0, 255), .type = static_cast<std::int64_t>(a_type_)};
    pad_.row_step = pad_.row_pitch / kLine;
    pad_.column_step = pad_.step_pitch;
    if (pad_.image_pitch != 0) pad_.height = random_.integer(1, kHeight - pad_.image_pitch / kLine);   // the second image stands in the same bytes
    writer_.add(pad_, isa::matrix_unit(0));
  }
  void matmul(bool swap) {
    isa::Matmul m{.images = random_.integer(1, 2), .out_rows = random_.integer(1, 3), .out_columns = random_.integer(1, 4), .length = random_.integer(1, rows_),
                  .columns = random_.integer(1, columns_), .row = random_.integer(-2, kHeight), .column = random_.integer(-4, kLine),
                  .accumulate = random_.integer(0, 1), .swap = swap ? 1 : 0, .format = static_cast<std::int64_t>(a_type_)};
    const std::int64_t count = m.images * m.out_rows * m.out_columns;
    if (count > acc_rows_) return;
    m.accumulator = random_.integer(0, acc_rows_ - count);
    m.source = (m.row * kLine + m.column) & 0xFFFFFFFF;
    writer_.add(m, isa::matrix_unit(0), {{Space::kVmem, 0, kImage, false}, {Space::kAccumulator, m.accumulator, m.accumulator + count, true}});
    if (swap) {
      active_ = std::move(pushed_.front());
      pushed_.pop_front();
    }
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t c = 0; c < m.columns; ++c) add_product(m, i, c);
    }
  }
  void add_product(const isa::Matmul& m, std::int64_t i, std::int64_t c) {
    const std::int64_t image = i / (m.out_rows * m.out_columns), oh = i / m.out_columns % m.out_rows, ow = i % m.out_columns;
    const auto pad = static_cast<std::uint8_t>(pad_.value);
    std::int64_t sum = 0;
    for (std::int64_t e = 0; e < m.length; ++e) {
      const std::int64_t h = m.row + oh * pad_.row_step, x = m.column + ow * pad_.column_step + e;
      const bool exists = h >= 0 && h < pad_.height && x >= 0 && x < pad_.width;
      const std::uint8_t* p = exists ? kernel_.inputs[0].raw() + image * pad_.image_pitch + h * kLine + x : &pad;
      sum += byte_value(p, a_type_) * active_[static_cast<std::size_t>(e * columns_ + c)];
    }
    std::int32_t& word = accumulators_[static_cast<std::size_t>((m.accumulator + i) * columns_ + c)];
    word = static_cast<std::int32_t>((m.accumulate != 0 ? word : 0) + sum);
  }

  Random& random_;
  const Chip& chip_;
  DType a_type_, w_type_;
  std::int64_t rows_ = 0, columns_ = 0, acc_rows_ = 0, tile_base_ = 0, scratch_ = 0;
  Layout layout_;
  Kernel kernel_;
  TokenWriter writer_;
  isa::Pad pad_;
  std::deque<std::vector<std::int64_t>> pushed_;
  std::vector<std::int64_t> active_;
  std::vector<std::int32_t> accumulators_;
};

}  // namespace

Kernel random_stream(Random& random, const Chip& chip) {
  Stream stream(random, chip);
  return stream.write(random.integer(60, 200));
}

}  // namespace systole::rtl
