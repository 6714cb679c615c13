// The plan of a product: among the tiles and loop orders that fit VMEM and the accumulators, the cheapest by estimate.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/units.h"
#include "compile/contraction.h"
#include "compile/memory_plan.h"

namespace systole::compile {

namespace {

// Boxes that isa::Pad's pitches reach across.
constexpr std::int64_t kMaxFeederBytes = std::int64_t{1} << 27;

std::vector<Chunk> chunks_of(const Contraction& c, std::int64_t array_rows, std::int64_t in_channels,
                             std::int64_t group_channels, std::int64_t filter_height, std::int64_t filter_width) {
  std::vector<Chunk> chunks;
  const auto cut = [&](std::int64_t tap_row, std::int64_t column, std::int64_t weight_row, std::int64_t length) {
    for (std::int64_t done = 0; done < length; done += array_rows)
      chunks.push_back({tap_row, column + done, weight_row + done, std::min(array_rows, length - done)});
  };
  if (!c.is_convolution) {
    cut(0, 0, 0, c.k);
    return chunks;
  }
  const bool merged = c.conv.rhs_dilation[1] == 1 && c.conv.feature_groups == 1;
  for (std::int64_t kh = 0; kh < filter_height; ++kh) {
    const std::int64_t row = kh * filter_width * group_channels;
    if (merged) {
      cut(kh, 0, row, filter_width * group_channels);
    } else {
      for (std::int64_t kw = 0; kw < filter_width; ++kw)
        cut(kh, kw * c.conv.rhs_dilation[1] * in_channels, row + kw * group_channels, group_channels);
    }
  }
  return chunks;
}

}  // namespace

ContractionCodegen::ContractionCodegen(Context& context, const Kernel& kernel, std::size_t number)
    : context_(context), kernel_(kernel), c_(*kernel.contraction), number_(number), chip_(context.chip) {
  arrays_ = chip_.mxu.count;
  columns_ = kernel.dims.back();
  groups_ = c_.is_convolution ? c_.conv.feature_groups : 1;
  if (c_.is_convolution) {
    in_channels_ = c_.in_channels;
    group_channels_ = in_channels_ / groups_;
    filter_height_ = c_.rhs.shape[0];
    filter_width_ = c_.rhs.shape[1];
  }
  chunks_ = chunks_of(c_, chip_.mxu.rows, in_channels_, group_channels_, filter_height_, filter_width_);
  const std::int64_t group_columns = columns_ / groups_;
  for (std::int64_t g = 0; g < groups_; ++g)
    for (std::int64_t lo = 0; lo < group_columns; lo += chip_.mxu.columns)
      column_tiles_.push_back(
          {g, g * group_columns + lo, g * group_columns + std::min(group_columns, lo + chip_.mxu.columns)});
  passes_ = c_.algorithm == graph::Algorithm::kBf16x6 ? 6 : c_.algorithm == graph::Algorithm::kBf16x3 ? 3 : 1;
}

Box ContractionCodegen::full_tile(const Box& rows, const ColumnTile& columns) const {
  Box box = rows;
  box.lo.back() = columns.lo;
  box.hi.back() = columns.hi;
  return box;
}

Box ContractionCodegen::lhs_box(const Box& rows) const {
  std::vector<std::int64_t> taps{filter_height_, filter_width_};
  Box box = touched(c_.lhs, rows, taps);
  const std::size_t last = box.lo.size() - 1;
  box.lo[last] = c_.lhs.dims[last].offset;
  box.hi[last] = box.lo[last] + (c_.is_convolution ? in_channels_ : c_.k);
  if (c_.is_convolution) {
    for (std::size_t d = 1; d <= 2; ++d) {
      const auto [lo, hi] = exists(d);
      box.lo[d] = std::clamp(box.lo[d], lo, hi - 1);
      box.hi[d] = std::clamp(box.hi[d], box.lo[d] + 1, hi);
    }
  }
  return box;
}

std::pair<std::int64_t, std::int64_t> ContractionCodegen::exists(std::size_t d) const {
  const std::int64_t first = c_.lhs.dims[d].offset + c_.conv.pad_low[d - 1];
  return {first, first + (d == 1 ? c_.in_height : c_.in_width)};
}

bool ContractionCodegen::choose_plan() {
  Shape rows = kernel_.dims;
  rows.back() = 1;
  if (c_.batched) rows[0] = 1;
  const std::int64_t row_limit = accumulator_rows();
  std::optional<ContractionPlan> best;
  for (int tries = 0; tries < 40; ++tries) {
    const std::int64_t m = element_count(rows);
    const bool allowed = m <= row_limit &&
                         (context_.options.tile_limit <= 0 ||
                          m * std::min(columns_, chip_.mxu.columns) <= context_.options.tile_limit || m == 1) &&
                         rows[rows.size() - 2] < (1 << 20) && instruction_counts_fit(rows);
    if (allowed) {
      for (const bool outer : {true, false})
        for (const bool whole : {false, true})
          for (const std::int64_t columns : columns_at_once()) {
            auto plan = make_plan(rows, outer, whole, columns);
            if (plan && (!best || plan->cost < best->cost)) best = std::move(plan);
          }
    }
    if (!halve(rows, 1)) break;
  }
  if (!best) return false;
  plan_ = std::move(*best);
  return true;
}

std::vector<std::int64_t> ContractionCodegen::columns_at_once() const {
  const auto tiles = static_cast<std::int64_t>(column_tiles_.size());
  const std::int64_t most = std::min(arrays_, tiles);
  const std::int64_t even = ceil_div(tiles, chip_.cores * ceil_div(tiles, most * chip_.cores));
  return even < most ? std::vector<std::int64_t>{most, even} : std::vector<std::int64_t>{most};
}

bool ContractionCodegen::instruction_counts_fit(const Shape& rows) const {
  return !c_.is_convolution || (rows[0] < (1 << 12) && rows[1] < (1 << 14));
}

std::int64_t ContractionCodegen::accumulator_rows() const {
  const std::int64_t rows = chip_.mxu.accumulator_rows == 0 ? (1 << 19) : chip_.mxu.accumulator_rows;
  return in_halves() ? rows / 2 : rows;
}

bool ContractionCodegen::in_halves() const { return context_.options.double_buffer && chip_.mxu.accumulator_rows != 1; }

std::optional<ContractionPlan> ContractionCodegen::make_plan(const Shape& rows, bool rows_outer, bool whole,
                                                             std::int64_t columns_a_wave) const {
  ContractionPlan plan;
  plan.tile = rows;
  plan.rows_outer = rows_outer;
  plan.region = whole ? context_.regions[number_].whole : context_.regions[number_].half;
  Shape row_dims = kernel_.dims;
  row_dims.back() = 1;
  plan.row_tiles = tiles_of(row_dims, rows);
  const auto row_tiles = static_cast<std::int64_t>(plan.row_tiles.size());
  const auto column_tiles = static_cast<std::int64_t>(column_tiles_.size());
  plan.columns_a_wave = columns_a_wave;
  plan.rows_a_wave = std::min<std::int64_t>(std::max<std::int64_t>(1, arrays_ / plan.columns_a_wave), row_tiles);

  std::int64_t x_elements = 0;
  for (const Box& tile : plan.row_tiles) x_elements = std::max(x_elements, lhs_box(tile).count());
  if (x_elements * lhs_bytes() >= kMaxFeederBytes) return std::nullopt;
  plan.x_bytes = in_vmem(c_.lhs) ? 0 : round_up(x_elements * lhs_bytes(), kAlignment);
  const std::int64_t m = element_count(rows);
  const std::int64_t tile_columns = std::min(columns_ / groups_, chip_.mxu.columns);
  plan.out_bytes = kernel_.direct_store || in_vmem(kernel_.output) ? 0 : round_up(m * tile_columns * dtype_bytes(kernel_.output_type), kAlignment);
  std::int64_t fixed = plan.out_bytes * copies() * arrays_;
  Box largest = plan.row_tiles.front();
  largest.hi.back() = tile_columns;
  for (std::size_t i = 0; i < kernel_.inputs.size(); ++i) {
    const Box box = touched(kernel_.inputs[i], largest, {});
    if (box.count() > kMaxBufferElements) return std::nullopt;
    plan.operand_bytes.push_back(in_vmem(kernel_.inputs[i]) ? 0 : box_bytes(box, kernel_.input_types[i]));
    fixed += plan.operand_bytes.back() * copies() * arrays_;
  }
  const std::int64_t x_min = copies() * plan.rows_a_wave;
  const std::int64_t room = plan.region.bytes - fixed - x_min * plan.x_bytes;
  // Blocks: all chunks if two waves of them fit, else as many as do.
  const std::int64_t w_min = copies() * plan.columns_a_wave * (c_.batched ? plan.rows_a_wave : 1);
  const bool w_here = in_vmem(c_.rhs);
  const std::int64_t block_room =
      w_here ? std::numeric_limits<std::int64_t>::max()
             : std::min<std::int64_t>(room / w_min / kAlignment * kAlignment, largest_block());
  if (room < 0) return std::nullopt;
  const std::int64_t row_bytes = tile_columns * rhs_bytes();
  if (block_room < chip_.mxu.rows * row_bytes && block_room < chunk_rows(0, chunks_.size()) * row_bytes)
    return std::nullopt;
  for (std::size_t i = 0; i < chunks_.size();) {
    Block block{i, i + 1};
    while (block.last < chunks_.size() && chunk_rows(block.first, block.last + 1) * row_bytes <= block_room)
      ++block.last;
    if (!w_here)
      plan.w_bytes = std::max(plan.w_bytes, round_up(chunk_rows(block.first, block.last) * row_bytes, kAlignment));
    plan.blocks.push_back(block);
    i = block.last;
  }
  plan.x_slots = x_min;
  plan.w_slots = w_min;
  std::int64_t spare = plan.region.bytes - fixed - plan.x_slots * plan.x_bytes - plan.w_slots * plan.w_bytes;
  if (spare < 0) return std::nullopt;
  // Keep the operand that the outer loop sweeps again, if all of it fits.
  const std::int64_t batches = c_.batched ? kernel_.dims[0] : 1;
  const std::int64_t all_w = column_tiles * static_cast<std::int64_t>(plan.blocks.size()) * batches;
  const bool keep_w = rows_outer && (all_w - plan.w_slots) * plan.w_bytes <= spare && all_w < 4096;
  const bool keep_x = !rows_outer && (row_tiles - plan.x_slots) * plan.x_bytes <= spare && row_tiles < 4096;
  if (keep_w) plan.w_slots = std::max(plan.w_slots, all_w);
  if (keep_x) plan.x_slots = std::max(plan.x_slots, row_tiles);
  if (context_.prefetch && packed() && plan.w_bytes > 0 && !keep_w) {
    spare -= keep_x ? (plan.x_slots - x_min) * plan.x_bytes : 0;
    const std::int64_t more = std::min(all_w - plan.w_slots, kPrefetchedLoads - plan.w_slots);
    plan.w_slots += std::clamp<std::int64_t>(spare / plan.w_bytes, 0, std::max<std::int64_t>(more, 0));
  }
  plan.cost = estimate(plan, m, row_tiles, column_tiles, all_w, keep_w, keep_x);
  return plan;
}

// Bytes. With prefetch several blocks are under way at a time, and the arrays begin when the first is there.
std::int64_t ContractionCodegen::largest_block() const {
  if (!context_.prefetch) return 8 << 20;
  const std::int64_t all = columns_ * c_.k * rhs_bytes() / chip_.cores;
  return std::max<std::int64_t>(128 << 10, all / kPrefetchedLoads);
}

std::int64_t ContractionCodegen::chunk_rows(std::size_t first, std::size_t last) const {
  std::int64_t rows = 0;
  for (std::size_t i = first; i < last; ++i) rows += chunks_[i].length;
  return rows;
}

double ContractionCodegen::transfer_cycles(StorageId storage, double bytes) const {
  if (context_.storage(storage).in_vmem) return 0.0;
  const Bandwidth& bandwidth = (context_.storage(storage).in_cmem ? chip_.cmem : chip_.hbm).bandwidth;
  return bandwidth.free() ? 0.0 : bytes * static_cast<double>(bandwidth.cycles) / static_cast<double>(bandwidth.bytes);
}

double ContractionCodegen::estimate(const ContractionPlan& plan, std::int64_t m, std::int64_t row_tiles,
                                    std::int64_t column_tiles, std::int64_t all_w, bool keep_w, bool keep_x) const {
  const auto real = [](std::int64_t x) { return static_cast<double>(x); };
  const double waves =
      real(ceil_div(ceil_div(row_tiles, plan.rows_a_wave) * ceil_div(column_tiles, plan.columns_a_wave), chip_.cores));
  const double jobs_a_wave = real(plan.rows_a_wave * plan.columns_a_wave);
  const double tail = real(chip_.mxu.rows + chip_.mxu.columns + 20);
  const double wave_array =
      real(std::max(m, chip_.mxu.rows) * passes_) * real(static_cast<std::int64_t>(chunks_.size())) +
      (chip_.mxu.weight_double_buffer ? 0.0 : tail);
  const std::int64_t tile_columns = std::min(columns_ / groups_, chip_.mxu.columns);
  double wave_vector = 0;
  if (!kernel_.direct_store)
    wave_vector = jobs_a_wave *
                  (real(static_cast<std::int64_t>(
                       kernel_.program.size() *
                       static_cast<std::size_t>(ceil_div(m * tile_columns, chip_.vpu.lanes * chip_.vpu.sublanes)))) +
                   real(static_cast<std::int64_t>(kernel_.inputs.size()) + 3));
  // A wave's sums are free again when its vector run has read them; there are two sets.
  const double wave_turn = (wave_array + tail + wave_vector) / (context_.options.double_buffer ? 2.0 : 1.0);

  const double x_times = plan.rows_outer || keep_x ? 1.0 : real(ceil_div(column_tiles, plan.columns_a_wave));
  const double w_times = !plan.rows_outer || keep_w
                             ? 1.0
                             : real(ceil_div(row_tiles, plan.rows_a_wave)) / real(c_.batched ? kernel_.dims[0] : 1);
  // Cores share out the outer loop; what the inner one sweeps, each of them loads for itself.
  const double outer_waves = real(plan.rows_outer ? ceil_div(row_tiles, plan.rows_a_wave)
                                                  : ceil_div(column_tiles, plan.columns_a_wave));
  const double sharers = std::min(real(chip_.cores), outer_waves);
  const double x_copies = plan.rows_outer ? 1.0 : sharers, w_copies = plan.rows_outer && !c_.batched ? sharers : 1.0;
  double memory = transfer_cycles(c_.lhs.storage, real(row_tiles * plan.x_bytes) * std::max(x_times, x_copies)) +
                  transfer_cycles(c_.rhs.storage, real(all_w * plan.w_bytes) * std::max(w_times, w_copies));
  const double first = transfer_cycles(c_.lhs.storage, real(plan.x_bytes * plan.rows_a_wave)) +
                       transfer_cycles(c_.rhs.storage, real(plan.w_bytes * plan.columns_a_wave));
  const double out_wave =
      transfer_cycles(kernel_.output.storage, real(m * tile_columns * dtype_bytes(kernel_.output_type)) * jobs_a_wave);
  memory += out_wave * waves * real(chip_.cores) - first;
  for (std::size_t i = 0; i < kernel_.inputs.size(); ++i)
    if (!kernel_.inputs[i].dims.empty() && element_count(kernel_.inputs[i].shape) > columns_)
      memory += transfer_cycles(kernel_.inputs[i].storage,
                                real(plan.operand_bytes[i]) * jobs_a_wave * waves * real(chip_.cores));
  const double words = waves * real(arrays_) * real(static_cast<std::int64_t>(chunks_.size())) * 2.0 * passes_;
  const double slowest = std::max({wave_array * waves, wave_vector * waves, wave_turn * waves, memory, words});
  return slowest + 0.02 * (wave_array * waves + wave_vector * waves + std::max(memory, 0.0) + words) + first +
         out_wave + tail + wave_vector;
}

}  // namespace systole::compile
