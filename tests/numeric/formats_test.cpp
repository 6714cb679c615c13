// Every code of the 8 and 16 bit formats, against definitions in double arithmetic.
#include "numeric/formats.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "base/random.h"

namespace systole {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

struct SmallFormat {
  const char* name;
  int exponent_bits, fraction_bits;
  bool has_infinity;
  std::uint32_t nan_code;
  std::function<std::uint32_t(float)> encode;
  std::function<float(std::uint32_t)> decode;
};

const std::vector<SmallFormat>& small_formats() {
  static const std::vector<SmallFormat> formats = {
      {"bf16", 8, 7, true, 0x7FC0, f32_to_bf16, [](std::uint32_t c) { return bf16_to_f32(static_cast<std::uint16_t>(c)); }},
      {"f16", 5, 10, true, 0x7E00, f32_to_f16, [](std::uint32_t c) { return f16_to_f32(static_cast<std::uint16_t>(c)); }},
      {"f8E5M2", 5, 2, true, 0x7E, f32_to_f8e5m2, [](std::uint32_t c) { return f8e5m2_to_f32(static_cast<std::uint8_t>(c)); }},
      {"f8E4M3FN", 4, 3, false, 0x7F, f32_to_f8e4m3, [](std::uint32_t c) { return f8e4m3_to_f32(static_cast<std::uint8_t>(c)); }},
  };
  return formats;
}

// The value of a code by the definition of the format; NaN for its NaNs.
double value_of(const SmallFormat& f, std::uint32_t code) {
  const int bias = (1 << (f.exponent_bits - 1)) - 1;
  const std::uint32_t fraction = code & ((1u << f.fraction_bits) - 1);
  const auto exponent = static_cast<int>((code >> f.fraction_bits) & ((1u << f.exponent_bits) - 1));
  const double sign = code >> (f.exponent_bits + f.fraction_bits) ? -1 : 1;
  const bool top = exponent == (1 << f.exponent_bits) - 1;
  if (top && f.has_infinity) return fraction == 0 ? sign * static_cast<double>(kInf) : std::nan("");
  if (top && fraction == (1u << f.fraction_bits) - 1) return std::nan("");
  const double significand = static_cast<double>(fraction) / (1 << f.fraction_bits) + (exponent == 0 ? 0 : 1);
  return sign * std::ldexp(significand, std::max(exponent, 1) - bias);
}

std::uint32_t sign_mask(const SmallFormat& f) { return 1u << (f.exponent_bits + f.fraction_bits); }

TEST(SmallFloats, DecodeEveryCode) {
  for (const SmallFormat& f : small_formats()) {
    for (std::uint32_t code = 0; code < 2 * sign_mask(f); ++code) {
      const double expected = value_of(f, code);
      const float got = f.decode(code);
      if (std::isnan(expected)) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(got), kCanonicalNan) << f.name << " " << code;
      } else {
        ASSERT_EQ(static_cast<double>(got), expected) << f.name << " " << code;
        ASSERT_EQ(std::signbit(got), std::signbit(expected)) << f.name << " " << code;
        ASSERT_EQ(f.encode(got), code) << f.name;
      }
    }
  }
}

