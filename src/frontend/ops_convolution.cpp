// Conv and ConvTranspose, and the window geometry shared with pooling.
#include <fmt/core.h>

#include <algorithm>

#include "frontend/registry.h"
#include "frontend/window.h"

namespace systole::frontend {

namespace {

constexpr std::int64_t kMaxWindowNumber = std::int64_t{1}
                                          << 31;  // larger strides, pads, ... are errors, and sums cannot overflow

Axes checked_list(const Node& n, const char* name, std::size_t size, std::int64_t otherwise, std::int64_t lowest) {
  Axes values = n.attr_ints(name, Axes(size, otherwise));
  if (values.size() != size)
    n.invalid(fmt::format("attribute '{}' needs {} numbers and has {}", name, size, values.size()));
  for (const std::int64_t v : values) {
    if (v < lowest || v > kMaxWindowNumber) n.invalid(fmt::format("attribute '{}' holds {}", name, v));
  }
  return values;
}

// auto_pad SAME_*: the output is ceil(input / stride); an odd pad goes to the upper or lower end.
void same_padding(Window& w, const Shape& spatial, bool upper) {
  for (std::size_t i = 0; i < spatial.size(); ++i) {
    const std::int64_t extent = (w.kernel[i] - 1) * w.dilation[i] + 1;
    const std::int64_t out = (spatial[i] + w.stride[i] - 1) / w.stride[i];
    const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * w.stride[i] + extent - spatial[i]);
    w.pad_low[i] = upper ? total / 2 : total - total / 2;
    w.pad_high[i] = total - w.pad_low[i];
  }
}

}  // namespace

Window read_window(const Node& n, const Val& x, Axes kernel, bool ceil_mode) {
  if (x.rank() < 3) n.invalid(fmt::format("needs a tensor [N, C, spatial...], not one of rank {}", x.rank()));
  const Shape spatial(x.shape().begin() + 2, x.shape().end());
  const std::size_t d = spatial.size();
  if (kernel.size() != d) n.invalid(fmt::format("the kernel has {} dimensions and the data {}", kernel.size(), d));
  Window w{std::move(kernel),
           checked_list(n, "strides", d, 1, 1),
           checked_list(n, "dilations", d, 1, 1),
           Axes(d, 0),
           Axes(d, 0),
           Axes(d, 0)};
  for (const std::int64_t k : w.kernel) {
    if (k < 1 || k > kMaxWindowNumber) n.invalid(fmt::format("the kernel has a size of {}", k));
  }
  const std::string auto_pad = n.attr_string("auto_pad", "NOTSET");
  if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
    same_padding(w, spatial, auto_pad == "SAME_UPPER");
  } else if (auto_pad == "NOTSET" || auto_pad.empty()) {
    const Axes pads = checked_list(n, "pads", 2 * d, 0, 0);
    std::copy_n(pads.begin(), d, w.pad_low.begin());
    std::copy_n(pads.begin() + static_cast<std::ptrdiff_t>(d), d, w.pad_high.begin());
  } else if (auto_pad != "VALID") {
    n.invalid(fmt::format("auto_pad '{}' is not NOTSET, VALID, SAME_UPPER or SAME_LOWER", auto_pad));
  }
  for (std::size_t i = 0; i < d; ++i) {
    const std::int64_t extent = (w.kernel[i] - 1) * w.dilation[i] + 1;
    const std::int64_t room = spatial[i] + w.pad_low[i] + w.pad_high[i] - extent;
    if (room < 0) {
      n.invalid(fmt::format("the window of {} does not fit in a dimension of {} with its padding", extent, spatial[i]));
    }
    w.output[i] = room / w.stride[i] + 1;
    if (ceil_mode && room % w.stride[i] != 0 && w.output[i] * w.stride[i] < spatial[i] + w.pad_low[i]) {
      ++w.output[i];
      w.pad_high[i] += w.stride[i] - room % w.stride[i];
    }
  }
  return w;
}

namespace {

Val add_channel_bias(Node& n, const Val& y, std::size_t input) {
  if (!n.has(input)) return y;
  const Val& bias = n.in(input);
  n.require(bias.rank() == 1 && bias.dim(0) == y.dim(1),
            "the bias must be a vector with one number per output channel");
  return n.b.add(y, n.b.broadcast_in_dim(bias, y.shape(), {1}, false));
}

graph::ConvAttr nchw(const Window& w, std::int64_t groups) {
  graph::ConvAttr attr;
  for (std::size_t i = 0; i < w.kernel.size(); ++i) {
    const auto position = static_cast<std::int64_t>(i) + 2;
    attr.lhs_spatial.push_back(position);
    attr.rhs_spatial.push_back(position);
    attr.out_spatial.push_back(position);
  }
  attr.stride = w.stride;
  attr.pad_low = w.pad_low;
  attr.pad_high = w.pad_high;
  attr.rhs_dilation = w.dilation;
  attr.lhs_dilation.assign(w.kernel.size(), 1);
  attr.feature_groups = groups;
  return attr;
}

}  // namespace

