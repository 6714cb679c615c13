#include "frontend/builder.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "graph/interpreter.h"

namespace systole::frontend {

using graph::OpKind;

namespace {

// Folding is for shapes and small tables; what is larger stays an operator of the graph.
constexpr std::int64_t kMaxFoldedIntegers = 1 << 16;
constexpr std::int64_t kMaxFoldedReals = 1 << 12;
constexpr std::int64_t kMaxMovedElements = 1 << 22;

// A window or a convolution may be far larger than what it is applied to.
bool is_foldable(OpKind kind, const graph::Attr& attr) {
  if (kind == OpKind::kConvolution) return false;
  if (kind != OpKind::kReduceWindow) return true;
  std::int64_t size = 1;
  for (const std::int64_t w : std::get<graph::ReduceWindowAttr>(attr).window) {
    if (__builtin_mul_overflow(size, w, &size)) return false;
  }
  return size <= (1 << 12);
}

bool is_movement(OpKind kind) {
  return kind == OpKind::kTranspose || kind == OpKind::kSlice || kind == OpKind::kConcatenate ||
         kind == OpKind::kReverse || kind == OpKind::kGather || kind == OpKind::kPad;
}

}  // namespace

std::vector<std::int64_t> Val::integers() const {
  const Tensor wide = tensor().converted(DType::kI64);
  return {wide.data<std::int64_t>(), wide.data<std::int64_t>() + wide.count()};
}

std::vector<double> Val::reals() const {
  const Tensor wide = tensor().converted(DType::kF64);
  return {wide.data<double>(), wide.data<double>() + wide.count()};
}

DType graph_type(DType model_type) {
  if (model_type == DType::kI64) return DType::kI32;
  if (model_type == DType::kU64) return DType::kU32;
  if (model_type == DType::kF64) return DType::kF32;
  return model_type;
}

double lowest_value(DType type) {
  if (is_float(type)) return -std::numeric_limits<double>::infinity();
  if (is_unsigned(type)) return 0;
  return -std::exp2(8 * std::min<std::int64_t>(dtype_bytes(type), 4) - 1);
}

double highest_value(DType type) {
  if (is_float(type)) return std::numeric_limits<double>::infinity();
  if (type == DType::kPred) return 1;
  const auto bits = 8 * std::min<std::int64_t>(dtype_bytes(type), 4);
  return std::exp2(is_unsigned(type) ? bits : bits - 1) - 1;
}

void Builder::invalid(std::string message, std::string hint) const {
  fail(invalid_input(place_, std::move(message), std::move(hint)));
}

void Builder::not_supported(std::string message, std::string hint) const {
  fail(unsupported(place_, std::move(message), std::move(hint)));
}

Val Builder::make(DType type, Shape shape) {
  Val v;
  v.data_ = std::make_shared<Val::Data>(Val::Data{type, std::move(shape), std::nullopt, -1, {}});
  return v;
}

Val Builder::known(Tensor tensor, std::string name) {
  Val v = make(tensor.type(), tensor.shape());
  v.data_->tensor = std::move(tensor);
  v.data_->name = std::move(name);
  return v;
}

void Builder::note_type(DType type) {
  narrowed_reals |= type == DType::kF64;
  narrowed_integers |= type == DType::kI64 || type == DType::kU64;
}

Val Builder::input(DType type, Shape shape, const std::string& name) {
  note_type(type);
  Val v = make(type, shape);
  v.data_->id = graph_.add_input({graph_type(type), std::move(shape)}, name);
  v.data_->name = name;
  return v;
}

Val Builder::scalar(DType type, double value) {
  return known(Tensor::of<double>(DType::kF64, {}, {value}).converted(type));
}

Val Builder::full(DType type, const Shape& shape, double value) { return broadcast_to(scalar(type, value), shape); }

Val Builder::integers(const std::vector<std::int64_t>& values) {
  return known(Tensor::of<std::int64_t>(DType::kI64, {static_cast<std::int64_t>(values.size())}, values));
}

Val Builder::iota(DType type, const Shape& shape, std::int64_t dimension) {
  return emit(OpKind::kIota, {}, graph::IotaAttr{dimension}, type, &shape);
}

graph::ValueId Builder::id(const Val& v) {
  if (v.data_->id >= 0) return v.data_->id;
  const DType type = graph_type(v.type());
  note_type(v.type());
  if (type != v.type() && is_integer(type)) {
    for (const std::int64_t x : v.integers()) {
      if (static_cast<double>(x) < lowest_value(type) || static_cast<double>(x) > highest_value(type)) {
        not_supported(fmt::format("the constant {} does not fit 32 bits, the widest integer of the machine", x));
      }
    }
  }
  v.data_->id = graph_.constant(type == v.type() ? v.tensor() : v.tensor().converted(type), source_);
  graph_.values[static_cast<std::size_t>(v.data_->id)].name = v.data_->name;
  return v.data_->id;
}

void Builder::name_result(const Val& v, const std::string& name) {
  if (!v.data_->name.empty()) return;
  v.data_->name = name;
  if (v.data_->id >= 0) graph_.values[static_cast<std::size_t>(v.data_->id)].name = name;
}

std::optional<Val> Builder::fold(OpKind kind, const std::vector<Val>& operands, const graph::Attr& attr, DType type,
                                 const Shape* declared_shape) {
  const bool move = is_movement(kind);
  if ((is_float(type) && !fold_reals && !move) || !is_foldable(kind, attr)) return std::nullopt;
  const std::int64_t limit = move ? kMaxMovedElements : is_float(type) ? kMaxFoldedReals : kMaxFoldedIntegers;
  for (const Val& v : operands) {
    if (!v.known() || v.count() > limit) return std::nullopt;
  }
  graph::Graph small;
  graph::Op op{kind, {}, -1, attr, source_};
  for (const Val& v : operands) op.operands.push_back(small.constant(v.tensor(), source_));
  graph::TensorType declared{type, declared_shape ? *declared_shape : Shape{}};
  auto inferred = graph::infer_type(small, op, &declared);
  if (!inferred.ok()) invalid(inferred.error().message, inferred.error().hint);
  if (inferred->count() > limit) return std::nullopt;
  small.add_output(small.add_typed(kind, op.operands, *inferred, attr, source_), "result");
  auto results = graph::interpret_double(small, {});
  if (!results.ok()) return std::nullopt;
  return known((*results)[0].converted(type));
}

Val Builder::emit(OpKind kind, const std::vector<Val>& operands, graph::Attr attr, DType type,
                  const Shape* declared_shape, bool may_fold) {
  if (declared_shape) {
    if (auto status = check_shape(*declared_shape, place_); !status.ok()) fail(status.error());
  }
  if (may_fold) {
    if (auto folded = fold(kind, operands, attr, type, declared_shape)) return *folded;
  }
  note_type(type);
  graph::Op op{kind, {}, -1, std::move(attr), source_};
  for (const Val& v : operands) op.operands.push_back(id(v));
  const graph::TensorType declared{graph_type(type), declared_shape ? *declared_shape : Shape{}};
  auto inferred = graph::infer_type(graph_, op, &declared);
  if (!inferred.ok()) invalid(inferred.error().message, inferred.error().hint);
  if (auto status = check_shape(inferred->shape, place_); !status.ok()) fail(status.error());
  Val v = make(type, inferred->shape);
  v.data_->id = graph_.add_typed(kind, op.operands, *inferred, std::move(op.attr), source_);
  return v;
}

Val Builder::unary(OpKind kind, const Val& x) {
  return emit(kind, {x}, {}, kind == OpKind::kIsFinite ? DType::kPred : x.type());
}

Shape Builder::broadcast_shape(const Shape& a, const Shape& b) const {
  Shape out(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) {
      invalid(fmt::format("shapes {} and {} do not broadcast", shape_text(a), shape_text(b)));
    }
    out[out.size() - 1 - i] = x == 1 ? y : x;
  }
  return out;
}

