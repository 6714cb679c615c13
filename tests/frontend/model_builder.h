// Small ONNX models built in code, for the importer's tests.
#pragma once

#include <string>
#include <vector>

#include "onnx/onnx.pb.h"

namespace systole::test {

class ModelBuilder {
 public:
  explicit ModelBuilder(std::int64_t opset = 13) {
    model.set_ir_version(8);
    model.add_opset_import()->set_version(opset);
    model.mutable_graph()->set_name("test");
  }

  // A dimension below 0 is left dynamic, named "d<position>".
  ModelBuilder& input(const std::string& name, const std::vector<std::int64_t>& shape, int type = 1) {
    describe(*model.mutable_graph()->add_input(), name, shape, type);
    return *this;
  }
  ModelBuilder& output(const std::string& name) {
    model.mutable_graph()->add_output()->set_name(name);
    return *this;
  }
  ModelBuilder& floats(const std::string& name, const std::vector<std::int64_t>& shape,
                       const std::vector<float>& values) {
    auto& tensor = weight(name, shape, 1);
    for (const float v : values) tensor.add_float_data(v);
    return *this;
  }
  ModelBuilder& ints(const std::string& name, const std::vector<std::int64_t>& values) {
    auto& tensor = weight(name, {static_cast<std::int64_t>(values.size())}, 7);
    for (const std::int64_t v : values) tensor.add_int64_data(v);
    return *this;
  }
  onnx::TensorProto& weight(const std::string& name, const std::vector<std::int64_t>& shape, int type) {
    auto& tensor = *model.mutable_graph()->add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (const std::int64_t d : shape) tensor.add_dims(d);
    return tensor;
  }
  onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::string& name = "the_node") {
    auto& n = *model.mutable_graph()->add_node();
    n.set_op_type(op);
    n.set_name(name);
    for (const auto& i : inputs) n.add_input(i);
    for (const auto& o : outputs) n.add_output(o);
    return n;
  }

  std::string bytes() const { return model.SerializeAsString(); }

  static void describe(onnx::ValueInfoProto& info, const std::string& name, const std::vector<std::int64_t>& shape,
                       int type) {
    info.set_name(name);
    auto& tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape();
    for (std::size_t i = 0; i < shape.size(); ++i) {
      auto& dim = *tensor.mutable_shape()->add_dim();
      if (shape[i] >= 0) dim.set_dim_value(shape[i]);
      else dim.set_dim_param("d" + std::to_string(i));
    }
  }

  onnx::ModelProto model;
};

inline onnx::AttributeProto& attribute(onnx::NodeProto& node, const std::string& name, int type) {
  auto& a = *node.add_attribute();
  a.set_name(name);
  a.set_type(static_cast<onnx::AttributeProto::AttributeType>(type));
  return a;
}
inline void set_int(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  attribute(node, name, onnx::AttributeProto::INT).set_i(value);
}
inline void set_ints(onnx::NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values) {
  auto& a = attribute(node, name, onnx::AttributeProto::INTS);
  for (const std::int64_t v : values) a.add_ints(v);
}
inline void set_string(onnx::NodeProto& node, const std::string& name, const std::string& value) {
  attribute(node, name, onnx::AttributeProto::STRING).set_s(value);
}

}  // namespace systole::test
