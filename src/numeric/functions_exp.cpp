// The exponential family. x = n ln 2 + r with |r| <= ln 2 / 2, and e^x = 2^n e^r; coefficients are minimax fits (Remez).
#include "numeric/function_blocks.h"

namespace systole {
namespace {

constexpr float kLog2E = 0x1.715476p+0f;
constexpr float kLn2High = 0x1.62e430p-1f;
constexpr float kLn2Low = -0x1.05c610p-29f;
constexpr std::int32_t kOneBits = 0x3F800000;

struct Reduced {
  Value n;  // int32
  Value r;
};

Reduced reduce(FunctionBuilder& f, Value x) {
  const Value n = f.to_int(f.mul(x, kLog2E));
  const Value count = f.to_float(n);
  const Value r = f.fma(count, -kLn2Low, f.fma(count, -kLn2High, x));
  return {n, r};
}

// e^r - 1, |r| <= 0.347.
Value small_expm1(FunctionBuilder& f, Value r) {
  const Value q = f.polynomial(r, {0x1p-1f, 0x1.55548ep-3f, 0x1.55545ep-5f, 0x1.123b54p-7f, 0x1.6db40ep-10f});
  return f.fma(f.mul(r, r), q, r);
}

Value small_exp(FunctionBuilder& f, Value r) {
  const Value q = f.polynomial(r, {0x1p-1f, 0x1.55548ep-3f, 0x1.55545ep-5f, 0x1.123b54p-7f, 0x1.6db40ep-10f});
  return f.fma(f.fma(q, r, 1.0f), r, 1.0f);
}

// 2^n for -126 <= n <= 127.
Value power_of_two(FunctionBuilder& f, Value n) {
  return f.emit(MicroOpcode::kIAdd, {f.emit(MicroOpcode::kShiftLeft, {n, 23}), kOneBits});
}

Value add_to_exponent(FunctionBuilder& f, Value x, Value n) {
  return f.emit(MicroOpcode::kIAdd, {x, f.emit(MicroOpcode::kShiftLeft, {n, 23})});
}

// x 2^n for x near 1 and |n| <= 252: half the exponent exactly, then one multiplication that may round or overflow.
Value scale(FunctionBuilder& f, Value x, Value n) {
  const Value first = f.emit(MicroOpcode::kShiftRightArithmetic, {n, 1});
  const Value second = f.emit(MicroOpcode::kISub, {n, first});
  return f.mul(add_to_exponent(f, x, first), power_of_two(f, second));
}

// e^x for x <= 0, at least -104.
Value exp_of_nonpositive(FunctionBuilder& f, Value x) {
  const Reduced reduced = reduce(f, x);
  return scale(f, small_exp(f, reduced.r), reduced.n);
}

// (e^x - 1) / 2 for |x| < 89.
Value half_expm1(FunctionBuilder& f, Value x) {
  const Reduced reduced = reduce(f, x);
  const Value half_power = f.emit(MicroOpcode::kIAdd, {f.emit(MicroOpcode::kShiftLeft, {reduced.n, 23}), 0x3F000000});
  return f.fma(half_power, small_expm1(f, reduced.r), f.sub(half_power, 0.5f));
}

}  // namespace

FunctionProgram build_exp() {
  FunctionBuilder f(1);
  // Beyond the bounds the result is 0 or infinity.
  const Value x = f.min(f.max(f.input(0), -104.0f), 89.0f);
  return f.finish("exp", exp_of_nonpositive(f, x));
}

FunctionProgram build_expm1() {
  FunctionBuilder f(1);
  const Value argument = f.input(0);
  const Value x = f.min(f.max(argument, -20.0f), 89.0f);
  const Value half = half_expm1(f, x);
  const Value tiny = f.less(f.magnitude(argument), 0x1p-25f);
  return f.finish("expm1", f.select(tiny, argument, f.add(half, half)));
}

// tanh|x| = t / (t + 2) with t = e^(2|x|) - 1, here in halves: h / (h + 1).
FunctionProgram build_tanh() {
  FunctionBuilder f(1);
  const Value argument = f.input(0);
  const Value x = f.min(f.magnitude(argument), 9.5f);
  const Value h = half_expm1(f, f.add(x, x));
  const Value d = f.add(h, 1.0f);
  const Value minus_d = f.negate_bits(d);
  const Value r = approximate_reciprocal(f, d, minus_d);
  const Value q = f.mul(h, r);
  // The remainder h - q d, with what rounding took from d.
  const Value lost = f.sub(h, f.sub(d, 1.0f));
  const Value rest = f.fma(f.negate_bits(q), lost, f.fma(q, minus_d, h));
  const Value better = f.fma(rest, r, q);
  const Value tiny = f.less(x, 0x1p-12f);
  const Value sign = f.emit(MicroOpcode::kOr, {f.sign_bit(argument), 1.0f});
  return f.finish("tanh", f.select(tiny, argument, f.mul(better, sign)));
}

// With t = e^-|x|: 1 / (1 + t), times t for x < 0.
FunctionProgram build_logistic() {
  FunctionBuilder f(1);
  const Value argument = f.input(0);
  const Value minus_magnitude = f.emit(MicroOpcode::kOr, {argument, FunctionBuilder::kSignBit});
  const Value t = exp_of_nonpositive(f, f.max(minus_magnitude, -104.0f));
  const Value d = f.add(t, 1.0f);
  // What rounding took from 1 + t.
  const Value lost = f.sub(t, f.sub(d, 1.0f));
  // 1 / d on [1, 2]: cubic fit (error 2^-9.2), then one cubing step.
  const Value guess = f.polynomial(d, {0x1.6a09c2p+1f, -0x1.783c58p+1f, 0x1.54bde4p+0f, -0x1.c65286p-3f});
  const Value minus_d = f.negate_bits(d);
  const Value coarse_error = f.fma(minus_d, guess, 1.0f);
  const Value r = f.fma(guess, f.fma(coarse_error, coarse_error, coarse_error), guess);
  const Value error = f.fma(f.negate_bits(lost), r, f.fma(minus_d, r, 1.0f));
  const Value better = f.fma(error, r, r);
  return f.finish("logistic", f.select(f.less(argument, 0.0f), f.mul(t, better), better));
}

// |x| <= 0.928: x + x p(x^2). Beyond: 1 - e^(-g(|x|)), g a fit of -log(1 - erf). Coefficients: N. Juffa's public erff.
FunctionProgram build_erf() {
  FunctionBuilder f(1);
  const Value x = f.input(0);
  const Value square = f.mul(x, x);
  const Value p = f.polynomial(square, {1.28379166e-1f, -3.76125336e-1f, 1.12819925e-1f, -2.67681349e-2f,
                                        4.99119423e-3f, -5.96761703e-4f});
  const Value near = f.fma(p, x, x);
  const Value t = f.min(f.magnitude(x), 4.0f);
  const Value g = f.polynomial(t, {-1.28717512e-1f, -6.34846687e-1f, -1.06777877e-1f, 2.42546219e-2f,
                                   -3.88396438e-3f, 3.83197126e-4f, -1.72853470e-5f});
  const Value exponent = f.fma(g, t, f.negate_bits(t));
  const Value far = f.sub(1.0f, exp_of_nonpositive(f, exponent));
  const Value signed_far = f.mul(far, f.emit(MicroOpcode::kOr, {f.sign_bit(x), 1.0f}));
  return f.finish("erf", f.select(f.less(0.927734375f, t), signed_far, near));
}

}  // namespace systole
