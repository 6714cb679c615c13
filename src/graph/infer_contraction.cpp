// Result types of reduce, reduce_window, dot_general and convolution.
#include <algorithm>

#include "graph/infer.h"

namespace systole::graph {
namespace {

std::int64_t rank(const TensorType& type) { return static_cast<std::int64_t>(type.shape.size()); }

Status check_reduction(const InferContext& c, Reduction reduction) {
  const TensorType &x = c.operand(0), &init = c.operand(1);
  if (init.type != x.type || !init.shape.empty()) {
    return c.fail(1, fmt::format("init is {}; a scalar of {} is needed", type_text(init), dtype_name(x.type)));
  }
  const bool bitwise = reduction == Reduction::kAnd || reduction == Reduction::kOr;
  if (bitwise && !is_integer(x.type) && x.type != DType::kPred) {
    return c.fail(2, fmt::format("cannot apply and / or to {}", type_text(x)));
  }
  return ok_status();
}

Expected<TensorType> infer_reduce(const InferContext& c) {
  const TensorType& x = c.operand(0);
  const auto& a = c.op.get<ReduceAttr>();
  SYSTOLE_TRY(check_reduction(c, a.reduction));
  std::vector<bool> reduced(x.shape.size(), false);
  for (const std::int64_t d : a.dimensions) {
    if (d < 0 || d >= rank(x) || reduced[static_cast<std::size_t>(d)]) {
      return c.fail(3, fmt::format("dimension {} is not a dimension of {}, or stands twice", d, type_text(x)));
    }
    reduced[static_cast<std::size_t>(d)] = true;
  }
  TensorType result{x.type, {}};
  for (std::size_t i = 0; i < x.shape.size(); ++i) {
    if (!reduced[i]) result.shape.push_back(x.shape[i]);
  }
  return result;
}

bool all_between(const std::vector<std::int64_t>& list, std::int64_t low, std::int64_t high) {
  return std::all_of(list.begin(), list.end(), [&](std::int64_t x) { return x >= low && x <= high; });
}

Expected<TensorType> infer_reduce_window(const InferContext& c) {
  const TensorType& x = c.operand(0);
  const auto& a = c.op.get<ReduceWindowAttr>();
  SYSTOLE_TRY(check_reduction(c, a.reduction));
  for (const auto* list : {&a.window, &a.stride, &a.base_dilation, &a.window_dilation, &a.pad_low, &a.pad_high}) {
    if (list->size() != x.shape.size()) {
      return c.fail(3, fmt::format("each window attribute needs one entry per dimension of {}", type_text(x)));
    }
  }
  for (const auto* list : {&a.window, &a.stride, &a.base_dilation, &a.window_dilation}) {
    if (!all_between(*list, 1, kMaxAttribute)) return c.fail(4, "window, stride and dilations must be positive");
  }
  if (!all_between(a.pad_low, -kMaxAttribute, kMaxAttribute) ||
      !all_between(a.pad_high, -kMaxAttribute, kMaxAttribute) || !all_between(x.shape, 0, kMaxAttribute)) {
    return c.fail(5, "padding or operand size is out of range");
  }
  TensorType result{x.type, {}};
  for (std::size_t i = 0; i < x.shape.size(); ++i) {
    const std::int64_t padded = dilated_size(x.shape[i], a.base_dilation[i]) + a.pad_low[i] + a.pad_high[i];
    result.shape.push_back(window_count(padded, dilated_size(a.window[i], a.window_dilation[i]), a.stride[i]));
  }
  return result;
}

// Marks the dimensions of one side of a dot; false if one is out of range or stands twice.
bool mark(const std::vector<std::int64_t>& dims, std::vector<bool>& used) {
  for (const std::int64_t d : dims) {
    if (d < 0 || d >= static_cast<std::int64_t>(used.size()) || used[static_cast<std::size_t>(d)]) return false;
    used[static_cast<std::size_t>(d)] = true;
  }
  return true;
}

// Where batch, feature and spatial dimensions of one tensor stand: each dimension exactly once.
bool is_layout(std::int64_t first, std::int64_t second, const std::vector<std::int64_t>& spatial, std::size_t total) {
  if (spatial.size() + 2 != total) return false;
  std::vector<bool> used(total, false);
  return mark({first, second}, used) && mark(spatial, used);
}

Status check_conv_layout(const InferContext& c) {
  const TensorType &lhs = c.operand(0), &rhs = c.operand(1);
  const auto& a = c.op.get<ConvAttr>();
  const std::size_t n = lhs.shape.size();
  if (n < 2 || rhs.shape.size() != n) {
    return c.fail(1, fmt::format("{} and {} need the same rank, at least 2", type_text(lhs), type_text(rhs)));
  }
  if (!is_layout(a.lhs_batch, a.lhs_feature, a.lhs_spatial, n) ||
      !is_layout(a.rhs_input, a.rhs_output, a.rhs_spatial, n) ||
      !is_layout(a.out_batch, a.out_feature, a.out_spatial, n)) {
    return c.fail(2, fmt::format("dim_numbers must name each of the {} dimensions once", n));
  }
  for (const auto* list : {&a.stride, &a.pad_low, &a.pad_high, &a.lhs_dilation, &a.rhs_dilation}) {
    if (list->size() + 2 != n) return c.fail(3, fmt::format("each window attribute needs {} entries", n - 2));
  }
  for (const auto* list : {&a.stride, &a.lhs_dilation, &a.rhs_dilation}) {
    if (!all_between(*list, 1, kMaxAttribute)) return c.fail(4, "stride and dilations must be positive");
  }
  if (!all_between(a.pad_low, -kMaxAttribute, kMaxAttribute) ||
      !all_between(a.pad_high, -kMaxAttribute, kMaxAttribute) || !all_between(lhs.shape, 0, kMaxAttribute) ||
      !all_between(rhs.shape, 0, kMaxAttribute)) {
    return c.fail(5, "padding or operand size is out of range");
  }
  return ok_status();
}

Status check_conv_features(const InferContext& c) {
  const TensorType &lhs = c.operand(0), &rhs = c.operand(1);
  const auto& a = c.op.get<ConvAttr>();
  const std::int64_t features = lhs.shape[static_cast<std::size_t>(a.lhs_feature)];
  const std::int64_t inputs = rhs.shape[static_cast<std::size_t>(a.rhs_input)];
  const std::int64_t outputs = rhs.shape[static_cast<std::size_t>(a.rhs_output)];
  const std::int64_t groups = a.feature_groups;
  if (groups < 1) return c.fail(6, fmt::format("feature_group_count {} must be positive", groups));
  if (features % groups != 0 || outputs % groups != 0) {
    return c.fail(
        7, fmt::format("{} input and {} output features do not divide into {} groups", features, outputs, groups));
  }
  if (features / groups != inputs) {
    return c.fail(
        8, fmt::format("the kernel takes {} input features a group, the input has {}", inputs, features / groups));
  }
  if (a.placement == Placement::kVectorUnit && groups != features) {
    return c.fail(10, "only a depthwise convolution can be placed on the vector unit");
  }
  return ok_status();
}

}  // namespace

Expected<DType> contraction_type(const InferContext& c, int constraint) {
  const DType a = c.operand(0).type, b = c.operand(1).type;
  const bool fixed = is_fixed(a) && a == b;
  const bool floats = is_float(a) && is_float(b), integers = is_integer(a) && is_integer(b);
  if (!fixed && !floats && !integers) {
    return c.fail(constraint, fmt::format("cannot multiply {} by {}", dtype_name(a), dtype_name(b)));
  }
  DType natural = DType::kF32;
  if (fixed) natural = a;
  if (integers) natural = std::max(dtype_bytes(a), dtype_bytes(b)) == 8 ? DType::kI64 : DType::kI32;
  if (a == DType::kF64 || b == DType::kF64) natural = DType::kF64;
  if (c.declared == nullptr) return natural;
  const DType given = c.declared->type;
  const bool allowed = fixed ? given == a : floats ? is_float(given) : is_integer(given);
  if (!allowed) {
    return c.fail(constraint, fmt::format("{} by {} cannot give {}", dtype_name(a), dtype_name(b), dtype_name(given)));
  }
  return given;
}

Expected<TensorType> infer_reduction(const InferContext& c) {
  return c.op.kind == OpKind::kReduce ? infer_reduce(c) : infer_reduce_window(c);
}

Expected<TensorType> infer_dot(const InferContext& c) {
  const TensorType &lhs = c.operand(0), &rhs = c.operand(1);
  const auto& a = c.op.get<DotAttr>();
  if (a.lhs_batch.size() != a.rhs_batch.size()) return c.fail(1, "each batching dimension needs a partner");
  if (a.lhs_contract.size() != a.rhs_contract.size()) return c.fail(2, "each contracting dimension needs a partner");
  std::vector<bool> lhs_used(lhs.shape.size(), false), rhs_used(rhs.shape.size(), false);
  if (!mark(a.lhs_batch, lhs_used) || !mark(a.lhs_contract, lhs_used)) {
    return c.fail(3, fmt::format("the dimensions named must be distinct dimensions of lhs {}", type_text(lhs)));
  }
  if (!mark(a.rhs_batch, rhs_used) || !mark(a.rhs_contract, rhs_used)) {
    return c.fail(4, fmt::format("the dimensions named must be distinct dimensions of rhs {}", type_text(rhs)));
  }
  const auto same_sizes = [&](const std::vector<std::int64_t>& l, const std::vector<std::int64_t>& r) {
    for (std::size_t i = 0; i < l.size(); ++i) {
      if (lhs.shape[static_cast<std::size_t>(l[i])] != rhs.shape[static_cast<std::size_t>(r[i])]) return false;
    }
    return true;
  };
  if (!same_sizes(a.lhs_batch, a.rhs_batch)) {
    return c.fail(5, fmt::format("batching sizes of {} and {} differ", type_text(lhs), type_text(rhs)));
  }
  if (!same_sizes(a.lhs_contract, a.rhs_contract)) {
    return c.fail(6, fmt::format("contracting sizes of {} and {} differ", type_text(lhs), type_text(rhs)));
  }
  SYSTOLE_ASSIGN(const DType type, contraction_type(c, 7));
  if (a.algorithm != Algorithm::kDefault && (lhs.type != DType::kF32 || rhs.type != DType::kF32)) {
    return c.fail(8, "an algorithm of bf16 passes needs f32 operands");
  }
  TensorType result{type, {}};
  for (const std::int64_t d : a.lhs_batch) result.shape.push_back(lhs.shape[static_cast<std::size_t>(d)]);
  for (std::size_t i = 0; i < lhs_used.size(); ++i)
    if (!lhs_used[i]) result.shape.push_back(lhs.shape[i]);
  for (std::size_t i = 0; i < rhs_used.size(); ++i)
    if (!rhs_used[i]) result.shape.push_back(rhs.shape[i]);
  return result;
}

Expected<TensorType> infer_convolution(const InferContext& c) {
  SYSTOLE_TRY(check_conv_layout(c));
  SYSTOLE_TRY(check_conv_features(c));
  const TensorType &lhs = c.operand(0), &rhs = c.operand(1);
  const auto& a = c.op.get<ConvAttr>();
  SYSTOLE_ASSIGN(const DType type, contraction_type(c, 9));
  if (a.algorithm != Algorithm::kDefault && (lhs.type != DType::kF32 || rhs.type != DType::kF32)) {
    return c.fail(11, "an algorithm of bf16 passes needs f32 operands");
  }
  TensorType result{type, Shape(lhs.shape.size(), 0)};
  result.shape[static_cast<std::size_t>(a.out_batch)] = lhs.shape[static_cast<std::size_t>(a.lhs_batch)];
  result.shape[static_cast<std::size_t>(a.out_feature)] = rhs.shape[static_cast<std::size_t>(a.rhs_output)];
  for (std::size_t i = 0; i < a.stride.size(); ++i) {
    const std::int64_t input = lhs.shape[static_cast<std::size_t>(a.lhs_spatial[i])];
    const std::int64_t kernel = rhs.shape[static_cast<std::size_t>(a.rhs_spatial[i])];
    const std::int64_t padded = dilated_size(input, a.lhs_dilation[i]) + a.pad_low[i] + a.pad_high[i];
    if (kernel < 1) return c.fail(12, "the kernel is empty");
    result.shape[static_cast<std::size_t>(a.out_spatial[i])] =
        window_count(padded, dilated_size(kernel, a.rhs_dilation[i]), a.stride[i]);
  }
  return result;
}

}  // namespace systole::graph
