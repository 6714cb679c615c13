#include "runtime/check_outputs.h"

#include <fmt/format.h>

#include <algorithm>

namespace systole::runtime {
namespace {

// Tolerance of max|y - ref| / max|ref|; none: reported, not judged. docs/numerics.md says where each is from.
std::optional<double> tolerance(const compile::Format& format) {
  if (format.bf16x3) return 5e-2 / 256;   // operands of 16 bits in place of bf16's 8
  switch (format.type) {
    case DType::kF32: return 1e-4;
    case DType::kBF16:
    case DType::kF16:
    case DType::kTF32: return 5e-2;
    default: return std::nullopt;
  }
}

// The program's inputs in the graph's order and types.
Expected<std::vector<Tensor>> inputs_for(const graph::Graph& graph, const std::vector<isa::Binding>& bindings, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const auto named = [&](const isa::Binding& b) { return b.name == graph.input_names[i]; };
    const auto found = std::find_if(bindings.begin(), bindings.end(), named);
    if (found == bindings.end()) {
      return Error{ErrorCode::kInternal, fmt::format("input '{}'", graph.input_names[i]), "the graph has it, the program does not", ""};
    }
    result.push_back(inputs[static_cast<std::size_t>(found - bindings.begin())].converted(graph.type(graph.inputs[i]).type));
  }
  return result;
}

Expected<Tensor> output_of(const graph::Graph& graph, const std::vector<Tensor>& values, const std::string& name) {
  const auto found = std::find(graph.output_names.begin(), graph.output_names.end(), name);
  if (found == graph.output_names.end()) return Error{ErrorCode::kInternal, fmt::format("output '{}'", name), "the program has it, the graph does not", ""};
  return values[static_cast<std::size_t>(found - graph.output_names.begin())];
}

}  // namespace

Expected<std::vector<std::string>> different_bits(const graph::Graph& lowered, const Chip& chip, const isa::Program& program,
                                                  const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs, int threads) {
  SYSTOLE_ASSIGN(const auto lowered_inputs, inputs_for(lowered, program.inputs, inputs));
  SYSTOLE_ASSIGN(const auto expected, graph::interpret_chip(lowered, lowered_inputs, compile::arithmetic_of(chip), threads));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    SYSTOLE_ASSIGN(const Tensor same, output_of(lowered, expected, program.outputs[i].name));
    if (!outputs[i].same_bits(same)) names.push_back(program.outputs[i].name);
  }
  return names;
}

Expected<std::vector<OutputCheck>> check_outputs(const graph::Graph& source, const compile::Format& format,
                                                 const std::vector<isa::Binding>& bindings, const std::vector<Tensor>& inputs,
                                                 const std::vector<Output>& outputs, const std::vector<bool>& same_bits) {
  SYSTOLE_ASSIGN(const auto source_inputs, inputs_for(source, bindings, inputs));
  SYSTOLE_ASSIGN(const auto reference, graph::interpret_double(source, source_inputs));
  std::vector<OutputCheck> checks;
  for (const Output& output : outputs) {
    OutputCheck check;
    check.name = output.name;
    SYSTOLE_ASSIGN(const Tensor real, output_of(source, reference, output.name));
    check.same_bits = same_bits[checks.size()];
    if (real.shape() != output.value.shape()) {
      return Error{ErrorCode::kInternal, fmt::format("output '{}'", output.name), "shape differs from the source graph's", ""};
    }
    const Difference difference = compare(output.value, real);
    check.max_abs_error = difference.max_abs_error;
    check.max_rel_error = difference.relative();
    const auto limit = tolerance(format);
    check.judged = limit.has_value() && is_float(output.value.type());
    check.passed = check.same_bits && (!check.judged || check.max_rel_error <= *limit);
    checks.push_back(check);
  }
  return checks;
}

}  // namespace systole::runtime
