// The tool of every pass: reads one graph in order and writes another.
//
// Every op goes through emit, which infers its type and returns an existing value where the same op stands already
// (common subexpressions). The movement helpers (transpose, reshape, ...) simplify as they emit: identities vanish,
// chains merge, constants are moved at compile time. They never change a value's bits.
#pragma once

#include <string>
#include <unordered_map>

#include "graph/graph.h"
#include "transform/movement.h"

namespace systole::transform {

using graph::Attr;
using graph::Graph;
using graph::Op;
using graph::OpKind;
using graph::TensorType;
using graph::ValueId;

class Rewriter {
 public:
  explicit Rewriter(const Graph& from);                                     // declares the same inputs
  Rewriter(const Graph& from, const std::vector<TensorType>& input_types);  // inputs of other element types

  const Graph& from() const { return from_; }
  const Graph& graph() const { return to_; }  // what is written so far
  ValueId operator[](ValueId old) const { return map_[static_cast<std::size_t>(old)]; }
  void map(ValueId old, ValueId now);
  std::vector<ValueId> mapped(const std::vector<ValueId>& old) const;
  void set_source(const std::string& source) { source_ = source; }

  TensorType type(ValueId now) const { return to_.type(now); }
  Shape shape(ValueId now) const { return to_.type(now).shape; }
  const Op* definition(ValueId now) const;    // null for an input; valid until the next emit
  const Tensor* constant(ValueId now) const;  // its value, or null; valid until the next emit

  // `declared` as in graph::infer_type. The op must be well formed.
  ValueId emit(OpKind kind, std::vector<ValueId> operands, Attr attr = {}, const TensorType* declared = nullptr);
  ValueId copy(const Op& op);  // op of `from` on the mapped operands, through the helpers below
  ValueId constant(Tensor value);
  ValueId scalar(DType type, double value);
  ValueId filled(const TensorType& type, double value);  // a broadcast scalar

  ValueId transpose(ValueId x, const Dims& permutation);
  ValueId reshape(ValueId x, const Shape& shape);
  ValueId broadcast(ValueId x, const Dims& dimensions, const Shape& shape);
  ValueId slice(ValueId x, const Dims& start, const Dims& limit, const Dims& stride);
  ValueId slice(ValueId x, const Dims& start, const Dims& limit) {
    return slice(x, start, limit, Dims(start.size(), 1));
  }
  ValueId reverse(ValueId x, const Dims& dimensions);
  ValueId concatenate(const std::vector<ValueId>& parts, std::int64_t dimension);
  ValueId pad(ValueId x, ValueId value, const Dims& low, const Dims& high, const Dims& interior);
  ValueId convert(ValueId x, DType type);
  // dot_general or convolution with the result's element type given.
  ValueId contract(OpKind kind, ValueId lhs, ValueId rhs, Attr attr, DType result);

  Graph finish();  // outputs mapped, dead ops removed, values renumbered

 private:
  const Graph& from_;
  Graph to_;
  std::vector<ValueId> map_;
  std::vector<int> definition_;
  std::unordered_map<std::string, ValueId> known_;
  std::string source_;
};

// "multiply from 'node'": the place of an error about an op.
std::string place(const Op& op);
Dims identity(std::size_t rank);
bool is_identity(const Dims& permutation);
Dims inverse(const Dims& permutation);
Shape permuted_shape(const Shape& shape, const Dims& permutation);
bool is_zero(const Dims& list);

// Runs f(rewriter, op) -> Expected<ValueId> over the ops of a graph and replaces it by what was written.
template <typename F>
Status rewrite(Graph& graph, const F& f) {
  Rewriter rewriter(graph);
  for (const Op& op : graph.ops) {
    rewriter.set_source(op.source);
    SYSTOLE_ASSIGN(const ValueId now, f(rewriter, op));
    rewriter.map(op.result, now);
  }
  graph = rewriter.finish();
  return ok_status();
}

}  // namespace systole::transform
