// The operands of floating-point contractions get the chip's operand format; their results are fp32.
//
// bf16, fp16, tf32, fp8: a convert in front of each operand, constants converted at compile time. fp32: the algorithm
// (native, or bf16 passes) is noted. Fixed point: operands and result are of the format. Integer contractions stay as
// they are. A convolution on the vector unit keeps fp32 operands: that is what the unit computes in. Then
// narrow_movement moves the converts up.
#include <fmt/core.h>

#include "transform/passes.h"

namespace systole::transform {
namespace {

const char* const kQuantiseHint =
    "quantise the model (QuantizeLinear / DequantizeLinear, `systole quantize`) or choose another --format";

Attr with_algorithm(const Op& op, graph::Algorithm algorithm) {
  Attr attr = op.attr;
  if (auto* dot = std::get_if<graph::DotAttr>(&attr)) dot->algorithm = algorithm;
  if (auto* conv = std::get_if<graph::ConvAttr>(&attr)) {
    conv->algorithm = conv->placement == graph::Placement::kMatrixUnit ? algorithm : graph::Algorithm::kDefault;
  }
  return attr;
}

Expected<ValueId> formatted(Rewriter& r, const Op& op, const Target& target) {
  const ValueId lhs = r[op.operands[0]], rhs = r[op.operands[1]];
  const DType result = r.from().type(op.result).type;
  const DType a = r.type(lhs).type;
  if (is_integer(result)) return r.copy(op);
  if (op.kind == OpKind::kConvolution && op.get<graph::ConvAttr>().placement == graph::Placement::kVectorUnit)
    return r.copy(op);
  if (!is_float(target.format) && !is_fixed(target.format)) {
    return unsupported(place(op),
                       fmt::format("its operands are {}, the format is {}", dtype_name(a), dtype_name(target.format)),
                       kQuantiseHint);
  }
  const auto algorithm = target.format == DType::kF32 ? target.fp32_algorithm : graph::Algorithm::kDefault;
  const DType product = is_fixed(target.format) ? target.format : DType::kF32;
  const ValueId y = r.contract(op.kind, r.convert(lhs, target.format), r.convert(rhs, target.format),
                               with_algorithm(op, algorithm), product);
  return r.convert(y, result);
}

}  // namespace

Status apply_format(Graph& graph, const Target& target) {
  return rewrite(graph, [&](Rewriter& r, const Op& op) -> Expected<ValueId> {
    const bool contraction = op.kind == OpKind::kDotGeneral || op.kind == OpKind::kConvolution;
    if (!contraction) return r.copy(op);
    return formatted(r, op, target);
  });
}

}  // namespace systole::transform
