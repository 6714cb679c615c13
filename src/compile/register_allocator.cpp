// ExpressionBuilder::emit: an expression's nodes in dependency order as micro-operations on the lane's registers.
#include <array>

#include "compile/expression.h"

namespace systole::compile {

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
  RegisterAllocator(const ExpressionBuilder& builder, int reserved)
      : builder_(builder), values_(builder.nodes_.size()) {
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
      case Node::Kind::kConstant:
        value = {true, n.bits, -1};
        return true;
      case Node::Kind::kPinned:
        value = {false, 0, n.slot};
        return true;
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
      case Node::Kind::kOp:
        return compute_op(n, value);
      case Node::Kind::kCall:
        return compute_call(n, value);
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
      const bool a = reads(micro.a, MicroOp::Imm::kA, 0), b = reads(micro.b, MicroOp::Imm::kB, 1),
                 c = reads(micro.c, MicroOp::Imm::kC, 2);
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
