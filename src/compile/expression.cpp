#include "compile/expression.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace systole::compile {

using graph::CompareDirection;
using graph::OpKind;

namespace {

std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }
std::uint32_t bits_of_int(std::int32_t x) { return static_cast<std::uint32_t>(x); }

std::optional<VectorFunction> float_function(OpKind kind) {
  switch (kind) {
    case OpKind::kAbs: return VectorFunction::kAbs;
    case OpKind::kNegate: return VectorFunction::kNegate;
    case OpKind::kSign: return VectorFunction::kSign;
    case OpKind::kFloor: return VectorFunction::kFloor;
    case OpKind::kCeil: return VectorFunction::kCeil;
    case OpKind::kRoundNearestEven: return VectorFunction::kRound;
    case OpKind::kExponential: return VectorFunction::kExp;
    case OpKind::kExponentialMinusOne: return VectorFunction::kExpm1;
    case OpKind::kLog: return VectorFunction::kLog;
    case OpKind::kLogPlusOne: return VectorFunction::kLog1p;
    case OpKind::kLogistic: return VectorFunction::kLogistic;
    case OpKind::kTanh: return VectorFunction::kTanh;
    case OpKind::kErf: return VectorFunction::kErf;
    case OpKind::kSqrt: return VectorFunction::kSqrt;
    case OpKind::kRsqrt: return VectorFunction::kRsqrt;
    case OpKind::kSine: return VectorFunction::kSin;
    case OpKind::kCosine: return VectorFunction::kCos;
    case OpKind::kAdd: return VectorFunction::kAdd;
    case OpKind::kSubtract: return VectorFunction::kSubtract;
    case OpKind::kMultiply: return VectorFunction::kMultiply;
    case OpKind::kDivide: return VectorFunction::kDivide;
    case OpKind::kMaximum: return VectorFunction::kMaximum;
    case OpKind::kMinimum: return VectorFunction::kMinimum;
    case OpKind::kPower: return VectorFunction::kPower;
    case OpKind::kRemainder: return VectorFunction::kRemainder;
    default: return std::nullopt;
  }
}

std::optional<VectorFunction> int_function(OpKind kind) {
  switch (kind) {
    case OpKind::kAbs: return VectorFunction::kIAbs;
    case OpKind::kNegate: return VectorFunction::kINegate;
    case OpKind::kSign: return VectorFunction::kISign;
    case OpKind::kAdd: return VectorFunction::kIAdd;
    case OpKind::kSubtract: return VectorFunction::kISubtract;
    case OpKind::kMultiply: return VectorFunction::kIMultiply;
    case OpKind::kDivide: return VectorFunction::kIDivide;
    case OpKind::kMaximum: return VectorFunction::kIMaximum;
    case OpKind::kMinimum: return VectorFunction::kIMinimum;
    case OpKind::kPower: return VectorFunction::kIPower;
    case OpKind::kRemainder: return VectorFunction::kIRemainder;
    default: return std::nullopt;
  }
}

