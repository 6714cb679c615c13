// Convolution with lhs_dilation s (a transposed convolution) -> s_h * s_w convolutions with stride 1, interleaved.
//
// Along one dimension y[o] = sum over k of w[k] * d[o + k - p], d[s * i] = x[i] and zero between. Of the outputs with
// o = s * q + r, only taps k = k0 + s * t meet data, k0 = (p - r) mod s:
//   y[s * q + r] = sum over t of w[k0 + s * t] * x[q + t + (r + k0 - p) / s]
// Phases that read the same places (kernel = stride: all of them) are one convolution with more output features.
// A dimension that has a stride or a kernel dilation beside lhs_dilation is padded inside instead.
#include "transform/passes.h"

namespace systole::transform {
namespace {

struct Phase {
  std::int64_t first = 0, taps = 0, offset = 0;
  bool operator==(const Phase& o) const { return taps == o.taps && offset == o.offset; }
};

Phase phase_of(std::int64_t r, std::int64_t s, std::int64_t kernel, std::int64_t pad) {
  const std::int64_t first = ((pad - r) % s + s) % s;
  return {first, first < kernel ? (kernel - first + s - 1) / s : 0, (r + first - pad) / s};
}

ValueId padded_inside(Rewriter& r, ValueId x, ValueId w, graph::ConvAttr a, DType result) {
  const Dims interior = {0, a.lhs_dilation[0] - 1, a.lhs_dilation[1] - 1, 0};
  a.lhs_dilation = {1, 1};
  const Dims none(4, 0);
  return r.contract(OpKind::kConvolution, r.pad(x, r.scalar(r.type(x).type, 0), none, none, interior), w, a, result);
}

// A stride-1 convolution of x with the taps of a pair of phases, giving the first counts[0] x counts[1] outputs.
ValueId phase_convolution(Rewriter& r, ValueId x, ValueId taps, graph::ConvAttr a, const Phase (&phase)[2],
                          const Dims& counts, DType result) {
  const Shape in = r.shape(x);
  for (std::size_t d = 0; d < 2; ++d) {
    if (a.lhs_dilation[d] == 1) continue;
    a.pad_low[d] = -phase[d].offset;
    a.pad_high[d] = counts[d] - 1 + phase[d].taps - in[d + 1] - a.pad_low[d];
  }
  a.lhs_dilation = {1, 1};
  return r.contract(OpKind::kConvolution, x, taps, a, result);
}

struct Phases {
  Dims s, counts;  // per spatial dimension: phases, and outputs of each
  std::vector<Phase> list[2];
};

ValueId taps_of(Rewriter& r, ValueId w, const Phases& p, std::int64_t rh, std::int64_t rw) {
  const Shape shape = r.shape(w);
  Dims start = {0, 0, 0, 0}, limit = shape, stride = {1, 1, 1, 1};
  for (std::size_t d = 0; d < 2; ++d) {
    if (p.s[d] == 1) continue;
    start[d] = p.list[d][static_cast<std::size_t>(d == 0 ? rh : rw)].first;
    stride[d] = p.s[d];
  }
  return r.slice(w, start, limit, stride);
}

// The phases side by side as features: [b, qh, qw, (rh, rw, f)].
ValueId all_phases(Rewriter& r, ValueId x, ValueId w, const graph::ConvAttr& a, const Phases& p, Shape out,
                   DType result) {
  const auto same = [](const std::vector<Phase>& list) {
    return std::all_of(list.begin(), list.end(), [&](const Phase& q) { return q == list[0]; });
  };
  const bool merge =
      same(p.list[0]) && same(p.list[1]) && a.feature_groups == 1 && p.list[0][0].taps * p.list[1][0].taps > 0;
  out[1] = p.counts[0], out[2] = p.counts[1];
  std::vector<ValueId> parts;
  for (std::int64_t rh = 0; rh < p.s[0]; ++rh) {
    for (std::int64_t rw = 0; rw < p.s[1]; ++rw) {
      const Phase phase[2] = {p.list[0][static_cast<std::size_t>(rh)], p.list[1][static_cast<std::size_t>(rw)]};
      if (phase[0].taps * phase[1].taps == 0) {
        parts.push_back(r.filled({result, out}, 0));
        continue;
      }
      const ValueId taps = taps_of(r, w, p, rh, rw);
      parts.push_back(merge ? taps : phase_convolution(r, x, taps, a, phase, p.counts, result));
    }
  }
  const ValueId together = r.concatenate(parts, 3);
  const Phase first[2] = {p.list[0][0], p.list[1][0]};
  return merge ? phase_convolution(r, x, together, a, first, p.counts, result) : together;
}

ValueId decomposed(Rewriter& r, const Op& op) {
  const auto& a = op.get<graph::ConvAttr>();
  const ValueId x = r[op.operands[0]], w = r[op.operands[1]];
  const TensorType& type = r.from().type(op.result);
  for (std::size_t d = 0; d < 2; ++d) {
    if (a.lhs_dilation[d] > 1 && (a.stride[d] > 1 || a.rhs_dilation[d] > 1))
      return padded_inside(r, x, w, a, type.type);
  }
  const Shape& out = type.shape;
  Phases p;
  for (std::size_t d = 0; d < 2; ++d) {
    const std::int64_t s = a.lhs_dilation[d], kernel = r.shape(w)[d];
    p.s.push_back(s);
    p.counts.push_back((out[d + 1] + s - 1) / s);
    for (std::int64_t q = 0; q < s; ++q)
      p.list[d].push_back(s == 1 ? Phase{0, kernel, 0} : phase_of(q, s, kernel, a.pad_low[d]));
  }
  if (element_count(out) == 0) return r.filled(type, 0);
  const ValueId phases = all_phases(r, x, w, a, p, out, type.type);
  const ValueId split = r.reshape(phases, {out[0], p.counts[0], p.counts[1], p.s[0], p.s[1], out[3]});
  const ValueId woven =
      r.reshape(r.transpose(split, {0, 1, 3, 2, 4, 5}), {out[0], p.counts[0] * p.s[0], p.counts[1] * p.s[1], out[3]});
  return r.slice(woven, {0, 0, 0, 0}, out);
}

}  // namespace

Status decompose_transposed_convolution(Graph& graph, const Target&) {
  return rewrite(graph, [](Rewriter& r, const Op& op) -> Expected<ValueId> {
    if (op.kind != OpKind::kConvolution || op.get<graph::ConvAttr>().lhs_dilation == Dims{1, 1}) return r.copy(op);
    return decomposed(r, op);
  });
}

}  // namespace systole::transform
