// x^y = 2^(y log2 |x|), the logarithm and the product carried as a sum of two fp32 numbers.
#include <limits>

#include "numeric/function_blocks.h"

namespace systole {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kScaleHigh = 0x1.715476p+1f;  // 2 / ln 2
constexpr float kScaleLow = 0x1.4ae0c0p-25f;

struct Pair {
  Value high;
  Value low;
};

// log2 of x >= 0 as high + low. m = 2^-e x, s = (m - 1) / (m + 1), log m = 2 atanh s.
Pair log2_pair(FunctionBuilder& f, Value argument) {
  const Value small = f.less(argument, 0x1p-126f);
  const Value x = f.select(small, f.mul(argument, 0x1p23f), argument);
  const Value shifted = f.emit(MicroOpcode::kISub, {x, 0x3F3504F3});
  const Value field = f.emit(MicroOpcode::kAnd, {shifted, std::int32_t(0xFF800000u)});
  const Value m = f.emit(MicroOpcode::kISub, {x, field});
  const Value scaled = f.to_float(f.emit(MicroOpcode::kShiftRightArithmetic, {field, 23}));
  const Value e = f.select(small, f.sub(scaled, 23.0f), scaled);

  const Value numerator = f.sub(m, 1.0f);
  const Value d = f.add(m, 1.0f);
  const Value lost = f.sub(m, f.sub(d, 1.0f));
  const Value minus_d = f.negate_bits(d);
  const Value r = approximate_reciprocal(f, d, minus_d);
  const Value s = f.mul(numerator, r);
  const Value minus_s = f.negate_bits(s);
  const Value s_low = f.mul(f.fma(minus_s, lost, f.fma(s, minus_d, numerator)), r);
  const Value square = f.mul(s, s);
  const Value tail = f.polynomial(square, {0x1.555554p-2f, 0x1.999a7cp-3f, 0x1.24387ap-3f, 0x1.e30544p-4f});
  const Value series = f.fma(f.mul(square, s), tail, s_low);  // atanh s - s
  const Value product = f.mul(s, kScaleHigh);
  const Value product_low = f.fma(s, kScaleHigh, f.negate_bits(product));
  const Value correction = f.fma(series, kScaleHigh, f.fma(s, kScaleLow, product_low));
  const Value sum = f.add(e, product);
  const Value sum_low = f.add(f.sub(product, f.sub(sum, e)), correction);
  const Value high = f.add(sum, sum_low);
  const Value low = f.sub(sum_low, f.sub(high, sum));
  // 0 -> -infinity; infinity and NaN stay.
  const Value at_zero = f.select(f.equal(argument, 0.0f), -kInfinity, high);
  return {f.select(f.less(argument, kInfinity), at_zero, argument), low};
}

// 2^(high + low), 0 or infinity out of range.
Value exp2_of_pair(FunctionBuilder& f, Pair exponent) {
  const Value bounded = f.min(f.max(exponent.high, -160.0f), 160.0f);
  const Value inside = f.less(f.magnitude(exponent.high), 160.0f);
  const Value low = f.select(inside, exponent.low, 0.0f);
  const Value n = f.to_int(bounded);
  const Value r = f.add(f.sub(bounded, f.to_float(n)), low);
  const Value q = f.polynomial(r, {0x1.62e430p-1f, 0x1.ebfbe0p-3f, 0x1.c6aec2p-5f, 0x1.3b2a72p-7f, 0x1.5f4e5ap-10f,
                                   0x1.43e9eep-13f});
  const Value value = f.fma(q, r, 1.0f);
  const Value first = f.emit(MicroOpcode::kShiftRightArithmetic, {n, 1});
  const Value second = f.emit(MicroOpcode::kISub, {n, first});
  const Value half = f.emit(MicroOpcode::kIAdd, {value, f.emit(MicroOpcode::kShiftLeft, {first, 23})});
  const Value rest = f.emit(MicroOpcode::kIAdd, {f.emit(MicroOpcode::kShiftLeft, {second, 23}), 0x3F800000});
  return f.mul(half, rest);
}

}  // namespace

FunctionProgram build_power() {
  FunctionBuilder f(2);
  const Value x = f.input(0);
  const Value y = f.input(1);
  const Pair log = log2_pair(f, f.magnitude(x));
  const Value finite_y = f.min(f.max(y, -kLargest), kLargest);  // so that 0 * y stays 0
  const Value high = f.mul(finite_y, log.high);
  const Value low = f.fma(finite_y, log.low, f.fma(finite_y, log.high, f.negate_bits(high)));
  const Value magnitude = exp2_of_pair(f, {high, low});

  const Value integral = f.equal(f.rint(y), y);
  const Value half = f.mul(finite_y, 0.5f);
  const Value even_or_fraction = f.equal(f.rint(half), half);
  const Value odd = f.emit(MicroOpcode::kILess, {even_or_fraction, integral});
  const Value flip = f.emit(MicroOpcode::kShiftLeft, {odd, 31});
  const Value sign = f.emit(MicroOpcode::kAnd, {flip, x});
  const Value signed_result = f.emit(MicroOpcode::kXor, {magnitude, sign});

  // A negative finite base needs an integral exponent.
  const Value finite_negative = f.emit(MicroOpcode::kAnd, {f.less(x, 0.0f), f.less(-kInfinity, x)});
  const Value undefined = f.emit(MicroOpcode::kILess, {integral, finite_negative});
  const Value real = f.select(undefined, std::numeric_limits<float>::quiet_NaN(), signed_result);
  const Value one = f.emit(MicroOpcode::kOr, {f.equal(x, 1.0f), f.equal(y, 0.0f)});
  return f.finish("power", f.select(one, 1.0f, real));
}

}  // namespace systole
