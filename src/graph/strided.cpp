#include "graph/strided.h"

#include <tbb/parallel_for.h>

#include <cstring>

namespace systole::graph {
namespace {

constexpr std::int64_t kParallelElements = 1 << 16;

struct Box {
  Shape shape, to, from;  // dimensions of size 1 dropped, mergeable neighbours merged; at least one dimension
};

Box simplified(const Shape& to_stride, const Shape& from_stride, const Shape& shape) {
  Box box;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;
    const bool merge =
        !box.shape.empty() && box.to.back() == to_stride[d] * shape[d] && box.from.back() == from_stride[d] * shape[d];
    if (merge) {
      box.shape.back() *= shape[d];
      box.to.back() = to_stride[d];
      box.from.back() = from_stride[d];
    } else {
      box.shape.push_back(shape[d]);
      box.to.push_back(to_stride[d]);
      box.from.push_back(from_stride[d]);
    }
  }
  if (box.shape.empty()) box = {{1}, {1}, {1}};
  return box;
}

template <typename Word>
void copy_row(std::uint8_t* to, std::int64_t to_stride, const std::uint8_t* from, std::int64_t from_stride,
              std::int64_t n) {
  auto* out = reinterpret_cast<Word*>(to);
  const auto* in = reinterpret_cast<const Word*>(from);
  if (to_stride == 1 && from_stride == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(Word));
  } else if (to_stride == 1) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = in[i * from_stride];
  } else {
    for (std::int64_t i = 0; i < n; ++i) out[i * to_stride] = in[i * from_stride];
  }
}

template <typename Word>
void copy_box(const Box& box, std::size_t d, std::uint8_t* to, const std::uint8_t* from) {
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(Word));
  if (d + 1 == box.shape.size()) {
    copy_row<Word>(to, box.to[d], from, box.from[d], box.shape[d]);
    return;
  }
  for (std::int64_t i = 0; i < box.shape[d]; ++i) {
    copy_box<Word>(box, d + 1, to + i * box.to[d] * kSize, from + i * box.from[d] * kSize);
  }
}

template <typename Word>
void copy_all(const Box& box, std::uint8_t* to, const std::uint8_t* from) {
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(Word));
  if (box.shape.size() < 2 || element_count(box.shape) < kParallelElements) {
    copy_box<Word>(box, 0, to, from);
    return;
  }
  tbb::parallel_for(std::int64_t{0}, box.shape[0], [&](std::int64_t i) {
    copy_box<Word>(box, 1, to + i * box.to[0] * kSize, from + i * box.from[0] * kSize);
  });
}

}  // namespace

void strided_copy(std::uint8_t* to, const Shape& to_stride, const std::uint8_t* from, const Shape& from_stride,
                  const Shape& shape, std::int64_t element_bytes) {
  if (element_count(shape) == 0) return;
  const Box box = simplified(to_stride, from_stride, shape);
  switch (element_bytes) {
    case 1:
      copy_all<std::uint8_t>(box, to, from);
      break;
    case 2:
      copy_all<std::uint16_t>(box, to, from);
      break;
    case 4:
      copy_all<std::uint32_t>(box, to, from);
      break;
    default:
      copy_all<std::uint64_t>(box, to, from);
      break;
  }
}

Tensor transposed(const Tensor& x, const std::vector<std::int64_t>& permutation) {
  const Shape strides = row_major_strides(x.shape());
  Shape shape, from;
  bool identity = true;
  for (std::size_t i = 0; i < permutation.size(); ++i) {
    const auto d = static_cast<std::size_t>(permutation[i]);
    shape.push_back(x.shape()[d]);
    from.push_back(strides[d]);
    identity = identity && d == i;
  }
  if (identity) return x;
  Tensor result(x.type(), shape);
  strided_copy(result.mutable_raw(), row_major_strides(shape), x.raw(), from, shape, dtype_bytes(x.type()));
  return result;
}

void fill(std::uint8_t* to, std::int64_t count, const std::uint8_t* element, std::int64_t element_bytes) {
  strided_copy(to, {1}, element, {0}, {count}, element_bytes);
}

}  // namespace systole::graph
