// Every kernel of a weight tile against the scalar reference, and the reference against the definition written out here.
#include "numeric/matmul.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/random.h"
#include "numeric/formats.h"
#include "numeric/mac.h"
#include "numeric/tile_kernels.h"
#include "numeric/tile_pack.h"

namespace systole {
namespace {

constexpr std::uint64_t kSeed = 20260102;

const std::vector<TileFormat>& all_formats() {
  using enum DType;
  static const std::vector<TileFormat> formats = [] {
    std::vector<TileFormat> all = {{kBF16, kBF16},   {kF8E4M3, kF8E4M3}, {kF8E5M2, kF8E4M3}, {kF8E5M2, kF8E5M2},
                                   {kBF16, kF8E4M3}, {kF16, kF16},       {kTF32, kTF32},     {kF32, kF32},
                                   {kI8, kI8},       {kU8, kI8},         {kI8, kU8},         {kU8, kU8},
                                   {kI8, kI4},       {kI4, kI8},         {kI4, kI4},         {kI16, kI16},
                                   {kI16, kI8},      {kI32, kI32},       {kU16, kI8}};
    for (int n = 1; n <= 15; ++n) all.push_back({fixed_type(n), fixed_type(n)});
    return all;
  }();
  return formats;
}

std::string format_text(const TileFormat& f) {
  return std::string(dtype_name(f.activation)) + " x " + std::string(dtype_name(f.weight));
}

enum class Data { kOrdinary, kBits, kTiny };

// Elements of `type`: ordinary numbers, any bit pattern, or numbers whose products are about 2^-126.
std::vector<std::uint8_t> random_elements(Random& random, DType type, std::int64_t count, Data data) {
  const std::int64_t size = dtype_bytes(type);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count * size));
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint8_t* const p = bytes.data() + i * size;
    const std::uint64_t bits = random.bits();
    if (!is_float(type) || data == Data::kBits) {
      std::memcpy(p, &bits, static_cast<std::size_t>(size));
      if (type == DType::kI4) store_from_i32(type, p, static_cast<std::int32_t>(bits % 16) - 8);
    } else if (data == Data::kOrdinary) {
      store_from_f32(type, p, random.chance(0.1) ? 0.0f : static_cast<float>(random.real(-2, 2)));
    } else {
      store_from_f32(type, p, static_cast<float>(std::ldexp(random.real(-2, 2), static_cast<int>(random.integer(-78, -60)))));
    }
  }
  return bytes;
}

std::vector<std::uint32_t> random_accumulators(Random& random, const TileFormat& format, std::int64_t count, Data data) {
  std::vector<std::uint32_t> acc(static_cast<std::size_t>(count));
  for (std::uint32_t& word : acc) {
    word = static_cast<std::uint32_t>(random.bits());
    if (is_fixed(format.activation)) word = static_cast<std::uint32_t>(std::int32_t{static_cast<std::int16_t>(word)});
    if (!is_float(format.activation) || data == Data::kBits) continue;
    const int exponent = data == Data::kTiny ? -126 : 0;
    const auto value = static_cast<float>(std::ldexp(random.real(-2, 2), exponent));
    word = std::bit_cast<std::uint32_t>(random.chance(0.2) ? std::copysign(0.0f, value) : value);
  }
  return acc;
}

struct Case {
  TileFormat format;
  std::int64_t m, k, n, array_rows, a_pitch, acc_pitch;
  std::vector<std::uint8_t> a, w;
  std::vector<std::uint32_t> acc;
  bool accumulate;
};

Case random_case(Random& random, const TileFormat& format, Data data, std::int64_t largest_rows) {
  Case c;
  c.format = format;
  c.array_rows = random.integer(1, largest_rows);
  c.k = random.chance(0.3) ? c.array_rows : random.integer(1, c.array_rows);
  c.m = random.integer(1, 70);
  c.n = random.integer(1, 130);
  c.a_pitch = c.k + random.integer(0, 5);
  c.acc_pitch = c.n + random.integer(0, 5);
  c.a = random_elements(random, format.activation, c.m * c.a_pitch, data);
  c.w = random_elements(random, format.weight, c.k * c.n, data);
  c.acc = random_accumulators(random, format, c.m * c.acc_pitch, data);
  c.accumulate = random.chance(0.5);
  return c;
}

