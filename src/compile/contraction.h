// Code for a product in two parts: the plan (tiles, loop order, what stays resident, by estimated cost) and the
// instructions.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "compile/codegen_vector.h"

namespace systole::compile {

// At most R consecutive elements of the contraction (docs/numerics.md, "order of sums").
struct Chunk {
  std::int64_t tap_row = 0;     // kh
  std::int64_t column = 0;      // elements from the window's first element in its row of the input
  std::int64_t weight_row = 0;  // first row of the group's k x n weight matrix
  std::int64_t length = 0;
};

// The columns of one weight tile: [lo, hi) of the output's last dimension, all in one group.
struct ColumnTile {
  std::int64_t group = 0, lo = 0, hi = 0;
};

// Consecutive chunks whose weights are loaded together.
struct Block {
  std::size_t first = 0, last = 0;
};

struct ContractionPlan {
  Shape tile;                  // output tile; its last dimension is the columns of an array
  std::vector<Box> row_tiles;  // over the leading dimensions (the last one is a dummy 0..1)
  std::vector<Block> blocks;
  bool rows_outer = true;
  std::int64_t columns_a_wave = 1, rows_a_wave = 1;
  std::int64_t x_slots = 0, w_slots = 0, x_bytes = 0, w_bytes = 0, out_bytes = 0;
  std::vector<std::int64_t> operand_bytes;
  Region region;
  double cost = 0;
};

// Loads that a core has under way ahead of time; more would fill the queue of the engine and hold up the sequencer.
constexpr std::int64_t kPrefetchedLoads = 24;

class ContractionCodegen {
 public:
  ContractionCodegen(Context& context, const Kernel& kernel, std::size_t number);

  // First: chooses the plan and packs constant weights.
  Status prepare();
  // Then, if wanted, while an earlier kernel's code is made: a core's buffers, and loads of constants into them, as many as
  // there is room for. They depend on no other kernel.
  void prefetch(std::size_t core);
  // Then: the code. order(): called before anything of another kernel is touched. between(core): called before a core's
  // last step, when all it needs is being loaded.
  void generate(const std::function<void()>& order, const std::function<void(std::size_t core)>& between);

  std::size_t number() const { return number_; }
  const Region& region() const { return plan_.region; }

 private:
  struct Job {
    std::size_t rows = 0, columns = 0;
  };  // indices of row tile and column tile
  struct Wave {
    std::vector<Job> jobs;
  };  // one job an array
  struct Step {
    std::size_t wave = 0, block = 0;
  };

  std::int64_t lhs_bytes() const { return dtype_bytes(c_.lhs_type); }
  std::int64_t rhs_bytes() const { return dtype_bytes(c_.rhs_type); }
  bool packed() const { return context_.storage(c_.rhs.storage).constant != nullptr; }
  bool in_vmem(const Access& access) const { return context_.storage(access.storage).in_vmem; }
  std::int64_t copies() const { return 1 + context_.lookahead(); }

  // ---- plan
  Box full_tile(const Box& rows, const ColumnTile& columns) const;

  // The box of the left operand that a row tile reads: clipped to what exists, all channels.
  Box lhs_box(const Box& rows) const;

  // What exists of the input's height (d = 1) or width (2), in view coordinates.
  std::pair<std::int64_t, std::int64_t> exists(std::size_t d) const;

  bool choose_plan();

  // The counts of a matmul instruction (isa::Matmul).
  bool instruction_counts_fit(const Shape& rows) const;

  std::int64_t accumulator_rows() const;
  bool in_halves() const;   // the accumulators: one half is filled while the other is read

  // Column tiles that a wave may have: as many as there are arrays, or fewer, so that each core has tiles of its own, as
  // many as the others: weights are loaded once, not once a core.
  std::vector<std::int64_t> columns_at_once() const;

  std::optional<ContractionPlan> make_plan(const Shape& rows, bool rows_outer, bool whole,
                                           std::int64_t columns_a_wave) const;

  std::int64_t largest_block() const;

