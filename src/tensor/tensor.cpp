#include "tensor/tensor.h"

#include <fmt/core.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include <new>

#include "numeric/formats.h"
#include "tensor/element.h"

namespace systole {
namespace {

constexpr std::align_val_t kAlignment{64};

std::shared_ptr<std::uint8_t[]> allocate(std::int64_t bytes) {
  auto* p = static_cast<std::uint8_t*>(
      ::operator new(static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1)), kAlignment));
  return {p, [](std::uint8_t* q) { ::operator delete(q, kAlignment); }};
}

}  // namespace

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

Status check_shape(const Shape& shape, const std::string& place) {
  // A zero size makes the product zero, but the sizes beside it still have to be sane: they bound strides and loops.
  constexpr std::int64_t kLimit = (std::int64_t{1} << 59) - 1;
  std::int64_t product = 1;
  for (const std::int64_t size : shape) {
    if (size < 0) return invalid_input(place, fmt::format("size {} of a dimension is negative", size));
    if (size > 0 && product > kLimit / size) {
      return invalid_input(place, fmt::format("shape {} has too many elements", shape_text(shape)));
    }
    product *= std::max<std::int64_t>(size, 1);
  }
  return ok_status();
}

Shape row_major_strides(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

std::string shape_text(const Shape& shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (const std::int64_t size : shape) text += fmt::format("{}{}", text.empty() ? "" : "x", size);
  return text;
}

Tensor::Tensor(DType type, Shape shape)
    : type_(type), shape_(std::move(shape)), count_(element_count(shape_)), owned_(true) {
  auto storage = allocate(bytes());
  std::memset(storage.get(), 0, static_cast<std::size_t>(bytes()));
  storage_ = std::move(storage);
}

Tensor::Tensor(DType type, Shape shape, std::shared_ptr<const std::uint8_t[]> storage)
    : type_(type), shape_(std::move(shape)), count_(element_count(shape_)), storage_(std::move(storage)) {}

struct Tensor::Later {
  std::function<Tensor()> make;
  std::once_flag once;
  Tensor value;
};

Tensor Tensor::computed(DType type, Shape shape, std::function<Tensor()> make) {
  constexpr std::int64_t kSmallBytes = 64 << 10;
  Tensor result;
  result.type_ = type;
  result.shape_ = std::move(shape);
  result.count_ = element_count(result.shape_);
  if (result.bytes() <= kSmallBytes) return make();
  result.later_ = std::make_shared<Later>();
  result.later_->make = std::move(make);
  return result;
}

const std::uint8_t* Tensor::computed_bytes() const {
  std::call_once(later_->once, [&] {
    later_->value = later_->make();
    assert(later_->value.bytes() == bytes());
    later_->make = nullptr;                // and what it holds
  });
  return later_->value.raw();
}

std::uint8_t* Tensor::mutable_raw() {
  if (!owned_ || storage_.use_count() != 1) {
    auto copy = allocate(bytes());
    const auto size = static_cast<std::size_t>(bytes());
    if (const std::uint8_t* old = raw()) {
      std::memcpy(copy.get(), old, size);
    } else {
      std::memset(copy.get(), 0, size);
    }
    storage_ = std::move(copy);
    later_ = nullptr;
    owned_ = true;
  }
  return const_cast<std::uint8_t*>(storage_.get());  // allocated writable above, and nobody else sees it
}

Tensor Tensor::reshaped(Shape shape) const {
  Tensor result = *this;
  result.shape_ = std::move(shape);
  assert(element_count(result.shape_) == count_);
  return result;
}

Tensor Tensor::as_bytes() const {
  Tensor result = *this;
  result.type_ = DType::kU8;
  result.shape_ = {bytes()};
  result.count_ = bytes();
  return result;
}

Tensor Tensor::converted(DType to) const {
  if (to == type_) return *this;
  if (raw() == nullptr) return Tensor(to, shape_);
  Tensor result(to, shape_);
  std::uint8_t* out = result.mutable_raw();
  const std::uint8_t* in = raw();
  const std::int64_t in_size = dtype_bytes(type_), out_size = dtype_bytes(to);
  const bool from_integer = holds_integer(type_), to_integer = holds_integer(to);
  for (std::int64_t i = 0; i < count_; ++i, in += in_size, out += out_size) {
    if (from_integer && to_integer) {
      store_from_i64(to, out, load_as_i64(type_, in));
    } else if (type_ == DType::kF32 && !to_integer) {
      store_from_f32(to, out, load_as_f32(type_, in));
    } else {
      store_from_double(to, out, load_as_double(type_, in));
    }
  }
  return result;
}

bool Tensor::same_bits(const Tensor& other) const {
  if (type_ != other.type_ || shape_ != other.shape_) return false;
  if (bytes() == 0 || raw() == other.raw()) return true;
  return raw() != nullptr && other.raw() != nullptr &&
         std::memcmp(raw(), other.raw(), static_cast<std::size_t>(bytes())) == 0;
}

double Difference::relative() const {
  if (max_abs_error == 0) return 0;
  return max_abs_error / max_abs_reference;
}

Difference compare(const Tensor& value, const Tensor& reference) {
  assert(value.shape() == reference.shape());
  Difference result;
  const std::int64_t a_size = dtype_bytes(value.type()), b_size = dtype_bytes(reference.type());
  for (std::int64_t i = 0; i < value.count(); ++i) {
    const double a = load_as_double(value.type(), value.raw() + i * a_size);
    const double b = load_as_double(reference.type(), reference.raw() + i * b_size);
    if (std::isfinite(b)) result.max_abs_reference = std::max(result.max_abs_reference, std::fabs(b));
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const bool finite = std::isfinite(a) && std::isfinite(b);
    result.max_abs_error =
        std::max(result.max_abs_error, finite ? std::fabs(a - b) : std::numeric_limits<double>::infinity());
  }
  return result;
}

}  // namespace systole