// Shared with the integer convolutions: x [N, C, ...] and w [M, C/groups, kernel...] to [N, M, ...] of type `result`.
Val convolve(Node& n, const Val& x, const Val& w, DType result) {
  n.require(w.rank() == x.rank() && x.rank() >= 3, "needs data [N, C, spatial...] and weights of the same rank");
  const std::int64_t groups = n.attr_int("group", 1);
  n.require(groups >= 1, "attribute 'group' must be at least 1");
  const Axes kernel(w.shape().begin() + 2, w.shape().end());
  if (n.has_attr("kernel_shape") && n.attr_ints("kernel_shape") != kernel)
    n.invalid("kernel_shape differs from the weights");
  const Window window = read_window(n, x, kernel, false);
  if (x.dim(1) % groups != 0 || w.dim(0) % groups != 0 || w.dim(1) != x.dim(1) / groups) {
    n.invalid(fmt::format("weights {} do not fit data {} in {} group(s)", shape_text(w.shape()), shape_text(x.shape()),
                          groups));
  }
  return n.b.convolution(x, w, nchw(window, groups), result);
}

namespace {

void conv(Node& n) {
  n.out(0, add_channel_bias(n, convolve(n, n.in(0), n.in(1), n.in(0).type()), 2));
}

// Weights [C, M/g, k...] of a transposed convolution as those of the equivalent convolution over the dilated input:
// spatially reversed, [C/g, M, k...] (input feature first).
Val transposed_weights(Node& n, const Val& w, std::int64_t groups) {
  Axes spatial;
  for (std::int64_t i = 2; i < w.rank(); ++i) spatial.push_back(i);
  const Val flipped = n.b.reverse(w, spatial);
  if (groups == 1) return flipped;
  Shape split = {groups, w.dim(0) / groups, w.dim(1)};
  split.insert(split.end(), w.shape().begin() + 2, w.shape().end());
  Axes order = {1, 0};
  for (std::int64_t i = 2; i <= w.rank(); ++i) order.push_back(i);
  Shape merged = w.shape();
  merged[0] = w.dim(0) / groups;
  merged[1] = w.dim(1) * groups;
  return n.b.reshape(n.b.transpose(n.b.reshape(flipped, split), order), merged);
}

// out = stride * (in - 1) + output_padding + extent - pad_low - pad_high; output_shape or auto_pad determine the pads.
void transposed_padding(Node& n, Window& w, const Shape& spatial, const Axes& output_padding) {
  const std::size_t d = spatial.size();
  const std::string auto_pad = n.attr_string("auto_pad", "NOTSET");
  Axes wanted = n.attr_ints("output_shape");
  if (!wanted.empty()) n.require(wanted.size() >= d, "output_shape has too few numbers");
  if (wanted.size() > d) wanted.erase(wanted.begin(), wanted.end() - static_cast<std::ptrdiff_t>(d));
  const bool same = auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER";
  if (wanted.empty() && same) {
    for (std::size_t i = 0; i < d; ++i) wanted.push_back(spatial[i] * w.stride[i]);
  }
  if (wanted.empty()) {
    const Axes pads = checked_list(n, "pads", 2 * d, 0, 0);
    std::copy_n(pads.begin(), d, w.pad_low.begin());
    std::copy_n(pads.begin() + static_cast<std::ptrdiff_t>(d), d, w.pad_high.begin());
    return;
  }
  for (std::size_t i = 0; i < d; ++i) {
    const std::int64_t extent = (w.kernel[i] - 1) * w.dilation[i] + 1;
    n.require(wanted[i] >= 0 && wanted[i] <= kMaxWindowNumber, "output_shape is out of range");
    const std::int64_t total = w.stride[i] * (spatial[i] - 1) + output_padding[i] + extent - wanted[i];
    // A negative total lengthens the output at its end.
    w.pad_low[i] = total < 0 ? 0 : auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
    w.pad_high[i] = total - w.pad_low[i];
  }
}

void conv_transpose(Node& n) {
  const Val &x = n.in(0), &w = n.in(1);
  if (x.rank() < 3 || w.rank() != x.rank()) n.invalid("needs data [N, C, spatial...] and weights of the same rank");
  const std::int64_t groups = n.attr_int("group", 1);
  n.require(groups >= 1 && x.dim(1) == w.dim(0) && x.dim(1) % groups == 0,
            "the channels do not fit the weights and groups");
  const Shape spatial(x.shape().begin() + 2, x.shape().end());
  const std::size_t d = spatial.size();
  Window window{Axes(w.shape().begin() + 2, w.shape().end()), checked_list(n, "strides", d, 1, 1),
                checked_list(n, "dilations", d, 1, 1), Axes(d, 0), Axes(d, 0), Axes(d, 0)};
  const Axes output_padding = checked_list(n, "output_padding", d, 0, 0);
  transposed_padding(n, window, spatial, output_padding);
  Window equivalent = window;
  for (std::size_t i = 0; i < d; ++i) {
    const std::int64_t reach = (window.kernel[i] - 1) * window.dilation[i];
    equivalent.pad_low[i] = reach - window.pad_low[i];
    equivalent.pad_high[i] = reach - window.pad_high[i] + output_padding[i];
    equivalent.stride[i] = 1;
  }
  graph::ConvAttr attr = nchw(equivalent, groups);
  attr.lhs_dilation = window.stride;
  attr.rhs_input = 0;
  attr.rhs_output = 1;
  n.out(0, add_channel_bias(n, n.b.convolution(x, transposed_weights(n, w, groups), attr, x.type()), 2));
}

}  // namespace

void register_convolution(Registry& registry) { registry.insert({{"Conv", conv}, {"ConvTranspose", conv_transpose}}); }

}  // namespace systole::frontend