std::optional<MicroOpcode> bit_operation(OpKind kind) {
  switch (kind) {
    case OpKind::kAnd: return MicroOpcode::kAnd;
    case OpKind::kOr: return MicroOpcode::kOr;
    case OpKind::kXor: return MicroOpcode::kXor;
    default: return std::nullopt;
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

// Values in registers are exact fp32 or int32; a narrower type rounds after every operation.
NodeId ExpressionBuilder::round_to(NodeId node, DType type) {
  const auto clamp = [&](std::int32_t low, std::int32_t high) {
    return op(MicroOpcode::kIMin, {op(MicroOpcode::kIMax, {node, constant(bits_of_int(low))}), constant(bits_of_int(high))});
  };
  switch (type) {
    case DType::kBF16: return op(MicroOpcode::kFToBF16, {node});
    case DType::kF16: return op(MicroOpcode::kFToF16, {node});
    case DType::kF8E4M3: return op(MicroOpcode::kFToF8E4M3, {node});
    case DType::kF8E5M2: return op(MicroOpcode::kFToF8E5M2, {node});
    case DType::kTF32: return op(MicroOpcode::kFToTF32, {node});
    case DType::kQ8_8: {   // f32_to_q88, kept as fp32
      const NodeId scaled = op(MicroOpcode::kFRint, {op(MicroOpcode::kFMul, {node, constant(bits_of(256.0f))})});
      const NodeId low = op(MicroOpcode::kFMax, {scaled, constant(bits_of(-32768.0f))});
      return op(MicroOpcode::kFMul, {op(MicroOpcode::kFMin, {low, constant(bits_of(32767.0f))}), constant(bits_of(0x1p-8f))});
    }
    case DType::kI4: return clamp(-8, 7);
    case DType::kI8: return clamp(-128, 127);
    case DType::kU8: return clamp(0, 255);
    case DType::kI16: return clamp(-32768, 32767);
    case DType::kU16: return clamp(0, 65535);
    default: return node;
  }
}

// A count outside [0, width) gives 0, or the sign (StableHLO); formats narrower than a word shift in their own low bits.
NodeId ExpressionBuilder::shift(OpKind kind, DType type, NodeId x, NodeId count) {
  const int width = type == DType::kI4 ? 4 : static_cast<int>(std::min<std::int64_t>(8 * dtype_bytes(type), 32));
  const NodeId unused = constant(static_cast<std::uint32_t>(32 - width)), last = constant(static_cast<std::uint32_t>(width - 1));
  const NodeId valid = op(MicroOpcode::kAnd, {op(MicroOpcode::kILessEqual, {count, last}), op(MicroOpcode::kILessEqual, {constant(0), count})});
  const NodeId inside = op(MicroOpcode::kSelect, {valid, count, last});
  const MicroOpcode extend = is_unsigned(type) ? MicroOpcode::kShiftRight : MicroOpcode::kShiftRightArithmetic;
  const auto in_width = [&](MicroOpcode right, NodeId value) { return op(right, {op(MicroOpcode::kShiftLeft, {value, unused}), unused}); };
  switch (kind) {
    case OpKind::kShiftLeft: x = op(MicroOpcode::kShiftLeft, {x, inside}); break;
    case OpKind::kShiftRightLogical: x = op(MicroOpcode::kShiftRight, {in_width(MicroOpcode::kShiftRight, x), inside}); break;
    default: x = op(MicroOpcode::kShiftRightArithmetic, {in_width(MicroOpcode::kShiftRightArithmetic, x), inside}); break;
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
      case CompareDirection::kEQ: return op(equal, {a, b});
      case CompareDirection::kNE: return op(MicroOpcode::kXor, {op(equal, {a, b}), constant(1)});
      case CompareDirection::kLT: return op(less, {a, b});
      case CompareDirection::kLE: return op(less_equal, {a, b});
      case CompareDirection::kGT: return op(less, {b, a});
      case CompareDirection::kGE: return op(less_equal, {b, a});
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
    const std::uint32_t ones = is_unsigned(result) && dtype_bytes(result) < 4 ? (1u << (8 * dtype_bytes(result))) - 1 : ~0u;
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
  const auto function = is_real(result) ? float_function(kind) : int_function(kind);
  if (!function) return std::nullopt;
  return round_to(call(*function, operands), result);
}

namespace {

struct Value {
  bool is_constant = false;
  std::uint32_t bits = 0;
  int reg = -1;
};

}  // namespace

// Linear scan over the nodes in dependency order: a register is free again after the last use of its node.
class RegisterAllocator {
 public:
  RegisterAllocator(const ExpressionBuilder& builder, int reserved) : builder_(builder), values_(builder.nodes_.size()) {
    for (int r = kRegisters - 1; r >= reserved; --r) free_.push_back(r);
  }

  std::optional<MicroProgram> run(NodeId root, int store_slot, int target) {
    order(root);
    uses_.assign(builder_.nodes_.size(), 0);
    for (const NodeId id : order_)
      for (const NodeId argument : node(id).arguments) ++uses_[static_cast<std::size_t>(argument)];
    ++uses_[static_cast<std::size_t>(root)];
    for (const NodeId id : order_)
      if (!compute(id)) return std::nullopt;
    const Value result = values_[static_cast<std::size_t>(root)];
    MicroOp last;
    if (store_slot >= 0) {
      last.op = MicroOpcode::kStore;
      last.slot = static_cast<std::uint8_t>(store_slot);
    } else {
      if (!result.is_constant && result.reg == target) return std::move(program_);
      last.op = MicroOpcode::kMove;
      last.d = static_cast<std::uint8_t>(target);
    }
    if (result.is_constant && store_slot < 0) {
      last.imm_operand = MicroOp::Imm::kA;
      last.imm = result.bits;
    } else {
      const int reg = result.is_constant ? materialize(result.bits) : result.reg;
      if (reg < 0) return std::nullopt;
      last.a = static_cast<std::uint8_t>(reg);
    }
    program_.push_back(last);
    return std::move(program_);
  }

 private:
  using Node = ExpressionBuilder::Node;
  const Node& node(NodeId id) const { return builder_.nodes_[static_cast<std::size_t>(id)]; }

  void order(NodeId id) {
    if (seen_.size() < builder_.nodes_.size()) seen_.resize(builder_.nodes_.size(), false);
    if (seen_[static_cast<std::size_t>(id)]) return;
    seen_[static_cast<std::size_t>(id)] = true;
    for (const NodeId argument : node(id).arguments) order(argument);
    order_.push_back(id);
  }

  int take() {
    if (free_.empty()) return -1;
    const int r = free_.back();
    free_.pop_back();
    return r;
  }
  void give(int r) { free_.push_back(r); }

  void release(NodeId id) {
    if (--uses_[static_cast<std::size_t>(id)] == 0) {
      const Value& v = values_[static_cast<std::size_t>(id)];
      if (!v.is_constant && node(id).kind != Node::Kind::kPinned) give(v.reg);
    }
  }

  bool compute(NodeId id) {
    Value& value = values_[static_cast<std::size_t>(id)];
    const Node& n = node(id);
    switch (n.kind) {
      case Node::Kind::kConstant: value = {true, n.bits, -1}; return true;
      case Node::Kind::kPinned: value = {false, 0, n.slot}; return true;
      case Node::Kind::kLoad: {
        value.reg = take();
        if (value.reg < 0) return false;
        MicroOp micro;
        micro.op = MicroOpcode::kLoad;
        micro.d = static_cast<std::uint8_t>(value.reg);
        micro.slot = static_cast<std::uint8_t>(n.slot);
        program_.push_back(micro);
        return true;
      }
      case Node::Kind::kOp: return compute_op(n, value);
      case Node::Kind::kCall: return compute_call(n, value);
    }
    return false;
  }

  // A register that holds a constant, for the rare operation with two of them.
  int materialize(std::uint32_t bits) {
    const int r = take();
    if (r < 0) return -1;
    MicroOp micro;
    micro.op = MicroOpcode::kConst;
    micro.d = static_cast<std::uint8_t>(r);
    micro.imm = bits;
    micro.imm_operand = MicroOp::Imm::kA;
    program_.push_back(micro);
    return r;
  }

  bool compute_op(const Node& n, Value& value) {
    MicroOp micro;
    micro.op = n.opcode;
    std::vector<int> temporaries;
    for (std::size_t i = 0; i < n.arguments.size(); ++i) {
      const Value& argument = values_[static_cast<std::size_t>(n.arguments[i])];
      int reg = argument.reg;
      if (argument.is_constant) {
        if (micro.imm_operand == MicroOp::Imm::kNone) {
          micro.imm_operand = static_cast<MicroOp::Imm>(i + 1);
          micro.imm = argument.bits;
          continue;
        }
        reg = materialize(argument.bits);
        if (reg < 0) return false;
        temporaries.push_back(reg);
      }
      (i == 0 ? micro.a : i == 1 ? micro.b : micro.c) = static_cast<std::uint8_t>(reg);
    }
    for (const NodeId argument : n.arguments) release(argument);
    for (const int r : temporaries) give(r);
    value.reg = take();
    if (value.reg < 0) return false;
    micro.d = static_cast<std::uint8_t>(value.reg);
    program_.push_back(micro);
    return true;
  }

  bool compute_call(const Node& n, Value& value) {
    const FunctionProgram& function = function_program(n.function);
    std::array<int, kRegisters> map{};
    map.fill(-1);
    std::vector<int> temporaries;
    for (std::size_t i = 0; i < n.arguments.size(); ++i) {
      const Value& argument = values_[static_cast<std::size_t>(n.arguments[i])];
      map[i] = argument.reg;
      if (argument.is_constant && !can_substitute(function, static_cast<int>(i), n)) {
        map[i] = materialize(argument.bits);
        if (map[i] < 0) return false;
        temporaries.push_back(map[i]);
      }
    }
    for (int r = function.inputs; r < function.registers; ++r) {
      map[static_cast<std::size_t>(r)] = take();
      if (map[static_cast<std::size_t>(r)] < 0) return false;
      if (r != function.result) temporaries.push_back(map[static_cast<std::size_t>(r)]);
    }
    for (MicroOp micro : function.program) {
      const auto move = [&](std::uint8_t& operand, MicroOp::Imm which) {
        if (micro.imm_operand == which) return;
        if (map[operand] >= 0) {
          operand = static_cast<std::uint8_t>(map[operand]);
          return;
        }
        const Value& argument = values_[static_cast<std::size_t>(n.arguments[operand])];
        micro.imm_operand = which;
        micro.imm = argument.bits;
        operand = 0;
      };
      const int operands = micro_operand_count(micro.op);
      if (operands > 0) move(micro.a, MicroOp::Imm::kA);
      if (operands > 1) move(micro.b, MicroOp::Imm::kB);
      if (operands > 2) move(micro.c, MicroOp::Imm::kC);
      micro.d = static_cast<std::uint8_t>(map[micro.d]);
      program_.push_back(micro);
    }
    for (const NodeId argument : n.arguments) release(argument);
    for (const int r : temporaries) give(r);
    value.reg = map[static_cast<std::size_t>(function.result)];
    return true;
  }

  // Whether every use of argument `index` in the function can take the constant as its immediate.
  bool can_substitute(const FunctionProgram& function, int index, const Node& n) const {
    for (const MicroOp& micro : function.program) {
      const int operands = micro_operand_count(micro.op);
      int constants = micro.imm_operand == MicroOp::Imm::kNone ? 0 : 1;
      const auto reads = [&](std::uint8_t operand, MicroOp::Imm which, int position) {
        if (position >= operands || micro.imm_operand == which) return false;
        if (operand >= function.inputs) return false;
        return values_[static_cast<std::size_t>(n.arguments[operand])].is_constant;
      };
      const bool a = reads(micro.a, MicroOp::Imm::kA, 0), b = reads(micro.b, MicroOp::Imm::kB, 1), c = reads(micro.c, MicroOp::Imm::kC, 2);
      constants += int(a) + int(b) + int(c);
      const bool concerns = (a && micro.a == index) || (b && micro.b == index) || (c && micro.c == index);
      if (concerns && constants > 1) return false;
    }
    return true;
  }

  const ExpressionBuilder& builder_;
  std::vector<Value> values_;
  std::vector<int> free_;
  std::vector<bool> seen_;
  std::vector<NodeId> order_;
  std::vector<int> uses_;
  MicroProgram program_;
};

std::optional<MicroProgram> ExpressionBuilder::emit(NodeId root, int store_slot, int target, int reserved) const {
  return RegisterAllocator(*this, reserved).run(root, store_slot, target);
}

}  // namespace systole::compile
