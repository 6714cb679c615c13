// Negative padding -> slice; interior padding -> pad of a new dimension behind each element; two dimensions at a time; both for pad and
// convolution.
#include "transform/passes.h"

namespace systole::transform {
namespace {

// `count` copies of `value` after each element along dimension d, but the last.
ValueId spread(Rewriter& r, ValueId x, ValueId value, std::size_t d, std::int64_t count) {
  const Shape shape = r.shape(x);
  Shape split = shape;
  split.insert(split.begin() + static_cast<std::ptrdiff_t>(d) + 1, 1);
  const Dims none(split.size(), 0);
  Dims high = none;
  high[d + 1] = count;
  Shape merged = shape;
  merged[d] *= count + 1;
  const ValueId y = r.reshape(r.pad(r.reshape(x, split), value, none, high, none), merged);
  merged[d] -= count;
  return r.slice(y, Dims(shape.size(), 0), merged);
}

// The vector unit checks the bounds of two dimensions at a time.
ValueId in_pairs(Rewriter& r, ValueId x, ValueId value, const Dims& low, const Dims& high) {
  const Dims none(low.size(), 0);
  Dims l = none, h = none;
  int padded = 0;
  for (std::size_t d = 0; d < low.size(); ++d) {
    l[d] = low[d], h[d] = high[d];
    if (low[d] == 0 && high[d] == 0) continue;
    if (++padded % 2 != 0) continue;
    x = r.pad(x, value, l, h, none);
    l = h = none;
  }
  return r.pad(x, value, l, h, none);
}

ValueId pad_positive(Rewriter& r, ValueId x, ValueId value, const graph::PadAttr& a) {
  for (std::size_t d = 0; d < a.interior.size(); ++d) {
    if (a.interior[d] > 0 && r.shape(x)[d] > 1) x = spread(r, x, value, d, a.interior[d]);
  }
  const Shape shape = r.shape(x);
  Dims start, limit, low, high;
  Shape result;
  bool empty = false;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    start.push_back(std::clamp<std::int64_t>(-a.low[d], 0, shape[d]));
    limit.push_back(std::clamp<std::int64_t>(shape[d] + a.high[d], 0, shape[d]));
    low.push_back(std::max<std::int64_t>(a.low[d], 0)), high.push_back(std::max<std::int64_t>(a.high[d], 0));
    result.push_back(shape[d] + a.low[d] + a.high[d]);
    empty = empty || start[d] >= limit[d];
  }
  if (empty) return r.broadcast(value, {}, result);
  return in_pairs(r, r.slice(x, start, limit), value, low, high);
}

ValueId convolution(Rewriter& r, const Op& op) {
  auto a = op.get<graph::ConvAttr>();
  graph::PadAttr trim{Dims(4, 0), Dims(4, 0), Dims(4, 0)};
  for (std::size_t i = 0; i < a.pad_low.size(); ++i) {
    const auto d = static_cast<std::size_t>(a.lhs_spatial[i]);
    trim.low[d] = std::min<std::int64_t>(a.pad_low[i], 0), trim.high[d] = std::min<std::int64_t>(a.pad_high[i], 0);
    // What is cut beyond the data comes off the padding of the other side.
    const std::int64_t size = r.shape(r[op.operands[0]])[d];
    if (-trim.low[d] > size - 1 || -trim.high[d] > size - 1) trim.low[d] = a.pad_low[i], trim.high[d] = a.pad_high[i];
    a.pad_low[i] -= trim.low[d], a.pad_high[i] -= trim.high[d];
  }
  const ValueId x = r[op.operands[0]];
  const ValueId trimmed =
      is_zero(trim.low) && is_zero(trim.high) ? x : pad_positive(r, x, r.scalar(r.type(x).type, 0), trim);
  return r.contract(op.kind, trimmed, r[op.operands[1]], a, r.from().type(op.result).type);
}

}  // namespace

Status normalise_padding(Graph& graph, const Target&) {
  return rewrite(graph, [](Rewriter& r, const Op& op) -> Expected<ValueId> {
    if (op.kind == OpKind::kConvolution) return convolution(r, op);
    if (op.kind != OpKind::kPad) return r.copy(op);
    return pad_positive(r, r[op.operands[0]], r[op.operands[1]], op.get<graph::PadAttr>());
  });
}

}  // namespace systole::transform
