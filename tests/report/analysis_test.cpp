// Parameters, operations and bytes of a small model, counted by hand.
#include "report/analysis.h"

#include <gtest/gtest.h>

namespace systole::report {
namespace {

using graph::Graph;
using graph::OpKind;
using graph::ValueId;

// y = max(x w + b, 0), x 4x8, w 8x16, b 16.
Graph dense() {
  Graph g;
  const ValueId x = g.add_input({DType::kF32, {4, 8}}, "x");
  const ValueId w = g.constant(Tensor(DType::kF32, {8, 16}));
  const ValueId b = g.constant(Tensor(DType::kF32, {16}));
  const ValueId zero = g.constant(Tensor::scalar_f32(0));
  graph::DotAttr dot;
  dot.lhs_contract = {1};
  dot.rhs_contract = {0};
  const ValueId product = g.add_typed(OpKind::kDotGeneral, {x, w}, {DType::kF32, {4, 16}}, dot, "fc");
  const ValueId bias = g.add_typed(OpKind::kBroadcastInDim, {b}, {DType::kF32, {4, 16}}, graph::BroadcastAttr{{1}}, "fc");
  const ValueId sum = g.add(OpKind::kAdd, {product, bias}, {}, "fc");
  const ValueId zeros = g.add_typed(OpKind::kBroadcastInDim, {zero}, {DType::kF32, {4, 16}}, graph::BroadcastAttr{{}}, "relu");
  g.add_output(g.add(OpKind::kMaximum, {sum, zeros}, {}, "relu"), "y");
  return g;
}

TEST(Analysis, CountsOfADenseLayer) {
  const ModelAnalysis analysis = analyze(dense(), std::nullopt);
  ASSERT_EQ(analysis.layers.size(), 2u);
  const LayerAnalysis& fc = analysis.layers[0];
  EXPECT_EQ(fc.name, "fc");
  EXPECT_EQ(fc.kind, "dot_general");
  EXPECT_EQ(fc.parameters, 8 * 16 + 16);
  EXPECT_EQ(fc.macs, 4 * 8 * 16);
  EXPECT_EQ(fc.flops, 2 * 4 * 8 * 16 + 4 * 16);          // product and bias
  EXPECT_EQ(fc.activation_bytes, 4 * (4 * 8 + 4 * 16));  // x in, sum out
  EXPECT_EQ(fc.weight_bytes, 4 * (8 * 16 + 16));
  EXPECT_DOUBLE_EQ(fc.intensity(), 1088.0 / 960.0);
  EXPECT_EQ(fc.bound, "");
  EXPECT_EQ(analysis.layers[1].flops, 4 * 16);
  EXPECT_EQ(analysis.layers[1].activation_bytes, 4 * (4 * 16 + 4 * 16));
  EXPECT_EQ(analysis.total.macs, fc.macs);
  EXPECT_EQ(analysis.total.parameters, fc.parameters);   // the 0 of relu is none
  EXPECT_TRUE(analysis_json(analysis)["total"]["bound"].is_null());
}

TEST(Analysis, RooflineOfAChip) {
  const Chip chip = load_chip("tpu-v4").value();
  const Target target{&chip, compile::parse_format(chip, "").value()};
  const ModelAnalysis analysis = analyze(dense(), target);
  const LayerAnalysis& fc = analysis.layers[0];
  EXPECT_EQ(fc.weight_bytes, 2 * 8 * 16 + 4 * 16);        // the product's operands in bf16, the bias as it is
  EXPECT_EQ(fc.activation_bytes, 2 * 4 * 8 + 4 * 4 * 16);
  // 8000 bytes in 7 cycles of 1.05 GHz are 1.2 TB/s; 512 multiply-accumulates take far less.
  EXPECT_EQ(fc.bound, "memory");
  EXPECT_NEAR(fc.bound_seconds, (320.0 + 320.0) / 1.2e12, 1e-15);
  EXPECT_EQ(analysis_json(analysis)["total"]["bound"], "memory");
}

TEST(Analysis, AConvolutionCountsItsWindow) {
  Graph g;
  const ValueId x = g.add_input({DType::kF32, {1, 6, 8, 8}}, "x");
  const ValueId w = g.constant(Tensor(DType::kF32, {4, 3, 3, 3}));       // two groups of 3 inputs
  graph::ConvAttr conv;
  conv.lhs_spatial = conv.rhs_spatial = conv.out_spatial = {2, 3};
  conv.stride = conv.lhs_dilation = conv.rhs_dilation = {1, 1};
  conv.pad_low = conv.pad_high = {1, 1};
  conv.feature_groups = 2;
  g.add_output(g.add_typed(OpKind::kConvolution, {x, w}, {DType::kF32, {1, 4, 8, 8}}, conv, "conv"), "y");
  const ModelAnalysis analysis = analyze(g, std::nullopt);
  ASSERT_EQ(analysis.layers.size(), 1u);
  EXPECT_EQ(analysis.layers[0].macs, 4 * 8 * 8 * 3 * 3 * 3);
  EXPECT_EQ(analysis.layers[0].parameters, 4 * 27);
}

}  // namespace
}  // namespace systole::report
