// `systole gemm` against closed forms: SCALE-Sim's weight-stationary formula on systolic-128-plain, docs/machine.md
// section 10 on systolic-128.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "base/units.h"
#include "compile/compiler.h"
#include "machine/event.h"

namespace systole {
namespace {

std::int64_t gemm_cycles(const Chip& chip, std::int64_t m, std::int64_t k, std::int64_t n) {
  const auto graph = compile::gemm_graph(m, k, n, chip.default_format);
  EXPECT_TRUE(graph.ok());
  compile::Options options;
  options.format = chip.default_format;
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

}  // namespace
}  // namespace systole
