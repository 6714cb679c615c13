// Builds a vector micro-program from an expression: nodes are loads, constants and elementwise operations.
#pragma once

#include <optional>
#include <vector>

#include "compile/kernel.h"
#include "graph/graph.h"
#include "numeric/functions.h"

namespace systole::compile {

using NodeId = int;

class ExpressionBuilder {
 public:
  NodeId load(int slot);
  NodeId constant(std::uint32_t bits);
  NodeId op(MicroOpcode opcode, std::vector<NodeId> arguments);
  NodeId call(VectorFunction function, std::vector<NodeId> arguments);
  // A value that a part finds in a fixed register (the sum of a reduction, the accumulator of a window).
  NodeId pinned(int reg);
  // The nearest value that a tensor of `type` can hold, kept as fp32 or int32.
  NodeId round_to(NodeId node, DType type);
  // An elementwise op of the graph on operands already built; nullopt if the vector unit has no such operation.
  std::optional<NodeId> elementwise(const graph::Op& graph_op, const graph::Graph& graph,
                                    const std::vector<NodeId>& operands);

  // Micro-operations that compute `root` and store it to `slot` (store_slot >= 0) or leave it in register `target` (>=
  // 0). Registers below `reserved` are not touched. nullopt: more than kRegisters needed.
  std::optional<MicroProgram> emit(NodeId root, int store_slot, int target, int reserved) const;

  std::size_t size() const { return nodes_.size(); }

 private:
  struct Node {
    enum class Kind { kLoad, kConstant, kOp, kCall, kPinned } kind = Kind::kLoad;
    MicroOpcode opcode = MicroOpcode::kMove;
    VectorFunction function = VectorFunction::kAdd;
    std::vector<NodeId> arguments;
    int slot = 0;  // kLoad; register of kPinned
    std::uint32_t bits = 0;
    bool operator==(const Node&) const = default;
  };
  NodeId add(Node node);  // finds an equal node first
  NodeId round_to_fixed(NodeId node, int fraction);
  NodeId shift(graph::OpKind kind, DType type, NodeId x, NodeId count);
  std::vector<Node> nodes_;
  friend class RegisterAllocator;
};

}  // namespace systole::compile
