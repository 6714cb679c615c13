#include "transform/movement.h"

#include <cstring>

namespace systole::transform {
namespace {

// A box of elements on both sides; strides in elements.
struct Box {
  Shape shape;
  Dims from, to;
};

// Drops dimensions of size 1 and merges neighbours that are contiguous on both sides.
Box collapsed(const Box& box) {
  Box out;
  for (std::size_t i = 0; i < box.shape.size(); ++i) {
    const std::int64_t n = box.shape[i];
    if (n == 1) continue;
    if (!out.shape.empty() && out.from.back() == box.from[i] * n && out.to.back() == box.to[i] * n) {
      out.shape.back() *= n;
      out.from.back() = box.from[i];
      out.to.back() = box.to[i];
    } else {
      out.shape.push_back(n);
      out.from.push_back(box.from[i]);
      out.to.push_back(box.to[i]);
    }
  }
  return out;
}

// The last two dimensions where the last is not contiguous at the source: a strip of 16 at a time, so that the source's
// cache lines stay until they are used up.
template <typename T>
void copy_strips(const Box& box, std::size_t d, const T* from, T* to) {
  constexpr std::int64_t kStrip = 16;
  const std::int64_t n = box.shape[d + 1], f = box.from[d + 1], t = box.to[d + 1];
  for (std::int64_t first = 0; first < n; first += kStrip) {
    const std::int64_t last = std::min(first + kStrip, n);
    for (std::int64_t i = 0; i < box.shape[d]; ++i) {
      for (std::int64_t j = first; j < last; ++j) to[i * box.to[d] + j * t] = from[i * box.from[d] + j * f];
    }
  }
}

template <typename T>
void copy_dim(const Box& box, std::size_t d, const T* from, T* to) {
  if (d == box.shape.size()) {
    *to = *from;
    return;
  }
  const std::int64_t n = box.shape[d], f = box.from[d], t = box.to[d];
  if (d + 2 == box.shape.size() && box.from[d + 1] != 1) {
    copy_strips(box, d, from, to);
  } else if (d + 1 < box.shape.size()) {
    for (std::int64_t i = 0; i < n; ++i) copy_dim(box, d + 1, from + i * f, to + i * t);
  } else if (f == 1 && t == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
  } else {
    for (std::int64_t i = 0; i < n; ++i) to[i * t] = from[i * f];
  }
}

void copy_box(std::int64_t element_bytes, const Box& box, const std::uint8_t* from, std::uint8_t* to) {
  if (element_count(box.shape) == 0) return;
  const Box c = collapsed(box);
  switch (element_bytes) {
    case 1:
      return copy_dim(c, 0, from, to);
    case 2:
      return copy_dim(c, 0, reinterpret_cast<const std::uint16_t*>(from), reinterpret_cast<std::uint16_t*>(to));
    case 4:
      return copy_dim(c, 0, reinterpret_cast<const std::uint32_t*>(from), reinterpret_cast<std::uint32_t*>(to));
    default:
      return copy_dim(c, 0, reinterpret_cast<const std::uint64_t*>(from), reinterpret_cast<std::uint64_t*>(to));
  }
}

// A new tensor whose element at an index is x's at offset + sum of index x stride.
Tensor gathered(const Tensor& x, const Shape& shape, const Dims& strides, std::int64_t offset) {
  return Tensor::computed(x.type(), shape, [=] {
    Tensor result(x.type(), shape);
    const std::int64_t size = dtype_bytes(x.type());
    copy_box(size, {shape, strides, row_major_strides(shape)}, x.raw() + offset * size, result.mutable_raw());
    return result;
  });
}

}  // namespace

Tensor permuted(const Tensor& x, const Dims& permutation) {
  const Shape strides = row_major_strides(x.shape());
  Shape shape;
  Dims from;
  for (const std::int64_t p : permutation) {
    shape.push_back(x.shape()[static_cast<std::size_t>(p)]);
    from.push_back(strides[static_cast<std::size_t>(p)]);
  }
  return gathered(x, shape, from, 0);
}

Tensor sliced(const Tensor& x, const Dims& start, const Dims& limit, const Dims& stride) {
  Dims strides = row_major_strides(x.shape());
  Shape shape;
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < strides.size(); ++i) {
    offset += start[i] * strides[i];
    strides[i] *= stride[i];
    shape.push_back((limit[i] - start[i] + stride[i] - 1) / stride[i]);
  }
  return gathered(x, shape, strides, offset);
}

Tensor reversed(const Tensor& x, const Dims& dimensions) {
  Dims strides = row_major_strides(x.shape());
  std::int64_t offset = 0;
  for (const std::int64_t d : dimensions) {
    const auto i = static_cast<std::size_t>(d);
    offset += (x.shape()[i] - 1) * strides[i];
    strides[i] = -strides[i];
  }
  return gathered(x, x.shape(), strides, offset);
}

Tensor broadcasted(const Tensor& x, const Dims& dimensions, const Shape& shape) {
  const Dims strides = row_major_strides(x.shape());
  Dims from(shape.size(), 0);
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    if (x.shape()[i] != 1) from[static_cast<std::size_t>(dimensions[i])] = strides[i];
  }
  return gathered(x, shape, from, 0);
}

Tensor concatenated(const std::vector<Tensor>& parts, std::int64_t dimension) {
  const auto d = static_cast<std::size_t>(dimension);
  Shape shape = parts.front().shape();
  shape[d] = 0;
  for (const Tensor& part : parts) shape[d] += part.shape()[d];
  return Tensor::computed(parts.front().type(), shape, [=] {
    Tensor result(parts.front().type(), shape);
    const Dims to = row_major_strides(shape);
    const std::int64_t size = dtype_bytes(result.type());
    std::int64_t at = 0;
    for (const Tensor& part : parts) {
      copy_box(size, {part.shape(), row_major_strides(part.shape()), to}, part.raw(),
               result.mutable_raw() + at * to[d] * size);
      at += part.shape()[d];
    }
    return result;
  });
}

Tensor padded(const Tensor& x, const Tensor& value, const Dims& low, const Dims& high, const Dims& interior) {
  Shape shape = x.shape();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    shape[i] += low[i] + high[i] + std::max<std::int64_t>(shape[i] - 1, 0) * interior[i];
  }
  return Tensor::computed(x.type(), shape, [=] {
    Tensor result = broadcasted(value.reshaped({}), {}, shape);
    Dims to = row_major_strides(shape);
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < to.size(); ++i) {
      offset += low[i] * to[i];
      to[i] *= interior[i] + 1;
    }
    const std::int64_t size = dtype_bytes(x.type());
    copy_box(size, {x.shape(), row_major_strides(x.shape()), to}, x.raw(), result.mutable_raw() + offset * size);
    return result;
  });
}

Tensor converted(const Tensor& x, DType to) {
  return Tensor::computed(to, x.shape(), [=] { return x.converted(to); });
}

}  // namespace systole::transform
