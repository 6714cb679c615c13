// Identities, in rounds until nothing changes: x + 0, x - 0, x * 1, x / 1, x ^ 1, x / 2^n = x * 2^-n, x ^ 2 = x * x,
// x ^ 0.5 = sqrt(x), select of a known or void choice, double negation, exact conversion chains, reduction of
// dimensions of size 1, windows of one element, gathers and dynamic slices at known places; and constants folded on the
// way.
//
// Every rule keeps the value for every operand (a zero may change its sign); nothing is reassociated.
#include <cmath>

#include "tensor/element.h"
#include "transform/passes.h"

namespace systole::transform {
namespace {

constexpr int kRounds = 8;
constexpr ValueId kNone = -1;

bool is_uniform(const Rewriter& r, ValueId id, double wanted) {
  double value = 0;
  return uniform_constant(r, id, value) && value == wanted;
}

ValueId divide_by(Rewriter& r, ValueId x, double divisor) {
  if (!is_float(r.type(x).type) || divisor == 0 || !std::isfinite(divisor)) return kNone;
  int exponent = 0;
  if (std::abs(std::frexp(divisor, &exponent)) != 0.5 || std::abs(exponent) > 60) return kNone;
  return r.emit(OpKind::kMultiply, {x, r.filled(r.type(x), 1 / divisor)});
}

ValueId raise_to(Rewriter& r, ValueId x, double exponent) {
  if (!is_float(r.type(x).type)) return kNone;
  if (exponent == 1) return x;
  if (exponent == 2) return r.emit(OpKind::kMultiply, {x, x});
  if (exponent == 0.5) return r.emit(OpKind::kSqrt, {x});
  return kNone;
}

ValueId binary_identity(Rewriter& r, OpKind kind, ValueId a, ValueId b) {
  if (!graph::is_elementwise(kind)) return kNone;
  double value = 0;
  const bool right = uniform_constant(r, b, value);
  switch (kind) {
    case OpKind::kAdd:
      if (right && value == 0) return a;
      return is_uniform(r, a, 0) ? b : kNone;
    case OpKind::kSubtract:
      return right && value == 0 ? a : kNone;
    case OpKind::kMultiply:
      if (right && value == 1) return a;
      return is_uniform(r, a, 1) ? b : kNone;
    case OpKind::kDivide:
      if (right && value == 1) return a;
      return right ? divide_by(r, a, value) : kNone;
    case OpKind::kPower:
      return right ? raise_to(r, a, value) : kNone;
    case OpKind::kMaximum:
    case OpKind::kMinimum:
    case OpKind::kAnd:
    case OpKind::kOr:
      return a == b ? a : kNone;
    default:
      return kNone;
  }
}

// True if every value of `from` is a value of `to`.
bool exact_conversion(DType from, DType to) {
  if (holds_integer(from) && holds_integer(to)) {
    if (is_unsigned(from) == is_unsigned(to)) return dtype_bytes(to) >= dtype_bytes(from);
    return is_unsigned(from) && dtype_bytes(to) > dtype_bytes(from);
  }
  if (holds_integer(from)) return (to == DType::kF32 || to == DType::kF64) && dtype_bytes(from) <= 2;
  if (!is_float(to)) return false;
  if (to == DType::kF32) return from != DType::kF64;
  return false;
}

ValueId unary_identity(Rewriter& r, const Op& op, ValueId x) {
  const Op* inner = r.definition(x);
  if (inner == nullptr) return kNone;
  if ((op.kind == OpKind::kNegate || op.kind == OpKind::kNot) && inner->kind == op.kind) return inner->operands[0];
  if (op.kind == OpKind::kConvert && inner->kind == OpKind::kConvert) {
    const ValueId source = inner->operands[0];
    if (exact_conversion(r.type(source).type, r.type(x).type)) return r.convert(source, r.from().type(op.result).type);
  }
  return kNone;
}

ValueId select_identity(Rewriter& r, const std::vector<ValueId>& x) {
  if (x[1] == x[2]) return x[1];
  double value = 0;
  if (!uniform_constant(r, x[0], value)) return kNone;
  return value != 0 ? x[1] : x[2];
}

bool is_identity_of(graph::Reduction reduction, DType type, double init) {
  switch (reduction) {
    case graph::Reduction::kAdd:
    case graph::Reduction::kOr:
      return init == 0;
    case graph::Reduction::kMultiply:
      return init == 1;
    case graph::Reduction::kMaximum:
      return is_float(type) && init == -INFINITY;
    case graph::Reduction::kMinimum:
      return is_float(type) && init == INFINITY;
    default:
      return false;
  }
}

ValueId reduce_identity(Rewriter& r, const Op& op, const std::vector<ValueId>& x) {
  const auto& a = op.get<graph::ReduceAttr>();
  double init = 0;
  if (!uniform_constant(r, x[1], init) || !is_identity_of(a.reduction, r.type(x[0]).type, init)) return kNone;
  const Shape shape = r.shape(x[0]);
  Shape kept;
  Dims left;
  std::vector<bool> reduced(shape.size(), false);
  for (const std::int64_t d : a.dimensions) reduced[static_cast<std::size_t>(d)] = true;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (reduced[i] && shape[i] == 1) continue;
    if (reduced[i]) left.push_back(static_cast<std::int64_t>(kept.size()));
    kept.push_back(shape[i]);
  }
  if (left.size() == a.dimensions.size()) return kNone;
  const ValueId y = r.reshape(x[0], kept);
  return left.empty() ? y : r.emit(OpKind::kReduce, {y, x[1]}, graph::ReduceAttr{a.reduction, left});
}

ValueId window_identity(Rewriter& r, const Op& op, const std::vector<ValueId>& x) {
  const auto& a = op.get<graph::ReduceWindowAttr>();
  double init = 0;
  if (!uniform_constant(r, x[1], init) || !is_identity_of(a.reduction, r.type(x[0]).type, init)) return kNone;
  if (!is_zero(a.pad_low) || !is_zero(a.pad_high)) return kNone;
  for (const Dims* list : {&a.window, &a.stride, &a.base_dilation}) {
    if (std::any_of(list->begin(), list->end(), [](std::int64_t n) { return n != 1; })) return kNone;
  }
  return x[0];
}

// gather at ascending consecutive constant places: a slice.
ValueId gather_identity(Rewriter& r, const Op& op, const std::vector<ValueId>& x) {
  const Tensor* places = r.constant(x[1]);
  if (places == nullptr || places->count() == 0) return kNone;
  const auto axis = static_cast<std::size_t>(op.get<graph::GatherAttr>().axis);
  Shape shape = r.shape(x[0]);
  const std::int64_t size = dtype_bytes(places->type());
  const std::int64_t first = std::clamp<std::int64_t>(load_as_i64(places->type(), places->raw()), 0, shape[axis] - 1);
  for (std::int64_t i = 1; i < places->count(); ++i) {
    if (load_as_i64(places->type(), places->raw() + i * size) != first + i || first + i >= shape[axis]) return kNone;
  }
  const std::int64_t count = places->count();
  Dims start(shape.size(), 0);
  start[axis] = first;
  shape[axis] = first + count;
  return r.reshape(r.slice(x[0], start, shape), r.from().type(op.result).shape);
}

ValueId dynamic_slice_identity(Rewriter& r, const Op& op, const std::vector<ValueId>& x) {
  const Dims& sizes = op.get<graph::DynamicSliceAttr>().sizes;
  Dims start, limit;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    double at = 0;
    if (r.shape(x[0])[i] != sizes[i] && !uniform_constant(r, x[i + 1], at)) return kNone;
    start.push_back(std::clamp<std::int64_t>(static_cast<std::int64_t>(at), 0, r.shape(x[0])[i] - sizes[i]));
    limit.push_back(start[i] + sizes[i]);
  }
  return r.slice(x[0], start, limit);
}

