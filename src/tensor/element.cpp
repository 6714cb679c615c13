#include "tensor/element.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "numeric/formats.h"

namespace systole {
namespace {

template <typename T>
T load(const void* p) {
  T x;
  std::memcpy(&x, p, sizeof x);
  return x;
}

template <typename T>
void store(void* p, T x) {
  std::memcpy(p, &x, sizeof x);
}

template <typename T>
void store_saturated(void* p, std::int64_t x) {
  if constexpr (sizeof(T) < 8) {
    x = std::clamp(x, static_cast<std::int64_t>(std::numeric_limits<T>::min()),
                   static_cast<std::int64_t>(std::numeric_limits<T>::max()));
  }
  store<T>(p, static_cast<T>(x));
}

// Nearest even, saturating, NaN -> 0. 2^63 is a double; the largest int64 is not.
std::int64_t round_to_i64(double x) {
  if (std::isnan(x)) return 0;
  const double r = std::nearbyint(x);
  if (r >= 0x1p63) return std::numeric_limits<std::int64_t>::max();
  if (r < -0x1p63) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(r);
}

}  // namespace

std::int64_t load_as_i64(DType type, const void* p) {
  switch (type) {
    case DType::kPred:
      return load<std::uint8_t>(p) != 0;
    case DType::kI4:
    case DType::kI8:
      return load<std::int8_t>(p);
    case DType::kI16:
      return load<std::int16_t>(p);
    case DType::kI32:
      return load<std::int32_t>(p);
    case DType::kI64:
      return load<std::int64_t>(p);
    case DType::kU8:
      return load<std::uint8_t>(p);
    case DType::kU16:
      return load<std::uint16_t>(p);
    case DType::kU32:
      return load<std::uint32_t>(p);
    case DType::kU64:
      return static_cast<std::int64_t>(std::min<std::uint64_t>(load<std::uint64_t>(p), INT64_MAX));
    default:
      return round_to_i64(load_as_double(type, p));
  }
}

void store_from_i64(DType type, void* p, std::int64_t x) {
  switch (type) {
    case DType::kPred:
      store<std::uint8_t>(p, x != 0);
      break;
    case DType::kI4:
      store<std::int8_t>(p, static_cast<std::int8_t>(std::clamp<std::int64_t>(x, -8, 7)));
      break;
    case DType::kI8:
      store_saturated<std::int8_t>(p, x);
      break;
    case DType::kI16:
      store_saturated<std::int16_t>(p, x);
      break;
    case DType::kI32:
      store_saturated<std::int32_t>(p, x);
      break;
    case DType::kI64:
      store<std::int64_t>(p, x);
      break;
    case DType::kU8:
      store_saturated<std::uint8_t>(p, x);
      break;
    case DType::kU16:
      store_saturated<std::uint16_t>(p, x);
      break;
    case DType::kU32:
      store_saturated<std::uint32_t>(p, x);
      break;
    case DType::kU64:
      store<std::uint64_t>(p, static_cast<std::uint64_t>(std::max<std::int64_t>(x, 0)));
      break;
    default:
      store_from_double(type, p, static_cast<double>(x));
      break;
  }
}

double load_as_double(DType type, const void* p) {
  if (type == DType::kF64) return load<double>(p);
  if (type == DType::kU64) return static_cast<double>(load<std::uint64_t>(p));
  if (holds_integer(type)) return static_cast<double>(load_as_i64(type, p));
  return static_cast<double>(load_as_f32(type, p));
}

void store_from_double(DType type, void* p, double x) {
  if (type == DType::kF64) {
    store<double>(p, x);
  } else if (type == DType::kPred) {
    store<std::uint8_t>(p, x != 0.0);
  } else if (type == DType::kU64 && x >= 0x1p63) {
    store<std::uint64_t>(p, x >= 0x1p64 ? std::numeric_limits<std::uint64_t>::max() : static_cast<std::uint64_t>(x));
  } else if (holds_integer(type)) {
    store_from_i64(type, p, round_to_i64(x));
  } else {
    store_from_f32(type, p, static_cast<float>(x));
  }
}

}  // namespace systole
