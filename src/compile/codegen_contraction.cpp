#include "compile/codegen_contraction.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "base/units.h"
#include "compile/memory_plan.h"
#include "numeric/matmul.h"

namespace systole::compile {

namespace {

// At most R consecutive elements of the contraction (docs/numerics.md, "order of sums").
struct Chunk {
  std::int64_t tap_row = 0;        // kh
  std::int64_t column = 0;         // elements from the window's first element in its row of the input
  std::int64_t weight_row = 0;     // first row of the group's k x n weight matrix
  std::int64_t length = 0;
};

std::vector<Chunk> chunks_of(const Contraction& c, std::int64_t array_rows, std::int64_t in_channels, std::int64_t group_channels,
                             std::int64_t filter_height, std::int64_t filter_width) {
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

// The columns of one weight tile: [lo, hi) of the output's last dimension, all in one group.
struct ColumnTile { std::int64_t group = 0, lo = 0, hi = 0; };

// Consecutive chunks whose weights are loaded together.
struct Block { std::size_t first = 0, last = 0; };

// Boxes that isa::Pad's pitches reach across.
constexpr std::int64_t kMaxFeederBytes = std::int64_t{1} << 27;

struct Plan {
  Shape tile;                       // output tile; its last dimension is the columns of an array
  std::vector<Box> row_tiles;       // over the leading dimensions (the last one is a dummy 0..1)
  std::vector<Block> blocks;
  bool rows_outer = true;
  std::int64_t columns_a_wave = 1, rows_a_wave = 1;
  std::int64_t x_slots = 0, w_slots = 0, x_bytes = 0, w_bytes = 0, out_bytes = 0;
  std::vector<std::int64_t> operand_bytes;
  Region region;
  double cost = 0;
};

class ContractionCodegen {
 public:
  ContractionCodegen(Context& context, const Kernel& kernel, std::size_t number)
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
        column_tiles_.push_back({g, g * group_columns + lo, g * group_columns + std::min(group_columns, lo + chip_.mxu.columns)});
    passes_ = c_.algorithm == graph::Algorithm::kBf16x6 ? 6 : c_.algorithm == graph::Algorithm::kBf16x3 ? 3 : 1;
  }

  Status run(const std::function<void()>& order) {
    if (element_count(kernel_.dims) == 0) {
      order();
      return ok_status();
    }
    if (!choose_plan())
      return unsupported("node '" + kernel_.name + "'",
                         fmt::format("one output row of the product does not fit {} bytes of VMEM", chip_.vmem_bytes), "choose a chip with more VMEM");
    SYSTOLE_TRY(pack_weights());
    program_ = kernel_.direct_store ? 0 : add_microcode(context_.program, kernel_.program);
    make_waves();
    std::vector<CoreBuffers> buffers(context_.cores.size());
    for (std::size_t core = 0; core < context_.cores.size(); ++core) prepare_core(core, buffers[core]);
    order();
    for (std::size_t core = 0; core < context_.cores.size(); ++core) generate_core(core, buffers[core]);
    return ok_status();
  }

 private:
  struct Job { std::size_t rows = 0, columns = 0; };          // indices of row tile and column tile
  struct Wave { std::vector<Job> jobs; };                     // one job an array
  struct Step { std::size_t wave = 0, block = 0; };

  std::int64_t lhs_bytes() const { return dtype_bytes(c_.lhs_type); }
  std::int64_t rhs_bytes() const { return dtype_bytes(c_.rhs_type); }
  bool packed() const { return context_.storage(c_.rhs.storage).constant != nullptr; }
  std::int64_t copies() const { return 1 + context_.lookahead(); }

  // ---- plan
  Box full_tile(const Box& rows, const ColumnTile& columns) const {
    Box box = rows;
    box.lo.back() = columns.lo;
    box.hi.back() = columns.hi;
    return box;
  }

  // The box of the left operand that a row tile reads: clipped to what exists, all channels.
  Box lhs_box(const Box& rows) const {
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

  // What exists of the input's height (d = 1) or width (2), in view coordinates.
  std::pair<std::int64_t, std::int64_t> exists(std::size_t d) const {
    const std::int64_t first = c_.lhs.dims[d].offset + c_.conv.pad_low[d - 1];
    return {first, first + (d == 1 ? c_.in_height : c_.in_width)};
  }

  bool choose_plan() {
    Shape rows = kernel_.dims;
    rows.back() = 1;
    if (c_.batched) rows[0] = 1;
    const std::int64_t row_limit = accumulator_rows();
    std::optional<Plan> best;
    for (int tries = 0; tries < 40; ++tries) {
      const std::int64_t m = element_count(rows);
      const bool allowed = m <= row_limit && (context_.options.tile_limit <= 0 || m * std::min(columns_, chip_.mxu.columns) <= context_.options.tile_limit || m == 1) &&
                           rows[rows.size() - 2] < (1 << 20) && instruction_counts_fit(rows);
      if (allowed) {
        for (const bool outer : {true, false})
          for (const bool whole : {false, true}) {
            auto plan = make_plan(rows, outer, whole);
            if (plan && (!best || plan->cost < best->cost)) best = std::move(plan);
          }
      }
      if (!halve(rows, 1)) break;
    }
    if (!best) return false;
    plan_ = std::move(*best);
    return true;
  }

  // The counts of a matmul instruction (isa::Matmul).
  bool instruction_counts_fit(const Shape& rows) const {
    return !c_.is_convolution || (rows[0] < (1 << 12) && rows[1] < (1 << 14));
  }

  std::int64_t accumulator_rows() const {
    const std::int64_t rows = chip_.mxu.accumulator_rows == 0 ? (1 << 19) : chip_.mxu.accumulator_rows;
    return context_.options.double_buffer ? std::max<std::int64_t>(1, rows / 2) : rows;
  }

  std::optional<Plan> make_plan(const Shape& rows, bool rows_outer, bool whole) const {
    Plan plan;
    plan.tile = rows;
    plan.rows_outer = rows_outer;
    plan.region = whole ? whole_region(chip_) : half_region(chip_, number_);
    Shape row_dims = kernel_.dims;
    row_dims.back() = 1;
    plan.row_tiles = tiles_of(row_dims, rows);
    const auto row_tiles = static_cast<std::int64_t>(plan.row_tiles.size());
    const auto column_tiles = static_cast<std::int64_t>(column_tiles_.size());
    plan.columns_a_wave = std::min(arrays_, column_tiles);
    plan.rows_a_wave = std::min<std::int64_t>(std::max<std::int64_t>(1, arrays_ / plan.columns_a_wave), row_tiles);

    std::int64_t x_elements = 0;
    for (const Box& tile : plan.row_tiles) x_elements = std::max(x_elements, lhs_box(tile).count());
    if (x_elements * lhs_bytes() >= kMaxFeederBytes) return std::nullopt;
    plan.x_bytes = round_up(x_elements * lhs_bytes(), kAlignment);
    const std::int64_t m = element_count(rows);
    const std::int64_t tile_columns = std::min(columns_ / groups_, chip_.mxu.columns);
    plan.out_bytes = kernel_.direct_store ? 0 : round_up(m * tile_columns * dtype_bytes(kernel_.output_type), kAlignment);
    std::int64_t fixed = plan.out_bytes * copies() * arrays_;
    Box largest = plan.row_tiles.front();
    largest.hi.back() = tile_columns;
    for (std::size_t i = 0; i < kernel_.inputs.size(); ++i) {
      const Box box = touched(kernel_.inputs[i], largest, {});
      if (box.count() > kMaxBufferElements) return std::nullopt;
      plan.operand_bytes.push_back(box_bytes(box, kernel_.input_types[i]));
      fixed += plan.operand_bytes.back() * copies() * arrays_;
    }
    const std::int64_t x_min = copies() * plan.rows_a_wave;
    const std::int64_t room = plan.region.bytes - fixed - x_min * plan.x_bytes;
    // Blocks: all chunks if two waves of them fit, else as many as do.
    const std::int64_t w_min = copies() * plan.columns_a_wave * (c_.batched ? plan.rows_a_wave : 1);
    const std::int64_t block_room = std::min<std::int64_t>(room / w_min / kAlignment * kAlignment, 8 << 20);
    const std::int64_t row_bytes = tile_columns * rhs_bytes();
    if (block_room < chip_.mxu.rows * row_bytes && block_room < chunk_rows(0, chunks_.size()) * row_bytes) return std::nullopt;
    for (std::size_t i = 0; i < chunks_.size();) {
      Block block{i, i + 1};
      while (block.last < chunks_.size() && chunk_rows(block.first, block.last + 1) * row_bytes <= block_room) ++block.last;
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
    plan.cost = estimate(plan, m, row_tiles, column_tiles, all_w, keep_w, keep_x);
    return plan;
  }

  std::int64_t chunk_rows(std::size_t first, std::size_t last) const {
    std::int64_t rows = 0;
    for (std::size_t i = first; i < last; ++i) rows += chunks_[i].length;
    return rows;
  }

  double transfer_cycles(StorageId storage, double bytes) const {
    const Bandwidth& bandwidth = (context_.storage(storage).in_cmem ? chip_.cmem : chip_.hbm).bandwidth;
    return bandwidth.free() ? 0.0 : bytes * static_cast<double>(bandwidth.cycles) / static_cast<double>(bandwidth.bytes);
  }

  // Cycles: the slowest of the resources, and what none of them hides: the first loads, and after the last product its vector run and
  // store. A little of the others, so that of two plans with the same bound the lighter wins.
  double estimate(const Plan& plan, std::int64_t m, std::int64_t row_tiles, std::int64_t column_tiles, std::int64_t all_w, bool keep_w, bool keep_x) const {
    const auto real = [](std::int64_t x) { return static_cast<double>(x); };
    const double waves = real(ceil_div(ceil_div(row_tiles, plan.rows_a_wave) * ceil_div(column_tiles, plan.columns_a_wave), chip_.cores));
    const double jobs_a_wave = real(plan.rows_a_wave * plan.columns_a_wave);
    const double tail = real(chip_.mxu.rows + chip_.mxu.columns + 20);
    const double wave_array = real(std::max(m, chip_.mxu.rows) * passes_) * real(static_cast<std::int64_t>(chunks_.size())) + (chip_.mxu.weight_double_buffer ? 0.0 : tail);
    const std::int64_t tile_columns = std::min(columns_ / groups_, chip_.mxu.columns);
    double wave_vector = 0;
    if (!kernel_.direct_store)
      wave_vector = jobs_a_wave * (real(static_cast<std::int64_t>(kernel_.program.size() * static_cast<std::size_t>(ceil_div(m * tile_columns, chip_.vpu.lanes * chip_.vpu.sublanes)))) +
                                   real(static_cast<std::int64_t>(kernel_.inputs.size()) + 3));
    // A wave's sums are free again when its vector run has read them; there are two sets.
    const double wave_turn = (wave_array + tail + wave_vector) / (context_.options.double_buffer ? 2.0 : 1.0);

    const double x_times = plan.rows_outer || keep_x ? 1.0 : real(ceil_div(column_tiles, plan.columns_a_wave));
    const double w_times = !plan.rows_outer || keep_w ? 1.0 : real(ceil_div(row_tiles, plan.rows_a_wave)) / real(c_.batched ? kernel_.dims[0] : 1);
    double memory = transfer_cycles(c_.lhs.storage, real(row_tiles * plan.x_bytes) * x_times) + transfer_cycles(c_.rhs.storage, real(all_w * plan.w_bytes) * w_times);
    const double first = transfer_cycles(c_.lhs.storage, real(plan.x_bytes * plan.rows_a_wave)) + transfer_cycles(c_.rhs.storage, real(plan.w_bytes * plan.columns_a_wave));
    const double out_wave = transfer_cycles(kernel_.output.storage, real(m * tile_columns * dtype_bytes(kernel_.output_type)) * jobs_a_wave);
    memory += out_wave * waves * real(chip_.cores) - first;
    for (std::size_t i = 0; i < kernel_.inputs.size(); ++i)
      if (!kernel_.inputs[i].dims.empty() && element_count(kernel_.inputs[i].shape) > columns_)
        memory += transfer_cycles(kernel_.inputs[i].storage, real(plan.operand_bytes[i]) * jobs_a_wave * waves * real(chip_.cores));
    const double words = waves * real(arrays_) * real(static_cast<std::int64_t>(chunks_.size())) * 2.0 * passes_;
    const double slowest = std::max({wave_array * waves, wave_vector * waves, wave_turn * waves, memory, words});
    return slowest + 0.02 * (wave_array * waves + wave_vector * waves + std::max(memory, 0.0) + words) + first + out_wave + tail + wave_vector;
  }

  // ---- weights
  // One image with all weight tiles, each block contiguous; rows of n elements.
  Status pack_weights() {
    if (!packed()) return ok_status();
    const Tensor& weights = *context_.storage(c_.rhs.storage).constant;
    const std::int64_t batches = c_.batched ? kernel_.dims[0] : 1;
    const std::int64_t k_total = c_.k, n_total = columns_;
    const std::int64_t element = rhs_bytes();
    Tensor image(DType::kU8, {weights.bytes()});
    std::uint8_t* out = image.mutable_raw();
    const std::uint8_t* in = weights.raw();
    for (std::int64_t b = 0; b < batches; ++b) {
      for (const ColumnTile& columns : column_tiles_) {
        for (const Chunk& chunk : chunks_) {
          for (std::int64_t r = 0; r < chunk.length; ++r) {
            const std::int64_t k = chunk.weight_row + r;
            if (c_.rhs_transposed) {
              for (std::int64_t n = columns.lo; n < columns.hi; ++n, out += element)
                std::copy_n(in + ((b * n_total + n) * k_total + k) * element, element, out);
            } else {
              // HWIO: the output features of a group are contiguous.
              const std::int64_t bytes = (columns.hi - columns.lo) * element;
              std::copy_n(in + ((b * k_total + k) * n_total + columns.lo) * element, bytes, out);
              out += bytes;
            }
          }
        }
      }
    }
    SYSTOLE_ASSIGN(weights_address_, add_image(context_.program, chip_, std::move(image)));
    return ok_status();
  }

  // Byte offset in the image of a block of a column tile: column tiles in order, k rows each.
  std::int64_t packed_offset(std::int64_t batch, std::size_t column_tile, const Block& block) const {
    const ColumnTile& columns = column_tiles_[column_tile];
    // Column tiles are in order of groups and columns, each with k rows of its own width.
    return ((batch * columns_ + columns.lo) * c_.k + chunk_rows(0, block.first) * (columns.hi - columns.lo)) * rhs_bytes();
  }

  void load_weights(Core& core, std::int64_t batch, std::size_t column_tile, const Block& block, Arena::Buffer& buffer) {
    const ColumnTile& columns = column_tiles_[column_tile];
    const std::int64_t rows = chunk_rows(block.first, block.last);
    if (packed()) {
      isa::Load load;
      load.far_space = static_cast<std::int64_t>(isa::Space::kHbm);
      load.far = weights_address_ + packed_offset(batch, column_tile, block);
      load.local = buffer.address;
      load.bytes = rows * (columns.hi - columns.lo) * rhs_bytes();
      core.emitter.emit(context_.load_unit(), load, {}, {}, &buffer.object);
      return;
    }
    const std::int64_t k_lo = chunks_[block.first].weight_row;
    Box box;
    std::size_t d = 0;
    const auto push = [&](std::int64_t lo, std::int64_t hi) {
      const std::int64_t offset = c_.rhs.dims[d++].offset;
      box.lo.push_back(lo + offset);
      box.hi.push_back(hi + offset);
    };
    if (c_.is_convolution) {   // HWIO seen as k x n
      const Shape flat{c_.k, columns_};
      box.lo = {k_lo, columns.lo};
      box.hi = {k_lo + rows, columns.hi};
      load_box(context_, core, c_.rhs.storage, flat, box, buffer);
      return;
    }
    if (c_.batched) push(batch, batch + 1);
    if (c_.rhs_transposed) {
      push(columns.lo, columns.hi);
      push(k_lo, k_lo + rows);
    } else {
      push(k_lo, k_lo + rows);
      push(columns.lo, columns.hi);
    }
    load_box(context_, core, c_.rhs.storage, c_.rhs.shape, box, buffer);
  }

  // ---- waves
  void make_waves() {
    const std::size_t rows = plan_.row_tiles.size(), columns = column_tiles_.size();
    const auto rw = static_cast<std::size_t>(plan_.rows_a_wave), cw = static_cast<std::size_t>(plan_.columns_a_wave);
    const auto add = [&](std::size_t r, std::size_t c) {
      Wave wave;
      for (std::size_t i = r; i < std::min(rows, r + rw); ++i)
        for (std::size_t j = c; j < std::min(columns, c + cw); ++j) wave.jobs.push_back({i, j});
      waves_.push_back(std::move(wave));
    };
    if (plan_.rows_outer) {
      for (std::size_t r = 0; r < rows; r += rw)
        for (std::size_t c = 0; c < columns; c += cw) add(r, c);
    } else {
      for (std::size_t c = 0; c < columns; c += cw)
        for (std::size_t r = 0; r < rows; r += rw) add(r, c);
    }
  }

  // What a wave's jobs have in VMEM.
  struct Loaded {
    std::vector<Local> x;                        // per job
    std::vector<Arena::Buffer*> weights;         // per job
    std::vector<std::vector<Local>> operands;    // per job, in the last block
  };

  struct CoreBuffers {
    std::unique_ptr<Arena> arena;
    TileCache x, weights, outputs;
    std::vector<TileCache> operands;
  };

  // Buffers, and the first constant weights: they depend on no other kernel, so they are on their way before the cores meet.
  void prepare_core(std::size_t core_number, CoreBuffers& buffers) {
    Core& core = context_.cores[core_number];
    const auto [first, last] = share(waves_.size(), core_number, context_.cores.size());
    if (first == last) return;
    buffers.arena = std::make_unique<Arena>(core, plan_.region.base, plan_.region.bytes, plan_.region.lower, plan_.region.upper);
    Arena& arena = *buffers.arena;
    buffers.x = TileCache(arena, plan_.x_bytes, plan_.x_slots);
    buffers.weights = TileCache(arena, plan_.w_bytes, plan_.w_slots);
    for (const std::int64_t bytes : plan_.operand_bytes) buffers.operands.emplace_back(arena, bytes, copies() * arrays_);
    if (!kernel_.direct_store) buffers.outputs = TileCache(arena, plan_.out_bytes, copies() * arrays_);
    if (!packed() || context_.lookahead() == 0) return;
    for (const Job& job : waves_[first].jobs) weights_of(core, buffers, job, 0, 0);
  }

  Arena::Buffer* weights_of(Core& core, CoreBuffers& buffers, const Job& job, std::size_t block, std::int64_t step) {
    const std::int64_t batch = c_.batched ? plan_.row_tiles[job.rows].lo[0] : 0;
    const Box key{{batch, static_cast<std::int64_t>(job.columns), static_cast<std::int64_t>(block)}, {0, 0, 0}};
    const auto fill = [&](Arena::Buffer& buffer) { load_weights(core, batch, job.columns, plan_.blocks[block], buffer); };
    return buffers.weights.get(key, step, context_.lookahead(), fill).buffer;
  }

  void generate_core(std::size_t core_number, CoreBuffers& buffers) {
    Core& core = context_.cores[core_number];
    const auto [first, last] = share(waves_.size(), core_number, context_.cores.size());
    if (first == last) return;
    std::vector<Step> steps;
    for (std::size_t w = first; w < last; ++w)
      for (std::size_t b = 0; b < plan_.blocks.size(); ++b) steps.push_back({w, b});
    Loaded now = load(core, buffers, steps.front(), 0);
    for (std::size_t s = 0; s < steps.size(); ++s) {
      Loaded next;
      const bool more = s + 1 < steps.size();
      if (context_.lookahead() > 0 && more) next = load(core, buffers, steps[s + 1], static_cast<std::int64_t>(s + 1));
      compute(core, steps[s], now);
      if (steps[s].block + 1 == plan_.blocks.size()) finish(core, buffers, steps[s], now, static_cast<std::int64_t>(s));
      if (context_.lookahead() == 0 && more) next = load(core, buffers, steps[s + 1], static_cast<std::int64_t>(s + 1));
      now = std::move(next);
    }
  }

  Loaded load(Core& core, CoreBuffers& buffers, const Step& step, std::int64_t number) {
    Loaded loaded;
    const Wave& wave = waves_[step.wave];
    for (const Job& job : wave.jobs) {
      const Box& rows = plan_.row_tiles[job.rows];
      const Box box = lhs_box(rows);
      auto& x = buffers.x.get(box, number, context_.lookahead(),
                              [&](Arena::Buffer& buffer) { load_box(context_, core, c_.lhs.storage, c_.lhs.shape, box, buffer); });
      loaded.x.push_back({x.buffer, box});
      loaded.weights.push_back(weights_of(core, buffers, job, step.block, number));
    }
    if (step.block + 1 < plan_.blocks.size()) return loaded;
    for (const Job& job : wave.jobs) {
      const Box tile = full_tile(plan_.row_tiles[job.rows], column_tiles_[job.columns]);
      std::vector<Local> locals;
      for (std::size_t i = 0; i < kernel_.inputs.size(); ++i) {
        const Box box = touched(kernel_.inputs[i], tile, {});
        auto& entry = buffers.operands[i].get(box, number, context_.lookahead(), [&](Arena::Buffer& buffer) {
          load_box(context_, core, kernel_.inputs[i].storage, kernel_.inputs[i].shape, box, buffer);
        });
        locals.push_back({entry.buffer, box});
      }
      loaded.operands.push_back(std::move(locals));
    }
    return loaded;
  }

  std::int64_t sums_row(std::size_t wave) const {
    const std::int64_t half = chip_.mxu.accumulator_rows == 0 ? element_count(plan_.tile) : accumulator_rows();
    return context_.options.double_buffer && wave % 2 == 1 ? half : 0;
  }
  Object& sums_object(Core& core, std::size_t wave, std::size_t array) const {
    return core.sums[array][context_.options.double_buffer ? wave % 2 : 0];
  }

  // Pushes and matmuls of a block, chunk by chunk over the arrays in turn, so that no array waits for another's queue.
  void compute(Core& core, const Step& step, const Loaded& loaded) {
    const Wave& wave = waves_[step.wave];
    const Block& block = plan_.blocks[step.block];
    for (std::size_t i = block.first; i < block.last; ++i) {
      for (int pass = 6 - passes_; pass < 6; ++pass) {
        for (std::size_t j = 0; j < wave.jobs.size(); ++j) {
          const bool first = i == 0 && pass == 6 - passes_;
          const int shown = passes_ == 1 ? -1 : pass;
          emit_push(core, j, wave.jobs[j], block, i, shown, *loaded.weights[j]);
          emit_matmul(core, step, j, wave.jobs[j], i, shown, !first, loaded.x[j]);
        }
      }
    }
  }

  void emit_push(Core& core, std::size_t array, const Job& job, const Block& block, std::size_t chunk, int pass, Arena::Buffer& weights) {
    const ColumnTile& columns = column_tiles_[job.columns];
    const std::int64_t n = columns.hi - columns.lo;
    const std::int64_t row = chunk_rows(block.first, chunk);
    isa::Push push;
    const bool transposed = c_.rhs_transposed && !packed();
    const std::int64_t block_rows = chunk_rows(block.first, block.last);
    push.pitch = (transposed ? block_rows : n) * rhs_bytes();
    push.weights = weights.address + (transposed ? row : row * n) * rhs_bytes();
    push.rows = chunks_[chunk].length;
    push.columns = n;
    push.type = static_cast<std::int64_t>(c_.rhs_type);
    push.format = static_cast<std::int64_t>(pass >= 0 ? DType::kBF16 : c_.weight_format);
    push.part = pass >= 0 ? kPassWeight[pass] + 1 : 0;
    push.transpose = transposed ? 1 : 0;
    core.emitter.emit(isa::push_unit(static_cast<int>(array)), push, {&weights.object});
  }

  void emit_matmul(Core& core, const Step& step, std::size_t array, const Job& job, std::size_t chunk_number, int pass, bool accumulate, const Local& x) {
    const Chunk& chunk = chunks_[chunk_number];
    const Box& rows = plan_.row_tiles[job.rows];
    const ColumnTile& columns = column_tiles_[job.columns];
    const isa::UnitId unit = isa::matrix_unit(static_cast<int>(array));
    isa::Pad pad;
    isa::Matmul matmul;
    const std::int64_t element = lhs_bytes();
    pad.type = static_cast<std::int64_t>(c_.lhs_type);
    if (c_.is_convolution) {
      const std::int64_t height = x.box.size(1), width = x.box.size(2) * in_channels_;
      const auto local = [&](std::size_t d) {   // of the window's first element, in the box
        return c_.lhs.dims[d].offset + c_.lhs.dims[d].scale * rows.lo[d] - x.box.lo[d];
      };
      pad.image_pitch = height * width * element;
      pad.row_pitch = c_.conv.stride[0] * width * element;
      pad.step_pitch = c_.conv.stride[1] * in_channels_ * element;
      pad.row_step = c_.conv.stride[0];
      pad.column_step = c_.conv.stride[1] * in_channels_;
      pad.height = height;
      pad.width = width;
      matmul.images = rows.size(0);
      matmul.out_rows = rows.size(1);
      matmul.out_columns = rows.size(2);
      matmul.row = local(1) + chunk.tap_row * c_.conv.rhs_dilation[0];
      matmul.column = local(2) * in_channels_ + chunk.column + columns.group * group_channels_;
      matmul.source = (x.buffer->address + (matmul.row * width + matmul.column) * element) & 0xFFFFFFFF;
    } else {
      const std::size_t m = rows.lo.size() - 2;
      pad.step_pitch = c_.k * element;
      matmul.out_columns = rows.size(m);
      matmul.column = chunk.column;
      matmul.source = x.buffer->address + chunk.column * element;
    }
    if (!(core.pads[array] == pad)) {
      core.emitter.emit(unit, pad);
      core.pads[array] = pad;
    }
    matmul.length = chunk.length;
    matmul.columns = columns.hi - columns.lo;
    matmul.accumulator = sums_row(step.wave);
    matmul.accumulate = accumulate ? 1 : 0;
    matmul.format = static_cast<std::int64_t>(pass >= 0 ? DType::kBF16 : c_.format);
    matmul.part = pass >= 0 ? kPassActivation[pass] + 1 : 0;
    core.emitter.emit(unit, matmul, {&x.buffer->object}, {&sums_object(core, step.wave, array)});
  }

  // From the accumulators to far memory, through the vector unit if there is an epilogue.
  void finish(Core& core, CoreBuffers& buffers, const Step& step, const Loaded& loaded, std::int64_t number) {
    const Wave& wave = waves_[step.wave];
    for (std::size_t j = 0; j < wave.jobs.size(); ++j) {
      const Box tile = full_tile(plan_.row_tiles[wave.jobs[j].rows], column_tiles_[wave.jobs[j].columns]);
      const Box out_box = touched(kernel_.output, tile, {});
      Object& sums = sums_object(core, step.wave, j);
      if (kernel_.direct_store) {
        store_sums(context_, core, kernel_.output.storage, kernel_.output.shape, out_box, static_cast<int>(j), sums_row(step.wave), sums);
        continue;
      }
      auto& out = buffers.outputs.next(number, context_.lookahead());
      const Accumulators accumulators{static_cast<int>(j), sums_row(step.wave), &sums};
      emit_run(context_, core, kernel_, program_, tile, loaded.operands[j], {out.buffer, out_box}, &accumulators);
      store_box(context_, core, kernel_.output.storage, kernel_.output.shape, out_box, *out.buffer);
    }
  }

  Context& context_;
  const Kernel& kernel_;
  const Contraction& c_;
  std::size_t number_;
  const Chip& chip_;
  std::int64_t arrays_ = 1, columns_ = 0, groups_ = 1, in_channels_ = 0, group_channels_ = 0, filter_height_ = 1, filter_width_ = 1;
  int passes_ = 1;
  std::vector<Chunk> chunks_;
  std::vector<ColumnTile> column_tiles_;
  Plan plan_;
  std::vector<Wave> waves_;
  std::int64_t weights_address_ = 0, program_ = 0;
};

}  // namespace

Status generate_contraction(Context& context, const Kernel& kernel, std::size_t number, const std::function<void()>& order) {
  return ContractionCodegen(context, kernel, number).run(order);
}

}  // namespace systole::compile