ValueId simplified(Rewriter& r, const Op& op) {
  const std::vector<ValueId> x = r.mapped(op.operands);
  switch (op.kind) {
    case OpKind::kSelect:
      return select_identity(r, x);
    case OpKind::kReduce:
      return reduce_identity(r, op, x);
    case OpKind::kReduceWindow:
      return window_identity(r, op, x);
    case OpKind::kGather:
      return gather_identity(r, op, x);
    case OpKind::kDynamicSlice:
      return dynamic_slice_identity(r, op, x);
    default:
      break;
  }
  if (x.size() == 2) return binary_identity(r, op.kind, x[0], x[1]);
  return x.size() == 1 ? unary_identity(r, op, x[0]) : kNone;
}

}  // namespace

Status simplify(Graph& graph, const Target&) {
  for (int round = 0; round < kRounds; ++round) {
    bool changed = false;
    SYSTOLE_TRY(rewrite(graph, [&](Rewriter& r, const Op& op) -> Expected<ValueId> {
      SYSTOLE_ASSIGN(const ValueId folded, try_fold(r, op));
      if (folded >= 0) {
        changed = true;
        return folded;
      }
      const ValueId simple = simplified(r, op);
      changed = changed || simple >= 0;
      return simple >= 0 ? simple : r.copy(op);
    }));
    if (!changed) break;
  }
  return ok_status();
}

}  // namespace systole::transform
