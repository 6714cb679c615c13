// Whole networks in small: residual, mobile with squeeze-and-excitation, transformer, text recogniser.
#pragma once

#include "transform/helpers.h"

namespace systole::transform::testing {

inline Graph residual_network(std::uint64_t seed) {
  Maker m(seed);
  ValueId x = m.relu(m.batch_norm(m.conv(m.input({2, 3, 16, 16}), 8, 7, 2)));
  graph::ReduceWindowAttr pool;
  pool.window = {1, 1, 3, 3}, pool.stride = {1, 1, 2, 2}, pool.pad_low = pool.pad_high = {0, 0, 1, 1};
  x = m.window(Reduction::kMaximum, x, pool);
  for (int block = 0; block < 3; ++block) {
    const std::int64_t stride = block == 1 ? 2 : 1, width = block == 0 ? 8 : 12;
    const ValueId shortcut = block == 1 ? m.batch_norm(m.conv(x, width, 1, stride)) : x;
    const ValueId y = m.batch_norm(m.conv(m.relu(m.batch_norm(m.conv(x, width, 3, stride))), width, 3));
    x = m.relu(m.binary(OpKind::kAdd, y, shortcut));
  }
  const ValueId flat = m.reshape(m.global_average(x), {2, 12});
  m.output(m.linear(flat, 10));
  return m.g;
}

inline ValueId hard_swish(Maker& m, ValueId x) {
  const ValueId shifted = m.binary(OpKind::kAdd, x, m.filled(x, 3));
  const ValueId clipped = m.g.add(OpKind::kClamp, {m.scalar(0), shifted, m.scalar(6)});
  return m.binary(OpKind::kDivide, m.binary(OpKind::kMultiply, x, clipped), m.filled(x, 6));
}

inline ValueId squeeze_excite(Maker& m, ValueId x) {
  const std::int64_t c = m.shape(x)[1];
  ValueId s = m.relu(m.conv(m.global_average(x), 4, 1));
  s = m.g.add(OpKind::kLogistic, {m.conv(s, c, 1)});
  return m.binary(OpKind::kMultiply, x, m.broadcast(s, {0, 1, 2, 3}, m.shape(x)));
}

inline ValueId mobile_trunk(Maker& m, ValueId x, int blocks) {
  x = hard_swish(m, m.batch_norm(m.conv(x, 8, 3, 2)));
  for (int block = 0; block < blocks; ++block) {
    const ValueId wide = hard_swish(m, m.batch_norm(m.conv(x, 16, 1)));
    ValueId y = hard_swish(m, m.batch_norm(m.conv(wide, 16, block == 0 ? 3 : 5, 1, 16)));
    y = m.batch_norm(m.conv(squeeze_excite(m, y), 8, 1));
    x = m.binary(OpKind::kAdd, x, y);
  }
  return x;
}

inline Graph mobile_network(std::uint64_t seed) {
  Maker m(seed);
  const ValueId x = mobile_trunk(m, m.input({1, 3, 12, 16}), 3);
  m.output(m.linear(m.reshape(m.global_average(x), {1, 8}), 5));
  return m.g;
}

inline ValueId softmax(Maker& m, ValueId x) {
  const auto last = static_cast<std::int64_t>(m.shape(x).size()) - 1;
  const Dims kept = identity(static_cast<std::size_t>(last));
  const ValueId shifted =
      m.binary(OpKind::kSubtract, x, m.broadcast(m.reduce(Reduction::kMaximum, x, {last}), kept, m.shape(x)));
  const ValueId e = m.g.add(OpKind::kExponential, {shifted});
  return m.binary(OpKind::kDivide, e, m.broadcast(m.reduce(Reduction::kAdd, e, {last}), kept, m.shape(x)));
}

inline ValueId layer_norm(Maker& m, ValueId x) {
  const auto last = static_cast<std::int64_t>(m.shape(x).size()) - 1;
  const Dims kept = identity(static_cast<std::size_t>(last));
  const auto mean = [&](ValueId v) {
    const ValueId sum = m.reduce(Reduction::kAdd, v, {last});
    return m.broadcast(m.binary(OpKind::kDivide, sum, m.filled(sum, static_cast<double>(m.shape(v).back()))), kept,
                       m.shape(v));
  };
  const ValueId centred = m.binary(OpKind::kSubtract, x, mean(x));
  const ValueId variance = mean(m.binary(OpKind::kPower, centred, m.filled(centred, 2)));
  const ValueId root = m.g.add(OpKind::kSqrt, {m.binary(OpKind::kAdd, variance, m.filled(x, 1e-5))});
  const ValueId scaled = m.binary(OpKind::kMultiply, m.binary(OpKind::kDivide, centred, root),
                                  m.broadcast(m.weights({m.shape(x).back()}), {last}, m.shape(x)));
  return m.binary(OpKind::kAdd, scaled, m.broadcast(m.weights({m.shape(x).back()}), {last}, m.shape(x)));
}

// x: [b, s, d]
inline ValueId attention_block(Maker& m, ValueId x, std::int64_t heads) {
  const std::int64_t b = m.shape(x)[0], s = m.shape(x)[1], d = m.shape(x)[2];
  const ValueId normal = layer_norm(m, x);
  const auto head = [&](const Dims& order) {
    return m.transpose(m.reshape(m.linear(normal, d), {b, s, heads, d / heads}), order);
  };
  const ValueId q = head({0, 2, 1, 3}), k = head({0, 2, 3, 1}), v = head({0, 2, 1, 3});
  ValueId scores = m.dot(q, k, {{0, 1}, {0, 1}, {3}, {2}, {}});
  scores = m.binary(OpKind::kMultiply, scores, m.filled(scores, 0.25));
  const ValueId mixed = m.dot(softmax(m, scores), v, {{0, 1}, {0, 1}, {3}, {2}, {}});
  const ValueId joined = m.reshape(m.transpose(mixed, {0, 2, 1, 3}), {b, s, d});
  x = m.binary(OpKind::kAdd, x, m.linear(joined, d));
  const ValueId hidden = m.relu(m.linear(layer_norm(m, x), 2 * d));
  return m.binary(OpKind::kAdd, x, m.linear(hidden, d));
}

inline Graph transformer(std::uint64_t seed) {
  Maker m(seed);
  const ValueId ids = m.input({2, 6}, DType::kI64);
  ValueId x = m.g.add(OpKind::kGather, {m.weights({20, 8}), ids}, graph::GatherAttr{0});
  x = m.binary(OpKind::kAdd, x, m.broadcast(m.weights({6, 8}), {1, 2}, m.shape(x)));
  for (int block = 0; block < 2; ++block) x = attention_block(m, x, 2);
  m.output(softmax(m, m.linear(x, 20)));
  return m.g;
}

// A trunk of convolutions to height 1, then attention along the width, then classes: as PP-OCR's recogniser.
inline Graph recogniser(std::uint64_t seed) {
  Maker m(seed);
  ValueId x = mobile_trunk(m, m.input({1, 3, 8, 24}), 1);
  graph::ReduceWindowAttr pool;
  pool.window = pool.stride = {1, 1, m.shape(x)[2], 2};
  x = m.window(Reduction::kAdd, x, pool);
  const std::int64_t c = m.shape(x)[1], w = m.shape(x)[3];
  x = m.transpose(m.reshape(x, {1, c, w}), {0, 2, 1});
  x = attention_block(m, x, 2);
  x = m.reshape(m.transpose(x, {0, 2, 1}), {1, c, 1, w});
  x = m.relu(m.batch_norm(m.conv(x, 8, 3)));
  x = m.transpose(m.reshape(x, {1, 8, w}), {0, 2, 1});
  m.output(softmax(m, m.linear(x, 11)));
  return m.g;
}

}  // namespace systole::transform::testing
