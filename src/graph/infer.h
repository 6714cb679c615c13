// Internal: the result type of each family of operators. A failed constraint is an error "op: (Cn) what is wrong"; the
// numbers are those of docs/graph.md.
#pragma once

#include <fmt/core.h>

#include <string>

#include "graph/graph.h"

namespace systole::graph {

// What a rule needs: the op, its operands' types, the declared result type or null, and how to name the op in an error.
struct InferContext {
  const Graph& graph;
  const Op& op;
  const TensorType* declared;

  const TensorType& operand(std::size_t i) const { return graph.type(op.operands[i]); }
  std::string place() const;
  Error fail(int constraint, const std::string& message) const;
};

std::string type_text(const TensorType& type);  // "tensor<2x3xf32>"

Expected<TensorType> infer_elementwise(const InferContext& context);
Expected<TensorType> infer_movement(const InferContext& context);
Expected<TensorType> infer_reduction(const InferContext& context);
Expected<TensorType> infer_dot(const InferContext& context);
Expected<TensorType> infer_convolution(const InferContext& context);

// The element type of a contraction's result.
Expected<DType> contraction_type(const InferContext& context, int constraint);

// (size - 1) * dilation + 1, or 0 for an empty dimension.
constexpr std::int64_t dilated_size(std::int64_t size, std::int64_t dilation) {
  return size == 0 ? 0 : (size - 1) * dilation + 1;
}
// Window positions along a padded dimension.
constexpr std::int64_t window_count(std::int64_t padded, std::int64_t window, std::int64_t stride) {
  return padded < window || padded <= 0 ? 0 : (padded - window) / stride + 1;
}

// Attribute values beyond this are refused, so that no product of two of them overflows.
constexpr std::int64_t kMaxAttribute = std::int64_t{1} << 30;

}  // namespace systole::graph
