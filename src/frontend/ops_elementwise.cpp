// Elementwise arithmetic, comparison, logic and casts.
#include <cmath>
#include <numbers>

#include "frontend/registry.h"
#include "frontend/tensor_proto.h"

namespace systole::frontend {

using graph::CompareDirection;
using graph::OpKind;

namespace {

// Before opset 7 broadcasting is asked for by `broadcast` and the place of b's first dimension in a by `axis`.
Val second_operand(Node& n, const Val& a, Val b) {
  if (n.opset >= 7 || !n.attr_int("broadcast", 0) || !n.has_attr("axis")) return b;
  const std::int64_t axis = n.axis(n.attr_int("axis", 0), a.rank());
  n.require(axis + b.rank() <= a.rank(), "the second operand does not fit behind 'axis'");
  Shape aligned = b.shape();
  aligned.resize(static_cast<std::size_t>(a.rank() - axis), 1);
  return n.b.reshape(b, aligned);
}

template <OpKind kind>
void unary(Node& n) { n.out(0, n.b.unary(kind, n.in(0))); }

template <OpKind kind>
void binary(Node& n) {
  const Val& a = n.in(0);
  const Val b = second_operand(n, a, n.in(1));
  n.require(graph_type(a.type()) == graph_type(b.type()), "the operands differ in type");
  n.out(0, n.b.binary(kind, a, b));
}

template <CompareDirection direction>
void compare(Node& n) {
  const Val& a = n.in(0);
  n.out(0, n.b.compare(direction, a, second_operand(n, a, n.in(1))));
}

template <OpKind kind>
void variadic(Node& n) {
  Val result = n.in(0);
  for (std::size_t i = 1; i < n.input_count(); ++i) result = n.b.binary(kind, result, n.in(i));
  n.out(0, result);
}

void mean(Node& n) {
  Val sum = n.in(0);
  for (std::size_t i = 1; i < n.input_count(); ++i) sum = n.b.add(sum, n.in(i));
  n.out(0, n.b.div(sum, static_cast<double>(n.input_count())));
}

void reciprocal(Node& n) { n.out(0, n.b.div(n.b.scalar(n.in(0).type(), 1), n.in(0))); }

// x^k by repeated multiplication for |k| <= 4, and the roots: exact where pow is not.
std::optional<Val> small_power(Builder& b, const Val& x, double exponent) {
  if (!is_float(x.type()) && exponent < 0) return std::nullopt;
  if (exponent == 0.5 && is_float(x.type())) return b.unary(OpKind::kSqrt, x);
  if (exponent == -0.5) return b.unary(OpKind::kRsqrt, x);
  const double size = std::abs(exponent);
  if (size != std::floor(size) || size < 1 || size > 4) return std::nullopt;
  Val power = x;
  if (size == 2 || size == 3) power = b.mul(x, x);
  if (size == 3) power = b.mul(power, x);
  if (size == 4) power = b.mul(b.mul(x, x), b.mul(x, x));
  return exponent < 0 ? b.div(b.scalar(x.type(), 1), power) : power;
}

void pow(Node& n) {
  const Val& x = n.in(0);
  Val exponent = second_operand(n, x, n.in(1));
  if (exponent.known() && exponent.count() == 1 && exponent.rank() <= x.rank()) {
    if (auto result = small_power(n.b, x, exponent.reals()[0])) return n.out(0, *result);
  }
  if (is_integer(x.type()) && is_float(exponent.type())) {
    const Val power = n.b.binary(OpKind::kPower, n.b.convert(x, exponent.type()), exponent);
    return n.out(0, n.b.convert(power, x.type()));
  }
  n.out(0, n.b.binary(OpKind::kPower, x, n.b.convert(exponent, x.type())));
}

// fmod = 1: the sign of the dividend (C's fmod); otherwise the sign of the divisor, as Python's %.
void mod(Node& n) {
  const Val &x = n.in(0), &y = n.in(1);
  const Val rest = n.b.binary(OpKind::kRemainder, x, y);
  if (n.attr_int("fmod", 0) || is_unsigned(x.type())) return n.out(0, rest);
  const Val sign_differs = n.b.compare(CompareDirection::kNE, n.b.compare(CompareDirection::kLT, rest, 0),
                                       n.b.compare(CompareDirection::kLT, y, 0));
  const Val adjust = n.b.binary(OpKind::kAnd, sign_differs, n.b.compare(CompareDirection::kNE, rest, 0));
  n.out(0, n.b.select(adjust, n.b.add(rest, y), rest));
}

void where(Node& n) {
  n.require(graph_type(n.in(1).type()) == graph_type(n.in(2).type()), "the two branches differ in type");
  n.out(0, n.b.select(n.in(0), n.in(1), n.in(2)));
}

void is_nan(Node& n) { n.out(0, n.b.compare(CompareDirection::kNE, n.in(0), n.in(0))); }

void is_inf(Node& n) {
  const Val& x = n.in(0);
  const Val positive = n.b.compare(CompareDirection::kEQ, x, lowest_value(x.type()) * -1);
  const Val negative = n.b.compare(CompareDirection::kEQ, x, lowest_value(x.type()));
  const bool want_positive = n.attr_int("detect_positive", 1), want_negative = n.attr_int("detect_negative", 1);
  if (want_positive && want_negative) return n.out(0, n.b.binary(OpKind::kOr, positive, negative));
  if (want_positive) return n.out(0, positive);
  if (want_negative) return n.out(0, negative);
  n.out(0, n.b.full(DType::kPred, x.shape(), 0));
}

void bit_shift(Node& n) {
  const std::string direction = n.attr_string("direction", "");
  n.require(direction == "LEFT" || direction == "RIGHT", "attribute 'direction' must be LEFT or RIGHT");
  n.out(0, n.b.binary(direction == "LEFT" ? OpKind::kShiftLeft : OpKind::kShiftRightLogical, n.in(0), n.in(1)));
}

Val exp_of(Node& n, const Val& x) { return n.b.unary(OpKind::kExponential, x); }
Val negate(Node& n, const Val& x) { return n.b.unary(OpKind::kNegate, x); }

void sinh(Node& n) { n.out(0, n.b.mul(n.b.sub(exp_of(n, n.in(0)), exp_of(n, negate(n, n.in(0)))), 0.5)); }
void cosh(Node& n) { n.out(0, n.b.mul(n.b.add(exp_of(n, n.in(0)), exp_of(n, negate(n, n.in(0)))), 0.5)); }
void tan(Node& n) { n.out(0, n.b.div(n.b.unary(OpKind::kSine, n.in(0)), n.b.unary(OpKind::kCosine, n.in(0)))); }

// asinh(x) = sign(x) log(|x| + sqrt(x^2 + 1))
void asinh(Node& n) {
  const Val size = n.b.unary(OpKind::kAbs, n.in(0));
  const Val root = n.b.unary(OpKind::kSqrt, n.b.add(n.b.mul(size, size), 1));
  n.out(0, n.b.mul(n.b.unary(OpKind::kSign, n.in(0)), n.b.unary(OpKind::kLog, n.b.add(size, root))));
}

void acosh(Node& n) {
  const Val& x = n.in(0);
  n.out(0, n.b.unary(OpKind::kLog, n.b.add(x, n.b.unary(OpKind::kSqrt, n.b.sub(n.b.mul(x, x), 1)))));
}

void atanh(Node& n) {
  const Val& x = n.in(0);
  const Val difference = n.b.sub(n.b.unary(OpKind::kLogPlusOne, x), n.b.unary(OpKind::kLogPlusOne, negate(n, x)));
  n.out(0, n.b.mul(difference, 0.5));
}

// ONNX casts truncate towards zero, and anything but zero is true.
Val cast_to(Builder& b, const Val& x, DType type) {
  if (type == DType::kPred && x.type() != DType::kPred) return b.compare(CompareDirection::kNE, x, 0);
  return b.convert(x, type);
}

void cast(Node& n) {
  n.out(0, cast_to(n.b, n.in(0), element_type(static_cast<int>(n.required_int("to")), n.b.place())));
}

void cast_like(Node& n) { n.out(0, cast_to(n.b, n.in(0), n.in(1).type())); }

void identity(Node& n) { n.out(0, n.in(0)); }

// Inference: identity; the mask output is all true (before opset 7 it has the data's type).
void dropout(Node& n) {
  const bool training = n.has(2) && n.known_in(2, "the training mode").integers().at(0) != 0;
  const double ratio = n.has(1) && n.in(1).known() ? n.in(1).reals().at(0) : 0.5;
  if (training && !(n.has(1) && ratio == 0)) n.not_supported("dropout in training mode draws random numbers");
  n.out(0, n.in(0));
  if (n.wants(1)) n.out(1, n.b.full(n.opset < 10 ? n.in(0).type() : DType::kPred, n.in(0).shape(), 1));
}

}  // namespace

void register_elementwise(Registry& registry) {
  registry.insert({{"Abs", unary<OpKind::kAbs>}, {"Neg", unary<OpKind::kNegate>}, {"Sign", unary<OpKind::kSign>},
                   {"Floor", unary<OpKind::kFloor>}, {"Ceil", unary<OpKind::kCeil>},
                   {"Round", unary<OpKind::kRoundNearestEven>}, {"Exp", unary<OpKind::kExponential>},
                   {"Log", unary<OpKind::kLog>}, {"Sqrt", unary<OpKind::kSqrt>}, {"Sin", unary<OpKind::kSine>},
                   {"Cos", unary<OpKind::kCosine>}, {"Not", unary<OpKind::kNot>}});
  registry.insert({{"Add", binary<OpKind::kAdd>},
                   {"Sub", binary<OpKind::kSubtract>},
                   {"Mul", binary<OpKind::kMultiply>},
                   {"Div", binary<OpKind::kDivide>},
                   {"And", binary<OpKind::kAnd>},
                   {"Or", binary<OpKind::kOr>},
                   {"Xor", binary<OpKind::kXor>},
                   {"BitwiseAnd", binary<OpKind::kAnd>},
                   {"BitwiseOr", binary<OpKind::kOr>},
                   {"BitwiseXor", binary<OpKind::kXor>},
                   {"BitwiseNot", unary<OpKind::kNot>}});
  registry.insert({{"Equal", compare<CompareDirection::kEQ>}, {"Less", compare<CompareDirection::kLT>},
                   {"LessOrEqual", compare<CompareDirection::kLE>}, {"Greater", compare<CompareDirection::kGT>},
                   {"GreaterOrEqual", compare<CompareDirection::kGE>}});
  registry.insert({{"Max", variadic<OpKind::kMaximum>},
                   {"Min", variadic<OpKind::kMinimum>},
                   {"Sum", variadic<OpKind::kAdd>},
                   {"Mean", mean},
                   {"Reciprocal", reciprocal},
                   {"Pow", pow},
                   {"Mod", mod},
                   {"Where", where},
                   {"IsNaN", is_nan},
                   {"IsInf", is_inf},
                   {"BitShift", bit_shift},
                   {"Sinh", sinh},
                   {"Cosh", cosh},
                   {"Tan", tan},
                   {"Asinh", asinh},
                   {"Acosh", acosh},
                   {"Atanh", atanh},
                   {"Cast", cast},
                   {"CastLike", cast_like},
                   {"Identity", identity},
                   {"Dropout", dropout}});
}

}  // namespace systole::frontend
