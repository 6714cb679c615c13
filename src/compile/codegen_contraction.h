// Code for products on the matrix units: tiles of rows x columns, weights streamed or resident, the epilogue on the vector unit.
#pragma once

#include "compile/codegen_vector.h"

namespace systole::compile {

Status generate_contraction(Context& context, const Kernel& kernel, std::size_t number);

}  // namespace systole::compile
