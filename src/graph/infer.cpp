#include "graph/infer.h"

#include <algorithm>

namespace systole::graph {
namespace {

// How many operands an op takes; -1: any number from 1.
int operand_count(OpKind kind) {
  if (kind == OpKind::kConstant || kind == OpKind::kIota) return 0;
  if (kind >= OpKind::kAbs && kind <= OpKind::kConvert) return 1;
  if (kind >= OpKind::kAdd && kind <= OpKind::kCompare) return 2;
  switch (kind) {
    case OpKind::kSelect:
    case OpKind::kClamp:
      return 3;
    case OpKind::kBroadcastInDim:
    case OpKind::kReshape:
    case OpKind::kTranspose:
    case OpKind::kSlice:
    case OpKind::kReverse:
      return 1;
    case OpKind::kConcatenate:
    case OpKind::kDynamicSlice:
    case OpKind::kDynamicUpdateSlice:
      return -1;
    default:
      return 2;
  }
}

template <typename T>
bool holds(const Attr& attr) {
  return std::holds_alternative<T>(attr);
}

bool attribute_matches(OpKind kind, const Attr& attr) {
  switch (kind) {
    case OpKind::kConstant:
      return holds<ConstantAttr>(attr);
    case OpKind::kIota:
      return holds<IotaAttr>(attr);
    case OpKind::kCompare:
      return holds<CompareAttr>(attr);
    case OpKind::kBroadcastInDim:
      return holds<BroadcastAttr>(attr);
    case OpKind::kTranspose:
      return holds<TransposeAttr>(attr);
    case OpKind::kSlice:
      return holds<SliceAttr>(attr);
    case OpKind::kConcatenate:
      return holds<ConcatenateAttr>(attr);
    case OpKind::kPad:
      return holds<PadAttr>(attr);
    case OpKind::kReverse:
      return holds<ReverseAttr>(attr);
    case OpKind::kGather:
      return holds<GatherAttr>(attr);
    case OpKind::kDynamicSlice:
      return holds<DynamicSliceAttr>(attr);
    case OpKind::kReduce:
      return holds<ReduceAttr>(attr);
    case OpKind::kReduceWindow:
      return holds<ReduceWindowAttr>(attr);
    case OpKind::kDotGeneral:
      return holds<DotAttr>(attr);
    case OpKind::kConvolution:
      return holds<ConvAttr>(attr);
    default:
      return holds<std::monostate>(attr);
  }
}

Status check_form(const InferContext& c) {
  const int wanted = operand_count(c.op.kind);
  const auto given = static_cast<int>(c.op.operands.size());
  if (wanted >= 0 ? given != wanted : given < 1) {
    return c.fail(0, fmt::format("takes {} operand{}, not {}", wanted < 0 ? "at least 1" : std::to_string(wanted),
                                 wanted == 1 ? "" : "s", given));
  }
  for (const ValueId id : c.op.operands) {
    if (id < 0 || static_cast<std::size_t>(id) >= c.graph.values.size()) {
      return c.fail(0, fmt::format("operand {} does not exist", id));
    }
  }
  if (!attribute_matches(c.op.kind, c.op.attr)) return c.fail(0, "has the attributes of another operator");
  return ok_status();
}

Expected<TensorType> infer_constant(const InferContext& c) {
  const Tensor& value = c.op.get<ConstantAttr>().value;
  TensorType type{value.type(), value.shape()};
  if (value.identity() == nullptr) return c.fail(2, "has no value");
  if (c.declared != nullptr && !(*c.declared == type)) {
    return c.fail(1, fmt::format("the value is {}, the declared type {}", type_text(type), type_text(*c.declared)));
  }
  return type;
}

Expected<TensorType> infer_iota(const InferContext& c) {
  if (c.declared == nullptr) return c.fail(1, "needs a declared result type");
  const std::int64_t dimension = c.op.get<IotaAttr>().dimension;
  if (dimension < 0 || dimension >= static_cast<std::int64_t>(c.declared->shape.size())) {
    return c.fail(2, fmt::format("iota_dimension {} is not a dimension of {}", dimension, type_text(*c.declared)));
  }
  if (c.declared->type == DType::kPred) return c.fail(3, "the result must be a number");
  return *c.declared;
}

Expected<TensorType> dispatch(const InferContext& c) {
  if (is_elementwise(c.op.kind)) return infer_elementwise(c);
  switch (c.op.kind) {
    case OpKind::kConstant:
      return infer_constant(c);
    case OpKind::kIota:
      return infer_iota(c);
    case OpKind::kReduce:
    case OpKind::kReduceWindow:
      return infer_reduction(c);
    case OpKind::kDotGeneral:
      return infer_dot(c);
    case OpKind::kConvolution:
      return infer_convolution(c);
    default:
      return infer_movement(c);
  }
}

}  // namespace

std::string type_text(const TensorType& type) {
  std::string text = "tensor<";
  for (const std::int64_t size : type.shape) text += fmt::format("{}x", size);
  return text + std::string(dtype_name(type.type)) + ">";
}

std::string InferContext::place() const {
  std::string text = fmt::format("{}.{}", op_dialect(op.kind), op_name(op.kind));
  if (!op.source.empty()) text += fmt::format(" from '{}'", op.source);
  return text;
}

Error InferContext::fail(int constraint, const std::string& message) const {
  return invalid_input(place(), fmt::format("(C{}) {}", constraint, message));
}

Expected<TensorType> infer_type(const Graph& graph, const Op& op, const TensorType* declared) {
  const InferContext context{graph, op, declared};
  SYSTOLE_TRY(check_form(context));
  if (declared != nullptr) SYSTOLE_TRY(check_shape(declared->shape, context.place()));
  SYSTOLE_ASSIGN(TensorType type, dispatch(context));
  SYSTOLE_TRY(check_shape(type.shape, context.place()));
  return type;
}

}  // namespace systole::graph