TEST(WeightTile, EveryKernelEqualsTheReferenceBitForBit) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  Random random(kSeed);
  for (const TileFormat& format : all_formats()) {
    for (const Data data : {Data::kOrdinary, Data::kBits, Data::kTiny}) {
      if (!is_float(format.activation) && data != Data::kBits) continue;
      for (int repeat = 0; repeat < 8; ++repeat) {
        const Case c = random_case(random, format, data, 80);
        const WeightTile reference_tile(format, c.w.data(), c.k, c.n, c.n, c.array_rows);
        std::vector<std::uint32_t> expected = c.acc;
        reference_tile.multiply_reference(c.a.data(), c.m, c.a_pitch, expected.data(), c.acc_pitch, c.accumulate);
        for (const KernelEntry& kernel : tile_kernels()) {
          const std::vector<OperandForm> forms = exact_forms(format);
          if (!kernel.supported || std::find(forms.begin(), forms.end(), kernel.form) == forms.end()) continue;
          const WeightTile tile(format, c.w.data(), c.k, c.n, c.n, c.array_rows, &kernel);
          std::vector<std::uint32_t> acc = c.acc;
          tile.multiply(c.a.data(), c.m, c.a_pitch, acc.data(), c.acc_pitch, c.accumulate);
          for (std::size_t i = 0; i < acc.size(); ++i) {
            ASSERT_EQ(acc[i], expected[i]) << format_text(format) << " kernel " << kernel.name << " m " << c.m << " k " << c.k
                                           << " n " << c.n << " R " << c.array_rows << " data " << static_cast<int>(data)
                                           << " accumulate " << c.accumulate << " at " << i;
          }
        }
      }
    }
  }
}

// The definition in the words of numeric/matmul.h, with the fused step in exact arithmetic where double suffices.
float defined_float(const Case& c, std::int64_t i, std::int64_t j) {
  const auto zero_if_subnormal = [](float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x; };
  float sum = 0;
  for (std::int64_t r = 0; r < c.array_rows; ++r) {
    float a = 0, w = 0;
    if (r < c.k) {
      a = zero_if_subnormal(load_as_f32(c.format.activation, c.a.data() + (i * c.a_pitch + r) * dtype_bytes(c.format.activation)));
      w = zero_if_subnormal(load_as_f32(c.format.weight, c.w.data() + (r * c.n + j) * dtype_bytes(c.format.weight)));
    }
    sum = zero_if_subnormal(std::fma(a, w, sum));
  }
  const float old = c.accumulate ? std::bit_cast<float>(c.acc[static_cast<std::size_t>(i * c.acc_pitch + j)]) : 0.0f;
  return zero_if_subnormal(zero_if_subnormal(old) + sum);
}

std::uint32_t defined_integer(const Case& c, std::int64_t i, std::int64_t j) {
  std::int64_t sum = 0;
  for (std::int64_t r = 0; r < c.k; ++r) {
    const std::int64_t a = load_as_i32(c.format.activation, c.a.data() + (i * c.a_pitch + r) * dtype_bytes(c.format.activation));
    const std::int64_t w = load_as_i32(c.format.weight, c.w.data() + (r * c.n + j) * dtype_bytes(c.format.weight));
    sum += static_cast<std::int32_t>(a * w);
  }
  return (c.accumulate ? c.acc[static_cast<std::size_t>(i * c.acc_pitch + j)] : 0u) + static_cast<std::uint32_t>(sum);
}

std::uint32_t defined_fixed(const Case& c, std::int64_t i, std::int64_t j) {
  const auto* a = reinterpret_cast<const std::int16_t*>(c.a.data());
  const auto* w = reinterpret_cast<const std::int16_t*>(c.w.data());
  const auto clamp = [](double x) { return std::fmin(std::fmax(x, -32768.0), 32767.0); };
  const double one = std::ldexp(1.0, fraction_bits(c.format.activation));
  double sum = 0;
  for (std::int64_t r = 0; r < c.k; ++r) {
    const double product = std::floor(static_cast<double>(a[i * c.a_pitch + r]) * w[r * c.n + j] / one + 0.5);
    sum = clamp(sum + clamp(product));
  }
  const double old = c.accumulate ? static_cast<std::int32_t>(c.acc[static_cast<std::size_t>(i * c.acc_pitch + j)]) : 0;
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(clamp(old + sum)));
}

