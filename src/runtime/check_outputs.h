#pragma once

#include "runtime/session.h"

namespace systole::runtime {

// Names of the program's outputs that are not, bit for bit, those of the interpreter with the chip's arithmetic on the lowered graph.
// Inputs and outputs in the order of the program's.
Expected<std::vector<std::string>> different_bits(const graph::Graph& lowered, const Chip& chip, const isa::Program& program,
                                                  const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs, int threads);

// A model's outputs against the double interpreter on the source graph (docs/numerics.md, --check). `inputs` in the order of `bindings`;
// `same_bits` per output.
Expected<std::vector<OutputCheck>> check_outputs(const graph::Graph& source, const compile::Format& format,
                                                 const std::vector<isa::Binding>& bindings, const std::vector<Tensor>& inputs,
                                                 const std::vector<Output>& outputs, const std::vector<bool>& same_bits);

}  // namespace systole::runtime
