// `systole gemm` against closed forms: SCALE-Sim's weight-stationary formula on systolic-128-plain, docs/machine.md
// section 10 on chips with a memory.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "base/units.h"
#include "compile/compiler.h"
#include "gemm_form.h"
#include "machine/event.h"

namespace systole {
namespace {

std::int64_t gemm_cycles(const Chip& chip, std::int64_t m, std::int64_t k, std::int64_t n, bool loops = true) {
  const auto graph = compile::gemm_graph(m, k, n, chip.default_format);
  EXPECT_TRUE(graph.ok());
  compile::Options options;
  options.format = chip.default_format;
  options.roll_loops = loops;
  const auto compiled = compile::compile(*graph, chip, options);
  EXPECT_TRUE(compiled.ok()) << (compiled.ok() ? "" : compiled.error().text());
  const auto time = machine::simulate_time(compiled->program, chip);
  EXPECT_TRUE(time.ok()) << (time.ok() ? "" : time.error().text());
  return time->cycles;
}

// (2R + C + M - 2) x ceil(K / R) x ceil(N / C): SCALE-Sim's weight-stationary runtime (arXiv 1811.02883, equation for
// WS).
TEST(Gemm, PlainChipGivesThePublishedFormula) {
  const auto chip = load_chip("systolic-128-plain");
  ASSERT_TRUE(chip.ok()) << chip.error().text();
  Random random(20261121);
  const std::int64_t r = chip->mxu.rows, c = chip->mxu.columns;
  for (int i = 0; i < 200; ++i) {
    const std::int64_t m = random.integer(1, 4000), k = random.integer(1, 1500), n = random.integer(1, 1500);
    EXPECT_EQ(gemm_cycles(*chip, m, k, n), (2 * r + c + m - 2) * ceil_div(k, r) * ceil_div(n, c))
        << m << " x " << k << " x " << n;
  }
  EXPECT_EQ(gemm_cycles(*chip, 1, 1, 1), 2 * r + c - 1);
  EXPECT_EQ(gemm_cycles(*chip, 128, 128, 128), 3 * 128 + 128 - 2);
}

// docs/machine.md, section 10: one tile of rows and columns, any K.
TEST(Gemm, OneTileWithMemoryGivesTheClosedForm) {
  const auto chip = load_chip("systolic-128");
  ASSERT_TRUE(chip.ok()) << chip.error().text();
  Random random(7);
  const std::int64_t r = chip->mxu.rows, c = chip->mxu.columns, latency = chip->hbm.latency_cycles,
                     burst = chip->hbm.burst_bytes;
  const auto transfer = [&](std::int64_t bursts) {
    return ceil_div(bursts * burst * chip->hbm.bandwidth.cycles, chip->hbm.bandwidth.bytes);
  };
  for (int i = 0; i < 300; ++i) {
    const std::int64_t m = random.integer(1, r), k = random.integer(1, 6000), n = random.integer(1, c);
    const std::int64_t chunks = ceil_div(k, r);
    const std::int64_t loads = transfer(ceil_div(2 * m * k, burst)) + transfer(ceil_div(2 * k * n, burst)) + latency;
    const std::int64_t products =
        chunks * r + m + (chip->timing.feeder_latency + r + c - 2 + chip->timing.accumulator_latency);
    const std::int64_t store = transfer(m * ceil_div(4 * n, burst)) + latency;
    EXPECT_EQ(gemm_cycles(*chip, m, k, n), 2 + loads + 1 + products + 1 + store) << m << " x " << k << " x " << n;
  }
}

struct Sizes {
  std::int64_t m = 0, k = 0, n = 0;
};

Sizes draw(Random& random, const Sizes& most) {
  Sizes sizes;
  sizes.m = random.integer(1, most.m);
  sizes.k = random.integer(1, most.k);
  sizes.n = random.integer(1, most.n);
  return sizes;
}

// docs/machine.md, section 10, "Any shape": the chip takes the form's cycles, not one more or less; where the
// inequalities hold, the closed ones. Returns whether they hold. The form does not count the words of hardware loops.
bool expect_form(const Chip& chip, const Sizes& sizes, bool loops) {
  const std::string what = fmt::format("{}: {} x {} x {}", chip.name, sizes.m, sizes.k, sizes.n);
  const test::Product product{sizes.m, sizes.k, sizes.n, dtype_bytes(chip.default_format)};
  const test::GemmTiles tiles = test::gemm_tiles(chip, product);
  const auto steps = test::gemm_steps(chip, product, tiles);
  const std::int64_t cycles = gemm_cycles(chip, sizes.m, sizes.k, sizes.n, loops);
  EXPECT_EQ(cycles, test::gemm_cycles(chip, steps)) << what;
  EXPECT_GE(cycles, test::gemm_array_cycles(chip, steps)) << what;
  EXPECT_GE(cycles, test::gemm_memory_cycles(chip, steps)) << what;
  if (!test::gemm_nothing_waits(chip, product, tiles)) return false;
  EXPECT_EQ(cycles, test::gemm_closed_cycles(chip, product, tiles)) << what;
  return true;
}

TEST(Gemm, AnyShapeTakesTheFormsCycles) {
  const auto chip = load_chip("systolic-128");
  ASSERT_TRUE(chip.ok()) << chip.error().text();
  Random random(11);
  int closed = 0;
  for (int i = 0; i < 400; ++i) closed += expect_form(*chip, draw(random, {4000, 1500, 1500}), true);
  RecordProperty("closed_of_400", closed);
  EXPECT_GT(closed, 100);  // else the inequalities would be tested on too little
}

// Few rows and many columns, long sums (blocks, operands loaded again and again), tall products.
TEST(Gemm, LopsidedShapesTakeTheFormsCycles) {
  const auto chip = load_chip("systolic-128");
  ASSERT_TRUE(chip.ok()) << chip.error().text();
  Random random(12);
  for (const Sizes& most :
       std::vector<Sizes>{{40, 5000, 3000}, {100, 300, 20000}, {20000, 200, 200}, {300, 40000, 3000}, {3000, 20, 3000}})
    for (int i = 0; i < 40; ++i) expect_form(*chip, draw(random, most), true);
}

// The form is of the machine, not of one chip file.
TEST(Gemm, OtherMachinesTakeTheFormsCycles) {
  const auto base = load_chip("systolic-128");
  ASSERT_TRUE(base.ok()) << base.error().text();
  Random random(13);
  int closed = 0;
  for (int i = 0; i < 400; ++i) {
    Chip chip = *base;
    chip.mxu.rows = random.integer(4, 64);
    chip.mxu.columns = random.integer(4, 64);
    chip.mxu.accumulator_rows = 2 * random.integer(8, 512);
    chip.vmem_bytes = random.integer(64, 4096) * 1024;
    chip.hbm.bandwidth.bytes = random.integer(8, 300);
    chip.hbm.bandwidth.cycles = random.integer(1, 3);
    chip.hbm.burst_bytes = std::int64_t{16} << random.integer(0, 3);
    chip.hbm.latency_cycles = random.integer(1, 300);
    chip.timing.queue_depth = random.integer(4, 40);
    chip.timing.feeder_latency = random.integer(1, 5);
    chip.timing.accumulator_latency = random.integer(1, 5);
    closed += expect_form(chip, draw(random, {600, 600, 400}), false);
  }
  RecordProperty("closed_of_400", closed);
  EXPECT_GT(closed, 20);
}

TEST(Gemm, ChipsOfTheCatalogueTakeTheFormsCycles) {
  Random random(14);
  for (const char* name : {"systolic-4", "systolic-8", "systolic-16", "systolic-32"}) {
    const auto chip = load_chip(name);
    ASSERT_TRUE(chip.ok()) << chip.error().text();
    const std::int64_t most = 20 * chip->mxu.rows;
    for (int i = 0; i < 60; ++i) expect_form(*chip, draw(random, {most, most, most}), false);
  }
}

}  // namespace
}  // namespace systole
