#include "compile/expression.h"

#include <algorithm>
#include <bit>

#include "graph/vector_function.h"

namespace systole::compile {

using graph::CompareDirection;
using graph::OpKind;

namespace {

std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }
std::uint32_t bits_of_int(std::int32_t x) { return static_cast<std::uint32_t>(x); }

std::optional<MicroOpcode> bit_operation(OpKind kind) {
  switch (kind) {
    case OpKind::kAnd:
      return MicroOpcode::kAnd;
    case OpKind::kOr:
      return MicroOpcode::kOr;
    case OpKind::kXor:
      return MicroOpcode::kXor;
    default:
      return std::nullopt;
  }
}

}  // namespace

NodeId ExpressionBuilder::add(Node node) {
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i] == node) return static_cast<NodeId>(i);
  nodes_.push_back(std::move(node));
  return static_cast<NodeId>(nodes_.size() - 1);
}

NodeId ExpressionBuilder::load(int slot) {
  Node node;
  node.kind = Node::Kind::kLoad;
  node.slot = slot;
  return add(node);
}

NodeId ExpressionBuilder::constant(std::uint32_t bits) {
  Node node;
  node.kind = Node::Kind::kConstant;
  node.bits = bits;
  return add(node);
}

NodeId ExpressionBuilder::pinned(int reg) {
  Node node;
  node.kind = Node::Kind::kPinned;
  node.slot = reg;
  return add(node);
}

NodeId ExpressionBuilder::op(MicroOpcode opcode, std::vector<NodeId> arguments) {
  Node node;
  node.kind = Node::Kind::kOp;
  node.opcode = opcode;
  node.arguments = std::move(arguments);
  return add(node);
}

NodeId ExpressionBuilder::call(VectorFunction function, std::vector<NodeId> arguments) {
  Node node;
  node.kind = Node::Kind::kCall;
  node.function = function;
  node.arguments = std::move(arguments);
  return add(node);
}

// f32_to_fixed, kept as fp32.
NodeId ExpressionBuilder::round_to_fixed(NodeId node, int fraction) {
  const auto one = static_cast<float>(1 << fraction);
  const NodeId scaled = op(MicroOpcode::kFRint, {op(MicroOpcode::kFMul, {node, constant(bits_of(one))})});
  const NodeId low = op(MicroOpcode::kFMax, {scaled, constant(bits_of(-32768.0f))});
  return op(MicroOpcode::kFMul,
            {op(MicroOpcode::kFMin, {low, constant(bits_of(32767.0f))}), constant(bits_of(1.0f / one))});
}

// Values in registers are exact fp32 or int32; a narrower type rounds after every operation.
NodeId ExpressionBuilder::round_to(NodeId node, DType type) {
  const auto clamp = [&](std::int32_t low, std::int32_t high) {
    return op(MicroOpcode::kIMin,
              {op(MicroOpcode::kIMax, {node, constant(bits_of_int(low))}), constant(bits_of_int(high))});
  };
  if (is_fixed(type)) return round_to_fixed(node, fraction_bits(type));
  switch (type) {
    case DType::kBF16:
      return op(MicroOpcode::kFToBF16, {node});
    case DType::kF16:
      return op(MicroOpcode::kFToF16, {node});
    case DType::kF8E4M3:
      return op(MicroOpcode::kFToF8E4M3, {node});
    case DType::kF8E5M2:
      return op(MicroOpcode::kFToF8E5M2, {node});
    case DType::kTF32:
      return op(MicroOpcode::kFToTF32, {node});
    case DType::kI4:
      return clamp(-8, 7);
    case DType::kI8:
      return clamp(-128, 127);
    case DType::kU8:
      return clamp(0, 255);
    case DType::kI16:
      return clamp(-32768, 32767);
    case DType::kU16:
      return clamp(0, 65535);
    default:
      return node;
  }
}

