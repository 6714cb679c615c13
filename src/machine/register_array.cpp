#include "machine/register_array.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

namespace systole::machine {
namespace {

constexpr std::int64_t kSlack = 256;      // clocks between two moves of the lines
constexpr std::int64_t kApart = 1344;     // bytes between planes, so that their rows do not fall on the same lines of the host's cache
constexpr std::int64_t kVector = kSumBlock;   // columns that a kernel may read beyond a row

std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

std::uint8_t* aligned(std::uint8_t* storage) {
  return reinterpret_cast<std::uint8_t*>((reinterpret_cast<std::uintptr_t>(storage) + 63) / 64 * 64);
}

// function(the layout as a constant), for loops over single operands.
template <class Function>
void with_layout(Operands operands, Function function) {
  switch (operands) {
    case Operands::kWords: return function(std::integral_constant<Operands, Operands::kWords>());
    case Operands::kShorts: return function(std::integral_constant<Operands, Operands::kShorts>());
    case Operands::kBf16: return function(std::integral_constant<Operands, Operands::kBf16>());
  }
}

}  // namespace

void SystolicArray::Inputs::clear() {
  row.valid = row.switching = target.valid = target.last = weights.accept = weights.first = weights.by_columns = false;
  column.column = -1;
}

SystolicArray::SystolicArray(const Chip& chip, Operands operands)
    : rows_(chip.mxu.rows), columns_(chip.mxu.columns), last_diagonal_(rows_ + columns_ - 2),
      feeder_(chip.timing.feeder_latency), sums_(chip.timing.accumulator_latency),
      pitch_((columns_ + kVector - 1) / kVector * kVector), mask_words_((columns_ + 63) / 64), operands_(operands), fraction_(fraction_bits(chip.fixed_format())),
      planes_((columns_ + feeder_ + kMostEdges + rows_ - 1) / rows_ + 2), plane_bytes_(operand_bytes(operands) * rows_ * pitch_ + kApart),
      switch_line_(feeder_ + rows_ + columns_), line_pitch_(kSlack + feeder_ + rows_ + pitch_ + kVector), head_(feeder_ + rows_ + kSlack - 1),
      stage_accept_(feeder_ + columns_), stage_first_(feeder_ + columns_), stage_last_(feeder_ + columns_),
      stage_target_(feeder_ + rows_ + columns_ + sums_), stage_break_(feeder_ + rows_ + columns_ + sums_),
      accumulators_(chip.mxu.accumulator_rows, columns_, operands_) {
  const std::int64_t words = 4 * rows_ * pitch_ + kApart;
  storage_.resize(size(words + (planes_ + 1) * plane_bytes_ + 4 * pitch_ * (sums_ + 2) + 64));
  sum_ = reinterpret_cast<std::uint32_t*>(aligned(storage_.data()));
  active_ = reinterpret_cast<std::uint8_t*>(sum_) + words;
  shadow_ = active_ + plane_bytes_;
  zeros_ = reinterpret_cast<std::uint32_t*>(shadow_ + planes_ * plane_bytes_);
  bottom_ = zeros_ + pitch_;
  for (auto& line : valid_line_) line = ShiftBits(feeder_ + rows_ + pitch_ + 64);
  plane_.resize(size(columns_));
  taken_.resize(size(columns_));
  accepted_.resize(size(mask_words_));
  lines_.resize(size(operand_bytes(operands_) * (rows_ * line_pitch_ + kVector)));
  targets_.resize(std::bit_ceil(size(feeder_ + rows_ + columns_ + sums_)));
  for (std::int64_t c = 0; c < columns_; ++c) places_.push_back(static_cast<std::int32_t>(sum_place(operands_, c)));
}

// ---- what can be looked at

Element SystolicArray::element(std::int64_t r, std::int64_t c) const {
  catch_up();
  const std::int64_t at = r * pitch_ + c;
  Element e{get_operand(operands_, active_, at), shadow(r, c),
            get_operand(operands_, lines_.data(), r * line_pitch_ + head_ + c), sum_[r * pitch_ + places_[size(c)]]};
  for (const ShiftBits& line : valid_line_) e.valid = e.valid || line.test(feeder_ + r + c);
  e.switching = switch_line_.test(feeder_ + r + c);
  e.train = ((accepted_[size(c / 64)] >> (c % 64)) & 1) != 0 && r < taken_[size(c)];
  return e;
}

std::uint32_t SystolicArray::staged(std::int64_t r, std::int64_t k) const {
  return get_operand(operands_, lines_.data(), r * line_pitch_ + head_ - staging_depth(r) + k);
}

bool SystolicArray::staged_valid(std::int64_t k) const {
  return std::any_of(valid_line_.begin(), valid_line_.end(), [&](const ShiftBits& line) { return line.test(k); });
}

std::uint32_t SystolicArray::top_weight(std::int64_t c) const {
  if (!accept(c)) return 0;
  const std::int64_t taken = accept_first(c) ? 0 : accepts(c);
  return get_operand(operands_, shadow_plane(next_plane(plane_[size(c)])), (rows_ - 1 - taken) * pitch_ + c);
}

ArrayState SystolicArray::state() const {
  ArrayState s;
  s.rows = rows_;
  s.columns = columns_;
  for (auto* field : {&s.active, &s.shadow, &s.sum, &s.value, &s.valid, &s.switching, &s.train}) field->reserve(size(rows_ * columns_));
  for (std::int64_t r = 0; r < rows_; ++r) {
    for (std::int64_t c = 0; c < columns_; ++c) {
      const Element e = element(r, c);
      s.active.push_back(e.active);
      s.shadow.push_back(e.shadow);
      s.sum.push_back(e.sum);
      s.value.push_back(e.value);
      s.valid.push_back(e.valid ? 1 : 0);
      s.switching.push_back(e.switching ? 1 : 0);
      s.train.push_back(e.train ? 1 : 0);
    }
  }
  for (std::int64_t c = 0; c < columns_; ++c) s.accept.push_back(accept(c) ? 1 : 0);
  return s;
}

// ---- one edge

bool SystolicArray::ending(bool last_row) const {
  const std::int64_t way = feeder_ + rows_ + columns_ + sums_ - 2;   // clocks between a row's wires and its last sum
  if (way == 0) return last_row;
  return stage_target_.test(way - 1) && target(way).last;
}

// The lines move by one word: what was a row's k-th register is its k+1-th, and the wires' words come in at the far end.
void SystolicArray::give_row(const StagedRow& row) {
  if (row.valid) value_live_ = feeder_ + rows_ + columns_;
  if (value_live_ == 0) return;   // zeros everywhere
  --value_live_;
  const std::int64_t reach = feeder_ + rows_ - 1;
  if (--head_ < reach) {
    head_ = reach + kSlack - 1;
    waiting_head_ += kSlack;
    const std::int64_t bytes = operand_bytes(operands_);
    for (std::int64_t r = 0; r < rows_; ++r) {
      std::uint8_t* line = lines_.data() + r * line_pitch_ * bytes;
      std::memmove(line + kSlack * bytes, line, size((reach + columns_ + kMostEdges) * bytes));
    }
  }
  with_layout(operands_, [&](auto layout) {
    std::int64_t at = head_ - feeder_;
    for (std::int64_t r = 0; r < rows_; ++r, at += line_pitch_ - 1) put_operand(layout, lines_.data(), at, row.valid ? row.values[size(r)] : 0);
  });
}

void SystolicArray::give_weights(const WeightRow& row, const WeightColumn& column) {
  bool last = false;
  if (row.accept) {
    shadow_live_ = feeder_ + columns_ + 1;
    if (row.first) given_plane_ = next_plane(given_plane_), given_rows_ = 0;
    with_layout(operands_, [&](auto layout) {
      const std::int64_t at = (rows_ - 1 - given_rows_) * pitch_;
      for (std::int64_t c = 0; c < columns_ && !row.by_columns; ++c) put_operand(layout, shadow_plane(given_plane_), at + c, row.values[size(c)]);
    });
    last = ++given_rows_ == rows_;
  }
  if (column.column >= 0) {
    for (std::int64_t r = 0; r < rows_; ++r) put_operand(operands_, shadow_plane(given_plane_), r * pitch_ + column.column, column.values[size(r)]);
  }
  stage_accept_.shift(row.accept);
  stage_first_.shift(row.first);
  stage_last_.shift(last);
}

// Each switch moves on by a diagonal. It finds the same tile of shadow weights there as in column 0, for tiles come to each column a clock after
// the one before, and the next tile goes down no faster than the switch.
void SystolicArray::clock_switches() {
  if (!fronts_.empty() && fronts_.front().diagonal == last_diagonal_ + kMostEdges) fronts_.erase(fronts_.begin());
  for (SwitchFront& front : fronts_) ++front.diagonal;
  if (switch_line_.test(feeder_)) fronts_.push_back({shadow_plane(plane_[0]), 0});
}

ArrayPlanes SystolicArray::planes(std::int64_t head) const {
  ArrayPlanes planes;
  planes.rows = rows_, planes.columns = columns_, planes.pitch = pitch_;
  planes.operands = operands_, planes.fraction = fraction_;
  planes.value = lines_.data() + head * operand_bytes(operands_), planes.value_pitch = line_pitch_;
  planes.active = active_, planes.fronts = fronts_, planes.sum = sum_, planes.zeros = zeros_;
  return planes;
}

// The arithmetic in which every element has work in this clock.
std::optional<Arithmetic> SystolicArray::everywhere() const {
  const std::int64_t count = rows_ + columns_ - 1;
  for (std::size_t k = 0; k < kArithmetics; ++k) {
    if (valid_live_[k] == 0) continue;
    bool all = true;
    for (std::int64_t i = 0; i < count && all; i += 64) {
      const std::uint64_t exist = low_bits(count - i);
      all = (valid_line_[k].word_from(feeder_ + i) & exist) == exist;
    }
    if (all) return static_cast<Arithmetic>(k);
  }
  return std::nullopt;
}

// Makes what waits.
void SystolicArray::catch_up() const {
  if (waiting_ > 0) clock_all_sums(planes(waiting_head_), waiting_arithmetic_, waiting_);
  waiting_ = 0;
}

// Active weights and sums; the last row's sums for the accumulators.
void SystolicArray::clock_sums() {
  const std::optional<Arithmetic> all = everywhere();
  if (!all || *all != waiting_arithmetic_) catch_up();
  clock_switches();
  ArrayPlanes now = planes(head_);
  std::uint32_t* const bottom = bottom_ + tick_ % size(sums_ + 1) * size(pitch_);
  if (all) {
    ++waiting_, waiting_arithmetic_ = *all, waiting_head_ = head_;
    if (waiting_ < kMostEdges) last_row_sums(now, *all, waiting_, bottom);
    else catch_up();
  } else {
    take_weights(now);
    bool any = false;
    for (std::size_t k = 0; k < kArithmetics; ++k) {
      if (valid_live_[k] == 0) continue;
      now.valid[k] = {valid_line_[k].words(), feeder_};
      any = true;
    }
    if (any) machine::clock_sums(now);
  }
  if (waiting_ == 0) std::memcpy(bottom, sum_ + (rows_ - 1) * pitch_, size(pitch_) * sizeof(std::uint32_t));
  for (std::int64_t& left : valid_live_) left = std::max<std::int64_t>(left - 1, 0);
}

// In a column with an accept row 0 takes a weight, and every row that has taken one of this tile hands its own down.
void SystolicArray::clock_shadow() {
  if (shadow_live_ == 0) return;
  --shadow_live_;
  const auto each = [](std::uint64_t bits, std::int64_t first, auto&& act) {
    for (; bits != 0; bits &= bits - 1) act(size(first + std::countr_zero(bits)));
  };
  for (std::int64_t w = 0; w < mask_words_; ++w) {
    const std::int64_t from = feeder_ + 64 * w, columns = std::min<std::int64_t>(columns_ - 64 * w, 64);
    const std::uint64_t exist = low_bits(columns), accept = stage_accept_.word_from(from) & exist;
    accepted_[size(w)] = accept;
    if (accept == exist) {
      for (std::int64_t c = 64 * w; c < 64 * w + columns; ++c) ++taken_[size(c)];
    } else {
      each(accept, 64 * w, [&](std::size_t c) { ++taken_[c]; });
    }
    each(stage_first_.word_from(from) & exist, 64 * w, [&](std::size_t c) { taken_[c] = 1; });
    each(stage_last_.word_from(from) & exist, 64 * w, [&](std::size_t c) { plane_[c] = static_cast<std::int32_t>(next_plane(plane_[c])); });
  }
}

void SystolicArray::give_target(const AccumulatorRow& row) {
  const Target& before = target(1);
  const Target next{row.row, static_cast<std::int32_t>(row.columns), row.accumulate ? ~0u : 0u, row.last, row.arithmetic};
  const bool goes_on = row.valid && stage_target_.test(0) && next.row == before.row + 1 && next.columns == before.columns &&
                       next.keep == before.keep && next.arithmetic == before.arithmetic;
  stage_break_.shift(!goes_on);
  stage_target_.shift(row.valid);
  if (!row.valid) return;
  targets_[tick_ & (targets_.size() - 1)] = next;
  const std::int64_t held = accumulators_.rows();
  if (row.row >= held) accumulators_.grow(std::max(row.row + 1, held * 2));   // a chip that does not bound them
}

// Of columns c, c + 1, .. of one block: how many write, rows that follow each other, alike.
std::int64_t SystolicArray::columns_alike(std::int64_t way, std::int64_t c) const {
  const std::int64_t left = std::min(columns_ - c, kSumBlock - c % kSumBlock);
  const std::int64_t given = std::countr_one(stage_target_.word_from(way + c));
  return std::min({left, given, std::countr_zero(stage_break_.word_from(way + c)) + std::int64_t{1}});
}

// Column c writes the sum of the row given feeder + R + c + accumulator - 1 clocks ago.
void SystolicArray::write_accumulators() {
  const std::uint32_t* const sums = bottom_ + (tick_ + 1) % size(sums_ + 1) * size(pitch_);   // of `accumulator_latency` clocks ago
  const std::int64_t way = feeder_ + rows_ + sums_ - 1;
  for (std::int64_t c = 0, count = 0; c < columns_; c += std::max<std::int64_t>(count, 1)) {
    count = columns_alike(way, c);
    if (count == 0) continue;
    const Target& to = target(way + c);
    std::uint32_t* const words = accumulators_.diagonal(to.row + c);
    const std::int64_t end = std::min<std::int64_t>(c + count, to.columns);
    if (to.arithmetic == Arithmetic::kInteger && end - c == kSumBlock) {
      for (std::int64_t i = c; i < end; ++i) words[i] = (words[i] & to.keep) + sums[i];
      continue;
    }
    for (std::int64_t i = c; i < end; ++i) {
      std::uint32_t& word = words[places_[size(i)]];
      word = add_to_accumulator(to.arithmetic, word & to.keep, sums[places_[size(i)]]);
    }
  }
}

void SystolicArray::clock(const Inputs& inputs) {
  const bool given = inputs.row.valid || inputs.weights.accept || inputs.column.column >= 0;
  if (given) live_ = feeder_ + rows_ + columns_ + std::max<std::int64_t>(sums_ - 1, 0);
  if (live_ == 0) return;
  --live_;
  const StagedRow& row = inputs.row;
  if (row.valid) valid_live_[size(static_cast<std::int64_t>(row.arithmetic))] = feeder_ + rows_ + columns_;
  for (std::size_t k = 0; k < kArithmetics; ++k) {
    if (valid_live_[k] > 0) valid_line_[k].shift(row.valid && static_cast<std::size_t>(row.arithmetic) == k);
  }
  switch_line_.shift(row.switching);
  give_target(inputs.target);
  give_row(row);
  give_weights(inputs.weights, inputs.column);
  clock_sums();
  clock_shadow();
  write_accumulators();
  ++tick_;
}

}  // namespace systole::machine
