// Operators that libonnx-testdata has no case for, against their definitions.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "frontend/onnx.h"
#include "graph/interpreter.h"
#include "model_builder.h"

namespace systole {
namespace {

using test::ModelBuilder;
using test::set_int;
using test::set_ints;
using test::set_string;

std::vector<double> run(const ModelBuilder& m, const std::vector<Tensor>& inputs) {
  const std::string bytes = m.bytes();
  const auto model =
      import_onnx_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "model", "", {});
  EXPECT_TRUE(model.ok()) << model.error().text();
  if (!model.ok()) return {};
  const auto results = graph::interpret_double(model->graph, inputs);
  EXPECT_TRUE(results.ok()) << results.error().text();
  if (!results.ok()) return {};
  const Tensor y = (*results)[0].converted(DType::kF64);
  return {y.data<double>(), y.data<double>() + y.count()};
}

Tensor f32(const Shape& shape, const std::vector<float>& values) {
  return Tensor::of<float>(DType::kF32, shape, values);
}

void expect_near(const std::vector<double>& ours, const std::vector<double>& wanted, double tolerance = 1e-7) {
  ASSERT_EQ(ours.size(), wanted.size());
  for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i], wanted[i], tolerance) << "element " << i;
}

const std::vector<float> kPoints = {-5, -1.5f, -0.25f, 0, 0.5f, 2, 9};

// One operator on kPoints against a formula.
void expect_function(const std::string& op, double (*formula)(double), const std::string& approximate = "") {
  ModelBuilder m(20);
  m.input("x", {7}).output("y");
  auto& node = m.node(op, {"x"}, {"y"});
  if (!approximate.empty()) set_string(node, "approximate", approximate);
  std::vector<double> wanted;
  for (const float x : kPoints) wanted.push_back(formula(static_cast<double>(x)));
  expect_near(run(m, {f32({7}, kPoints)}), wanted, 1e-6);
}

TEST(Operator, Gelu) {
  expect_function("Gelu", [](double x) { return x / 2 * (1 + std::erf(x / std::numbers::sqrt2)); });
  expect_function("Gelu",
                  [](double x) {
                    return x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
                  },
                  "tanh");
}

TEST(Operator, Mish) {
  expect_function("Mish", [](double x) { return x * std::tanh(std::log1p(std::exp(x))); });
}

TEST(Operator, Bitwise) {
  const std::vector<std::int32_t> a = {0b1100, -1}, b = {0b1010, 7};
  const auto result = [&](const std::string& op, bool unary) {
    ModelBuilder m(18);
    m.input("a", {2}, 6);
    if (!unary) m.input("b", {2}, 6);
    m.output("y");
    m.node(op, unary ? std::vector<std::string>{"a"} : std::vector<std::string>{"a", "b"}, {"y"});
    std::vector<Tensor> inputs = {Tensor::of<std::int32_t>(DType::kI32, {2}, a)};
    if (!unary) inputs.push_back(Tensor::of<std::int32_t>(DType::kI32, {2}, b));
    return run(m, inputs);
  };
  EXPECT_EQ(result("BitwiseAnd", false), (std::vector<double>{0b1000, 7}));
  EXPECT_EQ(result("BitwiseOr", false), (std::vector<double>{0b1110, -1}));
  EXPECT_EQ(result("BitwiseXor", false), (std::vector<double>{0b0110, -8}));
  EXPECT_EQ(result("BitwiseNot", true), (std::vector<double>{-13, 0}));
}

// Two groups of two channels: every group is (values - mean) / deviation, then scaled per channel (opset 21).
TEST(Operator, GroupNormalization) {
  ModelBuilder m(21);
  m.input("x", {1, 4, 1}).output("y").floats("scale", {4}, {1, 2, 3, 4}).floats("bias", {4}, {0, 0, 0, 10});
  auto& node = m.node("GroupNormalization", {"x", "scale", "bias"}, {"y"});
  set_int(node, "num_groups", 2);
  test::attribute(node, "epsilon", onnx::AttributeProto::FLOAT).set_f(0);
  // means 2 and 30, deviations 1 and 10
  expect_near(run(m, {f32({1, 4, 1}, {1, 3, 20, 40})}), {-1, 2, -3, 14});
}

TEST(Operator, LpPool) {
  for (const int p : {1, 2}) {
    ModelBuilder m;
    m.input("x", {1, 1, 4}).output("y");
    auto& node = m.node("LpPool", {"x"}, {"y"});
    set_ints(node, "kernel_shape", {2});
    set_ints(node, "strides", {2});
    set_int(node, "p", p);
    const std::vector<double> wanted = p == 1 ? std::vector<double>{7, 17} : std::vector<double>{5, 13};
    expect_near(run(m, {f32({1, 1, 4}, {3, -4, 5, 12})}), wanted);
  }
}

TEST(Operator, GlobalLpPool) {
  ModelBuilder m;
  m.input("x", {1, 2, 2}).output("y");
  m.node("GlobalLpPool", {"x"}, {"y"});
  expect_near(run(m, {f32({1, 2, 2}, {3, -4, 5, 12})}), {5, 13});
}

TEST(Operator, LpNormalization) {
  for (const int p : {1, 2}) {
    ModelBuilder m;
    m.input("x", {1, 2}).output("y");
    set_int(m.node("LpNormalization", {"x"}, {"y"}), "p", p);
    const std::vector<double> wanted = p == 1 ? std::vector<double>{0.6, -0.4} : std::vector<double>{0.6, -0.8};
    expect_near(run(m, {p == 1 ? f32({1, 2}, {6, -4}) : f32({1, 2}, {3, -4})}), wanted);
  }
}

