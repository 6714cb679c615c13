// One ONNX node as its operator's importer sees it: inputs, attributes with defaults, outputs, errors with the node's
// name.
#pragma once

#include <string>
#include <vector>

#include "frontend/builder.h"
#include "onnx/onnx.pb.h"

namespace systole::frontend {

class Importer;

class Node {
 public:
  Node(Builder& builder, Importer& importer, const onnx::NodeProto& proto, std::int64_t opset, std::vector<Val> inputs)
      : b(builder), importer(importer), proto(proto), opset(opset), inputs_(std::move(inputs)),
        outputs_(static_cast<std::size_t>(proto.output_size())) {}

  Builder& b;
  Importer& importer;
  const onnx::NodeProto& proto;
  const std::int64_t opset;

  std::size_t input_count() const { return inputs_.size(); }
  bool has(std::size_t i) const { return i < inputs_.size() && inputs_[i]; }
  const Val& in(std::size_t i) const;                              // fails if the input is missing
  Val in_or(std::size_t i, const Val& otherwise) const { return has(i) ? inputs_[i] : otherwise; }
  // The value of an input that must be known at import; the error names it and suggests --input.
  const Val& known_in(std::size_t i, const char* what) const;
  std::vector<std::int64_t> known_ints(std::size_t i, const char* what) const;

  bool has_attr(const char* name) const { return find(name) != nullptr; }
  std::int64_t attr_int(const char* name, std::int64_t otherwise) const;
  std::int64_t required_int(const char* name) const;
  double attr_float(const char* name, double otherwise) const;
  std::string attr_string(const char* name, const std::string& otherwise) const;
  std::vector<std::int64_t> attr_ints(const char* name, std::vector<std::int64_t> otherwise = {}) const;
  std::vector<double> attr_floats(const char* name) const;
  const onnx::AttributeProto* find(const char* name) const;
  // Axes as an attribute in older opsets, as input `index` in newer ones; not normalised. nullopt: not given.
  std::optional<std::vector<std::int64_t>> ints_attr_or_input(const char* name, std::size_t index) const;

  std::int64_t axis(std::int64_t value, std::int64_t rank) const;  // negative counts from the end; checked
  Axes axes(std::vector<std::int64_t> values, std::int64_t rank) const;   // sorted, distinct

  bool wants(std::size_t i) const;                                 // output i has a name
  void out(std::size_t i, const Val& v);
  const Val& output(std::size_t i) const { return outputs_.at(i); }

  [[noreturn]] void invalid(std::string message, std::string hint = {}) const {
    b.invalid(std::move(message), std::move(hint));
  }
  [[noreturn]] void not_supported(std::string message, std::string hint = {}) const {
    b.not_supported(std::move(message), std::move(hint));
  }
  void require(bool condition, const char* message) const {
    if (!condition) invalid(message);
  }

 private:
  const onnx::AttributeProto* find_typed(const char* name, int type, const char* type_name) const;

  std::vector<Val> inputs_, outputs_;
};

}  // namespace systole::frontend
