// Element types that no chip has: i64 -> i32, f64 -> f32, i4 -> i8, unsigned 16 to 64 bits -> i32.
//
// A constant that does not fit is an error that names it, except a bound (identity of a minimum or maximum), which
// saturates. Of arithmetic on unsigned types of 16 bits and more, what could leave int32 is an error: it could wrap
// differently.
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

// Operators whose result lies in 0 .. 2^31 - 1 if their operands do, and is the same computed in int32.
bool stays_in_range(const Op& op) {
  const auto extreme = [](graph::Reduction r) { return r == graph::Reduction::kMaximum || r == graph::Reduction::kMinimum; };
  switch (op.kind) {
    case OpKind::kMaximum:
    case OpKind::kMinimum:
    case OpKind::kAnd:
    case OpKind::kOr:
    case OpKind::kXor:
    case OpKind::kRemainder:
    case OpKind::kShiftRightLogical:
    case OpKind::kCompare:
    case OpKind::kClamp:
      return true;
    case OpKind::kReduce:
      return extreme(op.get<graph::ReduceAttr>().reduction);
    case OpKind::kReduceWindow:
      return extreme(op.get<graph::ReduceWindowAttr>().reduction);
    default:
      return false;
  }
}

// Operators on 16 bits whose value fits int32 before it is cut to 16 bits again.
bool is_cut_to_16_bits(OpKind kind) {
  return kind == OpKind::kAdd || kind == OpKind::kSubtract || kind == OpKind::kShiftLeft;
}

Status check_unsigned(const Graph& graph, const Op& op) {
  if (only_moves(op.kind) || stays_in_range(op)) return ok_status();
  for (const ValueId id : op.operands) {
    const DType type = graph.type(id).type;
    if (!wide_unsigned(type) || (type == DType::kU16 && is_cut_to_16_bits(op.kind))) continue;
    return unsupported(place(op), fmt::format("{} of {} is not supported", graph::op_name(op.kind), dtype_name(type)),
                       "convert to int32 first");
  }
  return ok_status();
}

// An unsigned value held in int32, brought back into its type's range: sums and conversions saturate, shifts drop bits.
ValueId in_range(Rewriter& r, ValueId x, OpKind kind, DType type) {
  if (kind == OpKind::kShiftLeft) return r.emit(OpKind::kAnd, {x, r.filled(r.type(x), 0xFFFF)});
  const double most = type == DType::kU16 ? 0xFFFF : std::numeric_limits<std::int32_t>::max();
  return r.emit(OpKind::kClamp, {r.scalar(DType::kI32, 0), x, r.scalar(DType::kI32, most)});
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
      const ValueId x = r.convert(r[op.operands[0]], type.type);
      const DType from = graph.type(op.operands[0]).type;
      const bool narrower = from == DType::kU8 || from == DType::kPred || (wide_unsigned(from) && old.type != DType::kU16);
      const bool fits = !wide_unsigned(old.type) || narrower || from == old.type;
      r.map(op.result, fits ? x : in_range(r, x, op.kind, old.type));
    } else if (type.type == old.type) {
      r.map(op.result, r.copy(op));
    } else {
      const ValueId y = r.emit(op.kind, r.mapped(op.operands), op.attr, &type);
      r.map(op.result, old.type == DType::kU16 && is_cut_to_16_bits(op.kind) ? in_range(r, y, op.kind, old.type) : y);
    }
  }
  graph = r.finish();
  return ok_status();
}

}  // namespace systole::transform
