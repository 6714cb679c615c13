// Operators that move elements without looking at them, and iota.
#include <algorithm>
#include <cstring>

#include "graph/eval.h"
#include "graph/strided.h"
#include "tensor/element.h"

namespace systole::graph {
namespace {

// x's elements starting at `offset` with `stride` per result dimension.
Tensor view_copy(const Tensor& x, const Shape& shape, std::int64_t offset, const Shape& stride) {
  Tensor result(x.type(), shape);
  const std::int64_t size = dtype_bytes(x.type());
  strided_copy(result.mutable_raw(), row_major_strides(shape), x.raw() + offset * size, stride, shape, size);
  return result;
}

Tensor broadcast(const Step& step) {
  const Tensor& x = step.operand(0);
  const auto& dims = step.op.get<BroadcastAttr>().dimensions;
  const Shape strides = row_major_strides(x.shape());
  Shape stride(step.result.shape.size(), 0);
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (x.shape()[i] != 1) stride[static_cast<std::size_t>(dims[i])] = strides[i];
  }
  return view_copy(x, step.result.shape, 0, stride);
}

Tensor slice(const Step& step) {
  const Tensor& x = step.operand(0);
  const auto& a = step.op.get<SliceAttr>();
  Shape stride = row_major_strides(x.shape());
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < stride.size(); ++i) {
    offset += a.start[i] * stride[i];
    stride[i] *= a.stride[i];
  }
  return view_copy(x, step.result.shape, offset, stride);
}

Tensor reverse(const Step& step) {
  const Tensor& x = step.operand(0);
  if (x.count() == 0) return x;
  Shape stride = row_major_strides(x.shape());
  std::int64_t offset = 0;
  for (const std::int64_t d : step.op.get<ReverseAttr>().dimensions) {
    const auto i = static_cast<std::size_t>(d);
    offset += (x.shape()[i] - 1) * stride[i];
    stride[i] = -stride[i];
  }
  return view_copy(x, x.shape(), offset, stride);
}

Tensor concatenate(const Step& step) {
  Tensor result(step.result.type, step.result.shape);
  const std::int64_t size = dtype_bytes(step.result.type);
  const Shape to = row_major_strides(step.result.shape);
  std::uint8_t* out = result.mutable_raw();
  const auto d = static_cast<std::size_t>(step.op.get<ConcatenateAttr>().dimension);
  for (const Tensor* x : step.operands) {
    strided_copy(out, to, x->raw(), row_major_strides(x->shape()), x->shape(), size);
    out += x->shape()[d] * to[d] * size;
  }
  return result;
}

Tensor pad(const Step& step) {
  const Tensor& x = step.operand(0);
  const auto& a = step.op.get<PadAttr>();
  Tensor result(step.result.type, step.result.shape);
  const std::int64_t size = dtype_bytes(x.type());
  std::uint8_t* out = result.mutable_raw();
  fill(out, result.count(), step.operand(1).raw(), size);
  // Of each dimension the elements first .. last - 1 land inside the result: 0 <= low + i * step < result size.
  Shape shape = x.shape(), to = row_major_strides(step.result.shape);
  const Shape from = row_major_strides(x.shape());
  std::int64_t to_offset = 0, from_offset = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t pace = a.interior[i] + 1, low = a.low[i];
    const std::int64_t first = low < 0 ? (-low + pace - 1) / pace : 0;
    const std::int64_t room = step.result.shape[i] - low;
    const std::int64_t last = room <= 0 ? 0 : std::min(shape[i], (room + pace - 1) / pace);
    shape[i] = std::max<std::int64_t>(last - first, 0);
    to_offset += (low + first * pace) * to[i];
    from_offset += first * from[i];
    to[i] *= pace;
  }
  if (element_count(shape) > 0)
    strided_copy(out + to_offset * size, to, x.raw() + from_offset * size, from, shape, size);
  return result;
}

Tensor gather(const Step& step) {
  const Tensor &table = step.operand(0), &indices = step.operand(1);
  Tensor result(step.result.type, step.result.shape);
  const auto axis = static_cast<std::ptrdiff_t>(step.op.get<GatherAttr>().axis);
  const auto at = table.shape().begin() + axis;
  const std::int64_t outer = element_count({table.shape().begin(), at}), length = *at;
  const std::int64_t bytes = element_count({at + 1, table.shape().end()}) * dtype_bytes(table.type());
  const std::int64_t index_bytes = dtype_bytes(indices.type());
  std::uint8_t* out = result.mutable_raw();
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < indices.count(); ++i, out += bytes) {
      const std::int64_t index = load_as_i64(indices.type(), indices.raw() + i * index_bytes);
      const std::int64_t row = std::clamp<std::int64_t>(index, 0, length - 1);
      if (bytes > 0) std::memcpy(out, table.raw() + (o * length + row) * bytes, static_cast<std::size_t>(bytes));
    }
  }
  return result;
}

// Where a dynamic slice of `sizes` starts in x, in elements; each start is clamped so that the slice lies inside.
std::int64_t clamped_offset(const Step& step, std::size_t first, const Shape& sizes) {
  const Tensor& x = step.operand(0);
  const Shape strides = row_major_strides(x.shape());
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const Tensor& start = step.operand(first + i);
    offset += std::clamp<std::int64_t>(load_as_i64(start.type(), start.raw()), 0, x.shape()[i] - sizes[i]) * strides[i];
  }
  return offset;
}

Tensor dynamic_slice(const Step& step) {
  const Tensor& x = step.operand(0);
  return view_copy(x, step.result.shape, clamped_offset(step, 1, step.result.shape), row_major_strides(x.shape()));
}

Tensor dynamic_update_slice(const Step& step) {
  Tensor result = step.operand(0);
  const Tensor& update = step.operand(1);
  const std::int64_t offset = clamped_offset(step, 2, update.shape()), size = dtype_bytes(result.type());
  strided_copy(result.mutable_raw() + offset * size, row_major_strides(result.shape()), update.raw(),
               row_major_strides(update.shape()), update.shape(), size);
  return result;
}

}  // namespace

Tensor eval_movement(const Step& step) {
  switch (step.op.kind) {
    case OpKind::kBroadcastInDim:
      return broadcast(step);
    case OpKind::kReshape:
      return step.operand(0).reshaped(step.result.shape);
    case OpKind::kTranspose:
      return transposed(step.operand(0), step.op.get<TransposeAttr>().permutation);
    case OpKind::kSlice:
      return slice(step);
    case OpKind::kConcatenate:
      return concatenate(step);
    case OpKind::kPad:
      return pad(step);
    case OpKind::kReverse:
      return reverse(step);
    case OpKind::kGather:
      return gather(step);
    case OpKind::kDynamicSlice:
      return dynamic_slice(step);
    default:
      return dynamic_update_slice(step);
  }
}

Tensor eval_iota(const Step& step) {
  Tensor result(step.result.type, step.result.shape);
  const std::int64_t size = dtype_bytes(step.result.type);
  const auto d = static_cast<std::size_t>(step.op.get<IotaAttr>().dimension);
  const std::int64_t pace = row_major_strides(step.result.shape)[d], length = step.result.shape[d];
  std::uint8_t* out = result.mutable_raw();
  for (std::int64_t i = 0; i < result.count(); ++i, out += size)
    store_from_i64(step.result.type, out, i / pace % length);
  return result;
}

}  // namespace systole::graph