Val Builder::binary(OpKind kind, Val a, Val b) {
  const Shape shape = broadcast_shape(a.shape(), b.shape());
  const bool known = a.known() && b.known();
  return emit(kind, {broadcast_to(a, shape, known), broadcast_to(b, shape, known)}, {}, a.type());
}

Val Builder::compare(graph::CompareDirection direction, Val a, Val b) {
  const Shape shape = broadcast_shape(a.shape(), b.shape());
  const bool known = a.known() && b.known();
  return emit(OpKind::kCompare, {broadcast_to(a, shape, known), broadcast_to(b, shape, known)},
              graph::CompareAttr{direction}, DType::kPred);
}

Val Builder::select(Val condition, Val on_true, Val on_false) {
  const Shape shape = broadcast_shape(broadcast_shape(condition.shape(), on_true.shape()), on_false.shape());
  const bool known = condition.known() && on_true.known() && on_false.known();
  return emit(OpKind::kSelect,
              {broadcast_to(condition, shape, known), broadcast_to(on_true, shape, known),
               broadcast_to(on_false, shape, known)},
              {}, on_true.type());
}

Val Builder::clamp(const Val& low, const Val& x, const Val& high) {
  return emit(OpKind::kClamp, {low, x, high}, {}, x.type());
}

Val Builder::convert(const Val& x, DType type) {
  if (x.type() == type) return x;
  if (!x.known() && graph_type(x.type()) == graph_type(type)) {
    Val v = make(type, x.shape());
    v.data_->id = x.data_->id;
    v.data_->name = x.data_->name;
    return v;
  }
  return emit(OpKind::kConvert, {x}, {}, type, &x.shape());
}

