#include "frontend/scatter.h"

#include <numeric>

namespace systole::frontend {

using graph::CompareDirection;
using graph::OpKind;
using graph::Reduction;

namespace {

constexpr std::int64_t kMaxPairs = std::int64_t{1} << 32;  // places x updates that are compared

struct Combination {
  Reduction reduction = Reduction::kMaximum;
  OpKind op = OpKind::kMaximum;
  double neutral = 0;
};

// The attribute `reduction`; nullopt: the last update replaces what is there.
std::optional<Combination> combination(const Node& n, DType type) {
  const std::string name = n.attr_string("reduction", "none");
  if (name == "none") return std::nullopt;
  if (name == "add") return Combination{Reduction::kAdd, OpKind::kAdd, 0};
  if (name == "mul") return Combination{Reduction::kMultiply, OpKind::kMultiply, 1};
  if (name == "max") return Combination{Reduction::kMaximum, OpKind::kMaximum, lowest_value(type)};
  if (name == "min") return Combination{Reduction::kMinimum, OpKind::kMinimum, highest_value(type)};
  n.invalid("attribute 'reduction' must be none, add, mul, max or min");
}

void check_pairs(const Node& n, std::int64_t places, std::int64_t updates) {
  if (places > kMaxPairs / std::max<std::int64_t>(1, updates))
    n.not_supported("a scatter that compares so many places with so many updates");
}

// Over the last dimension of `hits`: the last index that hits, or -1.
Val last_hit(Builder& b, const Val& hits) {
  const std::int64_t last = hits.rank() - 1;
  const Val number = b.iota(DType::kI32, hits.shape(), last);
  return b.reduce(Reduction::kMaximum, b.select(hits, number, b.scalar(DType::kI32, -1)), {last}, false);
}

// data combined with all values, [data's shape, n], that hit.
Val combined(Builder& b, const Val& data, const Val& hits, const Val& values, const Combination& c) {
  const Val chosen = b.select(hits, values, b.scalar(data.type(), c.neutral));
  return b.binary(c.op, data, b.reduce(c.reduction, chosen, {hits.rank() - 1}, false));
}

// With known positions a scatter is a gather: row i of the result comes from the data or from the last update that
// names it.
Val gathered_rows(Node& n, const Val& data, const Val& positions, const Val& updates) {
  n.require(data.dim(0) <= (1 << 24), "too many elements to scatter into");
  std::vector<std::int64_t> source(static_cast<std::size_t>(data.dim(0)));
  std::iota(source.begin(), source.end(), 0);
  std::int64_t next = data.dim(0);
  for (const std::int64_t p : positions.integers()) {
    n.require(p >= 0 && p < data.dim(0), "a scattered index is outside the data");
    source[static_cast<std::size_t>(p)] = next++;
  }
  return n.b.gather(n.b.concat({data, updates}, 0), n.b.integers(source), 0);
}

Val as_integers(Builder& b, const Val& v) { return v.type() == DType::kPred ? b.convert(v, DType::kI32) : v; }

}  // namespace

Val scatter_rows(Node& n, const Val& data, const Val& positions, const Val& updates) {
  Builder& b = n.b;
  const std::int64_t places = data.dim(0), width = data.dim(1), count = positions.count();
  n.require(updates.dim(0) == count, "updates and indices differ in number");
  if (count == 0 || data.count() == 0) return data;
  const auto c = combination(n, data.type());
  if (!c && positions.known()) return gathered_rows(n, data, positions, updates);
  check_pairs(n, c ? places * width : places, count);
  const Shape pairs = {places, count};
  const Val at = b.broadcast_in_dim(b.convert(positions, DType::kI32), pairs, {1});
  const Val hits = b.compare(CompareDirection::kEQ, b.iota(DType::kI32, pairs, 0), at);
  if (c) {
    const Shape all = {places, width, count};
    const Val values = b.broadcast_in_dim(updates, all, {2, 1});
    return combined(b, data, b.broadcast_in_dim(hits, all, {0, 2}), values, *c);
  }
  const Val last = last_hit(b, hits);
  const Val rows = count == 1 ? updates : b.gather(updates, b.max(last, 0), 0);
  const Val written = b.reshape(b.compare(CompareDirection::kGE, last, 0), {places, 1});
  return b.select(written, rows, data);
}

Val scatter_along(Node& n, const Val& data, const Val& indices, const Val& updates, std::int64_t axis) {
  Builder& b = n.b;
  n.require(indices.shape() == updates.shape(), "updates and indices differ in shape");
  if (indices.count() == 0) return data;
  check_pairs(n, data.count(), indices.dim(axis));
  Axes low(indices.shape().size(), 0), high = low, order, places;
  for (std::int64_t d = 0; d < data.rank(); ++d) {
    if (d == axis) continue;
    high[static_cast<std::size_t>(d)] = data.dim(d) - indices.dim(d);
    order.push_back(d), places.push_back(d);
  }
  order.push_back(axis), places.push_back(data.rank());
  Shape all = data.shape();
  all.push_back(indices.dim(axis));
  // Beyond the indices' shape nothing is written: index -1.
  const auto spread = [&](const Val& v, double filler) {
    return b.broadcast_in_dim(b.transpose(b.pad(v, b.scalar(v.type(), filler), low, high), order), all, places);
  };
  const Val at = spread(b.convert(indices, DType::kI32), -1);
  const Val hits = b.compare(CompareDirection::kEQ, b.iota(DType::kI32, all, axis), at);
  const Val old = as_integers(b, data), values = spread(as_integers(b, updates), 0);
  if (const auto c = combination(n, old.type())) return b.convert(combined(b, old, hits, values, *c), data.type());
  const Val last = last_hit(b, hits);
  Shape single = data.shape();
  single.push_back(1);
  const Val wins = b.compare(CompareDirection::kEQ, b.iota(DType::kI32, all, data.rank()), b.reshape(last, single));
  const Val chosen = b.select(wins, values, b.scalar(old.type(), lowest_value(old.type())));
  const Val value = b.reduce(Reduction::kMaximum, chosen, {data.rank()}, false);
  return b.convert(b.select(b.compare(CompareDirection::kGE, last, 0), value, old), data.type());
}

}  // namespace systole::frontend
