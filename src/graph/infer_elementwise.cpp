// Result types of elementwise operators: (C1) operand shapes agree, (C2) operand element types agree, (C3) the element
// type is one that the operator takes, (C4) and (C5) as said at select, clamp and convert.
#include "graph/infer.h"

namespace systole::graph {
namespace {

enum class Takes { kNumber, kFloat, kInteger, kIntegerOrPred, kNumberOrPred };

Takes taken_types(OpKind kind) {
  switch (kind) {
    case OpKind::kFloor:
    case OpKind::kCeil:
    case OpKind::kRoundNearestEven:
    case OpKind::kExponential:
    case OpKind::kExponentialMinusOne:
    case OpKind::kLog:
    case OpKind::kLogPlusOne:
    case OpKind::kLogistic:
    case OpKind::kTanh:
    case OpKind::kErf:
    case OpKind::kSqrt:
    case OpKind::kRsqrt:
    case OpKind::kSine:
    case OpKind::kCosine:
    case OpKind::kIsFinite:
      return Takes::kFloat;
    case OpKind::kNot:
    case OpKind::kAnd:
    case OpKind::kOr:
    case OpKind::kXor:
      return Takes::kIntegerOrPred;
    case OpKind::kShiftLeft:
    case OpKind::kShiftRightLogical:
    case OpKind::kShiftRightArithmetic:
      return Takes::kInteger;
    case OpKind::kMaximum:
    case OpKind::kMinimum:
    case OpKind::kCompare:
    case OpKind::kAdd:       // on pred: or (StableHLO)
    case OpKind::kMultiply:  // on pred: and
      return Takes::kNumberOrPred;
    default:
      return Takes::kNumber;
  }
}

bool accepts(Takes takes, DType type) {
  const bool real = is_real(type);
  switch (takes) {
    case Takes::kNumber:
      return real || is_integer(type);
    case Takes::kFloat:
      return real;
    case Takes::kInteger:
      return is_integer(type);
    case Takes::kIntegerOrPred:
      return is_integer(type) || type == DType::kPred;
    case Takes::kNumberOrPred:
      return true;
  }
  return false;
}

// (C4) pred has type i1 and the operands' shape or none; (C5) on_true and on_false have the same type.
Expected<TensorType> infer_select(const InferContext& c) {
  const TensorType &pred = c.operand(0), &on_true = c.operand(1), &on_false = c.operand(2);
  if (pred.type != DType::kPred) return c.fail(4, fmt::format("the condition is {}, not i1", type_text(pred)));
  if (!pred.shape.empty() && pred.shape != on_true.shape) {
    return c.fail(4, fmt::format("the condition is {}, the values are {}", type_text(pred), type_text(on_true)));
  }
  if (!(on_true == on_false)) {
    return c.fail(5, fmt::format("the values are {} and {}", type_text(on_true), type_text(on_false)));
  }
  return on_true;
}

// (C4) min and max have x's shape or none.
Expected<TensorType> infer_clamp(const InferContext& c) {
  const TensorType& x = c.operand(1);
  for (const std::size_t i : {0u, 2u}) {
    const TensorType& bound = c.operand(i);
    const char* name = i == 0 ? "min" : "max";
    if (bound.type != x.type) return c.fail(2, fmt::format("{} is {}, x is {}", name, type_text(bound), type_text(x)));
    if (!bound.shape.empty() && bound.shape != x.shape) {
      return c.fail(4, fmt::format("{} is {}, x is {}", name, type_text(bound), type_text(x)));
    }
  }
  if (x.type == DType::kPred) return c.fail(3, "cannot take i1");
  return x;
}

// (C4) the declared result has the operand's shape.
Expected<TensorType> infer_convert(const InferContext& c) {
  if (c.declared == nullptr) return c.fail(4, "needs a declared result type");
  if (c.declared->shape != c.operand(0).shape) {
    return c.fail(4, fmt::format("the operand is {}, the result {}", type_text(c.operand(0)), type_text(*c.declared)));
  }
  return *c.declared;
}

}  // namespace

Expected<TensorType> infer_elementwise(const InferContext& c) {
  if (c.op.kind == OpKind::kSelect) return infer_select(c);
  if (c.op.kind == OpKind::kClamp) return infer_clamp(c);
  if (c.op.kind == OpKind::kConvert) return infer_convert(c);
  const TensorType& first = c.operand(0);
  if (c.op.operands.size() == 2) {
    const TensorType& second = c.operand(1);
    if (first.shape != second.shape) {
      return c.fail(1, fmt::format("operands have shapes {} and {}; they must be equal", shape_text(first.shape),
                                   shape_text(second.shape)));
    }
    if (first.type != second.type) {
      return c.fail(2, fmt::format("operands have element types {} and {}; they must be equal", dtype_name(first.type),
                                   dtype_name(second.type)));
    }
  }
  if (!accepts(taken_types(c.op.kind), first.type)) {
    return c.fail(3, fmt::format("cannot take element type {}", dtype_name(first.type)));
  }
  const bool truth = c.op.kind == OpKind::kCompare || c.op.kind == OpKind::kIsFinite;
  return TensorType{truth ? DType::kPred : first.type, first.shape};
}

}  // namespace systole::graph
