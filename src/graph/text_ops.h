// Internal: the text syntax of one operation, shared by printer and parser.
#pragma once

#include <functional>

#include "graph/text_scanner.h"

namespace systole::graph {

std::string_view direction_name(CompareDirection direction);  // "EQ", ...
OpKind reduction_op(Reduction reduction);                     // the operator that it applies

// An operation as read. Types as written: operand_types is empty where the syntax gives the result's only.
struct ParsedOp {
  OpKind kind = OpKind::kConstant;
  std::vector<ValueId> operands;
  std::vector<TensorType> operand_types;
  TensorType result;
  Attr attr;
  AttributeMap attributes;
  // StableHLO's gather with an index vector of length 1: indices lose this last dimension first.
  bool drop_index_vector = false;
};

using Lookup = std::function<ValueId(std::string_view name)>;  // fails the scanner for an unknown name

CompareDirection parse_direction(Scanner& in);                // EQ
Reduction parse_reduction(Scanner& in, std::string_view op);  // "stablehlo.add"
void parse_conv_layout(Scanner& in, ConvAttr& attr);          // [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1]

// After the name, up to and with the type.
void parse_pretty(Scanner& in, const Lookup& lookup, ParsedOp& op);
void parse_generic(Scanner& in, const Lookup& lookup, const Graph& graph, ParsedOp& op);
// ": T", ": T, T" (the last is the result's), ": (T, ..) -> T" or ": T -> T"
void parse_types(Scanner& in, ParsedOp& op);

}  // namespace systole::graph
