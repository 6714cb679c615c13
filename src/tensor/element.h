// One element of any format as double or int64: every format but 64-bit integers fits a double exactly.
#pragma once

#include <cstdint>

#include "numeric/dtype.h"

namespace systole {

// Integers and pred are exact up to 2^53; fixed point is its value.
double load_as_double(DType type, const void* p);
// Rounds to a narrower float by way of fp32; to an integer: nearest even, saturating, NaN -> 0; to pred: x != 0.
void store_from_double(DType type, void* p, double x);
// Other formats than integers and pred round as above; a uint64 beyond int64 saturates.
std::int64_t load_as_i64(DType type, const void* p);
// Saturates to the format's range; pred: x != 0.
void store_from_i64(DType type, void* p, std::int64_t x);

constexpr bool holds_integer(DType type) { return is_integer(type) || type == DType::kPred; }

}  // namespace systole
