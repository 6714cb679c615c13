// Kernels to instructions: tiles, buffers in VMEM, transfers, products, vector runs. docs/compiler.md.
#pragma once

#include "compile/compiler.h"
#include "compile/emitter.h"
#include "compile/kernel.h"
#include "compile/memory_plan.h"

namespace systole::compile {

Status generate_code(const KernelGraph& kernels, const Chip& chip, const Options& options, isa::Program& program);

}  // namespace systole::compile
