#include "frontend/node.h"

#include <fmt/core.h>

#include <algorithm>

namespace systole::frontend {

const Val& Node::in(std::size_t i) const {
  if (!has(i)) invalid(fmt::format("input {} is missing", i));
  return inputs_[i];
}

const Val& Node::known_in(std::size_t i, const char* what) const {
  const Val& v = in(i);
  if (!v.known()) {
    const std::string& name = proto.input(static_cast<int>(i));
    not_supported(fmt::format("{} ('{}') depends on the data", what, name),
                  "shapes are static; if it comes from a model input, give its value with --input NAME=FILE.npy");
  }
  return v;
}

std::vector<std::int64_t> Node::known_ints(std::size_t i, const char* what) const {
  const Val& v = known_in(i, what);
  if (!is_integer(v.type()) && v.type() != DType::kPred) invalid(fmt::format("{} must be integers", what));
  return v.integers();
}

const onnx::AttributeProto* Node::find(const char* name) const {
  for (const auto& attribute : proto.attribute()) {
    if (attribute.name() == name) return &attribute;
  }
  return nullptr;
}

const onnx::AttributeProto* Node::find_typed(const char* name, int type, const char* type_name) const {
  const onnx::AttributeProto* attribute = find(name);
  if (attribute && attribute->type() != type && attribute->type() != onnx::AttributeProto::UNDEFINED) {
    invalid(fmt::format("attribute '{}' must be {}", name, type_name));
  }
  return attribute;
}

std::int64_t Node::attr_int(const char* name, std::int64_t otherwise) const {
  const auto* a = find_typed(name, onnx::AttributeProto::INT, "an integer");
  return a ? a->i() : otherwise;
}

std::int64_t Node::required_int(const char* name) const {
  if (!find(name)) invalid(fmt::format("attribute '{}' is missing", name));
  return attr_int(name, 0);
}

double Node::attr_float(const char* name, double otherwise) const {
  const auto* a = find_typed(name, onnx::AttributeProto::FLOAT, "a float");
  return a ? static_cast<double>(a->f()) : otherwise;
}

std::string Node::attr_string(const char* name, const std::string& otherwise) const {
  const auto* a = find_typed(name, onnx::AttributeProto::STRING, "a string");
  return a ? a->s() : otherwise;
}

std::vector<std::int64_t> Node::attr_ints(const char* name, std::vector<std::int64_t> otherwise) const {
  const auto* a = find_typed(name, onnx::AttributeProto::INTS, "a list of integers");
  return a ? std::vector<std::int64_t>(a->ints().begin(), a->ints().end()) : std::move(otherwise);
}

std::vector<double> Node::attr_floats(const char* name) const {
  const auto* a = find_typed(name, onnx::AttributeProto::FLOATS, "a list of floats");
  return a ? std::vector<double>(a->floats().begin(), a->floats().end()) : std::vector<double>{};
}

std::optional<std::vector<std::int64_t>> Node::ints_attr_or_input(const char* name, std::size_t index) const {
  if (has(index)) return known_ints(index, name);
  if (has_attr(name)) return attr_ints(name);
  return std::nullopt;
}

std::int64_t Node::axis(std::int64_t value, std::int64_t rank) const {
  const std::int64_t a = value < 0 ? value + rank : value;
  if (a < 0 || a >= rank) invalid(fmt::format("axis {} is outside a tensor of rank {}", value, rank));
  return a;
}

Axes Node::axes(std::vector<std::int64_t> values, std::int64_t rank) const {
  for (auto& v : values) v = axis(v, rank);
  std::sort(values.begin(), values.end());
  if (std::adjacent_find(values.begin(), values.end()) != values.end()) invalid("an axis is named twice");
  return values;
}

bool Node::wants(std::size_t i) const {
  return i < outputs_.size() && !proto.output(static_cast<int>(i)).empty();
}

void Node::out(std::size_t i, const Val& v) {
  if (wants(i)) outputs_[i] = v;
}

}  // namespace systole::frontend
