#include "chip_sum.h"
#include "helpers.h"

namespace systole::graph {
namespace {

// NHWC x HWIO -> NHWC
ConvAttr nhwc() {
  ConvAttr a;
  a.lhs_feature = a.out_feature = 3;
  a.lhs_spatial = a.out_spatial = {1, 2};
  a.rhs_spatial = {0, 1};
  a.rhs_input = 2;
  a.rhs_output = 3;
  a.stride = a.lhs_dilation = a.rhs_dilation = {1, 1};
  a.pad_low = a.pad_high = {0, 0};
  return a;
}

float at(const Tensor& x, std::int64_t a, std::int64_t b, std::int64_t c, std::int64_t d) {
  const Shape& s = x.shape();
  return x.data<float>()[((a * s[1] + b) * s[2] + c) * s[3] + d];
}

// The input under window element (kh, kw) of output (oh, ow); 0 in the padding and in the holes of a dilated input.
float input_at(const Tensor& x, const ConvAttr& a, std::int64_t n, std::int64_t oh, std::int64_t ow, std::int64_t kh,
               std::int64_t kw, std::int64_t c) {
  const std::int64_t h = oh * a.stride[0] + kh * a.rhs_dilation[0] - a.pad_low[0];
  const std::int64_t w = ow * a.stride[1] + kw * a.rhs_dilation[1] - a.pad_low[1];
  if (h < 0 || w < 0 || h % a.lhs_dilation[0] != 0 || w % a.lhs_dilation[1] != 0) return 0;
  if (h / a.lhs_dilation[0] >= x.shape()[1] || w / a.lhs_dilation[1] >= x.shape()[2]) return 0;
  return at(x, n, h / a.lhs_dilation[0], w / a.lhs_dilation[1], c);
}

// The chunks of output element (n, oh, ow, o) as the definition lists them.
std::vector<Sequence> chunks_of(const Tensor& x, const Tensor& k, const ConvAttr& a, std::int64_t n, std::int64_t oh,
                                std::int64_t ow, std::int64_t o, std::int64_t rows) {
  const std::int64_t inputs = k.shape()[2], group = o / (k.shape()[3] / a.feature_groups);
  const bool merged = a.feature_groups == 1 && a.rhs_dilation[1] == 1;
  std::vector<Sequence> chunks;
  for (std::int64_t kh = 0; kh < k.shape()[0]; ++kh) {
    for (std::int64_t kw = 0; kw < k.shape()[1]; ++kw) {
      for (std::int64_t c = 0; c < inputs; ++c) {
        const bool fresh = c == 0 && (kw == 0 || !merged);
        if (fresh || static_cast<std::int64_t>(chunks.back().size()) == rows) chunks.emplace_back();
        chunks.back().emplace_back(input_at(x, a, n, oh, ow, kh, kw, group * inputs + c), at(k, kh, kw, c, o));
      }
    }
  }
  return chunks;
}

ConvAttr random_attr(Random& random, std::int64_t groups) {
  ConvAttr a = nhwc();
  for (auto* list : {&a.stride, &a.lhs_dilation, &a.rhs_dilation}) *list = {random.integer(1, 2), random.integer(1, 2)};
  for (auto* list : {&a.pad_low, &a.pad_high}) *list = {random.integer(-1, 2), random.integer(-1, 2)};
  a.feature_groups = groups;
  return a;
}

TEST(Convolution, ChipEqualsTheDefinition) {
  Random random(31);
  for (int trial = 0; trial < 40; ++trial) {
    const std::int64_t groups = random.integer(1, 3), inputs = random.integer(1, 5),
                       outputs = groups * random.integer(1, 4), rows = random.integer(1, 9);
    const ConvAttr a = random_attr(random, groups);
    const Tensor x = random_f32(random, {2, random.integer(3, 6), random.integer(3, 6), groups * inputs});
    const Tensor k = random_f32(random, {random.integer(1, 3), random.integer(1, 3), inputs, outputs});
    const Tensor y = run_chip(OpKind::kConvolution, {x, k}, a, nullptr, {rows, 128});
    const Tensor z = run_double(OpKind::kConvolution, {x, k}, a);
    const Shape& s = y.shape();
    for (std::int64_t i = 0; i < y.count(); ++i) {
      const std::int64_t o = i % s[3], ow = i / s[3] % s[2], oh = i / s[3] / s[2] % s[1], n = i / s[3] / s[2] / s[1];
      const auto chunks = chunks_of(x, k, a, n, oh, ow, o, rows);
      ASSERT_EQ(y.data<float>()[i], chip_sum(chunks)) << "trial " << trial;
      double sum = 0;
      for (const Sequence& chunk : chunks)
        for (const auto& [p, q] : chunk) sum += static_cast<double>(p) * static_cast<double>(q);
      ASSERT_DOUBLE_EQ(z.data<double>()[i], sum) << "trial " << trial;
    }
  }
}

TEST(Convolution, Bf16PassesRunChunkByChunk) {
  Random random(32);
  ConvAttr a = random_attr(random, 1);
  a.algorithm = Algorithm::kBf16x6;
  const Tensor x = random_f32(random, {1, 4, 5, 3}), k = random_f32(random, {2, 3, 3, 4});
  const Tensor y = run_chip(OpKind::kConvolution, {x, k}, a, nullptr, {4, 128});
  const Shape& s = y.shape();
  for (std::int64_t i = 0; i < y.count(); ++i) {
    const auto chunks = chunks_of(x, k, a, 0, i / s[3] / s[2], i / s[3] % s[2], i % s[3], 4);
    ASSERT_EQ(y.data<float>()[i], chip_sum_bf16_passes(chunks, 6));
  }
}

TEST(Convolution, DepthwiseOnTheVectorUnit) {
  Random random(33);
  for (const std::int64_t multiplier : {1, 2}) {
    ConvAttr a = random_attr(random, 5);
    a.placement = Placement::kVectorUnit;
    const Tensor x = random_f32(random, {2, 6, 5, 5}), k = random_f32(random, {3, 2, 1, 5 * multiplier});
    const Tensor y = run_chip(OpKind::kConvolution, {x, k}, a);
    const Shape& s = y.shape();
    for (std::int64_t i = 0; i < y.count(); ++i) {
      const std::int64_t o = i % s[3], ow = i / s[3] % s[2], oh = i / s[3] / s[2] % s[1], n = i / s[3] / s[2] / s[1];
      float acc = 0;
      for (std::int64_t kh = 0; kh < 3; ++kh)
        for (std::int64_t kw = 0; kw < 2; ++kw) {
          acc = std::fma(input_at(x, a, n, oh, ow, kh, kw, o / multiplier), at(k, kh, kw, 0, o), acc);
        }
      ASSERT_EQ(y.data<float>()[i], acc);
    }
  }
}

TEST(Convolution, DepthwiseIntegersOnTheVectorUnit) {
  Random random(34);
  ConvAttr a = nhwc();
  a.feature_groups = 4;
  const Tensor x = random_i32(random, {1, 5, 5, 4}, -128, 127).converted(DType::kI8),
               k = random_i32(random, {3, 3, 1, 4}, -128, 127).converted(DType::kI8);
  const Tensor matrix = run_chip(OpKind::kConvolution, {x, k}, a);
  a.placement = Placement::kVectorUnit;
  EXPECT_TRUE(run_chip(OpKind::kConvolution, {x, k}, a).same_bits(matrix));
  EXPECT_TRUE(run_double(OpKind::kConvolution, {x, k}, a).same_bits(matrix));
}

// NCHW and OIHW are the same numbers as NHWC and HWIO, transposed.
TEST(Convolution, LayoutsOnlyTranspose) {
  Random random(35);
  ConvAttr a = random_attr(random, 2), b = a;
  b.lhs_feature = b.out_feature = 1;
  b.lhs_spatial = b.out_spatial = b.rhs_spatial = {2, 3};
  b.rhs_output = 0;
  b.rhs_input = 1;
  const Tensor x = random_f32(random, {2, 5, 6, 4}), k = random_f32(random, {2, 3, 2, 6});
  const Tensor xt = run_chip(OpKind::kTranspose, {x}, TransposeAttr{{0, 3, 1, 2}}),
               kt = run_chip(OpKind::kTranspose, {k}, TransposeAttr{{3, 2, 0, 1}});
  const Tensor y = run_chip(OpKind::kConvolution, {x, k}, a, nullptr, {3, 128}),
               yt = run_chip(OpKind::kConvolution, {xt, kt}, b, nullptr, {3, 128});
  EXPECT_TRUE(run_chip(OpKind::kTranspose, {yt}, TransposeAttr{{0, 2, 3, 1}}).same_bits(y));
}

TEST(Convolution, OneDimension) {
  ConvAttr a;
  a.lhs_spatial = a.rhs_spatial = a.out_spatial = {2};
  a.stride = a.lhs_dilation = a.rhs_dilation = {1};
  a.pad_low = {1};
  a.pad_high = {0};
  const Tensor x = f32({1, 1, 4}, {1, 2, 3, 4}), k = f32({1, 1, 2}, {10, 1});
  EXPECT_EQ(values_of<float>(run_chip(OpKind::kConvolution, {x, k}, a)), (std::vector<float>{1, 12, 23, 34}));
  EXPECT_EQ(values_of<double>(run_double(OpKind::kConvolution, {x, k}, a)), (std::vector<double>{1, 12, 23, 34}));
}

// [n,d,h,w,c] x [d,h,w,i,o]
ConvAttr ndhwc(const ConvAttr& plane, std::int64_t stride, std::int64_t dilation, std::int64_t low, std::int64_t high) {
  ConvAttr a = plane;
  a.lhs_feature = a.out_feature = a.rhs_output = 4;
  a.rhs_input = 3;
  a.lhs_spatial = a.out_spatial = {1, 2, 3};
  a.rhs_spatial = {0, 1, 2};
  for (auto [list, first] : {std::pair{&a.stride, stride}, {&a.rhs_dilation, dilation}, {&a.lhs_dilation, std::int64_t{1}},
                             {&a.pad_low, low}, {&a.pad_high, high}})
    list->insert(list->begin(), first);
  return a;
}

// A kernel of depth 1 is the plane's convolution at each depth.
TEST(Convolution, ThirdDimensionOfOneTap) {
  Random random(37);
  const ConvAttr plane = random_attr(random, 1);
  const Tensor x = random_f32(random, {6, 5, 6, 4}), k = random_f32(random, {2, 3, 4, 6});
  const ChipArithmetic chip{5, 128};
  const Tensor flat = run_chip(OpKind::kConvolution, {x, k}, plane, nullptr, chip);
  const Tensor deep = run_chip(OpKind::kConvolution, {x.reshaped({2, 3, 5, 6, 4}), k.reshaped({1, 2, 3, 4, 6})},
                               ndhwc(plane, 1, 1, 0, 0), nullptr, chip);
  EXPECT_TRUE(deep.reshaped(flat.shape()).same_bits(flat));
}

// K runs (kd, kh, kw, c) and a chunk ends with its (kd, kh): with one kh, depth is what height is to a plane.
TEST(Convolution, DepthChunksAsHeightDoes) {
  Random random(38);
  for (int i = 0; i < 10; ++i) {
    ConvAttr plane = nhwc();
    plane.stride = {random.integer(1, 2), random.integer(1, 2)};
    plane.rhs_dilation = {random.integer(1, 2), random.integer(1, 2)};
    plane.pad_low = {random.integer(0, 2), random.integer(0, 2)};
    plane.pad_high = {random.integer(0, 2), random.integer(0, 2)};
    plane.feature_groups = random.integer(1, 2);
    ConvAttr line = nhwc();
    const auto set = [](auto& list, std::int64_t w) { list = {1, w}; };
    set(line.stride, plane.stride[1]), set(line.rhs_dilation, plane.rhs_dilation[1]);
    line.pad_low = {0, plane.pad_low[1]}, line.pad_high = {0, plane.pad_high[1]};
    line.feature_groups = plane.feature_groups;
    const Tensor x = random_f32(random, {2, 7, 6, 4}), k = random_f32(random, {3, 2, 4 / plane.feature_groups, 6});
    const ChipArithmetic chip{3, 128};
    const Tensor flat = run_chip(OpKind::kConvolution, {x, k}, plane, nullptr, chip);
    const Tensor deep =
        run_chip(OpKind::kConvolution, {x.reshaped({2, 7, 1, 6, 4}), k.reshaped({3, 1, 2, 4 / plane.feature_groups, 6})},
                 ndhwc(line, plane.stride[0], plane.rhs_dilation[0], plane.pad_low[0], plane.pad_high[0]), nullptr, chip);
    EXPECT_TRUE(deep.reshaped(flat.shape()).same_bits(flat));
  }
}

TEST(Convolution, EmptyResultAndThreads) {
  const Tensor x(DType::kF32, {1, 2, 2, 3}), k(DType::kF32, {3, 3, 3, 4});
  EXPECT_EQ(run_chip(OpKind::kConvolution, {x, k}, nhwc()).shape(), (Shape{1, 0, 0, 4}));
  EXPECT_EQ(run_double(OpKind::kConvolution, {x, k}, nhwc()).count(), 0);
  Random random(36);
  const Tensor a = random_f32(random, {1, 40, 40, 16}), w = random_f32(random, {3, 3, 16, 24});
  const Graph g = one_op(OpKind::kConvolution, {a, w}, nhwc());
  EXPECT_TRUE(interpret_chip(g, {a, w}, {}, 1)->at(0).same_bits(interpret_chip(g, {a, w}, {}, 4)->at(0)));
}

}  // namespace
}  // namespace systole::graph
