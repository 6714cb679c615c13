// One interpreter for the graph, templated inside on the arithmetic: double precision (the oracle) or a chip's.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace systole::graph {

// What the bits of a chip's arithmetic depend on (docs/numerics.md); from the chip description.
struct ChipArithmetic {
  std::int64_t array_rows = 128;    // R: the length of a K chunk
  std::int64_t vector_lanes = 128;  // partial sums of a vector reduction
};

// Inputs in the order of graph.inputs, each with the declared type and shape (checked); results in the order of outputs.
// Double: every float type computes in double and is not rounded except by convert to a narrower type... which also is not
// rounded: the oracle answers what the model means in real numbers. Integers and pred are exact. Outputs are kF64 for
// float results, otherwise the declared type.
Expected<std::vector<Tensor>> interpret_double(const Graph& graph, const std::vector<Tensor>& inputs);
// Chip: every op rounds as the chip does; contractions per numeric/matmul.h in chunks of array_rows, placement kVectorUnit
// convolutions per tap; functions as micro-programs; reductions in lane order. Outputs have the declared types.
Expected<std::vector<Tensor>> interpret_chip(const Graph& graph, const std::vector<Tensor>& inputs,
                                             const ChipArithmetic& arithmetic, int threads = 1);

}  // namespace systole::graph
