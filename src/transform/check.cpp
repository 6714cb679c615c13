// check_lowered: every rule of the lowered form (lower.h), by number.
#include <fmt/core.h>

#include "transform/passes.h"

namespace systole::transform {
namespace {

struct Check {
  const Graph& graph;
  std::vector<int> definition;

  const Shape& shape(ValueId id) const { return graph.type(id).shape; }
  DType type(ValueId id) const { return graph.type(id).type; }
  bool is_constant(ValueId id) const {
    const int i = definition[static_cast<std::size_t>(id)];
    return i >= 0 && graph.ops[static_cast<std::size_t>(i)].kind == OpKind::kConstant;
  }
};

Error fail(const Op& op, int rule, const std::string& message) {
  return {ErrorCode::kInternal, place(op), fmt::format("not in lowered form (rule {}): {}", rule, message), ""};
}

bool lowered(DType type) {
  switch (type) {
    case DType::kI4:
    case DType::kI64:
    case DType::kU16:
    case DType::kU32:
    case DType::kU64:
    case DType::kF64:
      return false;
    default:
      return true;
  }
}

bool result_of_contraction(const Check& c, const Op& op) {
  const DType type = c.type(op.result), lhs = c.type(op.operands[0]);
  return type == (is_integer(lhs) ? DType::kI32 : is_fixed(lhs) ? lhs : DType::kF32);
}

Status check_convolution(const Check& c, const Op& op) {
  const auto& a = op.get<graph::ConvAttr>();
  const Dims activations = {1, 2}, weights = {0, 1}, one = {1, 1};
  if (a.lhs_batch != 0 || a.lhs_feature != 3 || a.lhs_spatial != activations)
    return fail(op, 2, "lhs is not [b,0,1,f]");
  if (a.out_batch != 0 || a.out_feature != 3 || a.out_spatial != activations)
    return fail(op, 2, "the result is not [b,0,1,f]");
  if (a.rhs_input != 2 || a.rhs_output != 3 || a.rhs_spatial != weights) return fail(op, 2, "rhs is not [0,1,i,o]");
  if (a.lhs_dilation != one) return fail(op, 2, "lhs_dilation is not 1");
  for (const Dims* pad : {&a.pad_low, &a.pad_high}) {
    if (std::any_of(pad->begin(), pad->end(), [](std::int64_t p) { return p < 0; }))
      return fail(op, 6, "a pad is negative");
  }
  if (!result_of_contraction(c, op)) return fail(op, 2, "the result's element type is not the accumulator's");
  return ok_status();
}

Status check_dot(const Check& c, const Op& op) {
  const auto& a = op.get<graph::DotAttr>();
  const std::int64_t b = a.lhs_batch.empty() ? 0 : 1;
  const Dims batch(static_cast<std::size_t>(b), 0);
  const auto rank = static_cast<std::size_t>(2 + b);
  if (a.lhs_batch != batch || a.rhs_batch != batch)
    return fail(op, 3, "more than one batch dimension, or not in front");
  if (c.shape(op.operands[0]).size() != rank || c.shape(op.operands[1]).size() != rank)
    return fail(op, 3, "an operand is not a matrix");
  if (a.lhs_contract != Dims{b + 1}) return fail(op, 3, "lhs is not [M,K]");
  if (a.rhs_contract != Dims{b} && a.rhs_contract != Dims{b + 1}) return fail(op, 3, "rhs is not [K,N] or [N,K]");
  if (!result_of_contraction(c, op)) return fail(op, 3, "the result's element type is not the accumulator's");
  return ok_status();
}

Status check_window(const Check& c, const Op& op) {
  const auto& a = op.get<graph::ReduceWindowAttr>();
  if (c.shape(op.operands[0]).size() != 4) return fail(op, 5, "the operand is not of rank 4");
  for (const std::size_t d : {0u, 3u}) {
    if (a.window[d] != 1 || a.stride[d] != 1 || a.pad_low[d] != 0 || a.pad_high[d] != 0) {
      return fail(op, 5, fmt::format("the window spans dimension {}", d));
    }
  }
  for (std::size_t d = 0; d < 4; ++d) {
    if (a.base_dilation[d] != 1) return fail(op, 5, "base dilation is not 1");
    if (a.pad_low[d] < 0 || a.pad_high[d] < 0) return fail(op, 6, "a pad is negative");
  }
  return ok_status();
}

Status check_movement(const Check& c, const Op& op) {
  if (op.kind == OpKind::kIota || op.kind == OpKind::kDynamicSlice || op.kind == OpKind::kDynamicUpdateSlice)
    return fail(op, 6, "the chip's units have no such operator");
  if (op.kind == OpKind::kGather && op.get<graph::GatherAttr>().axis != 0) return fail(op, 6, "the axis is not 0");
  if (op.kind == OpKind::kReduce) {
    Dims dims = op.get<graph::ReduceAttr>().dimensions;
    std::sort(dims.begin(), dims.end());
    if (dims.empty() || dims.back() - dims.front() + 1 != static_cast<std::int64_t>(dims.size())) {
      return fail(op, 5, "the reduced dimensions are not adjacent");
    }
  }
  if (op.kind == OpKind::kPad) {
    const auto& a = op.get<graph::PadAttr>();
    for (const Dims* pad : {&a.low, &a.high}) {
      if (std::any_of(pad->begin(), pad->end(), [](std::int64_t p) { return p < 0; }))
        return fail(op, 6, "a pad is negative");
    }
    if (!is_zero(a.interior)) return fail(op, 6, "interior padding");
  }
  if (graph::is_elementwise(op.kind)) {
    for (std::size_t i = 0; i < op.operands.size(); ++i) {
      const Shape& shape = c.shape(op.operands[i]);
      const bool bound = op.kind == OpKind::kClamp && i != 1 && shape.empty();
      if (shape != c.shape(op.result) && !bound) return fail(op, 7, "an operand has not the result's shape");
    }
  }
  return ok_status();
}

Status check_folded(const Check& c, const Op& op) {
  if (op.kind == OpKind::kConstant || op.kind == OpKind::kBroadcastInDim)
    return ok_status();
  for (const ValueId id : op.operands) {
    if (!c.is_constant(id)) return ok_status();
  }
  return fail(op, 4, "all operands are constants");
}

}  // namespace

Status check_lowered(const Graph& graph) {
  const Check c{graph, graph.defining_op()};
  const std::vector<int> uses = graph.use_count();
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const DType type = c.type(graph.inputs[i]);
    if (!lowered(type)) {
      return Error{ErrorCode::kInternal, fmt::format("input '{}'", graph.input_names[i]),
                   fmt::format("not in lowered form (rule 1): element type {}", dtype_name(type)), ""};
    }
  }
  for (const Op& op : graph.ops) {
    if (!lowered(c.type(op.result))) return fail(op, 1, fmt::format("element type {}", dtype_name(c.type(op.result))));
    if (uses[static_cast<std::size_t>(op.result)] == 0) return fail(op, 4, "nothing uses the result");
    SYSTOLE_TRY(check_folded(c, op));
    SYSTOLE_TRY(check_movement(c, op));
    if (op.kind == OpKind::kConvolution) SYSTOLE_TRY(check_convolution(c, op));
    if (op.kind == OpKind::kDotGeneral) SYSTOLE_TRY(check_dot(c, op));
    if (op.kind == OpKind::kReduceWindow) SYSTOLE_TRY(check_window(c, op));
  }
  return ok_status();
}

}  // namespace systole::transform
