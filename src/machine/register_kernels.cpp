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

std::uint32_t multiply_add(Arithmetic arithmetic, int fraction, std::uint32_t value, std::uint32_t weight, std::uint32_t sum) {
  if (arithmetic == Arithmetic::kInteger) return value * weight + sum;
  if (arithmetic == Arithmetic::kFixed) {
    const std::int16_t product = fixed_mul(static_cast<std::int16_t>(value), static_cast<std::int16_t>(weight), fraction);
    return static_cast<std::uint32_t>(fixed_add(product, static_cast<std::int16_t>(sum)));
  }
  return std::bit_cast<std::uint32_t>(mac_f32(std::bit_cast<float>(value), std::bit_cast<float>(weight), std::bit_cast<float>(sum)));
}

std::uint32_t add_floats(std::uint32_t before, std::uint32_t sum) {
  return std::bit_cast<std::uint32_t>(add_f32_flushed(std::bit_cast<float>(before), std::bit_cast<float>(sum)));
}

}  // namespace systole::machine
#endif

HWY_BEFORE_NAMESPACE();
namespace systole::machine {
namespace HWY_NAMESPACE {

// Bits of row r for columns 64 w .. 64 w + 63.
HWY_INLINE std::uint64_t RowBits(const BitLine& line, std::int64_t r, std::int64_t w) {
  const std::int64_t at = line.first + r + 64 * w;
  const std::uint64_t low = line.words[at / 64], high = line.words[at / 64 + 1];
  return at % 64 == 0 ? low : (low >> (at % 64)) | (high << (64 - at % 64));
}
HWY_INLINE std::uint64_t LowBits(std::int64_t count) { return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1; }

// Is the host's fused multiply-add under flush-to-zero the definition? On x86 it tests for a subnormal after rounding, as
// numeric/mac.h does.
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || !defined(__x86_64__)
#define SYSTOLE_PLAIN_LOOPS 1
#else
#define SYSTOLE_PLAIN_LOOPS 0
#endif

#if SYSTOLE_PLAIN_LOOPS

template <class Function>
void EachBit(std::uint64_t bits, std::int64_t w, std::int64_t columns, Function function) {
  for (bits &= LowBits(columns - 64 * w); bits != 0; bits &= bits - 1) function(w * 64 + std::countr_zero(bits));
}

std::uint32_t Product(const ArrayPlanes& p, Arithmetic k, const std::uint8_t* value, std::int64_t r, std::int64_t c, std::uint32_t above) {
  return multiply_add(k, p.fraction, get_operand(p.operands, value, r * p.value_pitch + c), get_operand(p.operands, p.active, r * p.pitch + c), above);
}

void ClockSums(const ArrayPlanes& p) {
  for (std::int64_t r = p.rows - 1; r >= 0; --r) {
    const std::uint32_t* above = r == 0 ? p.zeros : p.sum + (r - 1) * p.pitch;
    for (int k = 0; k < kArithmetics; ++k) {
      if (p.valid[k].words == nullptr) continue;
      for (std::int64_t w = 0; 64 * w < p.columns; ++w) {
        EachBit(RowBits(p.valid[k], r, w), w, p.columns, [&](std::int64_t c) {
          const std::int64_t place = sum_place(p.operands, c);
          p.sum[r * p.pitch + place] = Product(p, static_cast<Arithmetic>(k), p.value, r, c, above[place]);
        });
      }
    }
  }
}

template <class Function>
void EachElement(const ArrayPlanes& p, Function function) {
  for (std::int64_t r = p.rows - 1; r >= 0; --r) {
    for (std::int64_t c = 0; c < p.columns; ++c) function(r, c, sum_place(p.operands, c));
  }
}

void ClockAllSums(const ArrayPlanes& p, Arithmetic k) {
  EachElement(p, [&](std::int64_t r, std::int64_t c, std::int64_t place) {
    p.sum[r * p.pitch + place] = Product(p, k, p.value, r, c, r == 0 ? 0 : p.sum[(r - 1) * p.pitch + place]);
  });
}

void ClockAllSumsTwice(const ArrayPlanes& p, Arithmetic k) {
  EachElement(p, [&](std::int64_t r, std::int64_t c, std::int64_t place) {
    const std::uint32_t above = r == 0 ? 0 : Product(p, k, p.earlier, r - 1, c, r == 1 ? 0 : p.sum[(r - 2) * p.pitch + place]);
    p.sum[r * p.pitch + place] = Product(p, k, p.value, r, c, above);
  });
}

void LastRowSums(const ArrayPlanes& p, Arithmetic k, std::uint32_t* sums) {
  const std::int64_t r = p.rows - 1;
  for (std::int64_t c = 0; c < p.columns; ++c) {
    const std::int64_t place = sum_place(p.operands, c);
    sums[place] = Product(p, k, p.value, r, c, r == 0 ? 0 : p.sum[(r - 1) * p.pitch + place]);
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

// An element's step; `fraction` is the array's, which only fixed point looks at.
struct Integer {
  static HWY_INLINE U Step(int /*fraction*/, U value, U weight, U sum) { return hn::Add(hn::Mul(value, weight), sum); }
};
struct Float {
  static HWY_INLINE U Step(int /*fraction*/, U value, U weight, U sum) {
    const auto result = hn::MulAdd(hn::BitCast(df, value), hn::BitCast(df, weight), hn::BitCast(df, sum));
    return hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(result)), hn::Set(du, kCanonicalNan), hn::BitCast(du, result));
  }
};
struct Fixed {
  static HWY_INLINE U Step(int fraction, U value, U weight, U sum) {
    const auto low = hn::Set(di, -32768), high = hn::Set(di, 32767);
    const auto clamp = [&](auto x) HWY_ATTR { return hn::Min(hn::Max(x, low), high); };
    const auto product = hn::Mul(hn::BitCast(di, value), hn::BitCast(di, weight));
    const auto rounded = clamp(hn::ShiftRightSame(hn::Add(product, hn::Set(di, 1 << (fraction - 1))), fraction));
    return hn::BitCast(du, clamp(hn::Add(rounded, hn::BitCast(di, sum))));
  }
};
// Operands of a vector of sums, in order.
struct Words {
  using T = std::uint32_t;
  static HWY_INLINE U Read(const T* p) { return hn::LoadU(du, p); }
};
struct Bf16 {
  using T = std::uint16_t;
  static HWY_INLINE U Read(const T* p) {
    const hn::Rebind<std::uint16_t, Du> narrow;
    return hn::ShiftLeft<16>(hn::PromoteTo(du, hn::LoadU(narrow, p)));
  }
};

HWY_INLINE U Choose(std::uint64_t bits, U yes, U no) {
  return hn::IfThenElse(hn::LoadMaskBits(du, reinterpret_cast<const std::uint8_t*>(&bits)), yes, no);
}

// sum[c] = function(value[c], weight[c], above[c]).
template <class Operand, class Function>
struct InOrder {
  using T = typename Operand::T;
  static HWY_INLINE U Result(int fraction, const T* value, const T* weight, const std::uint32_t* above) {
    return Function::Step(fraction, Operand::Read(value), Operand::Read(weight), hn::Load(du, above));
  }
  static HWY_INLINE void All(int fraction, const T* HWY_RESTRICT value, const T* HWY_RESTRICT weight, const std::uint32_t* HWY_RESTRICT above,
                             std::uint32_t* HWY_RESTRICT sum, std::size_t columns) {
    for (std::size_t c = 0; c < columns; c += hn::Lanes(du)) hn::Store(Result(fraction, value + c, weight + c, above + c), du, sum + c);
  }
  // sum[c] = function(value[c], weight[c], function(earlier[c], weight_above[c], above[c])).
  static HWY_INLINE void Twice(int fraction, const T* HWY_RESTRICT value, const T* HWY_RESTRICT weight, const T* HWY_RESTRICT earlier,
                               const T* HWY_RESTRICT weight_above, const std::uint32_t* HWY_RESTRICT above, std::uint32_t* HWY_RESTRICT sum,
                               std::size_t columns) {
    for (std::size_t c = 0; c < columns; c += hn::Lanes(du)) {
      const U first = Result(fraction, earlier + c, weight_above + c, above + c);
      hn::Store(Function::Step(fraction, Operand::Read(value + c), Operand::Read(weight + c), first), du, sum + c);
    }
  }
  // The columns whose bits are set, 64 at most.
  static HWY_INLINE void Some(int fraction, std::uint64_t bits, const T* value, const T* weight, const std::uint32_t* above, std::uint32_t* sum) {
    const std::size_t lanes = hn::Lanes(du);
    for (std::size_t c = 0; bits != 0; c += lanes, bits >>= lanes) {
      const std::uint64_t here = bits & LowBits(static_cast<std::int64_t>(lanes));
      if (here != 0) hn::Store(Choose(here, Result(fraction, value + c, weight + c, above + c), hn::Load(du, sum + c)), du, sum + c);
    }
  }
};

using Ds = hn::Repartition<std::int16_t, Di>;
using S = hn::Vec<Ds>;
constexpr Ds ds;

// The products of a vector of shorts: of its even and of its odd elements.
struct IntegerPairs {
  // A pair's sum of products, of which one is zero.
  static HWY_INLINE U Product(S value, S weight) {
    auto other = hn::Zero(di);
    const auto sum = hn::ReorderWidenMulAccumulate(di, value, weight, hn::Zero(di), other);
    return hn::BitCast(du, hn::RearrangeToOddPlusEven(sum, other));
  }
  static HWY_INLINE U Even(int /*fraction*/, S value, S weight, U above) {
    return hn::Add(above, Product(value, hn::BitCast(ds, hn::And(hn::BitCast(du, weight), hn::Set(du, 0xFFFFu)))));
  }
  static HWY_INLINE U Odd(int /*fraction*/, S value, S weight, U above) {
    return hn::Add(above, Product(value, hn::BitCast(ds, hn::And(hn::BitCast(du, weight), hn::Set(du, 0xFFFF0000u)))));
  }
};
struct FixedPairs {
  static HWY_INLINE U EvenOf(S x) { return hn::BitCast(du, hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(di, x)))); }
  static HWY_INLINE U OddOf(S x) { return hn::BitCast(du, hn::ShiftRight<16>(hn::BitCast(di, x))); }
  static HWY_INLINE U Even(int fraction, S value, S weight, U above) { return Fixed::Step(fraction, EvenOf(value), EvenOf(weight), above); }
  static HWY_INLINE U Odd(int fraction, S value, S weight, U above) { return Fixed::Step(fraction, OddOf(value), OddOf(weight), above); }
};

