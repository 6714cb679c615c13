#include "chip_sum.h"
#include "helpers.h"

namespace systole::graph {
namespace {

std::vector<Sequence> row_times_column(const Tensor& a, const Tensor& w, std::int64_t i, std::int64_t j,
                                       std::int64_t rows) {
  const std::int64_t k = a.shape()[1], n = w.shape()[1];
  std::vector<Sequence> chunks;
  for (std::int64_t r = 0; r < k; ++r) {
    if (r % rows == 0) chunks.emplace_back();
    chunks.back().emplace_back(load_as_f32(a.type(), a.raw() + (i * k + r) * dtype_bytes(a.type())),
                               load_as_f32(w.type(), w.raw() + (r * n + j) * dtype_bytes(w.type())));
  }
  return chunks;
}

const DotAttr kMatmul{{}, {}, {1}, {0}};

TEST(Dot, ChipChunksInEveryFloatFormat) {
  Random random(21);
  const TensorType result{DType::kF32, {5, 7}};
  for (const DType type : {DType::kBF16, DType::kF16, DType::kF8E4M3, DType::kF8E5M2, DType::kF32, DType::kTF32}) {
    for (const std::int64_t k : {1, 7, 16, 17, 50}) {
      const Tensor a = random_f32(random, {5, k}).converted(type), w = random_f32(random, {k, 7}).converted(type);
      const Tensor y = run_chip(OpKind::kDotGeneral, {a, w}, kMatmul, &result, {16, 128});
      for (std::int64_t i = 0; i < 5; ++i) {
        for (std::int64_t j = 0; j < 7; ++j) {
          ASSERT_EQ(y.data<float>()[i * 7 + j], chip_sum(row_times_column(a, w, i, j, 16)))
              << dtype_name(type) << " k=" << k;
        }
      }
    }
  }
}

TEST(Dot, ChipRunsFp32AsBf16Passes) {
  Random random(22);
  const Tensor a = random_f32(random, {4, 40}), w = random_f32(random, {40, 6});
  for (const auto& [algorithm, passes] : {std::pair{Algorithm::kBf16x6, 6}, std::pair{Algorithm::kBf16x3, 3}}) {
    DotAttr attr = kMatmul;
    attr.algorithm = algorithm;
    const Tensor y = run_chip(OpKind::kDotGeneral, {a, w}, attr, nullptr, {16, 128});
    for (std::int64_t i = 0; i < 24; ++i) {
      ASSERT_EQ(y.data<float>()[i], chip_sum_bf16_passes(row_times_column(a, w, i / 6, i % 6, 16), passes));
    }
    const Difference error = compare(y, run_double(OpKind::kDotGeneral, {a, w}, attr));
    EXPECT_LT(error.relative(), passes == 6 ? 1e-6 : 1e-4);
  }
}

template <typename A, typename W>
void expect_exact_integers(DType a_type, DType w_type, int a_low, int a_high, int w_low, int w_high) {
  Random random(23);
  const Tensor a = random_i32(random, {5, 33}, a_low, a_high).converted(a_type),
               w = random_i32(random, {33, 4}, w_low, w_high).converted(w_type);
  const Tensor chip = run_chip(OpKind::kDotGeneral, {a, w}, kMatmul, nullptr, {8, 128}),
               exact = run_double(OpKind::kDotGeneral, {a, w}, kMatmul);
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::int64_t j = 0; j < 4; ++j) {
      std::int32_t sum = 0;
      for (std::int64_t r = 0; r < 33; ++r)
        sum += std::int32_t{a.data<A>()[i * 33 + r]} * std::int32_t{w.data<W>()[r * 4 + j]};
      EXPECT_EQ(chip.data<std::int32_t>()[i * 4 + j], sum);
      EXPECT_EQ(exact.data<std::int32_t>()[i * 4 + j], sum);
    }
  }
}

TEST(Dot, IntegersAreExact) {
  expect_exact_integers<std::int8_t, std::int8_t>(DType::kI8, DType::kI8, -128, 127, -128, 127);
  expect_exact_integers<std::uint8_t, std::int8_t>(DType::kU8, DType::kI8, 0, 255, -128, 127);
  expect_exact_integers<std::uint8_t, std::uint8_t>(DType::kU8, DType::kU8, 0, 255, 0, 255);
  expect_exact_integers<std::int8_t, std::int8_t>(DType::kI4, DType::kI4, -8, 7, -8, 7);
  expect_exact_integers<std::int16_t, std::int16_t>(DType::kI16, DType::kI16, -3000, 3000, -3000, 3000);
}

TEST(Dot, DoubleWideIntegersWrap) {
  const Tensor a = i32({1, 2}, {1 << 30, 1 << 30}), w = i32({2, 1}, {2, 2});
  EXPECT_EQ(run_double(OpKind::kDotGeneral, {a, w}, kMatmul).data<std::int32_t>()[0], 0);  // 2^32
  const Tensor b = Tensor::of<std::int64_t>(DType::kI64, {1, 2}, {1 << 30, 1 << 30}),
               v = Tensor::of<std::int64_t>(DType::kI64, {2, 1}, {2, 2});
  EXPECT_EQ(run_double(OpKind::kDotGeneral, {b, v}, kMatmul).data<std::int64_t>()[0], std::int64_t{1} << 32);
}

