// Operators that move elements without computing: reshapes, transposes, concatenation, slices, padding, tiling.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "frontend/registry.h"

namespace systole::frontend {

namespace {

void shape(Node& n) {
  const std::int64_t rank = n.in(0).rank();
  const auto clamp = [&](std::int64_t v) { return std::clamp<std::int64_t>(v < 0 ? v + rank : v, 0, rank); };
  const std::int64_t start = clamp(n.attr_int("start", 0)), end = clamp(n.attr_int("end", rank));
  const Shape& s = n.in(0).shape();
  n.out(0, n.b.integers(start < end ? Shape(s.begin() + start, s.begin() + end) : Shape{}));
}

void size(Node& n) { n.out(0, n.b.scalar(DType::kI64, static_cast<double>(n.in(0).count()))); }

// 0 copies the dimension (unless allowzero), one -1 takes what is left.
void reshape(Node& n) {
  const Val& x = n.in(0);
  Shape wanted = n.opset < 5 ? n.attr_ints("shape") : n.known_ints(1, "the new shape");
  std::int64_t product = 1, hole = -1;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == 0 && !n.attr_int("allowzero", 0)) {
      if (static_cast<std::int64_t>(i) >= x.rank()) n.invalid("the new shape copies a dimension that the data has not");
      wanted[i] = x.shape()[i];
    }
    if (wanted[i] < -1 || (wanted[i] == -1 && hole >= 0))
      n.invalid(fmt::format("the new shape {} is malformed", fmt::join(wanted, ",")));
    if (wanted[i] == -1) hole = static_cast<std::int64_t>(i);
    else if (__builtin_mul_overflow(product, wanted[i], &product)) n.invalid("the new shape is too large");
  }
  if (hole >= 0) {
    if (product == 0 || x.count() % product != 0) {
      n.invalid(fmt::format("{} elements of shape {} do not reshape to {}", x.count(), shape_text(x.shape()),
                            fmt::join(wanted, "x")));
    }
    wanted[static_cast<std::size_t>(hole)] = x.count() / product;
  }
  n.out(0, n.b.reshape(x, wanted));
}

void flatten(Node& n) {
  const Val& x = n.in(0);
  std::int64_t axis = n.attr_int("axis", 1);
  if (axis < 0) axis += x.rank();
  n.require(axis >= 0 && axis <= x.rank(), "attribute 'axis' is outside the data's rank");
  std::int64_t rows = 1, columns = 1;
  for (std::int64_t i = 0; i < x.rank(); ++i) (i < axis ? rows : columns) *= x.dim(i);
  n.out(0, n.b.reshape(x, {rows, columns}));
}

void squeeze(Node& n) {
  const Val& x = n.in(0);
  const auto given = n.ints_attr_or_input("axes", 1);
  const Axes axes = given ? n.axes(*given, x.rank()) : Axes{};
  Shape kept;
  for (std::int64_t i = 0; i < x.rank(); ++i) {
    const bool drop = given ? std::binary_search(axes.begin(), axes.end(), i) : x.dim(i) == 1;
    if (drop && x.dim(i) != 1) n.invalid(fmt::format("dimension {} has size {}, not 1", i, x.dim(i)));
    if (!drop) kept.push_back(x.dim(i));
  }
  n.out(0, n.b.reshape(x, kept));
}

void unsqueeze(Node& n) {
  const Val& x = n.in(0);
  const auto given = n.ints_attr_or_input("axes", 1);
  if (!given) n.invalid("'axes' is missing");
  const Axes axes = n.axes(*given, x.rank() + static_cast<std::int64_t>(given->size()));
  Shape shape = x.shape();
  for (const std::int64_t a : axes) shape.insert(shape.begin() + a, 1);
  n.out(0, n.b.reshape(x, shape));
}

void transpose(Node& n) {
  const Val& x = n.in(0);
  Axes permutation(x.shape().size());
  std::iota(permutation.rbegin(), permutation.rend(), 0);
  permutation = n.attr_ints("perm", permutation);
  Axes sorted = n.axes(permutation, x.rank());
  n.require(static_cast<std::int64_t>(sorted.size()) == x.rank(),
            "'perm' is not a permutation of the data's dimensions");
  for (auto& p : permutation) p = n.axis(p, x.rank());
  n.out(0, n.b.transpose(x, permutation));
}

