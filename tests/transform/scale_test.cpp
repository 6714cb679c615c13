// Scales and shifts around contractions: nothing but the contraction and one bias is left.
#include "transform/helpers.h"

namespace systole::transform::testing {
namespace {

constexpr double kRounding = 1e-6;  // weights are rounded once to fp32

int arithmetic(const Graph& g) {
  return count(g, OpKind::kMultiply) + count(g, OpKind::kAdd) + count(g, OpKind::kDivide) + count(g, OpKind::kSubtract);
}

TEST(Scale, BatchNormalisationLeavesOneBias) {
  for (const std::int64_t groups : {1, 2, 4}) {
    Maker m(1);
    const ValueId y = m.conv(m.input({1, 4, 5, 6}), 8, 3, 1, groups);
    m.output(m.batch_norm(m.binary(OpKind::kAdd, y, m.per_channel(y))));
    const Graph low = lowered(m.g);
    EXPECT_EQ(arithmetic(low), 1) << groups;
    expect_same(m.g, low, kRounding);
  }
}

TEST(Scale, SubtractAndDivideToo) {
  Maker m(1);
  const ValueId y = m.linear(m.input({3, 4}), 5);
  const ValueId centred = m.binary(OpKind::kSubtract, y, m.broadcast(m.weights({5}), {1}, {3, 5}));
  m.output(m.binary(OpKind::kDivide, centred, m.filled(centred, 3)));
  const Graph low = lowered(m.g);
  EXPECT_EQ(arithmetic(low), 1);
  expect_same(m.g, low, kRounding);
}

TEST(Scale, InputScaleGoesIntoTheWeights) {
  Maker m(1);
  const ValueId x = m.input({1, 4, 5, 6});
  const ValueId sixth = m.binary(OpKind::kDivide, m.g.add(OpKind::kTanh, {x}), m.filled(x, 6));
  m.output(m.conv(sixth, 4, 3));
  m.output(m.conv(sixth, 2, 1));
  const Graph low = lowered(m.g);
  EXPECT_EQ(arithmetic(low), 0);
  expect_same(m.g, low, kRounding);
}

TEST(Scale, AffineInputOfAnUnpaddedConvolutionLeavesOneBias) {
  for (const std::int64_t kernel : {1, 3}) {  // the 3x3 convolution is padded: its input keeps the shift
    Maker m(1);
    const ValueId x = m.g.add(OpKind::kTanh, {m.input({1, 4, 5, 6})});
    const ValueId half = m.binary(OpKind::kMultiply, m.binary(OpKind::kDivide, x, m.filled(x, 6)), m.filled(x, 0.7));
    const ValueId y = m.conv(m.binary(OpKind::kAdd, half, m.filled(x, 0.3)), 4, kernel);
    m.output(m.binary(OpKind::kAdd, y, m.per_channel(y)));
    const Graph low = lowered(m.g);
    EXPECT_EQ(arithmetic(low), kernel == 1 ? 1 : 3);
    expect_same(m.g, low, kRounding);
  }
}

// relu(tanh(x) + 64) - 64: near 64 bf16's step is 0.5, so a shift moved behind the rounding would leave one bit of x or
// none.
TEST(Scale, AShiftStaysInFrontOfANarrowFormatsRounding) {
  Maker m(1);
  const ValueId x = m.g.add(OpKind::kTanh, {m.input({1, 4, 5, 6})});
  const ValueId lifted = m.relu(m.binary(OpKind::kAdd, x, m.filled(x, 64)));
  m.output(m.conv(m.binary(OpKind::kSubtract, lifted, m.filled(x, 64)), 4, 1));
  EXPECT_EQ(count(lowered(m.g), OpKind::kSubtract), 0);
  Target narrow;
  narrow.format = DType::kBF16;
  const Graph low = lowered(m.g, narrow);
  EXPECT_EQ(count(low, OpKind::kSubtract), 1);
  expect_same(m.g, low,
              2.0 / 512 * 8);  // two operands, each rounded by 2^-9 of itself; a factor of 8 for terms that cancel
}

TEST(Scale, SharedResultsAndOtherAxesStay) {
  Maker m(1);
  const ValueId y = m.conv(m.input({1, 4, 5, 6}), 8, 3);
  m.output(m.binary(OpKind::kMultiply, y, m.per_channel(y)));
  m.output(y);
  const ValueId z = m.conv(m.input({1, 4, 5, 6}), 8, 3);
  m.output(m.binary(OpKind::kMultiply, z, m.broadcast(m.weights({6}), {3}, m.shape(z))));
  const Graph low = lowered(m.g);
  EXPECT_EQ(count(low, OpKind::kMultiply), 2);
  expect_same(m.g, low, 1e-12);
}

}  // namespace
}  // namespace systole::transform::testing
