// What a model asks of a chip, layer by layer, without compiling it: parameters, operations, bytes and the roofline's bound.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "compile/compiler.h"
#include "graph/graph.h"

namespace systole::report {

struct LayerAnalysis {
  std::string name;                     // the model's node
  std::string kind;                     // the operator that does most of its work
  std::int64_t parameters = 0;          // elements of its constants, scalars apart, that no earlier layer uses
  std::int64_t macs = 0;                // multiply-accumulates of contractions, zeros of padding counted
  std::int64_t flops = 0;               // 2 per multiply-accumulate, 1 per element of an elementwise operator or of a reduction's operand
  std::int64_t vector_flops = 0;        // those of flops that are not the matrix unit's
  std::int64_t activation_bytes = 0;    // values that it reads from and gives to other layers
  std::int64_t weight_bytes = 0;        // constants that it reads
  double bound_seconds = 0;             // with a chip: the longest of the three roofline times
  std::string bound;                    // "matrix", "vector" or "memory"; empty without a chip
  double intensity() const;             // flops per byte
};

struct ModelAnalysis {
  std::vector<LayerAnalysis> layers;
  LayerAnalysis total;                  // bound_seconds: sum of the layers'; bound: what most of that time is
};

// Roofline times: macs over the matrix units' peak in `format` (fp32 in bf16 parts: 6 or 3 passes), vector_flops over lanes x
// sublanes x cores x clock, bytes over the far memory's bandwidth. Bytes: elements times the type's size; with a chip, floating-point
// operands of contractions count in `format`.
struct Target {
  const Chip* chip = nullptr;
  compile::Format format;
};
ModelAnalysis analyze(const graph::Graph& graph, const std::optional<Target>& target);

nlohmann::ordered_json analysis_json(const ModelAnalysis& analysis);
std::string analysis_table(const ModelAnalysis& analysis);

}  // namespace systole::report