void concat(Node& n) {
  std::vector<Val> parts;
  for (std::size_t i = 0; i < n.input_count(); ++i) parts.push_back(n.in(i));
  const std::int64_t axis = n.axis(n.opset < 4 ? n.attr_int("axis", 1) : n.required_int("axis"), n.in(0).rank());
  for (const Val& p : parts)
    n.require(graph_type(p.type()) == graph_type(parts[0].type()), "the operands differ in type");
  n.out(0, n.b.concat(parts, axis));
}

void split(Node& n) {
  const Val& x = n.in(0);
  const std::int64_t axis = n.axis(n.attr_int("axis", 0), x.rank()), length = x.dim(axis);
  const auto given = n.ints_attr_or_input("split", 1);
  const std::int64_t parts = n.proto.output_size();
  n.require(parts > 0, "needs at least one output");
  Axes sizes = given.value_or(Axes{});
  if (!given) {
    const std::int64_t chunk = (length + parts - 1) / parts;
    if (n.opset < 18 && length % parts != 0)
      n.invalid(fmt::format("{} elements do not split into {} equal parts", length, parts));
    for (std::int64_t i = 0; i < parts; ++i)
      sizes.push_back(std::max<std::int64_t>(0, std::min(chunk, length - i * chunk)));
  }
  n.require(static_cast<std::int64_t>(sizes.size()) == parts, "'split' and the outputs differ in number");
  std::int64_t start = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0 || sizes[i] > length - start) n.invalid("'split' does not add up to the dimension");
    n.out(i, n.b.slice_axis(x, axis, start, start + sizes[i]));
    start += sizes[i];
  }
  n.require(start == length, "'split' does not add up to the dimension");
}

struct SliceRequest {
  Axes starts, ends, axes, steps;
};

SliceRequest slice_request(const Node& n) {
  SliceRequest r;
  if (n.opset < 10) {
    r.starts = n.attr_ints("starts");
    r.ends = n.attr_ints("ends");
    r.axes = n.attr_ints("axes");
  } else {
    r.starts = n.known_ints(1, "the starts of the slice");
    r.ends = n.known_ints(2, "the ends of the slice");
    if (n.has(3)) r.axes = n.known_ints(3, "the axes of the slice");
    if (n.has(4)) r.steps = n.known_ints(4, "the steps of the slice");
  }
  if (r.axes.empty()) {
    r.axes.resize(r.starts.size());
    std::iota(r.axes.begin(), r.axes.end(), 0);
  }
  if (r.steps.empty()) r.steps.assign(r.starts.size(), 1);
  n.require(r.ends.size() == r.starts.size() && r.axes.size() == r.starts.size() && r.steps.size() == r.starts.size(),
            "starts, ends, axes and steps differ in length");
  return r;
}

// A start that depends on the data, an end at a known distance behind it. Both stay inside the dimension, as a static
// shape implies; a start below 0 counts from the end.
void moving_slice(Node& n) {
  const Val& x = n.in(0);
  const auto count = n.in(1).count();
  Axes axes(static_cast<std::size_t>(count));
  std::iota(axes.begin(), axes.end(), 0);
  if (n.has(3)) axes = n.known_ints(3, "the axes of the slice");
  if (n.has(4)) {
    for (const std::int64_t step : n.known_ints(4, "the steps of the slice"))
      if (step != 1) n.not_supported("a step other than 1 from a start that depends on the data");
  }
  n.require(n.in(1).rank() == 1 && n.in(2).shape() == n.in(1).shape() && static_cast<std::int64_t>(axes.size()) == count,
            "starts, ends and axes differ in length");
  std::vector<Val> starts(x.shape().size(), n.b.scalar(DType::kI32, 0));
  Shape sizes = x.shape();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t axis = n.axis(axes[static_cast<std::size_t>(i)], x.rank());
    const Val from = n.b.slice_axis(n.in(1), 0, i, i + 1), to = n.b.slice_axis(n.in(2), 0, i, i + 1);
    const auto size = n.b.difference(to, from);
    if (!size) n.known_ints(1, "the starts of the slice");   // its error says what to do
    n.require(*size >= 0 && *size <= x.dim(axis), "the slice does not fit the dimension");
    sizes[static_cast<std::size_t>(axis)] = *size;
    const Val behind = n.b.add(from, static_cast<double>(x.dim(axis)));
    starts[static_cast<std::size_t>(axis)] = n.b.select(n.b.compare(graph::CompareDirection::kLT, from, 0), behind, from);
  }
  n.out(0, n.b.dynamic_slice(x, starts, sizes));
}

