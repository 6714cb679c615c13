// Scale and shift after a contraction with constant weights (batch normalisation) go into the weights and one bias:
//   (x . W) * s = x . (W * s)      (x . W + b) * s = (x . W) * s + b * s      (x . W + b) + c = x . W + (b + c)
//   (x * u) . W = x . (W * u)
// s, b, c: constants per output feature; u: one constant, where contractions with constant weights are the only users. Computed in double, rounded once to fp32. This is the only pass that changes
// floating-point values.
#include <cmath>

#include "transform/passes.h"

namespace systole::transform {
namespace {

constexpr int kRounds = 6;

struct Context {
  const Graph& graph;
  std::vector<int> definition, uses;
  std::vector<bool> only_contracted;   // per value: every use is the left operand of a contraction with constant weights

  const Op* op(ValueId id) const {
    const int index = definition[static_cast<std::size_t>(id)];
    return index < 0 ? nullptr : &graph.ops[static_cast<std::size_t>(index)];
  }
  const Tensor* constant(ValueId id) const {
    const Op* o = op(id);
    return o != nullptr && o->kind == OpKind::kConstant ? &o->get<graph::ConstantAttr>().value : nullptr;
  }
  bool single_use(ValueId id) const { return uses[static_cast<std::size_t>(id)] == 1; }
};

// An fp32 contraction with constant weights; `feature`: the result's dimension of output features; `weight_feature`: theirs.
struct Contraction {
  const Op* op = nullptr;
  std::int64_t feature = 0, weight_feature = 0;
};

Contraction contraction_of(const Context& c, ValueId id) {
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

// `id` as a vector over dimension `feature` of its shape: it must be a constant, or a broadcast of one, that varies along
// this dimension only.
bool per_feature(const Context& c, ValueId id, std::int64_t feature, std::vector<double>& out) {
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
bool split(const Context& c, const Op& op, std::int64_t feature, ValueId& x, std::vector<double>& constant) {
  x = op.operands[0];
  if (per_feature(c, op.operands[1], feature, constant)) return true;
  const bool commutes = op.kind == OpKind::kAdd || op.kind == OpKind::kMultiply;
  x = op.operands[1];
  return commutes && per_feature(c, op.operands[0], feature, constant);
}

Tensor scaled_weights(const Tensor& weights, std::int64_t feature, const std::vector<double>& scale) {
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
}

ValueId feature_vector(Rewriter& r, const std::vector<double>& values, std::int64_t feature, const Shape& shape) {
  Tensor t(DType::kF32, {static_cast<std::int64_t>(values.size())});
  for (std::size_t i = 0; i < values.size(); ++i) t.mutable_data<float>()[i] = static_cast<float>(values[i]);
  return r.broadcast(r.constant(std::move(t)), {feature}, shape);
}

bool is_shift(OpKind kind) { return kind == OpKind::kAdd || kind == OpKind::kSubtract; }
bool is_scale(OpKind kind) { return kind == OpKind::kMultiply || kind == OpKind::kDivide; }

std::vector<double> as_scale(OpKind kind, std::vector<double> c) {
  for (double& x : c) x = kind == OpKind::kDivide ? 1 / x : x;
  return c;
}
std::vector<double> as_shift(OpKind kind, std::vector<double> c) {
  for (double& x : c) x = kind == OpKind::kSubtract ? -x : x;
  return c;
}

ValueId scale_contraction(Rewriter& r, const Context& c, const Contraction& to, const std::vector<double>& scale) {
  const ValueId weights = r.constant(scaled_weights(*c.constant(to.op->operands[1]), to.weight_feature, scale));
  return r.contract(to.op->kind, r[to.op->operands[0]], weights, to.op->attr, DType::kF32);
}

// x of `x * u` or `x / u` below a contraction's left operand, and the factor; -1: there is none, or others use it.
ValueId scaled_input(const Context& c, const Contraction& to, double& factor) {
  const ValueId id = to.op->operands[0];
  const Op* scale = c.op(id);
  if (scale == nullptr || !is_scale(scale->kind) || !c.only_contracted[static_cast<std::size_t>(id)]) return -1;
  for (std::size_t side = 0; side < 2; ++side) {
    if (side == 0 && scale->kind == OpKind::kDivide) continue;
    const Op* b = c.op(scale->operands[side]);
    if (b == nullptr || b->kind != OpKind::kBroadcastInDim) continue;
    const Tensor* value = c.constant(b->operands[0]);
    if (value == nullptr || value->count() != 1 || value->type() != DType::kF32) continue;
    factor = static_cast<double>(value->data<float>()[0]);
    if (scale->kind == OpKind::kDivide) factor = 1 / factor;
    return std::isfinite(factor) ? scale->operands[1 - side] : -1;
  }
  return -1;
}

ValueId fold_input_scale(Rewriter& r, const Context& c, const Op& op) {
  const Contraction to = contraction_of(c, op.result);
  double factor = 1;
  const ValueId x = to.op == nullptr ? -1 : scaled_input(c, to, factor);
  if (x < 0) return -1;
  const std::vector<double> scale(static_cast<std::size_t>(c.constant(op.operands[1])->shape()[static_cast<std::size_t>(to.weight_feature)]), factor);
  const ValueId weights = r.constant(scaled_weights(*c.constant(op.operands[1]), to.weight_feature, scale));
  return r.contract(op.kind, r[x], weights, op.attr, DType::kF32);
}

// The op rewritten, or -1. The outer op's other operand is looked for with the feature dimension of the contraction below.
ValueId fold_into(Rewriter& r, const Context& c, const Op& op) {
  if (!is_shift(op.kind) && !is_scale(op.kind)) return fold_input_scale(r, c, op);
  for (const ValueId x : op.operands) {
    ValueId inner = -1;
    std::vector<double> outer_constant;
    if (const Contraction below = contraction_of(c, x); below.op != nullptr) {
      if (!is_scale(op.kind) || !c.single_use(x) || !split(c, op, below.feature, inner, outer_constant) || inner != x) continue;
      return scale_contraction(r, c, below, as_scale(op.kind, outer_constant));
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
      const std::vector<double> outer = is_scale(op.kind) ? as_scale(op.kind, outer_constant) : as_shift(op.kind, outer_constant);
      if (is_scale(op.kind) && !c.single_use(y)) continue;
      for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = is_scale(op.kind) ? bias[i] * outer[i] : bias[i] + outer[i];
      const ValueId product = is_scale(op.kind) ? scale_contraction(r, c, below, outer) : r[y];
      return r.emit(OpKind::kAdd, {product, feature_vector(r, bias, below.feature, r.shape(product))});
    }
  }
  return -1;
}

void mark_contracted(Context& c) {
  c.only_contracted.assign(c.graph.values.size(), true);
  for (const ValueId id : c.graph.outputs) c.only_contracted[static_cast<std::size_t>(id)] = false;
  for (const Op& op : c.graph.ops) {
    const bool contraction = contraction_of(c, op.result).op != nullptr;
    for (std::size_t i = contraction ? 1 : 0; i < op.operands.size(); ++i) c.only_contracted[static_cast<std::size_t>(op.operands[i])] = false;
  }
}

}  // namespace

Status fold_scale(Graph& graph, const Target&) {
  for (int round = 0; round < kRounds; ++round) {
    Context context{graph, graph.defining_op(), graph.use_count(), {}};
    mark_contracted(context);
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
