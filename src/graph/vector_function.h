// Which function of the vector unit an elementwise operator is (numeric/functions.h).
#pragma once

#include "graph/graph.h"
#include "numeric/functions.h"

namespace systole::graph {

// real: on fp32 registers; otherwise on int32. kCount: the operator is no function of one or two operands.
VectorFunction vector_function(OpKind kind, bool real);

}  // namespace systole::graph
