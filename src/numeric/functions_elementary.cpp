// Sign, rounding and the integer functions.
#include <limits>

#include "numeric/function_blocks.h"

namespace systole {

FunctionProgram build_negate() {
  FunctionBuilder f(1);
  return f.finish("negate", f.sub(-0.0f, f.input(0)));
}

FunctionProgram build_abs() {
  FunctionBuilder f(1);
  return f.finish("abs", f.magnitude(f.input(0)));
}

FunctionProgram build_sign() {
  FunctionBuilder f(1);
  const Value x = f.input(0);
  const Value one = f.emit(MicroOpcode::kOr, {f.sign_bit(x), 1.0f});
  const Value ordered_nonzero = f.less(0.0f, f.magnitude(x));
  return f.finish("sign", f.select(ordered_nonzero, one, x));
}

namespace {

Value floor_of(FunctionBuilder& f, Value x) {
  const Value nearest = f.rint(x);
  return f.select(f.less(x, nearest), f.sub(nearest, 1.0f), nearest);
}

}  // namespace

FunctionProgram build_floor() {
  FunctionBuilder f(1);
  return f.finish("floor", floor_of(f, f.input(0)));
}

// ceil(x) = -floor(-x), which also gives -0 for -1 < x < 0.
FunctionProgram build_ceil() {
  FunctionBuilder f(1);
  const Value floor = floor_of(f, f.sub(-0.0f, f.input(0)));
  return f.finish("ceil", f.sub(-0.0f, floor));
}

FunctionProgram build_primitive(std::string_view name, MicroOpcode op) {
  const int inputs = micro_operand_count(op);
  FunctionBuilder f(inputs);
  std::vector<Value> operands;
  for (int i = 0; i < inputs; ++i) operands.push_back(f.input(i));
  const Value result = f.emit(op, operands);
  return f.finish(name, result);
}

FunctionProgram build_integer_negate() {
  FunctionBuilder f(1);
  return f.finish("inegate", f.emit(MicroOpcode::kISub, {0, f.input(0)}));
}

FunctionProgram build_integer_abs() {
  FunctionBuilder f(1);
  const Value negative = f.emit(MicroOpcode::kISub, {0, f.input(0)});
  return f.finish("iabs", f.emit(MicroOpcode::kIMax, {f.input(0), negative}));
}

FunctionProgram build_integer_sign() {
  FunctionBuilder f(1);
  const Value at_least = f.emit(MicroOpcode::kIMax, {f.input(0), -1});
  return f.finish("isign", f.emit(MicroOpcode::kIMin, {at_least, 1}));
}

// x^y mod 2^32 by squaring over the 31 bits of y >= 0. For y < 0 the exact quotient 1 / x^-y truncated: x^(y & 1) where
// |x| = 1, otherwise 0.
FunctionProgram build_integer_power() {
  FunctionBuilder f(2);
  const Value x = f.input(0);
  const Value y = f.input(1);
  const Value odd = f.emit(MicroOpcode::kAnd, {y, 1});
  Value result = f.select(odd, x, 1);
  Value square = x;
  for (int bit = 1; bit < 31; ++bit) {
    square = f.emit(MicroOpcode::kIMul, {square, square});
    const Value taken = f.emit(MicroOpcode::kAnd, {y, std::int32_t{1} << bit});
    result = f.emit(MicroOpcode::kIMul, {result, f.select(taken, square, 1)});
  }
  const Value magnitude = f.emit(MicroOpcode::kIMax, {x, f.emit(MicroOpcode::kISub, {0, x})});
  const Value unit = f.emit(MicroOpcode::kIEqual, {magnitude, 1});
  const Value reciprocal = f.select(unit, result, 0);
  return f.finish("ipower", f.select(f.emit(MicroOpcode::kILess, {y, 0}), reciprocal, result));
}

}  // namespace systole
