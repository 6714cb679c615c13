// Code for products on the matrix units: tiles of rows x columns, weights streamed or resident, the epilogue on the
// vector unit.
#pragma once

#include "compile/codegen_vector.h"

namespace systole::compile {

// `order` is called once, before the first access to what other kernels write.
Status generate_contraction(Context& context, const Kernel& kernel, std::size_t number,
                            const std::function<void()>& order);

}  // namespace systole::compile
