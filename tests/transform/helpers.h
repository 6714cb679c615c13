// Small graphs in the importer's manner (NCHW), random inputs, and comparison by the double interpreter.
#pragma once

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "graph/interpreter.h"
#include "tensor/element.h"
#include "transform/passes.h"

namespace systole::transform::testing {

using graph::Placement;
using graph::Reduction;

inline Tensor random_tensor(const TensorType& type, Random& random) {
  Tensor t(type.type, type.shape);
  for (std::int64_t i = 0; i < t.count(); ++i) {
    std::uint8_t* p = t.mutable_raw() + i * dtype_bytes(type.type);
    const bool small = type.type == DType::kPred;
    if (holds_integer(type.type))
      store_from_i64(type.type, p, random.integer(small || is_unsigned(type.type) ? 0 : -9, small ? 1 : 9));
    else
      store_from_double(type.type, p, static_cast<float>(random.real(-1, 1)));
  }
  return t;
}

struct Maker {
  Random random;
  Graph g;
  explicit Maker(std::uint64_t seed) : random(seed) {}

  ValueId input(const Shape& shape, DType type = DType::kF32) {
    return g.add_input({type, shape}, "x" + std::to_string(g.inputs.size()));
  }
  ValueId weights(const Shape& shape, DType type = DType::kF32) {
    return g.constant(random_tensor({type, shape}, random));
  }
  ValueId scalar(double value, DType type = DType::kF32) {
    Tensor t(type, {});
    store_from_double(type, t.mutable_raw(), value);
    return g.constant(t);
  }
  const Shape& shape(ValueId id) const { return g.type(id).shape; }
  ValueId broadcast(ValueId x, const Dims& dims, const Shape& shape) {
    return g.add_typed(OpKind::kBroadcastInDim, {x}, {g.type(x).type, shape}, graph::BroadcastAttr{dims});
  }
  ValueId filled(ValueId like, double value) { return broadcast(scalar(value, g.type(like).type), {}, shape(like)); }
  ValueId reshape(ValueId x, const Shape& to) { return g.add_typed(OpKind::kReshape, {x}, {g.type(x).type, to}); }
  ValueId transpose(ValueId x, const Dims& p) { return g.add(OpKind::kTranspose, {x}, graph::TransposeAttr{p}); }
  ValueId convert(ValueId x, DType to) { return g.add_typed(OpKind::kConvert, {x}, {to, shape(x)}); }
  ValueId binary(OpKind kind, ValueId a, ValueId b) { return g.add(kind, {a, b}); }
  ValueId relu(ValueId x) { return binary(OpKind::kMaximum, x, filled(x, 0)); }
  ValueId reduce(Reduction reduction, ValueId x, const Dims& dims) {
    const double init = reduction == Reduction::kMaximum ? -INFINITY : reduction == Reduction::kMultiply ? 1 : 0;
    return g.add(OpKind::kReduce, {x, scalar(init, g.type(x).type)}, graph::ReduceAttr{reduction, dims});
  }
  ValueId window(Reduction reduction, ValueId x, graph::ReduceWindowAttr a) {
    a.reduction = reduction;
    const std::size_t n = shape(x).size();
    for (Dims* list : {&a.window, &a.stride, &a.base_dilation, &a.window_dilation})
      if (list->empty()) list->assign(n, 1);
    for (Dims* list : {&a.pad_low, &a.pad_high})
      if (list->empty()) list->assign(n, 0);
    return g.add(OpKind::kReduceWindow, {x, scalar(reduction == Reduction::kMaximum ? -INFINITY : 0, g.type(x).type)},
                 a);
  }
  // [b,f,0,1] x [o,i,0,1] -> [b,f,0,1]
  graph::ConvAttr conv_attr(std::size_t spatial = 2) const {
    graph::ConvAttr a;
    for (std::size_t i = 0; i < spatial; ++i) a.lhs_spatial.push_back(static_cast<std::int64_t>(i) + 2);
    a.rhs_spatial = a.out_spatial = a.lhs_spatial;
    a.stride = a.lhs_dilation = a.rhs_dilation = Dims(spatial, 1);
    a.pad_low = a.pad_high = Dims(spatial, 0);
    return a;
  }
  ValueId conv(ValueId x, ValueId w, const graph::ConvAttr& a) { return g.add(OpKind::kConvolution, {x, w}, a); }
  ValueId conv(ValueId x, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1, std::int64_t groups = 1) {
    graph::ConvAttr a = conv_attr();
    a.stride = {stride, stride};
    a.pad_low = a.pad_high = {kernel / 2, kernel / 2};
    a.feature_groups = groups;
    return conv(x, weights({out, shape(x)[1] / groups, kernel, kernel}), a);
  }
  ValueId per_channel(ValueId like) { return broadcast(weights({shape(like)[1]}), {1}, shape(like)); }
  ValueId batch_norm(ValueId x) {
    return binary(OpKind::kAdd, binary(OpKind::kMultiply, x, per_channel(x)), per_channel(x));
  }
  ValueId global_average(ValueId x) {
    const ValueId sum = reduce(Reduction::kAdd, x, {2, 3});
    const ValueId mean = binary(OpKind::kDivide, sum, filled(sum, static_cast<double>(shape(x)[2] * shape(x)[3])));
    return reshape(mean, {shape(x)[0], shape(x)[1], 1, 1});
  }
  ValueId dot(ValueId a, ValueId b, const graph::DotAttr& attr) { return g.add(OpKind::kDotGeneral, {a, b}, attr); }
  // [.., K] x constant [K, N] + bias
  ValueId linear(ValueId x, std::int64_t n) {
    const auto last = static_cast<std::int64_t>(shape(x).size()) - 1;
    const ValueId y = dot(x, weights({shape(x).back(), n}), {{}, {}, {last}, {0}, {}});
    return binary(OpKind::kAdd, y, broadcast(weights({n}), {last}, shape(y)));
  }
  void output(ValueId id) { g.add_output(id, "y" + std::to_string(g.outputs.size())); }
};

inline std::vector<Tensor> random_inputs(const Graph& g, Random& random) {
  std::vector<Tensor> inputs;
  for (const ValueId id : g.inputs) inputs.push_back(random_tensor(g.type(id), random));
  return inputs;
}

inline std::vector<Tensor> evaluated(const Graph& g, std::vector<Tensor> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = inputs[i].converted(g.type(g.inputs[i]).type);
  auto result = graph::interpret_double(g, inputs);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().text());
  return result.ok() ? *result : std::vector<Tensor>{};
}

