#include "frontend/import.h"

#include <fmt/core.h>

#include <filesystem>
#include <new>

#include "base/file.h"
#include "frontend/registry.h"
#include "frontend/tensor_proto.h"

namespace systole::frontend {

namespace {

constexpr int kMaxDepth = 64;                                  // subgraphs and functions within each other
constexpr std::int64_t kMaxDimension = std::int64_t{1} << 31;

bool is_default_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

}  // namespace

const Val* Scope::find(const std::string& name) const {
  const auto found = values.find(name);
  if (found != values.end()) return &found->second;
  return outer ? outer->find(name) : nullptr;
}

Importer::Importer(ModelFile& file, const ImportOptions& options, std::string place)
    : file_(file), model_(file.model()), options_(options), place_(std::move(place)), builder_(result_.graph) {
  bool stated = false;
  for (const auto& import : model_.opset_import()) {
    if (!is_default_domain(import.domain())) continue;
    opset_ = import.version();
    stated = true;
  }
  if (stated && (opset_ < 1 || opset_ > 1000))
    fail(invalid_input(place_, fmt::format("opset {} does not exist", opset_)));
}

Val Importer::weight(const onnx::TensorProto& proto, const std::string& name, std::optional<StoredBytes> raw) {
  const std::string where = fmt::format("{}: tensor '{}'", place_, name);
  const Val v = builder_.known(tensor_value(proto, &file_, where, std::move(raw)), name);
  if (is_float(v.type())) result_.info.parameter_count += v.count();
  return v;
}

void Importer::bind_initializers(const onnx::GraphProto& graph, Scope& scope) {
  if (graph.sparse_initializer_size() > 0)
    fail(unsupported(place_, "sparse initialisers", "store the weights densely"));
  const bool main = &graph == &model_.graph();
  for (int i = 0; i < graph.initializer_size(); ++i) {
    const auto& tensor = graph.initializer(i);
    auto raw = main ? file_.raw_data(i) : std::nullopt;
    if (!scope.values.emplace(tensor.name(), weight(tensor, tensor.name(), std::move(raw))).second) {
      fail(invalid_input(place_, fmt::format("two initialisers are named '{}'", tensor.name())));
    }
  }
}

// Fixed dimensions are the model's; others come from the options, or from a dimension of the same name seen before.
Shape Importer::input_shape(const onnx::ValueInfoProto& input) {
  const auto& type = input.type().tensor_type();
  const std::string where = fmt::format("{}: input '{}'", place_, input.name());
  const auto given = options_.shapes.find(input.name());
  const bool has_given = given != options_.shapes.end();
  if (!type.has_shape()) {
    if (has_given) return given->second;
    fail(invalid_input(where, "the model does not say its shape",
                       fmt::format("give it with --shape {}=AxBxC", input.name())));
  }
  const auto& dims = type.shape().dim();
  if (has_given && static_cast<int>(given->second.size()) != dims.size()) {
    fail(invalid_input(where, fmt::format("has {} dimensions, the given shape {} has {}", dims.size(),
                                          shape_text(given->second), given->second.size())));
  }
  Shape shape;
  for (int i = 0; i < dims.size(); ++i) {
    const auto& dim = dims.Get(i);
    const std::int64_t wanted = has_given ? given->second[static_cast<std::size_t>(i)] : -1;
    std::int64_t size = -1;
    if (dim.has_dim_value() && dim.dim_value() >= 0) {
      size = dim.dim_value();
      if (wanted >= 0 && wanted != size) {
        fail(invalid_input(where,
                           fmt::format("dimension {} is {} in the model, the given shape says {}", i, size, wanted)));
      }
      if (i == 0 && options_.batch == size) batch_used_ = true;
    } else if (wanted >= 0) {
      size = wanted;
      if (!dim.dim_param().empty()) symbols_.emplace(dim.dim_param(), size);
    } else if (i == 0 && options_.batch > 0) {
      size = options_.batch;
      batch_used_ = true;
    } else if (const auto symbol = symbols_.find(dim.dim_param());
               !dim.dim_param().empty() && symbol != symbols_.end()) {
      size = symbol->second;
    } else {
      const std::string name = dim.dim_param().empty() ? "" : fmt::format(" ('{}')", dim.dim_param());
      fail(invalid_input(where, fmt::format("dimension {}{} is dynamic, and shapes must be static", i, name),
                         fmt::format("give it with --shape {}=AxBxC{}", input.name(), i == 0 ? " or --batch N" : "")));
    }
    if (size < 0 || size > kMaxDimension) fail(invalid_input(where, fmt::format("dimension {} is {}", i, size)));
    shape.push_back(size);
  }
  return shape;
}

void Importer::bind_inputs(const onnx::GraphProto& graph, Scope& scope) {
  std::set<std::string> names;
  // Inputs with a given shape first: they fix named dimensions for the others.
  for (const auto& input : graph.input()) {
    if (!names.insert(input.name()).second)
      fail(invalid_input(place_, fmt::format("two inputs are named '{}'", input.name())));
    if (options_.shapes.contains(input.name()) && input.type().tensor_type().has_shape()) input_shape(input);
  }
  for (const auto& entry : options_.shapes) {
    if (!names.contains(entry.first))
      fail(not_found(place_, fmt::format("the model has no input '{}' to give a shape", entry.first)));
  }
  for (const auto& entry : options_.inputs) {
    if (!names.contains(entry.first))
      fail(not_found(place_, fmt::format("the model has no input '{}' to give a value", entry.first)));
  }
  for (const auto& input : graph.input()) {
    if (scope.values.contains(input.name())) continue;
    const std::string where = fmt::format("{}: input '{}'", place_, input.name());
    if (!input.has_type() || !input.type().has_tensor_type())
      fail(unsupported(where, "is no tensor (a sequence, map or optional)"));
    const DType type = element_type(input.type().tensor_type().elem_type(), where);
    const auto fixed = options_.inputs.find(input.name());
    if (fixed != options_.inputs.end()) {
      scope.values[input.name()] = builder_.known(fixed->second.converted(type), input.name());
      continue;
    }
    const Shape shape = input_shape(input);
    unwrap(check_shape(shape, where));
    scope.values[input.name()] = builder_.input(type, shape, input.name());
  }
  if (options_.batch > 0 && !batch_used_) {
    fail(
        invalid_input(place_, "the batch is given, and no input has a dynamic leading dimension", "leave --batch out"));
  }
}

void Importer::run_nodes(const onnx::GraphProto& graph, Scope& scope) {
  Scope* const outer = current_;
  current_ = &scope;
  for (const int i : node_order(graph.node(), scope, place_)) run_node(graph.node(i), i, scope);
  current_ = outer;
}

void Importer::run_node(const onnx::NodeProto& node, std::int64_t index, Scope& scope) {
  const std::string text = node_text(node, index, opset_);
  const std::string source = node.name().empty() ? fmt::format("{}#{}", node.op_type(), index) : node.name();
  builder_.set_source(source, fmt::format("{}: {}", place_, text));
  if (!is_default_domain(node.domain()) || !find_importer(node.op_type())) {
    for (const auto& function : model_.functions()) {
      if (function.name() == node.op_type() && function.domain() == node.domain())
        return run_function(function, node, scope);
    }
    builder_.not_supported("this operator is not known", "express it in known operators, or keep it outside the model");
  }
  std::vector<Val> inputs;
  for (const auto& name : node.input()) {
    const Val* v = name.empty() ? nullptr : scope.find(name);
    if (!name.empty() && !v) builder_.invalid(fmt::format("input '{}' has no value", name));
    inputs.push_back(v ? *v : Val());
  }
  Node view(builder_, *this, node, opset_, std::move(inputs));
  find_importer(node.op_type())(view);
  builder_.fold_reals = true;
  for (int i = 0; i < node.output_size(); ++i) {
    const Val& v = view.output(static_cast<std::size_t>(i));
    if (!v) continue;
    builder_.name_result(v, node.output(i));
    scope.values[node.output(i)] = v;
  }
}

// A local function is inlined; attributes that its nodes take from the call are filled in.
void Importer::run_function(const onnx::FunctionProto& function, const onnx::NodeProto& call, Scope& scope) {
  if (++depth_ > kMaxDepth) builder_.invalid("functions call each other without end");
  if (call.input_size() > function.input_size() || call.output_size() > function.output_size()) {
    builder_.invalid("the call has more inputs or outputs than the function");
  }
  onnx::GraphProto body;
  *body.mutable_node() = function.node();
  for (auto& node : *body.mutable_node()) {
    onnx::NodeProto filled = node;
    filled.clear_attribute();
    for (const auto& attribute : node.attribute()) {
      if (attribute.ref_attr_name().empty()) {
        *filled.add_attribute() = attribute;
        continue;
      }
      for (const auto& given : call.attribute()) {
        if (given.name() != attribute.ref_attr_name()) continue;
        auto* copy = filled.add_attribute();
        *copy = given;
        copy->set_name(attribute.name());
      }
    }
    node = filled;
  }
  Scope inner;
  for (int i = 0; i < call.input_size(); ++i) {
    const Val* v = scope.find(call.input(i));
    if (v) inner.values[function.input(i)] = *v;
  }
  const std::int64_t outer_opset = opset_;
  for (const auto& import : function.opset_import()) {
    if (is_default_domain(import.domain())) opset_ = import.version();
  }
  run_nodes(body, inner);
  opset_ = outer_opset;
  for (int i = 0; i < call.output_size(); ++i) {
    const Val* v = inner.find(function.output(i));
    if (v && !call.output(i).empty()) scope.values[call.output(i)] = *v;
  }
  --depth_;
}

std::vector<Val> Importer::collect_outputs(const onnx::GraphProto& graph, const Scope& scope) {
  std::vector<Val> outputs;
  for (const auto& output : graph.output()) {
    const Val* v = scope.find(output.name());
    if (!v) fail(invalid_input(fmt::format("{}: output '{}'", place_, output.name()), "no node makes it"));
    outputs.push_back(*v);
  }
  return outputs;
}

std::vector<Val> Importer::run_subgraph(const onnx::GraphProto& graph, const std::vector<Val>& inputs) {
  if (++depth_ > kMaxDepth) builder_.invalid("subgraphs are nested too deeply");
  Scope scope;
  scope.outer = current_;
  if (static_cast<std::size_t>(graph.input_size()) != inputs.size())
    builder_.invalid("a subgraph has another number of inputs");
  for (int i = 0; i < graph.input_size(); ++i)
    scope.values[graph.input(i).name()] = inputs[static_cast<std::size_t>(i)];
  bind_initializers(graph, scope);
  run_nodes(graph, scope);
  --depth_;
  return collect_outputs(graph, scope);
}

ImportedModel Importer::run() {
  const onnx::GraphProto& graph = model_.graph();
  if (!graph.name().empty()) result_.graph.name = graph.name();
  result_.info.opset = opset_;
  result_.info.producer = model_.producer_name();
  result_.info.node_count = graph.node_size();
  Scope scope;
  bind_initializers(graph, scope);
  bind_inputs(graph, scope);
  if (graph.output_size() == 0) fail(invalid_input(place_, "the graph has no outputs"));
  run_nodes(graph, scope);
  const auto outputs = collect_outputs(graph, scope);
  for (int i = 0; i < graph.output_size(); ++i) {
    builder_.set_source(graph.output(i).name(), fmt::format("{}: output '{}'", place_, graph.output(i).name()));
    result_.graph.add_output(builder_.id(outputs[static_cast<std::size_t>(i)]), graph.output(i).name());
  }
  result_.graph.remove_dead_ops();
  if (auto status = graph::verify(result_.graph); !status.ok()) {
    fail({ErrorCode::kInternal, place_, "the imported graph is malformed: " + status.error().text(),
          "please report this model"});
  }
  if (builder_.narrowed_reals) result_.info.notes.push_back("float64 computes as fp32");
  if (builder_.narrowed_integers) result_.info.notes.push_back("int64 and uint64 compute as 32-bit integers");
  if (options_.hash) result_.hash = file_.hash();
  return std::move(result_);
}

}  // namespace systole::frontend

