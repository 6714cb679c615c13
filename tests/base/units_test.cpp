// Units do not mix: what must not compile, does not.
#include "base/units.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace systole {
namespace {

template <typename A, typename B>
concept Addable = requires(A a, B b) { a + b; };
template <typename A, typename B>
concept Comparable = requires(A a, B b) { a < b; };

static_assert(Addable<Cycles, Cycles>);
static_assert(!Addable<Cycles, Bytes>);
static_assert(!Addable<Cycles, int>);
static_assert(!Addable<Hertz, Joules>);
static_assert(!Comparable<Cycles, Bytes>);
static_assert(!Comparable<Bytes, int>);
static_assert(!std::is_convertible_v<int, Cycles>);
static_assert(!std::is_convertible_v<Cycles, std::int64_t>);
static_assert(!std::is_convertible_v<Cycles, Bytes>);
static_assert(!std::is_constructible_v<Bytes, Cycles>);
static_assert(!std::is_convertible_v<double, Seconds>);

TEST(Units, CountAndCompare) {
  EXPECT_EQ((Cycles(3) + Cycles(4)).value(), 7);
  EXPECT_EQ((Bytes(10) - Bytes(4)).value(), 6);
  EXPECT_EQ((Cycles(3) * 5).value(), 15);
  EXPECT_LT(Cycles(3), Cycles(4));
  Bytes sum;
  sum += Bytes(8);
  EXPECT_EQ(sum, Bytes(8));
}

TEST(Units, DurationIsCyclesOverClock) { EXPECT_DOUBLE_EQ(duration(Cycles(2'100'000), Hertz(1.05e9)).value(), 2e-3); }

TEST(Units, Rounding) {
  EXPECT_EQ(ceil_div(0, 4), 0);
  EXPECT_EQ(ceil_div(1, 4), 1);
  EXPECT_EQ(ceil_div(8, 4), 2);
  EXPECT_EQ(ceil_div(9, 4), 3);
  EXPECT_EQ(round_up(0, 64), 0);
  EXPECT_EQ(round_up(1, 64), 64);
  EXPECT_EQ(round_up(64, 64), 64);
}

}  // namespace
}  // namespace systole
