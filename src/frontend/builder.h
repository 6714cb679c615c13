// Builds the graph from the operator importers' side: values that may be known at import, NumPy broadcasting, folding.
//
// A Val has the type the model says (int64 and float64 too). If its value is known it becomes a graph constant only
// when an operator that cannot be folded uses it. In the graph int64 is i32, uint64 is ui32, float64 is f32. A
// malformed operator throws Failure with the current place.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "frontend/failure.h"
#include "graph/graph.h"

namespace systole::frontend {

using Axes = std::vector<std::int64_t>;

class Val {
 public:
  Val() = default;
  explicit operator bool() const { return data_ != nullptr; }
  DType type() const { return data_->type; }
  const Shape& shape() const { return data_->shape; }
  std::int64_t rank() const { return static_cast<std::int64_t>(data_->shape.size()); }
  std::int64_t dim(std::int64_t axis) const { return data_->shape.at(static_cast<std::size_t>(axis)); }
  std::int64_t count() const { return element_count(data_->shape); }
  bool known() const { return data_->tensor.has_value(); }
  const Tensor& tensor() const { return *data_->tensor; }
  std::vector<std::int64_t> integers() const;   // known, of an integer type (or pred), row-major
  std::vector<double> reals() const;            // known, of any type

 private:
  friend class Builder;
  struct Data {
    DType type;
    Shape shape;
    std::optional<Tensor> tensor;
    graph::ValueId id = -1;
    std::string name;
  };
  std::shared_ptr<Data> data_;
};

DType graph_type(DType model_type);             // what the model's type is in the graph
double lowest_value(DType type);                // -infinity, or the smallest integer
double highest_value(DType type);

class Builder {
 public:
  explicit Builder(graph::Graph& graph) : graph_(graph) {}

  void set_source(std::string source, std::string place) { source_ = std::move(source); place_ = std::move(place); }
  const std::string& place() const { return place_; }
  [[noreturn]] void invalid(std::string message, std::string hint = {}) const;
  [[noreturn]] void not_supported(std::string message, std::string hint = {}) const;

  // While false, floating-point results are not folded (dequantised weights stay integers).
  bool fold_reals = true;
  // Whether a value of the graph is narrower than the model's type for it.
  bool narrowed_reals = false, narrowed_integers = false;

  Val known(Tensor tensor, std::string name = {});
  Val input(DType type, Shape shape, const std::string& name);
  Val scalar(DType type, double value);
  Val full(DType type, const Shape& shape, double value);
  Val integers(const std::vector<std::int64_t>& values);          // known int64 vector
  Val iota(DType type, const Shape& shape, std::int64_t dimension);
  graph::ValueId id(const Val& v);                                // the graph value; a known value becomes a constant
  void name_result(const Val& v, const std::string& name);        // the tensor name of a value that has none

  Val unary(graph::OpKind kind, const Val& x);
  Val binary(graph::OpKind kind, Val a, Val b);                   // operands broadcast as in NumPy
  Val compare(graph::CompareDirection direction, Val a, Val b);
  Val select(Val condition, Val on_true, Val on_false);
  Val clamp(const Val& low, const Val& x, const Val& high);       // low, high: scalars
  Val convert(const Val& x, DType type);                          // float to integer truncates, as in StableHLO

  Val add(const Val& a, const Val& b) { return binary(graph::OpKind::kAdd, a, b); }
  Val sub(const Val& a, const Val& b) { return binary(graph::OpKind::kSubtract, a, b); }
  Val mul(const Val& a, const Val& b) { return binary(graph::OpKind::kMultiply, a, b); }
  Val div(const Val& a, const Val& b) { return binary(graph::OpKind::kDivide, a, b); }
  Val max(const Val& a, const Val& b) { return binary(graph::OpKind::kMaximum, a, b); }
  Val min(const Val& a, const Val& b) { return binary(graph::OpKind::kMinimum, a, b); }
  // The other operand is a scalar of a's type.
  Val add(const Val& a, double b) { return add(a, scalar(a.type(), b)); }
  Val sub(const Val& a, double b) { return sub(a, scalar(a.type(), b)); }
  Val mul(const Val& a, double b) { return mul(a, scalar(a.type(), b)); }
  Val div(const Val& a, double b) { return div(a, scalar(a.type(), b)); }
  Val max(const Val& a, double b) { return max(a, scalar(a.type(), b)); }
  Val min(const Val& a, double b) { return min(a, scalar(a.type(), b)); }
  Val compare(graph::CompareDirection d, const Val& a, double b) { return compare(d, a, scalar(a.type(), b)); }

  // may_fold: a known x may become a constant of the whole shape; otherwise a scalar stays a broadcast of a scalar.
  Val broadcast_in_dim(const Val& x, const Shape& shape, const Axes& dimensions, bool may_fold = true);
  Val broadcast_to(const Val& x, const Shape& shape, bool may_fold = true);  // trailing dimensions aligned, as in NumPy
  Shape broadcast_shape(const Shape& a, const Shape& b) const;
  Val reshape(const Val& x, const Shape& shape);
  Val transpose(const Val& x, const Axes& permutation);
  Val slice(const Val& x, Axes start, Axes limit, Axes stride = {});
  Val slice_axis(const Val& x, std::int64_t axis, std::int64_t start, std::int64_t limit, std::int64_t stride = 1);
  Val concat(const std::vector<Val>& parts, std::int64_t axis);
  Val pad(const Val& x, const Val& value, Axes low, Axes high, Axes interior = {});
  Val reverse(const Val& x, Axes axes);
  Val gather(const Val& table, const Val& indices, std::int64_t axis);
  // starts: one scalar integer per dimension, clamped so that the slice lies inside.
  Val dynamic_slice(const Val& x, const std::vector<Val>& starts, const Shape& sizes);
  // a - b where both are one integer plus constants, whatever that integer is; nullopt: not known.
  std::optional<std::int64_t> difference(const Val& a, const Val& b);

  Val reduce(graph::Reduction reduction, const Val& x, Axes axes, bool keep);   // axes in [0, rank); none: x itself
  Val reduce_window(const Val& x, graph::ReduceWindowAttr attr);
  Val dot(const Val& a, const Val& b, graph::DotAttr attr, DType result);
  Val convolution(const Val& x, const Val& w, graph::ConvAttr attr, DType result);

 private:
  Val emit(graph::OpKind kind, const std::vector<Val>& operands, graph::Attr attr, DType type,
           const Shape* declared_shape = nullptr, bool may_fold = true);
  std::optional<Val> fold(graph::OpKind kind, const std::vector<Val>& operands, const graph::Attr& attr, DType type,
                          const Shape* declared_shape);
  Val init_value(graph::Reduction reduction, DType type);
  Val make(DType type, Shape shape);
  void note_type(DType type);

  graph::Graph& graph_;
  std::string source_, place_ = "model";
};

}  // namespace systole::frontend
