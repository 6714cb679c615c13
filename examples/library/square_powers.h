// A whole pass: x^2 as x * x. docs/passes.md explains it.
#pragma once

#include "transform/passes.h"

namespace systole::transform {

inline Status square_powers(Graph& graph, const Target&) {
  return rewrite(graph, [](Rewriter& r, const Op& op) -> Expected<ValueId> {
    double exponent = 0;
    if (op.kind != OpKind::kPower || !uniform_constant(r, r[op.operands[1]], exponent) || exponent != 2) return r.copy(op);
    const ValueId x = r[op.operands[0]];
    return r.emit(OpKind::kMultiply, {x, x});
  });
}

}  // namespace systole::transform