Val Builder::broadcast_in_dim(const Val& x, const Shape& shape, const Axes& dimensions, bool may_fold) {
  return emit(OpKind::kBroadcastInDim, {x}, graph::BroadcastAttr{dimensions}, x.type(), &shape, may_fold);
}

Val Builder::broadcast_to(const Val& x, const Shape& shape, bool may_fold) {
  if (x.shape() == shape) return x;
  if (x.shape().size() > shape.size()) {
    invalid(fmt::format("shape {} does not broadcast to {}", shape_text(x.shape()), shape_text(shape)));
  }
  Axes dimensions(x.shape().size());
  std::iota(dimensions.begin(), dimensions.end(), static_cast<std::int64_t>(shape.size() - x.shape().size()));
  return broadcast_in_dim(x, shape, dimensions, may_fold);
}

Val Builder::reshape(const Val& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  if (auto status = check_shape(shape, place_); !status.ok()) fail(status.error());
  if (element_count(shape) != x.count()) {
    invalid(fmt::format("{} elements of shape {} do not reshape to {}", x.count(), shape_text(x.shape()),
                        shape_text(shape)));
  }
  if (x.known()) return known(x.tensor().reshaped(shape), x.data_->name);
  return emit(OpKind::kReshape, {x}, {}, x.type(), &shape);
}

Val Builder::transpose(const Val& x, const Axes& permutation) {
  if (std::is_sorted(permutation.begin(), permutation.end()) &&
      static_cast<std::int64_t>(permutation.size()) == x.rank())
    return x;
  return emit(OpKind::kTranspose, {x}, graph::TransposeAttr{permutation}, x.type());
}

Val Builder::slice(const Val& x, Axes start, Axes limit, Axes stride) {
  if (stride.empty()) stride.assign(start.size(), 1);
  const bool whole = limit == x.shape() && std::all_of(start.begin(), start.end(), [](auto s) { return s == 0; }) &&
                     std::all_of(stride.begin(), stride.end(), [](auto s) { return s == 1; });
  if (whole) return x;
  return emit(OpKind::kSlice, {x}, graph::SliceAttr{std::move(start), std::move(limit), std::move(stride)}, x.type());
}

