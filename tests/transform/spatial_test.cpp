// Convolutions over one, three and four spatial dimensions.
#include "transform/models.h"

namespace systole::transform::testing {
namespace {

graph::ConvAttr random_attr(Maker& m, std::size_t spatial) {
  graph::ConvAttr a = m.conv_attr(spatial);
  for (Dims* list : {&a.stride, &a.rhs_dilation, &a.lhs_dilation})
    for (std::int64_t& n : *list) n = m.random.integer(1, 2);
  for (Dims* list : {&a.pad_low, &a.pad_high})
    for (std::int64_t& n : *list) n = m.random.integer(-1, 2);
  return a;
}

TEST(Spatial, AnyNumberOfDimensionsGivesTheDefinition) {
  for (std::uint64_t seed = 1; seed <= 80; ++seed) {
    Maker m(seed);
    const auto spatial = static_cast<std::size_t>(m.random.integer(0, 4));
    graph::ConvAttr a = random_attr(m, spatial);
    a.feature_groups = m.random.integer(1, 3);
    const std::int64_t channels = a.feature_groups * m.random.integer(1, 3), outputs = a.feature_groups * m.random.integer(1, 2);
    Shape image = {m.random.integer(1, 2), channels}, kernel = {outputs, channels / a.feature_groups};
    for (std::size_t d = 0; d < spatial; ++d) image.push_back(m.random.integer(2, 5)), kernel.push_back(m.random.integer(1, 3));
    m.output(m.conv(m.input(image), m.weights(kernel), a));
    const Graph result = lowered(m.g);
    EXPECT_TRUE(check_lowered(result).ok());
    expect_same(m.g, result, 1e-12, seed);
  }
}

TEST(Spatial, OtherLayouts) {
  Maker m(3);
  graph::ConvAttr a = m.conv_attr(3);  // [0,1,2,b,f] x [i,0,o,1,2] -> [f,0,b,1,2]
  a.lhs_spatial = {0, 1, 2}, a.lhs_batch = 3, a.lhs_feature = 4;
  a.rhs_input = 0, a.rhs_output = 2, a.rhs_spatial = {1, 3, 4};
  a.out_feature = 0, a.out_batch = 2, a.out_spatial = {1, 3, 4};
  a.pad_low = {1, 0, 1};
  m.output(m.conv(m.input({4, 5, 3, 2, 3}), m.weights({3, 2, 5, 1, 3}), a));
  expect_same(m.g, lowered(m.g), 1e-12);
}

// The definition, written out, against both interpreters' shared walk over windows.
TEST(Spatial, ThreeDimensionsElementByElement) {
  Maker m(9);
  graph::ConvAttr a = m.conv_attr(3);
  a.stride = {2, 1, 1}, a.pad_low = {1, 0, 1}, a.pad_high = {0, 1, 0}, a.rhs_dilation = {1, 2, 1};
  const Shape x = {1, 2, 4, 5, 3}, w = {2, 2, 3, 2, 2};
  m.output(m.conv(m.input(x), m.input(w), a));
  const std::vector<Tensor> in = random_inputs(m.g, m.random);
  const Tensor y = evaluated(m.g, in)[0];
  const Shape out = {1, 2, 2, 4, 3};
  ASSERT_EQ(y.shape(), out);
  const auto element = [](const Tensor& t, std::initializer_list<std::int64_t> index) {
    std::int64_t at = 0;
    std::size_t d = 0;
    for (const std::int64_t i : index) at = at * t.shape()[d++] + i;
    return load_as_double(t.type(), t.raw() + at * dtype_bytes(t.type()));
  };
  for (std::int64_t o = 0; o < out[1]; ++o)
    for (std::int64_t d = 0; d < out[2]; ++d)
      for (std::int64_t h = 0; h < out[3]; ++h)
        for (std::int64_t v = 0; v < out[4]; ++v) {
          double sum = 0;
          for (std::int64_t c = 0; c < w[1]; ++c)
            for (std::int64_t kd = 0; kd < w[2]; ++kd)
              for (std::int64_t kh = 0; kh < w[3]; ++kh)
                for (std::int64_t kw = 0; kw < w[4]; ++kw) {
                  const std::int64_t id = 2 * d + kd - 1, ih = h + 2 * kh, iw = v + kw - 1;
                  if (id < 0 || id >= x[2] || ih >= x[3] || iw < 0 || iw >= x[4]) continue;
                  sum += element(in[0], {0, c, id, ih, iw}) * element(in[1], {o, c, kd, kh, kw});
                }
          EXPECT_NEAR(element(y, {0, o, d, h, v}), sum, 1e-12);
        }
}

}  // namespace
}  // namespace systole::transform::testing
