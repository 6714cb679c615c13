#include <cmath>
#include <limits>

#include "helpers.h"

namespace systole::graph {
namespace {

// DESIGN section 4 for one result: partial[i mod lanes] ascending, then a binary tree, then init.
template <typename T, typename F>
T reduce_by_definition(const std::vector<T>& x, T init, std::size_t lanes, F op) {
  std::vector<T> partial;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (i < lanes)
      partial.push_back(x[i]);
    else
      partial[i % lanes] = op(partial[i % lanes], x[i]);
  }
  if (partial.empty()) return init;
  while (partial.size() > 1) {
    const std::size_t half = partial.size() / 2 + partial.size() % 2;
    for (std::size_t j = 0; j + half < partial.size(); ++j) partial[j] = op(partial[j], partial[j + half]);
    partial.resize(half);
  }
  return op(init, partial[0]);
}

TEST(Reduce, ChipAddsInLaneOrder) {
  Random random(11);
  for (const std::int64_t n : {0, 1, 2, 3, 5, 7, 8, 9, 31, 100}) {
    for (const std::int64_t lanes : {1, 3, 8, 128}) {
      const Tensor x = random_f32(random, {3, n, 300}, -1e3, 1e3);
      const Tensor y =
          run_chip(OpKind::kReduce, {x, f32({}, {0.5f})}, ReduceAttr{Reduction::kAdd, {1}}, nullptr, {128, lanes});
      ASSERT_EQ(y.shape(), (Shape{3, 300}));
      for (std::int64_t i = 0; i < 900; ++i) {
        std::vector<float> column;
        for (std::int64_t k = 0; k < n; ++k) column.push_back(x.data<float>()[(i / 300 * n + k) * 300 + i % 300]);
        ASSERT_EQ(y.data<float>()[i], reduce_by_definition(column, 0.5f, static_cast<std::size_t>(lanes),
                                                           [](float a, float b) { return a + b; }));
      }
    }
  }
}

TEST(Reduce, TakesSeveralDimensionsInRowMajorOrder) {
  Random random(12);
  const Tensor x = random_f32(random, {4, 3, 5});
  for (const auto& dims : {std::vector<std::int64_t>{0, 2}, std::vector<std::int64_t>{2, 0}}) {
    const Tensor y = run_chip(OpKind::kReduce, {x, f32({}, {0})}, ReduceAttr{Reduction::kAdd, dims}, nullptr, {128, 4});
    for (std::int64_t j = 0; j < 3; ++j) {
      std::vector<float> elements;
      for (std::int64_t a = 0; a < 4; ++a)
        for (std::int64_t b = 0; b < 5; ++b) elements.push_back(x.data<float>()[(a * 3 + j) * 5 + b]);
      EXPECT_EQ(y.data<float>()[j], reduce_by_definition(elements, 0.0f, 4, [](float p, float q) { return p + q; }));
    }
  }
}

TEST(Reduce, DoubleIsTheSum) {
  Random random(13);
  const Tensor x = random_f32(random, {1000});
  long double sum = 0;
  for (const float v : values_of<float>(x)) sum += static_cast<long double>(v);
  EXPECT_NEAR(run_double(OpKind::kReduce, {x, f32({}, {0})}, ReduceAttr{Reduction::kAdd, {0}}).data<double>()[0],
              static_cast<double>(sum), 1e-12);
}

TEST(Reduce, EveryReductionOnIntegers) {
  const Tensor x = i32({2, 3}, {6, -2, 5, 12, 7, 9});
  const std::vector<std::tuple<Reduction, std::int32_t, std::vector<std::int32_t>>> cases = {
      {Reduction::kAdd, 1, {10, 29}},
      {Reduction::kMultiply, 1, {-60, 756}},
      {Reduction::kMaximum, -100, {6, 12}},
      {Reduction::kMinimum, 100, {-2, 7}},
      {Reduction::kAnd, -1, {6 & -2 & 5, 12 & 7 & 9}},
      {Reduction::kOr, 0, {6 | -2 | 5, 12 | 7 | 9}}};
  for (const auto& [reduction, init, expected] : cases) {
    EXPECT_EQ(values_of<std::int32_t>(run_chip(OpKind::kReduce, {x, i32({}, {init})}, ReduceAttr{reduction, {1}})),
              expected);
    EXPECT_EQ(values_of<std::int32_t>(run_double(OpKind::kReduce, {x, i32({}, {init})}, ReduceAttr{reduction, {1}})),
              expected);
  }
}

TEST(Reduce, IntegerSumsWrap) {
  const std::int32_t max = std::numeric_limits<std::int32_t>::max(), min = std::numeric_limits<std::int32_t>::min();
  const Tensor x = i32({2}, {max, 1});
  EXPECT_EQ(values_of<std::int32_t>(run_chip(OpKind::kReduce, {x, i32({}, {0})}, ReduceAttr{Reduction::kAdd, {0}}))[0],
            min);
  EXPECT_EQ(
      values_of<std::int32_t>(run_double(OpKind::kReduce, {x, i32({}, {0})}, ReduceAttr{Reduction::kAdd, {0}}))[0],
      min);
}

TEST(Reduce, PredAndNan) {
  const Tensor x = pred({2, 2}, {0, 1, 0, 0});
  EXPECT_EQ(values_of<std::uint8_t>(run_chip(OpKind::kReduce, {x, pred({}, {0})}, ReduceAttr{Reduction::kOr, {1}})),
            (std::vector<std::uint8_t>{1, 0}));
  EXPECT_EQ(values_of<std::uint8_t>(run_chip(OpKind::kReduce, {x, pred({}, {0})}, ReduceAttr{Reduction::kAdd, {1}})),
            (std::vector<std::uint8_t>{1, 0}));
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for (const Reduction r : {Reduction::kMaximum, Reduction::kMinimum, Reduction::kAdd}) {
    for (const auto& order :
         {std::vector<float>{1, nan, 2}, std::vector<float>{nan, 1, 2}, std::vector<float>{2, 1, nan}}) {
      EXPECT_TRUE(
          std::isnan(run_chip(OpKind::kReduce, {f32({3}, order), f32({}, {0})}, ReduceAttr{r, {0}}).data<float>()[0]));
    }
  }
  EXPECT_EQ(run_chip(OpKind::kReduce, {f32({2}, {-3, -5}), f32({}, {-inf})}, ReduceAttr{Reduction::kMaximum, {0}})
                .data<float>()[0],
            -3);
  // -0 < +0, whichever comes first
  EXPECT_FALSE(std::signbit(
      run_chip(OpKind::kReduce, {f32({2}, {0.0f, -0.0f}), f32({}, {-inf})}, ReduceAttr{Reduction::kMaximum, {0}})
          .data<float>()[0]));
  EXPECT_TRUE(std::signbit(
      run_chip(OpKind::kReduce, {f32({2}, {0.0f, -0.0f}), f32({}, {inf})}, ReduceAttr{Reduction::kMinimum, {0}})
          .data<float>()[0]));
}

// Over a padded, dilated 2-D operand, from init, padding and holes left out.
TEST(ReduceWindow, EqualsTheDefinition) {
  Random random(14);
  for (int trial = 0; trial < 60; ++trial) {
    const auto pick = [&](int low, int high) {
      return std::vector<std::int64_t>{random.integer(low, high), random.integer(low, high)};
    };
    const Tensor x = random_f32(random, {random.integer(1, 7), random.integer(1, 7)});
    const ReduceWindowAttr a{Reduction::kAdd, pick(1, 3), pick(1, 3), pick(1, 2), pick(1, 2), pick(-1, 2), pick(-1, 2)};
    const Tensor y = run_chip(OpKind::kReduceWindow, {x, f32({}, {0.25f})}, a);
    const Tensor z = run_double(OpKind::kReduceWindow, {x, f32({}, {0.25f})}, a);
    for (std::int64_t i = 0; i < y.count(); ++i) {
      const std::int64_t o[2] = {i / y.shape()[1], i % y.shape()[1]};
      float sum = 0.25f;
      double exact = 0.25;
      for (std::int64_t k = 0; k < a.window[0] * a.window[1]; ++k) {
        const std::int64_t w[2] = {k / a.window[1], k % a.window[1]};
        std::int64_t at[2];
        bool inside = true;
        for (std::size_t d = 0; d < 2; ++d) {
          const std::int64_t position = o[d] * a.stride[d] + w[d] * a.window_dilation[d] - a.pad_low[d];
          at[d] = position / a.base_dilation[d];
          inside = inside && position >= 0 && position % a.base_dilation[d] == 0 && at[d] < x.shape()[d];
        }
        if (!inside) continue;
        sum += x.data<float>()[at[0] * x.shape()[1] + at[1]];
        exact += static_cast<double>(x.data<float>()[at[0] * x.shape()[1] + at[1]]);
      }
      ASSERT_EQ(y.data<float>()[i], sum);
      ASSERT_EQ(z.data<double>()[i], exact);
    }
  }
}

TEST(ReduceWindow, MaxPoolNhwc) {
  const Tensor x = f32({1, 2, 2, 2}, {1, -1, 2, -2, 3, -3, 4, -4});
  const ReduceWindowAttr a{Reduction::kMaximum, {1, 2, 2, 1}, {1, 2, 2, 1}, {1, 1, 1, 1},
                           {1, 1, 1, 1},        {0, 0, 0, 0}, {0, 0, 0, 0}};
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(values_of<float>(run_chip(OpKind::kReduceWindow, {x, f32({}, {-inf})}, a)), (std::vector<float>{4, -1}));
}

TEST(Reduction, ThreadsDoNotChangeBits) {
  Random random(15);
  const Tensor x = random_f32(random, {500, 700});
  const Graph g = one_op(OpKind::kReduce, {x, f32({}, {0})}, ReduceAttr{Reduction::kAdd, {0}});
  EXPECT_TRUE(
      interpret_chip(g, {x, f32({}, {0})}, {}, 1)->at(0).same_bits(interpret_chip(g, {x, f32({}, {0})}, {}, 4)->at(0)));
}

}  // namespace
}  // namespace systole::graph
