// dynamic_slice and dynamic_update_slice -> gathers of rows at computed places.
//
// The dimensions behind the last one that moves are a row. The place of a row is a constant of its position plus, for a
// slice, the clamped starts times their strides; for an update, its position less the clamped start, which also says
// where the update is: there the result takes it, elsewhere the operand. Where all starts are constant: slices and
// concatenations.
#include <fmt/core.h>

#include <cstdint>

#include "transform/passes.h"

namespace systole::transform {
namespace {

using graph::CompareDirection;

constexpr std::int64_t kRowElements = 16384;                  // longer rows are cut
constexpr std::int64_t kMaxRows = (std::int64_t{1} << 28) - 1;  // of a table (isa::Gather::limit)

std::int64_t count_behind(const Shape& shape, std::size_t d) {
  return element_count(Shape(shape.begin() + static_cast<std::ptrdiff_t>(d), shape.end()));
}

Shape front(const Shape& shape, std::size_t count) {
  return Shape(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(count));
}

// A slice of `size` of `whole` along each dimension, at starts that are clamped.
struct Moves {
  Shape whole, size;
  std::vector<ValueId> start;  // scalars of any integer type

  std::size_t rank() const { return whole.size(); }
  bool moves(std::size_t d) const { return whole[d] != size[d]; }
  std::int64_t last_start(std::size_t d) const { return whole[d] - size[d]; }
  // Dimensions that make the place of a row; the others are the row.
  std::size_t row_dimension() const {
    std::size_t d = rank();
    while (d > 0 && !moves(d - 1)) --d;
    while (d < rank() && count_behind(whole, d) > kRowElements) ++d;
    return d;
  }
};

bool known_start(const Rewriter& r, const Moves& m, std::size_t d, std::int64_t& at) {
  double value = 0;
  if (m.moves(d) && !uniform_constant(r, m.start[d], value)) return false;
  at = std::clamp<std::int64_t>(static_cast<std::int64_t>(value), 0, m.last_start(d));
  return true;
}

ValueId clamped_start(Rewriter& r, const Moves& m, std::size_t d) {
  const ValueId start = r.convert(m.start[d], DType::kI32);
  const auto last = static_cast<double>(m.last_start(d));
  return r.emit(OpKind::kClamp, {r.scalar(DType::kI32, 0), start, r.scalar(DType::kI32, last)});
}

// Over `shape`: the sum of each index times its stride.
Tensor places(const Shape& shape, const Dims& strides) {
  Tensor t(DType::kI32, shape);
  auto* out = t.mutable_data<std::int32_t>();
  for (std::int64_t i = 0; i < t.count(); ++i) {
    std::int64_t rest = i, sum = 0;
    for (std::size_t d = shape.size(); d-- > 0; rest /= shape[d]) sum += rest % shape[d] * strides[d];
    out[i] = static_cast<std::int32_t>(sum);
  }
  return t;
}

// Per dimension in front of a row: rows from one index to the next.
Dims row_strides(const Shape& shape, std::size_t rows) {
  Dims strides(rows, 1);
  for (std::size_t d = rows; d-- > 1;) strides[d - 1] = strides[d] * shape[d];
  return strides;
}

ValueId gather_rows(Rewriter& r, ValueId table, std::size_t row_dimension, ValueId indices, const Shape& result) {
  const Shape shape = r.shape(table);
  const std::int64_t row = count_behind(shape, row_dimension);
  const ValueId rows = r.reshape(table, {element_count(shape) / row, row});
  const ValueId flat = r.reshape(indices, {element_count(r.shape(indices))});
  return r.reshape(r.emit(OpKind::kGather, {rows, flat}, graph::GatherAttr{0}), result);
}

Status check_rows(const Op& op, const Moves& m) {
  const std::int64_t rows = element_count(front(m.whole, m.row_dimension()));
  if (rows <= kMaxRows) return ok_status();
  return unsupported(place(op), fmt::format("{} rows; a gather reaches {}", rows, kMaxRows),
                     "move the dimensions that the start changes to the front");
}

Expected<ValueId> slice(Rewriter& r, const Op& op) {
  const std::vector<ValueId> x = r.mapped(op.operands);
  const Moves m{r.shape(x[0]), op.get<graph::DynamicSliceAttr>().sizes, {x.begin() + 1, x.end()}};
  if (element_count(m.size) == 0) return r.filled(r.from().type(op.result), 0);
  Dims start(m.rank(), 0), limit = m.size;
  bool known = true;
  for (std::size_t d = 0; d < m.rank(); ++d) {
    known = known && known_start(r, m, d, start[d]);
    limit[d] = start[d] + m.size[d];
  }
  if (known) return r.slice(x[0], start, limit);
  SYSTOLE_TRY(check_rows(op, m));
  const std::size_t rows = m.row_dimension();
  const Dims strides = row_strides(m.whole, rows);
  ValueId base = -1;
  for (std::size_t d = 0; d < rows; ++d) {
    if (!m.moves(d)) continue;
    const ValueId stride = r.scalar(DType::kI32, static_cast<double>(strides[d]));
    const ValueId term = r.emit(OpKind::kMultiply, {clamped_start(r, m, d), stride});
    base = base < 0 ? term : r.emit(OpKind::kAdd, {base, term});
  }
  const Shape positions = front(m.size, rows);
  const ValueId fixed = r.constant(places(positions, strides));
  const ValueId indices = r.emit(OpKind::kAdd, {r.broadcast(base, {}, positions), fixed});
  return gather_rows(r, x[0], rows, indices, m.size);
}

// All starts known: the parts of x around the update, dimension by dimension from the last.
ValueId update_at(Rewriter& r, ValueId x, ValueId update, const Moves& m, const Dims& start) {
  for (std::size_t d = m.rank(); d-- > 0;) {
    if (!m.moves(d)) continue;
    Dims lo(m.rank(), 0), hi = m.whole;
    for (std::size_t e = 0; e < d; ++e) lo[e] = start[e], hi[e] = start[e] + m.size[e];
    Dims before = hi, behind = lo;
    before[d] = start[d], behind[d] = start[d] + m.size[d];
    update = r.concatenate({r.slice(x, lo, before), update, r.slice(x, behind, hi)}, static_cast<std::int64_t>(d));
  }
  return update;
}

// Along dimension d of x: the index less the update's start.
ValueId distance(Rewriter& r, const Moves& m, std::size_t d) {
  const ValueId index = r.constant(places({m.whole[d]}, {1}));
  return r.emit(OpKind::kSubtract, {index, r.broadcast(clamped_start(r, m, d), {}, {m.whole[d]})});
}

ValueId inside(Rewriter& r, ValueId at, std::int64_t size) {
  const TensorType type = r.type(at);
  const ValueId not_before = r.emit(OpKind::kCompare, {at, r.filled(type, 0)}, graph::CompareAttr{CompareDirection::kGE});
  const ValueId limit = r.filled(type, static_cast<double>(size));
  const ValueId not_behind = r.emit(OpKind::kCompare, {at, limit}, graph::CompareAttr{CompareDirection::kLT});
  return r.emit(OpKind::kAnd, {not_before, not_behind});
}

// The update spread over x's shape: right where the update is, anything elsewhere.
ValueId spread(Rewriter& r, ValueId update, const Moves& m, const std::vector<ValueId>& distances) {
  bool one = true;
  for (std::size_t d = 0; d < m.rank(); ++d) one = one && (!m.moves(d) || m.size[d] == 1);
  if (one) return r.broadcast(update, identity(m.rank()), m.whole);
  const std::size_t rows = m.row_dimension();
  Dims strides = row_strides(m.size, rows), fixed = strides;
  for (std::size_t d = 0; d < rows; ++d) fixed[d] = m.moves(d) ? 0 : strides[d];
  const Shape positions = front(m.whole, rows);
  ValueId indices = r.constant(places(positions, fixed));
  for (std::size_t d = 0; d < rows; ++d) {
    if (!m.moves(d) || m.size[d] == 1) continue;
    const auto last = static_cast<double>(m.size[d] - 1);
    const ValueId held = r.emit(OpKind::kClamp, {r.scalar(DType::kI32, 0), distances[d], r.scalar(DType::kI32, last)});
    const ValueId term = r.emit(OpKind::kMultiply, {held, r.filled(r.type(held), static_cast<double>(strides[d]))});
    indices = r.emit(OpKind::kAdd, {indices, r.broadcast(term, {static_cast<std::int64_t>(d)}, positions)});
  }
  return gather_rows(r, update, rows, indices, m.whole);
}

Expected<ValueId> update_slice(Rewriter& r, const Op& op) {
  const std::vector<ValueId> x = r.mapped(op.operands);
  const Moves m{r.shape(x[0]), r.shape(x[1]), {x.begin() + 2, x.end()}};
  if (element_count(m.size) == 0) return x[0];
  Dims start(m.rank(), 0);
  bool known = true;
  for (std::size_t d = 0; d < m.rank(); ++d) known = known && known_start(r, m, d, start[d]);
  if (known) return update_at(r, x[0], x[1], m, start);
  SYSTOLE_TRY(check_rows(op, m));
  std::vector<ValueId> distances(m.rank(), -1);
  ValueId mask = -1;
  for (std::size_t d = 0; d < m.rank(); ++d) {
    if (!m.moves(d)) continue;
    distances[d] = distance(r, m, d);
    const ValueId here = r.broadcast(inside(r, distances[d], m.size[d]), {static_cast<std::int64_t>(d)}, m.whole);
    mask = mask < 0 ? here : r.emit(OpKind::kAnd, {mask, here});
  }
  return r.emit(OpKind::kSelect, {mask, spread(r, x[1], m, distances), x[0]});
}

}  // namespace

Status gather_dynamic_slices(Graph& graph, const Target&) {
  return rewrite(graph, [](Rewriter& r, const Op& op) -> Expected<ValueId> {
    if (op.kind == OpKind::kDynamicSlice) return slice(r, op);
    if (op.kind == OpKind::kDynamicUpdateSlice) return update_slice(r, op);
    return r.copy(op);
  });
}

}  // namespace systole::transform
