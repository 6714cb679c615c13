// The vector functions against long double, and the table of docs/numerics.md against both.
#include "numeric/functions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/random.h"

namespace systole {
namespace {

constexpr std::uint64_t kSeed = 20260103;
using Oracle = std::function<long double(long double, long double)>;

float from_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }

struct Judged {
  VectorFunction function;
  Oracle oracle;
  std::function<bool(float, float)> domain = [](float, float) { return true; };
};

long double logistic(long double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

const std::vector<Judged>& judged() {
  using F = VectorFunction;
  using L = long double;
  const auto near_zero = [](float x, float) { return std::fabs(x) <= 0x1p20f; };
  const auto small_ratio = [](float x, float y) { return std::fabs(x) < 0x1p24f * std::fabs(y); };
  static const std::vector<Judged> list = {
      {F::kNegate, [](L x, L) { return -x; }},
      {F::kAbs, [](L x, L) { return std::fabs(x); }},
      {F::kSign, [](L x, L) { return x > 0 ? 1.0L : x < 0 ? -1.0L : x; }},
      {F::kFloor, [](L x, L) { return std::floor(x); }},
      {F::kCeil, [](L x, L) { return std::ceil(x); }},
      {F::kRound, [](L x, L) { return std::nearbyint(x); }},
      {F::kExp, [](L x, L) { return std::exp(x); }},
      {F::kExpm1, [](L x, L) { return std::expm1(x); }},
      {F::kLog, [](L x, L) { return std::log(x); }},
      {F::kLog1p, [](L x, L) { return std::log1p(x); }},
      {F::kTanh, [](L x, L) { return std::tanh(x); }},
      {F::kLogistic, [](L x, L) { return logistic(x); }},
      {F::kErf, [](L x, L) { return std::erf(x); }},
      {F::kSqrt, [](L x, L) { return std::sqrt(x); }},
      {F::kRsqrt, [](L x, L) { return 1 / std::sqrt(x); }},
      {F::kSin, [](L x, L) { return std::sin(x); }, near_zero},
      {F::kCos, [](L x, L) { return std::cos(x); }, near_zero},
      {F::kReciprocal, [](L x, L) { return 1 / x; }},
      {F::kAdd, [](L x, L y) { return x + y; }},
      {F::kSubtract, [](L x, L y) { return x - y; }},
      {F::kMultiply, [](L x, L y) { return x * y; }},
      {F::kDivide, [](L x, L y) { return x / y; }},
      {F::kMaximum, [](L x, L y) { return std::isnan(x) || std::isnan(y) ? x + y : std::fmax(x, y); }},
      {F::kMinimum, [](L x, L y) { return std::isnan(x) || std::isnan(y) ? x + y : std::fmin(x, y); }},
      {F::kPower, [](L x, L y) { return std::pow(x, y); }},
      {F::kRemainder, [](L x, L y) { return std::fmod(x, y); }, small_ratio},
  };
  return list;
}

// Distance in units of the fp32 spacing at the true value; overflow counts as 2^128.
double error_in_ulp(float got, long double truth) {
  constexpr long double kOverflow = 0x1p128L;
  if (std::isnan(truth) || std::isnan(got)) return std::isnan(truth) && std::bit_cast<std::uint32_t>(got) == 0x7FC00000u ? 0 : 1e30;
  const auto bounded = [](long double x) { return std::fmax(std::fmin(x, kOverflow), -kOverflow); };
  const long double y = bounded(got), t = bounded(truth);
  int exponent = 0;
  std::frexp(t, &exponent);
  const int spacing = std::max(exponent - 24, -149);
  return static_cast<double>(std::ldexp(std::fabs(y - t), -std::min(spacing, 104)));
}

// Numbers of every exponent, and many of the size that functions are used at.
float any_float(Random& random) {
  if (random.chance(0.4)) return static_cast<float>(random.real(-1, 1) * std::ldexp(1.0, static_cast<int>(random.integer(-8, 7))));
  return from_bits(static_cast<std::uint32_t>(random.bits()));
}

float second_argument(Random& random, VectorFunction function, float x) {
  if (function == VectorFunction::kPower && random.chance(0.7) && x != 0 && std::isfinite(x)) {
    return static_cast<float>(random.real(-140, 128) / std::log2(std::fabs(static_cast<double>(x))));  // a result in range
  }
  if (random.chance(0.3)) return static_cast<float>(x * random.real(0.001, 1000));
  if (random.chance(0.2)) return static_cast<float>(random.integer(-20, 20));
  return any_float(random);
}

double largest_error(const Judged& item, int rounds) {
  constexpr std::int64_t kWidth = 1024;
  const FunctionProgram& program = function_program(item.function);
  Random random(kSeed);
  double worst = 0;
  std::vector<std::uint32_t> registers(static_cast<std::size_t>(kRegisters * kWidth));
  for (int round = 0; round < rounds; ++round) {
    std::vector<float> x(kWidth), y(kWidth);
    for (std::size_t i = 0; i < kWidth; ++i) {
      do {
        x[i] = any_float(random);
        y[i] = second_argument(random, item.function, x[i]);
      } while (std::isnan(x[i]) || std::isnan(y[i]) || !item.domain(x[i], y[i]));
      registers[i] = std::bit_cast<std::uint32_t>(x[i]);
      registers[i + kWidth] = std::bit_cast<std::uint32_t>(y[i]);
    }
    step_lanes(program.program, registers.data(), kWidth);
    for (std::size_t i = 0; i < kWidth; ++i) {
      const float got = from_bits(registers[static_cast<std::size_t>(program.result) * kWidth + i]);
      const double error = error_in_ulp(got, item.oracle(x[i], y[i]));
      EXPECT_LT(error, 1e9) << program.name << "(" << x[i] << ", " << y[i] << ") = " << got;
      worst = std::max(worst, error);
      if (error >= 1e9) return worst;
    }
  }
  return worst;
}

struct Documented {
  std::string domain;
  int length = 0;
  double error = 0;
};

// Rows "| name | domain | length | error |" after the heading "Functions".
std::map<std::string, Documented> documented_functions() {
  std::ifstream file(std::string(SYSTOLE_SOURCE_DIR) + "/docs/numerics.md");
  std::map<std::string, Documented> rows;
  std::string line;
  bool inside = false;
  while (std::getline(file, line)) {
    if (line.rfind("## ", 0) == 0) inside = line.find("Functions") != std::string::npos;
    if (!inside || line.rfind("| `", 0) != 0) continue;
    std::stringstream cells(line);
    std::string cell, name, domain, length, error;
    std::getline(cells, cell, '|');
    std::getline(cells, name, '|');
    std::getline(cells, domain, '|');
    std::getline(cells, length, '|');
    std::getline(cells, error, '|');
    name = name.substr(2, name.find('`', 2) - 2);
    rows[name] = {domain, std::stoi(length), std::stod(error)};
  }
  return rows;
}

TEST(FunctionTable, NamesEveryFunctionWithItsLength) {
  const auto rows = documented_functions();
  EXPECT_EQ(rows.size(), static_cast<std::size_t>(VectorFunction::kCount));
  for (int i = 0; i < static_cast<int>(VectorFunction::kCount); ++i) {
    const FunctionProgram& program = function_program(static_cast<VectorFunction>(i));
    const auto row = rows.find(std::string(program.name));
    ASSERT_NE(row, rows.end()) << program.name;
    EXPECT_EQ(row->second.length, static_cast<int>(program.program.size())) << program.name;
    EXPECT_LE(program.registers, 12) << program.name;
  }
}

TEST(FunctionTable, BoundsTheMeasuredErrors) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  const auto rows = documented_functions();
  for (const Judged& item : judged()) {
    const std::string name(function_program(item.function).name);
    ASSERT_TRUE(rows.contains(name)) << name;
    const double error = largest_error(item, 60);
    EXPECT_LE(error, rows.at(name).error) << name;
    RecordProperty("ulp_" + name, std::to_string(error));
  }
}

TEST(Functions, LeaveTheirArgumentsUnchanged) {
  for (int i = 0; i < static_cast<int>(VectorFunction::kCount); ++i) {
    const FunctionProgram& program = function_program(static_cast<VectorFunction>(i));
    for (const MicroOp& op : program.program) {
      EXPECT_GE(op.d, program.inputs) << program.name;
      EXPECT_LT(op.d, program.registers) << program.name;
    }
  }
}

const float kInf = std::numeric_limits<float>::infinity();
const std::vector<float> kCorners = {0.0f, -0.0f, 1.0f, -1.0f, kInf, -kInf, std::nanf(""), 0x1p-149f, -0x1p-149f, 0x1p-126f, 2.0f,
                                     -2.0f, 3.0f, -3.0f, 0.5f, -0.5f, 2.5f, -2.5f, 1e30f, -1e30f, 3.4028235e38f, -3.4028235e38f,
                                     16777215.0f, 16777216.0f, -16777217.0f, 104.0f, -104.0f, 0.99999994f, 1.0000001f};

// At corners the class and the sign, also of zero, are those of the C library.
void expect_like_library(const Judged& item, float x, float y) {
  const auto truth = static_cast<float>(item.oracle(x, y));
  const float got = evaluate(item.function, x, y);
  const std::string_view name = function_program(item.function).name;
  EXPECT_LE(error_in_ulp(got, item.oracle(x, y)), 9) << name << "(" << x << ", " << y << ") = " << got << ", not " << truth;
  if (!std::isnan(truth)) EXPECT_EQ(std::signbit(got), std::signbit(truth)) << name << "(" << x << ", " << y << ")";
}

TEST(Functions, TreatCornersAsTheCLibrary) {
  for (const Judged& item : judged()) {
    const bool binary = function_program(item.function).inputs == 2;
    for (const float x : kCorners) {
      for (const float y : kCorners) {
        const bool ordering = item.function == VectorFunction::kMaximum || item.function == VectorFunction::kMinimum;
        if (ordering && x == 0 && y == 0) continue;  // fmax leaves the sign open
        const bool finite = std::isfinite(x) && (!binary || std::isfinite(y));
        if (finite && !(binary && y == 0) && !item.domain(x, y)) continue;
        expect_like_library(item, x, y);
        if (!binary) break;
      }
    }
  }
}

TEST(Functions, SquareRootIsCorrectlyRounded) {
  Random random(kSeed);
  for (int i = 0; i < 200000; ++i) {
    const float x = from_bits(static_cast<std::uint32_t>(random.bits()) & 0x7FFFFFFFu);
    if (std::isnan(x)) continue;
    ASSERT_EQ(evaluate(VectorFunction::kSqrt, x), std::sqrt(x)) << x;
  }
}

TEST(Functions, QuotientIsCorrectlyRounded) {
  constexpr std::int64_t kWidth = 1024;
  const FunctionProgram& program = function_program(VectorFunction::kDivide);
  Random random(kSeed);
  std::vector<std::uint32_t> registers(static_cast<std::size_t>(kRegisters * kWidth));
  for (int round = 0; round < 300; ++round) {
    for (std::size_t i = 0; i < 2 * kWidth; ++i) registers[i] = std::bit_cast<std::uint32_t>(any_float(random));
    const std::vector<std::uint32_t> arguments = registers;
    step_lanes(program.program, registers.data(), kWidth);
    for (std::size_t i = 0; i < kWidth; ++i) {
      const float quotient = from_bits(arguments[i]) / from_bits(arguments[i + kWidth]);
      if (!(std::fabs(quotient) >= 0x1p-100f)) continue;
      ASSERT_EQ(from_bits(registers[static_cast<std::size_t>(program.result) * kWidth + i]), quotient)
          << from_bits(arguments[i]) << " / " << from_bits(arguments[i + kWidth]);
    }
  }
}

std::int32_t wrapped(std::int64_t x) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(x)); }

