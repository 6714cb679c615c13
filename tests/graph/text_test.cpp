#include <cmath>
#include <set>

#include "random_graph.h"

namespace systole::graph {
namespace {

Graph parsed(const std::string& text) {
  auto g = parse_text(text, "test.mlir");
  EXPECT_TRUE(g.ok()) << (g.ok() ? "" : g.error().text());
  return g.ok() ? std::move(g).value() : Graph{};
}

bool same_attributes(const Op& a, const Op& b);

TEST(Text, RandomGraphsRoundTrip) {
  std::set<OpKind> seen;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    const Graph g = RandomGraph(seed).make(40);
    ASSERT_TRUE(verify(g).ok()) << verify(g).error().text();
    const std::string text = print_text(g);
    const auto back = parse_text(text, "roundtrip");
    ASSERT_TRUE(back.ok()) << "seed " << seed << ": " << back.error().text() << '\n' << text;
    ASSERT_EQ(print_text(*back), text) << "seed " << seed;
    ASSERT_EQ(back->ops.size(), g.ops.size());
    for (std::size_t i = 0; i < g.ops.size(); ++i) {
      seen.insert(g.ops[i].kind);
      EXPECT_EQ(back->ops[i].source, g.ops[i].source);
      EXPECT_EQ(back->values[static_cast<std::size_t>(back->ops[i].result)].name,
                g.values[static_cast<std::size_t>(g.ops[i].result)].name);
      EXPECT_EQ(back->type(back->ops[i].result), g.type(g.ops[i].result));
      EXPECT_TRUE(same_attributes(back->ops[i], g.ops[i]))
          << "seed " << seed << " op " << i << ' ' << op_name(g.ops[i].kind);
    }
    EXPECT_EQ(back->input_names, g.input_names);
    EXPECT_EQ(back->output_names, g.output_names);
    EXPECT_EQ(back->values[0].name, g.values[0].name);
    const auto inputs = random_inputs(g, seed);
    const auto a = interpret_chip(g, inputs, {8, 4}), b = interpret_chip(*back, inputs, {8, 4}, 3);
    ASSERT_TRUE(a.ok() && b.ok()) << "seed " << seed << ' ' << (a.ok() ? "" : a.error().text());
    for (std::size_t i = 0; i < a->size(); ++i) EXPECT_TRUE((*a)[i].same_bits((*b)[i])) << "seed " << seed;
    EXPECT_TRUE(interpret_double(g, inputs).ok());
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(OpKind::kCount)) << "the generator does not reach every operator";
}

bool same_attributes(const Op& a, const Op& b) {
  if (a.attr.index() != b.attr.index() || a.kind != b.kind) return false;
  if (const auto* c = std::get_if<ConstantAttr>(&a.attr)) return c->value.same_bits(b.get<ConstantAttr>().value);
  if (const auto* d = std::get_if<DotAttr>(&a.attr)) {
    const auto& e = b.get<DotAttr>();
    return d->lhs_batch == e.lhs_batch && d->rhs_batch == e.rhs_batch && d->lhs_contract == e.lhs_contract &&
           d->rhs_contract == e.rhs_contract && d->algorithm == e.algorithm;
  }
  if (const auto* c = std::get_if<ConvAttr>(&a.attr)) {
    const auto& e = b.get<ConvAttr>();
    return c->stride == e.stride && c->pad_low == e.pad_low && c->pad_high == e.pad_high &&
           c->lhs_dilation == e.lhs_dilation && c->rhs_dilation == e.rhs_dilation &&
           c->feature_groups == e.feature_groups && c->placement == e.placement && c->lhs_spatial == e.lhs_spatial &&
           c->rhs_spatial == e.rhs_spatial && c->out_spatial == e.out_spatial && c->rhs_input == e.rhs_input &&
           c->rhs_output == e.rhs_output;
  }
  if (const auto* w = std::get_if<ReduceWindowAttr>(&a.attr)) {
    const auto& e = b.get<ReduceWindowAttr>();
    return w->reduction == e.reduction && w->window == e.window && w->stride == e.stride &&
           w->base_dilation == e.base_dilation && w->window_dilation == e.window_dilation && w->pad_low == e.pad_low &&
           w->pad_high == e.pad_high;
  }
  return true;
}

// A two-layer perceptron as jax.jit(f).lower(x).as_text() prints it.
TEST(Text, JaxPerceptron) {
  const Graph g = parsed(R"(
module @jit_f attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<1x2xf32> {mhlo.layout_mode = "default"}, %arg1: tensor<2x3xf32>) -> (tensor<1x3xf32> {jax.result_info = "result"}) {
    %0 = stablehlo.dot_general %arg0, %arg1, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
    %cst = stablehlo.constant dense<[1.000000e+00, -2.500000e-01, 0xFF800000]> : tensor<3xf32>
    %1 = stablehlo.broadcast_in_dim %cst, dims = [1] : (tensor<3xf32>) -> tensor<1x3xf32>
    %2 = stablehlo.add %0, %1 : tensor<1x3xf32>
    %3 = call @relu(%2) : (tensor<1x3xf32>) -> tensor<1x3xf32>
    return %3 : tensor<1x3xf32>
  }
  func.func private @relu(%arg0: tensor<1x3xf32>) -> tensor<1x3xf32> {
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %0 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f32>) -> tensor<1x3xf32>
    %1 = stablehlo.maximum %arg0, %0 : tensor<1x3xf32>
    return %1 : tensor<1x3xf32>
  }
}
)");
  ASSERT_EQ(g.ops.size(), 7u);
  const auto y = interpret_double(g, {f32({1, 2}, {1, 2}), f32({2, 3}, {1, 2, 3, 4, 5, 6})});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(values_of<double>(y->at(0)), (std::vector<double>{10, 11.75, 0}));
}

