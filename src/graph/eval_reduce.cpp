// reduce and reduce_window. Words: double / int64 in double arithmetic, fp32 / int32 on a chip.
#include <tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <type_traits>

#include "base/units.h"
#include "graph/eval.h"
#include "graph/strided.h"
#include "graph/words.h"
#include "tensor/element.h"

namespace systole::graph {
namespace {

// One application of a reduction. Float maximum and minimum as the micro-operations kFMax and kFMin: NaN if either is
// NaN, -0 < +0. Integer sums and products wrap.
template <typename T>
T combine(Reduction reduction, T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    switch (reduction) {
      case Reduction::kAdd:
        return a + b;
      case Reduction::kMultiply:
        return a * b;
      case Reduction::kMaximum:
        if (a == b) return std::signbit(a) ? b : a;
        return a > b || std::isnan(a) ? a : b;
      default:
        if (a == b) return std::signbit(a) ? a : b;
        return a < b || std::isnan(a) ? a : b;
    }
  } else {
    using Unsigned = std::make_unsigned_t<T>;
    const auto ua = static_cast<Unsigned>(a), ub = static_cast<Unsigned>(b);
    switch (reduction) {
      case Reduction::kAdd:
        return static_cast<T>(ua + ub);
      case Reduction::kMultiply:
        return static_cast<T>(ua * ub);
      case Reduction::kMaximum:
        return std::max(a, b);
      case Reduction::kMinimum:
        return std::min(a, b);
      case Reduction::kAnd:
        return a & b;
      default:
        return a | b;
    }
  }
}

template <typename T, typename F>
void with_reduction(Reduction reduction, const F& f) {
  switch (reduction) {
    case Reduction::kAdd:
      f([](T a, T b) { return combine(Reduction::kAdd, a, b); });
      break;
    case Reduction::kMultiply:
      f([](T a, T b) { return combine(Reduction::kMultiply, a, b); });
      break;
    case Reduction::kMaximum:
      f([](T a, T b) { return combine(Reduction::kMaximum, a, b); });
      break;
    case Reduction::kMinimum:
      f([](T a, T b) { return combine(Reduction::kMinimum, a, b); });
      break;
    case Reduction::kAnd:
      f([](T a, T b) { return combine(Reduction::kAnd, a, b); });
      break;
    case Reduction::kOr:
      f([](T a, T b) { return combine(Reduction::kOr, a, b); });
      break;
  }
}

// On pred, add is or and multiply is and (StableHLO), so that a result stays 0 or 1.
Reduction effective(Reduction reduction, DType type) {
  if (type != DType::kPred) return reduction;
  if (reduction == Reduction::kAdd) return Reduction::kOr;
  return reduction == Reduction::kMultiply ? Reduction::kAnd : reduction;
}

template <typename T>
void load_row(DType type, const std::uint8_t* from, T* to, std::int64_t count) {
  if constexpr (sizeof(T) == 4) {
    load_words(type, from, reinterpret_cast<std::uint32_t*>(to), count);
  } else if constexpr (std::is_same_v<T, double>) {
    std::copy_n(reinterpret_cast<const double*>(from), count, to);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = load_as_i64(type, from + i * dtype_bytes(type));
  }
}

template <typename T>
void store_row(DType type, T* from, std::uint8_t* to, std::int64_t count) {
  if constexpr (std::is_same_v<T, float>) {
    for (std::int64_t i = 0; i < count; ++i) from[i] = canonical(from[i]);
  }
  if constexpr (sizeof(T) == 4) {
    store_words(type, reinterpret_cast<const std::uint32_t*>(from), to, count);
  } else if constexpr (std::is_same_v<T, double>) {
    std::copy_n(from, count, reinterpret_cast<double*>(to));
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      const bool wraps = type == DType::kI32 || type == DType::kU32;
      const std::int64_t low = type == DType::kU32 ? static_cast<std::int64_t>(static_cast<std::uint32_t>(from[i]))
                                                   : static_cast<std::int64_t>(static_cast<std::int32_t>(from[i]));
      store_from_i64(type, to + i * dtype_bytes(type), wraps ? low : from[i]);
    }
  }
}

