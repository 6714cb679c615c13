// What the importer does beyond single operators: shapes, scopes, order, folding, external data, notes, source names.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "frontend/onnx.h"
#include "graph/interpreter.h"
#include "model_builder.h"

namespace systole {
namespace {

namespace fs = std::filesystem;
using graph::OpKind;
using test::ModelBuilder;
using test::set_int;
using test::set_string;

ImportedModel import_good(const ModelBuilder& m, const ImportOptions& options = {}) {
  const std::string bytes = m.bytes();
  auto result =
      import_onnx_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "model", "", options);
  EXPECT_TRUE(result.ok()) << result.error().text();
  if (!result.ok()) return {};
  EXPECT_TRUE(graph::verify(result->graph).ok());
  return std::move(result).value();
}

std::vector<double> run(const graph::Graph& g, const std::vector<Tensor>& inputs) {
  const auto results = graph::interpret_double(g, inputs);
  EXPECT_TRUE(results.ok()) << results.error().text();
  if (!results.ok()) return {};
  const Tensor y = (*results)[0].converted(DType::kF64);
  return {y.data<double>(), y.data<double>() + y.count()};
}

std::int64_t count_ops(const graph::Graph& g, OpKind kind) {
  return std::count_if(g.ops.begin(), g.ops.end(), [&](const auto& op) { return op.kind == kind; });
}

const graph::Op* find_op(const graph::Graph& g, OpKind kind) {
  const auto found = std::find_if(g.ops.begin(), g.ops.end(), [&](const auto& op) { return op.kind == kind; });
  return found == g.ops.end() ? nullptr : &*found;
}

Tensor f32(const Shape& shape, const std::vector<float>& values) {
  return Tensor::of<float>(DType::kF32, shape, values);
}

TEST(Import, NodesNeedNotBeSorted) {
  ModelBuilder m;
  m.input("x", {2}).output("y");
  m.node("Neg", {"b"}, {"y"}, "last");
  m.node("Add", {"a", "x"}, {"b"}, "middle");
  m.node("Mul", {"x", "x"}, {"a"}, "first");
  EXPECT_EQ(run(import_good(m).graph, {f32({2}, {3, -4})}), (std::vector<double>{-12, -12}));
}

TEST(Import, ShapesComeFromOptionsAndNamedDimensions) {
  ModelBuilder m;
  m.input("x", {-1, 3}).input("z", {-1, 1}).output("y");   // both leading dimensions are named d0
  m.node("Add", {"x", "z"}, {"y"});
  const auto by_shape = import_good(m, {.shapes = {{"z", {5, 1}}}, .inputs = {}, .batch = 0});
  EXPECT_EQ(by_shape.graph.type(by_shape.graph.outputs[0]).shape, (Shape{5, 3}));
  const auto by_batch = import_good(m, {.shapes = {}, .inputs = {}, .batch = 4});
  EXPECT_EQ(by_batch.graph.type(by_batch.graph.outputs[0]).shape, (Shape{4, 3}));
}

// Flatten as PyTorch exports it: Shape, Gather, Unsqueeze, Concat, Reshape.
TEST(Import, ShapeArithmeticFolds) {
  ModelBuilder m;
  m.input("x", {-1, 2, 3}).output("y");
  m.ints("minus_one", {-1}).ints("axes", {0});
  m.weight("zero", {}, 7).add_int64_data(0);
  m.node("Shape", {"x"}, {"s"});
  m.node("Gather", {"s", "zero"}, {"n"});
  m.node("Unsqueeze", {"n", "axes"}, {"n1"});
  set_int(m.node("Concat", {"n1", "minus_one"}, {"target"}), "axis", 0);
  m.node("Reshape", {"x", "target"}, {"y"}, "flatten");
  const auto model = import_good(m, {.shapes = {}, .inputs = {}, .batch = 7});
  ASSERT_EQ(model.graph.ops.size(), 1u);
  EXPECT_EQ(model.graph.ops[0].kind, OpKind::kReshape);
  EXPECT_EQ(model.graph.ops[0].source, "flatten");
  EXPECT_EQ(model.graph.type(model.graph.outputs[0]).shape, (Shape{7, 6}));
}

TEST(Import, FixedInputsAreNoInputsOfTheGraph) {
  ModelBuilder m;
  m.input("x", {6}).input("shape", {2}, 7).output("y");
  m.node("Reshape", {"x", "shape"}, {"y"});
  const Tensor shape = Tensor::of<std::int64_t>(DType::kI64, {2}, {2, 3});
  const auto model = import_good(m, {.shapes = {}, .inputs = {{"shape", shape}}, .batch = 0});
  EXPECT_EQ(model.graph.input_names, std::vector<std::string>{"x"});
  EXPECT_EQ(model.graph.type(model.graph.outputs[0]).shape, (Shape{2, 3}));
}

// The branch not taken holds an operator that is not known.
TEST(Import, KnownConditionInlinesItsBranch) {
  for (const bool condition : {true, false}) {
    ModelBuilder m;
    m.input("x", {2}).output("y");
    m.weight("c", {}, 9).add_int32_data(condition);
    auto& node = m.node("If", {"c"}, {"y"});
    const auto branch = [&](const char* name, const char* op) {
      auto& a = test::attribute(node, name, onnx::AttributeProto::GRAPH);
      auto& n = *a.mutable_g()->add_node();
      n.set_op_type(op);
      n.add_input("x");
      n.add_output("r");
      a.mutable_g()->add_output()->set_name("r");
    };
    branch("then_branch", condition ? "Neg" : "Frobnicate");
    branch("else_branch", condition ? "Frobnicate" : "Abs");
    const double sign = condition ? -1 : 1;
    EXPECT_EQ(run(import_good(m).graph, {f32({2}, {1, 2})}), (std::vector<double>{sign, 2 * sign}));
  }
}

TEST(Import, LocalFunctionsAreInlined) {
  ModelBuilder m;
  m.input("x", {2}).output("y");
  auto& call = m.node("Scaled", {"x"}, {"y"}, "call");
  call.set_domain("local");
  test::attribute(call, "slope", onnx::AttributeProto::FLOAT).set_f(0.5f);
  auto& f = *m.model.add_functions();
  f.set_name("Scaled");
  f.set_domain("local");
  f.add_input("a");
  f.add_output("b");
  auto& n = *f.add_node();
  n.set_op_type("LeakyRelu");
  n.add_input("a");
  n.add_output("b");
  auto& alpha = test::attribute(n, "alpha", onnx::AttributeProto::FLOAT);
  alpha.set_ref_attr_name("slope");
  EXPECT_EQ(run(import_good(m).graph, {f32({2}, {4, -4})}), (std::vector<double>{4, -2}));
}

TEST(Import, ForeignOpsetImportsAreIgnoredIfUnused) {
  ModelBuilder m;
  m.input("x", {1}).output("y");
  auto& foreign = *m.model.add_opset_import();
  foreign.set_domain("com.microsoft");
  foreign.set_version(1);
  m.node("Relu", {"x"}, {"y"});
  EXPECT_EQ(import_good(m).info.opset, 13);
}

TEST(Import, WideTypesRunNarrowAndAreNoted) {
  ModelBuilder m;
  m.input("x", {2}, 11).input("i", {2}, 7).output("y").output("j");
  m.node("Neg", {"x"}, {"y"});
  m.node("Neg", {"i"}, {"j"});
  const auto model = import_good(m);
  EXPECT_EQ(model.graph.type(model.graph.inputs[0]).type, DType::kF32);
  EXPECT_EQ(model.graph.type(model.graph.inputs[1]).type, DType::kI32);
  EXPECT_EQ(model.info.notes,
            (std::vector<std::string>{"float64 computes as fp32", "int64 and uint64 compute as 32-bit integers"}));
}

TEST(Import, ConvolutionStaysInNchw) {
  ModelBuilder m;
  m.input("x", {1, 2, 4, 4}).output("y").floats("w", {2, 1, 1, 1}, {2, 3});
  set_int(m.node("Conv", {"x", "w"}, {"y"}, "conv1"), "group", 2);
  const auto model = import_good(m);
  const graph::Op* conv = find_op(model.graph, OpKind::kConvolution);
  ASSERT_NE(conv, nullptr);
  EXPECT_EQ(conv->source, "conv1");
  const auto& a = conv->get<graph::ConvAttr>();
  EXPECT_EQ(a.feature_groups, 2);
  EXPECT_EQ(a.lhs_spatial, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(a.rhs_output, 0);
  EXPECT_EQ(model.graph.values[static_cast<std::size_t>(conv->result)].name, "y");
}

// gamma (x - mean) / sqrt(variance + epsilon) + beta, by hand for one channel.
TEST(Import, BatchNormalizationFoldsItsParameters) {
  ModelBuilder m;
  m.input("x", {1, 1, 2}).output("y");
  m.floats("scale", {1}, {3}).floats("bias", {1}, {1}).floats("mean", {1}, {2}).floats("variance", {1}, {4});
  auto& node = m.node("BatchNormalization", {"x", "scale", "bias", "mean", "variance"}, {"y"});
  test::attribute(node, "epsilon", onnx::AttributeProto::FLOAT).set_f(0);
  const auto model = import_good(m);
  EXPECT_EQ(count_ops(model.graph, OpKind::kRsqrt), 0);
  EXPECT_EQ(run(model.graph, {f32({1, 1, 2}, {2, 6})}), (std::vector<double>{1, 7}));
}

TEST(Import, DequantizedWeightsStayEightBit) {
  ModelBuilder m;
  m.input("x", {1, 2}).output("y").floats("s", {}, {0.5});
  m.weight("q", {2, 1}, 3).set_raw_data(std::string("\x02\xff", 2));   // 2, -1
  m.node("DequantizeLinear", {"q", "s"}, {"w"});
  m.node("MatMul", {"x", "w"}, {"y"});
  const auto model = import_good(m);
  const bool has_i8 = std::any_of(model.graph.values.begin(), model.graph.values.end(),
                                  [](const auto& v) { return v.type.type == DType::kI8; });
  EXPECT_TRUE(has_i8);
  EXPECT_EQ(run(model.graph, {f32({1, 2}, {3, 4})}), (std::vector<double>{1}));   // 3 * 1 - 4 * 0.5
}

// x = (q - 128) with uint8 q, weights int8: the product runs on int8 operands and accumulates in int32.
TEST(Import, IntegerProductUsesEightBitOperands) {
  ModelBuilder m(10);
  m.input("q", {1, 2}, 2).output("y");
  m.weight("w", {2, 1}, 3).set_raw_data(std::string("\x03\xfe", 2));   // 3, -2
  m.weight("zero", {}, 2).add_int32_data(128);
  m.node("MatMulInteger", {"q", "w", "zero"}, {"y"});
  const auto model = import_good(m);
  const graph::Op* dot = find_op(model.graph, OpKind::kDotGeneral);
  ASSERT_NE(dot, nullptr);
  EXPECT_EQ(model.graph.type(dot->operands[0]).type, DType::kI8);
  EXPECT_EQ(model.graph.type(dot->result).type, DType::kI32);
  EXPECT_EQ(run(model.graph, {Tensor::of<std::uint8_t>(DType::kU8, {1, 2}, {0, 255})}),
            (std::vector<double>{-128 * 3 - 127 * 2}));
}

TEST(Import, PowersBecomeProductsAndRoots) {
  ModelBuilder m;
  m.input("x", {1}).output("y").floats("two", {}, {2}).floats("half", {}, {0.5});
  m.node("Pow", {"x", "two"}, {"square"});
  m.node("Pow", {"square", "half"}, {"y"});
  const auto model = import_good(m);
  EXPECT_EQ(count_ops(model.graph, OpKind::kPower), 0);
  EXPECT_EQ(run(model.graph, {f32({1}, {-3})}), (std::vector<double>{3}));
}

TEST(Import, NearestDoublingIsABroadcast) {
  ModelBuilder m(11);
  m.input("x", {1, 1, 1, 2}).output("y").floats("scales", {4}, {1, 1, 2, 2}).floats("roi", {0}, {});
  auto& node = m.node("Resize", {"x", "roi", "scales"}, {"y"});
  set_string(node, "coordinate_transformation_mode", "asymmetric");
  set_string(node, "nearest_mode", "floor");
  const auto model = import_good(m);
  EXPECT_EQ(count_ops(model.graph, OpKind::kGather), 0);
  EXPECT_EQ(run(model.graph, {f32({1, 1, 1, 2}, {5, 7})}), (std::vector<double>{5, 5, 7, 7, 5, 5, 7, 7}));
}

// A folder of this process with an empty model folder inside.
class ExternalDataTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root / "model");
    ASSERT_TRUE(write_file((root / "model/w.bin").string(), std::string("\0\0\0\0\0\0\x80\x3f\0\0\0\x40", 12))
                    .ok());  // 0, 1, 2
    ASSERT_TRUE(write_file((root / "secret.bin").string(), std::string(8, '\0')).ok());
  }
  void TearDown() override { fs::remove_all(root); }

  Expected<ImportedModel> load(const std::string& location, const std::string& offset, const std::string& length) {
    ModelBuilder m;
    m.input("x", {2}).output("y");
    auto& w = m.weight("w", {2}, 1);
    w.set_data_location(onnx::TensorProto::EXTERNAL);
    for (const auto& [key, value] : {std::pair{"location", location}, {"offset", offset}, {"length", length}}) {
      auto& entry = *w.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
    m.node("Add", {"x", "w"}, {"y"});
    EXPECT_TRUE(write_file((root / "model/m.onnx").string(), m.bytes()).ok());
    return import_onnx((root / "model/m.onnx").string(), {});
  }

  fs::path root = fs::temp_directory_path() / ("systole-external-" + std::to_string(::getpid()));
};