// Bits 0, 2, 4, .. of 32 as bits 0 .. 15.
HWY_INLINE std::uint64_t EvenBits(std::uint64_t x) {
  x &= 0x55555555u;
  x = (x | x >> 1) & 0x33333333u;
  x = (x | x >> 2) & 0x0F0F0F0Fu;
  x = (x | x >> 4) & 0x00FF00FFu;
  return (x | x >> 8) & 0xFFFFu;
}

// The same where the sums stand in the order of shorts.
template <class Pairs>
struct InPairs {
  using T = std::uint16_t;
  static constexpr std::size_t kHalf = kSumBlock / 2;
  static HWY_INLINE S Read(const T* p) { return hn::LoadU(ds, reinterpret_cast<const std::int16_t*>(p)); }
  static HWY_INLINE void All(int fraction, const T* HWY_RESTRICT value, const T* HWY_RESTRICT weight, const std::uint32_t* HWY_RESTRICT above,
                             std::uint32_t* HWY_RESTRICT sum, std::size_t columns) {
    const std::size_t lanes = hn::Lanes(du);
    for (std::size_t first = 0; first < columns; first += kSumBlock) {
      for (std::size_t i = 0; i < kHalf; i += lanes) {
        const S v = Read(value + first + 2 * i), w = Read(weight + first + 2 * i);
        const std::size_t at = first + i;
        hn::Store(Pairs::Even(fraction, v, w, hn::Load(du, above + at)), du, sum + at);
        hn::Store(Pairs::Odd(fraction, v, w, hn::Load(du, above + at + kHalf)), du, sum + at + kHalf);
      }
    }
  }
  static HWY_INLINE void Twice(int fraction, const T* HWY_RESTRICT value, const T* HWY_RESTRICT weight, const T* HWY_RESTRICT earlier,
                               const T* HWY_RESTRICT weight_above, const std::uint32_t* HWY_RESTRICT above, std::uint32_t* HWY_RESTRICT sum,
                               std::size_t columns) {
    const std::size_t lanes = hn::Lanes(du);
    for (std::size_t first = 0; first < columns; first += kSumBlock) {
      for (std::size_t i = 0; i < kHalf; i += lanes) {
        const S v = Read(value + first + 2 * i), w = Read(weight + first + 2 * i);
        const S e = Read(earlier + first + 2 * i), x = Read(weight_above + first + 2 * i);
        const std::size_t at = first + i;
        hn::Store(Pairs::Even(fraction, v, w, Pairs::Even(fraction, e, x, hn::Load(du, above + at))), du, sum + at);
        hn::Store(Pairs::Odd(fraction, v, w, Pairs::Odd(fraction, e, x, hn::Load(du, above + at + kHalf))), du, sum + at + kHalf);
      }
    }
  }
  static HWY_INLINE void Some(int fraction, std::uint64_t bits, const T* value, const T* weight, const std::uint32_t* above, std::uint32_t* sum) {
    const std::size_t lanes = hn::Lanes(du);
    const std::uint64_t full = LowBits(static_cast<std::int64_t>(lanes));
    for (std::size_t first = 0; bits != 0; first += kSumBlock, bits >>= kSumBlock) {
      const std::uint64_t even = EvenBits(bits), odd = EvenBits(bits >> 1);
      for (std::size_t i = 0; i < kHalf; i += lanes) {
        if ((((even | odd) >> i) & full) == 0) continue;
        const S v = Read(value + first + 2 * i), w = Read(weight + first + 2 * i);
        const std::size_t at = first + i, other = at + kHalf;
        hn::Store(Choose((even >> i) & full, Pairs::Even(fraction, v, w, hn::Load(du, above + at)), hn::Load(du, sum + at)), du, sum + at);
        hn::Store(Choose((odd >> i) & full, Pairs::Odd(fraction, v, w, hn::Load(du, above + other)), hn::Load(du, sum + other)), du, sum + other);
      }
    }
  }
};