namespace systole {

namespace {

// Runs `body`, turning what this room and protobuf throw into an Error.
template <typename Body>
auto guarded(const std::string& place, Body body) -> Expected<decltype(body())> {
  try {
    return body();
  } catch (const frontend::Failure& failure) {
    return failure.error;
  } catch (const std::bad_alloc&) {
    return invalid_input(place, "needs more memory than there is");
  } catch (const std::exception& e) {
    return Error{ErrorCode::kInternal, place, e.what(), "please report this model"};
  }
}

Expected<frontend::StoredBytes> mapped(const std::string& path) {
  SYSTOLE_ASSIGN(const auto file, MappedFile::open(path));
  return frontend::StoredBytes{file->bytes(), file};
}

Expected<ImportedModel> import_stored(const frontend::StoredBytes& bytes, const std::string& place, const std::string& folder,
                                      const ImportOptions& options) {
  return guarded(place, [&] {
    frontend::ModelFile file(bytes, place, folder);
    return frontend::Importer(file, options, place).run();
  });
}

}  // namespace

Expected<ImportedModel> import_onnx_bytes(std::span<const std::uint8_t> bytes, const std::string& place,
                                          const std::string& folder, const ImportOptions& options) {
  return import_stored({bytes, nullptr}, place, folder, options);
}

Expected<ImportedModel> import_onnx(const std::string& path, const ImportOptions& options) {
  SYSTOLE_ASSIGN(const auto bytes, mapped(path));
  const auto parent = std::filesystem::path(path).parent_path();
  return import_stored(bytes, path, parent.empty() ? "." : parent.string(), options);
}

Expected<std::vector<DeclaredInput>> onnx_inputs(const std::string& path) {
  SYSTOLE_ASSIGN(const auto bytes, mapped(path));
  return guarded(path, [&] {
    const frontend::ModelFile file(bytes, path, "");
    const onnx::ModelProto& model = file.model();
    std::set<std::string> initialised;
    for (const auto& tensor : model.graph().initializer()) initialised.insert(tensor.name());
    std::vector<DeclaredInput> inputs;
    for (const auto& input : model.graph().input()) {
      if (initialised.contains(input.name())) continue;
      if (!input.type().has_tensor_type()) {
        frontend::fail(
            unsupported(path + ": input '" + input.name() + "'", "is no tensor (a sequence, map or optional)"));
      }
      const auto& type = input.type().tensor_type();
      DeclaredInput declared{
          input.name(), frontend::element_type(type.elem_type(), path + ": input '" + input.name() + "'"), {}};
      for (const auto& dim : type.shape().dim()) {
        declared.dimensions.push_back(dim.has_dim_value() ? std::to_string(dim.dim_value())
                                                          : dim.dim_param().empty() ? "?" : dim.dim_param());
      }
      inputs.push_back(std::move(declared));
    }
    return inputs;
  });
}

}  // namespace systole
