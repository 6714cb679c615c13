#include "numeric/mac.h"

#include <cmath>

#include "numeric/formats.h"

namespace systole {

float mac_f32(float a, float w, float sum) {
  constexpr float kSmallestNormal = 0x1p-126f;
  constexpr float kScale = 0x1p32f;
  a = flush_subnormal(a);
  w = flush_subnormal(w);
  sum = flush_subnormal(sum);
  const float result = std::fma(a, w, sum);
  if (std::fabs(result) == kSmallestNormal) {
    // Was it rounded up on the subnormal grid? Scaled up, where the grid is that of 24 bits, one sees. The smaller factor
    // is far below 2^95 here, and so is the sum, so scaling is exact.
    const float scaled = std::fabs(a) < std::fabs(w) ? std::fma(a * kScale, w, sum * kScale)
                                                     : std::fma(a, w * kScale, sum * kScale);
    if (std::fabs(scaled) < kSmallestNormal * kScale) return std::copysign(0.0f, result);
  }
  return canonical(flush_subnormal(result));
}

float add_f32_flushed(float a, float b) {
  // A sum of two fp32 numbers that is subnormal is exact, so the order of rounding and flushing does not matter.
  return canonical(flush_subnormal(flush_subnormal(a) + flush_subnormal(b)));
}

}  // namespace systole
