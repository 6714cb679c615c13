// Moves converts from fp32 to the chip's operand format up through data movement, so that a tensor is stored narrow.
//
// A value all of whose uses end in such a convert, by way of reshape, transpose, slice, concatenate, pad, broadcast,
// gather or a maximum / minimum window, is converted where it is computed. Rounding is monotone and elementwise, so
// that these ops give the same bits either way.
#include "tensor/element.h"
#include "transform/passes.h"

namespace systole::transform {
namespace {

bool is_exact(const Graph& graph, const std::vector<int>& definition, ValueId scalar, DType to) {
  const int index = definition[static_cast<std::size_t>(scalar)];
  if (index < 0 || graph.ops[static_cast<std::size_t>(index)].kind != OpKind::kConstant) return false;
  const Tensor& value = graph.ops[static_cast<std::size_t>(index)].get<graph::ConstantAttr>().value;
  return value.converted(to).converted(value.type()).same_bits(value);
}

struct Narrowing {
  DType format;
  std::vector<bool> narrow;  // per value

  // The operands that follow the result's format, as a count of leading operands; 0: the op does not move data.
  std::size_t moved_operands(const Graph& g, const std::vector<int>& definition, const Op& op) const {
    switch (op.kind) {
      case OpKind::kReshape:
      case OpKind::kTranspose:
      case OpKind::kSlice:
      case OpKind::kReverse:
      case OpKind::kBroadcastInDim:
      case OpKind::kDynamicSlice:
      case OpKind::kGather:
        return 1;
      case OpKind::kDynamicUpdateSlice:
        return 2;
      case OpKind::kConcatenate:
        return op.operands.size();
      case OpKind::kPad:
        return is_exact(g, definition, op.operands[1], format) ? 2 : 0;
      case OpKind::kReduceWindow: {
        const auto reduction = op.get<graph::ReduceWindowAttr>().reduction;
        const bool picks = reduction == graph::Reduction::kMaximum || reduction == graph::Reduction::kMinimum;
        return picks && is_exact(g, definition, op.operands[1], format) ? 2 : 0;
      }
      default:
        return 0;
    }
  }
};

Narrowing find_narrow(const Graph& graph, const std::vector<int>& definition, DType format) {
  Narrowing n{format, {}};
  for (const graph::Value& value : graph.values) n.narrow.push_back(value.type.type == DType::kF32);
  for (const ValueId id : graph.outputs) n.narrow[static_cast<std::size_t>(id)] = false;
  const std::vector<int> uses = graph.use_count();
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (uses[i] == 0) n.narrow[i] = false;
  }
  for (std::size_t i = graph.ops.size(); i-- > 0;) {
    const Op& op = graph.ops[i];
    if (op.kind == OpKind::kConvert && graph.type(op.result).type == format) continue;
    const std::size_t moved =
        n.narrow[static_cast<std::size_t>(op.result)] ? n.moved_operands(graph, definition, op) : 0;
    for (std::size_t k = moved; k < op.operands.size(); ++k) n.narrow[static_cast<std::size_t>(op.operands[k])] = false;
  }
  return n;
}

}  // namespace

Status narrow_movement(Graph& graph, const Target& target) {
  if (!is_float(target.format) || dtype_bytes(target.format) >= 4) return ok_status();
  const std::vector<int> definition = graph.defining_op();
  const Narrowing n = find_narrow(graph, definition, target.format);
  return rewrite(graph, [&](Rewriter& r, const Op& op) -> Expected<ValueId> {
    if (!n.narrow[static_cast<std::size_t>(op.result)]) return r.copy(op);
    const std::size_t moved = n.moved_operands(r.from(), definition, op);
    if (moved == 0) return r.convert(r.copy(op), target.format);
    std::vector<ValueId> x = r.mapped(op.operands);
    for (std::size_t k = 0; k < moved; ++k) x[k] = r.convert(x[k], target.format);
    const TensorType type{target.format, r.from().type(op.result).shape};
    return r.emit(op.kind, x, op.attr, &type);
  });
}

}  // namespace systole::transform