// Softmax with locations, as printed with debug information.
TEST(Text, JaxSoftmax) {
  const Graph g = parsed(R"(
#loc1 = loc("x")
module @jit_softmax {
  func.func public @main(%arg0: tensor<2x3xf32> loc("x")) -> (tensor<2x3xf32> {jax.result_info = ""}) {
    %cst = stablehlo.constant dense<0xFF800000> : tensor<f32> loc(#loc)
    %0 = stablehlo.reduce(%arg0 init: %cst) applies stablehlo.maximum across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32> loc(#loc2)
    %1 = stablehlo.broadcast_in_dim %0, dims = [0] : (tensor<2xf32>) -> tensor<2x1xf32> loc(#loc3)
    %2 = stablehlo.broadcast_in_dim %1, dims = [0, 1] : (tensor<2x1xf32>) -> tensor<2x3xf32> loc(#loc4)
    %3 = stablehlo.subtract %arg0, %2 : tensor<2x3xf32> loc(#loc4)
    %4 = stablehlo.exponential %3 : tensor<2x3xf32> loc(#loc5)
    %cst_0 = stablehlo.constant dense<0.000000e+00> : tensor<f32> loc(#loc)
    %5 = stablehlo.reduce(%4 init: %cst_0) applies stablehlo.add across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32> loc(#loc6)
    %6 = stablehlo.broadcast_in_dim %5, dims = [0] : (tensor<2xf32>) -> tensor<2x3xf32> loc(#loc3)
    %7 = stablehlo.divide %4, %6 : tensor<2x3xf32> loc(#loc7)
    return %7 : tensor<2x3xf32> loc(#loc)
  } loc(#loc)
} loc(#loc)
#loc = loc(unknown)
#loc2 = loc("jit(softmax)/jit(main)/reduce_max"(#loc1))
)");
  const auto y = interpret_double(g, {f32({2, 3}, {1, 1, 1, 0, 0, 0})});
  ASSERT_TRUE(y.ok());
  for (const double p : values_of<double>(y->at(0))) EXPECT_DOUBLE_EQ(p, 1.0 / 3);
}

TEST(Text, JaxConvolutionAndPooling) {
  const Graph g = parsed(R"(
module @jit_cnn {
  func.func public @main(%arg0: tensor<1x1x4x4xf32>, %arg1: tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32> {
    %0 = stablehlo.convolution(%arg0, %arg1) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1], window = {stride = [1, 1], pad = [[0, 0], [0, 0]], lhs_dilate = [1, 1], rhs_dilate = [1, 1]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]} : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
    %cst = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %1 = "stablehlo.reduce_window"(%0, %cst) <{padding = dense<0> : tensor<4x2xi64>, window_dimensions = array<i64: 1, 1, 2, 2>, window_strides = array<i64: 1, 1, 2, 2>}> ({
    ^bb0(%arg2: tensor<f32>, %arg3: tensor<f32>):
      %2 = stablehlo.maximum %arg2, %arg3 : tensor<f32>
      stablehlo.return %2 : tensor<f32>
    }) : (tensor<1x1x4x4xf32>, tensor<f32>) -> tensor<1x1x2x2xf32>
    return %1 : tensor<1x1x2x2xf32>
  }
}
)");
  std::vector<float> image(16);
  for (std::size_t i = 0; i < 16; ++i) image[i] = static_cast<float>(i);
  const auto y = interpret_double(g, {f32({1, 1, 4, 4}, image), f32({1, 1, 1, 1}, {2})});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(values_of<double>(y->at(0)), (std::vector<double>{10, 14, 26, 30}));
}

// jnp.take / embedding lookup: an index vector of length 1; and erf, select, compare, iota, slice, pad as JAX writes
// them.
TEST(Text, JaxGatherAndFriends) {
  const Graph g = parsed(R"(
module @jit_take {
  func.func public @main(%arg0: tensor<5x2xf32>, %arg1: tensor<3xi32>) -> (tensor<3x2xf32>, tensor<4x3xf32>) {
    %c = stablehlo.constant dense<0> : tensor<i32>
    %0 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i32>) -> tensor<3xi32>
    %1 = stablehlo.compare  LT, %arg1, %0,  SIGNED : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi1>
    %c_0 = stablehlo.constant dense<5> : tensor<3xi32>
    %2 = stablehlo.add %arg1, %c_0 : tensor<3xi32>
    %3 = stablehlo.select %1, %2, %arg1 : tensor<3xi1>, tensor<3xi32>
    %4 = stablehlo.broadcast_in_dim %3, dims = [0] : (tensor<3xi32>) -> tensor<3x1xi32>
    %5 = "stablehlo.gather"(%arg0, %4) <{dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, indices_are_sorted = false, slice_sizes = array<i64: 1, 2>}> : (tensor<5x2xf32>, tensor<3x1xi32>) -> tensor<3x2xf32>
    %6 = chlo.erf %5 : tensor<3x2xf32> -> tensor<3x2xf32>
    %7 = stablehlo.iota dim = 0 : tensor<3x2xf32>
    %8 = stablehlo.multiply %6, %7 : tensor<3x2xf32>
    %9 = stablehlo.transpose %8, dims = [1, 0] : (tensor<3x2xf32>) -> tensor<2x3xf32>
    %10 = stablehlo.slice %9 [0:1, 0:3] : (tensor<2x3xf32>) -> tensor<1x3xf32>
    %cst = stablehlo.constant dense<"0x0000803F"> : tensor<f32>
    %11 = stablehlo.pad %10, %cst, low = [1, 0], high = [2, 0], interior = [0, 0] : (tensor<1x3xf32>, tensor<f32>) -> tensor<4x3xf32>
    return %5, %11 : tensor<3x2xf32>, tensor<4x3xf32>
  }
}
)");
  const auto y = interpret_double(g, {f32({5, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), i32({3}, {1, -1, 0})});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(values_of<double>(y->at(0)), (std::vector<double>{2, 3, 8, 9, 0, 1}));
  EXPECT_EQ(values_of<double>(y->at(1)), (std::vector<double>{1, 1, 1, 0, std::erf(8.0), 0, 1, 1, 1, 1, 1, 1}));
}

TEST(Text, GenericForms) {
  const Graph g = parsed(R"(
func.func @main(%x: tensor<2x3xf32>) -> tensor<3xf32> {
  %c = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %0 = "stablehlo.transpose"(%x) {permutation = dense<[1, 0]> : tensor<2xi64>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %1 = "stablehlo.reduce"(%0, %c) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %s = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%s) : (tensor<f32>) -> ()
  }) {dimensions = array<i64: 1>} : (tensor<3x2xf32>, tensor<f32>) -> tensor<3xf32>
  %2 = "stablehlo.dot_general"(%x, %1) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [0]>}> : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2xf32>
  %3 = "stablehlo.compare"(%2, %2) <{comparison_direction = #stablehlo<comparison_direction GE>, compare_type = #stablehlo<comparison_type FLOAT>}> : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
  func.return %1 : tensor<3xf32>
})");
  const auto y = interpret_double(g, {f32({2, 3}, {1, 2, 3, 4, 5, 6})});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(values_of<double>(y->at(0)), (std::vector<double>{5, 7, 9}));
  EXPECT_EQ(g.ops.back().get<CompareAttr>().direction, CompareDirection::kGE);
}

TEST(Text, SeveralResultsOfACall) {
  const Graph g = parsed(R"(
func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0:2 = call @swap(%x, %x) : (tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  %1 = stablehlo.negate %0#1 : tensor<2xf32>
  return %1, %0#0 : tensor<2xf32>, tensor<2xf32>
}
func.func private @swap(%a: tensor<2xf32>, %b: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = stablehlo.abs %a : tensor<2xf32>
  return %b, %0 : tensor<2xf32>, tensor<2xf32>
})");
  const auto y = interpret_double(g, {f32({2}, {-1, 2})});
  EXPECT_EQ(values_of<double>(y->at(0)), (std::vector<double>{-1, -2}));
  EXPECT_EQ(values_of<double>(y->at(1)), (std::vector<double>{-1, 2}));
}

struct BadText {
  std::string body;  // of a function with %x: tensor<2xf32>, from line 2 on
  std::string expected;
};
class TextError : public testing::TestWithParam<BadText> {};

TEST_P(TextError, SaysWhereAndWhat) {
  const auto g =
      parse_text("func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {\n" + GetParam().body + "\n}", "bad.mlir");
  ASSERT_FALSE(g.ok());
  EXPECT_NE(g.error().text().find(GetParam().expected), std::string::npos) << g.error().text();
}

INSTANTIATE_TEST_SUITE_P(
    All, TextError,
    testing::Values(
        BadText{"  %0 = stablehlo.fft %x : tensor<2xf32>", "bad.mlir:2:8: operator 'stablehlo.fft' is not one"},
        BadText{"  %0 = stablehlo.erf %x : tensor<2xf32>", "bad.mlir:2:8: operator 'stablehlo.erf'"},
        BadText{"  %0 = stablehlo.add %x, %y : tensor<2xf32>", "value '%y' is not defined"},
        BadText{"  %0 = stablehlo.add %x : tensor<2xf32>", "(C0) takes 2 operands, not 1"},
        BadText{"  %0 = stablehlo.add %x, %x : tensor<3xf32>", "is declared tensor<3xf32> but is tensor<2xf32>"},
        BadText{"  %0 = stablehlo.convert %x : (tensor<3xf32>) -> tensor<3xi32>", "other types than written"},
        BadText{"  %0 = stablehlo.constant dense<[1.0]> : tensor<2xf32>", "expected ','"},
        BadText{"  %0 = stablehlo.constant dense<[1.0, 2.0, 3.0]> : tensor<2xf32>", "expected a list of 2"},
        BadText{"  %0 = stablehlo.constant dense<abc> : tensor<2xf32>", "expected a number"},
        BadText{"  %0 = stablehlo.constant dense<\"0x00\"> : tensor<2xf32>", "1 bytes given, 8 needed"},
        BadText{"  %0 = stablehlo.constant dense<300> : tensor<2xi8>", "300 does not fit i8"},
        BadText{"  %0 = stablehlo.constant dense<0.0> : tensor<9999999999xf32>", "more than 2 GiB"},
        BadText{"  %0 = stablehlo.constant dense_resource<x> : tensor<2xf32>", "dense_resource"},
        BadText{"  %0 = stablehlo.constant dense<0.0> : tensor<?xf32>", "static"},
        BadText{"  %0 = stablehlo.constant dense<0.0> : tensor<2xcomplex>", "element type 'complex'"},
        BadText{"  %0 = stablehlo.transpose %x : (tensor<2xf32>) -> tensor<2xf32>", "lacks 'dims = '"},
        BadText{"  %0 = \"stablehlo.transpose\"(%x) : (tensor<2xf32>) -> tensor<2xf32>",
                "lacks the attribute 'permutation'"},
        BadText{"  %0 = stablehlo.compare XX, %x, %x : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>",
                "'XX' is not a comparison"},
        BadText{"  %0 = call @f(%x) : (tensor<2xf32>) -> tensor<2xf32>", "function @f is not defined"},
        BadText{"  %0 = call @main(%x) : (tensor<2xf32>) -> tensor<2xf32>", "nest too deeply"},
        BadText{"  %0:2 = stablehlo.abs %x : tensor<2xf32>", "operators have one result"},
        BadText{"  return %x, %x : tensor<2xf32>, tensor<2xf32>", "returns 2 values, declares 1"},
        BadText{"  %0 = stablehlo.is_finite %x : (tensor<2xf32>) -> tensor<2xi1>\n  return %0 : tensor<2xi1>",
                "bad.mlir:3:"},
        BadText{"  %0 = stablehlo.abs %x {systole.source = \"abc : tensor<2xf32>", "string does not end"},
        BadText{"", "bad.mlir:3:1: expected a value"}));

TEST(Text, EveryTruncationAndManyMutationsAreHandled) {
  const std::string text = print_text(RandomGraph(4).make(60));
  for (std::size_t n = 0; n + 1 < text.size(); n += 7) EXPECT_FALSE(parse_text(text.substr(0, n), "cut").ok());
  Random random(99);
  for (int trial = 0; trial < 3000; ++trial) {
    std::string mutated = text;
    for (int i = 0; i < 3; ++i) {
      const auto at = static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(text.size()) - 1));
      const char alphabet[] = "<>[](){}\"%:,x0129-.\\ @#";
      mutated[at] = alphabet[random.integer(0, static_cast<std::int64_t>(sizeof alphabet) - 2)];
    }
    (void)parse_text(mutated, "mutated").ok();
  }
}

TEST(Text, DeepNestingIsAnError) {
  EXPECT_FALSE(parse_text("func.func @main() -> () attributes " + std::string(100000, '{'), "deep").ok());
  EXPECT_FALSE(parse_text(std::string(100000, '['), "deep").ok());
  EXPECT_FALSE(parse_text("", "empty").ok());
}

}  // namespace
}  // namespace systole::graph
