// Compositions of reductions that several operators use.
#pragma once

#include "frontend/node.h"

namespace systole::frontend {

Val mean_over(Builder& b, const Val& x, const Axes& axes, bool keep);
// The index of the first (last: of the last) extreme along an axis, as int64.
Val arg_extreme(Builder& b, const Val& x, std::int64_t axis, graph::Reduction extreme, bool last, bool keep);
// [product of the dimensions before axis, product of the rest].
Val flatten_from(Builder& b, const Val& x, std::int64_t axis);
// exp(x - max) / sum, or its logarithm, along the given axis.
Val softmax_over(Builder& b, const Val& x, std::int64_t axis);
Val log_softmax_over(Builder& b, const Val& x, std::int64_t axis);

}  // namespace systole::frontend
