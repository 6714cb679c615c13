// Scale and shift after a contraction with constant weights (batch normalisation) go into the weights and one bias:
//   (x . W) * s = x . (W * s)      (x . W + b) * s = (x . W) * s + b * s      (x . W + b) + c = x . W + (b + c)
// s, b, c: constants per output feature. What stands in front of the contraction: fold_input_scale.cpp. Computed in
// double, rounded once to fp32. This is the only pass that changes floating-point values.
#include "transform/passes.h"
#include "transform/scale.h"

namespace systole::transform {
namespace {

constexpr int kRounds = 6;

// `id` as a vector over dimension `feature` of its shape: it must be a constant, or a broadcast of one, that varies
// along this dimension only.
bool per_feature(const ScaleContext& c, ValueId id, std::int64_t feature, std::vector<double>& out) {
  const Op* op = c.op(id);
  Dims dims;
  if (op != nullptr && op->kind == OpKind::kBroadcastInDim) {
    dims = op->get<graph::BroadcastAttr>().dimensions;
    id = op->operands[0];
  } else {
    dims = identity(c.graph.type(id).shape.size());
  }
  const Shape& result = c.graph.type(op != nullptr ? op->result : id).shape;
  const Tensor* value = c.constant(id);
  if (value == nullptr || value->type() != DType::kF32) return false;
  const std::int64_t n = result[static_cast<std::size_t>(feature)];
  bool varies = false;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (value->shape()[i] == 1) continue;
    if (dims[i] != feature) return false;
    varies = true;
  }
  if (varies && value->count() != n) return false;
  out.clear();
  for (std::int64_t i = 0; i < n; ++i) out.push_back(static_cast<double>(value->data<float>()[varies ? i : 0]));
  return true;
}

// x, y, z of `x op constant` where either side may be the constant of a commutative op; false if it is none.
bool split(const ScaleContext& c, const Op& op, std::int64_t feature, ValueId& x, std::vector<double>& constant) {
  x = op.operands[0];
  if (per_feature(c, op.operands[1], feature, constant)) return true;
  const bool commutes = op.kind == OpKind::kAdd || op.kind == OpKind::kMultiply;
  x = op.operands[1];
  return commutes && per_feature(c, op.operands[0], feature, constant);
}

std::vector<double> as_scale(OpKind kind, std::vector<double> c) {
  for (double& x : c) x = kind == OpKind::kDivide ? 1 / x : x;
  return c;
}
std::vector<double> as_shift(OpKind kind, std::vector<double> c) {
  for (double& x : c) x = kind == OpKind::kSubtract ? -x : x;
  return c;
}

// The op rewritten, or -1. The outer op's other operand is looked for with the feature dimension of the contraction
// below.
ValueId fold_into(Rewriter& r, const ScaleContext& c, const Op& op) {
  if (!is_shift(op.kind) && !is_scale(op.kind)) return fold_input(r, c, op);
  for (const ValueId x : op.operands) {
    ValueId inner = -1;
    std::vector<double> outer_constant;
    if (const Contraction below = contraction_of(c, x); below.op != nullptr) {
      if (!is_scale(op.kind) || !c.single_use(x) || !split(c, op, below.feature, inner, outer_constant) || inner != x)
        continue;
      outer_constant = as_scale(op.kind, outer_constant);
      if (!all_finite(outer_constant)) continue;
      return scale_contraction(r, c, below, outer_constant);
    }
    const Op* shift = c.op(x);
    if (shift == nullptr || !is_shift(shift->kind) || !c.single_use(x)) continue;
    for (const ValueId y : shift->operands) {
      const Contraction below = contraction_of(c, y);
      ValueId base = -1;
      std::vector<double> bias;
      if (below.op == nullptr || !split(c, *shift, below.feature, base, bias) || base != y) continue;
      if (!split(c, op, below.feature, inner, outer_constant) || inner != x) continue;
      bias = as_shift(shift->kind, bias);
      const std::vector<double> outer =
          is_scale(op.kind) ? as_scale(op.kind, outer_constant) : as_shift(op.kind, outer_constant);
      if (!all_finite(outer) || (is_scale(op.kind) && !c.single_use(y))) continue;
      for (std::size_t i = 0; i < bias.size(); ++i)
        bias[i] = is_scale(op.kind) ? bias[i] * outer[i] : bias[i] + outer[i];
      const ValueId product = is_scale(op.kind) ? scale_contraction(r, c, below, outer) : r[y];
      return r.emit(OpKind::kAdd, {product, feature_vector(r, bias, below.feature, r.shape(product))});
    }
  }
  return fold_input(r, c, op);
}

}  // namespace

Status fold_scale(Graph& graph, const Target& target) {
  for (int round = 0; round < kRounds; ++round) {
    const ScaleContext context(graph, target.format == DType::kF32);
    bool changed = false;
    SYSTOLE_TRY(rewrite(graph, [&](Rewriter& r, const Op& op) -> Expected<ValueId> {
      const ValueId folded = fold_into(r, context, op);
      changed = changed || folded >= 0;
      return folded >= 0 ? folded : r.copy(op);
    }));
    if (!changed) break;
  }
  return ok_status();
}

}  // namespace systole::transform
