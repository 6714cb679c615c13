#include "graph/random_graph.h"

#include <cassert>
#include <limits>

namespace systole::graph {

Tensor random_tensor(Random& random, DType type, const Shape& shape) {
  if (type == DType::kF32) {
    Tensor t(type, shape);
    for (std::int64_t i = 0; i < t.count(); ++i) t.mutable_data<float>()[i] = static_cast<float>(random.real(-2, 2));
    return t;
  }
  Tensor t(DType::kI32, shape);
  const std::int64_t low = type == DType::kU8 ? 0 : -100;
  for (std::int64_t i = 0; i < t.count(); ++i)
    t.mutable_data<std::int32_t>()[i] = static_cast<std::int32_t>(random.integer(low, 100));
  return t.converted(type);
}

namespace {

// Grows a graph over fp32 values by random operators.
class GraphMaker {
 public:
  GraphMaker(Random& random, int operators) : random_(random) {
    const Shape image{random.integer(1, 2), random.integer(1, 5), random.integer(3, 9), random.integer(3, 9)};
    values_.push_back(graph.add_input({DType::kF32, image}, "image"));
    values_.push_back(graph.add_input({DType::kF32, {random.integer(1, 12), random.integer(1, 20)}}, "matrix"));
    for (int i = 0; i < operators; ++i) grow();
    graph.add_output(values_.back(), "y");
    if (random.chance(0.4)) graph.add_output(values_[values_.size() / 2], "z");
    graph.remove_dead_ops();
  }
  Graph graph;

 private:
  const Shape& shape(ValueId v) const { return graph.type(v).shape; }
  ValueId pick() {
    return values_[static_cast<std::size_t>(random_.integer(0, static_cast<std::int64_t>(values_.size()) - 1))];
  }
  ValueId recent() { return random_.chance(0.6) ? values_.back() : pick(); }
  ValueId constant(const Shape& s) { return graph.constant(random_tensor(random_, DType::kF32, s)); }
  ValueId scalar(float x) { return graph.constant(Tensor::scalar_f32(x)); }
  void push(ValueId v) {
    if (graph.type(v).count() > 0 && graph.type(v).count() < 20000) values_.push_back(v);
  }

  ValueId like(ValueId x) {  // something of x's shape
    if (random_.chance(0.3)) {
      for (std::size_t i = values_.size(); i-- > 0;)
        if (shape(values_[i]) == shape(x) && values_[i] != x) return values_[i];
    }
    if (random_.chance(0.4) || shape(x).empty())
      return graph.add_typed(OpKind::kBroadcastInDim, {scalar(static_cast<float>(random_.real(-1, 1)))}, graph.type(x),
                             graph::BroadcastAttr{});
    const auto d = random_.integer(0, static_cast<std::int64_t>(shape(x).size()) - 1);
    return graph.add_typed(OpKind::kBroadcastInDim, {constant({shape(x)[static_cast<std::size_t>(d)]})}, graph.type(x),
                           graph::BroadcastAttr{{d}});
  }

  void grow() {
    const ValueId x = recent();
    switch (random_.integer(0, 19)) {
      case 0:
      case 1:
        return unary(x);
      case 2:
      case 3:
        return binary(x);
      case 4:
      case 5:
        return convolution(x);
      case 6:
        return dot(x);
      case 7:
        return reduce(x);
      case 8:
        return window(x);
      case 9:
        return movement(x);
      case 10:
        return slice_or_pad(x);
      case 11:
        return concatenate(x);
      case 12:
        return select(x);
      case 13:
        return integer_product(x);
      case 14:
        return lookup(x);
      case 15:
        return dynamic_slice(x);
      case 16:
        return dynamic_update(x);
      case 17:
        return wide_integer_product(x);
      case 18:
        return deep_convolution(x);
      default:
        return softmax(x);
    }
  }

