// Result types of data movement operators.
#include <algorithm>

#include "graph/infer.h"

namespace systole::graph {
namespace {

std::string list_text(const std::vector<std::int64_t>& list) {
  std::string text = "[";
  for (const std::int64_t x : list) text += fmt::format("{}{}", text.size() > 1 ? ", " : "", x);
  return text + "]";
}

std::int64_t rank(const TensorType& type) { return static_cast<std::int64_t>(type.shape.size()); }

// Every entry a dimension below `bound`, none twice.
bool distinct_dimensions(const std::vector<std::int64_t>& list, std::int64_t bound) {
  std::vector<bool> seen(static_cast<std::size_t>(bound), false);
  for (const std::int64_t d : list) {
    if (d < 0 || d >= bound || seen[static_cast<std::size_t>(d)]) return false;
    seen[static_cast<std::size_t>(d)] = true;
  }
  return true;
}

Expected<TensorType> infer_broadcast(const InferContext& c) {
  const TensorType& x = c.operand(0);
  const auto& dims = c.op.get<BroadcastAttr>().dimensions;
  if (c.declared == nullptr) return c.fail(1, "needs a declared result type");
  if (c.declared->type != x.type) {
    return c.fail(1, fmt::format("the operand is {}, the result {}", type_text(x), type_text(*c.declared)));
  }
  if (dims.size() != x.shape.size()) {
    return c.fail(2, fmt::format("dims {} needs one entry per dimension of {}", list_text(dims), type_text(x)));
  }
  if (!distinct_dimensions(dims, rank(*c.declared))) {
    return c.fail(3, fmt::format("dims {} must be distinct dimensions of {}", list_text(dims), type_text(*c.declared)));
  }
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const std::int64_t to = c.declared->shape[static_cast<std::size_t>(dims[i])];
    if (x.shape[i] != 1 && x.shape[i] != to) {
      return c.fail(4, fmt::format("dimension {} of size {} cannot become size {}", i, x.shape[i], to));
    }
  }
  return *c.declared;
}

Expected<TensorType> infer_reshape(const InferContext& c) {
  const TensorType& x = c.operand(0);
  if (c.declared == nullptr) return c.fail(1, "needs a declared result type");
  if (c.declared->type != x.type || c.declared->count() != x.count()) {
    return c.fail(1, fmt::format("{} cannot be reshaped to {}", type_text(x), type_text(*c.declared)));
  }
  return *c.declared;
}

Expected<TensorType> infer_transpose(const InferContext& c) {
  const TensorType& x = c.operand(0);
  const auto& permutation = c.op.get<TransposeAttr>().permutation;
  if (permutation.size() != x.shape.size() || !distinct_dimensions(permutation, rank(x))) {
    return c.fail(1,
                  fmt::format("{} is not a permutation of the dimensions of {}", list_text(permutation), type_text(x)));
  }
  TensorType result{x.type, {}};
  for (const std::int64_t d : permutation) result.shape.push_back(x.shape[static_cast<std::size_t>(d)]);
  return result;
}

Expected<TensorType> infer_slice(const InferContext& c) {
  const TensorType& x = c.operand(0);
  const auto& a = c.op.get<SliceAttr>();
  const std::size_t n = x.shape.size();
  if (a.start.size() != n || a.limit.size() != n || a.stride.size() != n) {
    return c.fail(1, fmt::format("start, limit and stride need one entry per dimension of {}", type_text(x)));
  }
  TensorType result{x.type, {}};
  for (std::size_t i = 0; i < n; ++i) {
    if (a.start[i] < 0 || a.start[i] > a.limit[i] || a.limit[i] > x.shape[i]) {
      return c.fail(2,
                    fmt::format("dimension {}: [{}:{}] is not within size {}", i, a.start[i], a.limit[i], x.shape[i]));
    }
    if (a.stride[i] < 1 || a.stride[i] > kMaxAttribute) {
      return c.fail(3, fmt::format("dimension {}: stride {} must be positive", i, a.stride[i]));
    }
    result.shape.push_back((a.limit[i] - a.start[i] + a.stride[i] - 1) / a.stride[i]);
  }
  return result;
}

Expected<TensorType> infer_concatenate(const InferContext& c) {
  TensorType result = c.operand(0);
  const std::int64_t dimension = c.op.get<ConcatenateAttr>().dimension;
  if (dimension < 0 || dimension >= rank(result)) {
    return c.fail(1, fmt::format("dim {} is not a dimension of {}", dimension, type_text(result)));
  }
  const auto d = static_cast<std::size_t>(dimension);
  for (std::size_t i = 1; i < c.op.operands.size(); ++i) {
    TensorType other = c.operand(i);
    const std::int64_t size = other.shape.size() > d ? other.shape[d] : 0;
    if (other.shape.size() > d) other.shape[d] = c.operand(0).shape[d];
    if (!(other == c.operand(0))) {
      return c.fail(2, fmt::format("operand {} is {}, operand 0 is {}; they may differ in dimension {} only", i,
                                   type_text(c.operand(i)), type_text(c.operand(0)), dimension));
    }
    result.shape[d] += size;
  }
  return result;
}

Expected<TensorType> infer_pad(const InferContext& c) {
  const TensorType &x = c.operand(0), &value = c.operand(1);
  const auto& a = c.op.get<PadAttr>();
  const std::size_t n = x.shape.size();
  if (value.type != x.type || !value.shape.empty()) {
    return c.fail(
        1, fmt::format("the padding value is {}; a scalar of {} is needed", type_text(value), dtype_name(x.type)));
  }
  if (a.low.size() != n || a.high.size() != n || a.interior.size() != n) {
    return c.fail(2, fmt::format("low, high and interior need one entry per dimension of {}", type_text(x)));
  }
  TensorType result{x.type, {}};
  for (std::size_t i = 0; i < n; ++i) {
    if (a.interior[i] < 0 || a.interior[i] > kMaxAttribute || std::abs(a.low[i]) > kMaxAttribute ||
        std::abs(a.high[i]) > kMaxAttribute) {
      return c.fail(
          3, fmt::format("dimension {}: padding [{}, {}, {}] is out of range", i, a.low[i], a.high[i], a.interior[i]));
    }
    if (x.shape[i] > kMaxAttribute) return c.fail(3, fmt::format("dimension {} is too long to pad", i));
    const std::int64_t size = dilated_size(x.shape[i], a.interior[i] + 1) + a.low[i] + a.high[i];
    if (size < 0) return c.fail(4, fmt::format("dimension {}: the padded size {} is negative", i, size));
    result.shape.push_back(size);
  }
  return result;
}

Expected<TensorType> infer_reverse(const InferContext& c) {
  const TensorType& x = c.operand(0);
  const auto& dims = c.op.get<ReverseAttr>().dimensions;
  if (!distinct_dimensions(dims, rank(x))) {
    return c.fail(1, fmt::format("dims {} must be distinct dimensions of {}", list_text(dims), type_text(x)));
  }
  return x;
}

Expected<TensorType> infer_gather(const InferContext& c) {
  const TensorType &table = c.operand(0), &indices = c.operand(1);
  const std::int64_t axis = c.op.get<GatherAttr>().axis;
  if (axis < 0 || axis >= rank(table))
    return c.fail(1, fmt::format("axis {} is not a dimension of {}", axis, type_text(table)));
  if (!is_integer(indices.type)) return c.fail(2, fmt::format("indices are {}, not integers", type_text(indices)));
  if (table.shape[static_cast<std::size_t>(axis)] == 0 && indices.count() > 0) {
    return c.fail(3, fmt::format("there is nothing to take along dimension {} of {}", axis, type_text(table)));
  }
  TensorType result{table.type, {}};
  const auto at = table.shape.begin() + axis;
  result.shape.assign(table.shape.begin(), at);
  result.shape.insert(result.shape.end(), indices.shape.begin(), indices.shape.end());
  result.shape.insert(result.shape.end(), at + 1, table.shape.end());
  return result;
}

// The start indices of dynamic_slice and dynamic_update_slice: operands first .. first + rank - 1.
Status check_starts(const InferContext& c, std::size_t first) {
  const std::size_t wanted = c.operand(0).shape.size();
  if (c.op.operands.size() != first + wanted) {
    return c.fail(1, fmt::format("{} start indices given, {} needed",
                                 c.op.operands.size() - std::min(first, c.op.operands.size()), wanted));
  }
  for (std::size_t i = first; i < c.op.operands.size(); ++i) {
    if (!is_integer(c.operand(i).type) || !c.operand(i).shape.empty()) {
      return c.fail(2, fmt::format("start index {} is {}, not a scalar integer", i - first, type_text(c.operand(i))));
    }
  }
  return ok_status();
}

Expected<TensorType> infer_dynamic_slice(const InferContext& c) {
  const TensorType& x = c.operand(0);
  SYSTOLE_TRY(check_starts(c, 1));
  const auto& sizes = c.op.get<DynamicSliceAttr>().sizes;
  if (sizes.size() != x.shape.size())
    return c.fail(3, fmt::format("sizes {} needs one entry per dimension of {}", list_text(sizes), type_text(x)));
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0 || sizes[i] > x.shape[i]) {
      return c.fail(4, fmt::format("dimension {}: size {} is not within {}", i, sizes[i], x.shape[i]));
    }
  }
  return TensorType{x.type, sizes};
}

