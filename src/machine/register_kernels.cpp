#include "machine/register_kernels.h"

#include <algorithm>
#include <bit>
#include <type_traits>

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

#include "machine/register_steps-inl.h"

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

void take_weights(const ArrayPlanes& p) {
  for (const SwitchFront& front : p.fronts) {
    const std::int64_t first = std::max<std::int64_t>(front.diagonal - p.columns + 1, 0), last = std::min(front.diagonal, p.rows - 1);
    for (std::int64_t r = first; r <= last; ++r) {
      const std::int64_t at = r * p.pitch + front.diagonal - r;
      put_operand(p.operands, p.active, at, get_operand(p.operands, front.weights, at));
    }
  }
}

}  // namespace systole::machine
#endif

HWY_BEFORE_NAMESPACE();
namespace systole::machine {
namespace HWY_NAMESPACE {

// Bits of row r for columns c .. c + 63.
HWY_INLINE std::uint64_t RowBits(const BitLine& line, std::int64_t r, std::int64_t c) {
  const std::int64_t at = line.first + r + c;
  const std::uint64_t low = line.words[at / 64], high = line.words[at / 64 + 1];
  return at % 64 == 0 ? low : (low >> (at % 64)) | (high << (64 - at % 64));
}

// Rows r, r - 1, r - 2, .., each an edge earlier, take their weights: a switch stands in the same column of all of them. The first
// `below` of them are not in the array.
template <class T>
HWY_INLINE void TakeWeights(const ArrayPlanes& p, std::int64_t r, int below, int edges) {
  for (const SwitchFront& front : p.fronts) {
    const std::int64_t c = front.diagonal - r;
    if (c < 0 || c >= p.columns) continue;
    const int rows = static_cast<int>(std::min<std::int64_t>(edges, r + 1));
    for (int k = below; k < rows; ++k) {
      const std::int64_t at = (r - k) * p.pitch + c;
      reinterpret_cast<T*>(p.active)[at] = reinterpret_cast<const T*>(front.weights)[at];
    }
  }
}

// function(r) for every row from the last on, when the weights of its sum have been taken.
template <class T, class Function>
HWY_INLINE void EachRow(const ArrayPlanes& p, int edges, Function function) {
  const bool switches = !p.fronts.empty();
  for (int below = edges - 1; switches && below > 0; --below) TakeWeights<T>(p, p.rows - 1 + below, below, edges);
  for (std::int64_t r = p.rows; r-- > 0;) {
    if (switches) TakeWeights<T>(p, r, 0, edges);
    function(r);
  }
}

#if SYSTOLE_PLAIN_LOOPS

// sum(r, c) after `edges` edges.
std::uint32_t Sum(const ArrayPlanes& p, Arithmetic arithmetic, int edges, std::int64_t r, std::int64_t c) {
  const std::int64_t place = sum_place(p.operands, c);
  std::uint32_t sum = r < edges ? 0 : p.sum[(r - edges) * p.pitch + place];
  for (std::int64_t k = std::min<std::int64_t>(edges - 1, r); k >= 0; --k) {
    const std::uint32_t value = get_operand(p.operands, p.value, (r - k) * p.value_pitch + k + c);
    sum = multiply_add(arithmetic, p.fraction, value, get_operand(p.operands, p.active, (r - k) * p.pitch + c), sum);
  }
  return sum;
}

void ClockSums(const ArrayPlanes& p) {
  for (std::int64_t r = p.rows; r-- > 0;) {
    for (int k = 0; k < kArithmetics; ++k) {
      if (p.valid[k].words == nullptr) continue;
      for (std::int64_t first = 0; first < p.columns; first += 64) {
        for (std::uint64_t left = RowBits(p.valid[k], r, first) & LowBits(p.columns - first); left != 0; left &= left - 1) {
          const std::int64_t c = first + std::countr_zero(left);
          p.sum[r * p.pitch + sum_place(p.operands, c)] = Sum(p, static_cast<Arithmetic>(k), 1, r, c);
        }
      }
    }
  }
}

void SumsOfRow(const ArrayPlanes& p, Arithmetic arithmetic, int edges, std::int64_t r, std::uint32_t* sums) {
  for (std::int64_t c = 0; c < p.columns; ++c) sums[sum_place(p.operands, c)] = Sum(p, arithmetic, edges, r, c);
}

void ClockAllSums(const ArrayPlanes& p, Arithmetic arithmetic, int edges) {
  const auto row = [&](std::int64_t r) { SumsOfRow(p, arithmetic, edges, r, p.sum + r * p.pitch); };
  if (operand_bytes(p.operands) == 2) EachRow<std::uint16_t>(p, edges, row);
  else EachRow<std::uint32_t>(p, edges, row);
}

void LastRowSums(const ArrayPlanes& p, Arithmetic arithmetic, int edges, std::uint32_t* sums) {
  if (operand_bytes(p.operands) == 2) TakeWeights<std::uint16_t>(p, p.rows - 1, 0, edges);
  else TakeWeights<std::uint32_t>(p, p.rows - 1, 0, edges);
  SumsOfRow(p, arithmetic, edges, p.rows - 1, sums);
}

#else

template <class T>
HWY_INLINE Chain<T> ChainOf(const ArrayPlanes& p, std::int64_t r) {
  return {reinterpret_cast<const T*>(p.value) + r * p.value_pitch, reinterpret_cast<const T*>(p.active) + r * p.pitch, 1 - p.value_pitch, -p.pitch};
}

template <class Columns>
HWY_INLINE void SumsOf(const ArrayPlanes& p, const BitLine& line, std::int64_t r) {
  if (line.words == nullptr) return;
  const auto chain = ChainOf<typename Columns::T>(p, r);
  const std::uint32_t* above = r == 0 ? p.zeros : p.sum + (r - 1) * p.pitch;
  std::uint32_t* sum = p.sum + r * p.pitch;
  bool all = true;
  for (std::int64_t c = 0; c < p.columns; c += 64) {
    const std::uint64_t exist = LowBits(p.columns - c);
    all = all && (RowBits(line, r, c) & exist) == exist;
  }
  if (all) return Columns::template All<1>(p.fraction, chain, above, sum, static_cast<std::size_t>(p.columns));
  for (std::int64_t c = 0; c < p.columns; c += 64) {
    Columns::Some(p.fraction, RowBits(line, r, c) & LowBits(p.columns - c), chain.value + c, chain.weight + c, above + c, sum + c);
  }
}

// function(the number of edges as a constant).
template <int kMost = kMostEdges, class Function>
HWY_INLINE void WithEdges(std::int64_t edges, Function function) {
  if constexpr (kMost > 1) {
    if (edges < kMost) return WithEdges<kMost - 1>(edges, function);
  }
  function(std::integral_constant<int, kMost>());
}

// A row that has no more rows above it than there are edges: all of them have a part in its sums.
template <class Columns>
HWY_NOINLINE void SumsFromAbove(const ArrayPlanes& p, std::int64_t r, std::uint32_t* sum) {
  WithEdges(r + 1, [&](auto rows) HWY_ATTR {
    Columns::template All<rows>(p.fraction, ChainOf<typename Columns::T>(p, r), p.zeros, sum, static_cast<std::size_t>(p.columns));
  });
}

// Row r after kEdges edges.
template <class Columns, int kEdges>
HWY_INLINE void SumsOfRow(const ArrayPlanes& p, std::int64_t r, std::uint32_t* sum) {
  if (r < kEdges) return SumsFromAbove<Columns>(p, r, sum);
  Columns::template All<kEdges>(p.fraction, ChainOf<typename Columns::T>(p, r), p.sum + (r - kEdges) * p.pitch, sum, static_cast<std::size_t>(p.columns));
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
  WithColumns(operands, [&](auto integer, auto real, auto fixed) {
    switch (arithmetic) {
      case Arithmetic::kInteger: return function(integer);
      case Arithmetic::kFloat: {
        const FlushScope flush;
        return function(real);
      }
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

template <class Columns, int kEdges>
void AllRows(ArrayPlanes p) {   // a copy that no operand can lie in
  EachRow<typename Columns::T>(p, kEdges, [&](std::int64_t r) HWY_ATTR { SumsOfRow<Columns, kEdges>(p, r, p.sum + r * p.pitch); });
}

void ClockAllSums(const ArrayPlanes& p, Arithmetic arithmetic, int edges) {
  WithArithmetic(p.operands, arithmetic, [&](auto columns) {
    WithEdges(edges, [&](auto count) HWY_ATTR { AllRows<decltype(columns), count>(p); });
  });
}

void LastRowSums(const ArrayPlanes& p, Arithmetic arithmetic, int edges, std::uint32_t* sums) {
  WithArithmetic(p.operands, arithmetic, [&](auto columns) {
    using Columns = decltype(columns);
    TakeWeights<typename Columns::T>(p, p.rows - 1, 0, edges);
    WithEdges(edges, [&](auto count) HWY_ATTR { SumsOfRow<Columns, count>(p, p.rows - 1, sums); });
  });
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace systole::machine
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace systole::machine {

HWY_EXPORT(ClockSums);
HWY_EXPORT(ClockAllSums);
HWY_EXPORT(LastRowSums);

void clock_sums(const ArrayPlanes& planes) { HWY_DYNAMIC_DISPATCH(ClockSums)(planes); }
void clock_all_sums(const ArrayPlanes& planes, Arithmetic arithmetic, int edges) { HWY_DYNAMIC_DISPATCH(ClockAllSums)(planes, arithmetic, edges); }
void last_row_sums(const ArrayPlanes& planes, Arithmetic arithmetic, int edges, std::uint32_t* sums) {
  HWY_DYNAMIC_DISPATCH(LastRowSums)(planes, arithmetic, edges, sums);
}

}  // namespace systole::machine
#endif
