// Every stride, kernel, padding: phases against the definition (the double interpreter's lhs_dilation).
#include "transform/helpers.h"

namespace systole::transform::testing {
namespace {

Graph transposed(std::uint64_t seed, bool constant_weights) {
  Maker m(seed);
  Random& r = m.random;
  graph::ConvAttr a = m.conv_attr();
  const std::int64_t groups = r.chance(0.3) ? 2 : 1, in = 2 * groups, out = groups * r.integer(1, 3);
  Shape x = {r.integer(1, 2), in, 1, 1}, w = {out, in / groups, 1, 1};
  for (std::size_t d = 0; d < 2; ++d) {
    x[d + 2] = r.integer(1, 6), w[d + 2] = r.integer(1, 5);
    a.lhs_dilation[d] = r.integer(1, 3);
    if (r.chance(0.2)) a.stride[d] = 2;
    if (r.chance(0.2)) a.rhs_dilation[d] = 2;
    const std::int64_t data = (x[d + 2] - 1) * a.lhs_dilation[d] + 1, span = (w[d + 2] - 1) * a.rhs_dilation[d] + 1;
    a.pad_low[d] = r.integer(-1, span), a.pad_high[d] = r.integer(-1, span);
    if (data + a.pad_low[d] + a.pad_high[d] < span) a.pad_high[d] = span - data - a.pad_low[d];
  }
  a.feature_groups = groups;
  const ValueId input = m.input(x);
  m.output(m.conv(input, constant_weights ? m.weights(w) : m.input(w), a));
  return m.g;
}

TEST(TransposedConvolution, PhasesGiveTheDefinitionsAnswer) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Graph g = transposed(seed, seed % 3 != 0);
    expect_same(g, lowered(g), 1e-12, seed);
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(TransposedConvolution, KernelEqualToStrideIsOneConvolution) {
  Maker m(1);
  graph::ConvAttr a = m.conv_attr();
  a.lhs_dilation = {2, 3}, a.pad_low = a.pad_high = {1, 2};
  const ValueId x = m.input({1, 4, 5, 6});
  m.output(m.conv(x, m.weights({3, 4, 2, 3}), a));
  const Graph low = lowered(m.g);
  ASSERT_EQ(count(low, OpKind::kConvolution), 1);
  for (const Op& op : low.ops) {
    if (op.kind == OpKind::kConvolution) EXPECT_EQ(low.type(op.operands[1]).shape, (Shape{1, 1, 4, 18}));
  }
  expect_same(m.g, low, 1e-12);
}

TEST(TransposedConvolution, MultipliesNoZeros) {
  Maker m(1);
  graph::ConvAttr a = m.conv_attr();
  a.lhs_dilation = {2, 2}, a.pad_low = a.pad_high = {2, 2};
  m.output(m.conv(m.input({1, 2, 4, 4}), m.weights({3, 2, 4, 4}), a));
  std::int64_t taps = 0;
  const Graph low = lowered(m.g);
  for (const Op& op : low.ops) {
    if (op.kind == OpKind::kConvolution) taps += low.type(op.operands[1]).count();
  }
  EXPECT_EQ(taps, 3 * 2 * 4 * 4);  // each weight meets each input once
}

}  // namespace
}  // namespace systole::transform::testing
