// The passes of the lowering, one .cpp each; the order is in lower.cpp.
#pragma once

#include "transform/lower.h"
#include "transform/rewriter.h"

namespace systole::transform {

Status convert_types(Graph& graph, const Target& target);
Status fold_constants(Graph& graph, const Target& target);
Status contract_integers(Graph& graph, const Target& target);
Status simplify(Graph& graph, const Target& target);
Status fold_scale(Graph& graph, const Target& target);
Status two_spatial_dimensions(Graph& graph, const Target& target);
Status assign_layout(Graph& graph, const Target& target);
Status decompose_transposed_convolution(Graph& graph, const Target& target);
Status place_integers(Graph& graph, const Target& target);
Status gather_dynamic_slices(Graph& graph, const Target& target);
Status canonicalise_dots(Graph& graph, const Target& target);
Status place_convolutions(Graph& graph, const Target& target);
Status apply_format(Graph& graph, const Target& target);
Status narrow_movement(Graph& graph, const Target& target);
Status normalise_windows(Graph& graph, const Target& target);
Status normalise_padding(Graph& graph, const Target& target);
Status normalise_operators(Graph& graph, const Target& target);

// Shared by fold_constants and simplify: the op on constants as one constant, or -1 if it is left as it is.
Expected<ValueId> try_fold(Rewriter& r, const Op& op);
// A constant that is the same in all its elements: that element.
bool uniform_constant(const Rewriter& r, ValueId now, double& value);

}  // namespace systole::transform
