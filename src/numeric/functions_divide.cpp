// Division, remainder, square roots: an integer guess at the exponent, polynomial refinement, and a last correction by
// the exact remainder that a fused multiply-add gives.
#include <limits>

#include "numeric/function_blocks.h"

namespace systole {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Reciprocal of the exponent and, roughly, of the fraction by one subtraction: relative error at most 0.12.
constexpr std::int32_t kReciprocalGuess = 0x7EF311C7;
// The same for 1 / sqrt(x), error at most 0.035 (Lomont, "Fast inverse square root", 2003).
constexpr std::int32_t kRsqrtGuess = 0x5F375A86;

// r + r (e + e^2) with e = 1 - d r: the error is cubed.
Value refine_reciprocal(FunctionBuilder& f, Value minus_d, Value r) {
  const Value error = f.fma(minus_d, r, 1.0f);
  return f.fma(r, f.fma(error, error, error), r);
}

// numerator / denominator. Scaling both by the same power of two brings the denominator near 1 and changes no quotient.
Value quotient(FunctionBuilder& f, Value numerator, bool numerator_is_one, Value denominator) {
  const Value exponent = f.emit(MicroOpcode::kAnd, {denominator, 0x7F800000});
  const Value opposite = f.emit(MicroOpcode::kISub, {0x7E800000, exponent});
  const Value scale = f.emit(MicroOpcode::kIMax, {opposite, 0x00400000});  // at least 2^-127
  const Value d = f.mul(denominator, scale);
  const Value n = numerator_is_one ? scale : f.mul(numerator, scale);
  const Value minus_d = f.negate_bits(d);
  const Value near = approximate_reciprocal(f, d, minus_d);
  // Zero and infinity are the fixed points of doubling; each is the other's reciprocal.
  const Value limit = f.equal(f.add(d, d), d);
  const Value r = f.select(limit, f.emit(MicroOpcode::kXor, {d, 0x7F800000}), near);
  const Value q = f.mul(n, r);
  const Value rest = f.fma(q, minus_d, n);
  const Value better = f.fma(rest, r, q);
  // A q of 0 or infinity (whose bits plus one exponent step turn negative) has no correction.
  const Value step = 0x00800000;
  const Value correctable = f.emit(MicroOpcode::kILess, {step, f.emit(MicroOpcode::kIAdd, {f.magnitude(q), step})});
  return f.select(correctable, better, q);
}

struct ScaledRoot {
  Value small;   // x was below 2^-100 and is scaled by 2^30
  Value x;
  Value rsqrt;   // 1 / sqrt(x), relative error below 2^-16
};

ScaledRoot approximate_root(FunctionBuilder& f, Value argument) {
  const Value small = f.less(argument, 0x1p-100f);
  const Value x = f.select(small, f.mul(argument, 0x1p30f), argument);
  const Value half = f.emit(MicroOpcode::kShiftRight, {x, 1});
  const Value r = f.emit(MicroOpcode::kISub, {kRsqrtGuess, half});
  // With e = 1 - x r^2: 1 / sqrt(1 - e) = 1 + e/2 + 3/8 e^2 + ...
  const Value error = f.sub(1.0f, f.mul(f.mul(x, r), r));
  const Value correction = f.mul(error, f.fma(error, 0.375f, 0.5f));
  return {small, x, f.fma(r, correction, r)};
}

}  // namespace

Value approximate_reciprocal(FunctionBuilder& f, Value d, Value minus_d) {
  const Value guess = f.emit(MicroOpcode::kISub, {kReciprocalGuess, d});
  return refine_reciprocal(f, minus_d, refine_reciprocal(f, minus_d, guess));
}

FunctionProgram build_divide() {
  FunctionBuilder f(2);
  return f.finish("divide", quotient(f, f.input(0), false, f.input(1)));
}

FunctionProgram build_reciprocal() {
  FunctionBuilder f(1);
  return f.finish("reciprocal", quotient(f, 1.0f, true, f.input(0)));
}

// x - y trunc(x / y) with the sign of x; exact while |x / y| < 2^24.
FunctionProgram build_remainder() {
  FunctionBuilder f(2);
  const Value x = f.magnitude(f.input(0));
  const Value y = f.magnitude(f.input(1));
  const Value nearest = f.rint(quotient(f, x, false, y));
  const Value centred = f.fma(f.negate_bits(nearest), y, x);
  const Value positive = f.select(f.less(centred, 0.0f), f.add(centred, y), centred);
  const Value result = f.select(f.less(x, y), x, positive);
  const Value sign = f.emit(MicroOpcode::kOr, {f.sign_bit(f.input(0)), 1.0f});
  return f.finish("remainder", f.mul(result, sign));
}

FunctionProgram build_sqrt() {
  FunctionBuilder f(1);
  const Value argument = f.input(0);
  const ScaledRoot root = approximate_root(f, argument);
  // g -> sqrt(x) and h -> 1 / (2 sqrt(x)) together; then g's exact remainder rounds it correctly (Markstein, "IA-64 and
  // Elementary Functions", 2000).
  const Value g = f.mul(root.x, root.rsqrt);
  const Value h = f.mul(root.rsqrt, 0.5f);
  const Value error = f.fma(f.negate_bits(g), h, 0.5f);
  const Value better_g = f.fma(g, error, g);
  const Value better_h = f.fma(h, error, h);
  const Value rest = f.fma(f.negate_bits(better_g), better_g, root.x);
  const Value s = f.fma(rest, better_h, better_g);
  const Value unscaled = f.select(root.small, f.mul(s, 0x1p-15f), s);
  const Value nonnegative = f.select(f.less(argument, 0.0f), std::numeric_limits<float>::quiet_NaN(), unscaled);
  return f.finish("sqrt", f.select(f.less(argument, kInfinity), nonnegative, argument));
}

FunctionProgram build_rsqrt() {
  FunctionBuilder f(1);
  const Value argument = f.input(0);
  const ScaledRoot root = approximate_root(f, argument);
  // e = 1 - x r^2 with the rounding of x r put back.
  const Value r = root.rsqrt;
  const Value product = f.mul(root.x, r);
  const Value minus_product = f.negate_bits(product);
  const Value lost = f.fma(root.x, r, minus_product);
  const Value error = f.fma(f.negate_bits(lost), r, f.fma(minus_product, r, 1.0f));
  const Value better = f.fma(f.mul(error, 0.5f), r, r);
  const Value unscaled = f.select(root.small, f.mul(better, 0x1p15f), better);
  // 0 and infinity exchange, signs kept; below zero there is none.
  const Value limit = f.equal(f.add(argument, argument), argument);
  const Value value = f.select(limit, f.emit(MicroOpcode::kXor, {argument, 0x7F800000}), unscaled);
  const Value positive = f.select(f.less_equal(0.0f, argument), value, std::numeric_limits<float>::quiet_NaN());
  return f.finish("rsqrt", positive);
}

}  // namespace systole
