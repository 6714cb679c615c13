// Data movement on constant tensors, any element size; the compile-time side of transpose, slice, pad, ... A large result
// computes its bytes when they are first read (Tensor::computed).
#pragma once

#include "tensor/tensor.h"

namespace systole::transform {

using Dims = std::vector<std::int64_t>;

Tensor permuted(const Tensor& x, const Dims& permutation);  // result dim i = x's dim permutation[i]
Tensor sliced(const Tensor& x, const Dims& start, const Dims& limit, const Dims& stride);
Tensor reversed(const Tensor& x, const Dims& dimensions);
Tensor concatenated(const std::vector<Tensor>& parts, std::int64_t dimension);
Tensor broadcasted(const Tensor& x, const Dims& dimensions, const Shape& shape);
// low, high, interior >= 0; value: one element of x's type.
Tensor padded(const Tensor& x, const Tensor& value, const Dims& low, const Dims& high, const Dims& interior);
Tensor converted(const Tensor& x, DType to);

}  // namespace systole::transform
