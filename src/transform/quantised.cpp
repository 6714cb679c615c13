// Contractions of dequantised operands -> integer contractions, when the operand format is int8.
//
//   (sa * (a - za)) . (sw * (w - zw)) = sa * sw * (a . (w - zw) - za * sum(w - zw)), the sum per output feature
// a: i8 or u8 with one scale and zero point. w: constant; its scale may run along the output features; w - zw is stored
// as i8 where it fits, else i16. Padding of a convolution becomes a pad of a with za, so that the correction holds at
// the border. Without constant weights both sides are centred (x - zero point) into i8 or i16 first. The products and
// sums are exact in int32; the scale is one fp32 multiplication.
#include "tensor/element.h"
#include "transform/passes.h"

namespace systole::transform {
namespace {

// What a dequantised value stands for: scale * (q - zero).
struct Quantised {
  ValueId q = -1;
  std::int64_t zero = 0;
  std::vector<double> scale;  // one, or one per element of dimension `axis`
  std::int64_t axis = -1;
  explicit operator bool() const { return q >= 0; }
};

bool is_byte(DType type) { return type == DType::kI8 || type == DType::kU8; }

// A constant, or a broadcast of one, that is one value or varies along one dimension.
bool read_scale(const Rewriter& r, ValueId id, Quantised& out) {
  const Op* op = r.definition(id);
  Dims dims = identity(r.shape(id).size());
  if (op != nullptr && op->kind == OpKind::kBroadcastInDim)
    dims = op->get<graph::BroadcastAttr>().dimensions, id = op->operands[0];
  const Tensor* value = r.constant(id);
  if (value == nullptr || value->type() != DType::kF32) return false;
  std::int64_t axis = -1;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (value->shape()[i] == 1) continue;
    if (axis >= 0) return false;
    axis = dims[i];
  }
  out.axis = axis, out.scale.clear();
  for (std::int64_t i = 0; i < value->count(); ++i) out.scale.push_back(static_cast<double>(value->data<float>()[i]));
  return true;
}

// convert(q), or convert(subtract(convert(q), zero point)).
bool read_integer(const Rewriter& r, ValueId id, Quantised& out) {
  const Op* op = r.definition(id);
  if (op == nullptr || op->kind != OpKind::kConvert) return false;
  const Op* inner = r.definition(op->operands[0]);
  out.q = op->operands[0], out.zero = 0;
  if (inner != nullptr && inner->kind == OpKind::kSubtract) {
    double zero = 0;
    if (!uniform_constant(r, inner->operands[1], zero)) return false;
    out.zero = static_cast<std::int64_t>(zero);
    if (const Tensor* t = r.constant(inner->operands[0]); t != nullptr && t->type() == DType::kI32) {
      out.q = inner->operands[0];
      return true;
    }
    out.q = inner->operands[0];
  }
  const Op* widened = r.definition(out.q);
  if (widened != nullptr && widened->kind == OpKind::kConvert && r.type(out.q).type == DType::kI32)
    out.q = widened->operands[0];
  return is_byte(r.type(out.q).type);
}

// Constants whose conversions the helpers have folded: integers as f32 or i32 constants.
bool read_constant(const Rewriter& r, ValueId id, Quantised& out) {
  const Tensor* t = r.constant(id);
  if (t == nullptr || t->type() != DType::kF32) return false;
  for (std::int64_t i = 0; i < t->count(); ++i) {
    const float x = t->data<float>()[i];
    if (!(x >= -128.0f && x <= 255.0f) || x != static_cast<float>(static_cast<int>(x))) return false;
  }
  out.q = id, out.zero = 0;
  return true;
}

Quantised match(Rewriter& r, ValueId id) {
  const Op* op = r.definition(id);
  if (op == nullptr || r.type(id).type != DType::kF32) return {};
  if (op->kind == OpKind::kTranspose) {
    const Dims permutation = op->get<graph::TransposeAttr>().permutation;
    Quantised inner = match(r, op->operands[0]);
    if (!inner) return {};
    inner.q = r.transpose(inner.q, permutation);
    if (inner.axis >= 0) inner.axis = inverse(permutation)[static_cast<std::size_t>(inner.axis)];
    return inner;
  }
  if (op->kind == OpKind::kReshape) {
    const Shape shape = r.shape(id);
    Quantised inner = match(r, op->operands[0]);
    if (!inner || inner.axis >= 0) return {};
    inner.q = r.reshape(inner.q, shape);
    return inner;
  }
  if (op->kind != OpKind::kMultiply) return {};
  const std::vector<ValueId> x = op->operands;
  for (const std::size_t side : {1u, 0u}) {
    Quantised out;
    if (!read_scale(r, x[side], out)) continue;
    if (read_integer(r, x[1 - side], out) || read_constant(r, x[1 - side], out)) return out;
  }
  return {};
}

// q - zero as i8 where it fits, else i16; a constant is computed here.
ValueId centred(Rewriter& r, const Quantised& v) {
  if (const Tensor* t = r.constant(v.q)) {
    Tensor wide(DType::kI16, t->shape());
    bool narrow = true;
    for (std::int64_t i = 0; i < t->count(); ++i) {
      const auto x =
          static_cast<std::int64_t>(load_as_double(t->type(), t->raw() + i * dtype_bytes(t->type()))) - v.zero;
      narrow = narrow && x >= -128 && x <= 127;
      wide.mutable_data<std::int16_t>()[i] = static_cast<std::int16_t>(x);
    }
    return r.constant(narrow ? wide.converted(DType::kI8) : wide);
  }
  if (v.zero == 0) return v.q;
  const ValueId q = r.convert(v.q, DType::kI32);
  const bool narrow = r.type(v.q).type == DType::kU8 && v.zero == 128;
  return r.convert(r.emit(OpKind::kSubtract, {q, r.filled(r.type(q), static_cast<double>(v.zero))}),
                   narrow ? DType::kI8 : DType::kI16);
}

// -zero * sum of the weights of each output feature, along dimension `feature` of the result.
ValueId correction(Rewriter& r, std::int64_t zero, ValueId weights, std::int64_t weight_feature, std::int64_t feature,
                   const Shape& result) {
  const Tensor& w = *r.constant(weights);
  const std::int64_t n = w.shape()[static_cast<std::size_t>(weight_feature)];
  const std::int64_t inner = row_major_strides(w.shape())[static_cast<std::size_t>(weight_feature)];
  std::vector<std::int32_t> sums(static_cast<std::size_t>(n), 0);
  for (std::int64_t i = 0; i < w.count(); ++i) {
    const std::int64_t x = load_as_i64(w.type(), w.raw() + i * dtype_bytes(w.type()));
    sums[static_cast<std::size_t>(i / inner % n)] -= static_cast<std::int32_t>(zero * x);
  }
  return r.broadcast(r.constant(Tensor::of<std::int32_t>(DType::kI32, {n}, sums)), {feature}, result);
}

// Explicit padding with the zero point; the convolution's own becomes 0.
ValueId padded_with_zero_point(Rewriter& r, const Quantised& a, graph::ConvAttr& conv) {
  Dims low(r.shape(a.q).size(), 0), high = low;
  for (std::size_t i = 0; i < conv.pad_low.size(); ++i) {
    const auto d = static_cast<std::size_t>(conv.lhs_spatial[i]);
    std::swap(low[d], conv.pad_low[i]), std::swap(high[d], conv.pad_high[i]);
  }
  return r.pad(a.q, r.scalar(r.type(a.q).type, static_cast<double>(a.zero)), low, high, Dims(low.size(), 0));
}

struct Sides {
  std::int64_t feature = 0,
               weight_feature = 0;  // of the result, of the weights; -1: the weights have several free dimensions
};

Sides sides_of(const Op& op, std::size_t rhs_rank, std::size_t result_rank) {
  if (op.kind == OpKind::kConvolution)
    return {op.get<graph::ConvAttr>().out_feature, op.get<graph::ConvAttr>().rhs_output};
  const auto& a = op.get<graph::DotAttr>();
  Dims used = a.rhs_batch;
  used.insert(used.end(), a.rhs_contract.begin(), a.rhs_contract.end());
  if (!a.rhs_batch.empty() || rhs_rank != used.size() + 1) return {-1, -1};
  std::int64_t free = 0;
  while (std::find(used.begin(), used.end(), free) != used.end()) ++free;
  return {static_cast<std::int64_t>(result_rank) - 1, free};
}

ValueId integer_contraction(Rewriter& r, const Op& op) {
  const TensorType type = r.from().type(op.result);
  const Quantised a = match(r, r[op.operands[0]]), w = match(r, r[op.operands[1]]);
  if (type.type != DType::kF32 || !a || !w || a.axis >= 0) return -1;
  const Sides sides = sides_of(op, r.shape(w.q).size(), type.shape.size());
  if (w.axis >= 0 && w.axis != sides.weight_feature) return -1;
  const ValueId weights = centred(r, w);
  const bool dilated = op.kind == OpKind::kConvolution &&
                       op.get<graph::ConvAttr>().lhs_dilation != Dims(op.get<graph::ConvAttr>().lhs_dilation.size(), 1);
  ValueId sums = -1;
  if (a.zero != 0 && r.constant(weights) != nullptr && r.constant(a.q) == nullptr && sides.weight_feature >= 0 &&
      !dilated) {
    Attr attr = op.attr;
    const ValueId x =
        op.kind == OpKind::kConvolution ? padded_with_zero_point(r, a, std::get<graph::ConvAttr>(attr)) : a.q;
    sums = r.contract(op.kind, x, weights, std::move(attr), DType::kI32);
    sums =
        r.emit(OpKind::kAdd, {sums, correction(r, a.zero, weights, sides.weight_feature, sides.feature, type.shape)});
  } else {
    sums = r.contract(op.kind, centred(r, a), weights, op.attr, DType::kI32);
  }
  Tensor scale(DType::kF32, w.axis >= 0 ? Shape{static_cast<std::int64_t>(w.scale.size())} : Shape{});
  for (std::size_t i = 0; i < w.scale.size(); ++i)
    scale.mutable_data<float>()[i] = static_cast<float>(a.scale[0] * w.scale[i]);
  const Dims along = w.axis >= 0 ? Dims{sides.feature} : Dims{};
  return r.emit(OpKind::kMultiply,
                {r.convert(sums, DType::kF32), r.broadcast(r.constant(std::move(scale)), along, type.shape)});
}

}  // namespace

Status contract_integers(Graph& graph, const Target& target) {
  if (target.format != DType::kI8 && target.format != DType::kU8) return ok_status();
  return rewrite(graph, [](Rewriter& r, const Op& op) -> Expected<ValueId> {
    if (op.kind != OpKind::kDotGeneral && op.kind != OpKind::kConvolution) return r.copy(op);
    const ValueId integer = integer_contraction(r, op);
    return integer >= 0 ? integer : r.copy(op);
  });
}

}  // namespace systole::transform
