// Every constraint of docs/graph.md: a graph that breaks it, the number and the words of the error.
#include "helpers.h"

namespace systole::graph {
namespace {

struct BadOp {
  std::string name;
  OpKind kind;
  std::vector<TensorType> operands;
  Attr attr;
  std::string message;
  std::optional<TensorType> declared = std::nullopt;
};

class Constraint : public testing::TestWithParam<BadOp> {};

TEST_P(Constraint, IsChecked) {
  const BadOp& bad = GetParam();
  Graph g;
  Op op{bad.kind, {}, -1, bad.attr, "node7"};
  for (const TensorType& type : bad.operands) op.operands.push_back(g.add_input(type, "x"));
  const auto type = infer_type(g, op, bad.declared ? &*bad.declared : nullptr);
  ASSERT_FALSE(type.ok());
  EXPECT_NE(type.error().message.find(bad.message), std::string::npos) << type.error().text();
  EXPECT_NE(type.error().place.find(op_name(bad.kind)), std::string::npos);
  EXPECT_NE(type.error().place.find("node7"), std::string::npos);
}

TensorType f(Shape shape) { return {DType::kF32, std::move(shape)}; }
TensorType i(Shape shape) { return {DType::kI32, std::move(shape)}; }
TensorType p(Shape shape) { return {DType::kPred, std::move(shape)}; }

ConvAttr conv2d() {
  ConvAttr a;
  a.lhs_spatial = a.rhs_spatial = a.out_spatial = {2, 3};
  a.stride = a.lhs_dilation = a.rhs_dilation = {1, 1};
  a.pad_low = a.pad_high = {0, 0};
  return a;
}
template <typename F>
ConvAttr conv2d(F change) {
  ConvAttr a = conv2d();
  change(a);
  return a;
}
const std::vector<TensorType> kConv = {f({1, 4, 8, 8}), f({6, 4, 3, 3})};
ReduceWindowAttr window1(std::int64_t w) { return {Reduction::kAdd, {w}, {1}, {1}, {1}, {0}, {0}}; }

std::string test_name(const testing::TestParamInfo<BadOp>& info) {
  return std::string(op_name(info.param.kind)) + "_" + info.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Elementwise, Constraint,
    testing::Values(BadOp{"C0", OpKind::kAdd, {f({2})}, {}, "(C0) takes 2 operands, not 1"},
                    BadOp{"C0attr", OpKind::kAdd, {f({2}), f({2})}, IotaAttr{}, "(C0) has the attributes"},
                    BadOp{"C1", OpKind::kAdd, {f({2}), f({3})}, {}, "(C1) operands have shapes 2 and 3"},
                    BadOp{"C2", OpKind::kAdd, {f({2}), i({2})}, {}, "(C2) operands have element types f32 and i32"},
                    BadOp{"C3", OpKind::kTanh, {i({2})}, {}, "(C3) cannot take element type i32"},
                    BadOp{"C3", OpKind::kAnd, {f({2}), f({2})}, {}, "(C3)"},
                    BadOp{"C3", OpKind::kNegate, {p({2})}, {}, "(C3)"},
                    BadOp{"C3", OpKind::kShiftLeft, {p({2}), p({2})}, {}, "(C3)"},
                    BadOp{"C2", OpKind::kCompare, {f({2}), i({2})}, CompareAttr{}, "(C2)"},
                    BadOp{
                        "C4type", OpKind::kSelect, {f({2}), f({2}), f({2})}, {}, "(C4) the condition is tensor<2xf32>"},
                    BadOp{"C4shape", OpKind::kSelect, {p({3}), f({2}), f({2})}, {}, "(C4)"},
                    BadOp{"C5", OpKind::kSelect, {p({2}), f({2}), i({2})}, {}, "(C5)"},
                    BadOp{"C2", OpKind::kClamp, {i({}), f({2}), f({})}, {}, "(C2) min is tensor<i32>"},
                    BadOp{"C4", OpKind::kClamp, {f({}), f({2}), f({3})}, {}, "(C4) max is tensor<3xf32>"},
                    BadOp{"C4", OpKind::kConvert, {f({2})}, {}, "(C4) needs a declared"},
                    BadOp{"C4shape", OpKind::kConvert, {f({2})}, {}, "(C4) the operand is", i({3})}),
    test_name);

INSTANTIATE_TEST_SUITE_P(
    Movement, Constraint,
    testing::Values(
        BadOp{"C2none", OpKind::kConstant, {}, ConstantAttr{}, "(C2) has no value"},
        BadOp{"C1", OpKind::kConstant, {}, ConstantAttr{Tensor::scalar_f32(1)}, "(C1)", f({2})},
        BadOp{"C1", OpKind::kIota, {}, IotaAttr{0}, "(C1)"},
        BadOp{"C2", OpKind::kIota, {}, IotaAttr{1}, "(C2) iota_dimension 1", i({4})},
        BadOp{"C3", OpKind::kIota, {}, IotaAttr{0}, "(C3)", p({4})},
        BadOp{"C1", OpKind::kBroadcastInDim, {f({2})}, BroadcastAttr{{0}}, "(C1)", i({2})},
        BadOp{"C2", OpKind::kBroadcastInDim, {f({2})}, BroadcastAttr{{}}, "(C2)", f({2})},
        BadOp{"C3", OpKind::kBroadcastInDim, {f({2})}, BroadcastAttr{{1}}, "(C3)", f({2})},
        BadOp{"C4",
              OpKind::kBroadcastInDim,
              {f({2})},
              BroadcastAttr{{0}},
              "(C4) dimension 0 of size 2 cannot become size 3",
              f({3})},
        BadOp{"C1", OpKind::kReshape, {f({2})}, {}, "(C1) tensor<2xf32> cannot be reshaped to tensor<3xf32>", f({3})},
        BadOp{"C1", OpKind::kTranspose, {f({2, 3})}, TransposeAttr{{0, 0}}, "(C1) [0, 0] is not a permutation"},
        BadOp{"C1", OpKind::kSlice, {f({4})}, SliceAttr{{0}, {4}, {}}, "(C1)"},
        BadOp{"C2", OpKind::kSlice, {f({4})}, SliceAttr{{0}, {5}, {1}}, "(C2) dimension 0: [0:5]"},
        BadOp{"C3", OpKind::kSlice, {f({4})}, SliceAttr{{0}, {4}, {0}}, "(C3)"},
        BadOp{"C1", OpKind::kConcatenate, {f({4})}, ConcatenateAttr{1}, "(C1)"},
        BadOp{"C2", OpKind::kConcatenate, {f({4, 2}), f({4, 3})}, ConcatenateAttr{0}, "(C2) operand 1"},
        BadOp{"C1", OpKind::kPad, {f({4}), i({})}, PadAttr{{0}, {0}, {0}}, "(C1)"},
        BadOp{"C2", OpKind::kPad, {f({4}), f({})}, PadAttr{{0}, {0}, {}}, "(C2)"},
        BadOp{"C3", OpKind::kPad, {f({4}), f({})}, PadAttr{{0}, {0}, {-1}}, "(C3)"},
        BadOp{"C4", OpKind::kPad, {f({4}), f({})}, PadAttr{{-3}, {-3}, {0}}, "(C4)"},
        BadOp{"C1", OpKind::kReverse, {f({4})}, ReverseAttr{{0, 0}}, "(C1)"},
        BadOp{"C1", OpKind::kGather, {f({4}), i({2})}, GatherAttr{1}, "(C1)"},
        BadOp{"C2", OpKind::kGather, {f({4}), f({2})}, GatherAttr{0}, "(C2)"},
        BadOp{"C3", OpKind::kGather, {f({0}), i({2})}, GatherAttr{0}, "(C3)"},
        BadOp{"C1",
              OpKind::kDynamicSlice,
              {f({4, 4}), i({})},
              DynamicSliceAttr{{1, 1}},
              "(C1) 1 start indices given, 2 needed"},
        BadOp{"C2", OpKind::kDynamicSlice, {f({4}), i({1})}, DynamicSliceAttr{{1}}, "(C2)"},
        BadOp{"C3", OpKind::kDynamicSlice, {f({4}), i({})}, DynamicSliceAttr{{1, 1}}, "(C3)"},
        BadOp{"C4", OpKind::kDynamicSlice, {f({4}), i({})}, DynamicSliceAttr{{5}}, "(C4)"},
        BadOp{"C0", OpKind::kDynamicUpdateSlice, {f({4})}, {}, "(C0)"},
        BadOp{"C3", OpKind::kDynamicUpdateSlice, {f({4}), f({5}), i({})}, {}, "(C3)"}),
    test_name);

INSTANTIATE_TEST_SUITE_P(
    Contraction, Constraint,
    testing::Values(
        BadOp{"C1", OpKind::kReduce, {f({4}), i({})}, ReduceAttr{Reduction::kAdd, {0}}, "(C1)"},
        BadOp{"C2", OpKind::kReduce, {f({4}), f({})}, ReduceAttr{Reduction::kAnd, {0}}, "(C2)"},
        BadOp{"C3", OpKind::kReduce, {f({4}), f({})}, ReduceAttr{Reduction::kAdd, {1}}, "(C3)"},
        BadOp{"C3", OpKind::kReduceWindow, {f({4, 4}), f({})}, window1(2), "(C3)"},
        BadOp{"C4", OpKind::kReduceWindow, {f({4}), f({})}, window1(0), "(C4)"},
        BadOp{"C5",
              OpKind::kReduceWindow,
              {f({4}), f({})},
              ReduceWindowAttr{Reduction::kAdd, {1}, {1}, {1}, {1}, {std::int64_t{1} << 40}, {0}},
              "(C5)"},
        BadOp{"C1", OpKind::kDotGeneral, {f({2, 3}), f({3, 2})}, DotAttr{{0}, {}, {1}, {0}}, "(C1)"},
        BadOp{"C2", OpKind::kDotGeneral, {f({2, 3}), f({3, 2})}, DotAttr{{}, {}, {1}, {}}, "(C2)"},
        BadOp{"C3", OpKind::kDotGeneral, {f({2, 3}), f({3, 2})}, DotAttr{{}, {}, {2}, {0}}, "(C3)"},
        BadOp{"C4", OpKind::kDotGeneral, {f({2, 3}), f({3, 2})}, DotAttr{{0}, {0}, {1}, {0}}, "(C4)"},
        BadOp{"C5", OpKind::kDotGeneral, {f({2, 3}), f({4, 3})}, DotAttr{{0}, {0}, {1}, {1}}, "(C5)"},
        BadOp{"C6", OpKind::kDotGeneral, {f({2, 3}), f({4, 2})}, DotAttr{{}, {}, {1}, {0}}, "(C6)"},
        BadOp{"C7",
              OpKind::kDotGeneral,
              {f({2, 3}), i({3, 2})},
              DotAttr{{}, {}, {1}, {0}},
              "(C7) cannot multiply f32 by i32"},
        BadOp{"C7result",
              OpKind::kDotGeneral,
              {f({2, 3}), f({3, 2})},
              DotAttr{{}, {}, {1}, {0}},
              "(C7) f32 by f32 cannot give i32",
              i({2, 2})},
        BadOp{"C8", OpKind::kDotGeneral, {i({2, 3}), i({3, 2})}, DotAttr{{}, {}, {1}, {0}, Algorithm::kBf16x6}, "(C8)"},
        BadOp{"C1", OpKind::kConvolution, {f({1, 4, 8, 8}), f({6, 4, 3})}, conv2d(), "(C1)"},
        BadOp{"C2", OpKind::kConvolution, kConv, conv2d([](ConvAttr& a) {
                a.lhs_spatial = {2, 2};
              }),
              "(C2)"},
        BadOp{"C3", OpKind::kConvolution, kConv, conv2d([](ConvAttr& a) { a.stride = {1}; }), "(C3)"},
        BadOp{"C4", OpKind::kConvolution, kConv, conv2d([](ConvAttr& a) {
                a.rhs_dilation = {0, 1};
              }),
              "(C4)"},
        BadOp{"C5", OpKind::kConvolution, kConv, conv2d([](ConvAttr& a) {
                a.pad_low = {std::int64_t{1} << 40, 0};
              }),
              "(C5)"},
        BadOp{"C6", OpKind::kConvolution, kConv, conv2d([](ConvAttr& a) { a.feature_groups = 0; }), "(C6)"},
        BadOp{"C7", OpKind::kConvolution, kConv, conv2d([](ConvAttr& a) { a.feature_groups = 4; }), "(C7)"},
        BadOp{"C8", OpKind::kConvolution, kConv, conv2d([](ConvAttr& a) { a.feature_groups = 2; }), "(C8)"},
        BadOp{"C9", OpKind::kConvolution, {f({1, 4, 8, 8}), i({6, 4, 3, 3})}, conv2d(), "(C9)"},
        BadOp{"C10", OpKind::kConvolution, kConv, conv2d([](ConvAttr& a) { a.placement = Placement::kVectorUnit; }),
              "(C10)"},
        BadOp{"C11",
              OpKind::kConvolution,
              {i({1, 4, 8, 8}), i({6, 4, 3, 3})},
              conv2d([](ConvAttr& a) { a.algorithm = Algorithm::kBf16x3; }),
              "(C11)"},
        BadOp{"C12", OpKind::kConvolution, {f({1, 4, 8, 8}), f({6, 4, 0, 3})}, conv2d(), "(C12)"}),
    test_name);

TEST(InferType, ContractionsAccumulateWide) {
  Graph g;
  const auto in = [&](DType type, Shape shape) { return g.add_input({type, std::move(shape)}, "x"); };
  const DotAttr dot{{}, {}, {1}, {0}};
  EXPECT_EQ(g.type(g.add(OpKind::kDotGeneral, {in(DType::kBF16, {2, 3}), in(DType::kBF16, {3, 4})}, dot)), f({2, 4}));
  EXPECT_EQ(g.type(g.add(OpKind::kDotGeneral, {in(DType::kU8, {2, 3}), in(DType::kI8, {3, 4})}, dot)), i({2, 4}));
  EXPECT_EQ(g.type(g.add(OpKind::kDotGeneral, {in(DType::kQ8_8, {2, 3}), in(DType::kQ8_8, {3, 4})}, dot)).type,
            DType::kQ8_8);
  EXPECT_EQ(g.type(g.add(OpKind::kDotGeneral, {in(DType::kQ4_12, {2, 3}), in(DType::kQ4_12, {3, 4})}, dot)).type,
            DType::kQ4_12);
  Op mixed;
  mixed.kind = OpKind::kDotGeneral;
  mixed.operands = {in(DType::kQ8_8, {2, 3}), in(DType::kQ4_12, {3, 4})};
  mixed.attr = dot;
  const auto refused = infer_type(g, mixed, nullptr);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().text().find("cannot multiply q8.8 by q4.12"), std::string::npos) << refused.error().text();
  EXPECT_EQ(g.type(g.add(OpKind::kDotGeneral, {in(DType::kF32, {5, 2, 3}), in(DType::kF32, {3, 5, 4})},
                         DotAttr{{0}, {1}, {2}, {0}})),
            f({5, 2, 4}));
}

// Output size of a convolution against counting the window's positions.
TEST(InferType, WindowSizesMatchCounting) {
  Random random(3);
  for (int trial = 0; trial < 500; ++trial) {
    const std::int64_t n = random.integer(1, 9), k = random.integer(1, 4), s = random.integer(1, 3),
                       ld = random.integer(1, 3), rd = random.integer(1, 3), lo = random.integer(-1, 3),
                       hi = random.integer(-1, 3);
    std::int64_t positions = 0;
    for (std::int64_t at = -lo; at + (k - 1) * rd < (n - 1) * ld + 1 + hi; at += s) ++positions;
    Graph g;
    ConvAttr a;
    a.lhs_spatial = a.rhs_spatial = a.out_spatial = {2};
    a.stride = {s};
    a.lhs_dilation = {ld};
    a.rhs_dilation = {rd};
    a.pad_low = {lo};
    a.pad_high = {hi};
    const ValueId y = g.add(OpKind::kConvolution, {g.add_input(f({1, 1, n}), "x"), g.add_input(f({1, 1, k}), "w")}, a);
    EXPECT_EQ(g.type(y).shape, (Shape{1, 1, positions}))
        << n << ' ' << k << ' ' << s << ' ' << ld << ' ' << rd << ' ' << lo << ' ' << hi;
  }
}

}  // namespace
}  // namespace systole::graph
