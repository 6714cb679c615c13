// Small tools of the graph tests: random tensors, one-op graphs, tensors as lists.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "graph/graph.h"
#include "graph/interpreter.h"

namespace systole::graph {

template <typename T>
std::vector<T> values_of(const Tensor& t) {
  return {t.data<T>(), t.data<T>() + t.count()};
}

inline Tensor f32(Shape shape, const std::vector<float>& values) {
  return Tensor::of<float>(DType::kF32, std::move(shape), values);
}
inline Tensor i32(Shape shape, const std::vector<std::int32_t>& values) {
  return Tensor::of<std::int32_t>(DType::kI32, std::move(shape), values);
}
inline Tensor pred(Shape shape, const std::vector<std::uint8_t>& values) {
  return Tensor::of<std::uint8_t>(DType::kPred, std::move(shape), values);
}

inline Tensor random_f32(Random& random, Shape shape, double low = -2, double high = 2) {
  Tensor t(DType::kF32, std::move(shape));
  for (std::int64_t i = 0; i < t.count(); ++i) t.mutable_data<float>()[i] = static_cast<float>(random.real(low, high));
  return t;
}
inline Tensor random_i32(Random& random, Shape shape, int low, int high) {
  Tensor t(DType::kI32, std::move(shape));
  for (std::int64_t i = 0; i < t.count(); ++i)
    t.mutable_data<std::int32_t>()[i] = static_cast<std::int32_t>(random.integer(low, high));
  return t;
}

// A graph of one op over inputs with the given types.
inline Graph one_op(OpKind kind, const std::vector<Tensor>& inputs, Attr attr = {},
                    const TensorType* result = nullptr) {
  Graph g;
  std::vector<ValueId> operands;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    operands.push_back(g.add_input({inputs[i].type(), inputs[i].shape()}, "x" + std::to_string(i)));
  }
  const ValueId y = result != nullptr ? g.add_typed(kind, operands, *result, std::move(attr))
                                      : g.add(kind, operands, std::move(attr));
  g.add_output(y, "y");
  return g;
}

inline Tensor only(Expected<std::vector<Tensor>> results) {
  EXPECT_TRUE(results.ok()) << (results.ok() ? "" : results.error().text());
  return results.ok() ? results.value().at(0) : Tensor();
}

inline Tensor run_double(OpKind kind, const std::vector<Tensor>& inputs, Attr attr = {},
                         const TensorType* result = nullptr) {
  return only(interpret_double(one_op(kind, inputs, std::move(attr), result), inputs));
}
inline Tensor run_chip(OpKind kind, const std::vector<Tensor>& inputs, Attr attr = {},
                       const TensorType* result = nullptr, ChipArithmetic chip = {}) {
  return only(interpret_chip(one_op(kind, inputs, std::move(attr), result), inputs, chip));
}

}  // namespace systole::graph
