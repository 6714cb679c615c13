// Durations against the formulas of docs/machine.md, worked out by hand.
#include <gtest/gtest.h>

#include <array>

#include "timing/timing.h"

namespace systole::timing {
namespace {

Chip small_chip() {
  Chip chip;
  chip.mxu.rows = 8;
  chip.mxu.columns = 6;
  chip.vpu.lanes = 4;
  chip.vpu.sublanes = 2;
  chip.vpu.strided_cycles = 3;
  chip.hbm = {true, 1 << 20, {3, 2}, 64, 100};
  chip.cmem = {true, 1 << 16, {0, 1}, 64, 7};
  return chip;
}

const std::array<isa::Bind, isa::kVectorSlots> kNoBinds{};
std::int64_t busy(const Chip& chip, const isa::Body& body) { return busy_cycles(chip, {body}, {}, kNoBinds); }

TEST(InstructionTime, PushTakesARowACycle) {
  const Chip chip = small_chip();
  EXPECT_EQ(busy(chip, isa::Push{}), 8);
  EXPECT_EQ(busy(chip, isa::Push{.transpose = 1}), 8);
  Chip wide = chip;
  wide.mxu.columns = 20;
  EXPECT_EQ(busy(wide, isa::Push{}), 8);
  EXPECT_EQ(busy(wide, isa::Push{.transpose = 1}), 20);
  EXPECT_EQ(tail_cycles(chip, {isa::Push{}}), 0);
}

TEST(InstructionTime, MatmulStreamsItsRowsAndDrains) {
  const Chip chip = small_chip();
  EXPECT_EQ(busy(chip, isa::Matmul{.images = 2, .out_rows = 3, .out_columns = 5}), 30);
  EXPECT_EQ(tail_cycles(chip, {isa::Matmul{}}), 1 + 8 + 6 - 2 + 1);
}

TEST(InstructionTime, TransfersAskForWholeBursts) {
  const Chip chip = small_chip();
  const isa::Instruction load{isa::Load{.bytes = 65, .rows = 3, .planes = 2}, isa::dma_unit(0)};
  EXPECT_EQ(bursts(chip, load), 2 * 3 * 2);
  EXPECT_EQ(transfer_bytes(load), 65 * 6);
  EXPECT_EQ(tail_cycles(chip, load), 100);
  EXPECT_EQ(busy_cycles(chip, load, {}, kNoBinds), 0);
  EXPECT_EQ(transfer_cycles(chip.hbm, 12), (12 * 64 * 2 + 2) / 3);
  const isa::Instruction gather{isa::Gather{.bytes = 64, .count = 9}, isa::dma_unit(0)};
  EXPECT_EQ(bursts(chip, gather), 9);
  const isa::Instruction free_store{isa::Store{.far_space = 1, .bytes = 64, .rows = 4}, isa::dma_unit(1)};
  EXPECT_EQ(bursts(chip, free_store), 0);
  EXPECT_EQ(tail_cycles(chip, free_store), 0);
  EXPECT_EQ(transfer_bytes(free_store), 256);
}

MicroOp load_of(int slot) { return {.op = MicroOpcode::kLoad, .slot = static_cast<std::uint8_t>(slot)}; }
MicroOp store_of(int slot) { return {.op = MicroOpcode::kStore, .slot = static_cast<std::uint8_t>(slot)}; }
const MicroOp kAdd{.op = MicroOpcode::kFAdd};

TEST(InstructionTime, MapPaysForStridedStreamsByTheFastestDimensionWithMoreThanOneIndex) {
  const Chip chip = small_chip();
  std::array<isa::Bind, isa::kVectorSlots> binds{};
  binds[0] = {.slot = 0, .s3 = 5, .s4 = 1};
  binds[1] = {.slot = 1, .s3 = 1, .s4 = 7};
  const std::vector<MicroOp> ops = {load_of(0), load_of(1), kAdd, store_of(0)};
  isa::Run run{.prologue = 1, .body = 2, .epilogue = 1, .d3 = 3, .d4 = 6, .w0 = 2, .w1 = 3};
  // 18 elements, 8 a step: 3 steps. Slot 0 contiguous (1), slot 1 strided (3).
  EXPECT_EQ(run_cycles(chip, run, ops, binds), 3 * (1 + 6 * (3 + 1) + 1));
  run.d4 = 1;   // now d3 is the fastest: slot 0 strided, slot 1 contiguous; 3 elements, 1 step
  EXPECT_EQ(run_cycles(chip, run, ops, binds), 1 * (3 + 6 * (1 + 1) + 3));
  run.d3 = 1;   // one element: nothing strides
  EXPECT_EQ(run_cycles(chip, run, ops, binds), 1 * (1 + 6 * 2 + 1));
}

TEST(InstructionTime, ReductionCountsChunksOfLanesAndTheTree) {
  const Chip chip = small_chip();
  std::array<isa::Bind, isa::kVectorSlots> binds{};
  binds[0] = {.slot = 0, .s4 = 10, .w1 = 1};
  binds[1] = {.slot = 1, .s4 = 1};
  const std::vector<MicroOp> ops = {load_of(0), kAdd, store_of(1)};
  isa::Run run{.prologue = 0, .body = 2, .epilogue = 1, .mode = 1, .d4 = 5, .w1 = 10};
  // 5 elements, 2 sublanes: 3 steps; 10 taps, 4 lanes: 3 chunks of (2 + 1); tree over 4 lanes: 2; epilogue 1.
  EXPECT_EQ(run_cycles(chip, run, ops, binds), 3 * (0 + 3 * 3 + 2 + 1));
  run.w1 = 3;   // one chunk; tree over 3: 2
  EXPECT_EQ(run_cycles(chip, run, ops, binds), 3 * (3 + 2 + 1));
  run.w1 = 1;   // no tree
  EXPECT_EQ(run_cycles(chip, run, ops, binds), 3 * (3 + 0 + 1));
  run.w0 = 4;   // now w0 is the fast one: stride 0
  EXPECT_EQ(run_cycles(chip, run, ops, binds), 3 * (3 + 2 + 1));
  binds[0].w0 = 9;
  EXPECT_EQ(run_cycles(chip, run, ops, binds), 3 * (5 + 2 + 1));
}

TEST(InstructionTime, EverythingElseTakesOneCycle) {
  const Chip chip = small_chip();
  EXPECT_EQ(busy(chip, isa::Bind{}), 1);
  EXPECT_EQ(busy(chip, isa::Window{}), 1);
  EXPECT_EQ(busy(chip, isa::Pad{}), 1);
  EXPECT_EQ(busy(chip, isa::Nop{}), 1);
  EXPECT_EQ(busy_cycles(chip, {isa::Run{}}, {}, kNoBinds), 1);
  EXPECT_EQ(tail_cycles(chip, {isa::Run{}}), 4);
  EXPECT_EQ(tail_cycles(chip, {isa::Bind{}}), 0);
}

}  // namespace
}  // namespace systole::timing