template <class Columns, class T = typename Columns::T>
HWY_INLINE void SumsOf(const ArrayPlanes& p, const BitLine& line, std::int64_t r) {
  if (line.words == nullptr) return;
  const T* value = reinterpret_cast<const T*>(p.value) + r * p.value_pitch;
  const T* weight = reinterpret_cast<const T*>(p.active) + r * p.pitch;
  const std::uint32_t* above = r == 0 ? p.zeros : p.sum + (r - 1) * p.pitch;
  std::uint32_t* sum = p.sum + r * p.pitch;
  bool all = true;
  for (std::int64_t c = 0; c < p.columns; c += 64) {
    const std::uint64_t exist = LowBits(p.columns - c);
    all = all && (RowBits(line, r, c / 64) & exist) == exist;
  }
  if (all) return Columns::All(p.fraction, value, weight, above, sum, static_cast<std::size_t>(p.columns));
  for (std::int64_t c = 0; c < p.columns; c += 64) {
    Columns::Some(p.fraction, RowBits(line, r, c / 64) & LowBits(p.columns - c), value + c, weight + c, above + c, sum + c);
  }
}

template <class Columns, class T = typename Columns::T>
void AllRows(const ArrayPlanes& p) {
  const auto columns = static_cast<std::size_t>(p.columns);
  const T* value = reinterpret_cast<const T*>(p.value) + (p.rows - 1) * p.value_pitch;
  const T* weight = reinterpret_cast<const T*>(p.active) + (p.rows - 1) * p.pitch;
  std::uint32_t* sum = p.sum + (p.rows - 1) * p.pitch;
  for (std::int64_t r = p.rows - 1; r > 0; --r, value -= p.value_pitch, weight -= p.pitch, sum -= p.pitch) {
    Columns::All(p.fraction, value, weight, sum - p.pitch, sum, columns);
  }
  Columns::All(p.fraction, value, weight, p.zeros, sum, columns);
}