TEST(Dot, FixedPointSaturatesInArrayOrder) {
  Random random(24);
  for (int n = 1; n <= 15; ++n) {
    const double range = std::ldexp(1.0, 15 - n);
    const auto large = static_cast<float>(range / 6), small = static_cast<float>(std::min(range, 9.0));
    const Tensor a = random_f32(random, {3, 5}, -large, large).converted(fixed_type(n)),
                 w = random_f32(random, {5, 2}, -small, small).converted(fixed_type(n));
    const Tensor y = run_chip(OpKind::kDotGeneral, {a, w}, kMatmul, nullptr, {2, 128});
    ASSERT_EQ(y.type(), fixed_type(n));
    const auto saturate = [](int x) { return std::min(32767, std::max(-32768, x)); };
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 2; ++j) {
        int acc = 0;
        for (int first = 0; first < 5; first += 2) {
          int sum = 0;
          for (int r = first; r < std::min(first + 2, 5); ++r) {
            const int product = a.data<std::int16_t>()[i * 5 + r] * w.data<std::int16_t>()[r * 2 + j];
            sum = saturate(sum + saturate((product + (1 << n) / 2) >> n));  // rounds half up
          }
          acc = saturate(acc + sum);
        }
        EXPECT_EQ(y.data<std::int16_t>()[i * 2 + j], acc) << dtype_name(fixed_type(n));
      }
    }
  }
}

TEST(Dot, GeneralDimensionsInDouble) {
  Random random(25);
  // lhs [c1, b, m, c2], rhs [n, c2, b, c1] -> [b, m, n]
  const Tensor l = random_f32(random, {3, 2, 4, 5}), r = random_f32(random, {6, 5, 2, 3});
  const Tensor y = run_double(OpKind::kDotGeneral, {l, r}, DotAttr{{1}, {2}, {0, 3}, {3, 1}});
  ASSERT_EQ(y.shape(), (Shape{2, 4, 6}));
  for (int b = 0; b < 2; ++b)
    for (int m = 0; m < 4; ++m)
      for (int n = 0; n < 6; ++n) {
        double sum = 0;
        for (int p = 0; p < 3; ++p)
          for (int q = 0; q < 5; ++q) {
            sum += static_cast<double>(l.data<float>()[((p * 2 + b) * 4 + m) * 5 + q]) *
                   static_cast<double>(r.data<float>()[((n * 5 + q) * 2 + b) * 3 + p]);
          }
        EXPECT_DOUBLE_EQ(y.data<double>()[(b * 4 + m) * 6 + n], sum);
      }
}

TEST(Dot, DoubleSumsLongRows) {
  Random random(28);
  const Tensor a = random_f32(random, {3, 9000}), w = random_f32(random, {9000, 2});  // more than two slices of K
  const Tensor y = run_double(OpKind::kDotGeneral, {a, w}, kMatmul);
  for (std::int64_t i = 0; i < 6; ++i) {
    double sum = 0;
    for (std::int64_t r = 0; r < 9000; ++r) {
      sum +=
          static_cast<double>(a.data<float>()[i / 2 * 9000 + r]) * static_cast<double>(w.data<float>()[r * 2 + i % 2]);
    }
    EXPECT_EQ(y.data<double>()[i], sum);
  }
}

TEST(Dot, EmptyContractionIsZeroAndVectorsWork) {
  const Tensor y = run_chip(OpKind::kDotGeneral, {Tensor(DType::kF32, {2, 0}), Tensor(DType::kF32, {0, 3})}, kMatmul);
  EXPECT_EQ(values_of<float>(y), std::vector<float>(6, 0.0f));
  const Tensor z = run_chip(OpKind::kDotGeneral, {f32({3}, {1, 2, 3}), f32({3}, {4, 5, 6})}, DotAttr{{}, {}, {0}, {0}});
  EXPECT_EQ(values_of<float>(z), (std::vector<float>{32}));
  EXPECT_EQ(values_of<double>(
                run_double(OpKind::kDotGeneral, {f32({3}, {1, 2, 3}), f32({3}, {4, 5, 6})}, DotAttr{{}, {}, {0}, {0}})),
            (std::vector<double>{32}));
}

TEST(Dot, NarrowResultIsRoundedOnce) {
  Random random(26);
  const Tensor a = random_f32(random, {1, 20}).converted(DType::kBF16),
               w = random_f32(random, {20, 1}).converted(DType::kBF16);
  const TensorType type{DType::kBF16, {1, 1}};
  EXPECT_EQ(run_chip(OpKind::kDotGeneral, {a, w}, kMatmul, &type, {8, 128}).data<std::uint16_t>()[0],
            f32_to_bf16(chip_sum(row_times_column(a, w, 0, 0, 8))));
}

TEST(Dot, ChipRefusesWhatItsArrayCannotMultiply) {
  const Tensor a = i32({1, 1}, {1}), w = i32({1, 1}, {1});
  const auto r = interpret_chip(one_op(OpKind::kDotGeneral, {a, w}, kMatmul), {a, w}, {});
  ASSERT_FALSE(r.ok());
  EXPECT_EQ(r.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(r.error().text().find("does not multiply i32 by i32"), std::string::npos);
}

TEST(Dot, ThreadsDoNotChangeBits) {
  Random random(27);
  const Tensor a = random_f32(random, {300, 90}).converted(DType::kBF16),
               w = random_f32(random, {90, 700}).converted(DType::kBF16);
  const Graph g = one_op(OpKind::kDotGeneral, {a, w}, kMatmul);
  EXPECT_TRUE(interpret_chip(g, {a, w}, {}, 1)->at(0).same_bits(interpret_chip(g, {a, w}, {}, 4)->at(0)));
}

}  // namespace
}  // namespace systole::graph
