// Shapes and dense, row-major, typed storage.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/expected.h"
#include "numeric/dtype.h"

namespace systole {

using Shape = std::vector<std::int64_t>;

// Number of elements (1 for a scalar). Sizes must be >= 0 and the product must fit; check user input with check_shape.
std::int64_t element_count(const Shape& shape);
Status check_shape(const Shape& shape, const std::string& place);   // sizes >= 0, product * 8 < 2^62
Shape row_major_strides(const Shape& shape);                        // in elements
std::string shape_text(const Shape& shape);                         // "1x3x48x192", scalar: "scalar"

// Storage may be shared: copying a Tensor copies the handle. Writing needs a unique owner: mutable_bytes() copies first
// if the storage is shared. kI4 and kPred take one byte an element.
class Tensor {
 public:
  Tensor() = default;
  Tensor(DType type, Shape shape);                                  // zeros
  Tensor(DType type, Shape shape, std::shared_ptr<const std::uint8_t[]> storage);  // aliases `storage`

  template <typename T>
  static Tensor of(DType type, Shape shape, const std::vector<T>& values) {
    Tensor t(type, std::move(shape));
    assert(static_cast<std::int64_t>(values.size()) == t.count() && sizeof(T) == static_cast<std::size_t>(dtype_bytes(type)));
    std::copy(values.begin(), values.end(), t.mutable_data<T>());
    return t;
  }
  // What make() gives, of this type and shape: at once if small, otherwise when its bytes are first read (by any copy of the
  // tensor, in any thread). For constants, whose bytes a run for cycles only never reads.
  static Tensor computed(DType type, Shape shape, std::function<Tensor()> make);
  static Tensor scalar_f32(float x) { return of<float>(DType::kF32, {}, {x}); }
  static Tensor scalar_i32(std::int32_t x) { return of<std::int32_t>(DType::kI32, {}, {x}); }

  DType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  std::int64_t rank() const { return static_cast<std::int64_t>(shape_.size()); }
  std::int64_t count() const { return count_; }
  std::int64_t bytes() const { return count_ * dtype_bytes(type_); }

  const std::uint8_t* raw() const { return later_ ? computed_bytes() : storage_.get(); }
  std::uint8_t* mutable_raw();
  template <typename T> const T* data() const { return reinterpret_cast<const T*>(raw()); }
  template <typename T> T* mutable_data() { return reinterpret_cast<T*>(mutable_raw()); }

  Tensor reshaped(Shape shape) const;     // shares storage; same count
  Tensor as_bytes() const;                // kU8 of one dimension, shares storage
  const void* identity() const { return later_ ? static_cast<const void*>(later_.get()) : storage_.get(); }   // same: shares storage
  Tensor converted(DType to) const;       // element by element, docs/numerics.md (float -> int: nearest even, saturating)
  bool same_bits(const Tensor& other) const;

 private:
  struct Later;
  const std::uint8_t* computed_bytes() const;

  DType type_ = DType::kF32;
  Shape shape_;
  std::int64_t count_ = 1;
  std::shared_ptr<const std::uint8_t[]> storage_;
  std::shared_ptr<Later> later_;           // instead of storage_: bytes still to be computed, or computed since
  bool owned_ = false;     // storage_ was allocated here, so a unique owner may write to it; an alias is copied first
};

// max|a - b| and max|b| in double, for --check. Shapes must agree. NaN or infinity in one and not the other: infinite error.
struct Difference {
  double max_abs_error = 0;
  double max_abs_reference = 0;
  double relative() const;   // max_abs_error / max_abs_reference; 0 if both are 0
};
Difference compare(const Tensor& value, const Tensor& reference);

}  // namespace systole
