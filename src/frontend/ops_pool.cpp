// Pooling: windows of reduce_window over NCHW.
#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "frontend/registry.h"
#include "frontend/window.h"

namespace systole::frontend {

using graph::CompareDirection;
using graph::OpKind;
using graph::Reduction;

namespace {

// The attribute of a window over [1, 1, spatial...].
graph::ReduceWindowAttr spatial_window(const Window& w, Reduction reduction) {
  graph::ReduceWindowAttr attr;
  attr.reduction = reduction;
  const auto with_two = [](Axes values, std::int64_t first) {
    values.insert(values.begin(), 2, first);
    return values;
  };
  attr.window = with_two(w.kernel, 1);
  attr.stride = with_two(w.stride, 1);
  attr.base_dilation = Axes(w.kernel.size() + 2, 1);
  attr.window_dilation = with_two(w.dilation, 1);
  attr.pad_low = with_two(w.pad_low, 0);
  attr.pad_high = with_two(w.pad_high, 0);
  return attr;
}

Axes required_kernel(const Node& n) {
  if (!n.has_attr("kernel_shape")) n.invalid("attribute 'kernel_shape' is missing");
  return n.attr_ints("kernel_shape");
}

constexpr std::int64_t kMaxTaps = 256;

// The element under each tap of the windows, tap by tap in row-major order; outside the data `filler`.
std::vector<Val> taps_of(Node& n, const Val& x, const Window& w, double filler) {
  const std::size_t d = w.kernel.size();
  Axes low(d + 2, 0), high = low;
  for (std::size_t i = 0; i < d; ++i) {
    const std::int64_t reach = (w.output[i] - 1) * w.stride[i] + (w.kernel[i] - 1) * w.dilation[i] + 1;
    low[i + 2] = w.pad_low[i];
    high[i + 2] = std::max<std::int64_t>(0, reach - w.pad_low[i] - x.shape()[i + 2]);
  }
  const Val padded = n.b.pad(x, n.b.scalar(x.type(), filler), low, high);
  std::vector<Val> taps;
  Axes tap(d, 0);
  for (bool more = true; more;) {
    Axes start(d + 2, 0), limit = padded.shape(), stride(d + 2, 1);
    for (std::size_t i = 0; i < d; ++i) {
      start[i + 2] = tap[i] * w.dilation[i];
      limit[i + 2] = start[i + 2] + (w.output[i] - 1) * w.stride[i] + 1;
      stride[i + 2] = w.stride[i];
    }
    taps.push_back(n.b.slice(padded, start, limit, stride));
    more = false;
    for (std::size_t i = d; i-- > 0 && !more;) {
      more = ++tap[i] < w.kernel[i];
      if (!more) tap[i] = 0;
    }
  }
  return taps;
}

// The place of each window's first maximum in the flat data; storage_order 1: the spatial dimensions in column order.
Val maximum_places(Node& n, const Val& x, const Window& w) {
  std::int64_t taps = 1;
  for (const std::int64_t k : w.kernel) taps = std::min(taps * k, kMaxTaps + 1);
  if (taps > kMaxTaps) n.not_supported("indices of the maxima in windows of more than 256 elements");
  const bool columns = n.attr_int("storage_order", 0) != 0;
  Val places;
  std::int64_t pitch = 1;
  const auto add = [&](std::int64_t d) {
    const Val term = n.b.mul(n.b.iota(DType::kI32, x.shape(), d), static_cast<double>(pitch));
    places = places ? n.b.add(places, term) : term;
    pitch *= x.dim(d);
  };
  for (std::int64_t i = 2; i < x.rank(); ++i) add(columns ? i : x.rank() + 1 - i);
  add(1), add(0);
  const std::vector<Val> values = taps_of(n, x, w, lowest_value(x.type())), numbers = taps_of(n, places, w, -1);
  Val best = values[0], at = numbers[0];
  for (std::size_t t = 1; t < values.size(); ++t) {
    const Val unset = n.b.compare(CompareDirection::kLT, at, 0);
    const Val better = n.b.binary(OpKind::kOr, n.b.compare(CompareDirection::kGT, values[t], best), unset);
    best = n.b.select(better, values[t], best);
    at = n.b.select(better, numbers[t], at);
  }
  return n.b.convert(at, DType::kI64);
}

void max_pool(Node& n) {
  const Val& x = n.in(0);
  const Window w = read_window(n, x, required_kernel(n), n.attr_int("ceil_mode", 0) != 0);
  if (n.wants(1)) n.out(1, maximum_places(n, x, w));
  n.out(0, n.b.reduce_window(x, spatial_window(w, Reduction::kMaximum)));
}

// How many positions of each window along one dimension count: those inside the data, or also those in the stated
// padding.
std::vector<double> counts(const Window& w, std::size_t i, std::int64_t size, bool include_pad,
                           std::int64_t stated_high) {
  const std::int64_t from = include_pad ? -w.pad_low[i] : 0, until = include_pad ? size + stated_high : size;
  std::vector<double> result;
  for (std::int64_t o = 0; o < w.output[i]; ++o) {
    const std::int64_t start = o * w.stride[i] - w.pad_low[i];
    const std::int64_t first = ceil_div(std::max<std::int64_t>(0, from - start), w.dilation[i]);
    const std::int64_t last = std::min(w.kernel[i], ceil_div(std::max<std::int64_t>(0, until - start), w.dilation[i]));
    result.push_back(static_cast<double>(std::max<std::int64_t>(0, last - first)));
  }
  return result;
}

// The count per window as a constant of shape [1, 1, spatial output...]: the product of the counts per dimension.
Val window_counts(Node& n, const Val& x, const Window& w, bool include_pad) {
  const Axes pads = n.attr_ints("pads");
  const std::size_t d = w.kernel.size();
  Shape shape = {1, 1};
  for (const std::int64_t o : w.output) shape.push_back(o);
  unwrap(check_shape(shape, n.b.place()));
  n.require(element_count(shape) <= (1 << 24), "the pooled image is too large");
  std::vector<double> table = {1};
  for (std::size_t i = 0; i < d; ++i) {
    const std::int64_t stated_high = pads.size() == 2 * d ? pads[d + i] : w.pad_high[i];
    const auto line = counts(w, i, x.dim(static_cast<std::int64_t>(i) + 2), include_pad, stated_high);
    std::vector<double> next;
    for (const double outer : table) {
      for (const double inner : line) next.push_back(outer * inner);
    }
    table = std::move(next);
  }
  return n.b.known(Tensor::of<double>(DType::kF64, shape, table).converted(x.type()));
}

Val divide_by_counts(Node& n, const Val& x, const Val& sums, const Window& w, bool include_pad) {
  const Val table = window_counts(n, x, w, include_pad);
  const std::vector<double> values = table.reals();
  for (const double v : values) {
    if (v != values[0]) return n.b.div(sums, table);
  }
  return values.empty() ? sums : n.b.div(sums, values[0]);
}

void average_pool(Node& n) {
  const Val& x = n.in(0);
  const Window w = read_window(n, x, required_kernel(n), n.attr_int("ceil_mode", 0) != 0);
  const Val sums = n.b.reduce_window(x, spatial_window(w, Reduction::kAdd));
  n.out(0, divide_by_counts(n, x, sums, w, n.attr_int("count_include_pad", 0) != 0));
}

// (sum |x|^p)^(1/p)
void lp_pool(Node& n) {
  const Val& x = n.in(0);
  const auto p = n.attr_int("p", 2);
  if (p != 1 && p != 2) n.not_supported("p other than 1 and 2");
  const Window w = read_window(n, x, required_kernel(n), n.attr_int("ceil_mode", 0) != 0);
  const Val sums =
      n.b.reduce_window(p == 2 ? n.b.mul(x, x) : n.b.unary(OpKind::kAbs, x), spatial_window(w, Reduction::kAdd));
  n.out(0, p == 2 ? n.b.unary(OpKind::kSqrt, sums) : sums);
}

Axes spatial_axes(const Node& n, const Val& x) {
  if (x.rank() < 3) n.invalid("needs a tensor [N, C, spatial...]");
  Axes axes;
  for (std::int64_t i = 2; i < x.rank(); ++i) axes.push_back(i);
  return axes;
}

void global_average_pool(Node& n) {
  const Val& x = n.in(0);
  const Val sum = n.b.reduce(Reduction::kAdd, x, spatial_axes(n, x), true);
  n.out(0, n.b.div(sum, static_cast<double>(x.count()) / static_cast<double>(std::max<std::int64_t>(1, sum.count()))));
}

void global_max_pool(Node& n) { n.out(0, n.b.reduce(Reduction::kMaximum, n.in(0), spatial_axes(n, n.in(0)), true)); }

void global_lp_pool(Node& n) {
  const Val& x = n.in(0);
  if (n.attr_int("p", 2) != 2) n.not_supported("p other than 2");
  n.out(0, n.b.unary(OpKind::kSqrt, n.b.reduce(Reduction::kAdd, n.b.mul(x, x), spatial_axes(n, x), true)));
}

}  // namespace

void register_pooling(Registry& registry) {
  registry.insert({{"MaxPool", max_pool}, {"AveragePool", average_pool}, {"LpPool", lp_pool},
                   {"GlobalAveragePool", global_average_pool}, {"GlobalMaxPool", global_max_pool},
                   {"GlobalLpPool", global_lp_pool}});
}

}  // namespace systole::frontend
