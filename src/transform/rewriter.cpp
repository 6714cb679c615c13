#include "transform/rewriter.h"

#include <fmt/core.h>

#include <numeric>

#include "tensor/element.h"

namespace systole::transform {
namespace {

constexpr std::int64_t kCompareContentBytes = 4096;  // larger constants are the same only if they share storage

void append(std::string& key, std::int64_t x) { key.append(reinterpret_cast<const char*>(&x), sizeof x); }
void append(std::string& key, const Dims& list) {
  append(key, static_cast<std::int64_t>(list.size()));
  for (const std::int64_t x : list) append(key, x);
}

void append(std::string& key, const Tensor& t) {
  append(key, t.shape());
  append(key, t.bytes() <= kCompareContentBytes);
  if (t.bytes() <= kCompareContentBytes) {
    if (t.raw() != nullptr) key.append(reinterpret_cast<const char*>(t.raw()), static_cast<std::size_t>(t.bytes()));
  } else {
    append(key, static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(t.identity())));
  }
}

struct AttrKey {
  std::string& key;
  void operator()(const std::monostate&) const {}
  void operator()(const graph::ConstantAttr& a) const { append(key, a.value); }
  void operator()(const graph::IotaAttr& a) const { append(key, a.dimension); }
  void operator()(const graph::CompareAttr& a) const { append(key, static_cast<std::int64_t>(a.direction)); }
  void operator()(const graph::BroadcastAttr& a) const { append(key, a.dimensions); }
  void operator()(const graph::TransposeAttr& a) const { append(key, a.permutation); }
  void operator()(const graph::SliceAttr& a) const {
    append(key, a.start), append(key, a.limit), append(key, a.stride);
  }
  void operator()(const graph::ConcatenateAttr& a) const { append(key, a.dimension); }
  void operator()(const graph::PadAttr& a) const { append(key, a.low), append(key, a.high), append(key, a.interior); }
  void operator()(const graph::ReverseAttr& a) const { append(key, a.dimensions); }
  void operator()(const graph::GatherAttr& a) const { append(key, a.axis); }
  void operator()(const graph::DynamicSliceAttr& a) const { append(key, a.sizes); }
  void operator()(const graph::ReduceAttr& a) const {
    append(key, static_cast<std::int64_t>(a.reduction)), append(key, a.dimensions);
  }
  void operator()(const graph::ReduceWindowAttr& a) const {
    append(key, static_cast<std::int64_t>(a.reduction));
    for (const Dims* list : {&a.window, &a.stride, &a.base_dilation, &a.window_dilation, &a.pad_low, &a.pad_high}) {
      append(key, *list);
    }
  }
  void operator()(const graph::DotAttr& a) const {
    for (const Dims* list : {&a.lhs_batch, &a.rhs_batch, &a.lhs_contract, &a.rhs_contract}) append(key, *list);
    append(key, static_cast<std::int64_t>(a.algorithm));
  }
  void operator()(const graph::ConvAttr& a) const {
    for (const std::int64_t x :
         {a.lhs_batch, a.lhs_feature, a.rhs_input, a.rhs_output, a.out_batch, a.out_feature, a.feature_groups,
          static_cast<std::int64_t>(a.algorithm), static_cast<std::int64_t>(a.placement)}) {
      append(key, x);
    }
    for (const Dims* list : {&a.lhs_spatial, &a.rhs_spatial, &a.out_spatial, &a.stride, &a.pad_low, &a.pad_high,
                             &a.lhs_dilation, &a.rhs_dilation}) {
      append(key, *list);
    }
  }
};

std::string key_of(const Op& op, const TensorType& type) {
  std::string key;
  append(key, static_cast<std::int64_t>(op.kind));
  append(key, static_cast<std::int64_t>(type.type));
  append(key, type.shape);
  for (const ValueId id : op.operands) append(key, id);
  std::visit(AttrKey{key}, op.attr);
  return key;
}

std::vector<TensorType> input_types_of(const Graph& graph) {
  std::vector<TensorType> types;
  for (const ValueId id : graph.inputs) types.push_back(graph.type(id));
  return types;
}

}  // namespace

std::string place(const Op& op) {
  return op.source.empty() ? std::string(graph::op_name(op.kind))
                           : fmt::format("{} from '{}'", graph::op_name(op.kind), op.source);
}

Dims identity(std::size_t rank) {
  Dims list(rank);
  std::iota(list.begin(), list.end(), 0);
  return list;
}

bool is_identity(const Dims& permutation) { return permutation == identity(permutation.size()); }