// x as [reduced elements in row-major order, results].
struct Columns {
  Tensor x;
  std::int64_t rows = 1, results = 1;
};

Columns reduced_first(const Tensor& x, std::vector<std::int64_t> reduced) {
  std::sort(reduced.begin(), reduced.end());
  std::vector<std::int64_t> permutation = reduced;
  Columns columns;
  for (const std::int64_t d : reduced) columns.rows *= x.shape()[static_cast<std::size_t>(d)];
  for (std::int64_t d = 0; d < x.rank(); ++d) {
    if (std::binary_search(reduced.begin(), reduced.end(), d)) continue;
    permutation.push_back(d);
    columns.results *= x.shape()[static_cast<std::size_t>(d)];
  }
  columns.x = transposed(x, permutation);
  return columns;
}

// `width` results at once: partial[i mod lanes] ascending, each from the first element it receives; then a binary tree
// whose stride halves, rounding up; then op(init, result).
template <typename T, typename Op>
void reduce_block(const Columns& c, std::int64_t first, std::int64_t width, std::int64_t lanes, T init, const Op& op,
                  T* out) {
  const std::int64_t partials = std::min(c.rows, lanes), size = dtype_bytes(c.x.type());
  std::vector<T> partial(static_cast<std::size_t>(std::max<std::int64_t>(partials, 1) * width)),
      row(static_cast<std::size_t>(width));
  for (std::int64_t i = 0; i < c.rows; ++i) {
    load_row(c.x.type(), c.x.raw() + (i * c.results + first) * size, row.data(), width);
    T* to = partial.data() + i % lanes * width;
    for (std::int64_t j = 0; j < width; ++j)
      to[j] = i < lanes ? row[static_cast<std::size_t>(j)] : op(to[j], row[static_cast<std::size_t>(j)]);
  }
  for (std::int64_t m = partials; m > 1;) {
    const std::int64_t half = (m + 1) / 2;
    for (std::int64_t j = 0; j < (m - half) * width; ++j) {
      T& to = partial[static_cast<std::size_t>(j)];
      to = op(to, partial[static_cast<std::size_t>(j + half * width)]);
    }
    m = half;
  }
  for (std::int64_t j = 0; j < width; ++j)
    out[j] = partials == 0 ? init : op(init, partial[static_cast<std::size_t>(j)]);
}

template <typename T>
Tensor reduce_as(const Step& step, std::int64_t lanes) {
  const auto& a = step.op.get<ReduceAttr>();
  const Columns columns = reduced_first(step.operand(0), a.dimensions);
  Tensor result(step.result.type, step.result.shape);
  std::uint8_t* out = result.mutable_raw();
  const DType type = step.result.type;
  T init;
  load_row(type, step.operand(1).raw(), &init, 1);
  constexpr std::int64_t kBlock = 256;
  with_reduction<T>(effective(a.reduction, type), [&](const auto& op) {
    tbb::parallel_for(std::int64_t{0}, ceil_div(columns.results, kBlock), [&](std::int64_t block) {
      const std::int64_t first = block * kBlock, width = std::min(kBlock, columns.results - first);
      std::array<T, kBlock> values;
      reduce_block<T>(columns, first, width, lanes, init, op, values.data());
      store_row(type, values.data(), out + first * dtype_bytes(type), width);
    });
  });
  return result;
}

// One dimension of a window: where element k of the window at position o lies in the operand, or -1.
struct WindowAxis {
  std::int64_t size, window, stride, base_dilation, window_dilation, low;
  std::int64_t at(std::int64_t o, std::int64_t k) const {
    const std::int64_t i = o * stride + k * window_dilation - low;
    if (base_dilation == 1) return i >= 0 && i < size ? i : -1;
    if (i < 0 || i % base_dilation != 0) return -1;
    return i / base_dilation < size ? i / base_dilation : -1;
  }
};

