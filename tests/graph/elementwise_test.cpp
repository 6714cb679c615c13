#include <cmath>
#include <functional>
#include <limits>

#include "helpers.h"
#include "numeric/formats.h"
#include "numeric/functions.h"

namespace systole::graph {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct UnaryCase {
  OpKind kind;
  VectorFunction function;
  double (*definition)(double);
  double low, high;
};
class UnaryFloat : public testing::TestWithParam<UnaryCase> {};

TEST_P(UnaryFloat, DoubleIsTheDefinitionAndChipIsTheMicroProgram) {
  const UnaryCase& c = GetParam();
  Random random(5);
  const Tensor x = random_f32(random, {3, 1000}, c.low, c.high);  // more than one block of lanes
  const Tensor exact = run_double(c.kind, {x}), chip = run_chip(c.kind, {x});
  ASSERT_EQ(exact.type(), DType::kF64);
  ASSERT_EQ(chip.type(), DType::kF32);
  for (std::int64_t i = 0; i < x.count(); ++i) {
    EXPECT_EQ(exact.data<double>()[i], c.definition(static_cast<double>(x.data<float>()[i])));
    EXPECT_EQ(chip.data<float>()[i], evaluate(c.function, x.data<float>()[i]));
  }
  EXPECT_LT(compare(chip, exact).relative(), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(
    All, UnaryFloat,
    testing::Values(
        UnaryCase{OpKind::kAbs, VectorFunction::kAbs, [](double x) { return std::fabs(x); }, -5, 5},
        UnaryCase{OpKind::kNegate, VectorFunction::kNegate, [](double x) { return -x; }, -5, 5},
        UnaryCase{OpKind::kSign, VectorFunction::kSign, [](double x) { return x < 0 ? -1.0 : 1.0; }, -5, 5},
        UnaryCase{OpKind::kFloor, VectorFunction::kFloor, [](double x) { return std::floor(x); }, -5, 5},
        UnaryCase{OpKind::kCeil, VectorFunction::kCeil, [](double x) { return std::ceil(x); }, -5, 5},
        UnaryCase{OpKind::kRoundNearestEven, VectorFunction::kRound, [](double x) { return std::nearbyint(x); }, -5, 5},
        UnaryCase{OpKind::kExponential, VectorFunction::kExp, [](double x) { return std::exp(x); }, -5, 5},
        UnaryCase{OpKind::kExponentialMinusOne, VectorFunction::kExpm1, [](double x) { return std::expm1(x); }, -5, 5},
        UnaryCase{OpKind::kLog, VectorFunction::kLog, [](double x) { return std::log(x); }, 0.01, 9},
        UnaryCase{OpKind::kLogPlusOne, VectorFunction::kLog1p, [](double x) { return std::log1p(x); }, -0.9, 9},
        UnaryCase{OpKind::kLogistic, VectorFunction::kLogistic, [](double x) { return 1 / (1 + std::exp(-x)); }, -9, 9},
        UnaryCase{OpKind::kTanh, VectorFunction::kTanh, [](double x) { return std::tanh(x); }, -3, 3},
        UnaryCase{OpKind::kErf, VectorFunction::kErf, [](double x) { return std::erf(x); }, -3, 3},
        UnaryCase{OpKind::kSqrt, VectorFunction::kSqrt, [](double x) { return std::sqrt(x); }, 0, 9},
        UnaryCase{OpKind::kRsqrt, VectorFunction::kRsqrt, [](double x) { return 1 / std::sqrt(x); }, 0.01, 9},
        UnaryCase{OpKind::kSine, VectorFunction::kSin, [](double x) { return std::sin(x); }, -7, 7},
        UnaryCase{OpKind::kCosine, VectorFunction::kCos, [](double x) { return std::cos(x); }, -7, 7}),
    [](const auto& info) { return std::string(op_name(info.param.kind)); });

struct BinaryCase {
  OpKind kind;
  VectorFunction function;
  double (*definition)(double, double);
  double low;
};
class BinaryFloat : public testing::TestWithParam<BinaryCase> {};

TEST_P(BinaryFloat, DoubleIsTheDefinitionAndChipIsTheMicroProgram) {
  const BinaryCase& c = GetParam();
  Random random(6);
  const Tensor x = random_f32(random, {1500}, c.low, 4), y = random_f32(random, {1500}, c.low, 4);
  const Tensor exact = run_double(c.kind, {x, y}), chip = run_chip(c.kind, {x, y});
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const float a = x.data<float>()[i], b = y.data<float>()[i];
    EXPECT_EQ(exact.data<double>()[i], c.definition(static_cast<double>(a), static_cast<double>(b)));
    EXPECT_EQ(chip.data<float>()[i], evaluate(c.function, a, b));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, BinaryFloat,
    testing::Values(
        BinaryCase{OpKind::kAdd, VectorFunction::kAdd, [](double a, double b) { return a + b; }, -4},
        BinaryCase{OpKind::kSubtract, VectorFunction::kSubtract, [](double a, double b) { return a - b; }, -4},
        BinaryCase{OpKind::kMultiply, VectorFunction::kMultiply, [](double a, double b) { return a * b; }, -4},
        BinaryCase{OpKind::kDivide, VectorFunction::kDivide, [](double a, double b) { return a / b; }, -4},
        BinaryCase{OpKind::kMaximum, VectorFunction::kMaximum, [](double a, double b) { return a > b ? a : b; }, -4},
        BinaryCase{OpKind::kMinimum, VectorFunction::kMinimum, [](double a, double b) { return a < b ? a : b; }, -4},
        BinaryCase{OpKind::kPower, VectorFunction::kPower, [](double a, double b) { return std::pow(a, b); }, 0.1},
        BinaryCase{OpKind::kRemainder, VectorFunction::kRemainder, [](double a, double b) { return std::fmod(a, b); },
                   -4}),
    [](const auto& info) { return std::string(op_name(info.param.kind)); });

// Both arithmetics on integers against the expected values.
void expect_integers(OpKind kind, const std::vector<Tensor>& inputs, const std::vector<std::int32_t>& expected,
                     Attr attr = {}) {
  EXPECT_EQ(values_of<std::int32_t>(run_double(kind, inputs, attr)), expected) << op_name(kind);
  EXPECT_EQ(values_of<std::int32_t>(run_chip(kind, inputs, attr)), expected) << op_name(kind);
}

constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min(), kMax = std::numeric_limits<std::int32_t>::max();

TEST(IntegerArithmetic, WrapsAndDividesAsDefined) {
  const Tensor a = i32({6}, {7, -7, kMax, kMin, 5, 0}), b = i32({6}, {2, 2, 1, -1, 0, 3});
  expect_integers(OpKind::kAdd, {a, b}, {9, -5, kMin, kMax, 5, 3});
  expect_integers(OpKind::kSubtract, {a, b}, {5, -9, kMax - 1, kMin + 1, 5, -3});
  expect_integers(OpKind::kMultiply, {a, b}, {14, -14, kMax, kMin, 0, 0});
  expect_integers(OpKind::kDivide, {a, b}, {3, -3, kMax, kMin, -1, 0});
  expect_integers(OpKind::kRemainder, {a, b}, {1, -1, 0, 0, 5, 0});
  expect_integers(OpKind::kMaximum, {a, b}, {7, 2, kMax, -1, 5, 3});
  expect_integers(OpKind::kMinimum, {a, b}, {2, -7, 1, kMin, 0, 0});
  expect_integers(OpKind::kPower, {i32({3}, {3, -2, 7}), i32({3}, {4, 3, 0})}, {81, -8, 1});
}

TEST(IntegerArithmetic, UnaryAndBitwise) {
  const Tensor a = i32({3}, {5, -6, 0});
  expect_integers(OpKind::kAbs, {a}, {5, 6, 0});
  expect_integers(OpKind::kNegate, {a}, {-5, 6, 0});
  expect_integers(OpKind::kSign, {a}, {1, -1, 0});
  expect_integers(OpKind::kNot, {a}, {~5, ~-6, ~0});
  const Tensor b = i32({3}, {3, 3, 3});
  expect_integers(OpKind::kAnd, {a, b}, {5 & 3, -6 & 3, 0});
  expect_integers(OpKind::kOr, {a, b}, {5 | 3, -6 | 3, 3});
  expect_integers(OpKind::kXor, {a, b}, {5 ^ 3, -6 ^ 3, 3});
}

TEST(Shift, CountsOutsideTheWidthGiveZeroOrTheSign) {
  const Tensor x = i32({6}, {-8, -8, -8, -8, 1, 9}), n = i32({6}, {1, 31, 32, -1, 31, 0});
  expect_integers(OpKind::kShiftLeft, {x, n}, {-16, 0, 0, 0, kMin, 9});
  expect_integers(OpKind::kShiftRightLogical, {x, n}, {0x7FFFFFFC, 1, 0, 0, 0, 9});
  expect_integers(OpKind::kShiftRightArithmetic, {x, n}, {-4, -1, -1, -1, 0, 9});
}

template <typename T>
void expect_bytes(DType type, OpKind kind, const std::vector<T>& x, const std::vector<T>& n,
                  const std::vector<T>& expected) {
  const Shape shape = {static_cast<std::int64_t>(x.size())};
  const std::vector<Tensor> inputs = {Tensor::of<T>(type, shape, x), Tensor::of<T>(type, shape, n)};
  EXPECT_EQ(values_of<T>(run_double(kind, inputs)), expected) << op_name(kind);
  EXPECT_EQ(values_of<T>(run_chip(kind, inputs)), expected) << op_name(kind);
}

TEST(Shift, BytesUseTheirOwnWidth) {
  expect_bytes<std::int8_t>(DType::kI8, OpKind::kShiftLeft, {65, -1, 1}, {1, 7, 8}, {-126, -128, 0});
  expect_bytes<std::int8_t>(DType::kI8, OpKind::kShiftRightLogical, {-1, -128, 64}, {1, 7, 9}, {127, 1, 0});
  expect_bytes<std::int8_t>(DType::kI8, OpKind::kShiftRightArithmetic, {-128, -128, 64}, {3, 100, 2}, {-16, -1, 16});
  expect_bytes<std::uint8_t>(DType::kU8, OpKind::kShiftLeft, {129, 1}, {1, 7}, {2, 128});
  expect_bytes<std::uint8_t>(DType::kU8, OpKind::kShiftRightArithmetic, {0x80, 0x40}, {3, 3}, {0xF0, 0x08});
}

TEST(NarrowIntegers, SaturateAsTheVectorUnitStores) {
  expect_bytes<std::int8_t>(DType::kI8, OpKind::kAdd, {100, -100, 3}, {100, -100, 4}, {127, -128, 7});
  expect_bytes<std::uint8_t>(DType::kU8, OpKind::kSubtract, {1, 200}, {2, 100}, {0, 100});
  const Tensor x = Tensor::of<std::uint8_t>(DType::kU8, {2}, {0, 0x0F});
  EXPECT_EQ(values_of<std::uint8_t>(run_chip(OpKind::kNot, {x})), (std::vector<std::uint8_t>{255, 0xF0}));
  EXPECT_EQ(values_of<std::uint8_t>(run_double(OpKind::kNot, {x})), (std::vector<std::uint8_t>{255, 0xF0}));
}

TEST(Pred, IsBoolean) {
  const Tensor a = pred({4}, {0, 0, 1, 1}), b = pred({4}, {0, 1, 0, 1});
  const std::vector<std::pair<OpKind, std::vector<std::uint8_t>>> cases = {
      {OpKind::kAnd, {0, 0, 0, 1}},    {OpKind::kOr, {0, 1, 1, 1}},       {OpKind::kXor, {0, 1, 1, 0}},
      {OpKind::kAdd, {0, 1, 1, 1}},    {OpKind::kMultiply, {0, 0, 0, 1}}, {OpKind::kMaximum, {0, 1, 1, 1}},
      {OpKind::kMinimum, {0, 0, 0, 1}}};
  for (const auto& [kind, expected] : cases) {
    EXPECT_EQ(values_of<std::uint8_t>(run_double(kind, {a, b})), expected) << op_name(kind);
    EXPECT_EQ(values_of<std::uint8_t>(run_chip(kind, {a, b})), expected) << op_name(kind);
  }
  EXPECT_EQ(values_of<std::uint8_t>(run_chip(OpKind::kNot, {a})), (std::vector<std::uint8_t>{1, 1, 0, 0}));
}

TEST(Compare, FloatsAndNan) {
  const Tensor a = f32({5}, {1, 2, 3, kNan, -0.0f}), b = f32({5}, {2, 2, 2, kNan, 0.0f});
  const std::vector<std::pair<CompareDirection, std::vector<std::uint8_t>>> cases = {
      {CompareDirection::kEQ, {0, 1, 0, 0, 1}}, {CompareDirection::kNE, {1, 0, 1, 1, 0}},
      {CompareDirection::kLT, {1, 0, 0, 0, 0}}, {CompareDirection::kLE, {1, 1, 0, 0, 1}},
      {CompareDirection::kGT, {0, 0, 1, 0, 0}}, {CompareDirection::kGE, {0, 1, 1, 0, 1}}};
  for (const auto& [direction, expected] : cases) {
    EXPECT_EQ(values_of<std::uint8_t>(run_double(OpKind::kCompare, {a, b}, CompareAttr{direction})), expected);
    EXPECT_EQ(values_of<std::uint8_t>(run_chip(OpKind::kCompare, {a, b}, CompareAttr{direction})), expected);
  }
  const Tensor c = i32({3}, {kMin, 0, 5}), d = i32({3}, {kMax, 0, 4});
  EXPECT_EQ(values_of<std::uint8_t>(run_chip(OpKind::kCompare, {c, d}, CompareAttr{CompareDirection::kLT})),
            (std::vector<std::uint8_t>{1, 0, 0}));
  EXPECT_EQ(values_of<std::uint8_t>(run_chip(OpKind::kCompare, {c, d}, CompareAttr{CompareDirection::kGE})),
            (std::vector<std::uint8_t>{0, 1, 1}));
}

TEST(Select, ByElementAndByScalar) {
  const Tensor t = f32({3}, {1, 2, 3}), f = f32({3}, {-1, -2, -3});
  EXPECT_EQ(values_of<float>(run_chip(OpKind::kSelect, {pred({3}, {1, 0, 1}), t, f})), (std::vector<float>{1, -2, 3}));
  EXPECT_EQ(values_of<float>(run_chip(OpKind::kSelect, {pred({}, {0}), t, f})), (std::vector<float>{-1, -2, -3}));
  EXPECT_EQ(values_of<double>(run_double(OpKind::kSelect, {pred({3}, {1, 0, 1}), t, f})),
            (std::vector<double>{1, -2, 3}));
  EXPECT_EQ(values_of<double>(run_double(OpKind::kSelect, {pred({}, {1}), t, f})), (std::vector<double>{1, 2, 3}));
}

TEST(Clamp, ScalarAndElementBounds) {
  const Tensor x = f32({4}, {-3, 0.5f, 9, kNan});
  const auto chip = values_of<float>(run_chip(OpKind::kClamp, {f32({}, {0}), x, f32({}, {6})}));
  EXPECT_EQ((std::vector<float>{chip.begin(), chip.begin() + 3}), (std::vector<float>{0, 0.5f, 6}));
  EXPECT_TRUE(std::isnan(chip[3]));
  const auto exact = values_of<double>(run_double(OpKind::kClamp, {f32({4}, {0, 1, 2, 3}), x, f32({}, {6})}));
  EXPECT_EQ((std::vector<double>{exact.begin(), exact.begin() + 3}), (std::vector<double>{0, 1, 6}));
  expect_integers(OpKind::kClamp, {i32({}, {-1}), i32({3}, {-5, 0, 5}), i32({}, {2})}, {-1, 0, 2});
}

TEST(IsFinite, OnlyFiniteNumbers) {
  const Tensor x = f32({5}, {0, -kInf, kNan, 3e38f, 1e-40f});
  EXPECT_EQ(values_of<std::uint8_t>(run_chip(OpKind::kIsFinite, {x})), (std::vector<std::uint8_t>{1, 0, 0, 1, 1}));
  EXPECT_EQ(values_of<std::uint8_t>(run_double(OpKind::kIsFinite, {x})), (std::vector<std::uint8_t>{1, 0, 0, 1, 1}));
}

TEST(Convert, FloatToIntegerTruncatesAndSaturates) {
  const Tensor x = f32({7}, {1.9f, -1.9f, 0.5f, 1e10f, -1e10f, kNan, 200.7f});
  const TensorType to32{DType::kI32, {7}}, to8{DType::kI8, {7}};
  const std::vector<std::int32_t> expected = {1, -1, 0, kMax, kMin, 0, 200};
  EXPECT_EQ(values_of<std::int32_t>(run_chip(OpKind::kConvert, {x}, {}, &to32)), expected);
  EXPECT_EQ(values_of<std::int32_t>(run_double(OpKind::kConvert, {x}, {}, &to32)), expected);
  const std::vector<std::int8_t> bytes = {1, -1, 0, 127, -128, 0, 127};
  EXPECT_EQ(values_of<std::int8_t>(run_chip(OpKind::kConvert, {x}, {}, &to8)), bytes);
  EXPECT_EQ(values_of<std::int8_t>(run_double(OpKind::kConvert, {x}, {}, &to8)), bytes);
}

TEST(Convert, ToPredIsNotZero) {
  const TensorType to{DType::kPred, {3}};
  for (const Tensor& x : {f32({3}, {0.25f, -0.0f, kNan}), i32({3}, {7, 0, -1})}) {
    EXPECT_EQ(values_of<std::uint8_t>(run_chip(OpKind::kConvert, {x}, {}, &to)), (std::vector<std::uint8_t>{1, 0, 1}));
    EXPECT_EQ(values_of<std::uint8_t>(run_double(OpKind::kConvert, {x}, {}, &to)),
              (std::vector<std::uint8_t>{1, 0, 1}));
  }
}

TEST(Convert, ToNarrowFloatRoundsOnTheChipOnly) {
  const Tensor x = f32({1}, {1.00390625f});  // 1 + 2^-8: half way between two bf16 values, the even one is 1
  const TensorType to{DType::kBF16, {1}};
  EXPECT_EQ(run_chip(OpKind::kConvert, {x}, {}, &to).data<std::uint16_t>()[0], 0x3F80);
  EXPECT_EQ(run_double(OpKind::kConvert, {x}, {}, &to).data<double>()[0], 1.00390625);
}

TEST(NarrowFloats, ComputeInFp32AndRoundOnce) {
  Random random(8);
  const Tensor x = random_f32(random, {500}).converted(DType::kBF16),
               y = random_f32(random, {500}).converted(DType::kBF16);
  const Tensor z = run_chip(OpKind::kMultiply, {x, y});
  for (std::int64_t i = 0; i < 500; ++i) {
    const float product = bf16_to_f32(x.data<std::uint16_t>()[i]) * bf16_to_f32(y.data<std::uint16_t>()[i]);
    EXPECT_EQ(z.data<std::uint16_t>()[i], f32_to_bf16(product));
  }
}

TEST(Threads, DoNotChangeBits) {
  Random random(9);
  const Tensor x = random_f32(random, {100, 777}, 0.1, 5);
  const Graph g = one_op(OpKind::kLog, {x});
  const auto one = interpret_chip(g, {x}, {}, 1), four = interpret_chip(g, {x}, {}, 4);
  EXPECT_TRUE(one->at(0).same_bits(four->at(0)));
}

}  // namespace
}  // namespace systole::graph
