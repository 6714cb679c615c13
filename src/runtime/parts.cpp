#include "runtime/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "isa/limits.h"

namespace systole::runtime {
namespace {

using graph::Graph;
using graph::Op;
using graph::ValueId;

// Copies operators of the source into parts. Even stages run on the chip, odd ones on the host.
class Cutter {
 public:
  Cutter(const Graph& source, const std::vector<std::string>& nodes) : source_(source), nodes_(nodes), stage_(source.values.size(), kNowhere) {
    const auto taken = [this](const std::string& name) { return name.starts_with(prefix_); };
    while (std::any_of(source.input_names.begin(), source.input_names.end(), taken)) prefix_ = "_" + prefix_;
  }

  Parts run() {
    Parts result;
    for (const Op& op : source_.ops) {
      if (!is_free(op)) stage_[index(op.result)] = stage_of(op);
    }
    for (const Op& op : source_.ops) {
      if (is_free(op)) free_[op.result] = &op;
      else copy(op);
    }
    for (const ValueId output : source_.outputs) {
      const int stage = stage_[index(output)];
      export_from(stage == kNowhere ? 0 : stage, output);   // an input or a constant that the model hands on
      result.outputs.push_back(name_of(output));
    }
    for (auto& [stage, work] : work_) {
      work.part.on_host = stage % 2 == 1;
      result.parts.push_back(std::move(work.part));
    }
    return result;
  }

 private:
  static constexpr int kNowhere = -1;
  struct Work {
    Part part;
    std::map<ValueId, ValueId> here;   // the source's value as the part's
    std::set<ValueId> exported;
  };

  static std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }
  static bool is_free(const Op& op) { return op.operands.empty(); }   // constant, iota
  bool on_host(const Op& op) const { return std::find(nodes_.begin(), nodes_.end(), op.source) != nodes_.end(); }

  int stage_of(const Op& op) const {
    int stage = 0;
    for (const ValueId operand : op.operands) stage = std::max(stage, stage_[index(operand)]);
    return stage % 2 == (on_host(op) ? 1 : 0) ? stage : stage + 1;
  }

  // The value as the stage sees it: its own, a copied constant, or an input of the part.
  ValueId value_in(int stage, ValueId id) {
    Work& work = work_[stage];
    if (const auto found = work.here.find(id); found != work.here.end()) return found->second;
    if (const auto constant = free_.find(id); constant != free_.end()) return work.here[id] = copy_to(work, *constant->second);
    const int from = stage_[index(id)];
    if (from != kNowhere) export_from(from, id);
    return work.here[id] = work.part.graph.add_input(source_.type(id), name_of(id));
  }

  void export_from(int stage, ValueId id) {
    const ValueId here = value_in(stage, id);
    Work& work = work_[stage];
    if (work.exported.insert(id).second) work.part.graph.add_output(here, name_of(id));
  }

  std::string name_of(ValueId id) const {
    for (std::size_t i = 0; i < source_.inputs.size(); ++i) {
      if (source_.inputs[i] == id) return source_.input_names[i];
    }
    return fmt::format("{}{}", prefix_, id);
  }

  ValueId copy_to(Work& work, const Op& op) {
    std::vector<ValueId> operands;
    for (const ValueId operand : op.operands) operands.push_back(work.here.at(operand));
    return work.part.graph.add_typed(op.kind, operands, source_.type(op.result), op.attr, op.source);
  }
  void copy(const Op& op) {
    const int stage = stage_[index(op.result)];
    for (const ValueId operand : op.operands) value_in(stage, operand);
    Work& work = work_[stage];
    work.here[op.result] = copy_to(work, op);
  }

  const Graph& source_;
  const std::vector<std::string>& nodes_;
  std::string prefix_ = "value ";        // names what goes from part to part
  std::vector<int> stage_;               // per value of the source
  std::map<ValueId, const Op*> free_;
  std::map<int, Work> work_;
};

// The nodes that an error names: "convolution from 'NODE'", "node 'NODE'", or a kernel's name, which is that of its nodes with + between.
std::vector<std::string> nodes_of(const Error& error, const Graph& source) {
  const std::size_t first = error.place.find('\''), last = error.place.rfind('\'');
  const std::string name = first < last ? error.place.substr(first + 1, last - first - 1) : error.place;
  std::set<std::string> known;
  for (const Op& op : source.ops) known.insert(op.source);
  known.erase("");
  if (known.contains(name)) return {name};
  std::vector<std::string> nodes;
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('+', start), name.size());
    if (const std::string piece = name.substr(start, end - start); known.contains(piece)) nodes.push_back(piece);
    start = end + 1;
  }
  return nodes;
}

