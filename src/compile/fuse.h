// Fusion: the lowered graph to kernels. A kernel is an anchor (contraction, reduction, window, or none) with the
// elementwise operations and data movement that reach it, as one vector micro-program over affine accesses.
#pragma once

#include "compile/kernel.h"

namespace systole::compile {

struct FuseOptions {
  bool fuse = true;  // off: one operation per kernel
  bool has_vector_unit = true;
};

// The graph must be in lowered form and outlive the result (constants are not copied).
Expected<KernelGraph> make_kernels(const graph::Graph& lowered, const FuseOptions& options);

std::string print_kernels(const KernelGraph& kernels);  // for --dump-after

}  // namespace systole::compile
