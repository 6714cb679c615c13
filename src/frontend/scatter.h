// Scatters to positions that may depend on the data. Several updates of one place: the last one, or all with a reduction.
#pragma once

#include "frontend/node.h"

namespace systole::frontend {

// Row positions[j] of data [P, W] becomes, or is combined with, row j of updates [N, W].
Val scatter_rows(Node& n, const Val& data, const Val& positions, const Val& updates);
// data[.., indices[.., j, ..], ..] along `axis` becomes, or is combined with, updates[.., j, ..].
Val scatter_along(Node& n, const Val& data, const Val& indices, const Val& updates, std::int64_t axis);

}  // namespace systole::frontend