template <class Columns, class T = typename Columns::T>
void AllRowsTwice(const ArrayPlanes& p) {
  const auto columns = static_cast<std::size_t>(p.columns);
  const T* const value = reinterpret_cast<const T*>(p.value);
  const T* const earlier = reinterpret_cast<const T*>(p.earlier);
  const T* const weight = reinterpret_cast<const T*>(p.active);
  for (std::int64_t r = p.rows - 1; r > 0; --r) {
    Columns::Twice(p.fraction, value + r * p.value_pitch, weight + r * p.pitch, earlier + (r - 1) * p.value_pitch, weight + (r - 1) * p.pitch,
                   r == 1 ? p.zeros : p.sum + (r - 2) * p.pitch, p.sum + r * p.pitch, columns);
  }
  Columns::All(p.fraction, value, weight, p.zeros, p.sum, columns);
}

template <class Columns, class T = typename Columns::T>
void LastRow(const ArrayPlanes& p, std::uint32_t* sums) {
  const std::int64_t r = p.rows - 1;
  Columns::All(p.fraction, reinterpret_cast<const T*>(p.value) + r * p.value_pitch, reinterpret_cast<const T*>(p.active) + r * p.pitch,
               r == 0 ? p.zeros : p.sum + (r - 1) * p.pitch, sums, static_cast<std::size_t>(p.columns));
}

