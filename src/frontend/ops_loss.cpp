// Losses over class indices: negative log likelihood, softmax cross entropy.
#include "frontend/reduce.h"
#include "frontend/registry.h"

namespace systole::frontend {

using graph::CompareDirection;
using graph::OpKind;
using graph::Reduction;

namespace {

// scores [N, C, d...] are log probabilities, target [N, d...] classes; weight [C] is optional. The class of each
// position is picked by comparing with its number, so an index out of range contributes 0.
Val negative_log_likelihood(Node& n, const Val& scores, const Val& target, const Val& weight) {
  Builder& b = n.b;
  n.require(scores.rank() >= 2 && target.rank() == scores.rank() - 1,
            "needs scores [N, C, d...] and targets [N, d...]");
  Shape column = target.shape();
  column.insert(column.begin() + 1, 1);
  const Val classes = b.convert(target, DType::kI32);
  const Val hit = b.compare(CompareDirection::kEQ, b.iota(DType::kI32, scores.shape(), 1), b.reshape(classes, column));
  const Val zero = b.scalar(scores.type(), 0);
  Val loss = b.unary(OpKind::kNegate, b.reduce(Reduction::kAdd, b.select(hit, scores, zero), {1}, false));
  Val share;
  if (weight) {
    n.require(weight.rank() == 1 && weight.dim(0) == scores.dim(1), "needs one weight per class");
    const Val spread = b.broadcast_in_dim(weight, scores.shape(), {1}, false);
    share = b.reduce(Reduction::kAdd, b.select(hit, spread, zero), {1}, false);
  }
  if (n.has_attr("ignore_index")) {
    const Val ignored = b.compare(CompareDirection::kEQ, classes, static_cast<double>(n.attr_int("ignore_index", 0)));
    share = b.select(ignored, zero, share ? share : b.full(scores.type(), target.shape(), 1));
  }
  if (share) loss = b.mul(loss, share);
  const std::string reduction = n.attr_string("reduction", "mean");
  if (reduction == "none") return loss;
  Axes all;
  for (std::int64_t i = 0; i < loss.rank(); ++i) all.push_back(i);
  const Val sum = b.reduce(Reduction::kAdd, loss, all, false);
  if (reduction == "sum") return sum;
  n.require(reduction == "mean", "attribute 'reduction' must be none, sum or mean");
  return share ? b.div(sum, b.reduce(Reduction::kAdd, share, all, false))
               : b.div(sum, static_cast<double>(target.count()));
}

void nll_loss(Node& n) { n.out(0, negative_log_likelihood(n, n.in(0), n.in(1), n.in_or(2, Val()))); }

void softmax_cross_entropy(Node& n) {
  n.require(n.in(0).rank() >= 2, "needs scores [N, C, d...]");
  const Val log_probabilities = log_softmax_over(n.b, n.in(0), 1);
  n.out(0, negative_log_likelihood(n, log_probabilities, n.in(1), n.in_or(2, Val())));
  n.out(1, log_probabilities);
}

}  // namespace

void register_losses(Registry& registry) {
  registry.insert({{"NegativeLogLikelihoodLoss", nll_loss}, {"SoftmaxCrossEntropyLoss", softmax_cross_entropy}});
}

}  // namespace systole::frontend
