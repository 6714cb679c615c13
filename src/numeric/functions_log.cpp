// The logarithms. x = 2^e m with m in [sqrt(1/2), sqrt(2)), f = m - 1, log x = e ln 2 + log(1 + f).
#include <limits>

#include "numeric/function_blocks.h"

namespace systole {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kLn2High = 0x1.62e4p-1f;  // 15 bits: e times it is exact
constexpr float kLn2Low = 0x1.7f7d1cp-20f;
constexpr std::int32_t kSqrtHalfBits = 0x3F3504F3;

// e as int32 in the top nine bits, the rest zero: (e << 23).
Value exponent_field(FunctionBuilder& f, Value x) {
  const Value shifted = f.emit(MicroOpcode::kISub, {x, kSqrtHalfBits});
  return f.emit(MicroOpcode::kAnd, {shifted, std::int32_t(0xFF800000u)});
}

Value exponent_of(FunctionBuilder& f, Value field) { return f.to_float(f.emit(MicroOpcode::kShiftRightArithmetic, {field, 23})); }

// e ln 2 + log(1 + x).
Value log_from_parts(FunctionBuilder& f, Value e, Value x) {
  const Value q = f.polynomial(x, {0x1.555554p-2f, -0x1.000226p-2f, 0x1.99a008p-3f, -0x1.547246p-3f, 0x1.22da1ap-3f,
                                   -0x1.0d853ap-3f, 0x1.055b82p-3f, -0x1.38b5e8p-4f});
  const Value square = f.mul(x, x);
  const Value cubic = f.mul(f.mul(square, x), q);
  const Value low = f.fma(e, kLn2Low, f.fma(square, -0.5f, cubic));
  return f.fma(e, kLn2High, f.add(x, low));
}

// log of 0 is -infinity, of less NaN, of infinity and NaN itself.
Value with_limits(FunctionBuilder& f, Value argument, Value zero_at, Value result) {
  const Value at_zero = f.select(f.equal(argument, zero_at), -kInfinity, result);
  const Value valid = f.select(f.less_equal(zero_at, argument), at_zero, kNan);
  return f.select(f.equal(argument, kInfinity), argument, valid);
}

}  // namespace

FunctionProgram build_log() {
  FunctionBuilder f(1);
  const Value argument = f.input(0);
  const Value small = f.less(argument, 0x1p-126f);
  const Value x = f.select(small, f.mul(argument, 0x1p23f), argument);
  const Value field = exponent_field(f, x);
  const Value m = f.emit(MicroOpcode::kISub, {x, field});
  const Value scaled = exponent_of(f, field);
  const Value e = f.select(small, f.sub(scaled, 23.0f), scaled);
  const Value result = log_from_parts(f, e, f.sub(m, 1.0f));
  return f.finish("log", with_limits(f, argument, 0.0f, result));
}

// u = 1 + x gives e; f = m - 1 gets back what rounding took from u.
FunctionProgram build_log1p() {
  FunctionBuilder f(1);
  const Value argument = f.input(0);
  const Value u = f.add(argument, 1.0f);
  const Value field = exponent_field(f, u);
  const Value m = f.emit(MicroOpcode::kISub, {u, field});
  const Value lost = f.sub(argument, f.sub(u, 1.0f));
  const Value capped = f.emit(MicroOpcode::kIMin, {field, 126 << 23});
  const Value inverse_power = f.emit(MicroOpcode::kISub, {0x3F800000, capped});
  const Value fraction = f.fma(lost, inverse_power, f.sub(m, 1.0f));
  const Value result = log_from_parts(f, exponent_of(f, field), fraction);
  const Value limited = with_limits(f, argument, -1.0f, result);
  return f.finish("log1p", f.select(f.equal(u, 1.0f), argument, limited));
}

}  // namespace systole
