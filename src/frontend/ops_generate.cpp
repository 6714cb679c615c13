// Operators that make tensors: constants, ranges, masks, one-hot, running sums.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "frontend/import.h"
#include "frontend/registry.h"
#include "frontend/tensor_proto.h"

namespace systole::frontend {

using graph::CompareDirection;
using graph::OpKind;

namespace {

void constant(Node& n) {
  if (const auto* a = n.find("value")) return n.out(0, n.importer.weight(a->t(), n.proto.output(0)));
  if (n.has_attr("value_int"))
    return n.out(0, n.b.scalar(DType::kI64, static_cast<double>(n.attr_int("value_int", 0))));
  if (n.has_attr("value_float")) return n.out(0, n.b.scalar(DType::kF32, n.attr_float("value_float", 0)));
  if (n.has_attr("value_ints")) return n.out(0, n.b.integers(n.attr_ints("value_ints")));
  if (n.has_attr("value_floats")) {
    const auto values = n.attr_floats("value_floats");
    const Shape shape = {static_cast<std::int64_t>(values.size())};
    return n.out(0, n.b.known(Tensor::of<double>(DType::kF64, shape, values).converted(DType::kF32)));
  }
  if (n.proto.attribute_size() == 0) n.invalid("a Constant without a value");
  n.not_supported(fmt::format("a Constant with '{}'", n.proto.attribute(0).name()),
                  "strings and sparse tensors cannot be computed");
}

void constant_of_shape(Node& n) {
  const Shape shape = n.known_ints(0, "the shape");
  for (const std::int64_t d : shape) n.require(d >= 0, "a dimension is negative");
  Val value = n.b.scalar(DType::kF32, 0);
  if (const auto* a = n.find("value")) value = n.b.known(tensor_value(a->t(), nullptr, n.b.place()));
  n.require(value.count() == 1, "the value must have one element");
  n.out(0, n.b.broadcast_to(n.b.reshape(value, {}), shape));
}

void range(Node& n) {
  const Val& first = n.known_in(0, "the start");
  const DType type = first.type();
  const auto at = [&](std::size_t i, const char* what) {
    const Val& v = n.known_in(i, what);
    n.require(v.count() == 1, "start, limit and delta must be scalars");
    return v.reals()[0];
  };
  const double start = at(0, "the start"), limit = at(1, "the limit"), delta = at(2, "the delta");
  n.require(delta != 0 && std::isfinite(start) && std::isfinite(limit) && std::isfinite(delta),
            "delta is 0, or a bound is not finite");
  const double count = std::max(0.0, std::ceil((limit - start) / delta));
  n.require(count < (1 << 26), "the range is too long");
  const Val steps = n.b.iota(type, {static_cast<std::int64_t>(count)}, 0);
  n.out(0, n.b.add(n.b.mul(steps, delta), start));
}

// On the known depth: one at indices (negative count from the end), off elsewhere and for indices out of range.
void one_hot(Node& n) {
  const Val& indices = n.in(0);
  n.known_in(1, "the depth");
  n.require(n.in(1).count() == 1 && n.in(2).count() == 2, "depth must be a scalar and values a pair");
  const auto depth = static_cast<std::int64_t>(n.in(1).reals()[0]);
  n.require(depth >= 1 && depth < (std::int64_t{1} << 31), "the depth is out of range");
  const std::int64_t axis = n.axis(n.attr_int("axis", -1), indices.rank() + 1);
  const Val whole = n.b.convert(indices, DType::kI32);
  const Val wrapped =
      n.b.select(n.b.compare(CompareDirection::kLT, whole, 0), n.b.add(whole, static_cast<double>(depth)), whole);
  Shape column = indices.shape(), shape = indices.shape();
  column.insert(column.begin() + axis, 1);
  shape.insert(shape.begin() + axis, depth);
  const Val hit = n.b.compare(CompareDirection::kEQ, n.b.iota(DType::kI32, shape, axis), n.b.reshape(wrapped, column));
  const auto value = [&](std::int64_t i) { return n.b.reshape(n.b.slice_axis(n.in(2), 0, i, i + 1), {}); };
  n.out(0, n.b.select(hit, value(1), value(0)));
}

// row <= column + k over the last two dimensions.
Val upper_mask(Builder& b, const Shape& shape, std::int64_t k) {
  const auto rank = static_cast<std::int64_t>(shape.size());
  const Val rows = b.iota(DType::kI32, shape, rank - 2), columns = b.iota(DType::kI32, shape, rank - 1);
  return b.compare(CompareDirection::kLE, b.add(rows, static_cast<double>(k)), columns);
}

void trilu(Node& n) {
  const Val& x = n.in(0);
  n.require(x.rank() >= 2, "needs a matrix");
  std::int64_t k = 0;
  if (n.has(1)) {
    n.require(n.in(1).count() == 1, "k must be a scalar");
    k = std::clamp<std::int64_t>(n.known_ints(1, "the diagonal")[0], -(1 << 30), 1 << 30);
  }
  const Val zero = n.b.scalar(x.type(), 0);
  if (n.attr_int("upper", 1)) return n.out(0, n.b.select(upper_mask(n.b, x.shape(), k), x, zero));
  n.out(0, n.b.select(upper_mask(n.b, x.shape(), k + 1), zero, x));
}

void eye_like(Node& n) {
  const Val& x = n.in(0);
  n.require(x.rank() == 2, "needs a matrix");
  const DType type =
      n.has_attr("dtype") ? element_type(static_cast<int>(n.attr_int("dtype", 1)), n.b.place()) : x.type();
  const double k = static_cast<double>(n.attr_int("k", 0));
  const Val rows = n.b.iota(DType::kI32, x.shape(), 0), columns = n.b.iota(DType::kI32, x.shape(), 1);
  n.out(0, n.b.convert(n.b.compare(CompareDirection::kEQ, n.b.add(rows, k), columns), type));
}

// A window of the axis' whole length that ends at each element; exclusive: over the data moved on by one.
void cumsum(Node& n) {
  Val x = n.in(0);
  n.require(n.in(1).count() == 1, "the axis must be a scalar");
  const std::int64_t axis = n.axis(n.known_ints(1, "the axis")[0], x.rank()), length = x.dim(axis);
  const bool exclusive = n.attr_int("exclusive", 0), reverse = n.attr_int("reverse", 0);
  if (length == 0) return n.out(0, x);
  const auto rank = x.shape().size();
  graph::ReduceWindowAttr w{graph::Reduction::kAdd, Axes(rank, 1), Axes(rank, 1), Axes(rank, 1),
                            Axes(rank, 1),          Axes(rank, 0), Axes(rank, 0)};
  const auto a = static_cast<std::size_t>(axis);
  w.window[a] = length;
  (reverse ? w.pad_high : w.pad_low)[a] = length - 1;
  if (exclusive) {
    Axes in_front(rank, 0), behind(rank, 0);
    in_front[a] = reverse ? -1 : 1;
    behind[a] = reverse ? 1 : -1;
    x = n.b.pad(x, n.b.scalar(x.type(), 0), in_front, behind);
  }
  n.out(0, n.b.reduce_window(x, w));
}

}  // namespace

void register_generators(Registry& registry) {
  registry.insert({{"Constant", constant},
                   {"ConstantOfShape", constant_of_shape},
                   {"Range", range},
                   {"OneHot", one_hot},
                   {"Trilu", trilu},
                   {"EyeLike", eye_like},
                   {"CumSum", cumsum}});
}

}  // namespace systole::frontend
