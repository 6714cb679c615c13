// Element types that no chip has: i64 -> i32, f64 -> f32, i4 -> i8, unsigned 16 to 64 bits -> i32.
//
// A constant that does not fit is an error that names it, except a bound (identity of a minimum or maximum), which
// saturates. Arithmetic on unsigned types of 16 bits and more is an error: it could wrap differently.
#include <fmt/core.h>

#include <cmath>
#include <limits>

#include "tensor/element.h"
#include "transform/passes.h"

namespace systole::transform {
namespace {

DType lowered_type(DType type) {
  switch (type) {
    case DType::kI64:
    case DType::kU16:
    case DType::kU32:
    case DType::kU64:
      return DType::kI32;
    case DType::kF64:
      return DType::kF32;
    case DType::kI4:
      return DType::kI8;
    default:
      return type;
  }
}

bool wide_unsigned(DType type) { return type == DType::kU16 || type == DType::kU32 || type == DType::kU64; }

bool only_moves(OpKind kind) {
  if (kind >= OpKind::kBroadcastInDim && kind <= OpKind::kDynamicUpdateSlice) return true;
  return kind == OpKind::kConstant || kind == OpKind::kIota || kind == OpKind::kConvert || kind == OpKind::kSelect;
}

Status check_unsigned(const Graph& graph, const Op& op) {
  if (only_moves(op.kind)) return ok_status();
  for (const ValueId id : op.operands) {
    if (!wide_unsigned(graph.type(id).type)) continue;
    return unsupported(place(op), fmt::format("arithmetic on {} is not supported", dtype_name(graph.type(id).type)),
                       "convert to int32 first");
  }
  return ok_status();
}

// Values that only bound others: out of range they may saturate.
std::vector<bool> bounds_only(const Graph& graph) {
  std::vector<bool> bound(graph.values.size(), true);
  for (std::size_t n = graph.ops.size(); n-- > 0;) {
    const Op& op = graph.ops[n];
    bool bounding = op.kind == OpKind::kMaximum || op.kind == OpKind::kMinimum || op.kind == OpKind::kClamp ||
                    op.kind == OpKind::kReduce || op.kind == OpKind::kReduceWindow;
    if (op.kind == OpKind::kBroadcastInDim || op.kind == OpKind::kReshape)
      bounding = bound[static_cast<std::size_t>(op.result)];
    if (bounding) continue;
    for (const ValueId id : op.operands) bound[static_cast<std::size_t>(id)] = false;
  }
  for (const ValueId id : graph.outputs) bound[static_cast<std::size_t>(id)] = false;
  return bound;
}

Expected<Tensor> narrowed(const Op& op, const Tensor& value, bool bound) {
  const DType to = lowered_type(value.type());
  const std::int64_t size = dtype_bytes(value.type());
  for (std::int64_t i = 0; i < value.count() && to != value.type() && !bound; ++i) {
    const std::uint8_t* p = value.raw() + i * size;
    if (value.type() == DType::kF64) {
      const double x = load_as_double(value.type(), p);
      if (std::isfinite(x) && std::isinf(static_cast<float>(x))) {
        return unsupported(place(op), fmt::format("constant {} does not fit into fp32", x));
      }
    } else if (to == DType::kI32) {
      const std::int64_t x = load_as_i64(value.type(), p);
      if (x < std::numeric_limits<std::int32_t>::min() || x > std::numeric_limits<std::int32_t>::max()) {
        return unsupported(place(op), fmt::format("constant {} does not fit into int32, the chip's widest integer", x));
      }
    }
  }
  return value.converted(to);
}

}  // namespace

Status convert_types(Graph& graph, const Target&) {
  graph.remove_dead_ops();
  std::vector<TensorType> inputs;
  for (const ValueId id : graph.inputs) {
    inputs.push_back({lowered_type(graph.type(id).type), graph.type(id).shape});
  }
  const std::vector<bool> bound = bounds_only(graph);
  Rewriter r(graph, inputs);
  for (const Op& op : graph.ops) {
    r.set_source(op.source);
    SYSTOLE_TRY(check_unsigned(graph, op));
    const TensorType& old = graph.type(op.result);
    const TensorType type{lowered_type(old.type), old.shape};
    if (op.kind == OpKind::kConstant) {
      SYSTOLE_ASSIGN(Tensor value,
                     narrowed(op, op.get<graph::ConstantAttr>().value, bound[static_cast<std::size_t>(op.result)]));
      r.map(op.result, r.constant(std::move(value)));
    } else if (op.kind == OpKind::kConvert) {
      r.map(op.result, r.convert(r[op.operands[0]], type.type));
    } else if (type.type == old.type) {
      r.map(op.result, r.copy(op));
    } else {
      r.map(op.result, r.emit(op.kind, r.mapped(op.operands), op.attr, &type));
    }
  }
  graph = r.finish();
  return ok_status();
}

}  // namespace systole::transform
