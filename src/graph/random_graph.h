// Random small graphs, for tests of the compiler and for the comparison of the engines.
#pragma once

#include "base/random.h"
#include "graph/graph.h"
#include "tensor/tensor.h"

namespace systole::graph {

Tensor random_tensor(Random& random, DType type, const Shape& shape);
// A graph over fp32 values, grown by about that many random operators; one or two inputs and outputs. Parts of it are integer
// products, with their conversions.
Graph random_graph(Random& random, int operators);

}  // namespace systole::graph