// A row of results along the last dimension. Window elements come in row-major order, so every result sees its own in
// order.
template <typename T, typename Op>
void window_row(const std::vector<WindowAxis>& axes, const std::vector<T>& x, const Shape& strides, const Shape& outer,
                const Op& op, std::vector<T>& row) {
  const std::size_t last = axes.size() - 1;
  Shape k(axes.size(), 0);
  for (bool more = true; more;) {
    std::int64_t base = 0;
    for (std::size_t d = 0; d < last && base >= 0; ++d) {
      const std::int64_t i = axes[d].at(outer[d], k[d]);
      base = i < 0 ? -1 : base + i * strides[d];
    }
    if (base >= 0) {
      for (std::int64_t w = 0; w < axes[last].window; ++w) {
        for (std::size_t o = 0; o < row.size(); ++o) {
          const std::int64_t i = axes[last].at(static_cast<std::int64_t>(o), w);
          if (i >= 0) row[o] = op(row[o], x[static_cast<std::size_t>(base + i)]);
        }
      }
    }
    more = false;
    for (std::size_t d = last; d-- > 0;) {
      if (++k[d] < axes[d].window) {
        more = true;
        break;
      }
      k[d] = 0;
    }
  }
}

template <typename T>
Tensor reduce_window_as(const Step& step) {
  const auto& a = step.op.get<ReduceWindowAttr>();
  const DType type = step.result.type;
  const Tensor& operand = step.operand(0);
  Shape shape = operand.shape(), out_shape = step.result.shape;
  std::vector<WindowAxis> axes;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    axes.push_back({shape[d], a.window[d], a.stride[d], a.base_dilation[d], a.window_dilation[d], a.pad_low[d]});
  }
  if (axes.empty()) {
    axes.push_back({1, 1, 1, 1, 1, 0});
    shape = out_shape = {1};
  }
  std::vector<T> x(static_cast<std::size_t>(operand.count()));
  load_row(type, operand.raw(), x.data(), operand.count());
  T init;
  load_row(type, step.operand(1).raw(), &init, 1);
  Tensor result(type, step.result.shape);
  std::uint8_t* out = result.mutable_raw();
  const Shape strides = row_major_strides(shape);
  const std::int64_t width = out_shape.back(), rows = width == 0 ? 0 : result.count() / width;
  with_reduction<T>(effective(a.reduction, type), [&](const auto& op) {
    tbb::parallel_for(std::int64_t{0}, rows, [&](std::int64_t r) {
      Shape outer(axes.size(), 0);
      std::int64_t rest = r;
      for (std::size_t d = axes.size() - 1; d-- > 0; rest /= out_shape[d]) outer[d] = rest % out_shape[d];
      std::vector<T> row(static_cast<std::size_t>(width), init);
      window_row<T>(axes, x, strides, outer, op, row);
      store_row(type, row.data(), out + r * width * dtype_bytes(type), width);
    });
  });
  return result;
}

}  // namespace

template <>
Tensor eval_reduce(const Step& step, const DoubleArithmetic&) {
  constexpr std::int64_t kLanes = 128;  // any number: more partial sums, a smaller error
  return step.result.type == DType::kF64 ? reduce_as<double>(step, kLanes) : reduce_as<std::int64_t>(step, kLanes);
}

template <>
Tensor eval_reduce(const Step& step, const ChipRun& run) {
  const std::int64_t lanes = run.chip.vector_lanes;
  return is_word_float(step.result.type) ? reduce_as<float>(step, lanes) : reduce_as<std::int32_t>(step, lanes);
}

template <>
Tensor eval_reduce_window(const Step& step, const DoubleArithmetic&) {
  return step.result.type == DType::kF64 ? reduce_window_as<double>(step) : reduce_window_as<std::int64_t>(step);
}

template <>
Tensor eval_reduce_window(const Step& step, const ChipRun&) {
  return is_word_float(step.result.type) ? reduce_window_as<float>(step) : reduce_window_as<std::int32_t>(step);
}

}  // namespace systole::graph
