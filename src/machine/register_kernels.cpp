#include "machine/register_kernels.h"

#include <algorithm>
#include <bit>

#include "numeric/formats.h"
#include "numeric/mac.h"
#include "numeric/tile_kernels.h"

#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "machine/register_kernels.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#ifndef SYSTOLE_REGISTER_KERNELS_ONCE
#define SYSTOLE_REGISTER_KERNELS_ONCE
namespace systole::machine {

std::uint32_t multiply_add(Arithmetic arithmetic, std::uint32_t value, std::uint32_t weight, std::uint32_t sum) {
  if (arithmetic == Arithmetic::kInteger) return value * weight + sum;
  if (arithmetic == Arithmetic::kFixed) {
    const std::int16_t product = q88_mul(static_cast<std::int16_t>(value), static_cast<std::int16_t>(weight));
    return static_cast<std::uint32_t>(q88_add(product, static_cast<std::int16_t>(sum)));
  }
  return std::bit_cast<std::uint32_t>(mac_f32(std::bit_cast<float>(value), std::bit_cast<float>(weight), std::bit_cast<float>(sum)));
}

std::uint32_t add_to_accumulator(Arithmetic arithmetic, std::uint32_t before, std::uint32_t sum) {
  if (arithmetic == Arithmetic::kInteger) return before + sum;
  if (arithmetic == Arithmetic::kFixed) {
    return static_cast<std::uint32_t>(q88_add(static_cast<std::int16_t>(before), static_cast<std::int16_t>(sum)));
  }
  return std::bit_cast<std::uint32_t>(add_f32_flushed(std::bit_cast<float>(before), std::bit_cast<float>(sum)));
}

}  // namespace systole::machine
#endif

HWY_BEFORE_NAMESPACE();
namespace systole::machine {
namespace HWY_NAMESPACE {

// Is the host's fused multiply-add under flush-to-zero the definition? On x86 it tests for a subnormal after rounding, as
// numeric/mac.h does.
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || !defined(__x86_64__)
#define SYSTOLE_PLAIN_LOOPS 1
#else
#define SYSTOLE_PLAIN_LOOPS 0
#endif

#if SYSTOLE_PLAIN_LOOPS

template <class Function>
void EachBit(const std::uint64_t* mask, std::int64_t words, Function function) {
  for (std::int64_t w = 0; w < words; ++w) {
    for (std::uint64_t left = mask[w]; left != 0; left &= left - 1) function(w * 64 + std::countr_zero(left));
  }
}

void ClockSums(const ArrayPlanes& p) {
  for (std::int64_t r = p.rows - 1; r >= 0; --r) {
    const std::uint32_t* above = r == 0 ? p.zeros : p.sum + (r - 1) * p.pitch;
    for (int k = 0; k < kArithmetics; ++k) {
      if (p.valid[k] == nullptr) continue;
      EachBit(p.valid[k] + r * p.mask_words, p.mask_words, [&](std::int64_t c) {
        p.sum[r * p.pitch + c] = multiply_add(static_cast<Arithmetic>(k), p.value[r * p.value_pitch + c], p.active[r * p.pitch + c], above[c]);
      });
    }
  }
}

void ClockShadow(const ArrayPlanes& p) {
  for (std::int64_t r = p.rows - 1; r >= 1; --r) {
    EachBit(p.take + r * p.mask_words, p.mask_words, [&](std::int64_t c) { p.shadow[r * p.pitch + c] = p.shadow[(r - 1) * p.pitch + c]; });
  }
}

#else

namespace hn = hwy::HWY_NAMESPACE;
using Du = hn::ScalableTag<std::uint32_t>;
using Di = hn::RebindToSigned<Du>;
using Df = hn::RebindToFloat<Du>;
using U = hn::Vec<Du>;
constexpr Du du;
constexpr Di di;
constexpr Df df;

struct Integer {
  HWY_INLINE U operator()(U value, U weight, U sum) const { return hn::Add(hn::Mul(value, weight), sum); }
};
struct Float {
  HWY_INLINE U operator()(U value, U weight, U sum) const {
    const auto result = hn::MulAdd(hn::BitCast(df, value), hn::BitCast(df, weight), hn::BitCast(df, sum));
    return hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(result)), hn::Set(du, kCanonicalNan), hn::BitCast(du, result));
  }
};
struct Fixed {
  HWY_INLINE U operator()(U value, U weight, U sum) const {
    const auto low = hn::Set(di, -32768), high = hn::Set(di, 32767);
    const auto clamp = [&](auto x) HWY_ATTR { return hn::Min(hn::Max(x, low), high); };
    const auto product = hn::Mul(hn::BitCast(di, value), hn::BitCast(di, weight));
    const auto rounded = clamp(hn::ShiftRight<8>(hn::Add(product, hn::Set(di, 128))));
    return hn::BitCast(du, clamp(hn::Add(rounded, hn::BitCast(di, sum))));
  }
};
struct Above {   // a weight moving down
  HWY_INLINE U operator()(U, U, U above) const { return above; }
};

