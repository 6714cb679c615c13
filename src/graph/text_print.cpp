// The graph as StableHLO text. What StableHLO has no place for are attributes systole.*: names, sources, algorithm,
// placement.
#include <fmt/core.h>

#include <numeric>

#include "graph/infer.h"
#include "graph/text_ops.h"
#include "graph/text_scanner.h"

namespace systole::graph {
namespace {

using List = std::vector<std::int64_t>;

std::string list(const List& values) {
  std::string text = "[";
  for (const std::int64_t x : values) text += fmt::format("{}{}", text.size() > 1 ? ", " : "", x);
  return text + "]";
}
std::string array(const List& values) {
  std::string text = "array<i64";
  for (std::size_t i = 0; i < values.size(); ++i) text += fmt::format("{} {}", i == 0 ? ":" : ",", values[i]);
  return text + ">";
}
std::string pairs(const List& low, const List& high) {
  std::string text = "[";
  for (std::size_t i = 0; i < low.size(); ++i) text += fmt::format("{}[{}, {}]", i > 0 ? ", " : "", low[i], high[i]);
  return text + "]";
}

std::string conv_side(std::int64_t first, char first_name, std::int64_t second, char second_name, const List& spatial) {
  std::vector<std::string> names(spatial.size() + 2);
  names[static_cast<std::size_t>(first)] = first_name;
  names[static_cast<std::size_t>(second)] = second_name;
  for (std::size_t i = 0; i < spatial.size(); ++i) names[static_cast<std::size_t>(spatial[i])] = std::to_string(i);
  std::string text = "[";
  for (const std::string& name : names) text += (text.size() > 1 ? ", " : "") + name;
  return text + "]";
}

class Printer {
 public:
  explicit Printer(const Graph& graph) : graph_(graph), names_(graph.values.size()) {
    for (std::size_t i = 0; i < graph.inputs.size(); ++i)
      names_[static_cast<std::size_t>(graph.inputs[i])] = fmt::format("%arg{}", i);
    for (std::size_t i = 0; i < graph.ops.size(); ++i)
      names_[static_cast<std::size_t>(graph.ops[i].result)] = fmt::format("%{}", i);
  }

