// Gathers and scatters.
#include <fmt/core.h>

#include <algorithm>
#include <numeric>

#include "frontend/registry.h"
#include "frontend/scatter.h"

namespace systole::frontend {

using graph::CompareDirection;

namespace {

// Negative indices count from the end. Known ones are checked; others are fixed by a select.
Val wrapped(Node& n, const Val& indices, std::int64_t size) {
  if (!is_integer(indices.type())) n.invalid("indices must be integers");
  if (!indices.known()) {
    if (is_unsigned(indices.type())) return indices;
    const Val negative = n.b.compare(CompareDirection::kLT, indices, 0);
    return n.b.select(negative, n.b.add(indices, static_cast<double>(size)), indices);
  }
  auto values = indices.integers();
  for (auto& v : values) {
    if (v < -size || v >= size) n.invalid(fmt::format("index {} is outside a dimension of {}", v, size));
    if (v < 0) v += size;
  }
  return n.b.known(Tensor::of<std::int64_t>(DType::kI64, indices.shape(), values));
}

void gather(Node& n) {
  const Val& table = n.in(0);
  const std::int64_t axis = n.axis(n.attr_int("axis", 0), table.rank());
  const Val indices = wrapped(n, n.in(1), table.dim(axis));
  if (indices.known() && indices.count() == 1 && !table.known()) {
    const std::int64_t at = indices.integers()[0];
    Shape shape = table.shape();
    shape.erase(shape.begin() + axis);
    shape.insert(shape.begin() + axis, indices.shape().begin(), indices.shape().end());
    return n.out(0, n.b.reshape(n.b.slice_axis(table, axis, at, at + 1), shape));
  }
  n.out(0, n.b.gather(table, indices, axis));
}

Val flat(Node& n, const Val& v) { return n.b.reshape(v, {v.count()}); }

// The row-major position of each element of `shape` with its coordinate along `axis` taken as 0, in a tensor of shape
// `data`.
Val offsets_without(Node& n, const Shape& shape, const Shape& data, std::int64_t axis) {
  const Shape strides = row_major_strides(data);
  std::vector<std::int64_t> values(static_cast<std::size_t>(element_count(shape)));
  Axes at(shape.size(), 0);
  for (auto& v : values) {
    v = 0;
    for (std::size_t d = 0; d < at.size(); ++d) v += static_cast<std::int64_t>(d) == axis ? 0 : at[d] * strides[d];
    for (std::size_t d = at.size(); d-- > 0 && ++at[d] == shape[d];) at[d] = 0;
  }
  return n.b.known(Tensor::of<std::int64_t>(DType::kI64, shape, values));
}

// The positions in the flat data that GatherElements and ScatterElements name.
Val element_positions(Node& n, const Val& data, const Val& raw_indices, std::int64_t axis) {
  n.require(raw_indices.rank() == data.rank(), "indices and data differ in rank");
  for (std::int64_t d = 0; d < data.rank(); ++d) {
    n.require(d == axis || raw_indices.dim(d) <= data.dim(d), "the indices' shape exceeds the data's");
  }
  n.require(raw_indices.count() <= (1 << 24), "too many indices");
  const Val indices = wrapped(n, raw_indices, data.dim(axis));
  const auto stride = row_major_strides(data.shape())[static_cast<std::size_t>(axis)];
  const Val offsets = offsets_without(n, indices.shape(), data.shape(), axis);
  return n.b.add(n.b.mul(indices, static_cast<double>(stride)), n.b.convert(offsets, indices.type()));
}

void gather_elements(Node& n) {
  const Val& data = n.in(0);
  const std::int64_t axis = n.axis(n.attr_int("axis", 0), data.rank());
  n.out(0, n.b.gather(flat(n, data), element_positions(n, data, n.in(1), axis), 0));
}

// Rows of k indices, after `batch` leading dimensions, as flat positions of slices of the data.
struct Slices {
  Val positions;      // shape: the indices' without the last dimension
  Shape slice;        // what one index tuple names
};

Slices slice_positions(Node& n, const Val& data, const Val& indices, std::int64_t batch) {
  n.require(indices.rank() >= 1 && batch >= 0 && batch < indices.rank() && batch < data.rank(), "malformed indices");
  const std::int64_t k = indices.dim(indices.rank() - 1);
  n.require(k >= 1 && batch + k <= data.rank(), "the index tuples are longer than the data's rank");
  Shape lead(indices.shape().begin(), indices.shape().end() - 1);
  for (std::int64_t d = 0; d < batch; ++d)
    n.require(lead[static_cast<std::size_t>(d)] == data.dim(d), "batch dimensions differ");
  const Shape rows(data.shape().begin(), data.shape().begin() + batch + k);
  const Shape strides = row_major_strides(rows);
  Val total;
  for (std::int64_t i = 0; i < k; ++i) {
    const Val column = n.b.reshape(n.b.slice_axis(indices, indices.rank() - 1, i, i + 1), lead);
    const Val term = n.b.mul(wrapped(n, column, data.dim(batch + i)),
                             static_cast<double>(strides[static_cast<std::size_t>(batch + i)]));
    total = total ? n.b.add(total, term) : term;
  }
  for (std::int64_t d = 0; d < batch; ++d) {
    const Val place =
        n.b.mul(n.b.iota(total.type(), lead, d), static_cast<double>(strides[static_cast<std::size_t>(d)]));
    total = n.b.add(total, place);
  }
  return {total, Shape(data.shape().begin() + batch + k, data.shape().end())};
}

// The data as [number of slices, slice size].
Val as_rows(Node& n, const Val& data, const Shape& slice) {
  const std::int64_t width = element_count(slice);
  return n.b.reshape(data, {data.count() / std::max<std::int64_t>(1, width), width});
}

void gather_nd(Node& n) {
  const Val& data = n.in(0);
  const Slices s = slice_positions(n, data, n.in(1), n.attr_int("batch_dims", 0));
  Shape shape = s.positions.shape();
  shape.insert(shape.end(), s.slice.begin(), s.slice.end());
  n.out(0, n.b.reshape(n.b.gather(as_rows(n, data, s.slice), flat(n, s.positions), 0), shape));
}

void scatter_elements(Node& n) {
  const Val &data = n.in(0), &indices = n.in(1);
  const std::int64_t axis = n.axis(n.attr_int("axis", 0), data.rank());
  const Val positions = element_positions(n, data, indices, axis);
  if (!positions.known() || n.attr_string("reduction", "none") != "none")
    return n.out(0, scatter_along(n, data, wrapped(n, indices, data.dim(axis)), n.in(2), axis));
  const auto column = [&](const Val& v) { return n.b.reshape(v, {v.count(), 1}); };
  n.out(0, n.b.reshape(scatter_rows(n, column(data), flat(n, positions), column(n.in(2))), data.shape()));
}

void scatter_nd(Node& n) {
  const Val& data = n.in(0);
  const Slices s = slice_positions(n, data, n.in(1), 0);
  const Val rows = scatter_rows(n, as_rows(n, data, s.slice), flat(n, s.positions), as_rows(n, n.in(2), s.slice));
  n.out(0, n.b.reshape(rows, data.shape()));
}

// Keeps the slices (or elements) where the known condition is true.
void compress(Node& n) {
  Val x = n.in(0);
  const auto condition = n.known_ints(1, "the condition");
  std::int64_t axis = 0;
  if (n.has_attr("axis")) axis = n.axis(n.attr_int("axis", 0), x.rank());
  else x = flat(n, x);
  std::vector<std::int64_t> kept;
  for (std::size_t i = 0; i < condition.size(); ++i) {
    if (condition[i]) kept.push_back(static_cast<std::int64_t>(i));
  }
  n.require(static_cast<std::int64_t>(condition.size()) <= x.dim(axis), "the condition is longer than the dimension");
  n.out(0, n.b.gather(x, n.b.integers(kept), axis));
}

// Reverses the first sequence_lens[b] steps of each batch row: a gather with known positions.
void reverse_sequence(Node& n) {
  const Val& x = n.in(0);
  const auto lengths = n.known_ints(1, "the sequence lengths");
  const std::int64_t time = n.attr_int("time_axis", 0), batch = n.attr_int("batch_axis", 1);
  n.require(x.rank() >= 2 && ((time == 0 && batch == 1) || (time == 1 && batch == 0)),
            "time and batch axes must be 0 and 1");
  n.require(static_cast<std::int64_t>(lengths.size()) == x.dim(batch), "needs one length per batch row");
  n.require(x.dim(0) * x.dim(1) <= (1 << 24), "too many steps");
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < x.dim(0); ++i) {
    for (std::int64_t j = 0; j < x.dim(1); ++j) {
      const std::int64_t t = time == 0 ? i : j, length = lengths[static_cast<std::size_t>(time == 0 ? j : i)];
      n.require(length >= 0 && length <= x.dim(time), "a sequence length is out of range");
      const std::int64_t from = t < length ? length - 1 - t : t;
      rows.push_back(time == 0 ? from * x.dim(1) + j : i * x.dim(1) + from);
    }
  }
  const Val flat_rows =
      n.b.reshape(x, {x.dim(0) * x.dim(1), x.count() / std::max<std::int64_t>(1, x.dim(0) * x.dim(1))});
  n.out(0, n.b.reshape(n.b.gather(flat_rows, n.b.integers(rows), 0), x.shape()));
}

}  // namespace

void register_select(Registry& registry) {
  registry.insert({{"Gather", gather}, {"GatherElements", gather_elements}, {"GatherND", gather_nd},
                   {"ScatterElements", scatter_elements}, {"Scatter", scatter_elements}, {"ScatterND", scatter_nd},
                   {"Compress", compress}, {"ReverseSequence", reverse_sequence}});
}

}  // namespace systole::frontend