Tensor i32(const Shape& shape, const std::vector<std::int32_t>& values) {
  return Tensor::of<std::int32_t>(DType::kI32, shape, values);
}

// A decoder's step: a row of the cache is written at a position that is data, and read back.
TEST(Operator, CacheWrittenAndReadAtAPositionThatIsData) {
  ModelBuilder m(16);
  m.input("cache", {4, 2}).input("row", {1, 2}).input("position", {1}, 6).output("y");
  m.weight("one", {1}, 6).add_int32_data(1);
  m.weight("axis", {1}, 7).add_int64_data(0);
  m.node("Reshape", {"position", "two"}, {"index"});
  m.ints("two", {1, 1});
  m.node("ScatterND", {"cache", "index", "row"}, {"written"});
  m.node("Add", {"position", "one"}, {"end"});
  m.node("Slice", {"written", "position", "end", "axis"}, {"read"});
  m.node("Concat", {"written", "read"}, {"y"});
  set_int(*m.model.mutable_graph()->mutable_node(m.model.graph().node_size() - 1), "axis", 0);
  const Tensor cache = f32({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), row = f32({1, 2}, {-1, -2});
  expect_near(run(m, {cache, row, i32({1}, {2})}), {1, 2, 3, 4, -1, -2, 7, 8, -1, -2});
  expect_near(run(m, {cache, row, i32({1}, {0})}), {-1, -2, 3, 4, 5, 6, 7, 8, -1, -2});
  expect_near(run(m, {cache, row, i32({1}, {-1})}), {1, 2, 3, 4, 5, 6, -1, -2, -1, -2});
}

// Of two updates of one place the last one stays; the reductions take both.
TEST(Operator, ScatterToPlacesThatAreData) {
  for (const std::string reduction : {"none", "add", "mul", "max", "min"}) {
    ModelBuilder m(18);
    m.input("x", {2, 3}).input("at", {3, 1}, 6).input("rows", {3, 3}).output("y");
    set_string(m.node("ScatterND", {"x", "at", "rows"}, {"y"}), "reduction", reduction);
    const auto y = run(m, {f32({2, 3}, {1, 2, 3, 4, 5, 6}), i32({3, 1}, {1, 0, 1}), f32({3, 3}, {7, -7, 7, 2, 2, 2, 3, 9, -1})});
    if (reduction == "none") expect_near(y, {2, 2, 2, 3, 9, -1});
    if (reduction == "add") expect_near(y, {3, 4, 5, 14, 7, 12});
    if (reduction == "mul") expect_near(y, {2, 4, 6, 84, -315, -42});
    if (reduction == "max") expect_near(y, {2, 2, 3, 7, 9, 7});
    if (reduction == "min") expect_near(y, {1, 2, 2, 3, -7, -1});
  }
  for (const std::string reduction : {"none", "add"}) {
    ModelBuilder m(18);
    m.input("x", {3, 2}).input("at", {2, 1}, 6).input("values", {2, 1}).output("y");
    set_string(m.node("ScatterElements", {"x", "at", "values"}, {"y"}), "reduction", reduction);
    const auto y = run(m, {f32({3, 2}, {1, 2, 3, 4, 5, 6}), i32({2, 1}, {2, -1}), f32({2, 1}, {10, 20})});
    expect_near(y, reduction == "none" ? std::vector<double>{1, 2, 3, 4, 20, 6} : std::vector<double>{1, 2, 3, 4, 35, 6});
  }
}

TEST(Operator, TopKOrdersEqualElementsByPlace) {
  for (const int output : {0, 1}) {
    ModelBuilder m(11);
    m.input("x", {1, 5}).output("y").ints("k", {4});
    m.node("TopK", {"x", "k"}, output == 0 ? std::vector<std::string>{"y"} : std::vector<std::string>{"values", "y"});
    expect_near(run(m, {f32({1, 5}, {3, -1, 7, 3, 7})}), output == 0 ? std::vector<double>{7, 7, 3, 3} : std::vector<double>{2, 4, 0, 3});
  }
}

TEST(Operator, InverseTrigonometry) {
  expect_function("Atan", [](double x) { return std::atan(x); });
  for (const auto& [op, formula] : {std::pair{"Asin", static_cast<double (*)(double)>(std::asin)}, {"Acos", std::acos}}) {
    ModelBuilder m;
    m.input("x", {7}).output("y");
    m.node(op, {"x"}, {"y"});
    const std::vector<float> points = {-1, -0.75f, -0.125f, 0, 0.5f, 0.984375f, 1};
    std::vector<double> wanted;
    for (const float x : points) wanted.push_back(formula(static_cast<double>(x)));
    expect_near(run(m, {f32({7}, points)}), wanted, 1e-6);
  }
}

// A frame of a cosine at its own frequency: half its energy in one bin.
TEST(Operator, ShortTimeFourierTransform) {
  ModelBuilder m(17);
  m.input("x", {1, 12, 1}).output("y");
  m.weight("step", {}, 7).add_int64_data(4);
  m.weight("length", {}, 7).add_int64_data(8);
  m.node("STFT", {"x", "step", "", "length"}, {"y"});
  std::vector<float> wave;
  for (int i = 0; i < 12; ++i) wave.push_back(static_cast<float>(std::cos(2 * std::numbers::pi * 2 * i / 8)));
  std::vector<double> wanted(2 * 5 * 2, 0);
  wanted[2 * 2] = wanted[10 + 2 * 2] = 4;
  expect_near(run(m, {f32({1, 12, 1}, wave)}), wanted, 1e-6);
}

}  // namespace
}  // namespace systole
