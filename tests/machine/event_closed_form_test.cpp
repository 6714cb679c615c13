// Whole programs whose time has a formula.
#include <gtest/gtest.h>

#include "machine/event.h"

namespace systole::machine {
namespace {

constexpr std::uint16_t bit(isa::UnitId unit) { return static_cast<std::uint16_t>(1u << unit); }
const isa::UnitId kPush0 = isa::push_unit(0), kMxu0 = isa::matrix_unit(0), kDma0 = isa::dma_unit(0), kDma1 = isa::dma_unit(1);

// The published textbook array: no control, no shadow weights, memories that cost nothing.
Chip plain_chip(std::int64_t rows, std::int64_t columns) {
  Chip chip;
  chip.name = "plain";
  chip.mxu.rows = rows;
  chip.mxu.columns = columns;
  chip.mxu.weight_double_buffer = false;
  chip.vpu = {true, 8, 1, 1};
  chip.vmem_bytes = 1 << 20;
  chip.hbm = {true, 1 << 20, {0, 1}, 64, 0};
  chip.timing = {0, 32, 0, 0, 0, 0};
  return chip;
}
Chip pipelined_chip(std::int64_t rows, std::int64_t columns) {
  Chip chip = plain_chip(rows, columns);
  chip.mxu.weight_double_buffer = true;
  chip.hbm.bandwidth = {16, 1};
  chip.timing = {1, 32, 1, 1, 4, 16};
  return chip;
}

isa::Program program_of(std::vector<isa::Instruction> code) {
  isa::Program program;
  code.push_back({isa::Halt{}, isa::kScalar});
  program.cores.push_back({std::move(code), {}});
  return program;
}
std::int64_t cycles(const isa::Program& program, const Chip& chip) {
  const auto report = simulate_time(program, chip);
  EXPECT_TRUE(report.ok()) << report.error().text();
  return report.ok() ? report->cycles : -1;
}
isa::Program tiles(std::int64_t count, std::int64_t rows) {
  return program_of({{isa::Loop{.count = count}, isa::kScalar},
                     {isa::Push{.rows = 1, .columns = 1}, kPush0},
                     {isa::Matmul{.out_columns = rows, .length = 1, .columns = 1}, kMxu0},
                     {isa::End{}, isa::kScalar}});
}

TEST(ClosedForm, PlainArrayTakesTwoRPlusCPlusMMinusTwoATile) {
  for (const std::int64_t r : {4, 128}) {
    for (const std::int64_t c : {4, 96}) {
      for (const std::int64_t m : {1, 7, 300}) {
        for (const std::int64_t n : {1, 2, 10}) EXPECT_EQ(cycles(tiles(n, m), plain_chip(r, c)), n * (2 * r + c + m - 2));
      }
    }
  }
}

TEST(ClosedForm, ShadowWeightsCostTheLargerOfPushAndStreamATile) {
  const std::int64_t r = 32, c = 16;
  for (const std::int64_t m : {5, 32, 33, 200}) {
    const std::int64_t step = cycles(tiles(51, m), pipelined_chip(r, c)) - cycles(tiles(50, m), pipelined_chip(r, c));
    EXPECT_EQ(step, std::max(m, r)) << "M " << m;
  }
}

TEST(ClosedForm, OneTileOnThePipelinedMachine) {
  // F(0) = 0, A = 1, I = 1, S(push) = 2, its end 2 + R. S(swap) = 2 + R. E = S + M + tail.
  const std::int64_t r = 8, c = 5, m = 11;
  const isa::Program program = program_of({{isa::Push{.rows = 1, .columns = 1}, kPush0},
                                           {isa::Matmul{.out_columns = m, .length = 1, .columns = 1}, kMxu0}});
  EXPECT_EQ(cycles(program, pipelined_chip(r, c)), 2 + r + m + (1 + r + c - 2 + 1));
}

TEST(ClosedForm, BackToBackLeavesNoGapAndAHandOverCostsOneCycle) {
  const Chip chip = pipelined_chip(4, 4);
  std::vector<isa::Instruction> code;
  for (int i = 0; i < 10; ++i) code.push_back({isa::Nop{}, isa::kVector});
  EXPECT_EQ(cycles(program_of(code), chip), 2 + 10);
  code.back().signal = bit(kPush0);
  code.push_back({isa::Nop{}, kPush0, bit(isa::kVector)});
  EXPECT_EQ(cycles(program_of(code), chip), 2 + 10 + 1 + 1);
}

TEST(ClosedForm, TwoEnginesShareTheMemory) {
  // 16 bytes a cycle, bursts of 64: a burst every 4 cycles; 100 bursts each, the second starts one cycle later but is
  // served in turn, so both end with the memory: S = 2, 200 bursts.
  const Chip chip = pipelined_chip(4, 4);
  const isa::Load load{.bytes = 64, .rows = 100, .pitch = 64};
  EXPECT_EQ(cycles(program_of({{load, kDma0}}), chip), 2 + 400);
  EXPECT_EQ(cycles(program_of({{load, kDma0}, {load, kDma1}}), chip), 2 + 800);
  const auto report = simulate_time(program_of({{load, kDma0}, {load, kDma1}}), chip);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->memory.at("hbm").read_bytes, 2 * 6400);
  EXPECT_EQ(report->memory.at("vmem").written_bytes, 2 * 6400);
  EXPECT_EQ(report->units[2].busy, 400);
  EXPECT_EQ(report->units[2].stall.at("memory"), 396);   // its last burst is the last but one
}

TEST(ClosedForm, ABarrierOfTwoCoresCostsItsCycles) {
  Chip chip = pipelined_chip(4, 4);
  chip.cores = 2;
  isa::Program program = program_of({{isa::Barrier{}, isa::kScalar}, {isa::Nop{}, isa::kVector}});
  EXPECT_EQ(cycles(program, chip), 1 + 2 + 1);
  program.cores.push_back({{{isa::Nop{}, isa::kScalar}, {isa::Nop{}, isa::kScalar}, {isa::Barrier{}, isa::kScalar}, {isa::Halt{}, isa::kScalar}}, {}});
  EXPECT_EQ(cycles(program, chip), 2 + 16 + 1 + 2 + 1);
}

TEST(ClosedForm, ABoundsCheckReadsOnlyWhatIsInside) {
  // 3 x 3 windows of 2 channels over a 5 x 7 picture padded by one: the middle kernel row reads every row once.
  const Chip chip = pipelined_chip(8, 8);
  const isa::Pad pad{.image_pitch = 70, .row_pitch = 14, .step_pitch = 2, .height = 5, .width = 14, .row_step = 1, .column_step = 2,
                     .type = static_cast<std::int64_t>(DType::kI8)};
  const auto bytes = [&](std::int64_t row) {
    const isa::Matmul matmul{.images = 2, .out_rows = 5, .out_columns = 7, .length = 6, .columns = 8, .row = row, .column = -2,
                             .swap = 0, .format = static_cast<std::int64_t>(DType::kI8)};
    const auto report = simulate_time(program_of({{pad, kMxu0}, {matmul, kMxu0}}), chip);
    return report.ok() ? report->memory.at("vmem").read_bytes : -1;
  };
  EXPECT_EQ(bytes(0), 2 * 5 * (7 * 6 - 2 * 2));
  EXPECT_EQ(bytes(-1), 2 * 4 * (7 * 6 - 2 * 2));
}

}  // namespace
}  // namespace systole::machine
