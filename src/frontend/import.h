// The walk over a model's nodes: scopes of names, order of nodes, subgraphs, functions.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "frontend/builder.h"
#include "frontend/model_file.h"

namespace systole::frontend {

// Names of tensors, with those of the enclosing graphs behind them.
struct Scope {
  const Scope* outer = nullptr;
  std::unordered_map<std::string, Val> values;

  const Val* find(const std::string& name) const;
};

class Importer {
 public:
  Importer(ModelFile& file, const ImportOptions& options, std::string place);

  ImportedModel run();

  // A weight of the model; counts as a parameter if it is real.
  Val weight(const onnx::TensorProto& proto, const std::string& name, std::optional<StoredBytes> raw = std::nullopt);
  // The outputs of a subgraph (a branch of If, the body of Loop or Scan) run in place, its inputs bound to `inputs`.
  std::vector<Val> run_subgraph(const onnx::GraphProto& graph, const std::vector<Val>& inputs);

 private:
  void bind_initializers(const onnx::GraphProto& graph, Scope& scope);
  void bind_inputs(const onnx::GraphProto& graph, Scope& scope);
  Shape input_shape(const onnx::ValueInfoProto& input);
  void run_nodes(const onnx::GraphProto& graph, Scope& scope);
  void run_node(const onnx::NodeProto& node, std::int64_t index, Scope& scope);
  void run_function(const onnx::FunctionProto& function, const onnx::NodeProto& call, Scope& scope);
  std::vector<Val> collect_outputs(const onnx::GraphProto& graph, const Scope& scope);

  ModelFile& file_;
  const onnx::ModelProto& model_;
  const ImportOptions& options_;
  std::string place_;
  ImportedModel result_;
  Builder builder_;
  Scope* current_ = nullptr;
  std::int64_t opset_ = 1;
  int depth_ = 0;
  std::unordered_map<std::string, std::int64_t> symbols_;   // sizes of named dimensions
  bool batch_used_ = false;
};

// Positions of the nodes in an order in which every input is made before it is used, otherwise as the model has them.
// A cycle, a tensor made twice, or an input that nothing makes is a Failure naming the node.
std::vector<int> node_order(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, const Scope& scope,
                            const std::string& place);

// "node 'conv1' (Conv, opset 13)"; a node without a name is "#index".
std::string node_text(const onnx::NodeProto& node, std::int64_t index, std::int64_t opset);

}  // namespace systole::frontend
