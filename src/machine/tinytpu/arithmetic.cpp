#include "machine/tinytpu/arithmetic.h"

#include <algorithm>

#include "numeric/formats.h"

namespace systole::tinytpu {
namespace {

std::int16_t saturate(std::int32_t x) { return static_cast<std::int16_t>(std::clamp(x, -32768, 32767)); }

}  // namespace

Lfsrs first_lfsrs(std::uint16_t seed) {
  Lfsrs states{};
  for (int m = 0; m < kMultipliers; ++m) {
    const auto state = static_cast<std::uint16_t>(seed ^ (0x1111 * m));
    states[m] = state == 0 ? 0xFFFF : state;
  }
  return states;
}

std::uint16_t next_lfsr(std::uint16_t state) {
  for (int step = 0; step < 8; ++step) {
    const bool out = state & 1;
    state = static_cast<std::uint16_t>((state >> 1) ^ (out ? kLfsrTaps : 0));
  }
  return state;
}

std::int16_t multiply(std::int16_t a, std::int16_t b, Options::Rounding rounding, std::uint16_t random) {
  const std::int32_t product = std::int32_t{a} * std::int32_t{b};
  switch (rounding) {
    case Options::Rounding::kHalfUp: return fixed_mul(a, b, kFraction);
    case Options::Rounding::kTruncate: return saturate(product >> 8);
    case Options::Rounding::kWrap: return static_cast<std::int16_t>(product >> 8);
    case Options::Rounding::kStochastic: return saturate((product + (random & 0xFF)) >> 8);
  }
  return 0;
}

std::int16_t subtract(std::int16_t a, std::int16_t b) { return saturate(std::int32_t{a} - std::int32_t{b}); }

}  // namespace systole::tinytpu
