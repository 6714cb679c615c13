// Reductions and arg-reductions.
#include "frontend/registry.h"
#include "frontend/reduce.h"

namespace systole::frontend {

using graph::CompareDirection;
using graph::OpKind;
using graph::Reduction;

Val mean_over(Builder& b, const Val& x, const Axes& axes, bool keep) {
  double count = 1;
  for (const std::int64_t a : axes) count *= static_cast<double>(x.dim(a));
  const Val sum = b.reduce(Reduction::kAdd, x, axes, keep);
  return count == 1 ? sum : b.div(sum, count);
}

namespace {

struct Request {
  Axes axes;
  bool keep;
};

// Axes are an attribute, or input 1 in newer opsets. None given: all, or none with noop_with_empty_axes.
Request request(const Node& n) {
  const std::int64_t rank = n.in(0).rank();
  auto given = n.ints_attr_or_input("axes", 1);
  Axes axes;
  if (given && !given->empty()) {
    axes = n.axes(*given, rank);
  } else if (!n.attr_int("noop_with_empty_axes", 0)) {
    for (std::int64_t i = 0; i < rank; ++i) axes.push_back(i);
  }
  return {axes, n.attr_int("keepdims", 1) != 0};
}

template <Reduction reduction>
void plain(Node& n) {
  const Request r = request(n);
  n.out(0, n.b.reduce(reduction, n.in(0), r.axes, r.keep));
}

void mean(Node& n) {
  const Request r = request(n);
  n.out(0, mean_over(n.b, n.in(0), r.axes, r.keep));
}

void l1(Node& n) {
  const Request r = request(n);
  n.out(0, n.b.reduce(Reduction::kAdd, n.b.unary(OpKind::kAbs, n.in(0)), r.axes, r.keep));
}

Val sum_of_squares(Node& n) {
  const Request r = request(n);
  return n.b.reduce(Reduction::kAdd, n.b.mul(n.in(0), n.in(0)), r.axes, r.keep);
}

void sum_square(Node& n) { n.out(0, sum_of_squares(n)); }
void l2(Node& n) { n.out(0, n.b.unary(OpKind::kSqrt, sum_of_squares(n))); }

void log_sum(Node& n) {
  const Request r = request(n);
  n.out(0, n.b.unary(OpKind::kLog, n.b.reduce(Reduction::kAdd, n.in(0), r.axes, r.keep)));
}

// m + log(sum(exp(x - m))), m the maximum, which keeps exp in range.
void log_sum_exp(Node& n) {
  const Request r = request(n);
  const Val top = n.b.reduce(Reduction::kMaximum, n.in(0), r.axes, true);
  const Val powers = n.b.unary(OpKind::kExponential, n.b.sub(n.in(0), top));
  const Val log = n.b.unary(OpKind::kLog, n.b.reduce(Reduction::kAdd, powers, r.axes, r.keep));
  n.out(0, n.b.add(log, n.b.reshape(top, log.shape())));
}

// The position of the extreme: the smallest (or, with select_last_index, largest) index among the elements equal to it.
template <Reduction extreme>
void arg(Node& n) {
  const Val& x = n.in(0);
  const std::int64_t axis = n.axis(n.attr_int("axis", 0), x.rank());
  const bool keep = n.attr_int("keepdims", 1) != 0, last = n.attr_int("select_last_index", 0) != 0;
  n.out(0, arg_extreme(n.b, x, axis, extreme, last, keep));
}

// One where the maximum is first reached along the axis; before opset 13 all dimensions from the axis on count as one.
void hardmax(Node& n) {
  const Val& x = n.in(0);
  const std::int64_t axis = n.axis(n.attr_int("axis", n.opset < 13 ? 1 : -1), x.rank());
  const Val work = n.opset < 13 ? flatten_from(n.b, x, axis) : x;
  const std::int64_t along = n.opset < 13 ? 1 : axis;
  const Val at = arg_extreme(n.b, work, along, Reduction::kMaximum, false, true);
  const Val hit = n.b.compare(CompareDirection::kEQ, n.b.iota(DType::kI32, work.shape(), along), at);
  n.out(0, n.b.reshape(n.b.convert(hit, x.type()), x.shape()));
}

}  // namespace

Val arg_extreme(Builder& b, const Val& x, std::int64_t axis, Reduction extreme, bool last, bool keep) {
  const Val top = b.reduce(extreme, x, {axis}, true);
  const Val hit = b.compare(CompareDirection::kEQ, x, top);
  const Val positions = b.iota(DType::kI32, x.shape(), axis);
  const Val other = b.scalar(DType::kI32, last ? -1 : static_cast<double>(std::max<std::int64_t>(0, x.dim(axis) - 1)));
  const Val candidates = b.select(hit, positions, other);
  return b.convert(b.reduce(last ? Reduction::kMaximum : Reduction::kMinimum, candidates, {axis}, keep), DType::kI64);
}

Val flatten_from(Builder& b, const Val& x, std::int64_t axis) {
  std::int64_t rows = 1, columns = 1;
  for (std::int64_t i = 0; i < x.rank(); ++i) (i < axis ? rows : columns) *= x.dim(i);
  return b.reshape(x, {rows, columns});
}

void register_reductions(Registry& registry) {
  registry.insert({{"ReduceSum", plain<Reduction::kAdd>}, {"ReduceProd", plain<Reduction::kMultiply>},
                   {"ReduceMax", plain<Reduction::kMaximum>}, {"ReduceMin", plain<Reduction::kMinimum>},
                   {"ReduceMean", mean}, {"ReduceL1", l1}, {"ReduceL2", l2}, {"ReduceSumSquare", sum_square},
                   {"ReduceLogSum", log_sum}, {"ReduceLogSumExp", log_sum_exp}, {"ArgMax", arg<Reduction::kMaximum>},
                   {"ArgMin", arg<Reduction::kMinimum>}, {"Hardmax", hardmax}});
}

}  // namespace systole::frontend
