#include "report/analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace systole::report {
namespace {

using graph::Graph;
using graph::Op;
using graph::OpKind;
using graph::ValueId;

bool is_contraction(OpKind kind) { return kind == OpKind::kDotGeneral || kind == OpKind::kConvolution; }

// Multiply-accumulates of one output element.
std::int64_t depth(const Graph& graph, const Op& op) {
  const Shape& rhs = graph.type(op.operands[1]).shape;
  std::int64_t product = 1;
  if (op.kind == OpKind::kDotGeneral) {
    for (const std::int64_t d : op.get<graph::DotAttr>().rhs_contract) product *= rhs[static_cast<std::size_t>(d)];
    return product;
  }
  const auto& conv = op.get<graph::ConvAttr>();
  for (const std::int64_t d : conv.rhs_spatial) product *= rhs[static_cast<std::size_t>(d)];
  return product * rhs[static_cast<std::size_t>(conv.rhs_input)];
}

std::int64_t vector_flops(const Graph& graph, const Op& op) {
  if (op.kind == OpKind::kConvert) return 0;
  if (graph::is_elementwise(op.kind)) return graph.type(op.result).count();
  if (op.kind == OpKind::kReduce) return graph.type(op.operands[0]).count();
  if (op.kind != OpKind::kReduceWindow) return 0;
  std::int64_t window = 1;
  for (const std::int64_t size : op.get<graph::ReduceWindowAttr>().window) window *= size;
  return window * graph.type(op.result).count();
}

// The layer of every op: one layer per distinct source, in order of first appearance; constants are in none (-1).
std::vector<int> assign_layers(const Graph& graph, std::vector<LayerAnalysis>& layers) {
  std::map<std::string, int> known;
  std::vector<int> layer_of(graph.ops.size(), -1);
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    if (op.kind == OpKind::kConstant || op.kind == OpKind::kIota) continue;
    const std::string name = op.source.empty() ? std::string(graph::op_name(op.kind)) : op.source;
    const auto [found, fresh] = known.try_emplace(name, static_cast<int>(layers.size()));
    if (fresh) {
      layers.emplace_back();
      layers.back().name = name;
    }
    layer_of[i] = found->second;
  }
  return layer_of;
}

class Analyzer {
 public:
  Analyzer(const Graph& graph, const std::optional<Target>& target) : graph_(graph), target_(target), definition_(graph.defining_op()) {}

  ModelAnalysis run() {
    layer_of_ = assign_layers(graph_, analysis_.layers);
    std::vector<std::int64_t> most(analysis_.layers.size(), -1);
    for (std::size_t i = 0; i < graph_.ops.size(); ++i) {
      if (layer_of_[i] >= 0) add_op(i, most[static_cast<std::size_t>(layer_of_[i])]);
    }
    add_traffic();
    for (LayerAnalysis& layer : analysis_.layers) bound(layer);
    add_total();
    return std::move(analysis_);
  }

 private:
  bool is_constant(ValueId id) const {
    const int op = definition_[static_cast<std::size_t>(id)];
    return op >= 0 && layer_of_[static_cast<std::size_t>(op)] < 0;
  }

  // `most`: the largest work of one operator of the layer so far, which names the layer's kind.
  void add_op(std::size_t index, std::int64_t& most) {
    const Op& op = graph_.ops[index];
    LayerAnalysis& layer = analysis_.layers[static_cast<std::size_t>(layer_of_[index])];
    const std::int64_t macs = is_contraction(op.kind) ? graph_.type(op.result).count() * depth(graph_, op) : 0;
    const std::int64_t vector = vector_flops(graph_, op);
    layer.macs += macs;
    layer.vector_flops += vector;
    layer.flops += 2 * macs + vector;
    if (2 * macs + vector > most) {
      most = 2 * macs + vector;
      layer.kind = graph::op_name(op.kind);
    }
  }

  std::int64_t stored_bytes(ValueId id, bool contracted) const {
    const graph::TensorType& type = graph_.type(id);
    if (!target_ || !contracted || !is_float(type.type)) return type.bytes();
    return type.count() * dtype_bytes(target_->format.type);
  }

  // Every value crosses a layer's edge once, however many of the layer's operators use it.
  void add_traffic() {
    struct Edge { bool read = false, contracted = false; };
    std::vector<std::map<ValueId, Edge>> reads(analysis_.layers.size());
    std::vector<bool> leaves(graph_.values.size(), false), counted(graph_.values.size(), false);
    for (const ValueId id : graph_.outputs) leaves[static_cast<std::size_t>(id)] = true;
    for (std::size_t i = 0; i < graph_.ops.size(); ++i) {
      if (layer_of_[i] < 0) continue;
      for (const ValueId id : graph_.ops[i].operands) {
        const int from = definition_[static_cast<std::size_t>(id)];
        if (from >= 0 && layer_of_[static_cast<std::size_t>(from)] == layer_of_[i]) continue;
        leaves[static_cast<std::size_t>(id)] = true;
        Edge& edge = reads[static_cast<std::size_t>(layer_of_[i])][id];
        edge.contracted |= is_contraction(graph_.ops[i].kind);
      }
    }
    for (std::size_t l = 0; l < reads.size(); ++l) {
      for (const auto& [id, edge] : reads[l]) {
        const std::int64_t bytes = stored_bytes(id, edge.contracted);
        if (!is_constant(id)) {
          analysis_.layers[l].activation_bytes += bytes;
          continue;
        }
        analysis_.layers[l].weight_bytes += bytes;
        const bool literal = graph_.type(id).shape.empty();     // as the 0 of max(x, 0)
        if (!counted[static_cast<std::size_t>(id)] && !literal) analysis_.layers[l].parameters += graph_.type(id).count();
        counted[static_cast<std::size_t>(id)] = true;
      }
    }
    for (std::size_t i = 0; i < graph_.ops.size(); ++i) {
      const ValueId result = graph_.ops[i].result;
      if (layer_of_[i] >= 0 && leaves[static_cast<std::size_t>(result)])
        analysis_.layers[static_cast<std::size_t>(layer_of_[i])].activation_bytes += graph_.type(result).bytes();
    }
  }

