// The vector unit's functions as micro-programs: one definition of exp, tanh, erf, ... for the interpreter, the engines
// and the RTL. docs/numerics.md has the table of their largest errors in ULP, made by the test that measures them.
#pragma once

#include <span>
#include <string_view>

#include "numeric/microcode.h"

namespace systole {

enum class VectorFunction {
  // fp32 -> fp32
  kNegate, kAbs, kSign, kFloor, kCeil, kRound, kExp, kExpm1, kLog, kLog1p, kTanh, kLogistic, kErf, kSqrt, kRsqrt, kSin,
  kCos, kReciprocal,
  // (fp32, fp32) -> fp32
  kAdd, kSubtract, kMultiply, kDivide, kMaximum, kMinimum, kPower, kRemainder,
  // int32
  kINegate, kIAbs, kISign, kIAdd, kISubtract, kIMultiply, kIDivide, kIMaximum, kIMinimum, kIRemainder, kIPower,
  kCount
};

struct FunctionProgram {
  std::string_view name;
  int inputs = 1;        // arguments arrive in registers 0 .. inputs-1 and are left unchanged
  int result = 0;        // the register that holds the result
  int registers = 0;     // registers used, 0 .. registers-1 (arguments, temporaries, result)
  MicroProgram program;
};

// Built once, immutable. Deterministic.
const FunctionProgram& function_program(VectorFunction function);

// Runs the program on one lane.
float evaluate(VectorFunction function, float x, float y = 0.0f);
std::int32_t evaluate_int(VectorFunction function, std::int32_t x, std::int32_t y = 0);

}  // namespace systole