// Ends are clamped as in Python. A negative step is a reversal, then a slice of the reversed data.
void slice(Node& n) {
  if (n.opset >= 10 && !(n.in(1).known() && n.in(2).known())) return moving_slice(n);
  Val x = n.in(0);
  const SliceRequest r = slice_request(n);
  const auto rank = static_cast<std::size_t>(x.rank());
  Axes start(rank, 0), limit = x.shape(), stride(rank, 1), reversed;
  n.axes(r.axes, x.rank());
  for (std::size_t i = 0; i < r.starts.size(); ++i) {
    const std::int64_t axis = n.axis(r.axes[i], x.rank()), size = x.dim(axis), step = r.steps[i];
    n.require(step != 0 && step > -(std::int64_t{1} << 62), "a step of 0");
    const auto a = static_cast<std::size_t>(axis);
    const auto from_end = [&](std::int64_t v) { return v < 0 ? v + size : v; };
    if (step > 0) {
      start[a] = std::clamp<std::int64_t>(from_end(r.starts[i]), 0, size);
      limit[a] = std::max(start[a], std::clamp<std::int64_t>(from_end(r.ends[i]), 0, size));
      stride[a] = std::min(step, std::max<std::int64_t>(1, size));
    } else {
      const std::int64_t first = std::clamp<std::int64_t>(from_end(r.starts[i]), -1, size - 1);
      const std::int64_t last = std::clamp<std::int64_t>(r.ends[i] < -size ? -1 : from_end(r.ends[i]), -1, size - 1);
      reversed.push_back(axis);
      start[a] = size - 1 - first;
      limit[a] = std::max(start[a], size - 1 - last);
      stride[a] = std::min(-step, std::max<std::int64_t>(1, size));
    }
  }
  std::sort(reversed.begin(), reversed.end());
  n.out(0, n.b.slice(n.b.reverse(x, reversed), start, limit, stride));
}

void expand(Node& n) {
  const Shape wanted = n.known_ints(1, "the shape to expand to");
  for (const std::int64_t d : wanted) n.require(d >= 0, "a dimension of the shape is negative");
  n.out(0, n.b.broadcast_to(n.in(0), n.b.broadcast_shape(n.in(0).shape(), wanted)));
}

// Repeats as a broadcast of [1, d0, 1, d1, ...] to [r0, d0, r1, d1, ...].
void tile(Node& n) {
  const Val& x = n.in(0);
  const Axes repeats = n.known_ints(1, "the repeats");
  n.require(static_cast<std::int64_t>(repeats.size()) == x.rank(), "needs one repeat per dimension");
  Shape wide, shape;
  Axes dims;
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    n.require(repeats[i] >= 0 && repeats[i] < (std::int64_t{1} << 31), "a repeat is out of range");
    wide.push_back(repeats[i]);
    wide.push_back(x.shape()[i]);
    dims.push_back(static_cast<std::int64_t>(2 * i + 1));
    shape.push_back(repeats[i] * x.shape()[i]);
  }
  n.out(0, n.b.reshape(n.b.broadcast_in_dim(x, wide, dims), shape));
}

// Appends mirrored, repeated or wrapped rows at both ends of one axis; negative counts crop.
Val pad_axis(Node& n, const Val& x, std::int64_t axis, std::int64_t low, std::int64_t high, const std::string& mode) {
  const std::int64_t size = x.dim(axis), crop_low = std::max<std::int64_t>(0, -low),
                     crop_high = std::max<std::int64_t>(0, -high);
  low = std::max<std::int64_t>(0, low);
  high = std::max<std::int64_t>(0, high);
  n.require(crop_low + crop_high <= size, "negative padding crops more than there is");
  std::vector<Val> parts;
  if (mode == "reflect") {
    n.require(low < size && high < size, "reflected padding must be smaller than the dimension");
    if (low > 0) parts.push_back(n.b.reverse(n.b.slice_axis(x, axis, 1, low + 1), {axis}));
    parts.push_back(n.b.slice_axis(x, axis, crop_low, size - crop_high));
    if (high > 0) parts.push_back(n.b.reverse(n.b.slice_axis(x, axis, size - 1 - high, size - 1), {axis}));
  } else {
    n.require(size > 0, "an empty dimension has no edge");
    const auto repeat = [&](std::int64_t at, std::int64_t count) {
      Shape shape = x.shape();
      shape[static_cast<std::size_t>(axis)] = count;
      parts.push_back(n.b.broadcast_to(n.b.slice_axis(x, axis, at, at + 1), shape, false));
    };
    if (low > 0) repeat(0, low);
    parts.push_back(n.b.slice_axis(x, axis, crop_low, size - crop_high));
    if (high > 0) repeat(size - 1, high);
  }
  return n.b.concat(parts, axis);
}

