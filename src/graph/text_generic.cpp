// The generic assembly form: "stablehlo.op"(%a, %b) <{properties}> ({region}) {attributes} : (types) -> type.
#include <fmt/core.h>

#include "graph/text_ops.h"

namespace systole::graph {
namespace {

using List = std::vector<std::int64_t>;

// Integers in any of the forms that attributes take: 1 : i64, [1, 2], array<i64: 1, 2>, dense<...> : tensor<...>.
List integer_list(Scanner& in) {
  if (in.peek("dense")) {
    const Tensor wide = parse_dense(in).converted(DType::kI64);
    return {wide.data<std::int64_t>(), wide.data<std::int64_t>() + wide.count()};
  }
  if (in.peek("[")) return in.integers();
  if (!in.accept("array")) return {in.integer()};
  List result;
  in.expect("<");
  (void)in.word();
  if (in.accept(">")) return result;
  in.expect(":");
  do result.push_back(in.integer());
  while (in.accept(","));
  in.expect(">");
  return result;
}

class Attributes {
 public:
  Attributes(Scanner& in, const AttributeMap& map) : in_(in), map_(map) {}

  List list(std::string_view name) {
    const auto it = map_.find(name);
    if (it == map_.end()) {
      in_.fail(fmt::format("lacks the attribute '{}'", name));
      return {};
    }
    return in_.within(it->second, [&] { return integer_list(in_); });
  }
  List list_or(std::string_view name, const List& otherwise) { return map_.contains(name) ? list(name) : otherwise; }
  std::int64_t integer(std::string_view name) {
    const List values = list(name);
    if (in_.ok() && values.size() != 1) in_.fail(fmt::format("'{}' must be one integer", name));
    return in_.ok() ? values[0] : 0;
  }
  // Pairs as low and high.
  void padding(std::string_view name, std::size_t rank, List& low, List& high) {
    const List flat = list_or(name, List(2 * rank, 0));
    for (std::size_t i = 0; i + 1 < flat.size(); i += 2) {
      low.push_back(flat[i]);
      high.push_back(flat[i + 1]);
    }
  }
  // #stablehlo.name<key = [..], key = n>
  std::map<std::string, List, std::less<>> structure(std::string_view name) {
    std::map<std::string, List, std::less<>> result;
    const auto it = map_.find(name);
    if (it == map_.end()) {
      in_.fail(fmt::format("lacks the attribute '{}'", name));
      return result;
    }
    in_.within(it->second, [&] {
      in_.expect("#");
      (void)in_.word();
      in_.expect("<");
      while (in_.ok() && !in_.accept(">")) {
        const std::string key(in_.word());
        in_.expect("=");
        result[key] = integer_list(in_);
        if (!in_.peek(">")) in_.expect(",");
      }
      return 0;
    });
    return result;
  }
  template <typename F>
  void read(std::string_view name, F f) {
    const auto it = map_.find(name);
    if (it == map_.end()) return in_.fail(fmt::format("lacks the attribute '{}'", name));
    in_.within(it->second, [&] {
      f();
      return 0;
    });
  }

