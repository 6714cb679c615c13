// Random well-formed graphs that reach every operator.
#pragma once

#include <limits>

#include "helpers.h"

namespace systole::graph {

class RandomGraph {
 public:
  explicit RandomGraph(std::uint64_t seed) : random_(seed) {}

  Graph make(int ops) {
    graph_ = {};
    for (int i = 0; i < 2; ++i)
      f32_.push_back(graph_.add_input({DType::kF32, shape(2)}, "in\"put" + std::to_string(i)));
    i32_.push_back(graph_.add_input({DType::kI32, shape(2)}, "index"));
    graph_.values[0].name = "another name";
    for (int i = 0; i < ops; ++i) step();
    graph_.add_output(graph_.ops.back().result, "last\n");
    graph_.add_output(f32_.back(), "y");
    return std::move(graph_);
  }

 private:
  Shape shape(int rank) {
    Shape s;
    for (int i = 0; i < rank; ++i) s.push_back(random_.integer(1, 4));
    return s;
  }
  ValueId pick(const std::vector<ValueId>& from) {
    return from[static_cast<std::size_t>(random_.integer(0, static_cast<std::int64_t>(from.size()) - 1))];
  }
  std::int64_t dim(ValueId x) { return random_.integer(0, static_cast<std::int64_t>(graph_.type(x).shape.size()) - 1); }
  std::vector<std::int64_t> list(std::size_t n, int low, int high) {
    std::vector<std::int64_t> l(n);
    for (auto& x : l) x = random_.integer(low, high);
    return l;
  }
  ValueId scalar(DType type) { return graph_.constant(random_f32(random_, {}, -2, 3).converted(type)); }
  ValueId index(std::int64_t value) { return graph_.constant(i32({}, {static_cast<std::int32_t>(value)})); }
  std::string source() {
    return random_.chance(0.3) ? "node \"" + std::to_string(random_.integer(0, 99)) + "\"\\" : "";
  }

  // Keeps a result for later ops by its type; only ranks that stay handy.
  void keep(ValueId id) {
    const TensorType& t = graph_.type(id);
    if (random_.chance(0.2)) graph_.values[static_cast<std::size_t>(id)].name = "v" + std::to_string(id);
    if (t.shape.empty() || t.shape.size() > 4 || t.count() > 500 || t.count() == 0) return;
    if (t.type == DType::kF32) f32_.push_back(id);
    if (t.type == DType::kI32) i32_.push_back(id);
  }
  ValueId add(OpKind kind, std::vector<ValueId> operands, Attr attr = {}) {
    return graph_.add(kind, std::move(operands), std::move(attr), source());
  }

  void step() {
    const auto kind = static_cast<OpKind>(random_.integer(0, static_cast<int>(OpKind::kCount) - 1));
    if (is_elementwise(kind))
      keep(elementwise(kind));
    else if (kind >= OpKind::kBroadcastInDim && kind <= OpKind::kDynamicUpdateSlice)
      keep(movement(kind));
    else
      keep(other(kind));
  }

  ValueId elementwise(OpKind kind) {
    const ValueId x = pick(f32_), n = pick(i32_);
    switch (kind) {
      case OpKind::kNot:
        return add(kind, {n});
      case OpKind::kAnd:
      case OpKind::kOr:
      case OpKind::kXor:
      case OpKind::kShiftLeft:
      case OpKind::kShiftRightLogical:
      case OpKind::kShiftRightArithmetic:
        return add(kind, {n, n});
      case OpKind::kCompare:
        return add(kind, {x, x}, CompareAttr{static_cast<CompareDirection>(random_.integer(0, 5))});
      case OpKind::kSelect:
        return add(kind, {add(OpKind::kIsFinite, {x}), x, x});
      case OpKind::kClamp:
        return add(kind, {scalar(DType::kF32), x, scalar(DType::kF32)});
      case OpKind::kConvert:
        return graph_.add_typed(kind, {x}, {random_.chance(0.5) ? DType::kI32 : DType::kBF16, graph_.type(x).shape}, {},
                                source());
      default:
        return kind >= OpKind::kAdd ? add(kind, {x, x}) : add(kind, {x});
    }
  }

