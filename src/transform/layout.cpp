// NCHW to NHWC, for convolutions and windows, with as few transposes as the graph allows.
//
// A value may be held in another order of dimensions than the graph says: `order_` lists, per stored dimension, the
// model's dimension. A convolution asks for [batch, spatial, feature] and leaves its result so; elementwise ops,
// reductions, padding, slices, concatenation, reshapes of whole groups of dimensions and contractions take what they
// get; a transpose of the model only changes the note. A transpose is written where two orders meet, and at the graph's
// outputs.
#include "transform/layout.h"

#include "transform/passes.h"

namespace systole::transform {
namespace {

class Layout {
 public:
  explicit Layout(const Graph& graph) : r_(graph), order_(graph.values.size()) {
    for (const ValueId id : graph.inputs) order(id) = identity(graph.type(id).shape.size());
  }

  Graph run();

 private:
  Dims& order(ValueId old) { return order_[static_cast<std::size_t>(old)]; }
  const Shape& model_shape(ValueId old) const { return r_.from().type(old).shape; }
  void set(ValueId old, ValueId now, Dims stored) { r_.map(old, now), order(old) = std::move(stored); }
  ValueId plain(ValueId old) { return in_order(old, identity(model_shape(old).size())); }

  // The value with its dimensions in this order.
  ValueId in_order(ValueId old, const Dims& wanted) {
    return r_.transpose(r_[old], composed(inverse(order(old)), wanted));
  }
  bool moves_freely(ValueId old) const {
    const Op* op = r_.definition(r_[old]);
    if (op == nullptr) return false;
    if (op->kind == OpKind::kBroadcastInDim) {
      return r_.shape(op->operands[0]).size() <= 2 || r_.constant(op->operands[0]) != nullptr;
    }
    return op->kind == OpKind::kConstant || op->kind == OpKind::kIota;
  }
  Dims common_order(const std::vector<ValueId>& operands);

  void visit(const Op& op);
  void elementwise(const Op& op);
  void concatenate(const Op& op);
  void broadcast(const Op& op);
  void reshape(const Op& op);
  void movement(const Op& op);
  void dynamic(const Op& op);
  void reduce(const Op& op);
  void window(const Op& op);
  void dot(const Op& op);
  void convolution(const Op& op);

