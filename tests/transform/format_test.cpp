// Operand formats, convert placement, unit placement, quantised contractions.
#include "transform/models.h"

namespace systole::transform::testing {
namespace {

std::vector<const Op*> contractions(const Graph& g) {
  std::vector<const Op*> ops;
  for (const Op& op : g.ops) {
    if (op.kind == OpKind::kDotGeneral || op.kind == OpKind::kConvolution) ops.push_back(&op);
  }
  return ops;
}

Target with_format(DType format) {
  Target t;
  t.format = format;
  return t;
}

TEST(Format, OperandsGetItAndResultsAreFp32) {
  for (const DType format : {DType::kBF16, DType::kF16, DType::kF8E4M3, DType::kF8E5M2}) {
    const Graph low = lowered(mobile_network(1), with_format(format));
    for (const Op* op : contractions(low)) {
      const bool on_vector_unit =
          op->kind == OpKind::kConvolution && op->get<graph::ConvAttr>().placement == Placement::kVectorUnit;
      EXPECT_EQ(low.type(op->operands[0]).type, on_vector_unit ? DType::kF32 : format);
      EXPECT_EQ(low.type(op->operands[1]).type, on_vector_unit ? DType::kF32 : format);
      EXPECT_EQ(low.type(op->result).type, DType::kF32);
    }
  }
}

TEST(Format, Fp32NotesTheAlgorithm) {
  Target t = with_format(DType::kF32);
  t.vector_lanes = 0;
  t.fp32_algorithm = graph::Algorithm::kBf16x3;
  const Graph low = lowered(mobile_network(1), t);
  for (const Op* op : contractions(low)) {
    EXPECT_EQ(
        op->kind == OpKind::kDotGeneral ? op->get<graph::DotAttr>().algorithm : op->get<graph::ConvAttr>().algorithm,
        graph::Algorithm::kBf16x3);
  }
}

TEST(Format, Int8NeedsAQuantisedModel) {
  const auto result = lower(mobile_network(1), with_format(DType::kI8));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(result.error().hint.find("quantise"), std::string::npos);
}

// A chip's rounding depends on where a convert stands: the lowered graph with converts moved gives the same bits.
TEST(Narrow, MovingConvertsKeepsTheBits) {
  for (const auto make : {residual_network, mobile_network, transformer, recogniser}) {
    const Graph model = make(3);
    LowerOptions off;
    off.disabled = {"narrow"};
    const Graph a = lowered(model, with_format(DType::kBF16)), b = lowered(model, with_format(DType::kBF16), off);
    Random random(3);
    std::vector<Tensor> inputs = random_inputs(model, random);
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = inputs[i].converted(a.type(a.inputs[i]).type);
    const auto x = graph::interpret_chip(a, inputs, {16, 16}), y = graph::interpret_chip(b, inputs, {16, 16});
    ASSERT_TRUE(x.ok() && y.ok());
    for (std::size_t i = 0; i < x->size(); ++i) EXPECT_TRUE((*x)[i].same_bits((*y)[i]));
  }
}

TEST(Narrow, TensorBetweenContractionsIsStoredNarrow) {
  Maker m(1);
  const ValueId y = m.relu(m.conv(m.input({1, 3, 8, 8}), 4, 3));
  graph::ReduceWindowAttr pool;
  pool.window = pool.stride = {1, 1, 2, 2};
  m.output(m.conv(m.window(Reduction::kMaximum, y, pool), 4, 3));
  const Graph low = lowered(m.g, with_format(DType::kBF16));
  for (const Op& op : low.ops) {
    if (op.kind == OpKind::kReduceWindow) EXPECT_EQ(low.type(op.result).type, DType::kBF16);
  }
}

TEST(Placement, DepthwiseOnTheVectorUnitWhereThereIsOne) {
  Maker m(1);
  m.output(m.conv(m.input({1, 64, 14, 14}), 64, 3, 1, 64));
  Target t = with_format(DType::kBF16);
  Graph low = lowered(m.g, t);
  EXPECT_EQ(contractions(low)[0]->get<graph::ConvAttr>().placement, Placement::kVectorUnit);
  EXPECT_EQ(low.type(contractions(low)[0]->operands[0]).type, DType::kF32);  // what the unit computes in
  t.vector_lanes = 0;
  low = lowered(m.g, t);
  EXPECT_EQ(contractions(low)[0]->get<graph::ConvAttr>().placement, Placement::kMatrixUnit);
}

TEST(Placement, OrdinaryAndGroupedStayOnTheArray) {
  Maker m(1);
  const ValueId x = m.input({1, 8, 9, 9});
  m.output(m.conv(x, 8, 3));
  m.output(m.conv(x, 8, 3, 1, 2));
  const Graph low = lowered(m.g);
  for (const Op* op : contractions(low)) EXPECT_EQ(op->get<graph::ConvAttr>().placement, Placement::kMatrixUnit);
}

// scale * (convert(q) - zero)
ValueId dequantised(Maker& m, ValueId q, int zero, ValueId scale) {
  ValueId i = m.convert(q, DType::kI32);
  if (zero != 0) i = m.binary(OpKind::kSubtract, i, m.filled(i, zero));
  return m.binary(OpKind::kMultiply, m.convert(i, DType::kF32), scale);
}

TEST(Quantised, ContractionsAreIntegers) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Maker m(seed);
    const int zero = static_cast<int>(m.random.integer(-3, 3)), weight_zero = m.random.chance(0.5) ? 2 : 0;
    const DType type = m.random.chance(0.5) ? DType::kU8 : DType::kI8;
    const ValueId x = m.input({1, 4, 5, 5}, type);
    const ValueId a =
        dequantised(m, x, type == DType::kU8 ? std::abs(zero) : zero, m.filled(m.convert(x, DType::kF32), 0.25));
    const ValueId q = m.weights({6, 4, 3, 3}, DType::kI8);
    const ValueId w = dequantised(m, q, weight_zero, m.broadcast(m.weights({6}), {0}, {6, 4, 3, 3}));
    graph::ConvAttr attr = m.conv_attr();
    attr.pad_low = {1, 0}, attr.pad_high = {1, 2}, attr.stride = {1, 2};
    m.output(m.conv(a, w, attr));
    const ValueId flat = m.reshape(a, {4, 25});
    m.output(m.dot(flat, dequantised(m, m.weights({25, 3}, DType::kI8), 0, m.broadcast(m.weights({3}), {1}, {25, 3})),
                   {{}, {}, {1}, {0}, {}}));
    const Graph low = lowered(m.g, with_format(DType::kI8));
    for (const Op* op : contractions(low)) EXPECT_EQ(low.type(op->result).type, DType::kI32);
    EXPECT_EQ(contractions(low).size(), 2u);
    expect_same(m.g, low, 1e-6, seed);  // the product of two scales is rounded to fp32
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Quantised, OtherFormatsMultiplyTheDequantisedValues) {
  Maker m(1);
  const ValueId x = m.input({2, 4}, DType::kI8);
  const ValueId a = dequantised(m, x, 1, m.filled(m.convert(x, DType::kF32), 0.5));
  m.output(m.dot(a, m.weights({4, 3}), {{}, {}, {1}, {0}, {}}));
  const Graph low = lowered(m.g, with_format(DType::kF32));
  EXPECT_EQ(low.type(contractions(low)[0]->result).type, DType::kF32);
  expect_same(m.g, low, 1e-6);
}

}  // namespace
}  // namespace systole::transform::testing