// Between each two neighbours: below, at and above the midpoint; ties go to the even code.
TEST(SmallFloats, EncodeRoundsToNearestEven) {
  for (const SmallFormat& f : small_formats()) {
    for (std::uint32_t code = 0; code + 1 < sign_mask(f); ++code) {
      const double low = value_of(f, code);
      double high = value_of(f, code + 1);
      if (!std::isfinite(low)) break;
      const bool overflows = !std::isfinite(high);
      if (overflows) high = low + (low - value_of(f, code - 1));  // where the next number would be
      const double middle = (low + high) / 2;
      const auto at = static_cast<float>(middle);
      if (std::isinf(at) || static_cast<double>(at) != middle) continue;  // not an fp32 number
      const std::uint32_t above = overflows && !f.has_infinity ? f.nan_code : code + 1;
      const std::uint32_t tie = code % 2 == 0 ? code : above;
      ASSERT_EQ(f.encode(at), tie) << f.name << " " << code;
      ASSERT_EQ(f.encode(std::nextafter(at, 0.0f)), code) << f.name << " " << code;
      ASSERT_EQ(f.encode(std::nextafter(at, kInf)), above) << f.name << " " << code;
      const std::uint32_t sign = tie == f.nan_code ? 0 : sign_mask(f);
      ASSERT_EQ(f.encode(-at), tie | sign) << f.name << " " << code;
    }
    EXPECT_EQ(f.encode(kInf), f.has_infinity ? f.nan_code & ~((1u << f.fraction_bits) - 1) : f.nan_code) << f.name;
    EXPECT_EQ(f.encode(std::bit_cast<float>(0xFFC00001u)), f.nan_code) << f.name;
    EXPECT_EQ(f.encode(-0.0f), sign_mask(f)) << f.name;
    EXPECT_EQ(f.encode(std::bit_cast<float>(1u)), 0u) << f.name;
  }
}

TEST(Tf32, RoundsTheFractionToTenBits) {
  EXPECT_EQ(f32_to_tf32(1 + 0x1p-11f), 1.0f);
  EXPECT_EQ(f32_to_tf32(1 + 0x1p-10f + 0x1p-11f), 1 + 0x1p-9f);
  EXPECT_EQ(f32_to_tf32(1 + 0x1p-11f + 0x1p-23f), 1 + 0x1p-10f);
  EXPECT_EQ(f32_to_tf32(std::numeric_limits<float>::max()), kInf);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(f32_to_tf32(std::bit_cast<float>(0xFF800001u))), kCanonicalNan);
}

TEST(Integers, RoundNearestEvenAndSaturate) {
  EXPECT_EQ(f32_to_i32(2.5f), 2);
  EXPECT_EQ(f32_to_i32(-3.5f), -4);
  EXPECT_EQ(f32_to_i32(2147483648.0f), 2147483647);
  EXPECT_EQ(f32_to_i32(-kInf), -2147483647 - 1);
  EXPECT_EQ(f32_to_i32(std::nanf("")), 0);
  EXPECT_EQ(f32_to_i32_truncate(-2.9f), -2);
  EXPECT_EQ(i32_to_f32(16777219), 16777220.0f);
}

constexpr std::int64_t kLowest = -32768, kHighest = 32767;
std::int64_t bounded(std::int64_t x) { return std::min(std::max(x, kLowest), kHighest); }
std::int64_t floor_of_quotient(std::int64_t x, std::int64_t y) { return x / y - (x % y < 0 ? 1 : 0); }  // y > 0

// The nearest integer, ties to even, of a number that long double holds.
std::int64_t nearest_even(long double x) {
  const long double below = std::floor(x), rest = x - below;
  const auto integer = static_cast<std::int64_t>(below);
  if (rest == 0.5L) return integer + (integer % 2 != 0 ? 1 : 0);
  return integer + (rest > 0.5L ? 1 : 0);
}

// All 2^32 pairs would take long: every a with a spread of b.
TEST(FixedPoint, ProductsAndSumsFollowTheDefinition) {
  for (int n = 1; n <= 15; ++n) {
    const std::int64_t one = std::int64_t{1} << n;
    for (std::int64_t a = kLowest; a <= kHighest; ++a) {
      for (const std::int64_t b :
           {kLowest, std::int64_t{-32767}, -one - 1, -one, -one / 2 - 1, -one / 2, std::int64_t{-1}, std::int64_t{0},
            std::int64_t{1}, one / 2, one - 1, bounded(one), bounded(one + 44), std::int64_t{12345}, kHighest}) {
        const auto x = static_cast<std::int16_t>(a), y = static_cast<std::int16_t>(bounded(b));
        const std::int64_t product = a * y;  // of 2 n fraction bits; half up to n: floor(product / 2^n + 1/2)
        ASSERT_EQ(fixed_mul(x, y, n), bounded(floor_of_quotient(2 * product + one, 2 * one)))
            << n << ": " << a << " * " << y;
        ASSERT_EQ(fixed_add(x, y), bounded(a + y)) << a << " + " << y;
      }
    }
  }
}

