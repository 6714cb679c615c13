// Orders of dimensions: `order` lists, per stored dimension, the dimension of the model's shape.
#pragma once

#include "transform/movement.h"

namespace systole::transform {

// result[i] = list[order[i]]
Dims composed(const Dims& list, const Dims& order);
// True if the dimensions longer than 1 stand in the model's order.
bool keeps_order(const Shape& shape, const Dims& order);
// The order that is left when these model dimensions are removed; the rest are renumbered.
Dims without(const Dims& order, const Dims& removed);
// Model dimensions that are neither batch nor contract, numbered among themselves in model order, listed in stored
// order.
Dims free_positions(const Dims& order, const Dims& batch, const Dims& contract);
// All of `rank` dimensions: those listed, in this order, each followed by the unlisted ones that come next in the
// model.
Dims following(const Dims& listed, std::size_t rank);
// A reshape of a tensor stored in `order` without moving data: `result` is the order in which the reshaped tensor is
// stored. False if some group of dimensions that the reshape merges or splits does not stand together.
bool reshaped_order(const Shape& from, const Shape& to, const Dims& order, Dims& result);

}  // namespace systole::transform