Dims inverse(const Dims& permutation) {
  Dims result(permutation.size());
  for (std::size_t i = 0; i < permutation.size(); ++i)
    result[static_cast<std::size_t>(permutation[i])] = static_cast<std::int64_t>(i);
  return result;
}

Shape permuted_shape(const Shape& shape, const Dims& permutation) {
  Shape result;
  for (const std::int64_t p : permutation) result.push_back(shape[static_cast<std::size_t>(p)]);
  return result;
}

bool is_zero(const Dims& list) {
  return std::all_of(list.begin(), list.end(), [](std::int64_t x) { return x == 0; });
}

Rewriter::Rewriter(const Graph& from) : Rewriter(from, input_types_of(from)) {}

Rewriter::Rewriter(const Graph& from, const std::vector<TensorType>& input_types)
    : from_(from), map_(from.values.size(), -1) {
  to_.name = from.name;
  for (std::size_t i = 0; i < from.inputs.size(); ++i) {
    const ValueId now = to_.add_input(input_types[i], from.input_names[i]);
    definition_.push_back(-1);
    map(from.inputs[i], now);
  }
}

void Rewriter::map(ValueId old, ValueId now) {
  map_[static_cast<std::size_t>(old)] = now;
  const std::string& name = from_.values[static_cast<std::size_t>(old)].name;
  std::string& new_name = to_.values[static_cast<std::size_t>(now)].name;
  if (new_name.empty()) new_name = name;
}

std::vector<ValueId> Rewriter::mapped(const std::vector<ValueId>& old) const {
  std::vector<ValueId> now;
  for (const ValueId id : old) now.push_back((*this)[id]);
  return now;
}

const Op* Rewriter::definition(ValueId now) const {
  const int index = definition_[static_cast<std::size_t>(now)];
  return index < 0 ? nullptr : &to_.ops[static_cast<std::size_t>(index)];
}

const Tensor* Rewriter::constant(ValueId now) const {
  const Op* op = definition(now);
  return op != nullptr && op->kind == OpKind::kConstant ? &op->get<graph::ConstantAttr>().value : nullptr;
}

ValueId Rewriter::emit(OpKind kind, std::vector<ValueId> operands, Attr attr, const TensorType* declared) {
  Op op{kind, std::move(operands), -1, std::move(attr), source_};
  Expected<TensorType> type = graph::infer_type(to_, op, declared);
  assert(type.ok() && "a pass emitted an ill-formed op");
  std::string key = key_of(op, *type);
  const auto [entry, inserted] = known_.try_emplace(std::move(key), static_cast<ValueId>(to_.values.size()));
  if (!inserted) return entry->second;
  op.result = to_.add_value(std::move(type).value());
  definition_.push_back(static_cast<int>(to_.ops.size()));
  to_.ops.push_back(std::move(op));
  return to_.ops.back().result;
}

ValueId Rewriter::constant(Tensor value) { return emit(OpKind::kConstant, {}, graph::ConstantAttr{std::move(value)}); }

ValueId Rewriter::scalar(DType type, double value) {
  Tensor t(type, {});
  store_from_double(type, t.mutable_raw(), value);
  return constant(std::move(t));
}

ValueId Rewriter::filled(const TensorType& type, double value) {
  return broadcast(scalar(type.type, value), {}, type.shape);
}

ValueId Rewriter::contract(OpKind kind, ValueId lhs, ValueId rhs, Attr attr, DType result) {
  const TensorType declared{result, {}};  // only the element type is read
  return emit(kind, {lhs, rhs}, std::move(attr), &declared);
}

Graph Rewriter::finish() {
  for (std::size_t i = 0; i < from_.outputs.size(); ++i) {
    to_.add_output((*this)[from_.outputs[i]], from_.output_names[i]);
  }
  to_.remove_dead_ops();
  std::vector<ValueId> number(to_.values.size(), -1);
  std::vector<graph::Value> values;
  const auto keep = [&](ValueId& id) {
    number[static_cast<std::size_t>(id)] = static_cast<ValueId>(values.size());
    values.push_back(std::move(to_.values[static_cast<std::size_t>(id)]));
    id = number[static_cast<std::size_t>(id)];
  };
  for (ValueId& id : to_.inputs) keep(id);
  for (Op& op : to_.ops) {
    for (ValueId& id : op.operands) id = number[static_cast<std::size_t>(id)];
    keep(op.result);
  }
  for (ValueId& id : to_.outputs) id = number[static_cast<std::size_t>(id)];
  to_.values = std::move(values);
  return std::move(to_);
}

}  // namespace systole::transform
