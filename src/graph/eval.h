// Internal: how one operator is computed. One file per family of operators; what depends on the arithmetic is templated
// on DoubleArithmetic or ChipRun, what only moves elements is not.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "graph/interpreter.h"

namespace systole::graph {

// Values are stored as kF64 (floats, fixed point) or as declared (integers, pred).
struct DoubleArithmetic {
  static DType stored(DType type) { return is_real(type) ? DType::kF64 : type; }
};

// Values are stored as declared.
struct ChipRun {
  ChipArithmetic chip;
  static DType stored(DType type) { return type; }
};

// An op with its operands' values and the stored type of its result.
struct Step {
  const Graph& graph;
  const Op& op;
  std::vector<const Tensor*> operands;
  TensorType result;

  const Tensor& operand(std::size_t i) const { return *operands[i]; }
  const TensorType& declared() const { return graph.type(op.result); }
  const TensorType& declared_operand(std::size_t i) const { return graph.type(op.operands[i]); }
};

Tensor eval_movement(const Step& step);
Tensor eval_iota(const Step& step);

Tensor eval_elementwise(const Step& step, const DoubleArithmetic& arithmetic);
Expected<Tensor> eval_elementwise(const Step& step, const ChipRun& arithmetic);
template <typename Arithmetic>
Tensor eval_reduce(const Step& step, const Arithmetic& arithmetic);
template <typename Arithmetic>
Tensor eval_reduce_window(const Step& step, const Arithmetic& arithmetic);
template <typename Arithmetic>
Expected<Tensor> eval_dot(const Step& step, const Arithmetic& arithmetic);
template <typename Arithmetic>
Expected<Tensor> eval_convolution(const Step& step, const Arithmetic& arithmetic);

}  // namespace systole::graph