// Every code is its value, each half way between two goes to the even one, and the floats beside it to the nearer one.
TEST(FixedPoint, ConversionsFollowTheDefinition) {
  for (int n = 1; n <= 15; ++n) {
    const DType type = fixed_type(n);
    const auto one = static_cast<long double>(1 << n);
    for (std::int64_t code = kLowest; code <= kHighest; ++code) {
      const float value = fixed_to_f32(static_cast<std::int16_t>(code), n);
      ASSERT_EQ(static_cast<long double>(value), static_cast<long double>(code) / one) << dtype_name(type);
      const auto half = static_cast<float>((static_cast<long double>(code) + 0.5L) / one);  // 17 bits: exact
      for (const float x : {value, half, std::nextafter(half, -1e9f), std::nextafter(half, 1e9f)}) {
        std::int16_t stored = 0;
        store_from_f32(type, &stored, x);
        ASSERT_EQ(stored, bounded(nearest_even(static_cast<long double>(x) * one))) << dtype_name(type) << " " << x;
        ASSERT_EQ(f32_to_fixed(x, n), stored);
      }
    }
    for (const float far : {1e9f, 65536.0f, std::numeric_limits<float>::max(), kInf}) {
      EXPECT_EQ(f32_to_fixed(far, n), kHighest);
      EXPECT_EQ(f32_to_fixed(-far, n), kLowest);
    }
    EXPECT_EQ(f32_to_fixed(std::nanf(""), n), 0);
    EXPECT_EQ(f32_to_fixed(std::numeric_limits<float>::denorm_min(), n), 0);
    for (const std::int32_t integer :
         {0, 1, -1, 3, -7, 127, -128, 16383, -16384, 40000, std::numeric_limits<std::int32_t>::min()}) {
      std::int16_t stored = 0;
      store_from_i32(type, &stored, integer);
      EXPECT_EQ(stored, bounded(std::int64_t{integer} * (1 << n))) << dtype_name(type) << " " << integer;
    }
  }
}

TEST(Bf16Parts, SumToTheNumber) {
  constexpr std::uint64_t kSeed = 7;
  Random random(kSeed);
  for (int i = 0; i < 100000; ++i) {
    const auto x = static_cast<float>(std::ldexp(random.real(-2, 2), static_cast<int>(random.integer(-90, 90))));
    const float hi = bf16_to_f32(bf16_part(x, 0)), mid = bf16_to_f32(bf16_part(x, 1)), low = bf16_to_f32(bf16_part(x, 2));
    ASSERT_EQ(static_cast<double>(hi) + mid + low, static_cast<double>(x)) << "seed " << kSeed;
    ASSERT_EQ(hi, bf16_to_f32(f32_to_bf16(x)));
  }
}

// Each integer type's range, and back.
TEST(Elements, StoreSaturatesAndLoadReturns) {
  struct Row { DType type; float low, high; };
  const Row rows[] = {{DType::kI4, -8, 7}, {DType::kI8, -128, 127}, {DType::kI16, -32768, 32767}, {DType::kU8, 0, 255},
                      {DType::kU16, 0, 65535}};
  for (const Row& row : rows) {
    std::uint64_t cell = 0;
    for (const float x : {-1e9f, 1e9f, 3.0f, -3.0f, 2.5f}) {
      const float expected = std::fmin(std::fmax(std::nearbyint(x), row.low), row.high);
      store_from_f32(row.type, &cell, x);
      EXPECT_EQ(load_as_f32(row.type, &cell), expected) << dtype_name(row.type) << " " << x;
      store_from_i32(row.type, &cell, static_cast<std::int32_t>(std::nearbyint(x)));
      EXPECT_EQ(load_as_i32(row.type, &cell), static_cast<std::int32_t>(expected)) << dtype_name(row.type) << " " << x;
    }
  }
  std::uint32_t word = 0;
  store_from_i32(DType::kU32, &word, -1);
  EXPECT_EQ(word, 0u);
  std::uint8_t flag = 7;
  EXPECT_EQ(load_as_i32(DType::kPred, &flag), 1);
  store_from_f32(DType::kPred, &flag, -0.0f);
  EXPECT_EQ(flag, 0);
}

