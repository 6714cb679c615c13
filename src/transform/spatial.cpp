// Convolutions over any number of spatial dimensions get two.
//
// None or one: the new ones have size 1. More: the windows along the first one stand side by side as features,
// [n, d, .., c] -> [n x od, .., groups x kd x c / groups], until two are left; K then runs (kh, kw, kd, c).
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

Dims listed(std::int64_t first, const Dims& spatial, std::initializer_list<std::int64_t> last) {
  Dims order = {first};
  order.insert(order.end(), spatial.begin(), spatial.end());
  order.insert(order.end(), last);
  return order;
}

// A convolution of x [n, spatial.., c] by w [spatial.., c, o] to [n, spatial.., o], `a`'s positions aside.
struct Folded {
  ValueId x, w;
  graph::ConvAttr a;
};

// One spatial dimension less: its windows become features, its positions images. `depth`: its size in the result.
Folded fold_first(Rewriter& r, Folded f, std::int64_t depth) {
  const Shape image = r.shape(f.x), kernel = r.shape(f.w);
  const std::size_t rank = image.size();
  const std::int64_t kd = kernel[0], c = image.back(), g = f.a.feature_groups;
  Dims low(rank, 0), high = low, interior = low;
  low[1] = f.a.pad_low[0], high[1] = f.a.pad_high[0], interior[1] = f.a.lhs_dilation[0] - 1;
  const ValueId padded = r.pad(f.x, r.scalar(r.type(f.x).type, 0), low, high, interior);
  Shape grouped = image;  // [n, od, .., groups, 1, c / groups]
  grouped[1] = depth;
  grouped.back() = g;
  grouped.insert(grouped.end(), {1, c / g});
  std::vector<ValueId> parts;
  for (std::int64_t k = 0; k < kd; ++k) {
    Dims start(rank, 0), limit = r.shape(padded), stride(rank, 1);
    start[1] = k * f.a.rhs_dilation[0];
    limit[1] = start[1] + (depth - 1) * f.a.stride[0] + 1;
    stride[1] = f.a.stride[0];
    parts.push_back(r.reshape(r.slice(padded, start, limit, stride), grouped));
  }
  Shape merged = {image[0] * depth};
  merged.insert(merged.end(), image.begin() + 2, image.end() - 1);
  merged.push_back(c * kd);
  f.x = r.reshape(r.concatenate(parts, static_cast<std::int64_t>(rank)), merged);
  Dims order = identity(rank);  // kd moves in front of c
  order.erase(order.begin());
  order.insert(order.end() - 2, 0);
  Shape taps(kernel.begin() + 1, kernel.end());
  taps[taps.size() - 2] *= kd;
  f.w = r.reshape(r.transpose(f.w, order), taps);
  for (Dims* list : {&f.a.stride, &f.a.pad_low, &f.a.pad_high, &f.a.lhs_dilation, &f.a.rhs_dilation})
    list->erase(list->begin());
  return f;
}

ValueId folded(Rewriter& r, const Op& op) {
  const auto& a = op.get<graph::ConvAttr>();
  const TensorType& type = r.from().type(op.result);
  if (type.count() == 0) return r.filled(type, 0);
  const Dims out_order = listed(a.out_batch, a.out_spatial, {a.out_feature});
  Shape result = permuted_shape(type.shape, out_order);
  Folded f{r.transpose(r[op.operands[0]], listed(a.lhs_batch, a.lhs_spatial, {a.lhs_feature})),
           r.transpose(r[op.operands[1]], [&] {
             Dims order = a.rhs_spatial;
             order.insert(order.end(), {a.rhs_input, a.rhs_output});
             return order;
           }()),
           a};
  for (std::size_t d = 1; f.a.stride.size() > 2; ++d) f = fold_first(r, f, result[d]);
  f.a.lhs_batch = f.a.out_batch = 0, f.a.lhs_feature = f.a.out_feature = 3;
  f.a.lhs_spatial = f.a.out_spatial = {1, 2};
  f.a.rhs_spatial = {0, 1}, f.a.rhs_input = 2, f.a.rhs_output = 3;
  const ValueId y = r.contract(op.kind, f.x, f.w, f.a, type.type);
  return r.transpose(r.reshape(y, result), inverse(out_order));
}

}  // namespace

Status two_spatial_dimensions(Graph& graph, const Target&) {
  return rewrite(graph, [](Rewriter& r, const Op& op) -> Expected<ValueId> {
    if (op.kind != OpKind::kConvolution) return r.copy(op);
    const std::size_t n = op.get<graph::ConvAttr>().lhs_spatial.size();
    return n == 2 ? r.copy(op) : n < 2 ? widened(r, op) : folded(r, op);
  });
}

}  // namespace systole::transform