// to[c] = function(value[c], weight[c], above[c]) where the mask says so.
template <class Function>
HWY_INLINE void Row(const std::uint64_t* mask, std::int64_t columns, const std::uint32_t* value, const std::uint32_t* weight,
                    const std::uint32_t* above, std::uint32_t* to, Function function) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(du));
  const std::uint64_t full = (std::uint64_t{1} << lanes) - 1;
  for (std::int64_t c = 0; c < columns; c += lanes) {
    const std::uint64_t bits = (mask[c / 64] >> (c % 64)) & full;
    if (bits == 0) continue;
    const U result = function(hn::LoadU(du, value + c), hn::Load(du, weight + c), hn::Load(du, above + c));
    if (bits == full) {
      hn::Store(result, du, to + c);
      continue;
    }
    const auto chosen = hn::LoadMaskBits(du, reinterpret_cast<const std::uint8_t*>(&bits));
    hn::Store(hn::IfThenElse(chosen, result, hn::Load(du, to + c)), du, to + c);
  }
}

void ClockSums(const ArrayPlanes& p) {
  const auto each = [&](Arithmetic arithmetic, std::int64_t r, auto function) HWY_ATTR {
    const std::uint64_t* mask = p.valid[static_cast<int>(arithmetic)];
    if (mask == nullptr) return;
    Row(mask + r * p.mask_words, p.columns, p.value + r * p.value_pitch, p.active + r * p.pitch, r == 0 ? p.zeros : p.sum + (r - 1) * p.pitch,
        p.sum + r * p.pitch, function);
  };
  const FlushScope flush;
  for (std::int64_t r = p.rows - 1; r >= 0; --r) {
    each(Arithmetic::kInteger, r, Integer());
    each(Arithmetic::kFloat, r, Float());
    each(Arithmetic::kFixed, r, Fixed());
  }
}

void ClockShadow(const ArrayPlanes& p) {
  for (std::int64_t r = p.rows - 1; r >= 1; --r) {
    const std::uint32_t* above = p.shadow + (r - 1) * p.pitch;
    Row(p.take + r * p.mask_words, p.columns, above, above, above, p.shadow + r * p.pitch, Above());
  }
}

#endif

#undef SYSTOLE_PLAIN_LOOPS

}  // namespace HWY_NAMESPACE
}  // namespace systole::machine
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace systole::machine {

HWY_EXPORT(ClockSums);
HWY_EXPORT(ClockShadow);

void clock_sums(const ArrayPlanes& planes) { HWY_DYNAMIC_DISPATCH(ClockSums)(planes); }
void clock_shadow(const ArrayPlanes& planes) { HWY_DYNAMIC_DISPATCH(ClockShadow)(planes); }

}  // namespace systole::machine
#endif