// A count outside [0, width) gives 0, or the sign (StableHLO); formats narrower than a word shift in their own low
// bits.
NodeId ExpressionBuilder::shift(OpKind kind, DType type, NodeId x, NodeId count) {
  const int width = type == DType::kI4 ? 4 : static_cast<int>(std::min<std::int64_t>(8 * dtype_bytes(type), 32));
  const NodeId unused = constant(static_cast<std::uint32_t>(32 - width)),
               last = constant(static_cast<std::uint32_t>(width - 1));
  const NodeId valid = op(MicroOpcode::kAnd, {op(MicroOpcode::kILessEqual, {count, last}),
                                              op(MicroOpcode::kILessEqual, {constant(0), count})});
  const NodeId inside = op(MicroOpcode::kSelect, {valid, count, last});
  const MicroOpcode extend = is_unsigned(type) ? MicroOpcode::kShiftRight : MicroOpcode::kShiftRightArithmetic;
  const auto in_width = [&](MicroOpcode right, NodeId value) {
    return op(right, {op(MicroOpcode::kShiftLeft, {value, unused}), unused});
  };
  switch (kind) {
    case OpKind::kShiftLeft:
      x = op(MicroOpcode::kShiftLeft, {x, inside});
      break;
    case OpKind::kShiftRightLogical:
      x = op(MicroOpcode::kShiftRight, {in_width(MicroOpcode::kShiftRight, x), inside});
      break;
    default:
      x = op(MicroOpcode::kShiftRightArithmetic, {in_width(MicroOpcode::kShiftRightArithmetic, x), inside});
      break;
  }
  x = in_width(extend, x);
  return kind == OpKind::kShiftRightArithmetic ? x : op(MicroOpcode::kSelect, {valid, x, constant(0)});
}

std::optional<NodeId> ExpressionBuilder::elementwise(const graph::Op& graph_op, const graph::Graph& graph,
                                                     const std::vector<NodeId>& operands) {
  const DType result = graph.type(graph_op.result).type;
  const DType operand = graph.type(graph_op.operands[0]).type;
  const OpKind kind = graph_op.kind;

  if (kind == OpKind::kCompare) {
    const bool real = is_real(operand);
    const MicroOpcode less = real ? MicroOpcode::kFLess : MicroOpcode::kILess;
    const MicroOpcode less_equal = real ? MicroOpcode::kFLessEqual : MicroOpcode::kILessEqual;
    const MicroOpcode equal = real ? MicroOpcode::kFEqual : MicroOpcode::kIEqual;
    const NodeId a = operands[0], b = operands[1];
    switch (graph_op.get<graph::CompareAttr>().direction) {
      case CompareDirection::kEQ:
        return op(equal, {a, b});
      case CompareDirection::kNE:
        return op(MicroOpcode::kXor, {op(equal, {a, b}), constant(1)});
      case CompareDirection::kLT:
        return op(less, {a, b});
      case CompareDirection::kLE:
        return op(less_equal, {a, b});
      case CompareDirection::kGT:
        return op(less, {b, a});
      case CompareDirection::kGE:
        return op(less_equal, {b, a});
    }
    return std::nullopt;
  }
  if (kind == OpKind::kSelect) return op(MicroOpcode::kSelect, operands);
  if (kind == OpKind::kClamp) {
    const bool real = is_real(result);
    const NodeId low = call(real ? VectorFunction::kMaximum : VectorFunction::kIMaximum, {operands[0], operands[1]});
    return call(real ? VectorFunction::kMinimum : VectorFunction::kIMinimum, {low, operands[2]});
  }
  if (kind == OpKind::kIsFinite)
    return op(MicroOpcode::kFLess,
              {op(MicroOpcode::kAnd, {operands[0], constant(0x7FFFFFFFu)}), constant(0x7F800000u)});
  if (kind == OpKind::kNot) {
    const std::uint32_t ones =
        is_unsigned(result) && dtype_bytes(result) < 4 ? (1u << (8 * dtype_bytes(result))) - 1 : ~0u;
    return op(MicroOpcode::kXor, {operands[0], constant(result == DType::kPred ? 1u : ones)});
  }
  if (kind == OpKind::kShiftLeft || kind == OpKind::kShiftRightLogical || kind == OpKind::kShiftRightArithmetic)
    return shift(kind, result, operands[0], operands[1]);
  if (result == DType::kPred && kind == OpKind::kAdd) return op(MicroOpcode::kOr, operands);
  if (result == DType::kPred && kind == OpKind::kMultiply) return op(MicroOpcode::kAnd, operands);
  if (kind == OpKind::kConvert) {
    NodeId x = operands[0];
    if (result == DType::kPred) {
      const NodeId zero = is_real(operand) ? constant(bits_of(0.0f)) : constant(0);
      const NodeId equal = op(is_real(operand) ? MicroOpcode::kFEqual : MicroOpcode::kIEqual, {x, zero});
      return op(MicroOpcode::kXor, {equal, constant(1)});
    }
    if (is_real(operand) && !is_real(result)) x = op(MicroOpcode::kFToITruncate, {x});
    if (!is_real(operand) && is_real(result)) x = op(MicroOpcode::kIToF, {x});
    return round_to(x, result);
  }
  if (const auto bits = bit_operation(kind)) return op(*bits, operands);
  const VectorFunction function = graph::vector_function(kind, is_real(result));
  if (function == VectorFunction::kCount) return std::nullopt;
  return round_to(call(function, operands), result);
}

}  // namespace systole::compile
