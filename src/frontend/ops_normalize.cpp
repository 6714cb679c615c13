// Normalisations and softmax, decomposed into reductions and elementwise operators.
#include <cmath>

#include "frontend/reduce.h"
#include "frontend/registry.h"

namespace systole::frontend {

using graph::OpKind;
using graph::Reduction;

Val softmax_over(Builder& b, const Val& x, std::int64_t axis) {
  const Val powers = b.unary(OpKind::kExponential, b.sub(x, b.reduce(Reduction::kMaximum, x, {axis}, true)));
  return b.div(powers, b.reduce(Reduction::kAdd, powers, {axis}, true));
}

Val log_softmax_over(Builder& b, const Val& x, std::int64_t axis) {
  const Val shifted = b.sub(x, b.reduce(Reduction::kMaximum, x, {axis}, true));
  const Val sum = b.reduce(Reduction::kAdd, b.unary(OpKind::kExponential, shifted), {axis}, true);
  return b.sub(shifted, b.unary(OpKind::kLog, sum));
}

namespace {

// Before opset 13 the dimensions from the axis on count as one.
template <Val (*function)(Builder&, const Val&, std::int64_t)>
void softmax(Node& n) {
  const Val& x = n.in(0);
  const std::int64_t axis = n.axis(n.attr_int("axis", n.opset < 13 ? 1 : -1), x.rank());
  if (n.opset >= 13 || axis == x.rank() - 1) return n.out(0, function(n.b, x, axis));
  n.out(0, n.b.reshape(function(n.b, flatten_from(n.b, x, axis), 1), x.shape()));
}

// A vector of C numbers along axis 1 of x.
Val per_channel(Node& n, const Val& x, const Val& v) {
  n.require(v.rank() == 1 && x.rank() >= 2 && v.dim(0) == x.dim(1), "needs one number per channel");
  return n.b.broadcast_in_dim(v, x.shape(), {1}, false);
}

struct Statistics {
  Val mean, variance;   // kept dimensions
};

Statistics statistics(Builder& b, const Val& x, const Axes& axes) {
  const Val mean = mean_over(b, x, axes, true);
  const Val centred = b.sub(x, mean);
  return {mean, mean_over(b, b.mul(centred, centred), axes, true)};
}

Val inverse_deviation(Builder& b, const Val& variance, double epsilon) {
  return b.unary(OpKind::kRsqrt, b.add(variance, epsilon));
}

// Folded in double: scale / sqrt(variance + epsilon) and shift = bias - mean * that.
void folded_batch_norm(Node& n, double epsilon) {
  const Val& x = n.in(0);
  const auto scale = n.in(1).reals(), bias = n.in(2).reals(), mean = n.in(3).reals(), variance = n.in(4).reals();
  const std::size_t channels = scale.size();
  n.require(bias.size() == channels && mean.size() == channels && variance.size() == channels,
            "parameters differ in length");
  std::vector<double> factor(channels), shift(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    factor[c] = scale[c] / std::sqrt(variance[c] + epsilon);
    shift[c] = bias[c] - mean[c] * factor[c];
  }
  const Shape shape = {static_cast<std::int64_t>(channels)};
  const auto vector = [&](const std::vector<double>& v) {
    return per_channel(n, x, n.b.known(Tensor::of<double>(DType::kF64, shape, v).converted(x.type())));
  };
  n.out(0, n.b.add(n.b.mul(x, vector(factor)), vector(shift)));
}

Val normalized(Node& n, const Val& x, const Val& mean, const Val& variance, double epsilon) {
  const Val factor = n.b.mul(n.in(1), inverse_deviation(n.b, variance, epsilon));
  const Val shift = n.b.sub(n.in(2), n.b.mul(mean, factor));
  return n.b.add(n.b.mul(x, per_channel(n, x, factor)), per_channel(n, x, shift));
}

void batch_norm_training(Node& n, double epsilon) {
  const Val& x = n.in(0);
  Axes axes;
  for (std::int64_t i = 0; i < x.rank(); ++i) {
    if (i != 1) axes.push_back(i);
  }
  const Statistics s = statistics(n.b, x, axes);
  const Val mean = n.b.reshape(s.mean, {x.dim(1)}), variance = n.b.reshape(s.variance, {x.dim(1)});
  n.out(0, normalized(n, x, mean, variance, epsilon));
  const double momentum = n.attr_float("momentum", 0.9);
  const auto running = [&](const Val& old, const Val& now) {
    return n.b.add(n.b.mul(old, momentum), n.b.mul(now, 1 - momentum));
  };
  if (n.wants(1)) n.out(1, running(n.in(3), mean));
  if (n.wants(2)) n.out(2, running(n.in(4), variance));
}

void batch_norm(Node& n) {
  n.require(n.in(0).rank() >= 2, "needs a tensor with channels");
  const double epsilon = n.attr_float("epsilon", 1e-5);
  if (n.opset < 9 && !n.attr_int("spatial", 1)) n.not_supported("spatial = 0");
  if (n.opset < 7 && !n.attr_int("is_test", 0) && n.wants(1)) n.not_supported("training mode before opset 14");
  if (n.attr_int("training_mode", 0)) return batch_norm_training(n, epsilon);
  if (n.wants(1)) n.not_supported("running statistics without training_mode");
  if (n.in(1).known() && n.in(2).known() && n.in(3).known() && n.in(4).known()) return folded_batch_norm(n, epsilon);
  n.out(0, normalized(n, n.in(0), n.in(3), n.in(4), epsilon));
}

void instance_norm(Node& n) {
  const Val& x = n.in(0);
  n.require(x.rank() >= 3, "needs a tensor [N, C, spatial...]");
  Axes axes;
  for (std::int64_t i = 2; i < x.rank(); ++i) axes.push_back(i);
  const Statistics s = statistics(n.b, x, axes);
  const Val y = n.b.mul(n.b.sub(x, s.mean), inverse_deviation(n.b, s.variance, n.attr_float("epsilon", 1e-5)));
  n.out(0, n.b.add(n.b.mul(y, per_channel(n, x, n.in(1))), per_channel(n, x, n.in(2))));
}

void layer_norm(Node& n) {
  const Val& x = n.in(0);
  Axes axes;
  for (std::int64_t i = n.axis(n.attr_int("axis", -1), x.rank()); i < x.rank(); ++i) axes.push_back(i);
  const Statistics s = statistics(n.b, x, axes);
  const Val inverse = inverse_deviation(n.b, s.variance, n.attr_float("epsilon", 1e-5));
  Val y = n.b.mul(n.b.mul(n.b.sub(x, s.mean), inverse), n.in(1));
  if (n.has(2)) y = n.b.add(y, n.in(2));
  n.out(0, y);
  n.out(1, s.mean);
  n.out(2, inverse);
}

// Scale and bias are per group in opset 18, per channel since 21.
void group_norm(Node& n) {
  const Val& x = n.in(0);
  const std::int64_t groups = n.required_int("num_groups");
  n.require(x.rank() >= 2 && groups >= 1 && x.dim(1) % groups == 0, "the channels do not divide into num_groups");
  const std::int64_t channels = x.dim(1);
  const Val grouped = n.b.reshape(x, {x.dim(0), groups, x.count() / std::max<std::int64_t>(1, x.dim(0) * groups)});
  const Statistics s = statistics(n.b, grouped, {2});
  const Val inverse = inverse_deviation(n.b, s.variance, n.attr_float("epsilon", 1e-5));
  const Val y = n.b.reshape(n.b.mul(n.b.sub(grouped, s.mean), inverse), x.shape());
  const auto channelwise = [&](const Val& v) {
    if (v.rank() != 1 || v.dim(0) != groups || groups == channels) return per_channel(n, x, v);
    return per_channel(n, x, n.b.reshape(n.b.broadcast_in_dim(v, {groups, channels / groups}, {0}, false), {channels}));
  };
  n.out(0, n.b.add(n.b.mul(y, channelwise(n.in(1))), channelwise(n.in(2))));
}

void mean_variance_norm(Node& n) {
  const Val& x = n.in(0);
  const Statistics s = statistics(n.b, x, n.axes(n.attr_ints("axes", {0, 2, 3}), x.rank()));
  n.out(0, n.b.div(n.b.sub(x, s.mean), n.b.add(n.b.unary(OpKind::kSqrt, s.variance), 1e-9)));
}

// x / (bias + alpha / size * sum of squares over `size` neighbouring channels)^beta
void local_response_norm(Node& n) {
  const Val& x = n.in(0);
  const std::int64_t size = n.required_int("size");
  n.require(x.rank() >= 2 && size >= 1, "needs channels and size >= 1");
  const auto rank = static_cast<std::size_t>(x.rank());
  graph::ReduceWindowAttr w{Reduction::kAdd, Axes(rank, 1), Axes(rank, 1), Axes(rank, 1),
                            Axes(rank, 1),   Axes(rank, 0), Axes(rank, 0)};
  w.window[1] = size;
  w.pad_low[1] = (size - 1) / 2;
  w.pad_high[1] = size - 1 - w.pad_low[1];
  const Val sums = n.b.reduce_window(n.b.mul(x, x), w);
  const Val base =
      n.b.add(n.b.mul(sums, n.attr_float("alpha", 1e-4) / static_cast<double>(size)), n.attr_float("bias", 1));
  n.out(0, n.b.div(x, n.b.binary(OpKind::kPower, base, n.b.scalar(x.type(), n.attr_float("beta", 0.75)))));
}

void lp_norm(Node& n) {
  const Val& x = n.in(0);
  const std::int64_t axis = n.axis(n.attr_int("axis", -1), x.rank()), p = n.attr_int("p", 2);
  if (p == 1) return n.out(0, n.b.div(x, n.b.reduce(Reduction::kAdd, n.b.unary(OpKind::kAbs, x), {axis}, true)));
  n.require(p == 2, "attribute 'p' must be 1 or 2");
  n.out(0, n.b.div(x, n.b.unary(OpKind::kSqrt, n.b.reduce(Reduction::kAdd, n.b.mul(x, x), {axis}, true))));
}

}  // namespace

void register_normalization(Registry& registry) {
  registry.insert({{"Softmax", softmax<softmax_over>}, {"LogSoftmax", softmax<log_softmax_over>},
                   {"BatchNormalization", batch_norm}, {"InstanceNormalization", instance_norm},
                   {"LayerNormalization", layer_norm}, {"GroupNormalization", group_norm},
                   {"MeanVarianceNormalization", mean_variance_norm}, {"LRN", local_response_norm},
                   {"LpNormalization", lp_norm}});
}

}  // namespace systole::frontend
