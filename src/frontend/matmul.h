// Matrix products shared by MatMul, Gemm and the integer forms.
#pragma once

#include "frontend/node.h"

namespace systole::frontend {

// NumPy's matmul for every rank >= 1, with a result of type `result`.
Val matmul(const Node& n, Val a, Val b, DType result);

// Conv's product and geometry with a result of type `result` (ops_convolution.cpp).
Val convolve(Node& n, const Val& x, const Val& w, DType result);

}  // namespace systole::frontend
