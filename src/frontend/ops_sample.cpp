// GridSample on images [N, C, H, W]: each sampled point is a weighted sum of rows of [N x H x W, C], gathered at computed
// places.
#include <algorithm>

#include "frontend/registry.h"

namespace systole::frontend {

using graph::CompareDirection;
using graph::OpKind;

namespace {

constexpr double kCubic = -0.75;  // the coefficient that ONNX states

struct Sampling {
  bool align_corners = false;
  std::string padding, mode;
};

// One coordinate of all points, flat.
struct Line {
  std::int64_t size = 0;
  double low = 0, high = 0;  // borders in pixels, for border and reflection
};

Line line_of(const Sampling& s, std::int64_t size) {
  const auto length = static_cast<double>(size);
  return s.align_corners ? Line{size, 0, length - 1} : Line{size, -0.5, length - 0.5};
}

// -1 .. 1 to pixels.
Val in_pixels(Builder& b, const Val& x, const Sampling& s, std::int64_t size) {
  const auto length = static_cast<double>(size);
  if (s.align_corners) return b.mul(b.add(x, 1), (length - 1) / 2);
  return b.mul(b.sub(b.mul(b.add(x, 1), length), 1), 0.5);
}

Val clamped(Builder& b, const Val& x, double low, double high) {
  return b.clamp(b.scalar(x.type(), low), x, b.scalar(x.type(), high));
}

// Mirrored at the borders as often as needed: a triangle wave.
Val reflected(Builder& b, const Val& x, const Line& line) {
  const double range = line.high - line.low;
  if (range == 0) return b.full(x.type(), x.shape(), line.low);
  const Val distance = b.unary(OpKind::kAbs, b.sub(x, line.low));
  const Val rest = b.binary(OpKind::kRemainder, distance, b.full(x.type(), x.shape(), 2 * range));
  const Val back = b.sub(b.full(x.type(), x.shape(), 2 * range), rest);
  return b.add(b.select(b.compare(CompareDirection::kGT, rest, range), back, rest), line.low);
}

Val folded(Builder& b, const Val& x, const Sampling& s, const Line& line) {
  if (s.padding == "border") return clamped(b, x, 0, static_cast<double>(line.size - 1));
  return s.padding == "reflection" ? reflected(b, x, line) : x;
}

// A tap along one line: the pixel, as int32 inside the image; its weight, zero where padding is zeros.
struct Tap {
  Val pixel, weight;
};

Tap tap_at(Builder& b, const Val& pixel, const Val& weight, const Sampling& s, const Line& line) {
  const auto last = static_cast<double>(line.size - 1);
  const Val place = folded(b, pixel, s, line), inside = clamped(b, place, 0, last);
  const Val whole = b.convert(b.unary(OpKind::kRoundNearestEven, inside), DType::kI32);
  if (s.padding != "zeros") return {whole, weight};
  const Val outside = b.compare(CompareDirection::kNE, inside, place);
  return {whole, b.select(outside, b.scalar(weight.type(), 0), weight)};
}

// ((c3 t + c2) t + c1) t + c0
Val polynomial(Builder& b, const Val& t, double c3, double c2, double c1, double c0) {
  return b.add(b.mul(b.add(b.mul(b.add(b.mul(t, c3), c2), t), c1), t), c0);
}

std::vector<Tap> taps_of(Builder& b, const Val& coordinate, const Sampling& s, std::int64_t size) {
  const Line line = line_of(s, size);
  Val x = in_pixels(b, coordinate, s, size);
  if (s.mode == "nearest") {
    x = b.unary(OpKind::kRoundNearestEven, x);
    return {tap_at(b, folded(b, x, s, line), b.full(x.type(), x.shape(), 1), s, line)};
  }
  x = folded(b, x, s, line);
  const Val first = b.unary(OpKind::kFloor, x), t = b.sub(x, first), rest = b.sub(b.scalar(x.type(), 1), t);
  if (s.mode == "bilinear") return {tap_at(b, first, rest, s, line), tap_at(b, b.add(first, 1), t, s, line)};
  const auto near = [&](const Val& d) { return polynomial(b, d, kCubic + 2, -(kCubic + 3), 0, 1); };
  const auto far = [&](const Val& d) { return polynomial(b, d, kCubic, -5 * kCubic, 8 * kCubic, -4 * kCubic); };
  return {tap_at(b, b.sub(first, 1), far(b.add(t, 1)), s, line), tap_at(b, first, near(t), s, line),
          tap_at(b, b.add(first, 1), near(rest), s, line), tap_at(b, b.add(first, 2), far(b.add(rest, 1)), s, line)};
}

void grid_sample(Node& n) {
  const Val &x = n.in(0), &grid = n.in(1);
  if (x.rank() != 4) n.not_supported("data other than [N, C, H, W]");
  n.require(grid.rank() == 4 && grid.dim(3) == 2 && grid.dim(0) == x.dim(0), "the grid must be [N, H, W, 2]");
  n.require(is_float(x.type()) && is_float(grid.type()), "data and grid must be floats");
  Sampling s{n.attr_int("align_corners", 0) != 0, n.attr_string("padding_mode", "zeros"),
             n.attr_string("mode", "bilinear")};
  if (s.mode == "linear") s.mode = "bilinear";
  if (s.mode == "cubic") s.mode = "bicubic";
  n.require(s.mode == "bilinear" || s.mode == "nearest" || s.mode == "bicubic", "unknown mode");
  n.require(s.padding == "zeros" || s.padding == "border" || s.padding == "reflection", "unknown padding_mode");
  const std::int64_t images = x.dim(0), c = x.dim(1), h = x.dim(2), w = x.dim(3), points = grid.dim(1) * grid.dim(2);
  Shape result = {images, grid.dim(1), grid.dim(2), c};
  n.require(h > 0 && w > 0 && images * h * w < (std::int64_t{1} << 28), "the image is empty or too large");
  const auto coordinate = [&](std::int64_t i) {
    return n.b.reshape(n.b.slice_axis(grid, 3, i, i + 1), {images, points});
  };
  const std::vector<Tap> columns = taps_of(n.b, coordinate(0), s, w), rows = taps_of(n.b, coordinate(1), s, h);
  const Val table = n.b.reshape(n.b.transpose(x, {0, 2, 3, 1}), {images * h * w, c});
  const Val image = n.b.mul(n.b.iota(DType::kI32, {images, points}, 0), static_cast<double>(h * w));
  Val sum;
  for (const Tap& row : rows) {
    const Val line = n.b.add(n.b.mul(row.pixel, static_cast<double>(w)), image);
    for (const Tap& column : columns) {
      const Val place = n.b.reshape(n.b.add(line, column.pixel), {images * points});
      const Val weight = n.b.convert(n.b.reshape(n.b.mul(row.weight, column.weight), {images * points, 1}), x.type());
      const Val term = n.b.mul(n.b.gather(table, place, 0), weight);
      sum = sum ? n.b.add(sum, term) : term;
    }
  }
  n.out(0, n.b.transpose(n.b.reshape(sum, result), {0, 3, 1, 2}));
}

}  // namespace

void register_sampling(Registry& registry) { registry.insert({{"GridSample", grid_sample}}); }

}  // namespace systole::frontend