TEST(Elements, LanesEqualElements) {
  constexpr std::uint64_t kSeed = 11;
  Random random(kSeed);
  for (int t = 0; t < kDTypes; ++t) {
    const auto type = static_cast<DType>(t);
    const std::int64_t size = dtype_bytes(type), count = 77;
    std::vector<std::uint8_t> from(static_cast<std::size_t>(count * size));
    for (std::uint8_t& byte : from) byte = static_cast<std::uint8_t>(random.bits());
    std::vector<float> floats(static_cast<std::size_t>(count));
    std::vector<std::int32_t> words(static_cast<std::size_t>(count));
    load_lanes_f32(type, from.data(), floats.data(), count);
    load_lanes_i32(type, from.data(), words.data(), count);
    std::vector<std::uint8_t> f_bytes(from.size()), i_bytes(from.size()), one(8), expected(8);
    store_lanes_f32(type, floats.data(), f_bytes.data(), count);
    store_lanes_i32(type, words.data(), i_bytes.data(), count);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      ASSERT_EQ(std::bit_cast<std::uint32_t>(floats[at]), std::bit_cast<std::uint32_t>(load_as_f32(type, &from[at * static_cast<std::size_t>(size)])));
      ASSERT_EQ(words[at], load_as_i32(type, &from[at * static_cast<std::size_t>(size)])) << dtype_name(type);
      store_from_f32(type, expected.data(), floats[at]);
      ASSERT_EQ(std::memcmp(expected.data(), &f_bytes[at * static_cast<std::size_t>(size)], static_cast<std::size_t>(size)), 0) << dtype_name(type);
      store_from_i32(type, expected.data(), words[at]);
      ASSERT_EQ(std::memcmp(expected.data(), &i_bytes[at * static_cast<std::size_t>(size)], static_cast<std::size_t>(size)), 0) << dtype_name(type);
    }
  }
}

TEST(DTypeNames, SayWhereThePointStands) {
  for (int n = 1; n <= 15; ++n) {
    const DType type = fixed_type(n);
    EXPECT_EQ(dtype_name(type), "q" + std::to_string(16 - n) + "." + std::to_string(n));
    EXPECT_EQ(fraction_bits(type), n);
    EXPECT_EQ(dtype_bytes(type), 2);
    EXPECT_TRUE(is_fixed(type) && is_real(type) && !is_float(type) && !is_integer(type) && !is_unsigned(type));
  }
  EXPECT_EQ(fixed_type(8), DType::kQ8_8);
  EXPECT_EQ(static_cast<int>(DType::kQ8_8), 17);  // its number in program files
}

TEST(DTypeNames, ParseBack) {
  for (int t = 0; t < kDTypes; ++t) {
    const auto type = static_cast<DType>(t);
    const auto parsed = parse_dtype(dtype_name(type));
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(*parsed, type);
  }
  EXPECT_EQ(*parse_dtype("int8"), DType::kI8);
  EXPECT_EQ(*parse_dtype("q4.12"), DType::kQ4_12);
  for (const char* name : {"q0.16", "q16.0", "q4.4", "q4.13", "q"}) EXPECT_FALSE(parse_dtype(name).ok()) << name;
  const auto bad = parse_dtype("f33");
  ASSERT_FALSE(bad.ok());
  EXPECT_NE(bad.error().text().find("f33"), std::string::npos);
  EXPECT_NE(bad.error().hint.find("q8.8"), std::string::npos);
}

}  // namespace
}  // namespace systole
