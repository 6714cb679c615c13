// How far two integers lie apart whose values depend on the data: both are followed to where they come from, constants
// added up on the way.
#include <algorithm>

#include "frontend/builder.h"
#include "tensor/element.h"

namespace systole::frontend {

using graph::OpKind;
using graph::ValueId;

namespace {

// base + offset; base -1: a constant.
struct Linear {
  ValueId base = -1;
  std::int64_t offset = 0;
};

const graph::Op* definition(const graph::Graph& g, ValueId id) {
  const auto op = std::find_if(g.ops.rbegin(), g.ops.rend(), [&](const graph::Op& o) { return o.result == id; });
  return op == g.ops.rend() ? nullptr : &*op;
}

Linear followed(const graph::Graph& g, ValueId id) {
  Linear at{id, 0};
  for (int steps = 0; steps < 100; ++steps) {
    const graph::Op* op = definition(g, at.base);
    if (op == nullptr) break;
    if (op->kind == OpKind::kConstant) {
      const Tensor& value = op->get<graph::ConstantAttr>().value;
      if (value.count() != 1 || !is_integer(value.type())) break;
      return {-1, at.offset + load_as_i64(value.type(), value.raw())};
    }
    const bool same = op->kind == OpKind::kReshape || op->kind == OpKind::kBroadcastInDim ||
                      (op->kind == OpKind::kConvert && is_integer(g.type(op->operands[0]).type));
    if (same && g.type(op->operands[0]).count() == 1) {
      at.base = op->operands[0];
    } else if (op->kind == OpKind::kAdd || op->kind == OpKind::kSubtract) {
      const Linear left = followed(g, op->operands[0]), right = followed(g, op->operands[1]);
      const bool add = op->kind == OpKind::kAdd;
      if (right.base < 0) at = {left.base, at.offset + left.offset + (add ? right.offset : -right.offset)};
      else if (add && left.base < 0) at = {right.base, at.offset + left.offset + right.offset};
      else break;
    } else {
      break;
    }
    if (at.base < 0) break;
  }
  return at;
}

}  // namespace

std::optional<std::int64_t> Builder::difference(const Val& a, const Val& b) {
  if (a.count() != 1 || b.count() != 1) return std::nullopt;
  const Linear x = followed(graph_, id(a)), y = followed(graph_, id(b));
  if (x.base != y.base) return std::nullopt;
  return x.offset - y.offset;
}

}  // namespace systole::frontend
