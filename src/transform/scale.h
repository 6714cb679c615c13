// Internal to the pass `scale`: a graph with its definitions and uses, and its contractions with constant weights.
#pragma once

#include "transform/rewriter.h"

namespace systole::transform {

struct ScaleContext {
  ScaleContext(const Graph& of, bool exact);

  const Graph& graph;
  const bool exact_operands;  // contractions take fp32 operands as they are
  std::vector<int> definition, uses;
  std::vector<bool> only_contracted;  // per value: every use is the left operand of a contraction with constant weights

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

// An fp32 contraction with constant weights; `feature`: the result's dimension of output features; `weight_feature`:
// theirs.
struct Contraction {
  const Op* op = nullptr;
  std::int64_t feature = 0, weight_feature = 0;
  const Tensor& weights(const ScaleContext& c) const { return *c.constant(op->operands[1]); }
};
Contraction contraction_of(const ScaleContext& c, ValueId id);  // op is null if it is none

constexpr bool is_shift(OpKind kind) { return kind == OpKind::kAdd || kind == OpKind::kSubtract; }
constexpr bool is_scale(OpKind kind) { return kind == OpKind::kMultiply || kind == OpKind::kDivide; }

// The contraction with each output feature's weights times its scale.
ValueId scale_contraction(Rewriter& r, const ScaleContext& c, const Contraction& to, const std::vector<double>& scale);
// A vector along dimension `feature`, broadcast.
ValueId feature_vector(Rewriter& r, const std::vector<double>& values, std::int64_t feature, const Shape& shape);
bool all_finite(const std::vector<double>& values);

// What stands in front of a contraction, and two scales in a row; the op rewritten, or -1.
ValueId fold_input(Rewriter& r, const ScaleContext& c, const Op& op);

}  // namespace systole::transform
