// Inside the room: operands in the form that a kernel reads (tile_kernels.h).
#pragma once

#include <cstdint>

#include "numeric/matmul.h"
#include "numeric/tile_kernels.h"

namespace systole {

// Elements in one 32-bit word.
std::int64_t group_size(OperandForm form);

// The forms in which a format's products are exact, fastest first.
std::vector<OperandForm> exact_forms(const TileFormat& format);

// kI8x4 wants unsigned activations and signed weights: the activation it sees is a + activation_offset, the weight
// w - weight_offset.
std::uint32_t activation_offset(OperandForm form, DType activation);
std::uint32_t weight_offset(OperandForm form, DType weight);

// One row of k elements as ceil(k / group) words. A bf16 pair's missing half is -0 (times a weight of +0: adds nothing).
void pack_activations(OperandForm form, DType type, const void* row, std::int64_t k, std::uint32_t* words);

// Puts `count` (at most kBlockColumns) elements of the weights' row `row` into their words, which start as 0; the words of
// one group take the rows of the group one after the other.
void pack_weights(OperandForm form, DType type, const void* elements, std::int64_t count, std::int64_t row,
                  std::uint32_t* words);

}  // namespace systole