  std::string print() const {
    std::string text = fmt::format("func.func @{}(", graph_.name.empty() ? "main" : quoted_symbol(graph_.name));
    for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
      const ValueId id = graph_.inputs[i];
      const std::string& value_name = graph_.values[static_cast<std::size_t>(id)].name;
      std::string attributes = fmt::format("systole.name = {}", quoted(graph_.input_names[i]));
      if (value_name != graph_.input_names[i]) attributes += fmt::format(", systole.value = {}", quoted(value_name));
      text += fmt::format("{}%arg{}: {} {{{}}}", i > 0 ? ", " : "", i, type_text(graph_.type(id)), attributes);
    }
    text += ") -> (";
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
      text += fmt::format("{}{} {{systole.name = {}}}", i > 0 ? ", " : "", type_text(graph_.type(graph_.outputs[i])),
                          quoted(graph_.output_names[i]));
    }
    text += ") {\n";
    for (std::size_t i = 0; i < graph_.ops.size(); ++i) text += fmt::format("  %{} = {}\n", i, op_text(graph_.ops[i]));
    text += "  return";
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) text += (i > 0 ? ", " : " ") + name(graph_.outputs[i]);
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i)
      text += (i > 0 ? ", " : " : ") + type_text(graph_.type(graph_.outputs[i]));
    return text + "\n}\n";
  }

 private:
  static std::string quoted_symbol(const std::string& symbol) {
    const bool plain =
        std::all_of(symbol.begin(), symbol.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    return plain ? symbol : quoted(symbol);
  }

  const std::string& name(ValueId id) const { return names_[static_cast<std::size_t>(id)]; }

  std::string operands(const Op& op) const {
    std::string text;
    for (const ValueId id : op.operands) text += (text.empty() ? "" : ", ") + name(id);
    return text;
  }

  // "(tensor<..>, tensor<..>) -> tensor<..>"
  std::string function_type(const Op& op) const {
    std::string text = "(";
    for (const ValueId id : op.operands) text += (text.size() > 1 ? ", " : "") + type_text(graph_.type(id));
    return text + ") -> " + type_text(graph_.type(op.result));
  }

  // " {systole.source = ...}" or nothing; `inner` for an attribute list that is there anyway.
  std::string extras(const Op& op, bool inner = false) const {
    std::vector<std::string> parts;
    const std::string& value_name = graph_.values[static_cast<std::size_t>(op.result)].name;
    if (!op.source.empty()) parts.push_back("systole.source = " + quoted(op.source));
    if (!value_name.empty()) parts.push_back("systole.name = " + quoted(value_name));
    Algorithm algorithm = Algorithm::kDefault;
    if (const auto* dot = std::get_if<DotAttr>(&op.attr)) algorithm = dot->algorithm;
    if (const auto* conv = std::get_if<ConvAttr>(&op.attr)) {
      algorithm = conv->algorithm;
      if (conv->placement == Placement::kVectorUnit) parts.push_back("systole.placement = \"vector\"");
    }
    if (algorithm != Algorithm::kDefault)
      parts.push_back(fmt::format("systole.algorithm = \"{}\"", algorithm == Algorithm::kBf16x3 ? "bf16x3" : "bf16x6"));
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
    if (inner) return text.empty() ? "" : ", " + text;
    return text.empty() ? "" : " {" + text + "}";
  }

  std::string op_text(const Op& op) const {
    const std::string head = fmt::format("{}.{}", op_dialect(op.kind), op_name(op.kind));
    const std::string types = " : " + function_type(op), result = " : " + type_text(graph_.type(op.result));
    switch (op.kind) {
      case OpKind::kConstant:
        return head + extras(op) + " " + print_dense(op.get<ConstantAttr>().value) + result;
      case OpKind::kIota:
        return fmt::format("{} dim = {}{}{}", head, op.get<IotaAttr>().dimension, extras(op), result);
      case OpKind::kCompare:
        return fmt::format("{} {}, {}{}{}", head, direction_name(op.get<CompareAttr>().direction), operands(op),
                           extras(op), types);
      case OpKind::kReduce: {
        const auto& a = op.get<ReduceAttr>();
        return fmt::format("{}({} init: {}) applies stablehlo.{} across dimensions = {}{}{}", head,
                           name(op.operands[0]), name(op.operands[1]), op_name(reduction_op(a.reduction)),
                           list(a.dimensions), extras(op), types);
      }
      case OpKind::kReduceWindow:
        return reduce_window_text(op) + types;
      case OpKind::kGather:
        return gather_text(op) + types;
      case OpKind::kConvolution:
        return convolution_text(op) + types;
      case OpKind::kErf:
        return fmt::format("{} {}{} : {} -> {}", head, operands(op), extras(op), type_text(graph_.type(op.operands[0])),
                           type_text(graph_.type(op.result)));
      default:
        return fmt::format("{} {}{}{}{}", head, operands(op), parameters(op), extras(op), types);
    }
  }

  // What follows the operands in the plain form.
  static std::string parameters(const Op& op) {
    switch (op.kind) {
      case OpKind::kBroadcastInDim:
        return ", dims = " + list(op.get<BroadcastAttr>().dimensions);
      case OpKind::kTranspose:
        return ", dims = " + list(op.get<TransposeAttr>().permutation);
      case OpKind::kReverse:
        return ", dims = " + list(op.get<ReverseAttr>().dimensions);
      case OpKind::kConcatenate:
        return fmt::format(", dim = {}", op.get<ConcatenateAttr>().dimension);
      case OpKind::kDynamicSlice:
        return ", sizes = " + list(op.get<DynamicSliceAttr>().sizes);
      case OpKind::kPad: {
        const auto& a = op.get<PadAttr>();
        return fmt::format(", low = {}, high = {}, interior = {}", list(a.low), list(a.high), list(a.interior));
      }
      case OpKind::kSlice: {
        const auto& a = op.get<SliceAttr>();
        std::string text = " [";
        for (std::size_t i = 0; i < a.start.size(); ++i) {
          text += fmt::format("{}{}:{}", i > 0 ? ", " : "", a.start[i], a.limit[i]);
          if (a.stride[i] != 1) text += fmt::format(":{}", a.stride[i]);
        }
        return text + "]";
      }
      case OpKind::kDotGeneral: {
        const auto& a = op.get<DotAttr>();
        std::string text;
        if (!a.lhs_batch.empty())
          text += fmt::format(", batching_dims = {} x {}", list(a.lhs_batch), list(a.rhs_batch));
        return text + fmt::format(", contracting_dims = {} x {}", list(a.lhs_contract), list(a.rhs_contract));
      }
      default:
        return {};
    }
  }

  std::string convolution_text(const Op& op) const {
    const auto& a = op.get<ConvAttr>();
    return fmt::format(
        "stablehlo.convolution({}) dim_numbers = {}x{}->{}, window = {{stride = {}, pad = {}, lhs_dilate = {}, "
        "rhs_dilate = {}}} "
        "{{batch_group_count = 1 : i64, feature_group_count = {} : i64{}}}",
        operands(op), conv_side(a.lhs_batch, 'b', a.lhs_feature, 'f', a.lhs_spatial),
        conv_side(a.rhs_output, 'o', a.rhs_input, 'i', a.rhs_spatial),
        conv_side(a.out_batch, 'b', a.out_feature, 'f', a.out_spatial), list(a.stride), pairs(a.pad_low, a.pad_high),
        list(a.lhs_dilation), list(a.rhs_dilation), a.feature_groups, extras(op, true));
  }

  std::string reduce_window_text(const Op& op) const {
    const auto& a = op.get<ReduceWindowAttr>();
    const std::string scalar = type_text({graph_.type(op.result).type, {}});
    const std::string padding = a.pad_low.empty() ? "dense<>" : fmt::format("dense<{}>", pairs(a.pad_low, a.pad_high));
    return fmt::format(
        "\"stablehlo.reduce_window\"({}) <{{base_dilations = {}, padding = {} : tensor<{}x2xi64>, window_dilations = "
        "{}, "
        "window_dimensions = {}, window_strides = {}}}> ({{\n  ^bb0(%lhs: {}, %rhs: {}):\n    %fold = stablehlo.{} "
        "%lhs, %rhs : {}\n"
        "    stablehlo.return %fold : {}\n  }}){}",
        operands(op), array(a.base_dilation), padding, a.pad_low.size(), array(a.window_dilation), array(a.window),
        array(a.stride), scalar, scalar, op_name(reduction_op(a.reduction)), scalar, scalar, extras(op));
  }

  std::string gather_text(const Op& op) const {
    const TensorType &table = graph_.type(op.operands[0]), &indices = graph_.type(op.operands[1]);
    const std::int64_t axis = op.get<GatherAttr>().axis, index_rank = static_cast<std::int64_t>(indices.shape.size());
    List offset, sizes = table.shape;
    for (std::int64_t d = 0; d < static_cast<std::int64_t>(table.shape.size()); ++d) {
      if (d != axis) offset.push_back(d < axis ? d : d - 1 + index_rank);
    }
    sizes[static_cast<std::size_t>(axis)] = 1;
    return fmt::format(
        "\"stablehlo.gather\"({}) <{{dimension_numbers = #stablehlo.gather<offset_dims = {}, collapsed_slice_dims = "
        "[{}], "
        "start_index_map = [{}], index_vector_dim = {}>, indices_are_sorted = false, slice_sizes = {}}}>{}",
        operands(op), list(offset), axis, axis, index_rank, array(sizes), extras(op));
  }

  const Graph& graph_;
  std::vector<std::string> names_;
};

}  // namespace

std::string print_text(const Graph& graph) { return Printer(graph).print(); }

}  // namespace systole::graph
