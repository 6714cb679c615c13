// docs/machine.md, section 10, "Any shape": the cycles of `systole gemm` from M, K, N and the chip's fields alone.
// Shares no code with the compiler or the engines. For chips with one core, one array, shadow weights, two DMA engines,
// control_cycles 1, bounded accumulators and no free memory; K at most 65535.
#pragma once

#include <cstdint>
#include <vector>

#include "base/units.h"
#include "chip/chip.h"

namespace systole::test {

// M x K times K x N; the operands' elements have e bytes, the result's 4.
struct Product {
  std::int64_t m = 0, k = 0, n = 0, e = 2;
};

struct GemmTiles {
  std::int64_t rows = 0;             // of the product, a tile; a tile of columns has the array's C
  bool rows_outer = true;            // the loop over row tiles is the outer one
  std::vector<std::int64_t> blocks;  // chunks of R of the contraction whose weights are loaded together
  std::int64_t x_buffers = 0, w_buffers = 0;
};

// Pushes and products of a block of a tile, and what it must load first.
struct GemmStep {
  struct Load {
    std::int64_t bursts = 0;      // 0: a buffer holds it
    std::int64_t last_user = -1;  // the step that used its buffer last
  };
  std::int64_t wave = 0, rows = 0, chunks = 0;
  std::int64_t last_chunk = 0;  // its number over all steps
  bool begins_wave = false, ends_wave = false;
  Load x, w;
  std::int64_t store_bursts = 0;  // of the wave
};

// Of bursts that nothing else shares the memory with.
inline std::int64_t burst_cycles(const Chip& chip, std::int64_t bursts) {
  return ceil_div(bursts * chip.hbm.burst_bytes * chip.hbm.bandwidth.cycles, chip.hbm.bandwidth.bytes);
}

// From the last row of a product to its end.
inline std::int64_t product_tail(const Chip& chip) {
  return chip.timing.feeder_latency + chip.mxu.rows + chip.mxu.columns - 2 + chip.timing.accumulator_latency;
}

GemmTiles gemm_tiles(const Chip& chip, const Product& product);
std::vector<GemmStep> gemm_steps(const Chip& chip, const Product& product, const GemmTiles& tiles);

// The cycles, exactly.
std::int64_t gemm_cycles(const Chip& chip, const std::vector<GemmStep>& steps);
// What it takes if the array waits for the first operands only: no shape takes less.
std::int64_t gemm_array_cycles(const Chip& chip, const std::vector<GemmStep>& steps);
// What the bytes alone take.
std::int64_t gemm_memory_cycles(const Chip& chip, const std::vector<GemmStep>& steps);

// The inequalities under which the array waits for nothing but its first operands, and the cycles then, without a
// schedule.
bool gemm_nothing_waits(const Chip& chip, const Product& product, const GemmTiles& tiles);
std::int64_t gemm_closed_cycles(const Chip& chip, const Product& product, const GemmTiles& tiles);

}  // namespace systole::test
