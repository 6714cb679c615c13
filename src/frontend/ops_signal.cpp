// Windows, the discrete Fourier transform as a product with its matrix, and its short-time form.
#include <cmath>
#include <numbers>

#include "frontend/registry.h"
#include "frontend/tensor_proto.h"

namespace systole::frontend {

using graph::DotAttr;

namespace {

constexpr std::int64_t kMaxTransform = 1 << 13;

// c0 - c1 cos(2 pi i / m) + c2 cos(4 pi i / m), m = n (periodic) or n - 1.
void cosine_window(Node& n, double c0, double c1, double c2) {
  const std::int64_t size = n.known_ints(0, "the size").at(0);
  n.require(size >= 0 && size < (1 << 26), "the size is out of range");
  const bool periodic = n.attr_int("periodic", 1) != 0;
  const DType type = element_type(static_cast<int>(n.attr_int("output_datatype", 1)), n.b.place());
  const double m = static_cast<double>(periodic ? size : size - 1);
  std::vector<double> values;
  for (std::int64_t i = 0; i < size; ++i) {
    const double angle = size == 1 ? 0 : 2 * std::numbers::pi * static_cast<double>(i) / m;
    values.push_back(c0 - c1 * std::cos(angle) + c2 * std::cos(2 * angle));
  }
  n.out(0, n.b.known(Tensor::of<double>(DType::kF64, {size}, values).converted(type)));
}

void hann_window(Node& n) { cosine_window(n, 0.5, 0.5, 0); }
void hamming_window(Node& n) { cosine_window(n, 25.0 / 46, 1 - 25.0 / 46, 0); }  // 0.54347826..., as ONNX defines it
void blackman_window(Node& n) { cosine_window(n, 0.42, 0.5, 0.08); }

// [points, results]: the cosines (or sines) of -+2 pi i j / points, divided by points in the inverse.
Val matrix(Node& n, DType type, std::int64_t points, std::int64_t results, bool inverse, bool sine) {
  const double scale = inverse ? 1 / static_cast<double>(points) : 1, sign = inverse ? 1 : -1;
  std::vector<double> values;
  for (std::int64_t i = 0; i < points; ++i) {
    for (std::int64_t j = 0; j < results; ++j) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(i * j % points) / static_cast<double>(points);
      values.push_back(scale * (sine ? sign * std::sin(angle) : std::cos(angle)));
    }
  }
  return n.b.known(Tensor::of<double>(DType::kF64, {points, results}, values).converted(type));
}

// The transform of x [.., points, 1 or 2] along its last dimension but one: [.., results, 2].
Val transformed(Node& n, const Val& x, bool inverse, bool onesided) {
  const std::int64_t last = x.rank() - 1, points = x.dim(last - 1), results = onesided ? points / 2 + 1 : points;
  n.require(x.dim(last) == 1 || x.dim(last) == 2, "the last dimension must be 1 (real) or 2 (complex)");
  if (points < 1 || points > kMaxTransform) n.not_supported("a transform of none or more than 8192 points");
  Shape plane = x.shape();
  plane.pop_back();
  const auto part = [&](std::int64_t i) { return n.b.reshape(n.b.slice_axis(x, last, i, i + 1), plane); };
  const auto times = [&](const Val& v, bool sine) {
    const Val m = matrix(n, x.type(), points, results, inverse, sine);
    return n.b.dot(v, m, DotAttr{{}, {}, {last - 1}, {0}}, x.type());
  };
  Val real = times(part(0), false), imaginary = times(part(0), true);
  if (x.dim(last) == 2) {
    real = n.b.sub(real, times(part(1), true));
    imaginary = n.b.add(imaginary, times(part(1), false));
  }
  Shape single = real.shape();
  single.push_back(1);
  return n.b.concat({n.b.reshape(real, single), n.b.reshape(imaginary, single)}, last);
}

// The first `length` points along the axis, zeros behind them.
Val resized(Node& n, const Val& x, std::int64_t axis, std::int64_t length) {
  Axes low(x.shape().size(), 0), high = low;
  high[static_cast<std::size_t>(axis)] = length - x.dim(axis);
  return n.b.pad(x, n.b.scalar(x.type(), 0), low, high);
}

void dft(Node& n) {
  Val x = n.in(0);
  n.require(x.rank() >= 2, "needs a tensor [.., points, .., 1 or 2]");
  const std::int64_t axis = n.axis(n.attr_int("axis", 1), x.rank() - 1);
  const bool inverse = n.attr_int("inverse", 0) != 0, onesided = n.attr_int("onesided", 0) != 0;
  n.require(!inverse || !onesided, "a one-sided inverse");
  if (n.has(1)) {
    const std::int64_t length = n.known_ints(1, "the length").at(0);
    n.require(length >= 1, "the length must be positive");
    x = resized(n, x, axis, length);
  }
  Axes swap;  // exchanges the axis and the last dimension but one
  for (std::int64_t d = 0; d < x.rank(); ++d) swap.push_back(d);
  std::swap(swap[static_cast<std::size_t>(axis)], swap[swap.size() - 2]);
  n.out(0, n.b.transpose(transformed(n, n.b.transpose(x, swap), inverse, onesided), swap));
}

// Frames of the signal [batch, length, 1 or 2], times the window, transformed: [batch, frames, results, 2].
void stft(Node& n) {
  const Val& x = n.in(0);
  n.require(x.rank() == 3, "needs a signal [batch, length, 1 or 2]");
  const std::int64_t step = n.known_ints(1, "the frame step").at(0);
  n.require(n.has(2) || n.has(3), "needs a window or a frame length");
  const std::int64_t length = n.has(3) ? n.known_ints(3, "the frame length").at(0) : n.in(2).dim(0);
  n.require(step >= 1 && length >= 1 && length <= x.dim(1), "the frames do not fit the signal");
  const std::int64_t frames = (x.dim(1) - length) / step + 1;
  n.require(frames * length <= (1 << 26), "too many frames");
  std::vector<std::int64_t> places;
  for (std::int64_t f = 0; f < frames; ++f)
    for (std::int64_t i = 0; i < length; ++i) places.push_back(f * step + i);
  Val framed = n.b.reshape(n.b.gather(x, n.b.integers(places), 1), {x.dim(0), frames, length, x.dim(2)});
  if (n.has(2)) {
    n.require(n.in(2).rank() == 1 && n.in(2).dim(0) == length, "the window's length is not the frame's");
    framed = n.b.mul(framed, n.b.broadcast_in_dim(n.in(2), framed.shape(), {2}, false));
  }
  n.out(0, transformed(n, framed, false, n.attr_int("onesided", 1) != 0));
}

}  // namespace

void register_signal(Registry& registry) {
  registry.insert({{"HannWindow", hann_window}, {"HammingWindow", hamming_window},
                   {"BlackmanWindow", blackman_window}, {"DFT", dft}, {"STFT", stft}});
}

}  // namespace systole::frontend