// The graph's operators that the node became, each once: "dot_general, add".
std::string operators_of(const Graph& source, const std::string& node) {
  std::vector<std::string_view> names;
  for (const Op& op : source.ops) {
    const std::string_view name = graph::op_name(op.kind);
    if (op.source != node || op.kind == graph::OpKind::kConstant) continue;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

Status compile_part(Part& part, const Chip& chip, const compile::Options& options) {
  SYSTOLE_ASSIGN(auto compiled, compile::compile(part.graph, chip, options));
  part.program = std::move(compiled.program);
  part.lowered = std::move(compiled.lowered);
  if (auto status = isa::check_program(part.program, isa::limits(chip)); !status.ok()) {
    Error error = status.error();
    error.code = ErrorCode::kInternal;
    error.message = "the compiled program breaks a rule: " + error.message;
    return error;
  }
  return ok_status();
}

Status compile_all(std::vector<Part>& parts, const Chip& chip, const compile::Options& options) {
  for (Part& part : parts) {
    if (!part.on_host) SYSTOLE_TRY(compile_part(part, chip, options));
  }
  return ok_status();
}

Parts whole(const Graph& source) {
  Parts result;
  result.parts.emplace_back().graph = source;
  result.outputs = source.output_names;
  return result;
}

void append(isa::Program& all, const isa::Program& part) {
  const auto first_layer = static_cast<std::uint16_t>(all.layers.size());
  all.layers.insert(all.layers.end(), part.layers.begin(), part.layers.end());
  all.cores.resize(std::max(all.cores.size(), part.cores.size()));
  for (std::size_t c = 0; c < part.cores.size(); ++c) {
    isa::CoreCode& core = all.cores[c];
    core.code.insert(core.code.end(), part.cores[c].code.begin(), part.cores[c].code.end());
    for (const std::uint16_t layer : part.cores[c].layer) core.layer.push_back(static_cast<std::uint16_t>(first_layer + layer));
  }
  all.chip = part.chip;
  all.fingerprint = part.fingerprint;
  all.format = part.format;
  all.hbm_bytes = std::max(all.hbm_bytes, part.hbm_bytes);
  all.cmem_bytes = std::max(all.cmem_bytes, part.cmem_bytes);
  all.vmem_bytes = std::max(all.vmem_bytes, part.vmem_bytes);
}

}  // namespace

Parts cut(const Graph& source, const std::vector<std::string>& nodes) {
  return nodes.empty() ? whole(source) : Cutter(source, nodes).run();
}

Expected<Parts> compile_parts(const Graph& source, const Chip& chip, const compile::Options& options, bool host_fallback) {
  std::vector<std::string> nodes;
  std::vector<HostOperator> host_operators;
  while (true) {
    Parts result = cut(source, nodes);
    const Status status = compile_all(result.parts, chip, options);
    if (status.ok()) {
      result.host_operators = std::move(host_operators);
      return result;
    }
    Error error = status.error();
    if (error.code != ErrorCode::kUnsupported) return error;
    const std::vector<std::string> refused = nodes_of(error, source);
    const auto is_there = [&](const std::string& node) { return std::find(nodes.begin(), nodes.end(), node) != nodes.end(); };
    if (refused.empty() || std::any_of(refused.begin(), refused.end(), is_there)) return error;
    if (!host_fallback) {
      error.hint += error.hint.empty() ? "--host-fallback runs it on the host" : "; --host-fallback runs it on the host";
      return error;
    }
    for (const std::string& node : refused) {
      nodes.push_back(node);
      host_operators.push_back({node, operators_of(source, node), error.place + ": " + error.message});
    }
  }
}

isa::Program summary(const Graph& source, const Parts& parts) {
  isa::Program all;
  for (const Part& part : parts.parts) {
    if (!part.on_host) append(all, part.program);
  }
  for (std::size_t i = 0; i < source.inputs.size(); ++i) {
    all.inputs.push_back({source.input_names[i], source.type(source.inputs[i]).type, source.type(source.inputs[i]).shape});
  }
  for (std::size_t i = 0; i < source.outputs.size(); ++i) {
    all.outputs.push_back({source.output_names[i], source.type(source.outputs[i]).type, source.type(source.outputs[i]).shape});
  }
  for (const HostOperator& op : parts.host_operators) all.host_operators.push_back(op.name);
  return all;
}

}  // namespace systole::runtime
