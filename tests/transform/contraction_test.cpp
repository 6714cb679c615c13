// dot_general with random dimension numbers against the same graph lowered.
#include "transform/helpers.h"

namespace systole::transform::testing {
namespace {

// A random order of `count` dimensions.
Dims shuffled(Random& random, std::size_t count) {
  Dims order = identity(count);
  for (std::size_t i = count; i-- > 1;)
    std::swap(order[i], order[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(i)))]);
  return order;
}

// The places and sizes of one side: batch, contract, then free dimensions, in a random order.
Shape side(Random& random, const Shape& batch, const Shape& contract, std::int64_t free, Dims& batch_dims,
           Dims& contract_dims) {
  Shape sizes = batch;
  sizes.insert(sizes.end(), contract.begin(), contract.end());
  for (std::int64_t i = 0; i < free; ++i) sizes.push_back(random.integer(1, 4));
  const Dims order = shuffled(random, sizes.size()), at = inverse(order);
  for (std::size_t i = 0; i < batch.size(); ++i) batch_dims.push_back(at[i]);
  for (std::size_t i = 0; i < contract.size(); ++i) contract_dims.push_back(at[batch.size() + i]);
  return permuted_shape(sizes, order);
}

Graph random_dot(std::uint64_t seed) {
  Maker m(seed);
  Random& r = m.random;
  Shape batch, contract;
  for (std::int64_t i = r.integer(0, 2); i > 0; --i) batch.push_back(r.integer(1, 3));
  for (std::int64_t i = r.integer(0, 2); i > 0; --i) contract.push_back(r.integer(1, 4));
  graph::DotAttr a;
  const Shape x = side(r, batch, contract, r.integer(0, 2), a.lhs_batch, a.lhs_contract);
  const Shape w = side(r, batch, contract, r.integer(0, 2), a.rhs_batch, a.rhs_contract);
  const ValueId lhs = m.input(x);
  const ValueId rhs = r.chance(0.4) ? m.weights(w) : m.input(w);
  m.output(m.dot(lhs, rhs, a));
  return m.g;
}

TEST(Contraction, AnyDimensionNumbers) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const Graph g = random_dot(seed);
    expect_same(g, lowered(g), 1e-12, seed);
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Contraction, TransposedKeysNeedNoTranspose) {
  Maker m(1);
  const ValueId q = m.input({2, 3, 5, 4}), k = m.input({2, 3, 6, 4});
  m.output(m.dot(q, m.transpose(k, {0, 1, 3, 2}), {{0, 1}, {0, 1}, {3}, {2}, {}}));
  const Graph low = lowered(m.g);
  EXPECT_EQ(count(low, OpKind::kTranspose), 0);
  expect_same(m.g, low, 1e-12);
}

TEST(Contraction, BroadcastWeightsLoseTheirBatch) {
  Maker m(1);
  const ValueId x = m.input({2, 5, 4}), w = m.weights({4, 3});
  m.output(m.dot(x, m.broadcast(w, {1, 2}, {2, 4, 3}), {{0}, {0}, {2}, {1}, {}}));
  const Graph low = lowered(m.g);
  for (const Op& op : low.ops) {
    if (op.kind == OpKind::kDotGeneral) EXPECT_EQ(low.type(op.result).shape, (Shape{10, 3}));
  }
  expect_same(m.g, low, 1e-12);
}

TEST(Contraction, EmptyContractionIsZero) {
  Maker m(1);
  m.output(m.dot(m.input({2, 0}), m.input({0, 3}), {{}, {}, {1}, {0}, {}}));
  expect_same(m.g, lowered(m.g), 0);
}

}  // namespace
}  // namespace systole::transform::testing