Expected<TensorType> infer_dynamic_update_slice(const InferContext& c) {
  const TensorType& x = c.operand(0);
  if (c.op.operands.size() < 2) return c.fail(0, "takes an operand, an update and start indices");
  SYSTOLE_TRY(check_starts(c, 2));
  const TensorType& update = c.operand(1);
  bool fits = update.type == x.type && update.shape.size() == x.shape.size();
  for (std::size_t i = 0; fits && i < x.shape.size(); ++i) fits = update.shape[i] <= x.shape[i];
  if (!fits) return c.fail(3, fmt::format("the update {} does not fit into {}", type_text(update), type_text(x)));
  return x;
}

}  // namespace

Expected<TensorType> infer_movement(const InferContext& c) {
  switch (c.op.kind) {
    case OpKind::kBroadcastInDim:
      return infer_broadcast(c);
    case OpKind::kReshape:
      return infer_reshape(c);
    case OpKind::kTranspose:
      return infer_transpose(c);
    case OpKind::kSlice:
      return infer_slice(c);
    case OpKind::kConcatenate:
      return infer_concatenate(c);
    case OpKind::kPad:
      return infer_pad(c);
    case OpKind::kReverse:
      return infer_reverse(c);
    case OpKind::kGather:
      return infer_gather(c);
    case OpKind::kDynamicSlice:
      return infer_dynamic_slice(c);
    default:
      return infer_dynamic_update_slice(c);
  }
}

}  // namespace systole::graph
