// Far-memory addresses: images, inputs, outputs in HBM; what kernels hand to each other in CMEM while it lasts, else
// HBM.
#pragma once

#include "chip/chip.h"
#include "compile/kernel.h"
#include "isa/program.h"

namespace systole::compile {

constexpr std::int64_t kAlignment = 64;  // bytes

// Sets Storage::address and in_cmem, fills the program's bindings and constant images, and hbm_bytes / cmem_bytes.
Status plan_memory(KernelGraph& kernels, const Chip& chip, const graph::Graph& lowered, isa::Program& program);

// Room in HBM for one more image (packed weights), after plan_memory.
Expected<std::int64_t> add_image(isa::Program& program, const Chip& chip, Tensor bytes);

}  // namespace systole::compile
