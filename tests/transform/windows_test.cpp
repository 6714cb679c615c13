// reduce_window of any rank, padding, dilation; pad with negative and interior padding; convolution with negative
// padding.
#include "transform/helpers.h"

namespace systole::transform::testing {
namespace {

Graph random_window(std::uint64_t seed) {
  Maker m(seed);
  Random& r = m.random;
  Shape x;
  graph::ReduceWindowAttr a;
  for (std::int64_t d = r.integer(1, 5); d > 0; --d) {
    x.push_back(r.integer(1, 5));
    const bool acts = r.chance(0.6);
    a.window.push_back(acts ? r.integer(1, 3) : 1), a.stride.push_back(acts ? r.integer(1, 2) : 1);
    a.base_dilation.push_back(r.chance(0.15) ? 2 : 1), a.window_dilation.push_back(r.chance(0.2) ? 2 : 1);
    a.pad_low.push_back(acts ? r.integer(0, 2) : 0), a.pad_high.push_back(acts ? r.integer(0, 2) : 0);
    const std::int64_t data = (x.back() - 1) * a.base_dilation.back() + 1;
    if (data > 1 && r.chance(0.1)) a.pad_low.back() = -1;
  }
  const Reduction kind = r.chance(0.5) ? Reduction::kAdd : Reduction::kMaximum;
  m.output(m.window(kind, m.input(x), a));
  return m.g;
}

TEST(Windows, AnyRank) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const Graph g = random_window(seed);
    expect_same(g, lowered(g), 1e-12, seed);
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Windows, WholeImageIsAReduction) {
  Maker m(1);
  graph::ReduceWindowAttr a;
  a.window = {1, 1, 4, 5};
  m.output(m.window(Reduction::kAdd, m.input({2, 3, 4, 5}), a));
  const Graph low = lowered(m.g);
  EXPECT_EQ(count(low, OpKind::kReduceWindow), 0);
  EXPECT_EQ(count(low, OpKind::kReduce), 1);
  expect_same(m.g, low, 1e-12);
}

TEST(Padding, NegativeAndInterior) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Maker m(seed);
    Shape x;
    graph::PadAttr a;
    for (std::int64_t d = m.random.integer(1, 4); d > 0; --d) {
      x.push_back(m.random.integer(0, 4)), a.interior.push_back(m.random.integer(0, 2));
      const std::int64_t data = x.back() == 0 ? 0 : (x.back() - 1) * (a.interior.back() + 1) + 1;
      a.low.push_back(m.random.integer(-3, 3));
      a.high.push_back(std::max(m.random.integer(-3, 3), -data - a.low.back()));
    }
    m.output(m.g.add(OpKind::kPad, {m.input(x), m.scalar(0.5)}, a));
    expect_same(m.g, lowered(m.g), 0, seed);
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Padding, ConvolutionWithNegativePadding) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Maker m(seed);
    graph::ConvAttr a = m.conv_attr();
    Shape x = {1, 2, 0, 0};
    for (std::size_t d = 0; d < 2; ++d) {
      x[d + 2] = m.random.integer(1, 6), a.pad_low[d] = m.random.integer(-3, 2);
      a.pad_high[d] = std::max(m.random.integer(-3, 3), 2 - x[d + 2] - a.pad_low[d]);
    }
    m.output(m.conv(m.input(x), m.weights({3, 2, 2, 2}), a));
    expect_same(m.g, lowered(m.g), 1e-12, seed);
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Spatial, OneAndNoDimensionBecomeTwo) {
  for (std::size_t n = 0; n < 2; ++n) {
    Maker m(3);
    const ValueId x = m.input(n == 1 ? Shape{2, 3, 7} : Shape{2, 3});
    m.output(m.conv(x, m.weights(n == 1 ? Shape{4, 3, 3} : Shape{4, 3}), m.conv_attr(n)));
    expect_same(m.g, lowered(m.g), 1e-12);
  }
}

}  // namespace
}  // namespace systole::transform::testing
