#include "graph/graph.h"

#include <fmt/core.h>

#include "graph/infer.h"

namespace systole::graph {

ValueId Graph::add_value(TensorType type, std::string value_name) {
  values.push_back({std::move(type), std::move(value_name)});
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Graph::add_input(TensorType type, std::string input_name) {
  const ValueId id = add_value(std::move(type), input_name);
  inputs.push_back(id);
  input_names.push_back(std::move(input_name));
  return id;
}

void Graph::add_output(ValueId id, std::string output_name) {
  outputs.push_back(id);
  output_names.push_back(std::move(output_name));
}

ValueId Graph::add(OpKind kind, std::vector<ValueId> operands, Attr attr, std::string source) {
  Op op{kind, std::move(operands), -1, std::move(attr), std::move(source)};
  Expected<TensorType> type = infer_type(*this, op, nullptr);
  assert(type.ok() && "Graph::add of an ill-formed op");
  op.result = add_value(std::move(type).value());
  ops.push_back(std::move(op));
  return ops.back().result;
}

ValueId Graph::add_typed(OpKind kind, std::vector<ValueId> operands, TensorType result, Attr attr, std::string source) {
  Op op{kind, std::move(operands), -1, std::move(attr), std::move(source)};
  [[maybe_unused]] const Expected<TensorType> type = infer_type(*this, op, &result);
  assert(type.ok() && type.value() == result && "Graph::add_typed of an ill-formed op");
  op.result = add_value(std::move(result));
  ops.push_back(std::move(op));
  return ops.back().result;
}

ValueId Graph::constant(Tensor value, std::string source) {
  return add(OpKind::kConstant, {}, ConstantAttr{std::move(value)}, std::move(source));
}

std::vector<int> Graph::defining_op() const {
  std::vector<int> definition(values.size(), -1);
  for (std::size_t i = 0; i < ops.size(); ++i)
    definition[static_cast<std::size_t>(ops[i].result)] = static_cast<int>(i);
  return definition;
}

std::vector<int> Graph::use_count() const {
  std::vector<int> uses(values.size(), 0);
  for (const Op& op : ops) {
    for (const ValueId id : op.operands) ++uses[static_cast<std::size_t>(id)];
  }
  for (const ValueId id : outputs) ++uses[static_cast<std::size_t>(id)];
  return uses;
}

void Graph::remove_dead_ops() {
  std::vector<bool> live(values.size(), false);
  for (const ValueId id : outputs) live[static_cast<std::size_t>(id)] = true;
  for (std::size_t i = ops.size(); i-- > 0;) {
    if (!live[static_cast<std::size_t>(ops[i].result)]) continue;
    for (const ValueId id : ops[i].operands) live[static_cast<std::size_t>(id)] = true;
  }
  std::erase_if(ops, [&](const Op& op) { return !live[static_cast<std::size_t>(op.result)]; });
}

namespace {

Status verify_inputs(const Graph& graph, std::vector<bool>& defined) {
  if (graph.inputs.size() != graph.input_names.size() || graph.outputs.size() != graph.output_names.size()) {
    return invalid_input("graph", "inputs and outputs need one name each");
  }
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const auto id = static_cast<std::size_t>(graph.inputs[i]);
    const std::string place = fmt::format("input '{}'", graph.input_names[i]);
    if (graph.inputs[i] < 0 || id >= defined.size())
      return invalid_input(place, fmt::format("value {} does not exist", graph.inputs[i]));
    if (defined[id]) return invalid_input(place, fmt::format("value %{} is defined twice", id));
    SYSTOLE_TRY(check_shape(graph.values[id].type.shape, place));
    defined[id] = true;
  }
  return ok_status();
}

Status verify_op(const Graph& graph, std::size_t index, std::vector<bool>& defined) {
  const Op& op = graph.ops[index];
  const std::string place = fmt::format("op {} ({}){}", index, op_name(op.kind),
                                        op.source.empty() ? "" : fmt::format(" from '{}'", op.source));
  for (const ValueId id : op.operands) {
    if (id < 0 || static_cast<std::size_t>(id) >= defined.size() || !defined[static_cast<std::size_t>(id)]) {
      return invalid_input(place, fmt::format("operand %{} is not defined before this op", id));
    }
  }
  const auto result = static_cast<std::size_t>(op.result);
  if (op.result < 0 || result >= defined.size())
    return invalid_input(place, fmt::format("result {} does not exist", op.result));
  if (defined[result]) return invalid_input(place, fmt::format("value %{} is defined twice", op.result));
  const TensorType& declared = graph.values[result].type;
  SYSTOLE_TRY(check_shape(declared.shape, place));
  SYSTOLE_ASSIGN(const TensorType inferred, infer_type(graph, op, &declared));
  if (!(inferred == declared)) {
    return invalid_input(place,
                         fmt::format("the result is declared {} but is {}", type_text(declared), type_text(inferred)));
  }
  defined[result] = true;
  return ok_status();
}

}  // namespace

Status verify(const Graph& graph) {
  std::vector<bool> defined(graph.values.size(), false);
  SYSTOLE_TRY(verify_inputs(graph, defined));
  for (std::size_t i = 0; i < graph.ops.size(); ++i) SYSTOLE_TRY(verify_op(graph, i, defined));
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const ValueId id = graph.outputs[i];
    if (id < 0 || static_cast<std::size_t>(id) >= defined.size() || !defined[static_cast<std::size_t>(id)]) {
      return invalid_input(fmt::format("output '{}'", graph.output_names[i]),
                           fmt::format("value %{} is not defined", id));
    }
  }
  return ok_status();
}

}  // namespace systole::graph
