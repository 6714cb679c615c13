// Random small chips for random small graphs (graph/random_graph.h), for tests of the compiler and of the engines.
#pragma once

#include "base/random.h"
#include "chip/chip.h"
#include "graph/random_graph.h"

namespace systole::test {

using graph::random_graph;
using graph::random_tensor;
Chip small_chip(Random& random);

}  // namespace systole::test