// Both graphs give the same answers within `tolerance` of the largest; 0: exactly.
inline void expect_same(const Graph& before, const Graph& after, double tolerance, std::uint64_t seed = 7) {
  const Status status = graph::verify(after);
  ASSERT_TRUE(status.ok()) << status.error().text();
  ASSERT_EQ(before.output_names, after.output_names);
  ASSERT_EQ(before.input_names, after.input_names);
  Random random(seed);
  const std::vector<Tensor> inputs = random_inputs(before, random);
  const std::vector<Tensor> a = evaluated(before, inputs), b = evaluated(after, inputs);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].shape(), b[i].shape()) << before.output_names[i];
    EXPECT_LE(compare(b[i], a[i]).relative(), tolerance) << before.output_names[i] << ", seed " << seed;
  }
}

inline Graph after_pass(Status (*pass)(Graph&, const Target&), const Graph& g, const Target& target = {}) {
  Graph result = g;
  const Status status = pass(result, target);
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().text());
  return result;
}

inline Target fp32_target() {
  Target t;
  t.format = DType::kF32;
  return t;
}

inline Graph lowered(const Graph& g, const Target& target = fp32_target(), const LowerOptions& options = {}) {
  auto result = lower(g, target, options);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().text());
  return result.ok() ? std::move(*result) : g;
}

inline int count(const Graph& g, OpKind kind) {
  return static_cast<int>(std::count_if(g.ops.begin(), g.ops.end(), [&](const Op& op) { return op.kind == kind; }));
}

}  // namespace systole::transform::testing
