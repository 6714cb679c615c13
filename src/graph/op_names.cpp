#include <fmt/core.h>

#include <array>

#include "graph/graph.h"

namespace systole::graph {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(OpKind::kCount)> kNames = {"constant",
                                                                                           "iota",
                                                                                           "abs",
                                                                                           "negate",
                                                                                           "sign",
                                                                                           "floor",
                                                                                           "ceil",
                                                                                           "round_nearest_even",
                                                                                           "exponential",
                                                                                           "exponential_minus_one",
                                                                                           "log",
                                                                                           "log_plus_one",
                                                                                           "logistic",
                                                                                           "tanh",
                                                                                           "erf",
                                                                                           "sqrt",
                                                                                           "rsqrt",
                                                                                           "sine",
                                                                                           "cosine",
                                                                                           "not",
                                                                                           "is_finite",
                                                                                           "convert",
                                                                                           "add",
                                                                                           "subtract",
                                                                                           "multiply",
                                                                                           "divide",
                                                                                           "maximum",
                                                                                           "minimum",
                                                                                           "power",
                                                                                           "remainder",
                                                                                           "and",
                                                                                           "or",
                                                                                           "xor",
                                                                                           "shift_left",
                                                                                           "shift_right_logical",
                                                                                           "shift_right_arithmetic",
                                                                                           "compare",
                                                                                           "select",
                                                                                           "clamp",
                                                                                           "broadcast_in_dim",
                                                                                           "reshape",
                                                                                           "transpose",
                                                                                           "slice",
                                                                                           "concatenate",
                                                                                           "pad",
                                                                                           "reverse",
                                                                                           "gather",
                                                                                           "dynamic_slice",
                                                                                           "dynamic_update_slice",
                                                                                           "reduce",
                                                                                           "reduce_window",
                                                                                           "dot_general",
                                                                                           "convolution"};
static_assert(!kNames.back().empty());

}  // namespace

std::string_view op_name(OpKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::string_view op_dialect(OpKind kind) { return kind == OpKind::kErf ? "chlo" : "stablehlo"; }

Expected<OpKind> parse_op_name(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<OpKind>(i);
  }
  return unsupported("", fmt::format("operator '{}' is not one that Systole has", name), "docs/graph.md lists them");
}

bool is_elementwise(OpKind kind) { return kind >= OpKind::kAbs && kind <= OpKind::kClamp; }

}  // namespace systole::graph