void pad(Node& n) {
  Val x = n.in(0);
  const std::string mode = n.attr_string("mode", "constant");
  const Axes given = n.opset < 11 ? n.attr_ints(n.opset < 2 ? "paddings" : "pads") : n.known_ints(1, "the pads");
  const auto rank = static_cast<std::size_t>(x.rank());
  Axes low(rank, 0), high(rank, 0), axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  if (n.has(3)) axes = n.known_ints(3, "the padded axes");
  n.require(given.size() == 2 * axes.size(), "'pads' needs two numbers per dimension");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto a = static_cast<std::size_t>(n.axis(axes[i], x.rank()));
    low[a] = given[i];
    high[a] = given[i + axes.size()];
    n.require(std::abs(low[a]) < (std::int64_t{1} << 31) && std::abs(high[a]) < (std::int64_t{1} << 31),
              "a pad is out of range");
  }
  if (mode == "constant") {
    Val value = n.opset < 11 ? n.b.scalar(x.type(), n.attr_float("value", 0)) : n.in_or(2, n.b.scalar(x.type(), 0));
    return n.out(0, n.b.pad(x, n.b.reshape(value, {}), low, high));
  }
  n.require(mode == "reflect" || mode == "edge", "attribute 'mode' must be constant, reflect or edge");
  for (std::size_t a = 0; a < rank; ++a) {
    if (low[a] != 0 || high[a] != 0) x = pad_axis(n, x, static_cast<std::int64_t>(a), low[a], high[a], mode);
  }
  n.out(0, x);
}

std::int64_t checked_block(Node& n) {
  const std::int64_t block = n.required_int("blocksize");
  n.require(n.in(0).rank() == 4 && block >= 1 && block < 65536, "needs [N, C, H, W] and a blocksize >= 1");
  return block;
}

void depth_to_space(Node& n) {
  const Val& x = n.in(0);
  const std::int64_t s = checked_block(n), depth = x.dim(1) / (s * s);
  n.require(x.dim(1) % (s * s) == 0, "the channels do not divide by blocksize squared");
  const std::string mode = n.attr_string("mode", "DCR");
  n.require(mode == "DCR" || mode == "CRD", "attribute 'mode' must be DCR or CRD");
  const bool dcr = mode == "DCR";
  const Shape split =
      dcr ? Shape{x.dim(0), s, s, depth, x.dim(2), x.dim(3)} : Shape{x.dim(0), depth, s, s, x.dim(2), x.dim(3)};
  const Axes order = dcr ? Axes{0, 3, 4, 1, 5, 2} : Axes{0, 1, 4, 2, 5, 3};
  n.out(0, n.b.reshape(n.b.transpose(n.b.reshape(x, split), order), {x.dim(0), depth, x.dim(2) * s, x.dim(3) * s}));
}

void space_to_depth(Node& n) {
  const Val& x = n.in(0);
  const std::int64_t s = checked_block(n);
  n.require(x.dim(2) % s == 0 && x.dim(3) % s == 0, "height and width do not divide by blocksize");
  const Val split = n.b.reshape(x, {x.dim(0), x.dim(1), x.dim(2) / s, s, x.dim(3) / s, s});
  n.out(0, n.b.reshape(n.b.transpose(split, {0, 3, 5, 1, 2, 4}),
                       {x.dim(0), x.dim(1) * s * s, x.dim(2) / s, x.dim(3) / s}));
}

}  // namespace

void register_shape(Registry& registry) {
  registry.insert({{"Shape", shape},
                   {"Size", size},
                   {"Reshape", reshape},
                   {"Flatten", flatten},
                   {"Squeeze", squeeze},
                   {"Unsqueeze", unsqueeze},
                   {"Transpose", transpose},
                   {"Concat", concat},
                   {"Split", split},
                   {"Slice", slice},
                   {"Expand", expand},
                   {"Tile", tile},
                   {"Pad", pad},
                   {"DepthToSpace", depth_to_space},
                   {"SpaceToDepth", space_to_depth}});
}

}  // namespace systole::frontend
