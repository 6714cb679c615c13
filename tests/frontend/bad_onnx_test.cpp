// Malformed and unsupported models: each gives an Error with the right code, whose text names the place and the
// trouble.
#include <gtest/gtest.h>

#include <functional>

#include "frontend/onnx.h"
#include "model_builder.h"

namespace systole {
namespace {

using test::ModelBuilder;
using test::set_int;
using test::set_ints;
using test::set_string;

struct BadModel {
  const char* name;
  ErrorCode code;
  std::vector<const char*> fragments;   // all of them stand in the error's text
  std::function<void(ModelBuilder&)> build;
  ImportOptions options = {};
};

Expected<ImportedModel> import_bytes(const std::string& bytes, const ImportOptions& options) {
  return import_onnx_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "bad.onnx", "",
                           options);
}

constexpr ErrorCode kInvalid = ErrorCode::kInvalidInput, kUnsupported = ErrorCode::kUnsupported,
                    kNotFound = ErrorCode::kNotFound;

// x [2, 3] -> op -> y
onnx::NodeProto& one_node(ModelBuilder& m, const std::string& op, const std::vector<std::string>& inputs = {"x"},
                          const std::vector<std::int64_t>& shape = {2, 3}) {
  m.input("x", shape).output("y");
  return m.node(op, inputs, {"y"});
}

std::vector<BadModel> structure_cases() {
  return {
      {"NoOutputs", kInvalid, {"no outputs"}, [](auto& m) { m.input("x", {1}); }},
      {"OutputThatNothingMakes",
       kInvalid,
       {"output 'y'", "no node makes it"},
       [](auto& m) { m.input("x", {1}).output("y"); }},
      {"MissingInitializer",
       kInvalid,
       {"'the_node'", "'w'", "no initialiser"},
       [](auto& m) {
         one_node(m, "Add", {"x", "w"});
       }},
      {"CycleOfTwo",
       kInvalid,
       {"'first'", "cycle"},
       [](auto& m) {
         m.input("x", {1}).output("y");
         m.node("Add", {"x", "b"}, {"a"}, "first");
         m.node("Relu", {"a"}, {"b"}, "second");
         m.node("Relu", {"b"}, {"y"}, "third");
       }},
      {"CycleOfOne",
       kInvalid,
       {"'the_node'", "cycle"},
       [](auto& m) {
         one_node(m, "Add", {"x", "y"});
       }},
      {"TensorMadeTwice",
       kInvalid,
       {"'again'", "'y'", "exists already"},
       [](auto& m) {
         one_node(m, "Relu");
         m.node("Abs", {"x"}, {"y"}, "again");
       }},
      {"NodeMakesAnInput",
       kInvalid,
       {"'x'", "exists already"},
       [](auto& m) {
         m.input("x", {1}).output("x");
         m.node("Relu", {"x"}, {"x"});
       }},
      {"TwoInputsOfOneName",
       kInvalid,
       {"two inputs are named 'x'"},
       [](auto& m) {
         one_node(m, "Relu");
         m.input("x", {2, 3});
       }},
      {"TwoInitializersOfOneName",
       kInvalid,
       {"two initialisers are named 'w'"},
       [](auto& m) {
         one_node(m, "Add", {"x", "w"});
         m.floats("w", {1}, {1}).floats("w", {1}, {1});
       }},
      {"OpsetZero",
       kInvalid,
       {"opset 0"},
       [](auto& m) {
         one_node(m, "Relu");
         m.model.mutable_opset_import(0)->set_version(0);
       }},
      {"UnknownOperator",
       kUnsupported,
       {"'the_node'", "Frobnicate", "opset 13"},
       [](auto& m) { one_node(m, "Frobnicate"); }},
      {"UnknownDomain",
       kUnsupported,
       {"com.example.Relu", "'the_node'"},
       [](auto& m) { one_node(m, "Relu").set_domain("com.example"); }},
      {"UnnamedNode", kUnsupported, {"node #0 (Frobnicate"}, [](auto& m) { one_node(m, "Frobnicate").clear_name(); }},
      {"NodeWithoutInputs", kInvalid, {"'the_node'", "input 0 is missing"}, [](auto& m) { one_node(m, "Relu", {}); }},
      {"EndlessFunction",
       kInvalid,
       {"without end"},
       [](auto& m) {
         one_node(m, "Self").set_domain("local");
         auto& f = *m.model.add_functions();
         f.set_name("Self");
         f.set_domain("local");
         f.add_input("a");
         f.add_output("b");
         auto& n = *f.add_node();
         n.set_op_type("Self");
         n.set_domain("local");
         n.add_input("a");
         n.add_output("b");
       }},
  };
}

std::vector<BadModel> input_cases() {
  return {
      {"DynamicDimension",
       kInvalid,
       {"input 'x'", "dimension 1 ('d1')", "--shape x="},
       [](auto& m) {
         one_node(m, "Relu", {"x"}, {2, -1});
       }},
      {"DynamicBatch",
       kInvalid,
       {"dimension 0", "--batch"},
       [](auto& m) {
         one_node(m, "Relu", {"x"}, {-1, 3});
       }},
      {"NoShapeAtAll",
       kInvalid,
       {"input 'x'", "--shape"},
       [](auto& m) {
         one_node(m, "Relu");
         m.model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
       }},
      {"ShapeOfWrongRank",
       kInvalid,
       {"input 'x'", "2 dimensions"},
       [](auto& m) {
         one_node(m, "Relu", {"x"}, {2, -1});
       },
       {.shapes = {{"x", {1, 2, 3}}}}},
      {"ShapeAgainstTheModel",
       kInvalid,
       {"dimension 0 is 2", "says 5"},
       [](auto& m) {
         one_node(m, "Relu", {"x"}, {2, -1});
       },
       {.shapes = {{"x", {5, 3}}}}},
      {"ShapeForNoInput", kNotFound, {"no input 'z'"}, [](auto& m) { one_node(m, "Relu"); }, {.shapes = {{"z", {1}}}}},
      {"ValueForNoInput",
       kNotFound,
       {"no input 'z'"},
       [](auto& m) { one_node(m, "Relu"); },
       {.inputs = {{"z", Tensor::scalar_f32(1)}}}},
      {"BatchOfAFixedModel", kInvalid, {"--batch"}, [](auto& m) { one_node(m, "Relu"); }, {.batch = 7}},
      {"NegativeShape",
       kInvalid,
       {"input 'x'", "dimension 1"},
       [](auto& m) {
         one_node(m, "Relu", {"x"}, {2, -1});
       },
       {.shapes = {{"x", {2, -4}}}}},
      {"AbsurdDimension",
       kInvalid,
       {"input 'x'", "dimension 0"},
       [](auto& m) {
         one_node(m, "Relu", {"x"}, {std::int64_t{1} << 60, 3});
       }},
      {"AbsurdProduct",
       kInvalid,
       {"input 'x'"},
       [](auto& m) {
         one_node(m, "Relu", {"x"}, {1 << 30, 1 << 30, 1 << 30, 1 << 30});
       }},
      {"StringInput",
       kUnsupported,
       {"input 'x'", "string"},
       [](auto& m) {
         m.input("x", {1}, 8).output("y");
         m.node("Identity", {"x"}, {"y"});
       }},
      {"UnknownElementType",
       kInvalid,
       {"input 'x'", "element type 99"},
       [](auto& m) {
         m.input("x", {1}, 99).output("y");
         m.node("Identity", {"x"}, {"y"});
       }},
      {"SequenceInput",
       kUnsupported,
       {"input 'x'", "no tensor"},
       [](auto& m) {
         one_node(m, "Relu");
         m.model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_sequence_type();
       }},
  };
}

std::vector<BadModel> tensor_cases() {
  const auto with_weight = [](ModelBuilder& m) -> ModelBuilder& {
    one_node(m, "Add", {"x", "w"});
    return m;
  };
  return {
      {"TooFewElements",
       kInvalid,
       {"tensor 'w'", "3"},
       [=](auto& m) {
         with_weight(m).floats("w", {3}, {1, 2});
       }},
      {"TooFewRawBytes",
       kInvalid,
       {"tensor 'w'", "12 bytes, 11 are stored"},
       [=](auto& m) { with_weight(m).weight("w", {3}, 1).set_raw_data(std::string(11, 'a')); }},
      {"NegativeWeightDimension", kInvalid, {"tensor 'w'"}, [=](auto& m) { with_weight(m).weight("w", {-3}, 1); }},
      {"OverflowingWeightShape",
       kInvalid,
       {"tensor 'w'"},
       [=](auto& m) {
         with_weight(m).weight("w", {std::int64_t{1} << 40, std::int64_t{1} << 40}, 1);
       }},
      {"AbsurdWeightShape",
       kInvalid,
       {"tensor 'w'", "fewer elements"},
       [=](auto& m) { with_weight(m).weight("w", {std::int64_t{1} << 40}, 1); }},
      {"StringWeight", kUnsupported, {"tensor 'w'", "string"}, [=](auto& m) { with_weight(m).weight("w", {1}, 8); }},
      {"ComplexWeight", kUnsupported, {"tensor 'w'", "complex"}, [=](auto& m) { with_weight(m).weight("w", {1}, 14); }},
      {"UndefinedWeightType",
       kInvalid,
       {"tensor 'w'", "element type 0"},
       [=](auto& m) { with_weight(m).weight("w", {1}, 0); }},
      {"ExternalWithoutFolder",
       kInvalid,
       {"tensor 'w'", "folder"},
       [=](auto& m) {
         auto& w = with_weight(m).weight("w", {3}, 1);
         w.set_data_location(onnx::TensorProto::EXTERNAL);
         auto& entry = *w.add_external_data();
         entry.set_key("location");
         entry.set_value("w.bin");
       }},
  };
}

std::vector<BadModel> operator_cases() {
  return {
      {"ShapesThatDoNotBroadcast",
       kInvalid,
       {"'the_node' (Add, opset 13)", "do not broadcast"},
       [](auto& m) {
         one_node(m, "Add", {"x", "w"});
         m.floats("w", {2}, {1, 2});
       }},
      {"TypesThatDiffer",
       kInvalid,
       {"'the_node'", "differ in type"},
       [](auto& m) {
         one_node(m, "Add", {"x", "w"});
         m.ints("w", {1, 2, 3});
       }},
      {"InnerDimensionsDiffer",
       kInvalid,
       {"'the_node' (MatMul", "2x3 times 2x1"},
       [](auto& m) {
         one_node(m, "MatMul", {"x", "w"});
         m.floats("w", {2, 1}, {1, 2});
       }},
      {"GemmOfVectors",
       kInvalid,
       {"'the_node' (Gemm", "matrices"},
       [](auto& m) {
         one_node(m, "Gemm", {"x", "w"});
         m.floats("w", {3}, {1, 2, 3});
       }},
      {"ReshapeToAnotherCount",
       kInvalid,
       {"'the_node'", "6 elements"},
       [](auto& m) {
         one_node(m, "Reshape", {"x", "s"});
         m.ints("s", {4, 2});
       }},
      {"ReshapeWithTwoHoles",
       kInvalid,
       {"'the_node'", "malformed"},
       [](auto& m) {
         one_node(m, "Reshape", {"x", "s"});
         m.ints("s", {-1, -1});
       }},
      {"ReshapeByData",
       kUnsupported,
       {"'the_node' (Reshape", "'s'", "--input"},
       [](auto& m) {
         one_node(m, "Reshape", {"x", "s"});
         m.input("s", {2}, 7);
       }},
      {"AxisOutOfRange",
       kInvalid,
       {"'the_node'", "axis 2", "rank 2"},
       [](auto& m) {
         auto& n = one_node(m, "Softmax");
         set_int(n, "axis", 2);
       }},
      {"AxisTwice",
       kInvalid,
       {"'the_node'", "twice"},
       [](auto& m) {
         one_node(m, "ReduceSum", {"x", "a"});
         m.ints("a", {0, -2});
       }},
      {"AttributeOfWrongKind",
       kInvalid,
       {"'the_node'", "'axis' must be an integer"},
       [](auto& m) {
         auto& n = one_node(m, "Softmax");
         set_string(n, "axis", "last");
       }},
      {"ConcatWithoutAxis",
       kInvalid,
       {"'the_node'", "'axis' is missing"},
       [](auto& m) {
         one_node(m, "Concat", {"x", "x"});
       }},
      {"ConcatOfDifferentRows",
       kInvalid,
       {"'the_node'"},
       [](auto& m) {
         auto& n = one_node(m, "Concat", {"x", "w"});
         set_int(n, "axis", 1);
         m.floats("w", {3, 1}, {1, 2, 3});
       }},
      {"TransposeWithoutPermutation",
       kInvalid,
       {"'the_node'", "twice"},
       [](auto& m) {
         auto& n = one_node(m, "Transpose");
         set_ints(n, "perm", {0, 0});
       }},
      {"SliceStepZero",
       kInvalid,
       {"'the_node'", "step"},
       [](auto& m) {
         one_node(m, "Slice", {"x", "s", "e", "a", "t"});
         m.ints("s", {0}).ints("e", {1}).ints("a", {0}).ints("t", {0});
       }},
      {"SplitThatDoesNotAddUp",
       kInvalid,
       {"'the_node'", "add up"},
       [](auto& m) {
         one_node(m, "Split", {"x", "s"});
         m.ints("s", {1});
       }},
      {"GatherOutside",
       kInvalid,
       {"'the_node'", "index 2"},
       [](auto& m) {
         one_node(m, "Gather", {"x", "i"});
         m.ints("i", {2});
       }},
      {"SqueezeOfAWideDimension",
       kInvalid,
       {"'the_node'", "size 3"},
       [](auto& m) {
         one_node(m, "Squeeze", {"x", "a"});
         m.ints("a", {1});
       }},
      {"CastToNothing", kInvalid, {"'the_node'", "'to' is missing"}, [](auto& m) { one_node(m, "Cast"); }},
      {"ExpandToAbsurdSize",
       kInvalid,
       {"'the_node'"},
       [](auto& m) {
         one_node(m, "Expand", {"x", "s"});
         m.ints("s", {std::int64_t{1} << 61, 1, 1});
       }},
      {"ConstantOfShapeAbsurd",
       kInvalid,
       {"'the_node'"},
       [](auto& m) {
         m.output("y").ints("s", {std::int64_t{1} << 40, std::int64_t{1} << 40});
         m.node("ConstantOfShape", {"s"}, {"y"});
       }},
      {"TileNegative",
       kInvalid,
       {"'the_node'", "repeat"},
       [](auto& m) {
         one_node(m, "Tile", {"x", "r"});
         m.ints("r", {1, -1});
       }},
      {"RangeOfDeltaZero",
       kInvalid,
       {"'the_node'", "delta"},
       [](auto& m) {
         m.output("y").floats("a", {}, {0}).floats("b", {}, {4}).floats("d", {}, {0});
         m.node("Range", {"a", "b", "d"}, {"y"});
       }},
      {"ResizeWithoutScales",
       kInvalid,
       {"'the_node'", "neither scales nor sizes"},
       [](auto& m) { one_node(m, "Resize"); }},
      {"IfOnData", kInvalid, {"'the_node'", "condition"}, [](auto& m) { one_node(m, "If"); }},
      {"LargeConstant",
       kUnsupported,
       {"'the_node'", "4294967296", "32 bits"},
       [](auto& m) {
         m.input("x", {1}, 7).output("y").ints("w", {std::int64_t{1} << 32});
         m.node("Add", {"x", "w"}, {"y"});
       }},
      {"DropoutInTraining",
       kUnsupported,
       {"'the_node'", "training"},
       [](auto& m) {
         one_node(m, "Dropout", {"x", "", "t"});
         auto& t = m.weight("t", {}, 9);
         t.add_int32_data(1);
       }},
  };
}

// x [1, 4, 5, 5], w [8, 4, 3, 3] of ones unless the case says otherwise.
void convolution(ModelBuilder& m, const std::function<void(onnx::NodeProto&)>& change,
                 std::vector<std::int64_t> weights = {8, 4, 3, 3}) {
  m.input("x", {1, 4, 5, 5}).output("y");
  std::int64_t count = 1;
  for (const std::int64_t d : weights) count *= d;
  m.floats("w", weights, std::vector<float>(static_cast<std::size_t>(count), 1));
  change(m.node("Conv", {"x", "w"}, {"y"}));
}

std::vector<BadModel> convolution_cases() {
  const std::vector<const char*> place = {"'the_node' (Conv, opset 13)"};
  const auto at = [&](const char* fragment) { return std::vector<const char*>{place[0], fragment}; };
  return {
      {"ConvStrideZero", kInvalid, at("strides"),
       [](auto& m) { convolution(m, [](auto& n) {
                       set_ints(n, "strides", {1, 0});
                     }); }},
      {"ConvStridesOfWrongLength", kInvalid, at("strides"),
       [](auto& m) { convolution(m, [](auto& n) { set_ints(n, "strides", {1}); }); }},
      {"ConvDilationAbsurd", kInvalid, at("dilations"),
       [](auto& m) { convolution(m, [](auto& n) {
                       set_ints(n, "dilations", {1, std::int64_t{1} << 40});
                     }); }},
      {"ConvPadsOfWrongLength", kInvalid, at("pads"),
       [](auto& m) { convolution(m, [](auto& n) {
                       set_ints(n, "pads", {1, 1});
                     }); }},
      {"ConvNegativePads", kInvalid, at("pads"),
       [](auto& m) { convolution(m, [](auto& n) {
                       set_ints(n, "pads", {0, 0, -1, 0});
                     }); }},
      {"ConvKernelTooLarge", kInvalid, at("does not fit"),
       [](auto& m) {
         convolution(m, [](auto&) {}, {8, 4, 7, 3});
       }},
      {"ConvKernelShapeDiffers", kInvalid, at("kernel_shape"),
       [](auto& m) { convolution(m, [](auto& n) {
                       set_ints(n, "kernel_shape", {5, 5});
                     }); }},
      {"ConvGroupZero", kInvalid, at("group"),
       [](auto& m) { convolution(m, [](auto& n) { set_int(n, "group", 0); }); }},
      {"ConvGroupsDoNotDivide", kInvalid, at("group"),
       [](auto& m) { convolution(m, [](auto& n) { set_int(n, "group", 3); }); }},
      {"ConvChannelsDiffer", kInvalid, at("do not fit"),
       [](auto& m) {
         convolution(m, [](auto&) {}, {8, 3, 3, 3});
       }},
      {"ConvWeightsOfWrongRank", kInvalid, at("rank"),
       [](auto& m) {
         convolution(m, [](auto&) {}, {8, 4, 3});
       }},
      {"ConvAutoPadUnknown", kInvalid, at("SAME_SOMEHOW"),
       [](auto& m) { convolution(m, [](auto& n) { set_string(n, "auto_pad", "SAME_SOMEHOW"); }); }},
      {"ConvOfAMatrix", kInvalid, at("rank"),
       [](auto& m) {
         m.input("x", {2, 3}).output("y").floats("w", {1, 1}, {1});
         m.node("Conv", {"x", "w"}, {"y"});
       }},
      {"PoolWithoutKernel",
       kInvalid,
       {"'the_node' (MaxPool", "'kernel_shape' is missing"},
       [](auto& m) {
         m.input("x", {1, 1, 4, 4}).output("y");
         m.node("MaxPool", {"x"}, {"y"});
       }},
      {"PoolOfAHugeKernel",
       kInvalid,
       {"'the_node' (AveragePool"},
       [](auto& m) {
         m.input("x", {1, 1, 4, 4}).output("y");
         set_ints(m.node("AveragePool", {"x"}, {"y"}), "kernel_shape", {std::int64_t{1} << 62, 1});
       }},
      {"PoolIndices",
       kUnsupported,
       {"'the_node' (MaxPool", "more than 256 elements"},
       [](auto& m) {
         m.input("x", {1, 1, 20, 20}).output("y");
         set_ints(m.node("MaxPool", {"x"}, {"y", "i"}), "kernel_shape", {17, 17});
       }},
      {"ScatterWithAnUnknownReduction", kInvalid, {"'the_node' (ScatterND", "'reduction' must be"},
       [](auto& m) {
         m.input("x", {4, 2}).input("i", {1, 1}, 6).input("u", {1, 2}).output("y");
         set_string(m.node("ScatterND", {"x", "i", "u"}, {"y"}), "reduction", "average");
       }},
      {"TopKOfMoreThanThereAre", kInvalid, {"'the_node' (TopK", "outside the dimension"},
       [](auto& m) {
         m.input("x", {4}).output("y").ints("k", {5});
         m.node("TopK", {"x", "k"}, {"y", "i"});
       }},
      {"SliceOfUnknownSize", kUnsupported, {"'the_node' (Slice", "depends on the data"},
       [](auto& m) {
         m.input("x", {4}).input("start", {1}, 7).output("y").ints("end", {4});
         m.node("Slice", {"x", "start", "end"}, {"y"});
       }},
  };
}

std::vector<BadModel> all_cases() {
  std::vector<BadModel> all;
  for (const auto& group : {structure_cases(), input_cases(), tensor_cases(), operator_cases(), convolution_cases()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

class BadOnnx : public testing::TestWithParam<BadModel> {};

TEST_P(BadOnnx, IsAnErrorThatNamesThePlace) {
  ModelBuilder m;
  GetParam().build(m);
  const auto result = import_bytes(m.bytes(), GetParam().options);
  ASSERT_FALSE(result.ok());
  const std::string text = result.error().text();
  EXPECT_EQ(error_code_name(result.error().code), error_code_name(GetParam().code)) << text;
  EXPECT_TRUE(text.starts_with("bad.onnx")) << text;
  for (const char* fragment : GetParam().fragments)
    EXPECT_NE(text.find(fragment), std::string::npos) << "no \"" << fragment << "\" in: " << text;
}

INSTANTIATE_TEST_SUITE_P(Models, BadOnnx, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(BadOnnxBytes, EveryTruncationIsAnErrorOrAModel) {
  ModelBuilder m;
  convolution(m, [](auto& n) { set_ints(n, "strides", {1, 1}); });
  const std::string bytes = m.bytes();
  ASSERT_TRUE(import_bytes(bytes, {}).ok());
  int errors = 0;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto result = import_bytes(bytes.substr(0, length), {});
    errors += !result.ok();
    if (!result.ok()) EXPECT_NE(result.error().code, ErrorCode::kInternal) << length << ": " << result.error().text();
  }
  EXPECT_GT(errors, static_cast<int>(bytes.size() * 9 / 10));   // cut between fields, the last ones may be optional
}

TEST(BadOnnxBytes, NoModelAtAll) {
  for (const std::string& bytes : {std::string(), std::string("hello"), std::string(100, '\xff')}) {
    const auto result = import_bytes(bytes, {});
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidInput);
    EXPECT_NE(result.error().text().find("not an ONNX model"), std::string::npos);
  }
}

TEST(BadOnnxBytes, MissingFile) {
  const auto result = import_onnx("/no/such/model.onnx", {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace systole
