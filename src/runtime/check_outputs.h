#pragma once

#include "runtime/session.h"

namespace systole::runtime {

// A program's outputs against the interpreter with the chip's arithmetic on the lowered graph (bit for bit) and against the
// double interpreter on the source graph (docs/numerics.md, --check). `inputs` in the order of program.inputs.
Expected<std::vector<OutputCheck>> check_outputs(const graph::Graph& source, const graph::Graph& lowered, const Chip& chip, const compile::Format& format,
                                                 const isa::Program& program, const std::vector<Tensor>& inputs,
                                                 const std::vector<Output>& outputs, int threads);

}  // namespace systole::runtime