// function(the columns' kernel of each arithmetic).
template <class Function>
void WithColumns(Operands operands, Function function) {
  switch (operands) {
    case Operands::kWords: return function(InOrder<Words, Integer>(), InOrder<Words, Float>(), InOrder<Words, Fixed>());
    case Operands::kBf16: return function(InOrder<Bf16, Integer>(), InOrder<Bf16, Float>(), InOrder<Bf16, Fixed>());
    case Operands::kShorts: return function(InPairs<IntegerPairs>(), InPairs<IntegerPairs>(), InPairs<FixedPairs>());   // no floats in shorts
  }
}

// function(the columns' kernel of `arithmetic`).
template <class Function>
void WithArithmetic(Operands operands, Arithmetic arithmetic, Function function) {
  const FlushScope flush;
  WithColumns(operands, [&](auto integer, auto real, auto fixed) {
    switch (arithmetic) {
      case Arithmetic::kInteger: return function(integer);
      case Arithmetic::kFloat: return function(real);
      case Arithmetic::kFixed: return function(fixed);
    }
  });
}

void ClockSums(const ArrayPlanes& p) {
  const FlushScope flush;
  WithColumns(p.operands, [&](auto integer, auto real, auto fixed) {
    for (std::int64_t r = p.rows; r-- > 0;) {
      SumsOf<decltype(integer)>(p, p.valid[static_cast<int>(Arithmetic::kInteger)], r);
      SumsOf<decltype(real)>(p, p.valid[static_cast<int>(Arithmetic::kFloat)], r);
      SumsOf<decltype(fixed)>(p, p.valid[static_cast<int>(Arithmetic::kFixed)], r);
    }
  });
}

void ClockAllSums(const ArrayPlanes& p, Arithmetic arithmetic) {
  WithArithmetic(p.operands, arithmetic, [&](auto columns) { AllRows<decltype(columns)>(p); });
}
void ClockAllSumsTwice(const ArrayPlanes& p, Arithmetic arithmetic) {
  WithArithmetic(p.operands, arithmetic, [&](auto columns) { AllRowsTwice<decltype(columns)>(p); });
}
void LastRowSums(const ArrayPlanes& p, Arithmetic arithmetic, std::uint32_t* sums) {
  WithArithmetic(p.operands, arithmetic, [&](auto columns) { LastRow<decltype(columns)>(p, sums); });
}

#endif

#undef SYSTOLE_PLAIN_LOOPS

}  // namespace HWY_NAMESPACE
}  // namespace systole::machine
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace systole::machine {

HWY_EXPORT(ClockSums);
HWY_EXPORT(ClockAllSums);
HWY_EXPORT(ClockAllSumsTwice);
HWY_EXPORT(LastRowSums);

void clock_sums(const ArrayPlanes& planes) { HWY_DYNAMIC_DISPATCH(ClockSums)(planes); }
void clock_all_sums(const ArrayPlanes& planes, Arithmetic arithmetic) { HWY_DYNAMIC_DISPATCH(ClockAllSums)(planes, arithmetic); }
void clock_all_sums_twice(const ArrayPlanes& planes, Arithmetic arithmetic) { HWY_DYNAMIC_DISPATCH(ClockAllSumsTwice)(planes, arithmetic); }
void last_row_sums(const ArrayPlanes& planes, Arithmetic arithmetic, std::uint32_t* sums) {
  HWY_DYNAMIC_DISPATCH(LastRowSums)(planes, arithmetic, sums);
}

}  // namespace systole::machine
#endif