  ValueId movement(OpKind kind) {
    const ValueId x = pick(f32_);
    const Shape s = graph_.type(x).shape;
    const std::size_t rank = s.size();
    switch (kind) {
      case OpKind::kBroadcastInDim: {
        Shape to = s;
        to.insert(to.begin(), 2);
        std::vector<std::int64_t> dims(rank);
        for (std::size_t i = 0; i < rank; ++i) dims[i] = static_cast<std::int64_t>(i) + 1;
        return graph_.add_typed(kind, {x}, {DType::kF32, to}, BroadcastAttr{dims}, source());
      }
      case OpKind::kReshape:
        return graph_.add_typed(kind, {x}, {DType::kF32, {1, element_count(s)}}, {}, source());
      case OpKind::kTranspose: {
        std::vector<std::int64_t> p(rank);
        for (std::size_t i = 0; i < rank; ++i) p[i] = static_cast<std::int64_t>(rank - 1 - i);
        return add(kind, {x}, TransposeAttr{p});
      }
      case OpKind::kSlice:
        return add(kind, {x}, SliceAttr{Shape(rank, 0), s, list(rank, 1, 2)});
      case OpKind::kConcatenate:
        return add(kind, {x, x, x}, ConcatenateAttr{dim(x)});
      case OpKind::kPad:
        return add(kind, {x, scalar(DType::kF32)}, PadAttr{list(rank, 0, 1), list(rank, 0, 2), list(rank, 0, 1)});
      case OpKind::kReverse:
        return add(kind, {x}, ReverseAttr{{dim(x)}});
      case OpKind::kGather:
        return add(kind, {x, pick(i32_)}, GatherAttr{dim(x)});
      case OpKind::kDynamicSlice: {
        std::vector<ValueId> operands = {x};
        for (std::size_t i = 0; i < rank; ++i) operands.push_back(index(random_.integer(-1, 3)));
        return add(kind, operands, DynamicSliceAttr{Shape(rank, 1)});
      }
      default: {
        std::vector<ValueId> operands = {x, x};
        for (std::size_t i = 0; i < rank; ++i) operands.push_back(index(random_.integer(-1, 3)));
        return add(kind, operands);
      }
    }
  }

  ValueId other(OpKind kind) {
    const ValueId x = pick(f32_);
    const std::size_t rank = graph_.type(x).shape.size();
    switch (kind) {
      case OpKind::kConstant:
        return constant();
      case OpKind::kIota:
        return graph_.add_typed(kind, {}, {DType::kI32, {2, 3}}, IotaAttr{random_.integer(0, 1)}, source());
      case OpKind::kReduce:
        return add(kind, {x, scalar(DType::kF32)}, ReduceAttr{static_cast<Reduction>(random_.integer(0, 3)), {dim(x)}});
      case OpKind::kReduceWindow:
        return add(kind, {x, scalar(DType::kF32)},
                   ReduceWindowAttr{static_cast<Reduction>(random_.integer(0, 3)), list(rank, 1, 2), list(rank, 1, 2),
                                    list(rank, 1, 2), list(rank, 1, 2), list(rank, 0, 1), list(rank, 0, 1)});
      case OpKind::kDotGeneral: {
        DotAttr a{{}, {}, {dim(x)}, {}, static_cast<Algorithm>(random_.integer(0, 2))};
        a.rhs_contract = a.lhs_contract;
        if (rank > 1) {
          a.lhs_batch = {(a.lhs_contract[0] + 1) % static_cast<std::int64_t>(rank)};
          a.rhs_batch = a.lhs_batch;
        }
        return add(kind, {x, x}, a);
      }
      default:
        return convolution();
    }
  }

  ValueId constant() {
    const DType types[] = {DType::kPred, DType::kI4,  DType::kI8,   DType::kI32, DType::kI64,    DType::kU8,
                           DType::kU32,  DType::kU64, DType::kBF16, DType::kF16, DType::kF8E4M3, DType::kF8E5M2,
                           DType::kTF32, DType::kF32, DType::kF64,  DType::kQ8_8};
    const DType type = types[random_.integer(0, 15)];
    const Shape s = random_.chance(0.2)   ? Shape{10, 10}
                    : random_.chance(0.1) ? Shape{0, 2}
                                          : shape(static_cast<int>(random_.integer(0, 3)));
    Tensor t = random_f32(random_, s, type == DType::kPred ? 0 : -8, 7).converted(type);
    if (random_.chance(0.3) && t.count() > 0 && type == DType::kF32) {
      t.mutable_data<float>()[0] = random_.chance(0.5) ? -0.0f : std::numeric_limits<float>::infinity();
    }
    return graph_.constant(t, source());
  }

  ValueId convolution() {
    const ValueId x = graph_.constant(random_f32(random_, {1, 5, 6, 4})),
                  k = graph_.constant(random_f32(random_, {2, 2, 1, 8}));
    ConvAttr a;
    a.lhs_feature = a.out_feature = 3;
    a.lhs_spatial = a.out_spatial = {1, 2};
    a.rhs_spatial = {0, 1};
    a.rhs_input = 2;
    a.rhs_output = 3;
    a.stride = list(2, 1, 2);
    a.lhs_dilation = list(2, 1, 2);
    a.rhs_dilation = list(2, 1, 2);
    a.pad_low = list(2, -1, 1);
    a.pad_high = list(2, -1, 1);
    a.feature_groups = 4;
    a.placement = random_.chance(0.5) ? Placement::kVectorUnit : Placement::kMatrixUnit;
    return add(OpKind::kConvolution, {x, k}, a);
  }

  Random random_;
  Graph graph_;
  std::vector<ValueId> f32_, i32_;
};

// Inputs that fit a graph of RandomGraph.
inline std::vector<Tensor> random_inputs(const Graph& g, std::uint64_t seed) {
  Random random(seed);
  std::vector<Tensor> inputs;
  for (const ValueId id : g.inputs) {
    const TensorType& t = g.type(id);
    inputs.push_back(t.type == DType::kF32 ? random_f32(random, t.shape) : random_i32(random, t.shape, -4, 4));
  }
  return inputs;
}

}  // namespace systole::graph