TEST(WeightTile, ReferenceEqualsTheDefinition) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed + 1);
  Random random(kSeed + 1);
  for (const TileFormat& format : all_formats()) {
    for (const Data data : {Data::kOrdinary, Data::kBits}) {
      for (int repeat = 0; repeat < 4; ++repeat) {
        const Case c = random_case(random, format, data, 40);
        const WeightTile tile(format, c.w.data(), c.k, c.n, c.n, c.array_rows);
        std::vector<std::uint32_t> acc = c.acc;
        tile.multiply_reference(c.a.data(), c.m, c.a_pitch, acc.data(), c.acc_pitch, c.accumulate);
        for (std::int64_t i = 0; i < c.m; ++i) {
          for (std::int64_t j = 0; j < c.n; ++j) {
            const std::uint32_t got = acc[static_cast<std::size_t>(i * c.acc_pitch + j)];
            if (is_float(format.activation)) {
              const float expected = defined_float(c, i, j);
              ASSERT_EQ(got, std::isnan(expected) ? 0x7FC00000u : std::bit_cast<std::uint32_t>(expected)) << format_text(format);
            } else {
              ASSERT_EQ(got, is_fixed(format.activation) ? defined_fixed(c, i, j) : defined_integer(c, i, j))
                  << format_text(format);
            }
          }
        }
      }
    }
  }
}

float one_product(std::vector<float> a, std::vector<float> w, std::int64_t array_rows, float old, bool accumulate) {
  const auto k = static_cast<std::int64_t>(a.size());
  const WeightTile tile({DType::kF32, DType::kF32}, w.data(), k, 1, 1, array_rows);
  float fast = old, slow = old;
  tile.multiply(a.data(), 1, k, &fast, 1, accumulate);
  tile.multiply_reference(a.data(), 1, k, &slow, 1, accumulate);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(fast), std::bit_cast<std::uint32_t>(slow));
  return slow;
}

TEST(WeightTile, KeepsTheSignOfAFlushedSumOnlyInAFullChunk) {
  // -2^-64 * 2^-64 rounds to -2^-128, a subnormal: -0. A further row of +0 * +0 makes it +0.
  EXPECT_TRUE(std::signbit(one_product({-0x1p-64f}, {0x1p-64f}, 1, -0.0f, true)));
  EXPECT_FALSE(std::signbit(one_product({-0x1p-64f}, {0x1p-64f}, 2, -0.0f, true)));
  EXPECT_FALSE(std::signbit(one_product({-0x1p-64f}, {0x1p-64f}, 1, 0.0f, false)));
}

TEST(WeightTile, AddsRowsInOrderWithOneRoundingEach) {
  EXPECT_EQ(one_product({1, 1, -1}, {0x1p24f, 1, 0x1p24f}, 3, 0, false), 0.0f);   // (2^24 + 1) rounds to 2^24
  EXPECT_EQ(one_product({1, -1, 1}, {0x1p24f, 0x1p24f, 1}, 3, 0, false), 1.0f);
  EXPECT_EQ(one_product({1}, {1}, 1, 0x1p24f, true), 0x1p24f);
}

TEST(Mac, RoundsBeforeItFlushes) {
  // Exact results just below 2^-126; the boundary is 2^-126 - 2^-151, where 24 bits round up to 2^-126.
  EXPECT_EQ(mac_f32(-0x1p-75f, 0x1p-76f, 0x1p-126f), 0x1p-126f);                // tie, to even
  EXPECT_EQ(mac_f32(-0x1.8p-75f, 0x1p-76f, 0x1p-126f), 0.0f);
  EXPECT_EQ(mac_f32(-0x1.000002p-75f, 0x1p-76f, 0x1p-126f), 0.0f);
  EXPECT_EQ(mac_f32(-0x1.fffffep-76f, 0x1p-76f, 0x1p-126f), 0x1p-126f);
  EXPECT_TRUE(std::signbit(mac_f32(0x1.8p-75f, 0x1p-76f, -0x1p-126f)));
}

TEST(WeightTile, LeavesTheFloatingPointModeAlone) {
  one_product({1}, {1}, 1, 0, false);
  volatile float tiny = 0x1p-126f;
  EXPECT_EQ(std::fpclassify(tiny * 0.5f), FP_SUBNORMAL);
}

}  // namespace
}  // namespace systole
