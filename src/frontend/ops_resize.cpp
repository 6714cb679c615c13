// Resize and Upsample. Each output position along an axis is a weighted sum of input positions that are known at
// import: one for nearest, two for linear, four for cubic. Integer repetition becomes a broadcast, everything else
// gathers.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "frontend/registry.h"

namespace systole::frontend {

using graph::CompareDirection;

namespace {

struct Axis {
  std::int64_t in = 0, out = 0;
  double scale = 1, roi_start = 0, roi_end = 1;
};

struct Method {
  std::string mode, coordinates, rounding;
  double cubic_a = -0.75;
  bool exclude_outside = false;
};

double source_position(const Method& m, const Axis& a, double i) {
  const auto in = static_cast<double>(a.in), out = static_cast<double>(a.out);
  if (m.coordinates == "half_pixel") return (i + 0.5) / a.scale - 0.5;
  if (m.coordinates == "pytorch_half_pixel") return out > 1 ? (i + 0.5) / a.scale - 0.5 : 0;
  if (m.coordinates == "align_corners") return out > 1 ? i * (in - 1) / (out - 1) : 0;
  if (m.coordinates == "asymmetric") return i / a.scale;
  if (m.coordinates == "tf_half_pixel_for_nn") return (i + 0.5) / a.scale;
  if (m.coordinates == "half_pixel_symmetric") {
    const double adjustment = out / (a.scale * in);
    return in / 2 * (1 - adjustment) + (i + 0.5) / a.scale - 0.5;
  }
  if (out > 1) return a.roi_start * (in - 1) + i * (a.roi_end - a.roi_start) * (in - 1) / (out - 1);
  return 0.5 * (a.roi_start + a.roi_end) * (in - 1);
}

// Inputs and weights of every output position: tap t of output i is index[t][i] with weight[t][i].
struct Taps {
  std::vector<std::vector<std::int64_t>> index;
  std::vector<std::vector<double>> weight;
};

std::int64_t nearest_index(const Method& m, double x, std::int64_t size) {
  double rounded = std::ceil(x - 0.5);   // round_prefer_floor
  if (m.rounding == "round_prefer_ceil") rounded = std::floor(x + 0.5);
  if (m.rounding == "floor") rounded = std::floor(x);
  if (m.rounding == "ceil") rounded = std::ceil(x);
  return static_cast<std::int64_t>(std::clamp(rounded, 0.0, static_cast<double>(size - 1)));
}

// Keys' cubic convolution kernel at the four neighbours of a point `t` behind the second.
std::vector<double> cubic_weights(double t, double a) {
  const auto near = [&](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [&](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

Taps make_taps(const Method& m, const Axis& a) {
  const std::size_t count = m.mode == "nearest" ? 1 : m.mode == "linear" ? 2 : 4;
  Taps taps{std::vector(count, std::vector<std::int64_t>()), std::vector(count, std::vector<double>())};
  for (std::int64_t i = 0; i < a.out; ++i) {
    const double x = source_position(m, a, static_cast<double>(i));
    if (count == 1) {
      taps.index[0].push_back(nearest_index(m, x, a.in));
      taps.weight[0].push_back(1);
      continue;
    }
    const double floor = std::floor(std::clamp(x, -4.0, static_cast<double>(a.in) + 4)),
                 t = std::clamp(x - floor, 0.0, 1.0);
    std::vector<double> weights = count == 2 ? std::vector<double>{1 - t, t} : cubic_weights(t, m.cubic_a);
    const std::int64_t first = static_cast<std::int64_t>(floor) - (count == 4 ? 1 : 0);
    double total = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const std::int64_t at = first + static_cast<std::int64_t>(k);
      if (m.exclude_outside && (at < 0 || at >= a.in)) weights[k] = 0;
      total += weights[k];
      taps.index[k].push_back(std::clamp<std::int64_t>(at, 0, a.in - 1));
    }
    for (std::size_t k = 0; k < count; ++k)
      taps.weight[k].push_back(m.exclude_outside ? weights[k] / total : weights[k]);
  }
  return taps;
}

// Rows `index` of x along an axis: nothing, a strided slice, a repetition, or a gather.
Val take(Builder& b, const Val& x, const std::vector<std::int64_t>& index, std::int64_t axis) {
  const auto out = static_cast<std::int64_t>(index.size()), in = x.dim(axis);
  const std::int64_t step = out > 1 ? index[1] - index[0] : 1, repeat = out / in;
  bool strided = step > 0, repeated = repeat > 1 && out % in == 0;
  for (std::int64_t i = 0; i < out; ++i) {
    strided = strided && index[static_cast<std::size_t>(i)] == index[0] + i * step;
    repeated = repeated && index[static_cast<std::size_t>(i)] == i / repeat;
  }
  if (strided) return b.slice_axis(x, axis, index[0], index.back() + 1, step);
  if (!repeated) return b.gather(x, b.integers(index), axis);
  Shape wide = x.shape(), shape = x.shape();
  wide.insert(wide.begin() + axis + 1, repeat);
  shape[static_cast<std::size_t>(axis)] = out;
  Axes dims;
  for (std::int64_t d = 0; d < x.rank(); ++d) dims.push_back(d <= axis ? d : d + 1);
  return b.reshape(b.broadcast_in_dim(x, wide, dims, false), shape);
}

Val along(Builder& b, const std::vector<double>& values, const Val& x, std::int64_t axis) {
  const Shape length = {static_cast<std::int64_t>(values.size())};
  return b.broadcast_in_dim(b.known(Tensor::of<double>(DType::kF64, length, values).converted(x.type())), x.shape(),
                            {axis}, false);
}

Val resize_axis(Node& n, const Val& x, const Method& m, const Axis& a, std::int64_t axis) {
  const Taps taps = make_taps(m, a);
  if (taps.index.size() == 1) return take(n.b, x, taps.index[0], axis);
  Val sum;
  for (std::size_t k = 0; k < taps.index.size(); ++k) {
    if (std::all_of(taps.weight[k].begin(), taps.weight[k].end(), [](double w) { return w == 0; })) continue;
    const Val part = take(n.b, x, taps.index[k], axis);
    const Val term = n.b.mul(part, along(n.b, taps.weight[k], part, axis));
    sum = sum ? n.b.add(sum, term) : term;
  }
  return sum;
}

// tf_crop_and_resize: positions that fall outside the image take a stated value.
Val extrapolate(Node& n, const Val& y, const Method& m, const Axis& a, std::int64_t axis) {
  std::vector<std::int64_t> outside;
  bool any = false;
  for (std::int64_t i = 0; i < a.out; ++i) {
    const double x = source_position(m, a, static_cast<double>(i));
    outside.push_back(x < 0 || x > static_cast<double>(a.in - 1));
    any = any || outside.back();
  }
  if (!any) return y;
  const Val mask = n.b.known(n.b.integers(outside).tensor().converted(DType::kPred));
  return n.b.select(n.b.broadcast_in_dim(mask, y.shape(), {axis}, false),
                    n.b.scalar(y.type(), n.attr_float("extrapolation_value", 0)), y);
}

std::vector<Axis> axes_of(Node& n, const std::vector<double>& scales, const std::vector<std::int64_t>& sizes,
                          const std::vector<double>& roi, const Axes& axes) {
  const Val& x = n.in(0);
  std::vector<Axis> result;
  for (const std::int64_t d : x.shape()) result.push_back({d, d, 1, 0, 1});
  n.require(scales.empty() || scales.size() == axes.size(), "needs one scale per resized axis");
  n.require(sizes.empty() || sizes.size() == axes.size(), "needs one size per resized axis");
  n.require(!scales.empty() || !sizes.empty(), "neither scales nor sizes are given");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    Axis& a = result[static_cast<std::size_t>(n.axis(axes[i], x.rank()))];
    if (!scales.empty()) {
      n.require(scales[i] > 0 && scales[i] < 65536, "a scale is out of range");
      a.scale = scales[i];
      a.out = static_cast<std::int64_t>(std::floor(static_cast<float>(a.in) * static_cast<float>(a.scale)));
    } else {
      a.out = sizes[i];
      a.scale = static_cast<double>(a.out) / static_cast<double>(std::max<std::int64_t>(1, a.in));
    }
    n.require(a.out >= 0 && a.out <= (1 << 24) && (a.in > 0 || a.out == 0), "a resized dimension is out of range");
    if (roi.size() == 2 * axes.size()) {
      a.roi_start = roi[i];
      a.roi_end = roi[i + axes.size()];
    }
  }
  return result;
}

void resize_with(Node& n, const Method& m, const std::vector<Axis>& axes) {
  Val x = n.in(0);
  for (std::size_t d = 0; d < axes.size(); ++d) {
    const Axis& a = axes[d];
    const auto axis = static_cast<std::int64_t>(d);
    const bool crop = m.coordinates == "tf_crop_and_resize";
    if (a.out == 0) {
      x = n.b.slice_axis(x, axis, 0, 0);
    } else if (a.out != a.in || a.scale != 1 || (crop && (a.roi_start != 0 || a.roi_end != 1))) {
      x = resize_axis(n, x, m, a, axis);
      if (crop) x = extrapolate(n, x, m, a, axis);
    }
  }
  n.out(0, x);
}

void check_method(Node& n, const Method& m) {
  const auto one_of = [&](const std::string& value, std::initializer_list<const char*> allowed, const char* what) {
    if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
      n.invalid(fmt::format("{} '{}' is not known", what, value));
  };
  one_of(m.mode, {"nearest", "linear", "cubic"}, "mode");
  one_of(m.coordinates, {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn",
                         "half_pixel_symmetric", "tf_crop_and_resize"}, "coordinate_transformation_mode");
  one_of(m.rounding, {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}, "nearest_mode");
}

Axes all_axes(const Val& x) {
  Axes axes;
  for (std::int64_t d = 0; d < x.rank(); ++d) axes.push_back(d);
  return axes;
}

void resize(Node& n) {
  const bool old = n.opset < 11;
  Method m{n.attr_string("mode", "nearest"),
           old ? "asymmetric" : n.attr_string("coordinate_transformation_mode", "half_pixel"),
           old ? "floor" : n.attr_string("nearest_mode", "round_prefer_floor"), n.attr_float("cubic_coeff_a", -0.75),
           n.attr_int("exclude_outside", 0) != 0};
  check_method(n, m);
  if (n.attr_int("antialias", 0)) n.not_supported("antialiasing");
  if (n.attr_string("keep_aspect_ratio_policy", "stretch") != "stretch")
    n.not_supported("keep_aspect_ratio_policy other than stretch");
  const Axes axes = n.has_attr("axes") ? n.attr_ints("axes") : all_axes(n.in(0));
  const std::size_t scales_at = old ? 1 : 2;
  const auto reals = [&](std::size_t i, const char* what) {
    return n.has(i) ? n.known_in(i, what).reals() : std::vector<double>{};
  };
  const bool crop = m.coordinates == "tf_crop_and_resize";
  std::vector<std::int64_t> sizes;
  if (!old && n.has(3)) sizes = n.known_ints(3, "the sizes");
  const auto scales = sizes.empty() ? reals(scales_at, "the scales") : std::vector<double>{};
  resize_with(n, m, axes_of(n, scales, sizes, crop ? reals(1, "the region of interest") : std::vector<double>{}, axes));
}

void upsample(Node& n) {
  Method m{n.attr_string("mode", "nearest"), "asymmetric", "floor"};
  if (m.mode == "bilinear") m.mode = "linear";
  check_method(n, m);
  std::vector<double> scales = n.opset < 9 ? n.attr_floats("scales") : n.known_in(1, "the scales").reals();
  if (n.opset < 7) scales = {1, 1, n.attr_float("height_scale", 1), n.attr_float("width_scale", 1)};
  resize_with(n, m, axes_of(n, scales, {}, {}, all_axes(n.in(0))));
}

}  // namespace

void register_resize(Registry& registry) { registry.insert({{"Resize", resize}, {"Upsample", upsample}}); }

}  // namespace systole::frontend
