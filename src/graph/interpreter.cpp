#include "graph/interpreter.h"

#include <fmt/core.h>
#include <tbb/task_arena.h>

#include <limits>

#include "graph/eval.h"
#include "graph/infer.h"
#include "tensor/element.h"

namespace systole::graph {
namespace {

template <typename Arithmetic>
Expected<Tensor> evaluate(const Step& step, const Arithmetic& arithmetic) {
  if (is_elementwise(step.op.kind)) return eval_elementwise(step, arithmetic);
  switch (step.op.kind) {
    case OpKind::kConstant:
      return step.op.get<ConstantAttr>().value.converted(step.result.type);
    case OpKind::kIota:
      return eval_iota(step);
    case OpKind::kReduce:
      return eval_reduce(step, arithmetic);
    case OpKind::kReduceWindow:
      return eval_reduce_window(step, arithmetic);
    case OpKind::kDotGeneral:
      return eval_dot(step, arithmetic);
    case OpKind::kConvolution:
      return eval_convolution(step, arithmetic);
    default:
      return eval_movement(step);
  }
}

Status check_inputs(const Graph& graph, const std::vector<Tensor>& inputs) {
  if (inputs.size() != graph.inputs.size()) {
    return invalid_input("interpreter", fmt::format("{} inputs given, {} needed", inputs.size(), graph.inputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorType given{inputs[i].type(), inputs[i].shape()}, &wanted = graph.type(graph.inputs[i]);
    const std::string place = fmt::format("input '{}'", graph.input_names[i]);
    if (!(given == wanted)) {
      return invalid_input(place, fmt::format("{} given, {} needed", type_text(given), type_text(wanted)));
    }
    if (inputs[i].raw() == nullptr && given.bytes() > 0) return invalid_input(place, "has no data");
  }
  return ok_status();
}

// 64-bit and unsigned 32-bit integers run as int32 on a chip.
Status check_range(const Tensor& x, const std::string& place) {
  if (x.type() != DType::kI64 && x.type() != DType::kU64 && x.type() != DType::kU32) return ok_status();
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const std::int64_t value = load_as_i64(x.type(), x.raw() + i * dtype_bytes(x.type()));
    if (value > std::numeric_limits<std::int32_t>::max() || value < std::numeric_limits<std::int32_t>::min()) {
      return unsupported(place,
                         fmt::format("{} is outside int32, in which {} runs on a chip", value, dtype_name(x.type())));
    }
  }
  return ok_status();
}

// Everything that a chip refuses although the graph is well formed.
Status check_values(const Graph& graph, const std::vector<Tensor>& inputs, const ChipRun&) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    SYSTOLE_TRY(check_range(inputs[i], fmt::format("input '{}'", graph.input_names[i])));
  }
  for (const Op& op : graph.ops) {
    if (op.kind != OpKind::kConstant) continue;
    SYSTOLE_TRY(check_range(op.get<ConstantAttr>().value, InferContext{graph, op, nullptr}.place()));
  }
  return ok_status();
}
Status check_values(const Graph&, const std::vector<Tensor>&, const DoubleArithmetic&) { return ok_status(); }

// Per value: the last op that reads it, so that its storage can be freed there.
std::vector<std::size_t> last_use(const Graph& graph) {
  std::vector<std::size_t> last(graph.values.size(), 0);
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    last[static_cast<std::size_t>(graph.ops[i].result)] = i;
    for (const ValueId id : graph.ops[i].operands) last[static_cast<std::size_t>(id)] = i;
  }
  for (const ValueId id : graph.outputs) last[static_cast<std::size_t>(id)] = graph.ops.size();
  return last;
}

template <typename Arithmetic>
Expected<std::vector<Tensor>> interpret(const Graph& graph, const std::vector<Tensor>& inputs,
                                        const Arithmetic& arithmetic) {
  SYSTOLE_TRY(verify(graph));
  SYSTOLE_TRY(check_inputs(graph, inputs));
  SYSTOLE_TRY(check_values(graph, inputs, arithmetic));
  const std::vector<std::size_t> last = last_use(graph);
  std::vector<Tensor> values(graph.values.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    values[static_cast<std::size_t>(graph.inputs[i])] = inputs[i].converted(Arithmetic::stored(inputs[i].type()));
  }
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    const TensorType& declared = graph.type(op.result);
    Step step{graph, op, {}, {Arithmetic::stored(declared.type), declared.shape}};
    for (const ValueId id : op.operands) step.operands.push_back(&values[static_cast<std::size_t>(id)]);
    SYSTOLE_ASSIGN(Tensor result, evaluate(step, arithmetic));
    assert(result.type() == step.result.type && result.shape() == step.result.shape);
    values[static_cast<std::size_t>(op.result)] = std::move(result);
    for (const ValueId id : op.operands) {
      if (last[static_cast<std::size_t>(id)] == i) values[static_cast<std::size_t>(id)] = Tensor();
    }
    if (last[static_cast<std::size_t>(op.result)] == i) values[static_cast<std::size_t>(op.result)] = Tensor();
  }
  std::vector<Tensor> outputs;
  for (const ValueId id : graph.outputs) outputs.push_back(values[static_cast<std::size_t>(id)]);
  return outputs;
}

}  // namespace

Expected<std::vector<Tensor>> interpret_double(const Graph& graph, const std::vector<Tensor>& inputs) {
  return interpret(graph, inputs, DoubleArithmetic{});
}

Expected<std::vector<Tensor>> interpret_chip(const Graph& graph, const std::vector<Tensor>& inputs,
                                             const ChipArithmetic& arithmetic, int threads) {
  if (arithmetic.array_rows < 1 || arithmetic.vector_lanes < 1) {
    return invalid_input("interpreter", "array_rows and vector_lanes must be positive");
  }
  tbb::task_arena arena(std::max(threads, 1));
  return arena.execute([&] { return interpret(graph, inputs, ChipRun{arithmetic}); });
}

}  // namespace systole::graph
