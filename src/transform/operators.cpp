// What is left for the lowered form: reduced dimensions adjacent, gather along axis 0, select's condition of full
// shape, iota as a broadcast constant.
#include "tensor/element.h"
#include "transform/layout.h"
#include "transform/passes.h"

namespace systole::transform {
namespace {

bool adjacent(const Dims& sorted) {
  return sorted.empty() || sorted.back() - sorted.front() + 1 == static_cast<std::int64_t>(sorted.size());
}

// Dimensions of size 1 are left out first; if the reduced ones still do not stand together they go to the end.
ValueId reduce(Rewriter& r, const Op& op) {
  const auto& a = op.get<graph::ReduceAttr>();
  const ValueId x = r[op.operands[0]], init = r[op.operands[1]];
  Dims sorted = a.dimensions;
  std::sort(sorted.begin(), sorted.end());
  const Shape shape = r.shape(x);
  if (sorted.empty()) {  // x op init, kept as a reduction of one element
    Shape longer = shape;
    longer.push_back(1);
    return r.emit(op.kind, {r.reshape(x, longer), init},
                  graph::ReduceAttr{a.reduction, {static_cast<std::int64_t>(shape.size())}});
  }
  if (adjacent(sorted)) return r.emit(op.kind, {x, init}, graph::ReduceAttr{a.reduction, sorted});
  Dims kept, gone;
  Shape squeezed;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const bool reduced = std::find(sorted.begin(), sorted.end(), static_cast<std::int64_t>(d)) != sorted.end();
    if (shape[d] == 1 && !(reduced && gone.empty())) continue;
    (reduced ? gone : kept).push_back(static_cast<std::int64_t>(squeezed.size()));
    squeezed.push_back(shape[d]);
  }
  ValueId y = r.reshape(x, squeezed);
  if (!adjacent(gone)) {
    kept.insert(kept.end(), gone.begin(), gone.end());
    y = r.transpose(y, kept);
    const auto end = static_cast<std::int64_t>(kept.size()), count = static_cast<std::int64_t>(gone.size());
    for (std::int64_t i = 0; i < count; ++i) gone[static_cast<std::size_t>(i)] = end - count + i;
  }
  return r.reshape(r.emit(op.kind, {y, init}, graph::ReduceAttr{a.reduction, gone}), r.from().type(op.result).shape);
}

ValueId gather(Rewriter& r, const Op& op) {
  const std::int64_t axis = op.get<graph::GatherAttr>().axis;
  const ValueId table = r[op.operands[0]], indices = r[op.operands[1]];
  const auto rank = r.shape(table).size(), taken = r.shape(indices).size();
  Dims front = {axis};
  for (const std::int64_t d : identity(rank)) {
    if (d != axis) front.push_back(d);
  }
  const ValueId y = r.emit(op.kind, {r.transpose(table, front), indices}, graph::GatherAttr{0});
  Dims back;
  const auto moved = static_cast<std::int64_t>(taken);
  for (std::int64_t d = 0; d < axis; ++d) back.push_back(moved + d);
  for (std::int64_t d = 0; d < moved; ++d) back.push_back(d);
  for (std::int64_t d = moved + axis; d < moved + static_cast<std::int64_t>(rank) - 1; ++d) back.push_back(d);
  return r.transpose(y, back);
}

ValueId iota(Rewriter& r, const Op& op) {
  const TensorType& type = r.from().type(op.result);
  const std::int64_t d = op.get<graph::IotaAttr>().dimension;
  Tensor ascending(type.type, {type.shape[static_cast<std::size_t>(d)]});
  for (std::int64_t i = 0; i < ascending.count(); ++i)
    store_from_i64(type.type, ascending.mutable_raw() + i * dtype_bytes(type.type), i);
  return r.broadcast(r.constant(std::move(ascending)), {d}, type.shape);
}

}  // namespace

Status normalise_operators(Graph& graph, const Target&) {
  return rewrite(graph, [](Rewriter& r, const Op& op) -> Expected<ValueId> {
    if (op.kind == OpKind::kIota) return iota(r, op);
    if (op.kind == OpKind::kReduce) return reduce(r, op);
    if (op.kind == OpKind::kGather && op.get<graph::GatherAttr>().axis != 0) return gather(r, op);
    if (op.kind == OpKind::kSelect && r.shape(r[op.operands[0]]) != r.shape(r[op.operands[1]])) {
      const std::vector<ValueId> x = r.mapped(op.operands);
      return r.emit(op.kind, {r.broadcast(x[0], {}, r.shape(x[1])), x[1], x[2]});
    }
    return r.copy(op);
  });
}

}  // namespace systole::transform
