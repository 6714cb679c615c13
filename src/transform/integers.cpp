// Contractions of integers that the matrix unit does not multiply -> products and sums on the vector unit, in int32.
//
// dot_general: both operands broadcast to [B,M,N,K], multiplied, reduced over K. convolution: its windows side by side
// as [groups, positions, taps x channels], then the same. Where one operand is wider than the other (i16 x i8), the matrix
// unit takes both as i16 if it multiplies that.
#include <fmt/core.h>

#include "transform/passes.h"

namespace systole::transform {
namespace {

bool is_byte(DType type) { return type == DType::kI8 || type == DType::kU8; }

// What the matrix unit takes both operands as; kI32: it does not multiply them. Bytes of either sign mix.
DType operand_type(DType a, DType b, const Target& target) {
  if (is_byte(a) && is_byte(b) && target.multiplies_i8) return DType::kI8;
  const auto fits = [](DType t) { return is_byte(t) || t == DType::kI16; };
  return fits(a) && fits(b) && target.multiplies_i16 ? DType::kI16 : DType::kI32;
}

// lhs [B,M,K] x rhs [B,N,K] -> [B,M,N]
ValueId multiply_reduce(Rewriter& r, ValueId lhs, ValueId rhs) {
  const Shape x = r.shape(lhs), w = r.shape(rhs);
  const Shape all = {x[0], x[1], w[1], x[2]};
  const ValueId a = r.broadcast(r.convert(lhs, DType::kI32), {0, 1, 3}, all);
  const ValueId b = r.broadcast(r.convert(rhs, DType::kI32), {0, 2, 3}, all);
  return r.emit(OpKind::kReduce, {r.emit(OpKind::kMultiply, {a, b}), r.scalar(DType::kI32, 0)},
                graph::ReduceAttr{graph::Reduction::kAdd, {3}});
}

ValueId dot(Rewriter& r, const Op& op) {
  const auto& a = op.get<graph::DotAttr>();
  const auto batched = [&](ValueId x) {
    Shape shape = r.shape(x);
    if (shape.size() == 2) shape.insert(shape.begin(), 1);
    return r.reshape(x, shape);
  };
  const ValueId lhs = batched(r[op.operands[0]]);
  ValueId rhs = batched(r[op.operands[1]]);
  const bool k_last = a.rhs_contract[0] + 1 == static_cast<std::int64_t>(r.from().type(op.operands[1]).shape.size());
  if (!k_last) rhs = r.transpose(rhs, {0, 2, 1});
  return r.reshape(multiply_reduce(r, lhs, rhs), r.from().type(op.result).shape);
}

// The windows of x [n,h,w,c] as [groups, n x oh x ow, taps x c / groups].
ValueId windows(Rewriter& r, ValueId x, const graph::ConvAttr& a, const Shape& kernel, const Shape& out) {
  x = r.pad(x, r.scalar(r.type(x).type, 0), {0, a.pad_low[0], a.pad_low[1], 0}, {0, a.pad_high[0], a.pad_high[1], 0},
            {0, 0, 0, 0});
  const std::int64_t c = r.shape(x)[3];
  std::vector<ValueId> parts;
  for (std::int64_t kh = 0; kh < kernel[0]; ++kh) {
    for (std::int64_t kw = 0; kw < kernel[1]; ++kw) {
      const std::int64_t h = kh * a.rhs_dilation[0], w = kw * a.rhs_dilation[1];
      const Dims limit = {out[0], h + (out[1] - 1) * a.stride[0] + 1, w + (out[2] - 1) * a.stride[1] + 1, c};
      const ValueId tap = r.slice(x, {0, h, w, 0}, limit, {1, a.stride[0], a.stride[1], 1});
      parts.push_back(r.reshape(tap, {out[0] * out[1] * out[2], a.feature_groups, 1, c / a.feature_groups}));
    }
  }
  const ValueId all = r.transpose(r.concatenate(parts, 2), {1, 0, 2, 3});
  const Shape shape = r.shape(all);
  return r.reshape(all, {shape[0], shape[1], shape[2] * shape[3]});
}

ValueId convolution(Rewriter& r, const Op& op) {
  const auto& a = op.get<graph::ConvAttr>();
  const ValueId w = r[op.operands[1]];
  const Shape kernel = r.shape(w), out = r.from().type(op.result).shape;
  if (element_count(out) == 0) return r.filled(r.from().type(op.result), 0);
  const std::int64_t g = a.feature_groups, o = kernel[3] / g, k = kernel[0] * kernel[1] * kernel[2];
  const ValueId weights = r.transpose(r.reshape(w, {k, g, o}), {1, 2, 0});
  const ValueId sums = multiply_reduce(r, windows(r, r[op.operands[0]], a, kernel, out), weights);
  return r.reshape(r.transpose(sums, {1, 0, 2}), out);
}

}  // namespace

Status place_integers(Graph& graph, const Target& target) {
  return rewrite(graph, [&](Rewriter& r, const Op& op) -> Expected<ValueId> {
    const bool contraction = op.kind == OpKind::kDotGeneral || op.kind == OpKind::kConvolution;
    if (!contraction || !is_integer(r.from().type(op.result).type)) return r.copy(op);
    const ValueId lhs = r[op.operands[0]], rhs = r[op.operands[1]];
    const DType result = r.from().type(op.result).type, type = operand_type(r.type(lhs).type, r.type(rhs).type, target);
    if (type == DType::kI8) return r.copy(op);
    if (type == DType::kI16) return r.contract(op.kind, r.convert(lhs, type), r.convert(rhs, type), op.attr, result);
    if (target.vector_lanes == 0) {
      return unsupported(place(op), fmt::format("the matrix unit does not multiply {} by {}, and the chip has no vector unit",
                                                dtype_name(r.type(lhs).type), dtype_name(r.type(rhs).type)));
    }
    return r.convert(op.kind == OpKind::kDotGeneral ? dot(r, op) : convolution(r, op), result);
  });
}

}  // namespace systole::transform
