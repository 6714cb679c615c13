// reduce_window -> rank 4 with the window over dimensions 1 and 2; a window over whole dimensions -> reduce.
//
// Base dilation and negative padding become pads of the operand. Windows over more than two dimensions run in turn.
// Other ranks are reshaped: [before, d1, d2, behind], with a transpose if the windowed dimensions do not stand
// together.
#include <fmt/core.h>

#include <cmath>

#include "transform/passes.h"

namespace systole::transform {
namespace {

using graph::ReduceWindowAttr;

bool acts(const ReduceWindowAttr& a, std::size_t d) {
  return a.window[d] != 1 || a.stride[d] != 1 || a.pad_low[d] != 0 || a.pad_high[d] != 0;
}

Dims acting(const ReduceWindowAttr& a) {
  Dims dims;
  for (std::size_t d = 0; d < a.window.size(); ++d) {
    if (acts(a, d)) dims.push_back(static_cast<std::int64_t>(d));
  }
  return dims;
}

ReduceWindowAttr permuted_attr(const ReduceWindowAttr& a, const Dims& order) {
  return {a.reduction,
          permuted_shape(a.window, order),
          permuted_shape(a.stride, order),
          permuted_shape(a.base_dilation, order),
          permuted_shape(a.window_dilation, order),
          permuted_shape(a.pad_low, order),
          permuted_shape(a.pad_high, order)};
}

ReduceWindowAttr no_window(graph::Reduction reduction, std::size_t rank) {
  const Dims one(rank, 1), zero(rank, 0);
  return {reduction, one, one, one, one, zero, zero};
}

void take(ReduceWindowAttr& to, std::size_t i, const ReduceWindowAttr& from, std::size_t d) {
  to.window[i] = from.window[d], to.stride[i] = from.stride[d], to.window_dilation[i] = from.window_dilation[d];
  to.pad_low[i] = from.pad_low[d], to.pad_high[i] = from.pad_high[d];
}

// One window that is the whole of each dimension it acts on: reduce. -1 if it is not so.
ValueId as_reduce(Rewriter& r, ValueId x, ValueId init, const ReduceWindowAttr& a, const Dims& dims) {
  const Shape shape = r.shape(x);
  Shape result = shape;
  for (const std::int64_t d : dims) {
    const auto i = static_cast<std::size_t>(d);
    if (a.window[i] != shape[i] || a.window_dilation[i] != 1 || a.pad_low[i] != 0 || a.pad_high[i] != 0) return -1;
    result[i] = 1;
  }
  return r.reshape(r.emit(OpKind::kReduce, {x, init}, graph::ReduceAttr{a.reduction, dims}), result);
}

// At most two dimensions act.
ValueId rank_four(Rewriter& r, ValueId x, ValueId init, const ReduceWindowAttr& a, Dims dims) {
  const Shape shape = r.shape(x);
  const std::size_t rank = shape.size();
  if (rank == 4 && !acts(a, 0) && !acts(a, 3)) return r.emit(OpKind::kReduceWindow, {x, init}, a);
  if (dims.size() == 2 && dims[1] != dims[0] + 1) {
    Dims order;
    for (const std::int64_t d : identity(rank)) {
      if (d != dims[0]) order.push_back(d);
      if (d == dims[1]) order.insert(order.end() - 1, dims[0]);
    }
    const ValueId y = rank_four(r, r.transpose(x, order), init, permuted_attr(a, order), {dims[1] - 1, dims[1]});
    return r.transpose(y, inverse(order));
  }
  const auto first = static_cast<std::size_t>(dims[0]), last = static_cast<std::size_t>(dims.back());
  Shape four = {1, 1, shape[last], 1};
  for (std::size_t d = 0; d < first; ++d) four[0] *= shape[d];
  if (first != last) four[1] = shape[first];
  for (std::size_t d = last + 1; d < rank; ++d) four[3] *= shape[d];
  ReduceWindowAttr b = no_window(a.reduction, 4);
  take(b, 2, a, last);
  if (first != last) take(b, 1, a, first);
  const ValueId y = r.emit(OpKind::kReduceWindow, {r.reshape(x, four), init}, b);
  Shape result = shape;
  result[last] = r.shape(y)[2];
  if (first != last) result[first] = r.shape(y)[1];
  return r.reshape(y, result);
}

Expected<ValueId> normal(Rewriter& r, const Op& op) {
  auto a = op.get<ReduceWindowAttr>();
  ValueId x = r[op.operands[0]];
  const ValueId init = r[op.operands[1]];
  Dims low(a.window.size(), 0), high = low, interior = low;
  for (std::size_t d = 0; d < a.window.size(); ++d) {
    low[d] = std::min<std::int64_t>(a.pad_low[d], 0), high[d] = std::min<std::int64_t>(a.pad_high[d], 0);
    interior[d] = a.base_dilation[d] - 1;
    a.pad_low[d] -= low[d], a.pad_high[d] -= high[d], a.base_dilation[d] = 1;
  }
  x = r.pad(x, init, low, high, interior);
  Dims dims = acting(a);
  if (dims.empty()) {
    ReduceWindowAttr none = no_window(a.reduction, 4);
    const Shape shape = r.shape(x);
    return r.reshape(r.emit(OpKind::kReduceWindow, {r.reshape(x, {1, element_count(shape), 1, 1}), init}, none), shape);
  }
  if (const ValueId reduced = as_reduce(r, x, init, a, dims); reduced >= 0) return reduced;
  if (dims.size() > 2) {
    double value = 0;
    const bool sum = a.reduction == graph::Reduction::kAdd;
    const bool idempotent = a.reduction != graph::Reduction::kAdd && a.reduction != graph::Reduction::kMultiply;
    const bool known = uniform_constant(r, init, value);
    if (!idempotent && !(known && value == (sum ? 0 : 1))) {
      return unsupported(place(op), fmt::format("a window over {} dimensions with this init value", dims.size()),
                         "the init of a sum must be 0, of a product 1");
    }
  }
  for (std::size_t i = 0; i < dims.size(); i += 2) {
    const Dims pair(dims.begin() + static_cast<std::ptrdiff_t>(i),
                    dims.begin() + static_cast<std::ptrdiff_t>(std::min(i + 2, dims.size())));
    ReduceWindowAttr b = no_window(a.reduction, a.window.size());
    for (const std::int64_t d : pair) take(b, static_cast<std::size_t>(d), a, static_cast<std::size_t>(d));
    x = rank_four(r, x, init, b, pair);
  }
  return x;
}

}  // namespace

Status normalise_windows(Graph& graph, const Target&) {
  return rewrite(graph, [](Rewriter& r, const Op& op) -> Expected<ValueId> {
    return op.kind == OpKind::kReduceWindow ? normal(r, op) : r.copy(op);
  });
}

}  // namespace systole::transform