  void unary(ValueId x) {
    static const OpKind kinds[] = {OpKind::kTanh, OpKind::kLogistic, OpKind::kAbs, OpKind::kNegate,
                                   OpKind::kErf,  OpKind::kFloor,    OpKind::kSign};
    push(graph.add(kinds[random_.integer(0, 6)], {x}));
  }
  void binary(ValueId x) {
    static const OpKind kinds[] = {OpKind::kAdd,     OpKind::kSubtract, OpKind::kMultiply,
                                   OpKind::kMaximum, OpKind::kMinimum,  OpKind::kDivide};
    push(graph.add(kinds[random_.integer(0, 5)], {x, like(x)}));
  }
  void convolution(ValueId x) {
    if (shape(x).size() != 4) return unary(x);
    const std::int64_t in = shape(x)[1];
    const int kind = static_cast<int>(random_.integer(0, 3));
    graph::ConvAttr attr;
    attr.feature_groups = kind == 0 ? in : 1;
    const std::int64_t out = kind == 0 ? in : random_.integer(1, 10);
    const Shape filter{out, in / attr.feature_groups, random_.integer(1, 3), random_.integer(1, 3)};
    attr.lhs_spatial = attr.rhs_spatial = attr.out_spatial = {2, 3};
    attr.stride = {random_.integer(1, 2), random_.integer(1, 2)};
    attr.pad_low = {random_.integer(0, 1), random_.integer(0, 1)};
    attr.pad_high = {random_.integer(0, 1), random_.integer(0, 1)};
    attr.lhs_dilation = {1, 1};
    attr.rhs_dilation = {random_.integer(1, 2), random_.integer(1, 2)};
    for (std::size_t s = 0; s < 2; ++s)
      if (shape(x)[s + 2] + attr.pad_low[s] + attr.pad_high[s] < (filter[s + 2] - 1) * attr.rhs_dilation[s] + 1)
        return unary(x);
    graph::Op op{OpKind::kConvolution, {x, constant(filter)}, -1, attr, {}};
    const graph::TensorType declared{DType::kF32, {}};
    const auto type = graph::infer_type(graph, op, &declared);
    assert(type.ok());
    if (!type.ok()) return;
    push(graph.add_typed(OpKind::kConvolution, op.operands, *type, attr));
  }
  void dot(ValueId x) {
    const std::int64_t k = shape(x).empty() ? 0 : shape(x).back();
    if (k == 0) return;
    graph::DotAttr attr;
    const auto rank = static_cast<std::int64_t>(shape(x).size());
    if (rank >= 2 && random_.chance(0.3)) {  // x times its transpose, batched over the leading dimensions
      Shape out = shape(x);
      out.back() = shape(x)[static_cast<std::size_t>(rank) - 2];
      for (std::int64_t d = 0; d < rank - 2; ++d) {
        attr.lhs_batch.push_back(d);
        attr.rhs_batch.push_back(d);
      }
      attr.lhs_contract = attr.rhs_contract = {rank - 1};
      return push(graph.add_typed(OpKind::kDotGeneral, {x, x}, {DType::kF32, out}, attr));
    }
    const std::int64_t n = random_.integer(1, 20);
    Shape out = shape(x);
    out.back() = n;
    attr.lhs_contract = {rank - 1};
    attr.rhs_contract = {0};
    push(graph.add_typed(OpKind::kDotGeneral, {x, constant({k, n})}, {DType::kF32, out}, attr));
  }
  void reduce(ValueId x) {
    if (shape(x).empty()) return;
    const auto rank = static_cast<std::int64_t>(shape(x).size());
    const std::int64_t first = random_.integer(0, rank - 1), last = random_.integer(first, rank - 1);
    graph::ReduceAttr attr;
    attr.reduction = random_.chance(0.5) ? graph::Reduction::kAdd : graph::Reduction::kMaximum;
    for (std::int64_t d = first; d <= last; ++d) attr.dimensions.push_back(d);
    push(graph.add(OpKind::kReduce, {x, scalar(attr.reduction == graph::Reduction::kAdd ? 0.0f : -1e30f)}, attr));
  }
  void window(ValueId x) {
    if (shape(x).size() != 4 || shape(x)[2] < 2 || shape(x)[3] < 2) return unary(x);
    graph::ReduceWindowAttr attr;
    const bool add = random_.chance(0.5);
    attr.reduction = add ? graph::Reduction::kAdd : graph::Reduction::kMaximum;
    const std::int64_t s = random_.integer(1, 2), p = random_.integer(0, 1);
    attr.window = {1, 1, 2, 2};
    attr.stride = {1, 1, s, s};
    attr.base_dilation = attr.window_dilation = {1, 1, 1, 1};
    attr.pad_low = {0, 0, p, p};
    attr.pad_high = {0, 0, p, 0};
    push(graph.add(OpKind::kReduceWindow, {x, scalar(add ? 0.0f : -std::numeric_limits<float>::infinity())}, attr));
  }
  void movement(ValueId x) {
    const auto rank = shape(x).size();
    if (rank < 2) return;
    if (random_.chance(0.5)) {
      std::vector<std::int64_t> permutation(rank);
      for (std::size_t i = 0; i < rank; ++i) permutation[i] = static_cast<std::int64_t>(i);
      for (std::size_t i = rank - 1; i > 0; --i)
        std::swap(permutation[i],
                  permutation[static_cast<std::size_t>(random_.integer(0, static_cast<std::int64_t>(i)))]);
      return push(graph.add(OpKind::kTranspose, {x}, graph::TransposeAttr{permutation}));
    }
    Shape merged{shape(x)[0], graph.type(x).count() / shape(x)[0]};
    push(graph.add_typed(OpKind::kReshape, {x}, {DType::kF32, merged}));
  }
  void slice_or_pad(ValueId x) {
    const auto rank = shape(x).size();
    if (rank == 0) return;
    if (random_.chance(0.5)) {
      graph::SliceAttr attr;
      for (std::size_t d = 0; d < rank; ++d) {
        const std::int64_t start = random_.integer(0, shape(x)[d] - 1);
        attr.start.push_back(start);
        attr.limit.push_back(random_.integer(start + 1, shape(x)[d]));
        attr.stride.push_back(random_.integer(1, 2));
      }
      return push(graph.add(OpKind::kSlice, {x}, attr));
    }
    graph::PadAttr attr;
    attr.low.assign(rank, 0);
    attr.high.assign(rank, 0);
    attr.interior.assign(rank, 0);
    const auto d = static_cast<std::size_t>(random_.integer(0, static_cast<std::int64_t>(rank) - 1));
    attr.low[d] = random_.integer(0, 2);
    attr.high[d] = random_.integer(0, 2);
    push(graph.add(OpKind::kPad, {x, scalar(0.5f)}, attr));
  }
  void concatenate(ValueId x) {
    if (shape(x).empty()) return;
    const auto d = random_.integer(0, static_cast<std::int64_t>(shape(x).size()) - 1);
    push(graph.add(OpKind::kConcatenate, {x, like(x)}, graph::ConcatenateAttr{d}));
  }
  void select(ValueId x) {
    const ValueId y = like(x);
    const ValueId p = graph.add(OpKind::kCompare, {x, y},
                                graph::CompareAttr{static_cast<graph::CompareDirection>(random_.integer(0, 5))});
    push(graph.add(OpKind::kSelect, {p, x, y}));
  }
  // Quantised to int8 or uint8, multiplied by int8 constants, scaled back.
  void integer_product(ValueId x) {
    if (shape(x).size() < 2) return unary(x);
    const DType narrow = random_.chance(0.5) ? DType::kI8 : DType::kU8;
    const graph::TensorType type{narrow, shape(x)};
    const ValueId q = graph.add_typed(OpKind::kConvert, {graph.add(OpKind::kMultiply, {x, like_scalar(x, 20)})}, type);
    if (shape(x).size() == 4 && shape(x)[2] > 1 && shape(x)[3] > 1 && random_.chance(0.5)) return integer_depthwise(q);
    graph::DotAttr attr;
    const auto rank = static_cast<std::int64_t>(shape(x).size());
    const std::int64_t k = shape(x).back(), n = random_.integer(1, 12);
    Shape out = shape(x);
    out.back() = n;
    attr.lhs_contract = {rank - 1};
    attr.rhs_contract = {0};
    const ValueId w = graph.constant(random_tensor(random_, DType::kI8, {k, n}));
    const ValueId sums = graph.add_typed(OpKind::kDotGeneral, {q, w}, {DType::kI32, out}, attr);
    const ValueId real = graph.add_typed(OpKind::kConvert, {sums}, {DType::kF32, out});
    push(graph.add(OpKind::kMultiply, {real, like_scalar(real, 0.01f)}));
  }
  void integer_depthwise(ValueId q) {
    const std::int64_t channels = shape(q)[1];
    graph::ConvAttr attr;
    attr.feature_groups = channels;
    attr.lhs_spatial = attr.rhs_spatial = attr.out_spatial = {2, 3};
    attr.stride = attr.lhs_dilation = attr.rhs_dilation = {1, 1};
    attr.pad_low = attr.pad_high = {1, 0};
    const ValueId w = graph.constant(random_tensor(random_, DType::kI8, {channels, 1, 2, 2}));
    graph::Op op{OpKind::kConvolution, {q, w}, -1, attr, {}};
    const graph::TensorType declared{DType::kI32, {}};
    const auto type = graph::infer_type(graph, op, &declared);
    assert(type.ok());
    if (!type.ok()) return;
    const ValueId sums = graph.add_typed(OpKind::kConvolution, op.operands, *type, attr);
    push(graph.add_typed(OpKind::kConvert, {sums}, {DType::kF32, type->shape}));
  }
  ValueId like_scalar(ValueId x, float value) {
    return graph.add_typed(OpKind::kBroadcastInDim, {scalar(value)}, graph.type(x), graph::BroadcastAttr{});
  }
  // Rows of x, or of a constant, by indices of which some are out of range.
  void lookup(ValueId x) {
    if (shape(x).empty()) return;
    Tensor indices(DType::kI32, {random_.integer(1, 3), random_.integer(1, 4)});
    for (std::int64_t i = 0; i < indices.count(); ++i)
      indices.mutable_data<std::int32_t>()[i] = static_cast<std::int32_t>(random_.integer(-1, shape(x)[0]));
    const std::int64_t axis = random_.integer(0, static_cast<std::int64_t>(shape(x).size()) - 1);
    push(graph.add(OpKind::kGather, {x, graph.constant(indices)}, graph::GatherAttr{axis}));
  }
  // A scalar index that depends on the data, sometimes out of range.
  ValueId index() {
    const ValueId from = pick();
    graph::SliceAttr one;
    for (const std::int64_t n : shape(from)) {
      one.start.push_back(random_.integer(0, n - 1));
      one.limit.push_back(one.start.back() + 1);
      one.stride.push_back(1);
    }
    const ValueId element = shape(from).empty() ? from : graph.add(OpKind::kSlice, {from}, one);
    const ValueId single = graph.add_typed(OpKind::kReshape, {element}, {DType::kF32, {}});
    return graph.add_typed(OpKind::kConvert, {graph.add(OpKind::kMultiply, {single, scalar(4)})}, {DType::kI32, {}});
  }
  // Sizes of a part of x, and where it starts: constants, or indices that depend on the data.
  std::pair<Shape, std::vector<ValueId>> part_of(ValueId x) {
    std::pair<Shape, std::vector<ValueId>> part;
    const bool known = random_.chance(0.2);
    for (const std::int64_t n : shape(x)) {
      part.first.push_back(random_.chance(0.4) ? n : random_.integer(1, n));
      const auto at = Tensor::scalar_i32(static_cast<std::int32_t>(random_.integer(-1, n)));
      part.second.push_back(known || random_.chance(0.2) ? graph.constant(at) : index());
    }
    return part;
  }
  void dynamic_slice(ValueId x) {
    const auto [sizes, starts] = part_of(x);
    std::vector<ValueId> operands{x};
    operands.insert(operands.end(), starts.begin(), starts.end());
    push(graph.add(OpKind::kDynamicSlice, operands, graph::DynamicSliceAttr{sizes}));
  }
  void dynamic_update(ValueId x) {
    const auto [sizes, starts] = part_of(x);
    std::vector<ValueId> operands{x, constant(sizes)};
    if (random_.chance(0.7)) operands[1] = graph.add(OpKind::kNegate, {operands[1]});
    operands.insert(operands.end(), starts.begin(), starts.end());
    push(graph.add(OpKind::kDynamicUpdateSlice, operands));
  }
  // Integers that the matrix unit does not multiply, or only some of the chips: i32 x i32, i16 x i8, u8 x i16.
  void wide_integer_product(ValueId x) {
    if (shape(x).size() < 2 || graph.type(x).count() > 2000) return unary(x);
    static const DType types[][2] = {
        {DType::kI32, DType::kI32}, {DType::kI16, DType::kI8}, {DType::kU8, DType::kI16}, {DType::kI32, DType::kI8}};
    const auto& [left, right] = types[random_.integer(0, 3)];
    const ValueId q =
        graph.add_typed(OpKind::kConvert, {graph.add(OpKind::kMultiply, {x, like_scalar(x, 20)})}, {left, shape(x)});
    const auto rank = static_cast<std::int64_t>(shape(x).size());
    graph::TensorType type{DType::kI32, shape(x)};
    if (rank == 4 && random_.chance(0.5)) {
      graph::ConvAttr attr;
      attr.lhs_spatial = attr.rhs_spatial = attr.out_spatial = {2, 3};
      attr.stride = attr.lhs_dilation = attr.rhs_dilation = {1, 1};
      attr.pad_low = attr.pad_high = {1, 1};
      attr.feature_groups = random_.chance(0.5) ? shape(x)[1] : 1;
      type.shape[1] = 2 * attr.feature_groups;
      const Shape filter{type.shape[1], shape(x)[1] / attr.feature_groups, 3, 3};
      const ValueId w = graph.constant(random_tensor(random_, right, filter));
      push(graph.add_typed(OpKind::kConvert, {graph.add_typed(OpKind::kConvolution, {q, w}, type, attr)},
                           {DType::kF32, type.shape}));
      return;
    }
    graph::DotAttr attr;
    attr.lhs_contract = {rank - 1};
    attr.rhs_contract = {0};
    type.shape.back() = random_.integer(1, 8);
    const ValueId w = graph.constant(random_tensor(random_, right, {shape(x).back(), type.shape.back()}));
    push(graph.add_typed(OpKind::kConvert, {graph.add_typed(OpKind::kDotGeneral, {q, w}, type, attr)},
                         {DType::kF32, type.shape}));
  }
  // Three spatial dimensions: x as one image with its batch as depth.
  void deep_convolution(ValueId x) {
    if (shape(x).size() != 4 || shape(x)[2] < 2 || shape(x)[3] < 2) return unary(x);
    const Shape image = shape(x);
    const std::int64_t groups = random_.chance(0.3) ? image[1] : 1;
    const ValueId volume = graph.add_typed(OpKind::kReshape, {graph.add(OpKind::kTranspose, {x}, graph::TransposeAttr{{1, 0, 2, 3}})},
                                           {DType::kF32, {1, image[1], image[0], image[2], image[3]}});
    graph::ConvAttr attr;
    attr.lhs_spatial = attr.rhs_spatial = attr.out_spatial = {2, 3, 4};
    attr.stride = {random_.integer(1, 2), 1, random_.integer(1, 2)};
    attr.pad_low = {1, random_.integer(0, 1), 0};
    attr.pad_high = {1, 0, random_.integer(0, 1)};
    attr.lhs_dilation = {random_.integer(1, 2), 1, 1};
    attr.rhs_dilation = {1, 1, 1};
    attr.feature_groups = groups;
    const Shape filter{groups * random_.integer(1, 4), image[1] / groups, random_.integer(1, 2), 2, 2};
    graph::Op op{OpKind::kConvolution, {volume, constant(filter)}, -1, attr, {}};
    const graph::TensorType declared{DType::kF32, {}};
    const auto type = graph::infer_type(graph, op, &declared);
    assert(type.ok());
    if (!type.ok()) return;
    const ValueId y = graph.add_typed(OpKind::kConvolution, op.operands, *type, attr);
    push(graph.add_typed(OpKind::kReshape, {y}, {DType::kF32, {type->shape[1], type->shape[2], type->shape[3], type->shape[4]}}));
  }
  void softmax(ValueId x) {
    const auto rank = static_cast<std::int64_t>(shape(x).size());
    if (rank < 1) return;
    graph::BroadcastAttr broadcast;
    for (std::int64_t d = 0; d + 1 < rank; ++d) broadcast.dimensions.push_back(d);
    const ValueId m =
        graph.add(OpKind::kReduce, {x, scalar(-1e30f)}, graph::ReduceAttr{graph::Reduction::kMaximum, {rank - 1}});
    const ValueId e = graph.add(
        OpKind::kExponential,
        {graph.add(OpKind::kSubtract, {x, graph.add_typed(OpKind::kBroadcastInDim, {m}, graph.type(x), broadcast)})});
    const ValueId s = graph.add(OpKind::kReduce, {e, scalar(0)}, graph::ReduceAttr{graph::Reduction::kAdd, {rank - 1}});
    push(graph.add(OpKind::kDivide, {e, graph.add_typed(OpKind::kBroadcastInDim, {s}, graph.type(x), broadcast)}));
  }

  Random& random_;
  std::vector<ValueId> values_;
};

}  // namespace

graph::Graph random_graph(Random& random, int operators) { return GraphMaker(random, operators).graph; }

}  // namespace systole::graph
