// Constant folding: an op all of whose operands are constants becomes a constant.
//
// The value is chip independent: the op in double precision, rounded once to the result's type. Movement (transpose,
// slice,
// ...) is folded wherever a pass emits it. What would grow stays: iota and broadcasts, except where an op needs them
// and the result is small; elementwise ops pass through a broadcast, so that they are computed on what is broadcast.
#include <fmt/core.h>

#include "graph/interpreter.h"
#include "tensor/element.h"
#include "transform/passes.h"

namespace systole::transform {
namespace {

constexpr std::int64_t kSmallBytes = 64 << 10;

const Op* broadcast_of_constant(const Rewriter& r, ValueId id) {
  const Op* op = r.definition(id);
  return op != nullptr && op->kind == OpKind::kBroadcastInDim && r.constant(op->operands[0]) != nullptr ? op : nullptr;
}

// What folding would have to hold of this operand; -1: it is not constant.
std::int64_t constant_bytes(const Rewriter& r, ValueId id) {
  if (const Tensor* value = r.constant(id)) return value->bytes();
  const Op* op = r.definition(id);
  if (op != nullptr && op->kind == OpKind::kIota) return 0;
  if (const Op* broadcast = broadcast_of_constant(r, id)) return r.constant(broadcast->operands[0])->bytes();
  return -1;
}

// Evaluates one op on constants: a graph of its own for the interpreter.
Expected<Tensor> evaluate(const Rewriter& r, const Op& op, const std::vector<ValueId>& operands) {
  Graph g;
  std::vector<Tensor> values;
  std::vector<ValueId> ids;
  for (const ValueId id : operands) {
    if (const Tensor* value = r.constant(id)) {
      ids.push_back(g.add_input(r.type(id), fmt::format("x{}", values.size())));
      values.push_back(*value);
      continue;
    }
    const Op* def = r.definition(id);
    if (def->kind == OpKind::kIota) {
      ids.push_back(g.add_typed(OpKind::kIota, {}, r.type(id), def->attr));
      continue;
    }
    const Tensor& inner = *r.constant(def->operands[0]);
    const ValueId x = g.add_input({inner.type(), inner.shape()}, fmt::format("x{}", values.size()));
    values.push_back(inner);
    ids.push_back(g.add_typed(OpKind::kBroadcastInDim, {x}, r.type(id), def->attr));
  }
  const TensorType& type = r.from().type(op.result);
  g.add_output(g.add_typed(op.kind, ids, type, op.attr), "y");
  SYSTOLE_ASSIGN(std::vector<Tensor> results, graph::interpret_double(g, values));
  return results.front().converted(type.type);
}

// f(broadcast(a), broadcast(b), constant scalars...) with the same dimensions, f elementwise: broadcast(f(a, b, ...)).
Expected<ValueId> fold_under_broadcast(Rewriter& r, const Op& op, const std::vector<ValueId>& operands) {
  Dims dims;
  Shape inner;
  for (const ValueId id : operands) {
    const Op* b = broadcast_of_constant(r, id);
    if (b == nullptr || r.shape(b->operands[0]).empty()) continue;
    if (!inner.empty() && (dims != b->get<graph::BroadcastAttr>().dimensions || inner != r.shape(b->operands[0])))
      return ValueId{-1};
    dims = b->get<graph::BroadcastAttr>().dimensions;
    inner = r.shape(b->operands[0]);
  }
  const TensorType& full = r.from().type(op.result);
  Graph g;
  std::vector<Tensor> values;
  std::vector<ValueId> ids;
  for (const ValueId id : operands) {
    const Op* b = broadcast_of_constant(r, id);
    const bool scalar_bound = b == nullptr && r.shape(id).empty() && r.constant(id) != nullptr;
    if (b == nullptr && !scalar_bound) return ValueId{-1};
    const Tensor& x = *r.constant(b != nullptr ? b->operands[0] : id);
    ValueId v = g.add_input({x.type(), x.shape()}, fmt::format("x{}", values.size()));
    values.push_back(x);
    if (x.shape() != inner && !scalar_bound)
      v = g.add_typed(OpKind::kBroadcastInDim, {v}, {x.type(), inner}, graph::BroadcastAttr{});
    ids.push_back(v);
  }
  g.add_output(g.add_typed(op.kind, ids, {full.type, inner}, op.attr), "y");
  SYSTOLE_ASSIGN(std::vector<Tensor> results, graph::interpret_double(g, values));
  return r.broadcast(r.constant(results.front().converted(full.type)), dims, full.shape);
}

}  // namespace

bool uniform_constant(const Rewriter& r, ValueId now, double& value) {
  if (const Op* b = broadcast_of_constant(r, now)) now = b->operands[0];
  const Tensor* t = r.constant(now);
  if (t == nullptr || t->count() == 0) return false;
  const auto size = static_cast<std::size_t>(dtype_bytes(t->type()));
  for (std::int64_t i = 1; i < t->count(); ++i) {
    if (!std::equal(t->raw(), t->raw() + size, t->raw() + static_cast<std::size_t>(i) * size)) return false;
  }
  value = load_as_double(t->type(), t->raw());
  return true;
}

Expected<ValueId> try_fold(Rewriter& r, const Op& op) {
  if (op.operands.empty() || op.kind == OpKind::kBroadcastInDim) return ValueId{-1};
  const std::vector<ValueId> operands = r.mapped(op.operands);
  std::int64_t bytes = 0;
  bool all_constants = true;
  for (const ValueId id : operands) {
    const std::int64_t b = constant_bytes(r, id);
    if (b < 0) return ValueId{-1};
    bytes += b;
    all_constants = all_constants && r.constant(id) != nullptr;
  }
  if (all_constants && op.kind == OpKind::kPad) {
    const auto& a = op.get<graph::PadAttr>();
    if (*std::min_element(a.low.begin(), a.low.end()) >= 0 && *std::min_element(a.high.begin(), a.high.end()) >= 0) {
      return r.constant(padded(*r.constant(operands[0]), *r.constant(operands[1]), a.low, a.high, a.interior));
    }
  }
  if (graph::is_elementwise(op.kind) && !all_constants) {
    SYSTOLE_ASSIGN(const ValueId folded, fold_under_broadcast(r, op, operands));
    if (folded >= 0) return folded;
  }
  const TensorType& type = r.from().type(op.result);
  if (!all_constants && type.bytes() > std::max(bytes, kSmallBytes)) return ValueId{-1};
  if (op.kind >= OpKind::kReshape && op.kind <= OpKind::kConcatenate) {
    if (all_constants) return r.copy(op);
  }
  if (op.kind == OpKind::kConvert && all_constants) return r.copy(op);
  SYSTOLE_ASSIGN(Tensor value, evaluate(r, op, operands));
  return r.constant(std::move(value));
}

Status fold_constants(Graph& graph, const Target&) {
  return rewrite(graph, [](Rewriter& r, const Op& op) -> Expected<ValueId> {
    SYSTOLE_ASSIGN(const ValueId folded, try_fold(r, op));
    return folded >= 0 ? folded : r.copy(op);
  });
}

}  // namespace systole::transform