  void bound(LayerAnalysis& layer) const {
    if (!target_) return;
    const Chip& chip = *target_->chip;
    const double clock = chip.clock.value(), cores = static_cast<double>(chip.cores);
    const bool by_parts = target_->format.type == DType::kF32 && !chip.multiplies(DType::kF32);
    const double passes = !by_parts ? 1 : target_->format.bf16x3 ? 3 : 6;
    const double elements = cores * static_cast<double>(chip.mxu.count * chip.mxu.rows * chip.mxu.columns);
    const double lanes = cores * static_cast<double>(chip.vpu.lanes * chip.vpu.sublanes);
    const double matrix = static_cast<double>(layer.macs) * passes / (elements * clock);
    const double vector = lanes > 0 ? static_cast<double>(layer.vector_flops) / (lanes * clock) : 0;
    const Bandwidth bandwidth = chip.hbm.present ? chip.hbm.bandwidth : Bandwidth{};
    const double bytes = static_cast<double>(layer.activation_bytes + layer.weight_bytes);
    const double memory = bandwidth.free() ? 0 : bytes * static_cast<double>(bandwidth.cycles) / (static_cast<double>(bandwidth.bytes) * clock);
    layer.bound_seconds = std::max({matrix, vector, memory});
    layer.bound = memory == layer.bound_seconds ? "memory" : matrix == layer.bound_seconds ? "matrix" : "vector";
  }

  void add_total() {
    LayerAnalysis& total = analysis_.total;
    std::map<std::string, double> seconds;
    total.name = "total";
    for (const LayerAnalysis& layer : analysis_.layers) {
      total.parameters += layer.parameters;
      total.macs += layer.macs;
      total.flops += layer.flops;
      total.vector_flops += layer.vector_flops;
      total.activation_bytes += layer.activation_bytes;
      total.weight_bytes += layer.weight_bytes;
      total.bound_seconds += layer.bound_seconds;
      if (!layer.bound.empty()) seconds[layer.bound] += layer.bound_seconds;
    }
    double most = -1;
    for (const auto& [name, time] : seconds) {
      if (time > most) total.bound = name;
      most = std::max(most, time);
    }
  }

  const Graph& graph_;
  const std::optional<Target>& target_;
  std::vector<int> definition_, layer_of_;
  ModelAnalysis analysis_;
};

nlohmann::ordered_json layer_json(const LayerAnalysis& layer) {
  nlohmann::ordered_json json = {{"name", layer.name},
                                 {"kind", layer.kind},
                                 {"parameters", layer.parameters},
                                 {"macs", layer.macs},
                                 {"flops", layer.flops},
                                 {"activation_bytes", layer.activation_bytes},
                                 {"weight_bytes", layer.weight_bytes},
                                 {"intensity", layer.intensity()},
                                 {"bound", nullptr},
                                 {"bound_seconds", nullptr}};
  if (!layer.bound.empty()) {
    json["bound"] = layer.bound;
    json["bound_seconds"] = layer.bound_seconds;
  }
  return json;
}

}  // namespace

double LayerAnalysis::intensity() const {
  const std::int64_t bytes = activation_bytes + weight_bytes;
  return bytes > 0 ? static_cast<double>(flops) / static_cast<double>(bytes) : 0.0;
}

ModelAnalysis analyze(const Graph& graph, const std::optional<Target>& target) { return Analyzer(graph, target).run(); }

nlohmann::ordered_json analysis_json(const ModelAnalysis& analysis) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const LayerAnalysis& layer : analysis.layers) layers.push_back(layer_json(layer));
  nlohmann::ordered_json total = layer_json(analysis.total);
  total.erase("name");
  total.erase("kind");
  return {{"layers", std::move(layers)}, {"total", std::move(total)}};
}

std::string analysis_table(const ModelAnalysis& analysis) {
  std::string out = fmt::format("{:<36} {:<18} {:>12} {:>14} {:>14} {:>12} {:>12} {:>9}  {}\n", "layer", "kind", "parameters", "macs", "flops", "act bytes",
                                "weight bytes", "flop/byte", "bound");
  const auto row = [&](const LayerAnalysis& layer) {
    const std::string name = layer.name.size() <= 36 ? layer.name : layer.name.substr(0, 33) + "...";
    const std::string bound = layer.bound.empty() ? "" : fmt::format("{} {:.3f} us", layer.bound, layer.bound_seconds * 1e6);
    out += fmt::format("{:<36} {:<18} {:>12} {:>14} {:>14} {:>12} {:>12} {:>9.2f}  {}\n", name, layer.kind, layer.parameters, layer.macs, layer.flops,
                       layer.activation_bytes, layer.weight_bytes, layer.intensity(), bound);
  };
  for (const LayerAnalysis& layer : analysis.layers) row(layer);
  row(analysis.total);
  return out;
}

}  // namespace systole::report
