// Inside the room: the functions' programs, by family.
#pragma once

#include "numeric/function_builder.h"

namespace systole {

// Elementary: one or a few operations each.
FunctionProgram build_negate();
FunctionProgram build_abs();
FunctionProgram build_sign();
FunctionProgram build_floor();
FunctionProgram build_ceil();
// One float or integer operation as a function.
FunctionProgram build_primitive(std::string_view name, MicroOpcode op);

// Division and roots.
FunctionProgram build_reciprocal();
FunctionProgram build_divide();
FunctionProgram build_remainder();
FunctionProgram build_sqrt();
FunctionProgram build_rsqrt();

// Exponentials and logarithms.
FunctionProgram build_exp();
FunctionProgram build_expm1();
FunctionProgram build_log();
FunctionProgram build_log1p();
FunctionProgram build_tanh();
FunctionProgram build_logistic();
FunctionProgram build_erf();
FunctionProgram build_power();

FunctionProgram build_sin();
FunctionProgram build_cos();

FunctionProgram build_integer_negate();
FunctionProgram build_integer_abs();
FunctionProgram build_integer_sign();
FunctionProgram build_integer_power();

// 1 / d to about an ulp, for a normal d whose reciprocal is normal (no zero, infinity or NaN). `minus_d` is -d.
Value approximate_reciprocal(FunctionBuilder& f, Value d, Value minus_d);

}  // namespace systole