  Rewriter r_;
  std::vector<Dims> order_;
};

// The order of the largest operand that cannot be written in any order for free, a changed one preferred.
Dims Layout::common_order(const std::vector<ValueId>& operands) {
  Dims best = identity(model_shape(operands.front()).size());
  for (const ValueId id : operands) {
    const bool scalar = model_shape(id).empty();
    if (scalar || moves_freely(id) || keeps_order(model_shape(id), order(id))) continue;
    return order(id);
  }
  for (const ValueId id : operands) {
    if (!model_shape(id).empty() && !moves_freely(id)) return order(id);
  }
  for (const ValueId id : operands) {
    if (!model_shape(id).empty()) best = identity(model_shape(id).size());
  }
  return best;
}

void Layout::elementwise(const Op& op) {
  const Dims wanted = common_order(op.operands);
  std::vector<ValueId> x;
  for (const ValueId id : op.operands) x.push_back(model_shape(id).empty() ? r_[id] : in_order(id, wanted));
  const TensorType type{r_.from().type(op.result).type, permuted_shape(model_shape(op.result), wanted)};
  set(op.result, op.kind == OpKind::kConvert ? r_.convert(x[0], type.type) : r_.emit(op.kind, x, op.attr, &type),
      wanted);
}

void Layout::concatenate(const Op& op) {
  const Dims wanted = common_order(op.operands);
  std::vector<ValueId> x;
  for (const ValueId id : op.operands) x.push_back(in_order(id, wanted));
  const Dims place = inverse(wanted);
  set(op.result, r_.concatenate(x, place[static_cast<std::size_t>(op.get<graph::ConcatenateAttr>().dimension)]),
      wanted);
}

void Layout::broadcast(const Op& op) {
  const Dims& o = order(op.operands[0]);
  const Dims dims = composed(op.get<graph::BroadcastAttr>().dimensions, o);
  const Shape& shape = model_shape(op.result);
  const bool plain_order = keeps_order(model_shape(op.operands[0]), o);
  const Dims wanted = plain_order ? identity(shape.size()) : following(dims, shape.size());
  set(op.result, r_.broadcast(r_[op.operands[0]], composed(inverse(wanted), dims), permuted_shape(shape, wanted)),
      wanted);
}

void Layout::reshape(const Op& op) {
  const ValueId x = op.operands[0];
  const Shape &from = model_shape(x), &to = model_shape(op.result);
  Dims result;
  if (reshaped_order(from, to, order(x), result)) {
    set(op.result, r_.reshape(r_[x], permuted_shape(to, result)), result);
  } else {
    set(op.result, r_.reshape(plain(x), to), identity(to.size()));
  }
}

void Layout::movement(const Op& op) {
  const ValueId x = r_[op.operands[0]];
  const Dims o = order(op.operands[0]);
  const Dims place = inverse(o);
  if (op.kind == OpKind::kPad) {
    const auto& a = op.get<graph::PadAttr>();
    set(op.result, r_.pad(x, r_[op.operands[1]], composed(a.low, o), composed(a.high, o), composed(a.interior, o)), o);
  } else if (op.kind == OpKind::kSlice) {
    const auto& a = op.get<graph::SliceAttr>();
    set(op.result, r_.slice(x, composed(a.start, o), composed(a.limit, o), composed(a.stride, o)), o);
  } else {
    set(op.result, r_.reverse(x, composed(place, op.get<graph::ReverseAttr>().dimensions)), o);
  }
}

// dynamic_slice, dynamic_update_slice: the starts follow their dimensions.
void Layout::dynamic(const Op& op) {
  const Dims o = order(op.operands[0]);
  const std::size_t first = op.kind == OpKind::kDynamicSlice ? 1 : 2;
  std::vector<ValueId> x{r_[op.operands[0]]};
  if (first == 2) x.push_back(in_order(op.operands[1], o));
  for (const std::int64_t d : o) x.push_back(r_[op.operands[first + static_cast<std::size_t>(d)]]);
  Attr attr = op.attr;
  if (first == 1) attr = graph::DynamicSliceAttr{composed(op.get<graph::DynamicSliceAttr>().sizes, o)};
  set(op.result, r_.emit(op.kind, x, std::move(attr)), o);
}

void Layout::reduce(const Op& op) {
  const auto& a = op.get<graph::ReduceAttr>();
  const Dims& o = order(op.operands[0]);
  Dims dims = composed(inverse(o), a.dimensions);
  std::sort(dims.begin(), dims.end());
  set(op.result, r_.emit(op.kind, {r_[op.operands[0]], r_[op.operands[1]]}, graph::ReduceAttr{a.reduction, dims}),
      without(o, a.dimensions));
}

// Windows over at most two of three or four dimensions: these come second (and third).
void Layout::window(const Op& op) {
  auto a = op.get<graph::ReduceWindowAttr>();
  Dims wanted = order(op.operands[0]);
  const std::size_t rank = wanted.size();
  const auto acts = [&](std::size_t d) {
    return a.window[d] != 1 || a.stride[d] != 1 || a.base_dilation[d] != 1 || a.pad_low[d] != 0 || a.pad_high[d] != 0;
  };
  const bool fits =
      rank == 4 && !acts(static_cast<std::size_t>(wanted[0])) && !acts(static_cast<std::size_t>(wanted[3]));
  if (!fits && (rank == 3 || rank == 4)) {
    Dims windowed, rest;
    for (std::size_t d = 0; d < rank; ++d) (acts(d) ? windowed : rest).push_back(static_cast<std::int64_t>(d));
    while (windowed.size() < rank - 2) windowed.insert(windowed.begin(), rest.back()), rest.pop_back();
    if (rest.size() == 2) {
      wanted = {rest[0]};
      wanted.insert(wanted.end(), windowed.begin(), windowed.end());
      wanted.push_back(rest[1]);
    }
  }
  for (Dims* list : {&a.window, &a.stride, &a.base_dilation, &a.window_dilation, &a.pad_low, &a.pad_high}) {
    *list = composed(*list, wanted);
  }
  set(op.result, r_.emit(op.kind, {in_order(op.operands[0], wanted), r_[op.operands[1]]}, a), wanted);
}

void Layout::dot(const Op& op) {
  auto a = op.get<graph::DotAttr>();
  const Dims lhs = order(op.operands[0]), rhs = order(op.operands[1]);
  const auto [lhs_free, rhs_free] =
      std::pair{free_positions(lhs, a.lhs_batch, a.lhs_contract), free_positions(rhs, a.rhs_batch, a.rhs_contract)};
  Dims result = identity(a.lhs_batch.size());
  for (const std::int64_t f : lhs_free) result.push_back(f + static_cast<std::int64_t>(a.lhs_batch.size()));
  for (const std::int64_t f : rhs_free)
    result.push_back(f + static_cast<std::int64_t>(a.lhs_batch.size() + lhs_free.size()));
  a.lhs_batch = composed(inverse(lhs), a.lhs_batch), a.lhs_contract = composed(inverse(lhs), a.lhs_contract);
  a.rhs_batch = composed(inverse(rhs), a.rhs_batch), a.rhs_contract = composed(inverse(rhs), a.rhs_contract);
  const DType type = r_.from().type(op.result).type;
  set(op.result, r_.contract(op.kind, r_[op.operands[0]], r_[op.operands[1]], a, type), result);
}

void Layout::convolution(const Op& op) {
  auto a = op.get<graph::ConvAttr>();
  const ValueId x = in_order(op.operands[0], {a.lhs_batch, a.lhs_spatial[0], a.lhs_spatial[1], a.lhs_feature});
  const ValueId w = in_order(op.operands[1], {a.rhs_spatial[0], a.rhs_spatial[1], a.rhs_input, a.rhs_output});
  const Dims result = {a.out_batch, a.out_spatial[0], a.out_spatial[1], a.out_feature};
  a.lhs_batch = a.out_batch = 0, a.lhs_feature = a.out_feature = 3;
  a.rhs_input = 2, a.rhs_output = 3;
  a.lhs_spatial = a.out_spatial = {1, 2}, a.rhs_spatial = {0, 1};
  set(op.result, r_.contract(op.kind, x, w, a, r_.from().type(op.result).type), result);
}

void Layout::visit(const Op& op) {
  r_.set_source(op.source);
  if (graph::is_elementwise(op.kind)) return elementwise(op);
  switch (op.kind) {
    case OpKind::kTranspose:
      return set(op.result, r_[op.operands[0]],
                 composed(inverse(op.get<graph::TransposeAttr>().permutation), order(op.operands[0])));
    case OpKind::kBroadcastInDim:
      return broadcast(op);
    case OpKind::kReshape:
      return reshape(op);
    case OpKind::kPad:
    case OpKind::kSlice:
    case OpKind::kReverse:
      return movement(op);
    case OpKind::kConcatenate:
      return concatenate(op);
    case OpKind::kDynamicSlice:
    case OpKind::kDynamicUpdateSlice:
      return dynamic(op);
    case OpKind::kReduce:
      return reduce(op);
    case OpKind::kReduceWindow:
      return window(op);
    case OpKind::kDotGeneral:
      return dot(op);
    case OpKind::kConvolution:
      return convolution(op);
    default:
      break;
  }
  std::vector<ValueId> x;
  for (const ValueId id : op.operands) x.push_back(plain(id));
  const TensorType& type = r_.from().type(op.result);
  set(op.result, r_.emit(op.kind, x, op.attr, &type), identity(type.shape.size()));
}

Graph Layout::run() {
  for (const Op& op : r_.from().ops) visit(op);
  for (const ValueId id : r_.from().outputs) set(id, plain(id), identity(model_shape(id).size()));
  return r_.finish();
}

}  // namespace

Status assign_layout(Graph& graph, const Target&) {
  Graph result = Layout(graph).run();
  graph = std::move(result);
  return ok_status();
}

}  // namespace systole::transform
