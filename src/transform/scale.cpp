#include "transform/scale.h"

#include <cmath>

namespace systole::transform {
namespace {

Tensor scaled_weights(const Tensor& weights, std::int64_t feature, const std::vector<double>& scale) {
  return Tensor::computed(DType::kF32, weights.shape(), [=] {
    Tensor result(DType::kF32, weights.shape());
    float* out = result.mutable_data<float>();
    const float* in = weights.data<float>();
    const std::int64_t inner = row_major_strides(weights.shape())[static_cast<std::size_t>(feature)];
    const auto n = static_cast<std::int64_t>(scale.size());
    for (std::int64_t i = 0, f = 0; i < weights.count(); i += inner, f = (f + 1) % n) {
      for (std::int64_t j = i; j < i + inner; ++j) {
        out[j] = static_cast<float>(static_cast<double>(in[j]) * scale[static_cast<std::size_t>(f)]);
      }
    }
    return result;
  });
}

}  // namespace

ScaleContext::ScaleContext(const Graph& of, bool exact)
    : graph(of),
      exact_operands(exact),
      definition(of.defining_op()),
      uses(of.use_count()),
      only_contracted(of.values.size(), true) {
  for (const ValueId id : graph.outputs) only_contracted[static_cast<std::size_t>(id)] = false;
  for (const Op& op : graph.ops) {
    const bool contraction = contraction_of(*this, op.result).op != nullptr;
    for (std::size_t i = contraction ? 1 : 0; i < op.operands.size(); ++i)
      only_contracted[static_cast<std::size_t>(op.operands[i])] = false;
  }
}

Contraction contraction_of(const ScaleContext& c, ValueId id) {
  const Op* op = c.op(id);
  if (op == nullptr || c.graph.type(id).type != DType::kF32) return {};
  if (op->kind != OpKind::kConvolution && op->kind != OpKind::kDotGeneral) return {};
  const Tensor* weights = c.constant(op->operands[1]);
  if (weights == nullptr || weights->type() != DType::kF32) return {};
  if (op->kind == OpKind::kConvolution) {
    const auto& a = op->get<graph::ConvAttr>();
    return {op, a.out_feature, a.rhs_output};
  }
  const auto& a = op->get<graph::DotAttr>();
  if (!a.rhs_batch.empty() || weights->rank() != 1 + static_cast<std::int64_t>(a.rhs_contract.size())) return {};
  std::int64_t free = 0;
  while (std::find(a.rhs_contract.begin(), a.rhs_contract.end(), free) != a.rhs_contract.end()) ++free;
  return {op, static_cast<std::int64_t>(c.graph.type(id).shape.size()) - 1, free};
}

ValueId feature_vector(Rewriter& r, const std::vector<double>& values, std::int64_t feature, const Shape& shape) {
  Tensor t(DType::kF32, {static_cast<std::int64_t>(values.size())});
  for (std::size_t i = 0; i < values.size(); ++i) t.mutable_data<float>()[i] = static_cast<float>(values[i]);
  return r.broadcast(r.constant(std::move(t)), {feature}, shape);
}

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

ValueId scale_contraction(Rewriter& r, const ScaleContext& c, const Contraction& to, const std::vector<double>& scale) {
  const ValueId weights = r.constant(scaled_weights(to.weights(c), to.weight_feature, scale));
  return r.contract(to.op->kind, r[to.op->operands[0]], weights, to.op->attr, DType::kF32);
}

}  // namespace systole::transform
