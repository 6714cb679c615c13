// The movement helpers of Rewriter: what they merge and what they leave out.
#include "transform/rewriter.h"

namespace systole::transform {
namespace {

// True if the dimensions longer than 1 keep their order, so that the transpose moves no data.
bool moves_only_units(const Shape& shape, const Dims& permutation) {
  std::int64_t last = -1;
  for (const std::int64_t p : permutation) {
    if (shape[static_cast<std::size_t>(p)] == 1) continue;
    if (p < last) return false;
    last = p;
  }
  return true;
}

}  // namespace

ValueId Rewriter::transpose(ValueId x, const Dims& permutation) {
  if (is_identity(permutation)) return x;
  const Shape result = permuted_shape(shape(x), permutation);
  if (const Tensor* value = constant(x)) return constant(permuted(*value, permutation));
  if (moves_only_units(shape(x), permutation)) return reshape(x, result);
  const Op* op = definition(x);
  if (op != nullptr && op->kind == OpKind::kTranspose) {
    Dims merged;
    for (const std::int64_t p : permutation)
      merged.push_back(op->get<graph::TransposeAttr>().permutation[static_cast<std::size_t>(p)]);
    return transpose(op->operands[0], merged);
  }
  if (op != nullptr && op->kind == OpKind::kBroadcastInDim) {
    Dims dims = op->get<graph::BroadcastAttr>().dimensions;
    const Dims to = inverse(permutation);
    for (std::int64_t& d : dims) d = to[static_cast<std::size_t>(d)];
    return broadcast(op->operands[0], dims, result);
  }
  if (op != nullptr && op->kind == OpKind::kIota) {
    const std::int64_t d = inverse(permutation)[static_cast<std::size_t>(op->get<graph::IotaAttr>().dimension)];
    const TensorType type{this->type(x).type, result};
    return emit(OpKind::kIota, {}, graph::IotaAttr{d}, &type);
  }
  return emit(OpKind::kTranspose, {x}, graph::TransposeAttr{permutation});
}

ValueId Rewriter::reshape(ValueId x, const Shape& to) {
  if (shape(x) == to) return x;
  if (const Tensor* value = constant(x)) return constant(value->reshaped(to));
  const Op* op = definition(x);
  if (op != nullptr && op->kind == OpKind::kReshape) return reshape(op->operands[0], to);
  if (op != nullptr && op->kind == OpKind::kBroadcastInDim && shape(op->operands[0]).empty()) {
    return broadcast(op->operands[0], {}, to);
  }
  const TensorType type{this->type(x).type, to};
  return emit(OpKind::kReshape, {x}, {}, &type);
}

// The operand of the op emitted has no dimension of size 1, and its dimensions stay in order.
ValueId Rewriter::broadcast(ValueId x, const Dims& dimensions, const Shape& to) {
  const Op* op = definition(x);
  if (op != nullptr && op->kind == OpKind::kBroadcastInDim) {
    Dims merged;
    for (const std::int64_t d : op->get<graph::BroadcastAttr>().dimensions)
      merged.push_back(dimensions[static_cast<std::size_t>(d)]);
    // A dimension of size 1 that the inner broadcast made is free in the outer one.
    return broadcast(op->operands[0], merged, to);
  }
  Dims order;
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    if (shape(x)[i] != 1) order.push_back(static_cast<std::int64_t>(i));
  }
  Dims full = identity(dimensions.size());
  const auto by_target = [&](std::int64_t a, std::int64_t b) {
    return dimensions[static_cast<std::size_t>(a)] < dimensions[static_cast<std::size_t>(b)];
  };
  std::sort(order.begin(), order.end(), by_target);
  std::sort(full.begin(), full.end(), by_target);
  const ValueId sorted = transpose(x, full);
  if (element_count(shape(x)) == element_count(to)) return reshape(sorted, to);
  Dims dims;
  Shape squeezed;
  for (const std::int64_t i : order) {
    dims.push_back(dimensions[static_cast<std::size_t>(i)]);
    squeezed.push_back(shape(x)[static_cast<std::size_t>(i)]);
  }
  const ValueId operand = reshape(sorted, squeezed);
  const TensorType type{this->type(x).type, to};
  return emit(OpKind::kBroadcastInDim, {operand}, graph::BroadcastAttr{dims}, &type);
}

