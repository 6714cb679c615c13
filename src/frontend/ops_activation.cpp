// Activations, as the ONNX operator specification defines each.
#include <cmath>
#include <numbers>

#include "frontend/registry.h"

namespace systole::frontend {

using graph::CompareDirection;
using graph::OpKind;

namespace {

void relu(Node& n) { n.out(0, n.b.max(n.in(0), 0)); }

void leaky_relu(Node& n) {
  const Val& x = n.in(0);
  n.out(0, n.b.select(n.b.compare(CompareDirection::kLT, x, 0), n.b.mul(x, n.attr_float("alpha", 0.01)), x));
}

// The slope broadcasts to x from the right; before opset 7 a vector of length C runs along axis 1.
void prelu(Node& n) {
  const Val& x = n.in(0);
  Val slope = n.in(1);
  if (slope.rank() == 1 && x.rank() > 1 && n.opset < 7 && slope.dim(0) == x.dim(1)) {
    Shape aligned(x.shape().size(), 1);
    aligned[1] = slope.dim(0);
    slope = n.b.reshape(slope, aligned);
  }
  n.out(0, n.b.select(n.b.compare(CompareDirection::kLT, x, 0), n.b.mul(x, slope), x));
}

Val exp_minus_one_below_zero(Builder& b, const Val& x, double alpha) {
  return b.mul(b.unary(OpKind::kExponentialMinusOne, b.min(x, 0)), alpha);
}

void elu(Node& n) {
  const Val& x = n.in(0);
  const Val below = exp_minus_one_below_zero(n.b, x, n.attr_float("alpha", 1));
  n.out(0, n.b.select(n.b.compare(CompareDirection::kLT, x, 0), below, x));
}

void selu(Node& n) {
  const Val& x = n.in(0);
  const double alpha = n.attr_float("alpha", n.opset < 6 ? 1.6732 : 1.67326319217681884765625);
  const double gamma = n.attr_float("gamma", n.opset < 6 ? 1.0507 : 1.05070102214813232421875);
  const Val below = exp_minus_one_below_zero(n.b, x, alpha);
  n.out(0, n.b.mul(n.b.select(n.b.compare(CompareDirection::kLE, x, 0), below, x), gamma));
}

void celu(Node& n) {
  const Val& x = n.in(0);
  const double alpha = n.attr_float("alpha", 1);
  const Val below = n.b.mul(n.b.unary(OpKind::kExponentialMinusOne, n.b.div(n.b.min(x, 0), alpha)), alpha);
  n.out(0, n.b.add(n.b.max(x, 0), below));
}

void sigmoid(Node& n) { n.out(0, n.b.unary(OpKind::kLogistic, n.in(0))); }
void tanh(Node& n) { n.out(0, n.b.unary(OpKind::kTanh, n.in(0))); }
void erf(Node& n) { n.out(0, n.b.unary(OpKind::kErf, n.in(0))); }

Val hard_sigmoid_of(Builder& b, const Val& x, double alpha, double beta) {
  return b.clamp(b.scalar(x.type(), 0), b.add(b.mul(x, alpha), beta), b.scalar(x.type(), 1));
}

void hard_sigmoid(Node& n) {
  n.out(0, hard_sigmoid_of(n.b, n.in(0), n.attr_float("alpha", 0.2), n.attr_float("beta", 0.5)));
}

void hard_swish(Node& n) { n.out(0, n.b.mul(n.in(0), hard_sigmoid_of(n.b, n.in(0), 1.0 / 6, 0.5))); }

// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which does not overflow.
Val softplus_of(Builder& b, const Val& x) {
  const Val decay = b.unary(OpKind::kExponential, b.unary(OpKind::kNegate, b.unary(OpKind::kAbs, x)));
  return b.add(b.max(x, 0), b.unary(OpKind::kLogPlusOne, decay));
}

void softplus(Node& n) { n.out(0, softplus_of(n.b, n.in(0))); }
void mish(Node& n) { n.out(0, n.b.mul(n.in(0), n.b.unary(OpKind::kTanh, softplus_of(n.b, n.in(0))))); }
void softsign(Node& n) { n.out(0, n.b.div(n.in(0), n.b.add(n.b.unary(OpKind::kAbs, n.in(0)), 1))); }

void gelu(Node& n) {
  const Val& x = n.in(0);
  const std::string approximate = n.attr_string("approximate", "none");
  Val gate;
  if (approximate == "tanh") {
    const Val cube = n.b.mul(n.b.mul(x, x), x);
    gate = n.b.unary(OpKind::kTanh, n.b.mul(n.b.add(x, n.b.mul(cube, 0.044715)), std::sqrt(2 / std::numbers::pi)));
  } else if (approximate == "none") {
    gate = n.b.unary(OpKind::kErf, n.b.mul(x, std::numbers::sqrt2 / 2));
  } else {
    n.invalid("attribute 'approximate' must be none or tanh");
  }
  n.out(0, n.b.mul(n.b.mul(x, 0.5), n.b.add(gate, 1)));
}

void thresholded_relu(Node& n) {
  const Val& x = n.in(0);
  const Val above = n.b.compare(CompareDirection::kGT, x, n.attr_float("alpha", 1));
  n.out(0, n.b.select(above, x, n.b.scalar(x.type(), 0)));
}

void shrink(Node& n) {
  const Val& x = n.in(0);
  const double lambda = n.attr_float("lambd", 0.5), bias = n.attr_float("bias", 0);
  const Val above =
      n.b.select(n.b.compare(CompareDirection::kGT, x, lambda), n.b.sub(x, bias), n.b.scalar(x.type(), 0));
  n.out(0, n.b.select(n.b.compare(CompareDirection::kLT, x, -lambda), n.b.add(x, bias), above));
}

// Clip: limits are attributes before opset 11, optional inputs since; both: min(max(x, low), high).
void clip(Node& n) {
  const Val& x = n.in(0);
  const auto limit = [&](const char* name, std::size_t input) {
    if (n.opset < 11) return n.has_attr(name) ? n.b.scalar(x.type(), n.attr_float(name, 0)) : Val();
    if (!n.has(input)) return Val();
    n.require(n.in(input).count() == 1, "a limit must be a scalar");
    return n.b.reshape(n.in(input), {});
  };
  const Val low = limit("min", 1), high = limit("max", 2);
  if (low && high) return n.out(0, n.b.clamp(low, x, high));
  n.out(0, low ? n.b.max(x, low) : high ? n.b.min(x, high) : x);
}

}  // namespace

void register_activations(Registry& registry) {
  registry.insert({{"Relu", relu},
                   {"LeakyRelu", leaky_relu},
                   {"PRelu", prelu},
                   {"Elu", elu},
                   {"Selu", selu},
                   {"Celu", celu},
                   {"Sigmoid", sigmoid},
                   {"Tanh", tanh},
                   {"Erf", erf},
                   {"HardSigmoid", hard_sigmoid},
                   {"HardSwish", hard_swish},
                   {"Softplus", softplus},
                   {"Mish", mish},
                   {"Softsign", softsign},
                   {"Gelu", gelu},
                   {"ThresholdedRelu", thresholded_relu},
                   {"Shrink", shrink},
                   {"Clip", clip}});
}

}  // namespace systole::frontend
