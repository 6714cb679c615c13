// dot_general with any dimension numbers -> [M,K] x [K,N] or [N,K], or the same with one batch dimension in front.
//
// Batch dimensions are merged, free and contracted dimensions too. A side whose dimensions already stand in one of the
// accepted orders is only reshaped. The order of several contracted dimensions is that of the left side's storage.
// A batch dimension in which the right side is broadcast becomes part of M.
#include "transform/layout.h"
#include "transform/passes.h"

namespace systole::transform {
namespace {

Dims joined(std::initializer_list<const Dims*> lists) {
  Dims result;
  for (const Dims* list : lists) result.insert(result.end(), list->begin(), list->end());
  return result;
}

Dims free_dims(std::size_t rank, const Dims& batch, const Dims& contract) {
  Dims result;
  for (const std::int64_t d : identity(rank)) {
    if (std::find(batch.begin(), batch.end(), d) == batch.end() &&
        std::find(contract.begin(), contract.end(), d) == contract.end()) {
      result.push_back(d);
    }
  }
  return result;
}

// Removes the batch dimensions when the right side is a broadcast over all of them.
void drop_broadcast_batch(Rewriter& r, ValueId& rhs, graph::DotAttr& a) {
  const Op* op = r.definition(rhs);
  if (a.rhs_batch.empty() || op == nullptr || op->kind != OpKind::kBroadcastInDim) return;
  // Batch leads the result, then lhs free: the order is kept only if all batch dimensions stand before lhs's free ones.
  const Dims dims = op->get<graph::BroadcastAttr>().dimensions;
  for (const std::int64_t d : a.rhs_batch) {
    if (std::find(dims.begin(), dims.end(), d) != dims.end()) return;
  }
  for (const std::int64_t d : free_dims(r.shape(rhs).size(), a.rhs_batch, {})) {
    if (std::find(dims.begin(), dims.end(), d) == dims.end() && r.shape(rhs)[static_cast<std::size_t>(d)] != 1) return;
  }
  const Dims rest = free_dims(r.shape(rhs).size(), a.rhs_batch, {});
  rhs = r.reshape(op->operands[0], permuted_shape(r.shape(rhs), rest));
  for (std::int64_t& d : a.rhs_contract) d = std::find(rest.begin(), rest.end(), d) - rest.begin();
  a.rhs_batch.clear(), a.lhs_batch.clear();
}

bool leads_with(const Dims& batch) { return batch == identity(batch.size()); }

// Contracted dimensions in the order in which the left side stores them, on both sides.
void sort_contracted(graph::DotAttr& a) {
  const Dims lhs = a.lhs_contract, rhs = a.rhs_contract;
  Dims order = identity(lhs.size());
  std::sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t j) {
    return lhs[static_cast<std::size_t>(i)] < lhs[static_cast<std::size_t>(j)];
  });
  a.lhs_contract = composed(lhs, order), a.rhs_contract = composed(rhs, order);
}

ValueId canonical(Rewriter& r, const Op& op) {
  auto a = op.get<graph::DotAttr>();
  const ValueId lhs = r[op.operands[0]];
  ValueId rhs = r[op.operands[1]];
  const TensorType& result = r.from().type(op.result);
  if (leads_with(a.lhs_batch)) drop_broadcast_batch(r, rhs, a);
  sort_contracted(a);
  const Shape x = r.shape(lhs), w = r.shape(rhs);
  const Dims lhs_free = free_dims(x.size(), a.lhs_batch, a.lhs_contract);
  const Dims rhs_free = free_dims(w.size(), a.rhs_batch, a.rhs_contract);
  const Dims k_first = joined({&a.rhs_batch, &a.rhs_contract, &rhs_free});
  const Dims k_last = joined({&a.rhs_batch, &rhs_free, &a.rhs_contract});
  const bool last = r.constant(rhs) == nullptr && !keeps_order(w, k_first) && !rhs_free.empty() &&
                    (keeps_order(w, k_last) || k_last.back() == static_cast<std::int64_t>(w.size()) - 1);
  const std::int64_t b = element_count(permuted_shape(x, a.lhs_batch)), m = element_count(permuted_shape(x, lhs_free));
  const std::int64_t k = element_count(permuted_shape(x, a.lhs_contract)),
                     n = element_count(permuted_shape(w, rhs_free));
  Shape left = {m, k}, right = last ? Shape{n, k} : Shape{k, n};
  const std::int64_t batched = b == 1 ? 0 : 1;
  if (batched != 0) left.insert(left.begin(), b), right.insert(right.begin(), b);
  const ValueId xs = r.reshape(r.transpose(lhs, joined({&a.lhs_batch, &lhs_free, &a.lhs_contract})), left);
  const ValueId ws = r.reshape(r.transpose(rhs, last ? k_last : k_first), right);
  graph::DotAttr attr;
  if (batched != 0) attr.lhs_batch = attr.rhs_batch = {0};
  attr.lhs_contract = {1 + batched}, attr.rhs_contract = {last ? 1 + batched : batched};
  attr.algorithm = a.algorithm;
  return r.reshape(r.contract(OpKind::kDotGeneral, xs, ws, attr, result.type), result.shape);
}

}  // namespace

Status canonicalise_dots(Graph& graph, const Target&) {
  return rewrite(graph, [](Rewriter& r, const Op& op) -> Expected<ValueId> {
    return op.kind == OpKind::kDotGeneral ? canonical(r, op) : r.copy(op);
  });
}

}  // namespace systole::transform
