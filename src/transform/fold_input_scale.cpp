// The pass `scale`, in front of a contraction with constant weights; u, t: one constant each:
//   (x * u) . W = x . (W * u), where such contractions are the only users
//   (x + t) . W = x . W + t * sum(W), without padding, in the format fp32 only: a narrow format rounds operands, and x
//   rounded is
//       coarser than x + t rounded where the shift cancels, as in hard-swish, layer scales and normalisation
//   (x * u) * v = x * (u * v)
#include <cmath>

#include "transform/scale.h"

namespace systole::transform {
namespace {

// x and the constant of `x op constant`, op fp32 and the constant the same everywhere; false if it is not so.
bool uniform_side(const ScaleContext& c, const Op& op, ValueId& x, double& value) {
  const bool commutes = op.kind == OpKind::kAdd || op.kind == OpKind::kMultiply;
  for (const std::size_t side : {1u, 0u}) {
    if (side == 0 && !commutes) continue;
    const Op* b = c.op(op.operands[side]);
    if (b == nullptr || b->kind != OpKind::kBroadcastInDim) continue;
    const Tensor* constant = c.constant(b->operands[0]);
    if (constant == nullptr || constant->count() != 1 || constant->type() != DType::kF32) continue;
    value = static_cast<double>(constant->data<float>()[0]);
    x = op.operands[1 - side];
    return true;
  }
  return false;
}

double as_factor(OpKind kind, double value) { return kind == OpKind::kDivide ? 1 / value : value; }

ValueId merge_scales(Rewriter& r, const ScaleContext& c, const Op& op) {
  ValueId middle = -1, x = -1;
  double outer = 0, inner = 0;
  if (c.graph.type(op.result).type != DType::kF32 || !uniform_side(c, op, middle, outer)) return -1;
  const Op* below = c.op(middle);
  if (below == nullptr || !is_scale(below->kind) || !c.single_use(middle) || !uniform_side(c, *below, x, inner))
    return -1;
  const double factor = as_factor(op.kind, outer) * as_factor(below->kind, inner);
  if (!std::isfinite(static_cast<float>(factor)) || std::abs(factor) < 1e-30) return -1;
  return r.emit(OpKind::kMultiply, {r[x], r.filled(c.graph.type(op.result), factor)});
}

bool is_padded(const Op& op) {
  if (op.kind != OpKind::kConvolution) return false;
  const auto& a = op.get<graph::ConvAttr>();
  return !is_zero(a.pad_low) || !is_zero(a.pad_high) || a.lhs_dilation != Dims(a.lhs_dilation.size(), 1);
}

// `shift` times the sum of each output feature's weights.
std::vector<double> shifted_sums(const Tensor& weights, std::int64_t feature, double shift) {
  const std::int64_t n = weights.shape()[static_cast<std::size_t>(feature)];
  const std::int64_t inner = row_major_strides(weights.shape())[static_cast<std::size_t>(feature)];
  std::vector<double> sums(static_cast<std::size_t>(n), 0);
  for (std::int64_t i = 0; i < weights.count(); ++i) {
    sums[static_cast<std::size_t>(i / inner % n)] += static_cast<double>(weights.data<float>()[i]) * shift;
  }
  return sums;
}

ValueId fold_input_affine(Rewriter& r, const ScaleContext& c, const Contraction& to) {
  const ValueId id = to.op->operands[0];
  const Op* below = c.op(id);
  ValueId x = -1;
  double value = 0;
  if (below == nullptr || (!is_scale(below->kind) && !is_shift(below->kind)) || !uniform_side(c, *below, x, value))
    return -1;
  const Tensor& weights = to.weights(c);
  if (is_scale(below->kind)) {
    const double factor = as_factor(below->kind, value);
    if (!c.only_contracted[static_cast<std::size_t>(id)] || !std::isfinite(factor)) return -1;
    const std::vector<double> scale(
        static_cast<std::size_t>(weights.shape()[static_cast<std::size_t>(to.weight_feature)]), factor);
    Contraction scaled = to;
    Op op = *to.op;
    op.operands[0] = x;
    scaled.op = &op;
    return scale_contraction(r, c, scaled, scale);
  }
  if (!c.exact_operands || !c.single_use(id) || is_padded(*to.op) || !std::isfinite(value)) return -1;
  const ValueId product = r.contract(to.op->kind, r[x], r[to.op->operands[1]], to.op->attr, DType::kF32);
  const double shift = below->kind == OpKind::kSubtract ? -value : value;
  return r.emit(OpKind::kAdd, {product, feature_vector(r, shifted_sums(weights, to.weight_feature, shift), to.feature,
                                                       r.shape(product))});
}

}  // namespace

ValueId fold_input(Rewriter& r, const ScaleContext& c, const Op& op) {
  if (is_scale(op.kind)) return merge_scales(r, c, op);
  const Contraction to = contraction_of(c, op.result);
  return to.op == nullptr ? -1 : fold_input_affine(r, c, to);
}

}  // namespace systole::transform
