// The custom assembly form of each operator: "stablehlo.add %a, %b : tensor<..>" and so on.
#include <fmt/core.h>

#include <array>

#include "graph/text_ops.h"

namespace systole::graph {
namespace {

constexpr std::array<std::string_view, 6> kDirections = {"EQ", "NE", "LT", "LE", "GT", "GE"};
constexpr std::array<OpKind, 6> kReductionOps = {OpKind::kAdd,     OpKind::kMultiply, OpKind::kMaximum,
                                                 OpKind::kMinimum, OpKind::kAnd,      OpKind::kOr};

void optional_attributes(Scanner& in, ParsedOp& op) {
  if (in.accept("{")) op.attributes.merge(in.attributes());
}

void constant(Scanner& in, ParsedOp& op) {
  optional_attributes(in, op);
  Tensor value = parse_dense(in);
  op.result = {value.type(), value.shape()};
  op.attr = ConstantAttr{std::move(value)};
}

// [[0, 1], [2, 3]] as low = {0, 2}, high = {1, 3}
void pad_pairs(Scanner& in, ConvAttr& a) {
  const std::vector<std::int64_t> flat = in.integers();
  if (flat.size() % 2 != 0) return in.fail("padding must come in pairs");
  a.pad_low.clear();
  a.pad_high.clear();
  for (std::size_t i = 0; i < flat.size(); i += 2) {
    a.pad_low.push_back(flat[i]);
    a.pad_high.push_back(flat[i + 1]);
  }
}

void window(Scanner& in, ConvAttr& a) {
  in.expect("{");
  while (in.ok() && !in.accept("}")) {
    const std::string_view name = in.word();
    in.expect("=");
    if (name == "stride")
      a.stride = in.integers();
    else if (name == "pad")
      pad_pairs(in, a);
    else if (name == "lhs_dilate")
      a.lhs_dilation = in.integers();
    else if (name == "rhs_dilate")
      a.rhs_dilation = in.integers();
    else if (name == "reverse") {
      for (const std::int64_t flag : in.integers()) {
        if (flag != 0) in.fail("window reversal is not supported", "reverse the kernel", ErrorCode::kUnsupported);
      }
    } else {
      in.fail(fmt::format("'{}' is not an attribute of a window", name));
    }
    if (!in.peek("}")) in.expect(",");
  }
}

void convolution(Scanner& in, const Lookup& lookup, ParsedOp& op) {
  ConvAttr a;
  in.expect("(");
  op.operands.push_back(lookup(in.value_name()));
  in.expect(",");
  op.operands.push_back(lookup(in.value_name()));
  in.expect(")");
  in.expect("dim_numbers");
  in.expect("=");
  parse_conv_layout(in, a);
  const std::size_t n = a.lhs_spatial.size();
  a.stride = a.lhs_dilation = a.rhs_dilation = std::vector<std::int64_t>(n, 1);
  a.pad_low = a.pad_high = std::vector<std::int64_t>(n, 0);
  in.expect(",");
  in.expect("window");
  in.expect("=");
  window(in, a);
  optional_attributes(in, op);
  const auto count = [&](std::string_view name) {
    const auto it = op.attributes.find(name);
    return it == op.attributes.end() ? 1 : in.within(it->second, [&] { return in.integer(); });
  };
  a.feature_groups = count("feature_group_count");
  if (count("batch_group_count") != 1) in.fail("batch_group_count must be 1", {}, ErrorCode::kUnsupported);
  op.attr = std::move(a);
  parse_types(in, op);
}

// (%x init: %c) applies stablehlo.add across dimensions = [1]
void reduce(Scanner& in, const Lookup& lookup, ParsedOp& op) {
  ReduceAttr a;
  in.expect("(");
  op.operands.push_back(lookup(in.value_name()));
  in.expect("init");
  in.expect(":");
  op.operands.push_back(lookup(in.value_name()));
  in.expect(")");
  if (in.peek(",")) return in.fail("a reduce of several operands is not supported", {}, ErrorCode::kUnsupported);
  if (!in.accept("applies"))
    return in.fail("a reduce with a region of its own is supported in the generic form only",
                   "write \"stablehlo.reduce\"(...) ({...})", ErrorCode::kUnsupported);
  a.reduction = parse_reduction(in, in.word());
  in.expect("across");
  in.expect("dimensions");
  in.expect("=");
  a.dimensions = in.integers();
  op.attr = std::move(a);
  optional_attributes(in, op);
  parse_types(in, op);
}

// [0:2, 1:9:2]
SliceAttr ranges(Scanner& in) {
  SliceAttr a;
  in.expect("[");
  while (in.ok() && !in.accept("]")) {
    a.start.push_back(in.integer());
    in.expect(":");
    a.limit.push_back(in.integer());
    a.stride.push_back(in.accept(":") ? in.integer() : 1);
    if (!in.peek("]")) in.expect(",");
  }
  return a;
}

using List = std::vector<std::int64_t>;

// The named lists that may follow the operands: ", dims = [0, 1]", ", contracting_dims = [1] x [0]".
struct Parameters {
  std::map<std::string, List, std::less<>> first, second;
  List take(Scanner& in, const std::string& name) {
    if (!first.contains(name)) in.fail(fmt::format("lacks '{} = '", name));
    return first[name];
  }
};

void parameter(Scanner& in, Parameters& parameters) {
  const std::string name(in.word());
  in.expect("=");
  if (name == "precision" || name == "algorithm") {
    (void)in.bracketed();
    return;
  }
  parameters.first[name] = in.peek("[") ? in.integers() : List{in.integer()};
  if (in.accept("x")) parameters.second[name] = in.integers();
}

Attr plain_attribute(Scanner& in, OpKind kind, Parameters& p) {
  switch (kind) {
    case OpKind::kBroadcastInDim:
      return BroadcastAttr{p.take(in, "dims")};
    case OpKind::kTranspose:
      return TransposeAttr{p.take(in, "dims")};
    case OpKind::kReverse:
      return ReverseAttr{p.take(in, "dims")};
    case OpKind::kDynamicSlice:
      return DynamicSliceAttr{p.take(in, "sizes")};
    case OpKind::kPad:
      return PadAttr{p.take(in, "low"), p.take(in, "high"), p.take(in, "interior")};
    case OpKind::kConcatenate: {
      const List dim = p.take(in, "dim");
      return ConcatenateAttr{dim.size() == 1 ? dim[0] : -1};
    }
    case OpKind::kDotGeneral:
      return DotAttr{p.first["batching_dims"], p.second["batching_dims"], p.first["contracting_dims"],
                     p.second["contracting_dims"]};
    default:
      return {};
  }
}

// op %a, %b, name = [..] : types
void plain(Scanner& in, const Lookup& lookup, ParsedOp& op) {
  Parameters parameters;
  op.operands.push_back(lookup(in.value_name()));
  if (op.kind == OpKind::kSlice) op.attr = ranges(in);
  while (in.accept(",")) {
    if (in.peek("%")) {
      op.operands.push_back(lookup(in.value_name()));
    } else {
      parameter(in, parameters);
    }
  }
  if (op.kind != OpKind::kSlice && op.kind != OpKind::kCompare) op.attr = plain_attribute(in, op.kind, parameters);
  optional_attributes(in, op);
  parse_types(in, op);
}

// ", FLOAT" after a compare's operands says nothing that the types do not.
void compare(Scanner& in, const Lookup& lookup, ParsedOp& op) {
  op.attr = CompareAttr{parse_direction(in)};
  in.expect(",");
  op.operands.push_back(lookup(in.value_name()));
  in.expect(",");
  op.operands.push_back(lookup(in.value_name()));
  if (in.accept(",")) (void)in.word();
  optional_attributes(in, op);
  parse_types(in, op);
}

}  // namespace

std::string_view direction_name(CompareDirection direction) { return kDirections[static_cast<std::size_t>(direction)]; }
OpKind reduction_op(Reduction reduction) { return kReductionOps[static_cast<std::size_t>(reduction)]; }

CompareDirection parse_direction(Scanner& in) {
  const std::string_view name = in.word();
  for (std::size_t i = 0; i < kDirections.size(); ++i) {
    if (kDirections[i] == name) return static_cast<CompareDirection>(i);
  }
  in.fail(fmt::format("'{}' is not a comparison direction", name));
  return CompareDirection::kEQ;
}

Reduction parse_reduction(Scanner& in, std::string_view op) {
  for (std::size_t i = 0; i < kReductionOps.size(); ++i) {
    if (op.starts_with("stablehlo.") && op.substr(10) == op_name(kReductionOps[i])) return static_cast<Reduction>(i);
  }
  in.fail(fmt::format("a reduction by '{}' is not supported", op), "add, multiply, maximum, minimum, and, or",
          ErrorCode::kUnsupported);
  return Reduction::kAdd;
}

void parse_conv_layout(Scanner& in, ConvAttr& a) {
  const auto side = [&](std::string_view first_name, std::int64_t& first, std::string_view second_name,
                        std::int64_t& second, List& spatial) {
    first = second = -1;
    std::map<std::int64_t, std::int64_t> places;
    in.expect("[");
    for (std::int64_t position = 0; in.ok() && !in.accept("]"); ++position) {
      if (in.accept(first_name))
        first = position;
      else if (in.accept(second_name))
        second = position;
      else
        places[in.integer()] = position;
      if (!in.peek("]")) in.expect(",");
    }
    spatial.clear();
    for (const auto& [dimension, position] : places) {
      if (dimension != static_cast<std::int64_t>(spatial.size())) in.fail("spatial dimensions must be numbered from 0");
      spatial.push_back(position);
    }
  };
  side("b", a.lhs_batch, "f", a.lhs_feature, a.lhs_spatial);
  in.expect("x");
  side("o", a.rhs_output, "i", a.rhs_input, a.rhs_spatial);
  in.expect("->");
  side("b", a.out_batch, "f", a.out_feature, a.out_spatial);
}

void parse_types(Scanner& in, ParsedOp& op) {
  in.expect(":");
  if (in.accept("(")) {
    while (in.ok() && !in.accept(")")) {
      op.operand_types.push_back(in.tensor_type());
      if (!in.peek(")")) in.expect(",");
    }
    in.expect("->");
    const bool parenthesised = in.accept("(");
    op.result = in.tensor_type();
    if (parenthesised) in.expect(")");
    return;
  }
  op.result = in.tensor_type();
  while (in.ok() && (in.accept(",") || in.accept("->"))) op.result = in.tensor_type();
}

void parse_pretty(Scanner& in, const Lookup& lookup, ParsedOp& op) {
  switch (op.kind) {
    case OpKind::kConstant:
      return constant(in, op);
    case OpKind::kConvolution:
      return convolution(in, lookup, op);
    case OpKind::kReduce:
      return reduce(in, lookup, op);
    case OpKind::kCompare:
      return compare(in, lookup, op);
    case OpKind::kIota:
      in.expect("dim");
      in.expect("=");
      op.attr = IotaAttr{in.integer()};
      optional_attributes(in, op);
      return parse_types(in, op);
    case OpKind::kReduceWindow:
    case OpKind::kGather:
      return in.fail(fmt::format("{} is read in its generic form only", op_name(op.kind)));
    default:
      return plain(in, lookup, op);
  }
}

}  // namespace systole::graph
