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

// Element (r, j) of the weights as a word's part: `shift_bits` places it within word (r / group).
struct WeightPart {
  std::uint32_t bits;
  std::int64_t shift;
};
WeightPart weight_part(OperandForm form, DType type, const void* element, std::int64_t row);

}  // namespace systole
