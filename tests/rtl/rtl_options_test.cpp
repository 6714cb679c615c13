// Options of the chip file that change the hardware's cycles, on the three engines.
#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "rtl/check.h"
#include "rtl/generate.h"

namespace systole::rtl {
namespace {

TEST(RtlOptions, LatenciesOfFeederAccumulatorsAndVectorUnit) {
  auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  chip->name = "systolic-4-late";
  chip->timing.feeder_latency = 3;
  chip->timing.accumulator_latency = 4;
  chip->timing.vector_latency = 6;
  CheckOptions options;
  options.programs = 30;
  options.seed = std::random_device{}();
  const auto result = check(*chip, options);
  ASSERT_TRUE(result.ok()) << result.error().text() << " seed " << options.seed;
  std::cout << "seed " << result->seed << ", " << result->cycles_compared << " cycles compared\n";
  for (const std::string& line : result->details) std::cout << line << "\n";
  EXPECT_EQ(result->mismatches, 0);
  EXPECT_GT(result->array_cycles, 30 * 200 - 1);
}

TEST(RtlOptions, LatenciesThatNoHardwareHasAreRefused) {
  for (const std::int64_t latency : {std::int64_t{0}, kMostLatency + 1}) {
    auto chip = load_chip("systolic-4");
    ASSERT_TRUE(chip.ok());
    chip->timing.feeder_latency = latency;
    EXPECT_FALSE(check_chip(*chip).ok());
    chip->timing.feeder_latency = 1;
    chip->timing.accumulator_latency = latency;
    EXPECT_FALSE(check_chip(*chip).ok());
  }
}

}  // namespace
}  // namespace systole::rtl
