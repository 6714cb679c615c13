// Convolutions with no or one spatial dimension get two: the new ones have size 1.
#include <fmt/core.h>

#include "transform/passes.h"

namespace systole::transform {
namespace {

// Inserts a dimension of size 1 before position `at`, and moves the positions behind it.
void insert(Shape& shape, std::int64_t at, std::initializer_list<std::int64_t*> positions, Dims& spatial) {
  shape.insert(shape.begin() + at, 1);
  for (std::int64_t* p : positions) *p += *p >= at;
  for (std::int64_t& p : spatial) p += p >= at;
  spatial.insert(spatial.begin(), at);
}

ValueId widened(Rewriter& r, const Op& op) {
  auto a = op.get<graph::ConvAttr>();
  const ValueId x = r[op.operands[0]], w = r[op.operands[1]];
  const TensorType& result = r.from().type(op.result);
  Shape lhs = r.shape(x), rhs = r.shape(w), out = result.shape;
  while (a.lhs_spatial.size() < 2) {
    const auto end = static_cast<std::int64_t>(lhs.size());
    insert(lhs, a.lhs_spatial.empty() ? end : a.lhs_spatial[0], {&a.lhs_batch, &a.lhs_feature}, a.lhs_spatial);
    insert(rhs, a.rhs_spatial.empty() ? end : a.rhs_spatial[0], {&a.rhs_input, &a.rhs_output}, a.rhs_spatial);
    insert(out, a.out_spatial.empty() ? end : a.out_spatial[0], {&a.out_batch, &a.out_feature}, a.out_spatial);
    for (Dims* list : {&a.stride, &a.lhs_dilation, &a.rhs_dilation}) list->insert(list->begin(), 1);
    for (Dims* list : {&a.pad_low, &a.pad_high}) list->insert(list->begin(), 0);
  }
  return r.reshape(r.contract(op.kind, r.reshape(x, lhs), r.reshape(w, rhs), a, result.type), result.shape);
}

}  // namespace

Status two_spatial_dimensions(Graph& graph, const Target&) {
  return rewrite(graph, [](Rewriter& r, const Op& op) -> Expected<ValueId> {
    if (op.kind != OpKind::kConvolution) return r.copy(op);
    const std::size_t n = op.get<graph::ConvAttr>().lhs_spatial.size();
    if (n > 2) {
      return unsupported(place(op), fmt::format("convolutions over {} spatial dimensions are not supported", n),
                         "at most 2");
    }
    return n == 2 ? r.copy(op) : widened(r, op);
  });
}

}  // namespace systole::transform
