#include "machine/register_array.h"

#include <bit>
#include <utility>

#include "numeric/mac.h"

namespace systole::machine {

std::uint32_t multiply_add(const Operand& value, std::uint32_t weight, std::uint32_t sum) {
  if (!value.is_float) return value.bits * weight + sum;
  return std::bit_cast<std::uint32_t>(
      mac_f32(std::bit_cast<float>(value.bits), std::bit_cast<float>(weight), std::bit_cast<float>(sum)));
}

SystolicArray::SystolicArray(const Chip& chip)
    : rows_(chip.mxu.rows), columns_(chip.mxu.columns), feeder_(chip.timing.feeder_latency), sums_(chip.timing.accumulator_latency) {
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  elements_.resize(size(rows_ * columns_));
  staging_.resize(size(rows_ + feeder_ - 1), StagedRow{std::vector<Operand>(size(rows_))});
  weights_.resize(size(columns_ + feeder_ - 1), WeightRow{std::vector<std::uint32_t>(size(columns_))});
  columns_read_.resize(size(feeder_ - 1));
  targets_.resize(size(feeder_ + rows_ + columns_ + sums_ - 2));
  bottom_.resize(size(sums_), std::vector<std::uint32_t>(size(columns_)));
  transposed_.resize(size(columns_));
  accumulators_.resize(size(chip.mxu.accumulator_rows), std::vector<std::uint32_t>(size(columns_)));
}

bool SystolicArray::ending() const { return targets_.back().valid && targets_.back().last; }

std::uint32_t SystolicArray::accumulator(std::int64_t row, std::int64_t column) const {
  if (row < 0 || row >= static_cast<std::int64_t>(accumulators_.size()) || column >= columns_) return 0;
  return accumulators_[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
}

void SystolicArray::write_accumulators() {
  for (std::int64_t c = 0; c < columns_; ++c) {
    // Column c's sum of the row given feeder + R + c + accumulator - 1 cycles ago.
    const AccumulatorRow& target = targets_[static_cast<std::size_t>(feeder_ + rows_ + c + sums_ - 2)];
    if (!target.valid || c >= target.columns) continue;
    const std::uint32_t sum =
        sums_ == 1 ? at(rows_ - 1, c).sum : bottom_[static_cast<std::size_t>(sums_ - 2)][static_cast<std::size_t>(c)];
    if (target.row >= static_cast<std::int64_t>(accumulators_.size())) {
      accumulators_.resize(static_cast<std::size_t>(target.row + 1), std::vector<std::uint32_t>(static_cast<std::size_t>(columns_)));
    }
    std::uint32_t& word = accumulators_[static_cast<std::size_t>(target.row)][static_cast<std::size_t>(c)];
    const std::uint32_t before = target.accumulate ? word : 0;
    word = target.is_float ? std::bit_cast<std::uint32_t>(add_f32_flushed(std::bit_cast<float>(before), std::bit_cast<float>(sum)))
                           : before + sum;
  }
}

// Reads only registers of the left and upper neighbours, which change later in the edge: the caller goes from the last element
// to the first.
void SystolicArray::clock_element(std::int64_t r, std::int64_t c, std::uint32_t weight, bool accept, bool first) {
  Element& self = at(r, c);
  const StagedRow& staged = staging_[static_cast<std::size_t>(feeder_ - 1 + r)];
  const Operand value = c == 0 ? staged.values[static_cast<std::size_t>(r)] : at(r, c - 1).value;
  const bool valid = c == 0 ? staged.valid : at(r, c - 1).valid;
  const bool switching = c == 0 ? staged.switching : at(r, c - 1).switching;
  const std::uint32_t above = r == 0 ? 0 : at(r - 1, c).sum;
  const bool take = accept && (r == 0 || (!first && at(r - 1, c).train));

  if (switching) self.active = self.shadow;
  if (valid) self.sum = multiply_add(value, self.active, above);
  self.value = value;
  self.valid = valid;
  self.switching = switching;
  if (take) self.shadow = r == 0 ? weight : at(r - 1, c).shadow;
  self.train = take;
}

void SystolicArray::clock_elements() {
  for (std::int64_t c = columns_ - 1; c >= 0; --c) {
    const WeightRow& row = weights_[static_cast<std::size_t>(feeder_ - 1 + c)];
    auto& transposed = transposed_[static_cast<std::size_t>(c)];
    std::uint32_t weight = row.values[static_cast<std::size_t>(c)];
    if (row.accept && !transposed.empty()) {
      weight = transposed.front();
      transposed.pop_front();
    }
    for (std::int64_t r = rows_ - 1; r >= 0; --r) clock_element(r, c, weight, row.accept, row.first);
  }
}

namespace {

template <typename T>
void shift(std::deque<T>& stages, T next) {
  stages.pop_back();
  stages.push_front(std::move(next));
}

}  // namespace

void SystolicArray::clock(Inputs inputs) {
  write_accumulators();
  if (sums_ > 1) {
    std::vector<std::uint32_t> sums(static_cast<std::size_t>(columns_));
    for (std::int64_t c = 0; c < columns_; ++c) sums[static_cast<std::size_t>(c)] = at(rows_ - 1, c).sum;
    shift(bottom_, std::move(sums));
  }
  clock_elements();
  shift(staging_, std::move(inputs.row));
  shift(targets_, inputs.target);
  shift(weights_, std::move(inputs.weights));
  columns_read_.push_front(std::move(inputs.column));
  const WeightColumn column = std::move(columns_read_.back());
  columns_read_.pop_back();
  if (column.column < 0) return;
  auto& queue = transposed_[static_cast<std::size_t>(column.column)];
  for (std::int64_t r = rows_ - 1; r >= 0; --r) queue.push_back(column.values[static_cast<std::size_t>(r)]);
}

}  // namespace systole::machine
