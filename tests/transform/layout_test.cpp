// Random graphs of movement, elementwise ops, reductions and convolutions: layout moves data exactly.
#include "transform/layout.h"

#include "transform/helpers.h"

namespace systole::transform::testing {
namespace {

Dims shuffled(Random& random, std::size_t count) {
  Dims order = identity(count);
  for (std::size_t i = count; i-- > 1;)
    std::swap(order[i], order[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(i)))]);
  return order;
}

// Splits or merges dimensions at random.
Shape reshaped(Random& random, const Shape& shape) {
  Shape result;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const double dice = random.real();
    if (dice < 0.3 && !result.empty())
      result.back() *= shape[i];
    else if (dice < 0.6 && shape[i] % 2 == 0)
      result.push_back(2), result.push_back(shape[i] / 2);
    else if (dice < 0.7)
      result.push_back(1), result.push_back(shape[i]);
    else
      result.push_back(shape[i]);
  }
  return result.size() > 6 ? Shape{element_count(shape)} : result;
}

ValueId random_slice(Maker& m, ValueId x) {
  graph::SliceAttr a;
  for (const std::int64_t n : m.shape(x)) {
    a.start.push_back(n > 1 && m.random.chance(0.3) ? 1 : 0), a.limit.push_back(n),
        a.stride.push_back(n > 3 && m.random.chance(0.2) ? 2 : 1);
  }
  return m.g.add(OpKind::kSlice, {x}, a);
}

ValueId random_pad(Maker& m, ValueId x) {
  graph::PadAttr a;
  for (std::size_t i = 0; i < m.shape(x).size(); ++i) {
    a.low.push_back(m.random.integer(0, 1)), a.high.push_back(m.random.integer(0, 1)), a.interior.push_back(0);
  }
  return m.g.add(OpKind::kPad, {x, m.scalar(0.25)}, a);
}

ValueId step(Maker& m, const std::vector<ValueId>& pool, ValueId x) {
  Random& r = m.random;
  const auto rank = static_cast<std::int64_t>(m.shape(x).size());
  switch (r.integer(0, 11)) {
    case 0:
      return m.transpose(x, shuffled(r, m.shape(x).size()));
    case 1:
      return m.reshape(x, reshaped(r, m.shape(x)));
    case 2:
      return random_slice(m, x);
    case 3:
      return m.g.type(x).count() < 2000 ? random_pad(m, x) : x;
    case 4:
      return rank > 0 ? m.g.add(OpKind::kReverse, {x}, graph::ReverseAttr{{r.integer(0, rank - 1)}}) : x;
    case 5:
      return rank > 0 && m.g.type(x).count() < 2000
                 ? m.g.add(OpKind::kConcatenate, {x, x}, graph::ConcatenateAttr{r.integer(0, rank - 1)})
                 : x;
    case 6:
      return rank > 1 ? m.reduce(Reduction::kMaximum, x, {r.integer(0, rank - 1)}) : x;
    case 7:
      return rank > 2 ? m.reduce(Reduction::kMaximum, x, {rank - 1, 0}) : x;
    case 8:
      return m.binary(OpKind::kSubtract, x, m.weights(m.shape(x)));
    case 9: {
      const std::int64_t d = rank > 0 ? r.integer(0, rank - 1) : 0;
      return rank > 0 ? m.binary(OpKind::kMultiply, x,
                                 m.broadcast(m.weights({m.shape(x)[static_cast<std::size_t>(d)]}), {d}, m.shape(x)))
                      : x;
    }
    case 10:
      for (const ValueId other : pool) {
        if (other != x && m.shape(other) == m.shape(x)) return m.binary(OpKind::kAdd, x, other);
      }
      return x;
    default:
      if (rank != 4 || m.shape(x)[1] > 16) return x;
      return m.conv(x, r.integer(1, 4), 3);
  }
}

Graph random_movement(std::uint64_t seed) {
  Maker m(seed);
  std::vector<ValueId> pool = {m.input({2, 3, 4, 6}), m.input({2, 3, 4, 6})};
  for (int i = 0; i < 14; ++i) {
    const ValueId x =
        m.random.chance(0.7)
            ? pool.back()
            : pool[static_cast<std::size_t>(m.random.integer(0, static_cast<std::int64_t>(pool.size()) - 1))];
    pool.push_back(step(m, pool, x));
  }
  m.output(pool.back());
  m.output(pool[pool.size() / 2]);
  return m.g;
}

TEST(Layout, RandomGraphsKeepTheirAnswers) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const Graph g = random_movement(seed);
    expect_same(g, after_pass(assign_layout, g.ops.empty() ? g : after_pass(two_spatial_dimensions, g)), 1e-12, seed);
    LowerOptions exact;
    exact.disabled = {"scale"};
    expect_same(g, lowered(g, fp32_target(), exact), 1e-12, seed);
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Layout, ReshapeOfWholeGroupsKeepsTheOrder) {
  Dims result;
  // [N,C,H,W] stored NHWC, H and W merged: stored [N,HW,C].
  ASSERT_TRUE(reshaped_order({2, 3, 4, 5}, {2, 3, 20}, {0, 2, 3, 1}, result));
  EXPECT_EQ(result, (Dims{0, 2, 1}));
  EXPECT_FALSE(reshaped_order({2, 3, 4, 5}, {2, 60}, {0, 2, 3, 1}, result));
  // H = W = 1: flattening moves nothing.
  ASSERT_TRUE(reshaped_order({2, 3, 1, 1}, {2, 3}, {0, 2, 3, 1}, result));
  EXPECT_EQ(result, (Dims{0, 1}));
  ASSERT_TRUE(reshaped_order({2, 3, 1, 5}, {2, 3, 5}, {0, 2, 3, 1}, result));
  EXPECT_EQ(result, (Dims{0, 2, 1}));
}

TEST(Layout, ConcatenationOfBranchesStaysInOneLayout) {
  Maker m(1);
  const ValueId x = m.conv(m.input({1, 3, 8, 8}), 4, 3);
  const ValueId both = m.g.add(OpKind::kConcatenate, {m.conv(x, 4, 1), m.conv(x, 6, 3)}, graph::ConcatenateAttr{1});
  m.output(m.reduce(Reduction::kAdd, m.conv(both, 5, 1), {2, 3}));
  EXPECT_EQ(count(lowered(m.g), OpKind::kTranspose), 1);
}

}  // namespace
}  // namespace systole::transform::testing
