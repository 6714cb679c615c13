#include "base/random.h"

#include <gtest/gtest.h>

namespace systole {
namespace {

// The first outputs of SplitMix64 for seed 1234567, as published with its reference implementation.
TEST(Random, IsSplitMix64) {
  Random random(1234567);
  EXPECT_EQ(random.bits(), 6457827717110365317ull);
  EXPECT_EQ(random.bits(), 3203168211198807973ull);
  EXPECT_EQ(random.bits(), 9817491932198370423ull);
  EXPECT_EQ(random.bits(), 4593380528125082431ull);
  EXPECT_EQ(random.bits(), 16408922859458223821ull);
}

TEST(Random, StaysInRange) {
  Random random(1);
  bool low = false, high = false;
  for (int i = 0; i < 1000; ++i) {
    const auto x = random.integer(-3, 3);
    ASSERT_GE(x, -3);
    ASSERT_LE(x, 3);
    low |= x == -3;
    high |= x == 3;
    const double r = random.real();
    ASSERT_GE(r, 0.0);
    ASSERT_LT(r, 1.0);
  }
  EXPECT_TRUE(low && high);
}

}  // namespace
}  // namespace systole
