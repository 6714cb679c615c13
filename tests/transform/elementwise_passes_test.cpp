// types, fold, simplify: one case per rule, and random elementwise graphs.
#include "transform/helpers.h"

namespace systole::transform::testing {
namespace {

TEST(Types, NarrowsIntegersAndDoubles) {
  Maker m(1);
  const ValueId i = m.input({4}, DType::kI64), d = m.input({4}, DType::kF64);
  m.output(m.binary(OpKind::kAdd, i, m.filled(i, 3)));
  m.output(m.binary(OpKind::kMultiply, d, m.filled(d, 0.5)));
  const Graph low = lowered(m.g);
  EXPECT_EQ(low.type(low.inputs[0]).type, DType::kI32);
  EXPECT_EQ(low.type(low.outputs[1]).type, DType::kF32);
  EXPECT_EQ(low.input_names, m.g.input_names);
}

TEST(Types, ConstantOutOfRangeNamesItsOp) {
  Maker m(1);
  const ValueId i = m.input({}, DType::kI64);
  const ValueId big = m.g.constant(Tensor::of<std::int64_t>(DType::kI64, {}, {std::int64_t{1} << 40}), "ids/offset");
  m.output(m.binary(OpKind::kAdd, i, big));
  const auto result = lower(m.g, {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().text(),
            "constant from 'ids/offset': constant 1099511627776 does not fit into int32, the chip's widest integer");
}

TEST(Types, BoundOutOfRangeSaturates) {
  Maker m(1);
  const ValueId i = m.input({4}, DType::kI64);
  const ValueId lowest = m.g.constant(Tensor::of<std::int64_t>(DType::kI64, {}, {INT64_MIN}));
  m.output(m.g.add(OpKind::kReduce, {i, lowest}, graph::ReduceAttr{Reduction::kMaximum, {0}}));
  expect_same(m.g, lowered(m.g), 0);
}

TEST(Types, WideUnsignedArithmeticIsAnError) {
  Maker m(1);
  const ValueId x = m.input({4}, DType::kU32);
  m.output(m.binary(OpKind::kDivide, x, x));
  const auto result = lower(m.g, {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kUnsupported);
}

TEST(Fold, ConstantArithmeticIsRoundedOnce) {
  Maker m(1);
  const ValueId a = m.g.constant(Tensor::of<float>(DType::kF32, {3}, {1, 2, 10}));
  const ValueId x = m.input({3});
  m.output(m.binary(OpKind::kSubtract, x,
                    m.binary(OpKind::kDivide, m.filled(a, 1), m.binary(OpKind::kAdd, a, m.filled(a, 2)))));
  const Graph after = after_pass(fold_constants, m.g);
  ASSERT_EQ(count(after, OpKind::kConstant), 1);
  for (const Op& op : after.ops) {
    if (op.kind != OpKind::kConstant) continue;
    const float* v = op.get<graph::ConstantAttr>().value.data<float>();
    EXPECT_EQ(v[0], 1.0f / 3);
    EXPECT_EQ(v[1], 0.25f);
    EXPECT_EQ(v[2], 1.0f / 12);
  }
}

TEST(Fold, BroadcastsAndIotaDoNotGrow) {
  Maker m(1);
  const ValueId x = m.input({64, 1024});
  const ValueId bias = m.g.add(OpKind::kExponential, {m.broadcast(m.weights({1024}), {1}, {64, 1024})});
  const ValueId iota = m.g.add_typed(OpKind::kIota, {}, {DType::kF32, {64, 1024}}, graph::IotaAttr{1});
  m.output(m.binary(OpKind::kAdd, m.binary(OpKind::kAdd, x, bias), m.binary(OpKind::kAdd, iota, iota)));
  const Graph after = lowered(m.g);
  std::int64_t bytes = 0;
  for (const Op& op : after.ops) bytes += op.kind == OpKind::kConstant ? after.type(op.result).bytes() : 0;
  EXPECT_LE(bytes, 2 * 4096);  // one row of each
  EXPECT_EQ(count(after, OpKind::kExponential), 0);
  expect_same(m.g, after, 1e-7);  // the folded exponential is rounded to fp32
}

TEST(Fold, MovementOfConstantsIsExact) {
  Maker m(5);
  const ValueId w = m.weights({3, 4, 2});
  ValueId y = m.transpose(w, {2, 0, 1});
  y = m.g.add(OpKind::kSlice, {y}, graph::SliceAttr{{0, 1, 0}, {2, 3, 4}, {1, 1, 2}});
  y = m.g.add(OpKind::kReverse, {y}, graph::ReverseAttr{{0, 2}});
  y = m.g.add(OpKind::kConcatenate, {y, y}, graph::ConcatenateAttr{1});
  y = m.g.add(OpKind::kPad, {y, m.scalar(7)}, graph::PadAttr{{1, 0, 0}, {0, 2, 0}, {0, 1, 1}});
  m.output(y);
  m.output(m.broadcast(m.weights({2, 3}), {2, 0}, {3, 2, 2}));
  const Graph after = lowered(m.g);
  expect_same(m.g, after, 0);
  EXPECT_EQ(count(after, OpKind::kPad) + count(after, OpKind::kTranspose) + count(after, OpKind::kReverse), 0);
}

// Each rule leaves one input or the op named.
TEST(Simplify, Identities) {
  Maker m(1);
  const ValueId x = m.input({3, 4});
  const auto both = [&](OpKind kind, double value) { return m.binary(kind, x, m.filled(x, value)); };
  for (const ValueId y :
       {both(OpKind::kAdd, 0), both(OpKind::kSubtract, 0), both(OpKind::kMultiply, 1), both(OpKind::kDivide, 1),
        both(OpKind::kPower, 1), m.transpose(m.transpose(x, {1, 0}), {1, 0}), m.reshape(m.reshape(x, {12}), {3, 4}),
        m.g.add(OpKind::kNegate, {m.g.add(OpKind::kNegate, {x})}), m.convert(x, DType::kF32),
        m.binary(OpKind::kMaximum, x, x)}) {
    m.output(y);
  }
  const Graph after = after_pass(simplify, m.g);
  EXPECT_EQ(after.ops.size(), 0u);
  expect_same(m.g, after, 0);
}

TEST(Simplify, DivisionByPowersOfTwoOnly) {
  Maker m(1);
  const ValueId x = m.input({3});
  m.output(m.binary(OpKind::kDivide, x, m.filled(x, 8)));
  m.output(m.binary(OpKind::kDivide, x, m.filled(x, 6)));
  const Graph after = after_pass(simplify, m.g);
  EXPECT_EQ(count(after, OpKind::kMultiply), 1);
  EXPECT_EQ(count(after, OpKind::kDivide), 1);
  expect_same(m.g, after, 0);
}

TEST(Simplify, RoundingConversionsStay) {
  Maker m(1);
  const ValueId x = m.input({3}), i = m.input({3}, DType::kI8);
  m.output(m.convert(m.convert(x, DType::kBF16), DType::kF32));
  m.output(m.convert(m.convert(i, DType::kI32), DType::kF32));
  EXPECT_EQ(count(after_pass(simplify, m.g), OpKind::kConvert), 3);
}

TEST(Simplify, CommonSubexpressionsAreOne) {
  Maker m(1);
  const ValueId x = m.input({3});
  m.output(m.binary(OpKind::kAdd, m.g.add(OpKind::kTanh, {x}), m.g.add(OpKind::kTanh, {x})));
  EXPECT_EQ(count(after_pass(simplify, m.g), OpKind::kTanh), 1);
}

TEST(Simplify, GatherOfConsecutivePlacesIsASlice) {
  Maker m(1);
  const ValueId x = m.input({5, 6});
  const ValueId places = m.g.constant(Tensor::of<std::int32_t>(DType::kI32, {2}, {3, 4}));
  m.output(m.g.add(OpKind::kGather, {x, places}, graph::GatherAttr{1}));
  m.output(m.g.add(OpKind::kGather, {x, m.g.constant(Tensor::scalar_i32(2))}, graph::GatherAttr{0}));
  const Graph after = after_pass(simplify, m.g);
  EXPECT_EQ(count(after, OpKind::kGather), 0);
  expect_same(m.g, after, 0);
}

TEST(Simplify, RandomElementwiseGraphs) {
  const OpKind kinds[] = {OpKind::kAdd,    OpKind::kSubtract, OpKind::kMultiply,
                          OpKind::kDivide, OpKind::kMaximum,  OpKind::kMinimum};
  const double values[] = {0, 1, 2, 0.25, -1, 6};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Maker m(seed);
    std::vector<ValueId> pool = {m.input({2, 3})};
    const auto pick = [&] {
      return pool[static_cast<std::size_t>(m.random.integer(0, static_cast<std::int64_t>(pool.size()) - 1))];
    };
    for (int i = 0; i < 12; ++i) {
      const OpKind kind = kinds[m.random.integer(0, 5)];
      const ValueId x = pick(), c = m.filled(x, values[m.random.integer(kind == OpKind::kDivide ? 1 : 0, 5)]);
      const bool swap = m.random.chance(0.3) && kind != OpKind::kDivide;
      pool.push_back(m.random.chance(0.4) && kind != OpKind::kDivide ? m.binary(kind, x, pick())
                                                                     : m.binary(kind, swap ? c : x, swap ? x : c));
    }
    m.output(pool.back());
    expect_same(m.g, after_pass(simplify, m.g), 0, seed);
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace systole::transform::testing