TEST_F(ExternalDataTest, IsReadAtItsOffsetAndHashed) {
  const auto model = load("w.bin", "4", "8");
  ASSERT_TRUE(model.ok()) << model.error().text();
  EXPECT_EQ(run(model->graph, {f32({2}, {10, 20})}), (std::vector<double>{11, 22}));
  ASSERT_TRUE(write_file((root / "model/w.bin").string(), std::string(12, '\0')).ok());
  const auto changed = load("w.bin", "4", "8");
  ASSERT_TRUE(changed.ok());
  EXPECT_NE(model->hash, changed->hash);
}

TEST_F(ExternalDataTest, StaysInsideTheFolder) {
  fs::create_symlink(root / "secret.bin", root / "model/link.bin");
  for (const std::string& location : {std::string("../secret.bin"), (root / "secret.bin").string(),
                                      std::string("a/../../secret.bin"), std::string("link.bin"), std::string("")}) {
    const auto model = load(location, "0", "8");
    ASSERT_FALSE(model.ok()) << location;
    EXPECT_EQ(model.error().code, ErrorCode::kInvalidInput);
    EXPECT_NE(model.error().text().find("outside the model's folder"), std::string::npos) << model.error().text();
  }
}

TEST_F(ExternalDataTest, RangesAreChecked) {
  const struct {
    const char *offset, *length;
  } kBad[] = {{"8", "8"}, {"100", "8"}, {"-1", "8"}, {"0", "12x"}, {"9223372036854775807", "8"}, {"0", "4"}};
  for (const auto& bad : kBad) {
    const auto model = load("w.bin", bad.offset, bad.length);
    ASSERT_FALSE(model.ok()) << bad.offset << " " << bad.length;
    EXPECT_EQ(model.error().code, ErrorCode::kInvalidInput);
    EXPECT_NE(model.error().text().find("tensor 'w'"), std::string::npos);
  }
  const auto missing = load("none.bin", "0", "8");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace systole