std::int32_t slow_power(std::int32_t x, std::int32_t y) {
  if (y < 0) return x == 1 ? 1 : x == -1 ? (y % 2 != 0 ? -1 : 1) : 0;
  std::uint32_t result = 1;
  for (std::int32_t i = 0; i < y; ++i) result *= static_cast<std::uint32_t>(x);
  return static_cast<std::int32_t>(result);
}

TEST(IntegerFunctions, WrapAndTruncate) {
  using F = VectorFunction;
  constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min();
  Random random(kSeed);
  std::vector<std::int32_t> values = {0, 1, -1, 2, -2, 7, -7, kMin, kMin + 1, -(kMin + 1)};
  for (int i = 0; i < 40; ++i) values.push_back(static_cast<std::int32_t>(random.bits() >> random.integer(32, 60)));
  for (const std::int32_t x : values) {
    EXPECT_EQ(evaluate_int(F::kINegate, x), wrapped(-std::int64_t{x}));
    EXPECT_EQ(evaluate_int(F::kIAbs, x), wrapped(std::abs(std::int64_t{x})));
    EXPECT_EQ(evaluate_int(F::kISign, x), (x > 0) - (x < 0));
    for (const std::int32_t y : values) {
      EXPECT_EQ(evaluate_int(F::kIAdd, x, y), wrapped(std::int64_t{x} + y));
      EXPECT_EQ(evaluate_int(F::kISubtract, x, y), wrapped(std::int64_t{x} - y));
      EXPECT_EQ(evaluate_int(F::kIMultiply, x, y), wrapped(std::int64_t{x} * y));
      EXPECT_EQ(evaluate_int(F::kIMaximum, x, y), std::max(x, y));
      EXPECT_EQ(evaluate_int(F::kIMinimum, x, y), std::min(x, y));
      EXPECT_EQ(evaluate_int(F::kIDivide, x, y), y == 0 ? -1 : wrapped(std::int64_t{x} / y));
      EXPECT_EQ(evaluate_int(F::kIRemainder, x, y), y == 0 ? x : wrapped(std::int64_t{x} % y));
      if (y < 5000) EXPECT_EQ(evaluate_int(F::kIPower, x, y), slow_power(x, y)) << x << " ^ " << y;
    }
  }
}

}  // namespace
}  // namespace systole
