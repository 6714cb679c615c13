// Elementwise operators in double precision; integers and pred in int64, results as StableHLO wraps them (int32 and
// wider) or saturated as the chip's stores do (narrower).
#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/eval.h"
#include "tensor/element.h"

namespace systole::graph {
namespace {

constexpr std::int64_t kGrain = 4096;

// f(i) for every element, in parallel. Each element is written by one call, so threads do not change results.
template <typename F>
void for_each(std::int64_t count, const F& f) {
  tbb::parallel_for(tbb::blocked_range<std::int64_t>(0, count, kGrain), [&](const auto& range) {
    for (std::int64_t i = range.begin(); i < range.end(); ++i) f(i);
  });
}

std::int64_t integer(const Tensor& x, std::int64_t i) {
  return load_as_i64(x.type(), x.raw() + (x.shape().empty() ? 0 : i) * dtype_bytes(x.type()));
}
double real(const Tensor& x, std::int64_t i) { return x.data<double>()[x.shape().empty() ? 0 : i]; }

double sign(double x) { return std::isnan(x) || x == 0 ? x : std::copysign(1.0, x); }
double logistic(double x) { return 1.0 / (1.0 + std::exp(-x)); }

double maximum(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  if (a == b) return std::signbit(a) ? b : a;
  return a < b ? b : a;
}
double minimum(double a, double b) { return -maximum(-a, -b); }

using Unary = double (*)(double);
Unary unary_function(OpKind kind) {
  switch (kind) {
    case OpKind::kAbs:
      return [](double x) { return std::fabs(x); };
    case OpKind::kNegate:
      return [](double x) { return -x; };
    case OpKind::kSign:
      return sign;
    case OpKind::kFloor:
      return [](double x) { return std::floor(x); };
    case OpKind::kCeil:
      return [](double x) { return std::ceil(x); };
    case OpKind::kRoundNearestEven:
      return [](double x) { return std::nearbyint(x); };
    case OpKind::kExponential:
      return [](double x) { return std::exp(x); };
    case OpKind::kExponentialMinusOne:
      return [](double x) { return std::expm1(x); };
    case OpKind::kLog:
      return [](double x) { return std::log(x); };
    case OpKind::kLogPlusOne:
      return [](double x) { return std::log1p(x); };
    case OpKind::kLogistic:
      return logistic;
    case OpKind::kTanh:
      return [](double x) { return std::tanh(x); };
    case OpKind::kErf:
      return [](double x) { return std::erf(x); };
    case OpKind::kSqrt:
      return [](double x) { return std::sqrt(x); };
    case OpKind::kRsqrt:
      return [](double x) { return 1.0 / std::sqrt(x); };
    case OpKind::kSine:
      return [](double x) { return std::sin(x); };
    default:
      return [](double x) { return std::cos(x); };
  }
}

using Binary = double (*)(double, double);
Binary binary_function(OpKind kind) {
  switch (kind) {
    case OpKind::kAdd:
      return [](double a, double b) { return a + b; };
    case OpKind::kSubtract:
      return [](double a, double b) { return a - b; };
    case OpKind::kMultiply:
      return [](double a, double b) { return a * b; };
    case OpKind::kDivide:
      return [](double a, double b) { return a / b; };
    case OpKind::kMaximum:
      return maximum;
    case OpKind::kMinimum:
      return minimum;
    case OpKind::kPower:
      return [](double a, double b) { return std::pow(a, b); };
    default:
      return [](double a, double b) { return std::fmod(a, b); };
  }
}

// Bits of an integer format as it shifts and wraps.
int bit_width(DType type) { return type == DType::kI4 ? 4 : static_cast<int>(8 * dtype_bytes(type)); }

// The low bits of x as a value of the format.
std::int64_t wrap(DType type, std::int64_t x) {
  if (type == DType::kPred) return x & 1;
  const int unused = 64 - bit_width(type);
  const auto shifted = static_cast<std::uint64_t>(x) << unused;
  return is_unsigned(type) ? static_cast<std::int64_t>(shifted >> unused)
                           : static_cast<std::int64_t>(shifted) >> unused;
}

std::int64_t power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 != 0 ? -1 : 1) : 0;
  std::uint64_t result = 1, b = static_cast<std::uint64_t>(base);
  for (; exponent > 0; exponent >>= 1, b *= b) {
    if (exponent & 1) result *= b;
  }
  return static_cast<std::int64_t>(result);
}

std::int64_t shift(OpKind kind, DType type, std::int64_t x, std::int64_t n) {
  const int width = bit_width(type);
  const bool outside = n < 0 || n >= width;
  if (kind == OpKind::kShiftRightArithmetic) {
    const std::int64_t as_signed =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(x) << (64 - width)) >> (64 - width);
    return wrap(type, as_signed >> (outside ? width - 1 : n));
  }
  if (outside) return 0;
  if (kind == OpKind::kShiftLeft) return wrap(type, static_cast<std::int64_t>(static_cast<std::uint64_t>(x) << n));
  const std::uint64_t low = static_cast<std::uint64_t>(x) << (64 - width) >> (64 - width);
  return wrap(type, static_cast<std::int64_t>(low >> n));
}