 private:
  Scanner& in_;
  const AttributeMap& map_;
};

// ^bb0(%a: T, %b: T): %r = stablehlo.add %a, %b : T  stablehlo.return %r : T
Reduction region_reduction(Scanner& in) {
  in.expect("^");
  (void)in.word();
  in.expect("(");
  std::vector<std::string_view> arguments;
  while (in.ok() && !in.accept(")")) {
    arguments.push_back(in.value_name());
    in.expect(":");
    (void)in.tensor_type();
    in.skip_locations();
    if (!in.peek(")")) in.expect(",");
  }
  in.expect(":");
  const std::string_view result = in.value_name();
  in.expect("=");
  const bool generic = in.peek("\"");
  const std::string name = generic ? in.string() : std::string(in.word());
  const Reduction reduction = parse_reduction(in, name);
  if (generic) in.expect("(");
  const std::string_view a = in.value_name();
  in.expect(",");
  const std::string_view b = in.value_name();
  if (generic) in.expect(")");
  ParsedOp types;
  parse_types(in, types);
  in.skip_locations();
  if (in.accept("\"stablehlo.return\"")) {
    in.expect("(");
  } else {
    in.expect("stablehlo.return");
  }
  const std::string_view returned = in.value_name();
  const bool simple = arguments.size() == 2 && a != b && (a == arguments[0] || a == arguments[1]) &&
                      (b == arguments[0] || b == arguments[1]) && returned == result;
  if (!simple) in.fail("a region must be one operator on its two arguments", {}, ErrorCode::kUnsupported);
  return reduction;
}

// Only what takes whole rows along one axis: the header of graph.h has the form.
GatherAttr row_gather(Scanner& in, Attributes& attributes, const TensorType& table, const TensorType& indices,
                      bool& drop_index_vector) {
  auto numbers = attributes.structure("dimension_numbers");
  const List sizes = attributes.list("slice_sizes"), collapsed = numbers["collapsed_slice_dims"],
             start = numbers["start_index_map"];
  const List vector_dim = numbers["index_vector_dim"];
  const auto rank = static_cast<std::int64_t>(table.shape.size());
  auto index_rank = static_cast<std::int64_t>(indices.shape.size());
  if (!in.ok()) return {};
  const std::int64_t at = vector_dim.size() == 1 ? vector_dim[0] : 0;
  drop_index_vector = index_rank > 0 && at == index_rank - 1 && indices.shape.back() == 1;
  bool rows = collapsed.size() == 1 && start == collapsed && collapsed[0] >= 0 && collapsed[0] < rank &&
              static_cast<std::int64_t>(sizes.size()) == rank && (at == index_rank || drop_index_vector);
  if (drop_index_vector) --index_rank;
  List offset;
  for (std::int64_t d = 0; rows && d < rank; ++d) {
    rows = sizes[static_cast<std::size_t>(d)] == (d == collapsed[0] ? 1 : table.shape[static_cast<std::size_t>(d)]);
    if (d != collapsed[0]) offset.push_back(d < collapsed[0] ? d : d - 1 + index_rank);
  }
  if (!rows || offset != numbers["offset_dims"]) {
    in.fail("this gather does not take whole rows along one axis", "docs/graph.md has the form that is supported",
            ErrorCode::kUnsupported);
  }
  return {rows ? collapsed[0] : 0};
}

ConvAttr convolution(Scanner& in, Attributes& attributes) {
  ConvAttr a;
  attributes.read("dimension_numbers", [&] {
    in.expect("#");
    (void)in.word();
    in.expect("<");
    parse_conv_layout(in, a);
  });
  const std::size_t n = a.lhs_spatial.size();
  const List ones(n, 1);
  a.stride = attributes.list_or("window_strides", ones);
  a.lhs_dilation = attributes.list_or("lhs_dilation", ones);
  a.rhs_dilation = attributes.list_or("rhs_dilation", ones);
  attributes.padding("padding", n, a.pad_low, a.pad_high);
  for (const std::int64_t flag : attributes.list_or("window_reversal", {})) {
    if (flag != 0) in.fail("window reversal is not supported", "reverse the kernel", ErrorCode::kUnsupported);
  }
  a.feature_groups = attributes.integer("feature_group_count");
  if (attributes.integer("batch_group_count") != 1) in.fail("batch_group_count must be 1", {}, ErrorCode::kUnsupported);
  return a;
}

ReduceWindowAttr reduce_window(Attributes& attributes, Reduction reduction) {
  ReduceWindowAttr a;
  a.reduction = reduction;
  a.window = attributes.list("window_dimensions");
  const List ones(a.window.size(), 1);
  a.stride = attributes.list_or("window_strides", ones);
  a.base_dilation = attributes.list_or("base_dilations", ones);
  a.window_dilation = attributes.list_or("window_dilations", ones);
  attributes.padding("padding", a.window.size(), a.pad_low, a.pad_high);
  return a;
}

DotAttr dot(Attributes& attributes) {
  auto numbers = attributes.structure("dot_dimension_numbers");
  return {numbers["lhs_batching_dimensions"], numbers["rhs_batching_dimensions"], numbers["lhs_contracting_dimensions"],
          numbers["rhs_contracting_dimensions"]};
}

Attr simple_attribute(Scanner& in, Attributes& a, OpKind kind) {
  switch (kind) {
    case OpKind::kIota:
      return IotaAttr{a.integer("iota_dimension")};
    case OpKind::kBroadcastInDim:
      return BroadcastAttr{a.list("broadcast_dimensions")};
    case OpKind::kTranspose:
      return TransposeAttr{a.list("permutation")};
    case OpKind::kSlice:
      return SliceAttr{a.list("start_indices"), a.list("limit_indices"), a.list("strides")};
    case OpKind::kConcatenate:
      return ConcatenateAttr{a.integer("dimension")};
    case OpKind::kPad:
      return PadAttr{a.list("edge_padding_low"), a.list("edge_padding_high"), a.list("interior_padding")};
    case OpKind::kReverse:
      return ReverseAttr{a.list("dimensions")};
    case OpKind::kDynamicSlice:
      return DynamicSliceAttr{a.list("slice_sizes")};
    case OpKind::kDotGeneral:
      return dot(a);
    case OpKind::kConvolution:
      return convolution(in, a);
    case OpKind::kCompare: {
      CompareAttr compare;
      a.read("comparison_direction", [&] {  // #stablehlo<comparison_direction EQ>
        in.expect("#");
        (void)in.word();
        in.expect("<");
        (void)in.word();
        compare.direction = parse_direction(in);
      });
      return compare;
    }
    case OpKind::kConstant: {
      ConstantAttr constant;
      a.read("value", [&] { constant.value = parse_dense(in); });
      return constant;
    }
    default:
      return {};
  }
}

}  // namespace

void parse_generic(Scanner& in, const Lookup& lookup, const Graph& graph, ParsedOp& op) {
  in.expect("(");
  while (in.ok() && !in.accept(")")) {
    op.operands.push_back(lookup(in.value_name()));
    if (!in.peek(")")) in.expect(",");
  }
  if (in.accept("<")) {
    in.expect("{");
    op.attributes = in.attributes();
    in.expect(">");
  }
  const bool reduces = op.kind == OpKind::kReduce || op.kind == OpKind::kReduceWindow;
  Reduction reduction = Reduction::kAdd;
  if (in.accept("(")) {
    const Span region = in.bracketed();
    in.expect(")");
    if (reduces && in.ok()) reduction = in.within(region, [&] { return region_reduction(in); });
  } else if (reduces) {
    in.fail("lacks its region");
  }
  if (in.accept("{")) op.attributes.merge(in.attributes());
  parse_types(in, op);
  if (!in.ok()) return;
  Attributes attributes(in, op.attributes);
  if (op.kind == OpKind::kReduce) {
    op.attr = ReduceAttr{reduction, attributes.list("dimensions")};
  } else if (op.kind == OpKind::kReduceWindow) {
    op.attr = reduce_window(attributes, reduction);
  } else if (op.kind == OpKind::kGather) {
    if (op.operands.size() != 2) return in.fail("gather takes 2 operands");
    op.attr = row_gather(in, attributes, graph.type(op.operands[0]), graph.type(op.operands[1]), op.drop_index_vector);
  } else {
    op.attr = simple_attribute(in, attributes, op.kind);
  }
}

}  // namespace systole::graph
