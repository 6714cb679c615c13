// Internal: copying a box of elements between two strided layouts, which every data movement operator is.
#pragma once

#include "tensor/tensor.h"

namespace systole::graph {

// For every index i of `shape`: element (i . to_stride) of `to` = element (i . from_stride) of `from`. Strides are in
// elements and may be zero (from) or negative. The destinations must be distinct.
void strided_copy(std::uint8_t* to, const Shape& to_stride, const std::uint8_t* from, const Shape& from_stride,
                  const Shape& shape, std::int64_t element_bytes);

// result dimension i = operand dimension permutation[i]
Tensor transposed(const Tensor& x, const std::vector<std::int64_t>& permutation);

// All elements equal to the one at `element`.
void fill(std::uint8_t* to, std::int64_t count, const std::uint8_t* element, std::int64_t element_bytes);

}  // namespace systole::graph