Val Builder::slice_axis(const Val& x, std::int64_t axis, std::int64_t start, std::int64_t limit, std::int64_t stride) {
  const auto a = static_cast<std::size_t>(axis);
  Axes starts(x.shape().size(), 0), limits = x.shape(), strides(x.shape().size(), 1);
  starts.at(a) = start;
  limits.at(a) = limit;
  strides.at(a) = stride;
  return slice(x, starts, limits, strides);
}

Val Builder::concat(const std::vector<Val>& parts, std::int64_t axis) {
  if (parts.size() == 1) return parts[0];
  return emit(OpKind::kConcatenate, parts, graph::ConcatenateAttr{axis}, parts.at(0).type());
}

Val Builder::pad(const Val& x, const Val& value, Axes low, Axes high, Axes interior) {
  if (interior.empty()) interior.assign(low.size(), 0);
  const auto zero = [](std::int64_t p) { return p == 0; };
  if (std::all_of(low.begin(), low.end(), zero) && std::all_of(high.begin(), high.end(), zero) &&
      std::all_of(interior.begin(), interior.end(), zero)) {
    return x;
  }
  return emit(OpKind::kPad, {x, value}, graph::PadAttr{std::move(low), std::move(high), std::move(interior)}, x.type());
}

Val Builder::reverse(const Val& x, Axes axes) {
  if (axes.empty()) return x;
  return emit(OpKind::kReverse, {x}, graph::ReverseAttr{std::move(axes)}, x.type());
}

Val Builder::gather(const Val& table, const Val& indices, std::int64_t axis) {
  const Val small = convert(indices, indices.known() ? indices.type() : graph_type(indices.type()));
  return emit(OpKind::kGather, {table, small}, graph::GatherAttr{axis}, table.type());
}

Val Builder::dynamic_slice(const Val& x, const std::vector<Val>& starts, const Shape& sizes) {
  std::vector<Val> operands = {x};
  for (const Val& start : starts) operands.push_back(reshape(convert(start, DType::kI32), {}));
  return emit(OpKind::kDynamicSlice, operands, graph::DynamicSliceAttr{sizes}, x.type());
}

Val Builder::init_value(graph::Reduction reduction, DType type) {
  switch (reduction) {
    case graph::Reduction::kAdd:
    case graph::Reduction::kOr: return scalar(type, 0);
    case graph::Reduction::kMultiply:
    case graph::Reduction::kAnd: return scalar(type, 1);
    case graph::Reduction::kMaximum: return scalar(type, lowest_value(type));
    case graph::Reduction::kMinimum: return scalar(type, highest_value(type));
  }
  return scalar(type, 0);
}

Val Builder::reduce(graph::Reduction reduction, const Val& x, Axes axes, bool keep) {
  std::sort(axes.begin(), axes.end());
  if (axes.empty()) return x;
  Shape kept = x.shape();
  for (const std::int64_t a : axes) kept.at(static_cast<std::size_t>(a)) = 1;
  const Val reduced =
      emit(OpKind::kReduce, {x, init_value(reduction, x.type())}, graph::ReduceAttr{reduction, axes}, x.type());
  return keep ? reshape(reduced, kept) : reduced;
}

Val Builder::reduce_window(const Val& x, graph::ReduceWindowAttr attr) {
  const Val init = init_value(attr.reduction, x.type());
  return emit(OpKind::kReduceWindow, {x, init}, std::move(attr), x.type());
}

Val Builder::dot(const Val& a, const Val& b, graph::DotAttr attr, DType result) {
  return emit(OpKind::kDotGeneral, {a, b}, std::move(attr), result);
}

Val Builder::convolution(const Val& x, const Val& w, graph::ConvAttr attr, DType result) {
  return emit(OpKind::kConvolution, {x, w}, std::move(attr), result);
}

}  // namespace systole::frontend
