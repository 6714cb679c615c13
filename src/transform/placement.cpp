// Depthwise convolutions go to the vector unit where its estimate is smaller.
//
// On the array each group is a product of its own: per kernel row one chunk, M rows streamed behind R rows of weights.
// On the vector unit each output costs about three operations a tap (load, multiply, add), lanes x sublanes outputs at
// once.
#include "transform/passes.h"

namespace systole::transform {
namespace {

constexpr std::int64_t kOperationsPerTap = 3, kEpilogueOperations = 4;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

bool vector_unit_is_faster(const Shape& out, const Shape& kernel, const Target& target) {
  const std::int64_t width = target.vector_lanes * target.vector_sublanes;
  if (width == 0) return false;
  const std::int64_t taps = kernel[0] * kernel[1];
  const std::int64_t vector = ceil_div(element_count(out), width) * (taps * kOperationsPerTap + kEpilogueOperations);
  const std::int64_t rows = out[0] * out[1] * out[2];
  const std::int64_t chunks = kernel[0] * ceil_div(kernel[1], target.array_rows);
  const std::int64_t array =
      ceil_div(out[3] * chunks * (rows + target.array_rows), std::max<std::int64_t>(target.arrays, 1));
  return vector < array;
}

}  // namespace

Status place_convolutions(Graph& graph, const Target& target) {
  for (Op& op : graph.ops) {
    if (op.kind != OpKind::kConvolution) continue;
    auto& a = op.get<graph::ConvAttr>();
    const Shape &kernel = graph.type(op.operands[1]).shape, &out = graph.type(op.result).shape;
    const std::int64_t features = graph.type(op.operands[0]).shape[3];
    const bool depthwise = features > 1 && a.feature_groups == features && out[3] == features;
    a.placement = depthwise && vector_unit_is_faster(out, kernel, target) ? graph::Placement::kVectorUnit
                                                                          : graph::Placement::kMatrixUnit;
  }
  return ok_status();
}

}  // namespace systole::transform