  std::int64_t chunk_rows(std::size_t first, std::size_t last) const;

  double transfer_cycles(StorageId storage, double bytes) const;

  // Cycles: the slowest of the resources, and what none of them hides: the first loads, and after the last product its
  // vector run and store. A little of the others, so that of two plans with the same bound the lighter wins.
  double estimate(const ContractionPlan& plan, std::int64_t m, std::int64_t row_tiles, std::int64_t column_tiles,
                  std::int64_t all_w, bool keep_w, bool keep_x) const;

  // ---- weights
  // One image with all weight tiles, each block contiguous; rows of n elements.
  Status pack_weights();

  // Byte offset in the image of a block of a column tile: column tiles in order, k rows each.
  std::int64_t packed_offset(std::int64_t batch, std::size_t column_tile, const Block& block) const;

  void load_weights(Core& core, std::int64_t batch, std::size_t column_tile, const Block& block, Arena::Buffer& buffer);

  // The box of the right operand that is a block of a column tile, in a view of shape `rhs_shape`.
  Box rhs_box(std::int64_t batch, const ColumnTile& columns, const Block& block) const;
  Shape rhs_shape() const { return c_.is_convolution ? Shape{c_.k, columns_} : c_.rhs.shape; }

  // ---- waves
  void make_waves();

  // A block of weights: element (r, n) of it stands r x pitch + n elements (transposed: the reverse) behind `address`.
  struct Weights {
    std::int64_t address = 0;
    Object* object = nullptr;
    std::int64_t pitch = 0;  // bytes
  };

  // What a wave's jobs have in VMEM.
  struct Loaded {
    std::vector<Local> x;                      // per job
    std::vector<Box> windows;                  // per job: the part of x that its rows read
    std::vector<Weights> weights;              // per job
    std::vector<std::vector<Local>> operands;  // per job, in the last block
  };

  struct CoreBuffers {
    std::unique_ptr<Arena> arena;
    TileCache x, weights, outputs;
    std::vector<TileCache> operands;
  };

  void allocate(std::size_t core_number);
  std::vector<Step> steps_of(std::size_t core_number) const;

  std::int64_t batch_of(const Job& job) const { return c_.batched ? plan_.row_tiles[job.rows].lo[0] : 0; }
  Weights weights_of(Core& core, CoreBuffers& buffers, const Job& job, std::size_t block, std::int64_t step);

  void generate_core(std::size_t core_number, const std::function<void(std::size_t core)>& between);

  Loaded load(Core& core, CoreBuffers& buffers, const Step& step, std::int64_t number);

  std::int64_t sums_row(std::size_t wave) const;
  Object& sums_object(Core& core, std::size_t wave, std::size_t array) const;

  // Pushes and matmuls of a block, chunk by chunk over the arrays in turn, so that no array waits for another's queue.
  void compute(Core& core, const Step& step, const Loaded& loaded);

  void emit_push(Core& core, std::size_t array, const Job& job, const Block& block, std::size_t chunk, int pass,
                 const Weights& weights);

  void emit_matmul(Core& core, const Step& step, std::size_t array, const Job& job, std::size_t chunk_number, int pass,
                   bool accumulate, const Local& x, const Box& window);

  // From the accumulators to far memory, through the vector unit if there is an epilogue.
  void finish(Core& core, CoreBuffers& buffers, const Step& step, const Loaded& loaded, std::int64_t number);

  Context& context_;
  const Kernel& kernel_;
  const Contraction& c_;
  std::size_t number_;
  const Chip& chip_;
  std::int64_t arrays_ = 1, columns_ = 0, groups_ = 1, in_channels_ = 0, group_channels_ = 0, filter_height_ = 1,
               filter_width_ = 1;
  int passes_ = 1;
  std::vector<Chunk> chunks_;
  std::vector<ColumnTile> column_tiles_;
  ContractionPlan plan_;
  std::vector<Wave> waves_;
  std::vector<CoreBuffers> buffers_;  // per core
  std::int64_t weights_address_ = 0, program_ = 0;
};

}  // namespace systole::compile
