// Kernels to instructions: tiles, buffers in VMEM, transfers, products, vector runs. docs/compiler.md.
#pragma once

#include "compile/compiler.h"
#include "compile/emitter.h"
#include "compile/kernel.h"
#include "compile/memory_plan.h"

namespace systole::compile {

// failed_kernel: the number of the one that does not fit the VMEM left to it, if that is the error; else -1.
Status generate_code(const KernelGraph& kernels, const Chip& chip, const Options& options, isa::Program& program,
                     int& failed_kernel);

}  // namespace systole::compile
