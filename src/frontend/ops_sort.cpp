// TopK: the rank of an element is the number of those that come before it, all pairs compared at once.
#include "frontend/registry.h"

namespace systole::frontend {

using graph::CompareDirection;
using graph::OpKind;
using graph::Reduction;

namespace {

constexpr std::int64_t kMaxSorted = 1 << 14;

// x [rows, n]: how many elements of its row come before each; of equal ones, those in front of it.
Val ranks(Builder& b, const Val& x, bool largest) {
  const Shape pairs = {x.dim(0), x.dim(1), x.dim(1)};
  const Val self = b.broadcast_in_dim(x, pairs, {0, 1}), other = b.broadcast_in_dim(x, pairs, {0, 2});
  const Val better = b.compare(largest ? CompareDirection::kGT : CompareDirection::kLT, other, self);
  const Val in_front = b.compare(CompareDirection::kLT, b.iota(DType::kI32, pairs, 2), b.iota(DType::kI32, pairs, 1));
  const Val tie = b.binary(OpKind::kAnd, b.compare(CompareDirection::kEQ, other, self), in_front);
  const Val before = b.binary(OpKind::kOr, better, tie);
  return b.reduce(Reduction::kAdd, b.convert(before, DType::kI32), {2}, false);
}

// Along dimension 1 of the result: the value whose rank is the position.
Val ranked(Builder& b, const Val& values, const Val& rank, std::int64_t k) {
  const Shape all = {values.dim(0), k, values.dim(1)};
  const Val hit = b.compare(CompareDirection::kEQ, b.broadcast_in_dim(rank, all, {0, 2}), b.iota(DType::kI32, all, 1));
  const Val lowest = b.scalar(values.type(), lowest_value(values.type()));
  return b.reduce(Reduction::kMaximum, b.select(hit, b.broadcast_in_dim(values, all, {0, 2}), lowest), {2}, false);
}

void top_k(Node& n) {
  const Val& x = n.in(0);
  const std::int64_t axis = n.axis(n.attr_int("axis", -1), x.rank());
  const std::int64_t k = n.opset < 10 ? n.required_int("k") : n.known_ints(1, "k").at(0);
  n.require(k >= 0 && k <= x.dim(axis), "k is outside the dimension");
  if (x.dim(axis) > kMaxSorted) n.not_supported("more than 16384 elements along the axis");
  Axes order;  // the axis goes last
  for (std::int64_t d = 0; d < x.rank(); ++d)
    if (d != axis) order.push_back(d);
  order.push_back(axis);
  Axes back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  const Val moved = n.b.transpose(x, order);
  Shape result = moved.shape();
  result.back() = k;
  if (element_count(result) == 0) {
    Shape empty = x.shape();
    empty[static_cast<std::size_t>(axis)] = k;
    n.out(0, n.b.full(x.type(), empty, 0));
    return n.out(1, n.b.full(DType::kI64, empty, 0));
  }
  const std::int64_t length = x.dim(axis);
  const Val rows = n.b.reshape(moved, {x.count() / length, length});
  const Val rank = ranks(n.b, rows, n.attr_int("largest", 1) != 0);
  const Val places = n.b.iota(DType::kI32, rows.shape(), 1);
  const auto shaped = [&](const Val& v) { return n.b.transpose(n.b.reshape(v, result), back); };
  n.out(0, shaped(ranked(n.b, rows, rank, k)));
  n.out(1, n.b.convert(shaped(ranked(n.b, places, rank, k)), DType::kI64));
}

}  // namespace

void register_sorting(Registry& registry) { registry.insert({{"TopK", top_k}}); }

}  // namespace systole::frontend