ValueId Rewriter::slice(ValueId x, const Dims& start, const Dims& limit, const Dims& stride) {
  Shape result;
  for (std::size_t i = 0; i < start.size(); ++i) result.push_back((limit[i] - start[i] + stride[i] - 1) / stride[i]);
  if (result == shape(x)) return x;
  if (const Tensor* value = constant(x)) return constant(sliced(*value, start, limit, stride));
  const Op* op = definition(x);
  if (op != nullptr && op->kind == OpKind::kBroadcastInDim && shape(op->operands[0]).empty()) {
    return broadcast(op->operands[0], {}, result);
  }
  if (op != nullptr && op->kind == OpKind::kSlice) {
    const auto& inner = op->get<graph::SliceAttr>();
    Dims s, l, t;
    for (std::size_t i = 0; i < start.size(); ++i) {
      s.push_back(result[i] == 0 ? 0 : inner.start[i] + start[i] * inner.stride[i]);
      t.push_back(inner.stride[i] * stride[i]);
      l.push_back(result[i] == 0 ? 0 : s[i] + (result[i] - 1) * t[i] + 1);
    }
    const ValueId source = op->operands[0];
    return slice(source, s, l, t);
  }
  return emit(OpKind::kSlice, {x}, graph::SliceAttr{start, limit, stride});
}

ValueId Rewriter::reverse(ValueId x, const Dims& dimensions) {
  Dims real;
  for (const std::int64_t d : dimensions) {
    if (shape(x)[static_cast<std::size_t>(d)] > 1) real.push_back(d);
  }
  if (real.empty()) return x;
  if (const Tensor* value = constant(x)) return constant(reversed(*value, real));
  const Op* op = definition(x);
  if (op != nullptr && op->kind == OpKind::kBroadcastInDim && shape(op->operands[0]).empty()) return x;
  return emit(OpKind::kReverse, {x}, graph::ReverseAttr{real});
}

ValueId Rewriter::concatenate(const std::vector<ValueId>& parts, std::int64_t dimension) {
  std::vector<ValueId> real;
  std::vector<Tensor> values;
  for (const ValueId id : parts) {
    if (shape(id)[static_cast<std::size_t>(dimension)] == 0) continue;
    real.push_back(id);
    if (const Tensor* value = constant(id)) values.push_back(*value);
  }
  if (real.empty()) return parts.front();
  if (real.size() == 1) return real.front();
  if (values.size() == real.size()) return constant(concatenated(values, dimension));
  return emit(OpKind::kConcatenate, real, graph::ConcatenateAttr{dimension});
}

ValueId Rewriter::pad(ValueId x, ValueId value, const Dims& low, const Dims& high, const Dims& interior) {
  bool inner = false;
  for (std::size_t i = 0; i < interior.size(); ++i) inner = inner || (interior[i] != 0 && shape(x)[i] > 1);
  if (is_zero(low) && is_zero(high) && !inner) return x;
  return emit(OpKind::kPad, {x, value}, graph::PadAttr{low, high, inner ? interior : Dims(low.size(), 0)});
}

ValueId Rewriter::convert(ValueId x, DType to) {
  if (type(x).type == to) return x;
  if (const Tensor* value = constant(x)) return constant(converted(*value, to));
  const Op* op = definition(x);
  if (op != nullptr && op->kind == OpKind::kBroadcastInDim && constant(op->operands[0]) != nullptr) {
    const Dims dims = op->get<graph::BroadcastAttr>().dimensions;
    const Shape result = shape(x);
    return broadcast(convert(op->operands[0], to), dims, result);
  }
  const TensorType declared{to, shape(x)};
  return emit(OpKind::kConvert, {x}, {}, &declared);
}

ValueId Rewriter::copy(const Op& op) {
  const std::vector<ValueId> x = mapped(op.operands);
  const TensorType& old = from_.type(op.result);
  switch (op.kind) {
    case OpKind::kTranspose:
      return transpose(x[0], op.get<graph::TransposeAttr>().permutation);
    case OpKind::kReshape:
      return reshape(x[0], old.shape);
    case OpKind::kBroadcastInDim:
      return broadcast(x[0], op.get<graph::BroadcastAttr>().dimensions, old.shape);
    case OpKind::kSlice: {
      const auto& a = op.get<graph::SliceAttr>();
      return slice(x[0], a.start, a.limit, a.stride);
    }
    case OpKind::kReverse:
      return reverse(x[0], op.get<graph::ReverseAttr>().dimensions);
    case OpKind::kConcatenate:
      return concatenate(x, op.get<graph::ConcatenateAttr>().dimension);
    case OpKind::kPad: {
      const auto& a = op.get<graph::PadAttr>();
      return pad(x[0], x[1], a.low, a.high, a.interior);
    }
    case OpKind::kConvert:
      return convert(x[0], old.type);
    default:
      return emit(op.kind, x, op.attr, &old);
  }
}

}  // namespace systole::transform
