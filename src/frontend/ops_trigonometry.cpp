// Inverse trigonometric functions, composed.
//
// atan: |x| > 1 becomes 1/|x|, then t > tan(pi/8) becomes (t - 1) / (t + 1); the polynomial on [0, tan(pi/8)] is that of
// Cephes' atanf (S. Moshier, netlib.org/cephes), off by at most 2e-8 there.
#include <numbers>

#include "frontend/registry.h"

namespace systole::frontend {

using graph::CompareDirection;
using graph::OpKind;

namespace {

constexpr double kHalfPi = std::numbers::pi / 2;

Val arc_tangent(Builder& b, const Val& x) {
  const Val size = b.unary(OpKind::kAbs, x), one = b.scalar(x.type(), 1), zero = b.scalar(x.type(), 0);
  const Val large = b.compare(CompareDirection::kGT, size, 1);
  const Val inner = b.select(large, b.div(one, size), size);
  const Val upper = b.compare(CompareDirection::kGT, inner, std::numbers::sqrt2 - 1);
  const Val t = b.select(upper, b.div(b.sub(inner, 1), b.add(inner, 1)), inner);
  const Val z = b.mul(t, t);
  Val sum = b.mul(z, 8.05374449538e-2);
  for (const double c : {-1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1}) sum = b.mul(b.add(sum, c), z);
  const Val low = b.add(b.add(b.mul(sum, t), t), b.select(upper, b.scalar(x.type(), kHalfPi / 2), zero));
  const Val angle = b.select(large, b.sub(b.scalar(x.type(), kHalfPi), low), low);
  return b.select(b.compare(CompareDirection::kLT, x, 0), b.unary(OpKind::kNegate, angle), angle);
}

void atan(Node& n) { n.out(0, arc_tangent(n.b, n.in(0))); }

// asin(x) = atan(x / sqrt((1 - x)(1 + x)))
void asin(Node& n) {
  const Val& x = n.in(0);
  const Val one = n.b.scalar(x.type(), 1);
  const Val rest = n.b.unary(OpKind::kSqrt, n.b.mul(n.b.sub(one, x), n.b.add(one, x)));
  n.out(0, arc_tangent(n.b, n.b.div(x, rest)));
}

// acos(x) = 2 atan(sqrt((1 - x) / (1 + x)))
void acos(Node& n) {
  const Val& x = n.in(0);
  const Val one = n.b.scalar(x.type(), 1);
  const Val half = n.b.unary(OpKind::kSqrt, n.b.div(n.b.sub(one, x), n.b.add(one, x)));
  n.out(0, n.b.mul(arc_tangent(n.b, half), 2));
}

}  // namespace

void register_trigonometry(Registry& registry) { registry.insert({{"Atan", atan}, {"Asin", asin}, {"Acos", acos}}); }

}  // namespace systole::frontend
