// The sums of one row at an edge, or after several, on the host's vector instructions: compiled for each instruction set by register_kernels.cpp.
#if defined(SYSTOLE_REGISTER_STEPS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SYSTOLE_REGISTER_STEPS_INL_H
#undef SYSTOLE_REGISTER_STEPS_INL_H
#else
#define SYSTOLE_REGISTER_STEPS_INL_H
#endif

#include <hwy/highway.h>

#include "machine/register_kernels.h"
#include "numeric/formats.h"

#undef SYSTOLE_PLAIN_LOOPS
// Is the host's fused multiply-add under flush-to-zero the definition? On x86 it tests for a subnormal after rounding, as
// numeric/mac.h does.
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || !defined(__x86_64__)
#define SYSTOLE_PLAIN_LOOPS 1
#else
#define SYSTOLE_PLAIN_LOOPS 0
#endif

HWY_BEFORE_NAMESPACE();
namespace systole::machine {
namespace HWY_NAMESPACE {

HWY_INLINE std::uint64_t LowBits(std::int64_t count) { return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1; }

#if !SYSTOLE_PLAIN_LOOPS

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

// Where the operands of a row's sums stand: those of the row above, an edge earlier, a step further on.
template <class T>
struct Chain {
  const T* value;
  const T* weight;
  std::int64_t value_step, weight_step;
};

// sum[c] = function(value[c], weight[c], function(value of the row above, weight of the row above, .. above[c])), a step for each edge.
template <class Operand, class Function>
struct InOrder {
  using T = typename Operand::T;
  static HWY_INLINE U Result(int fraction, const T* value, const T* weight, const std::uint32_t* above) {
    return Function::Step(fraction, Operand::Read(value), Operand::Read(weight), hn::Load(du, above));
  }
  template <int kEdges>
  static HWY_INLINE void All(int fraction, const Chain<T>& chain, const std::uint32_t* HWY_RESTRICT above, std::uint32_t* HWY_RESTRICT sum,
                             std::size_t columns) {
    for (std::size_t c = 0; c < columns; c += hn::Lanes(du)) {
      U result = hn::Load(du, above + c);
      for (int k = kEdges; k-- > 0;) {
        result = Function::Step(fraction, Operand::Read(chain.value + k * chain.value_step + c), Operand::Read(chain.weight + k * chain.weight_step + c), result);
      }
      hn::Store(result, du, sum + c);
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

// The lower and the upper four shorts of each eight, each beside one of another vector.
struct Lower {
  static HWY_INLINE S Join(S a, S b) { return hn::InterleaveLower(ds, a, b); }
};
struct Upper {
  static HWY_INLINE S Join(S a, S b) { return hn::InterleaveUpper(ds, a, b); }
};

// An element's step, and two of them, on one half of a vector of shorts.
struct IntegerPairs {
  static HWY_INLINE U Products(S values, S weights, U above) {
    auto other = hn::Zero(di);
    const auto sum = hn::ReorderWidenMulAccumulate(di, values, weights, hn::Zero(di), other);
    return hn::Add(above, hn::BitCast(du, hn::RearrangeToOddPlusEven(sum, other)));
  }
  template <class Half>
  static HWY_INLINE U Step(int /*fraction*/, S value, S weight, U above) {
    return Products(Half::Join(value, hn::Zero(ds)), Half::Join(weight, hn::Zero(ds)), above);
  }
  template <class Half>
  static HWY_INLINE U Twice(int /*fraction*/, S value, S weight, S earlier, S weight_above, U above) {
    return Products(Half::Join(value, earlier), Half::Join(weight, weight_above), above);
  }
};
struct FixedPairs {
  template <class Half>
  static HWY_INLINE U Widen(S x) { return hn::BitCast(du, hn::ShiftRight<16>(hn::BitCast(di, Half::Join(hn::Zero(ds), x)))); }
  template <class Half>
  static HWY_INLINE U Step(int fraction, S value, S weight, U above) {
    return Fixed::Step(fraction, Widen<Half>(value), Widen<Half>(weight), above);
  }
  template <class Half>
  static HWY_INLINE U Twice(int fraction, S value, S weight, S earlier, S weight_above, U above) {
    return Step<Half>(fraction, value, weight, Step<Half>(fraction, earlier, weight_above, above));
  }
};

// The lower four bits of each eight of 32, as bits 0 .. 15.
HWY_INLINE std::uint64_t LowerBits(std::uint64_t x) {
  x &= 0x0F0F0F0Fu;
  x = (x | x >> 4) & 0x00FF00FFu;
  return (x | x >> 8) & 0xFFFFu;
}

// The same where the sums stand in the order of shorts.
template <class Pairs>
struct InPairs {
  using T = std::uint16_t;
  static constexpr std::size_t kHalf = kSumBlock / 2;
  static HWY_INLINE S Read(const T* p) { return hn::LoadU(ds, reinterpret_cast<const std::int16_t*>(p)); }
  template <int kEdges>
  static HWY_INLINE void All(int fraction, const Chain<T>& chain, const std::uint32_t* HWY_RESTRICT above, std::uint32_t* HWY_RESTRICT sum,
                             std::size_t columns) {
    const std::size_t lanes = hn::Lanes(du);
    for (std::size_t first = 0; first < columns; first += kSumBlock) {
      for (std::size_t i = 0; i < kHalf; i += lanes) {
        const std::size_t c = first + 2 * i, at = first + i;
        U lower = hn::Load(du, above + at), upper = hn::Load(du, above + at + kHalf);
        for (int k = kEdges; k > 0; k -= 2) {   // steps k - 2 and k - 1
          const S e = Read(chain.value + (k - 1) * chain.value_step + c), x = Read(chain.weight + (k - 1) * chain.weight_step + c);
          if (k == 1) {
            lower = Pairs::template Step<Lower>(fraction, e, x, lower);
            upper = Pairs::template Step<Upper>(fraction, e, x, upper);
            break;
          }
          const S v = Read(chain.value + (k - 2) * chain.value_step + c), w = Read(chain.weight + (k - 2) * chain.weight_step + c);
          lower = Pairs::template Twice<Lower>(fraction, v, w, e, x, lower);
          upper = Pairs::template Twice<Upper>(fraction, v, w, e, x, upper);
        }
        hn::Store(lower, du, sum + at);
        hn::Store(upper, du, sum + at + kHalf);
      }
    }
  }
  static HWY_INLINE void Some(int fraction, std::uint64_t bits, const T* value, const T* weight, const std::uint32_t* above, std::uint32_t* sum) {
    const std::size_t lanes = hn::Lanes(du);
    const std::uint64_t full = LowBits(static_cast<std::int64_t>(lanes));
    for (std::size_t first = 0; bits != 0; first += kSumBlock, bits >>= kSumBlock) {
      const std::uint64_t lower = LowerBits(bits), upper = LowerBits(bits >> 4);
      for (std::size_t i = 0; i < kHalf; i += lanes) {
        if ((((lower | upper) >> i) & full) == 0) continue;
        const S v = Read(value + first + 2 * i), w = Read(weight + first + 2 * i);
        const std::size_t at = first + i, other = at + kHalf;
        const U low = Pairs::template Step<Lower>(fraction, v, w, hn::Load(du, above + at));
        const U high = Pairs::template Step<Upper>(fraction, v, w, hn::Load(du, above + other));
        hn::Store(Choose((lower >> i) & full, low, hn::Load(du, sum + at)), du, sum + at);
        hn::Store(Choose((upper >> i) & full, high, hn::Load(du, sum + other)), du, sum + other);
      }
    }
  }
};

#endif

}  // namespace HWY_NAMESPACE
}  // namespace systole::machine
HWY_AFTER_NAMESPACE();

#endif
