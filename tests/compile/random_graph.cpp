#include "random_graph.h"

namespace systole::test {

Chip small_chip(Random& random) {
  Chip chip;
  chip.name = "random";
  chip.cores = random.integer(1, 2);
  chip.mxu.count = random.integer(1, 3);
  chip.mxu.rows = random.integer(1, 9);
  chip.mxu.columns = random.integer(1, 9);
  chip.mxu.weight_double_buffer = random.chance(0.8);
  chip.mxu.formats = {DType::kBF16, DType::kI8, DType::kU8};
  if (random.chance(0.2)) chip.mxu.formats.push_back(DType::kI16);
  if (random.chance(0.2)) chip.mxu.formats.push_back(DType::kF32);
  if (random.chance(0.2)) chip.mxu.formats.push_back(fixed_type(static_cast<int>(random.integer(1, 15))));
  if (random.chance(0.2)) chip.mxu.formats.push_back(DType::kF16);
  chip.mxu.accumulator_rows = random.chance(0.1) ? random.integer(0, 2) : random.integer(2, 64);   // 0: any number
  chip.vpu.lanes = random.integer(1, 8);
  chip.vpu.sublanes = random.integer(1, 3);
  chip.vpu.strided_cycles = random.integer(1, 4);
  chip.vmem_bytes = 64 * random.integer(200, 1500);
  chip.dma_engines = random.integer(1, 3);
  chip.hbm = {
      true, 1 << 26, {random.integer(1, 64), random.integer(1, 3)}, 16 << random.integer(0, 2), random.integer(0, 20)};
  if (random.chance(0.4)) chip.cmem = {true, 1 << random.integer(10, 16), {64, 1}, 64, 3};
  chip.timing.queue_depth = random.integer(1, 16);
  chip.timing.control_cycles = random.integer(0, 1);
  return chip;
}

}  // namespace systole::test
