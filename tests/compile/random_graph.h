// Random small graphs and random small chips for them, for tests of the compiler and of the engines.
#pragma once

#include "base/random.h"
#include "chip/chip.h"
#include "graph/graph.h"
#include "tensor/tensor.h"

namespace systole::test {

Chip small_chip(Random& random);
Tensor random_tensor(Random& random, DType type, const Shape& shape);
// A graph over fp32 values, grown by about that many random operators; one or two inputs and outputs.
graph::Graph random_graph(Random& random, int operators);

}  // namespace systole::test
