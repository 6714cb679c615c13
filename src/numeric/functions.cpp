#include "numeric/functions.h"

#include <array>
#include <bit>
#include <cassert>

#include "numeric/function_blocks.h"

namespace systole {
namespace {

FunctionProgram build(VectorFunction function) {
  switch (function) {
    case VectorFunction::kNegate: return build_negate();
    case VectorFunction::kAbs: return build_abs();
    case VectorFunction::kSign: return build_sign();
    case VectorFunction::kFloor: return build_floor();
    case VectorFunction::kCeil: return build_ceil();
    case VectorFunction::kRound: return build_primitive("round", MicroOpcode::kFRint);
    case VectorFunction::kExp: return build_exp();
    case VectorFunction::kExpm1: return build_expm1();
    case VectorFunction::kLog: return build_log();
    case VectorFunction::kLog1p: return build_log1p();
    case VectorFunction::kTanh: return build_tanh();
    case VectorFunction::kLogistic: return build_logistic();
    case VectorFunction::kErf: return build_erf();
    case VectorFunction::kSqrt: return build_sqrt();
    case VectorFunction::kRsqrt: return build_rsqrt();
    case VectorFunction::kSin: return build_sin();
    case VectorFunction::kCos: return build_cos();
    case VectorFunction::kReciprocal: return build_reciprocal();
    case VectorFunction::kAdd: return build_primitive("add", MicroOpcode::kFAdd);
    case VectorFunction::kSubtract: return build_primitive("subtract", MicroOpcode::kFSub);
    case VectorFunction::kMultiply: return build_primitive("multiply", MicroOpcode::kFMul);
    case VectorFunction::kDivide: return build_divide();
    case VectorFunction::kMaximum: return build_primitive("maximum", MicroOpcode::kFMax);
    case VectorFunction::kMinimum: return build_primitive("minimum", MicroOpcode::kFMin);
    case VectorFunction::kPower: return build_power();
    case VectorFunction::kRemainder: return build_remainder();
    case VectorFunction::kINegate: return build_integer_negate();
    case VectorFunction::kIAbs: return build_integer_abs();
    case VectorFunction::kISign: return build_integer_sign();
    case VectorFunction::kIAdd: return build_primitive("iadd", MicroOpcode::kIAdd);
    case VectorFunction::kISubtract: return build_primitive("isubtract", MicroOpcode::kISub);
    case VectorFunction::kIMultiply: return build_primitive("imultiply", MicroOpcode::kIMul);
    case VectorFunction::kIDivide: return build_primitive("idivide", MicroOpcode::kIDiv);
    case VectorFunction::kIMaximum: return build_primitive("imaximum", MicroOpcode::kIMax);
    case VectorFunction::kIMinimum: return build_primitive("iminimum", MicroOpcode::kIMin);
    case VectorFunction::kIRemainder: return build_primitive("iremainder", MicroOpcode::kIRem);
    case VectorFunction::kIPower: return build_integer_power();
    case VectorFunction::kCount: break;
  }
  assert(false);
  return {};
}

using Table = std::array<FunctionProgram, static_cast<std::size_t>(VectorFunction::kCount)>;

Table build_table() {
  Table table;
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = build(static_cast<VectorFunction>(i));
  return table;
}

std::uint32_t evaluate_words(VectorFunction function, std::uint32_t x, std::uint32_t y) {
  const FunctionProgram& program = function_program(function);
  std::array<std::uint32_t, kRegisters> registers{};
  registers[0] = x;
  registers[1] = y;
  for (const MicroOp& op : program.program) step_lane(op, registers);
  return registers[static_cast<std::size_t>(program.result)];
}

}  // namespace

const FunctionProgram& function_program(VectorFunction function) {
  static const Table table = build_table();
  return table[static_cast<std::size_t>(function)];
}

float evaluate(VectorFunction function, float x, float y) {
  return std::bit_cast<float>(evaluate_words(function, std::bit_cast<std::uint32_t>(x), std::bit_cast<std::uint32_t>(y)));
}

std::int32_t evaluate_int(VectorFunction function, std::int32_t x, std::int32_t y) {
  return static_cast<std::int32_t>(evaluate_words(function, static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y)));
}

}  // namespace systole