std::int64_t integer_binary(OpKind kind, DType type, std::int64_t a, std::int64_t b) {
  const auto ua = static_cast<std::uint64_t>(a), ub = static_cast<std::uint64_t>(b);
  switch (kind) {
    case OpKind::kAdd:
      return type == DType::kPred ? (a | b) : static_cast<std::int64_t>(ua + ub);
    case OpKind::kSubtract:
      return static_cast<std::int64_t>(ua - ub);
    case OpKind::kMultiply:
      return static_cast<std::int64_t>(ua * ub);
    case OpKind::kDivide:
      return b == 0 ? -1 : b == -1 ? static_cast<std::int64_t>(0 - ua) : a / b;
    case OpKind::kRemainder:
      return b == 0 ? a : b == -1 ? 0 : a % b;
    case OpKind::kMaximum:
      return std::max(a, b);
    case OpKind::kMinimum:
      return std::min(a, b);
    case OpKind::kPower:
      return power(a, b);
    case OpKind::kAnd:
      return a & b;
    case OpKind::kOr:
      return a | b;
    case OpKind::kXor:
      return a ^ b;
    default:
      return shift(kind, type, a, b);
  }
}

std::int64_t integer_unary(OpKind kind, DType type, std::int64_t x) {
  switch (kind) {
    case OpKind::kAbs:
      return x < 0 ? static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(x)) : x;
    case OpKind::kNegate:
      return static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(x));
    case OpKind::kSign:
      return (x > 0) - (x < 0);
    default:
      return wrap(type, type == DType::kPred ? x ^ 1 : ~x);  // not
  }
}

template <typename T>
bool compares(CompareDirection direction, T a, T b) {
  switch (direction) {
    case CompareDirection::kEQ:
      return a == b;
    case CompareDirection::kNE:
      return a != b;
    case CompareDirection::kLT:
      return a < b;
    case CompareDirection::kLE:
      return a <= b;
    case CompareDirection::kGT:
      return a > b;
    default:
      return a >= b;
  }
}

void store_integer(Tensor& result, std::uint8_t* out, std::int64_t i, std::int64_t value) {
  const DType type = result.type();
  store_from_i64(type, out + i * dtype_bytes(type),
                 type == DType::kI32 || type == DType::kU32 ? wrap(type, value) : value);
}

void compare_values(const Step& step, std::uint8_t* out) {
  const Tensor &a = step.operand(0), &b = step.operand(1);
  const CompareDirection direction = step.op.get<CompareAttr>().direction;
  for_each(a.count(), [&](std::int64_t i) {
    out[i] = a.type() == DType::kF64 ? compares(direction, real(a, i), real(b, i))
                                     : compares(direction, integer(a, i), integer(b, i));
  });
}

void convert(const Step& step, Tensor& result, std::uint8_t* out) {
  const Tensor& x = step.operand(0);
  const DType to = result.type();
  const std::int64_t size = dtype_bytes(to);
  for_each(x.count(), [&](std::int64_t i) {
    if (x.type() != DType::kF64) {
      store_from_i64(to, out + i * size, integer(x, i));
    } else {
      const double value = real(x, i);
      const bool truncates = is_integer(to);  // to pred: x != 0
      store_from_double(to, out + i * size, truncates ? std::trunc(value) : value);
    }
  });
}

void reals(const Step& step, double* out, std::int64_t count) {
  const OpKind kind = step.op.kind;
  const Tensor& a = step.operand(0);
  if (kind == OpKind::kClamp) {
    for_each(count, [&](std::int64_t i) {
      out[i] = minimum(maximum(real(step.operand(1), i), real(a, i)), real(step.operand(2), i));
    });
  } else if (step.operands.size() == 1) {
    const Unary f = unary_function(kind);
    for_each(count, [&](std::int64_t i) { out[i] = f(real(a, i)); });
  } else {
    const Binary f = binary_function(kind);
    for_each(count, [&](std::int64_t i) { out[i] = f(real(a, i), real(step.operand(1), i)); });
  }
}

void integers(const Step& step, Tensor& result, std::uint8_t* out) {
  const OpKind kind = step.op.kind;
  const Tensor& a = step.operand(0);
  for_each(result.count(), [&](std::int64_t i) {
    const std::int64_t x = integer(a, i);
    std::int64_t value = 0;
    if (kind == OpKind::kClamp) {
      value = std::min(std::max(integer(step.operand(1), i), x), integer(step.operand(2), i));
    } else if (step.operands.size() == 1) {
      value = integer_unary(kind, a.type(), x);
    } else {
      value = integer_binary(kind, a.type(), x, integer(step.operand(1), i));
    }
    store_integer(result, out, i, value);
  });
}

void select(const Step& step, Tensor& result, std::uint8_t* out) {
  const auto size = static_cast<std::size_t>(dtype_bytes(result.type()));
  for_each(result.count(), [&](std::int64_t i) {
    const Tensor& from = step.operand(integer(step.operand(0), i) != 0 ? 1 : 2);
    const std::size_t at = static_cast<std::size_t>(i) * size;
    std::copy_n(from.raw() + at, size, out + at);
  });
}

}  // namespace

Tensor eval_elementwise(const Step& step, const DoubleArithmetic&) {
  Tensor result(step.result.type, step.result.shape);
  std::uint8_t* out = result.mutable_raw();
  switch (step.op.kind) {
    case OpKind::kConvert:
      convert(step, result, out);
      break;
    case OpKind::kCompare:
      compare_values(step, out);
      break;
    case OpKind::kSelect:
      select(step, result, out);
      break;
    case OpKind::kIsFinite:
      for_each(result.count(), [&](std::int64_t i) { out[i] = std::isfinite(real(step.operand(0), i)); });
      break;
    default:
      if (result.type() == DType::kF64) {
        reals(step, reinterpret_cast<double*>(out), result.count());
      } else {
        integers(step, result, out);
      }
  }
  return result;
}

}  // namespace systole::graph
