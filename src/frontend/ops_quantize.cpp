// Quantisation: q = clamp(round(x / scale) + zero point), x = (q - zero point) scale; integer products accumulate in
// int32.
//
// A product's operands are 8 bits wide where the zero point allows it (zero, or 128 for uint8), otherwise the
// difference to the zero point in int16, which holds it exactly.
#include <algorithm>

#include "frontend/matmul.h"
#include "frontend/registry.h"

namespace systole::frontend {

using graph::OpKind;
using graph::Reduction;

namespace {

// A scalar, or a vector that runs along `axis` of x.
Val aligned(Node& n, const Val& parameter, const Val& x, std::int64_t axis) {
  if (parameter.count() == 1) return n.b.reshape(parameter, {});
  const std::int64_t a = n.axis(axis, x.rank());
  n.require(parameter.rank() == 1 && parameter.dim(0) == x.dim(a), "scale or zero point does not fit the axis");
  return n.b.broadcast_in_dim(parameter, x.shape(), {a}, false);
}


// round, add the zero point (a float), saturate, convert.
Val saturated(Builder& b, const Val& scaled, const Val& zero_point, DType type) {
  Val q = b.unary(OpKind::kRoundNearestEven, scaled);
  if (zero_point) q = b.add(q, b.convert(zero_point, q.type()));
  return b.convert(b.clamp(b.scalar(q.type(), lowest_value(type)), q, b.scalar(q.type(), highest_value(type))), type);
}

void check_quantized(Node& n, DType type) {
  if (type != DType::kI8 && type != DType::kU8 && type != DType::kI16 && type != DType::kU16 && type != DType::kI32) {
    n.not_supported("a quantised type other than int8, uint8, int16 and uint16");
  }
}

void quantize_linear(Node& n) {
  const Val& x = n.in(0);
  const DType type = n.has(2) ? n.in(2).type() : DType::kU8;
  check_quantized(n, type);
  const std::int64_t axis = n.attr_int("axis", 1);
  const Val zero_point = n.has(2) ? aligned(n, n.in(2), x, axis) : Val();
  const Val real = n.b.convert(x, DType::kF32);
  n.out(0, saturated(n.b, n.b.div(real, aligned(n, n.in(1), x, axis)), zero_point, type));
}

bool all_zero(const Val& v) {
  if (!v.known()) return false;
  const auto values = v.integers();
  return std::all_of(values.begin(), values.end(), [](auto z) { return z == 0; });
}

void dequantize_linear(Node& n) {
  const Val& x = n.in(0);
  check_quantized(n, x.type());
  n.b.fold_reals = dtype_bytes(x.type()) > 2;   // 8-bit weights stay 8-bit weights
  const std::int64_t axis = n.attr_int("axis", 1);
  Val q = x;
  if (n.has(2) && !all_zero(n.in(2))) {
    const Val zero_point = n.b.convert(aligned(n, n.in(2), x, axis), DType::kI32);
    q = n.b.sub(n.b.convert(x, DType::kI32), zero_point);
  }
  n.out(0, n.b.mul(n.b.convert(q, n.in(1).type()), aligned(n, n.in(1), x, axis)));
}

void dynamic_quantize_linear(Node& n) {
  const Val& x = n.in(0);
  Axes axes;
  for (std::int64_t i = 0; i < x.rank(); ++i) axes.push_back(i);
  const Val high = n.b.max(n.b.reduce(Reduction::kMaximum, x, axes, false), 0);
  const Val low = n.b.min(n.b.reduce(Reduction::kMinimum, x, axes, false), 0);
  const Val scale = n.b.div(n.b.sub(high, low), 255);
  const Val zero_point = saturated(n.b, n.b.unary(OpKind::kNegate, n.b.div(low, scale)), Val(), DType::kU8);
  n.out(0, saturated(n.b, n.b.div(x, scale), zero_point, DType::kU8));
  n.out(1, scale);
  n.out(2, zero_point);
}

// A known tensor minus its zero point, in the narrowest of int8 and int16 that holds it.
Val centred_weights(Node& n, const Val& w, const Val& zero_point) {
  const auto values = w.integers(), zeros = zero_point.integers();
  n.require(zeros.size() == 1, "zero points do not fit the operand");
  std::vector<std::int32_t> out;
  bool narrow = true;
  for (const std::int64_t v : values) {
    const std::int64_t d = v - zeros[0];
    narrow = narrow && d >= -128 && d <= 127;
    out.push_back(static_cast<std::int32_t>(d));
  }
  return n.b.known(Tensor::of<std::int32_t>(DType::kI32, w.shape(), out).converted(narrow ? DType::kI8 : DType::kI16));
}

// x minus its zero point as a product's operand. `axis`: where a vector of zero points runs.
Val centred(Node& n, const Val& x, const Val& zero_point, std::int64_t axis) {
  if (x.type() != DType::kU8 && x.type() != DType::kI8) n.not_supported("operands other than int8 and uint8");
  if (!zero_point || all_zero(zero_point)) return x;
  if (x.known() && zero_point.known() && zero_point.count() == 1) return centred_weights(n, x, zero_point);
  const bool fits =
      zero_point.known() && zero_point.count() == 1 && x.type() == DType::kU8 && zero_point.integers()[0] == 128;
  const Val difference =
      n.b.sub(n.b.convert(x, DType::kI32), n.b.convert(aligned(n, zero_point, x, axis), DType::kI32));
  return n.b.convert(difference, fits ? DType::kI8 : DType::kI16);
}

Val optional_input(const Node& n, std::size_t i) { return n.has(i) ? n.in(i) : Val(); }

void conv_integer(Node& n) {
  const Val x = centred(n, n.in(0), optional_input(n, 2), 0), w = centred(n, n.in(1), optional_input(n, 3), 0);
  n.out(0, convolve(n, x, w, DType::kI32));
}

// A vector of zero points belongs to the rows of the left operand and to the columns of the right one.
Val integer_product(Node& n, const Val& a, const Val& a_zero, const Val& b, const Val& b_zero) {
  return matmul(n, centred(n, a, a_zero, a.rank() - 2), centred(n, b, b_zero, -1), DType::kI32);
}

void matmul_integer(Node& n) {
  n.out(0, integer_product(n, n.in(0), optional_input(n, 2), n.in(1), optional_input(n, 3)));
}

// sums * (a_scale * b_scale / y_scale), rounded and saturated to the type of the result's zero point.
Val requantized(Node& n, const Val& sums, const Val& a_scale, const Val& b_scale, const Val& y_scale, const Val& y_zero,
                std::int64_t axis) {
  const auto plain = [&](const Val& v) { return v.count() == 1 ? n.b.reshape(v, {}) : v; };
  const Val factor = n.b.div(n.b.mul(plain(a_scale), plain(b_scale)), plain(y_scale));
  const Val scaled = n.b.mul(n.b.convert(sums, DType::kF32), aligned(n, factor, sums, axis));
  check_quantized(n, y_zero.type());
  return saturated(n.b, scaled, aligned(n, y_zero, sums, axis), y_zero.type());
}

void qlinear_matmul(Node& n) {
  const Val sums = integer_product(n, n.in(0), n.in(2), n.in(3), n.in(5));
  n.out(0, requantized(n, sums, n.in(1), n.in(4), n.in(6), n.in(7), -1));
}

void qlinear_conv(Node& n) {
  const Val x = centred(n, n.in(0), n.in(2), 0), w = centred(n, n.in(3), n.in(5), 0);
  Val sums = convolve(n, x, w, DType::kI32);
  if (n.has(8)) sums = n.b.add(sums, n.b.broadcast_in_dim(n.in(8), sums.shape(), {1}, false));
  n.out(0, requantized(n, sums, n.in(1), n.in(4), n.in(6), n.in(7), 1));
}

}  // namespace

void register_quantization(Registry& registry) {
  registry.insert({{"QuantizeLinear", quantize_linear},
                   {"DequantizeLinear", dequantize_linear},
                   {"DynamicQuantizeLinear", dynamic_quantize_linear},
                   {"ConvInteger", conv_integer},
                   {"MatMulInteger", matmul_integer},
                   {"QLinearMatMul", qlinear_matmul},
                   {"QLinearConv", qlinear_conv}});
}

}  // namespace systole::frontend
