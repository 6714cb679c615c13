#include "numeric/tile_kernels.h"

#include <algorithm>
#include <bit>

#include "numeric/formats.h"
#include "numeric/mac.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define SYSTOLE_X86 1
#else
#define SYSTOLE_X86 0
#endif

namespace systole {
namespace {

// The definition, block by block: `step` takes (activation word, weight word, sum word) to the next sum word.
template <typename Step>
[[gnu::always_inline]] inline void portable(const std::uint32_t* a, const std::uint32_t* w, std::int64_t groups, std::uint32_t* sums, Step step) {
  std::fill_n(sums, kBlockRows * kBlockColumns, 0u);
  for (std::int64_t g = 0; g < groups; ++g) {
    for (std::int64_t i = 0; i < kBlockRows; ++i) {
      const std::uint32_t activation = a[i * groups + g];
      std::uint32_t* row = sums + i * kBlockColumns;
      for (std::int64_t j = 0; j < kBlockColumns; ++j) row[j] = step(activation, w[g * kBlockColumns + j], row[j]);
    }
  }
}

void portable_f32(const std::uint32_t* a, const std::uint32_t* w, std::int64_t groups, std::uint32_t* sums,
                  int /*fraction*/) {
  portable(a, w, groups, sums, [](std::uint32_t x, std::uint32_t y, std::uint32_t sum) {
    return std::bit_cast<std::uint32_t>(
        mac_f32(std::bit_cast<float>(x), std::bit_cast<float>(y), std::bit_cast<float>(sum)));
  });
}

void portable_i16x2(const std::uint32_t* a, const std::uint32_t* w, std::int64_t groups, std::uint32_t* sums,
                    int /*fraction*/) {
  portable(a, w, groups, sums, [](std::uint32_t x, std::uint32_t y, std::uint32_t sum) {
    const auto low = static_cast<std::uint32_t>(static_cast<std::int16_t>(x) * static_cast<std::int16_t>(y));
    const auto high = static_cast<std::uint32_t>((static_cast<std::int32_t>(x) >> 16) * (static_cast<std::int32_t>(y) >> 16));
    return sum + low + high;
  });
}

constexpr auto kStepI32 = [](std::uint32_t x, std::uint32_t y, std::uint32_t sum) { return sum + x * y; };

struct StepFixed {
  int fraction;
  std::uint32_t operator()(std::uint32_t x, std::uint32_t y, std::uint32_t sum) const {
    const std::int32_t product = static_cast<std::int32_t>(x) * static_cast<std::int32_t>(y);
    const std::int32_t rounded = std::clamp((product + (1 << (fraction - 1))) >> fraction, -32768, 32767);
    return static_cast<std::uint32_t>(std::clamp(static_cast<std::int32_t>(sum) + rounded, -32768, 32767));
  }
};

void portable_i32(const std::uint32_t* a, const std::uint32_t* w, std::int64_t groups, std::uint32_t* sums,
                  int /*fraction*/) {
  portable(a, w, groups, sums, kStepI32);
}
void portable_fixed(const std::uint32_t* a, const std::uint32_t* w, std::int64_t groups, std::uint32_t* sums,
                    int fraction) {
  portable(a, w, groups, sums, StepFixed{fraction});
}

#if SYSTOLE_X86

__attribute__((target("avx512f"))) void avx512_f32(const std::uint32_t* a, const std::uint32_t* w, std::int64_t groups,
                                                   std::uint32_t* sums, int /*fraction*/) {
  __m512 sum[kBlockRows][4];
  for (auto& row : sum) for (auto& s : row) s = _mm512_setzero_ps();
  for (std::int64_t g = 0; g < groups; ++g, w += kBlockColumns) {
    const __m512 w0 = _mm512_loadu_ps(w), w1 = _mm512_loadu_ps(w + 16), w2 = _mm512_loadu_ps(w + 32), w3 = _mm512_loadu_ps(w + 48);
#pragma clang loop unroll(full)
    for (std::int64_t i = 0; i < kBlockRows; ++i) {
      const __m512 x = _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(a[i * groups + g])));
      sum[i][0] = _mm512_fmadd_ps(x, w0, sum[i][0]);
      sum[i][1] = _mm512_fmadd_ps(x, w1, sum[i][1]);
      sum[i][2] = _mm512_fmadd_ps(x, w2, sum[i][2]);
      sum[i][3] = _mm512_fmadd_ps(x, w3, sum[i][3]);
    }
  }
  for (std::int64_t i = 0; i < kBlockRows; ++i)
    for (std::int64_t j = 0; j < 4; ++j) _mm512_storeu_ps(sums + i * kBlockColumns + j * 16, sum[i][j]);
}

__attribute__((target("avx2,fma"))) void avx2_f32(const std::uint32_t* a, const std::uint32_t* w, std::int64_t groups,
                                                  std::uint32_t* sums, int /*fraction*/) {
  for (std::int64_t column = 0; column < kBlockColumns; column += 16) {
    __m256 sum[kBlockRows][2];
    for (auto& row : sum) row[0] = row[1] = _mm256_setzero_ps();
    for (std::int64_t g = 0; g < groups; ++g) {
      const auto* from = reinterpret_cast<const float*>(w + g * kBlockColumns + column);
      const __m256 w0 = _mm256_loadu_ps(from), w1 = _mm256_loadu_ps(from + 8);
#pragma clang loop unroll(full)
      for (std::int64_t i = 0; i < kBlockRows; ++i) {
        const __m256 x = _mm256_broadcast_ss(reinterpret_cast<const float*>(a + i * groups + g));
        sum[i][0] = _mm256_fmadd_ps(x, w0, sum[i][0]);
        sum[i][1] = _mm256_fmadd_ps(x, w1, sum[i][1]);
      }
    }
    for (std::int64_t i = 0; i < kBlockRows; ++i) {
      auto* to = reinterpret_cast<float*>(sums + i * kBlockColumns + column);
      _mm256_storeu_ps(to, sum[i][0]);
      _mm256_storeu_ps(to + 8, sum[i][1]);
    }
  }
}

// The integer and bf16 dot products share this loop; `Dot` is sum + dot(activation word, weight word) per lane.
#define SYSTOLE_AVX512_DOT_KERNEL(name, isa, dot)                                                             \
  __attribute__((target(isa))) void name(const std::uint32_t* a, const std::uint32_t* w, std::int64_t groups, \
                                         std::uint32_t* sums, int /*fraction*/) {                             \
    __m512i sum[kBlockRows][4];                                                                               \
    for (auto& row : sum)                                                                                     \
      for (auto& s : row) s = _mm512_setzero_si512();                                                         \
    for (std::int64_t g = 0; g < groups; ++g, w += kBlockColumns) {                                           \
      const __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + 16);                              \
      const __m512i w2 = _mm512_loadu_si512(w + 32), w3 = _mm512_loadu_si512(w + 48);                         \
      _Pragma("clang loop unroll(full)") for (std::int64_t i = 0; i < kBlockRows; ++i) {                      \
        const __m512i x = _mm512_set1_epi32(static_cast<int>(a[i * groups + g]));                             \
        sum[i][0] = dot(sum[i][0], x, w0);                                                                    \
        sum[i][1] = dot(sum[i][1], x, w1);                                                                    \
        sum[i][2] = dot(sum[i][2], x, w2);                                                                    \
        sum[i][3] = dot(sum[i][3], x, w3);                                                                    \
      }                                                                                                       \
    }                                                                                                         \
    for (std::int64_t i = 0; i < kBlockRows; ++i)                                                             \
      for (std::int64_t j = 0; j < 4; ++j) _mm512_storeu_si512(sums + i * kBlockColumns + j * 16, sum[i][j]); \
  }

// Assembler: clang 16 runs out of stack in its optimiser on the bf16 intrinsic with a broadcast operand.
__attribute__((target("avx512f,avx512bf16"), always_inline)) inline __m512i dot_bf16(__m512i sum, __m512i x, __m512i y) {
  __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(y));
  return sum;
}
#define SYSTOLE_MADD_I16(sum, x, y) _mm512_add_epi32(sum, _mm512_madd_epi16(x, y))

SYSTOLE_AVX512_DOT_KERNEL(avx512_bf16x2, "avx512f,avx512bf16", dot_bf16)
SYSTOLE_AVX512_DOT_KERNEL(avx512_i8x4, "avx512f,avx512vnni", _mm512_dpbusd_epi32)
SYSTOLE_AVX512_DOT_KERNEL(avx512_i16x2, "avx512f,avx512vnni", _mm512_dpwssd_epi32)
SYSTOLE_AVX512_DOT_KERNEL(avx512bw_i16x2, "avx512f,avx512bw", SYSTOLE_MADD_I16)

__attribute__((target("avx2"))) void avx2_i16x2(const std::uint32_t* a, const std::uint32_t* w, std::int64_t groups,
                                                std::uint32_t* sums, int /*fraction*/) {
  for (std::int64_t column = 0; column < kBlockColumns; column += 16) {
    __m256i sum[kBlockRows][2];
    for (auto& row : sum) row[0] = row[1] = _mm256_setzero_si256();
    for (std::int64_t g = 0; g < groups; ++g) {
      const auto* from = reinterpret_cast<const __m256i*>(w + g * kBlockColumns + column);
      const __m256i w0 = _mm256_loadu_si256(from), w1 = _mm256_loadu_si256(from + 1);
#pragma clang loop unroll(full)
      for (std::int64_t i = 0; i < kBlockRows; ++i) {
        const __m256i x = _mm256_set1_epi32(static_cast<int>(a[i * groups + g]));
        sum[i][0] = _mm256_add_epi32(sum[i][0], _mm256_madd_epi16(x, w0));
        sum[i][1] = _mm256_add_epi32(sum[i][1], _mm256_madd_epi16(x, w1));
      }
    }
    for (std::int64_t i = 0; i < kBlockRows; ++i) {
      auto* to = reinterpret_cast<__m256i*>(sums + i * kBlockColumns + column);
      _mm256_storeu_si256(to, sum[i][0]);
      _mm256_storeu_si256(to + 1, sum[i][1]);
    }
  }
}

// Plain loops that the compiler vectorises for the instruction set.
#define SYSTOLE_LOOP_KERNEL(name, isa, step)                                                                  \
  __attribute__((target(isa))) void name(const std::uint32_t* a, const std::uint32_t* w, std::int64_t groups, \
                                         std::uint32_t* sums, [[maybe_unused]] int fraction) {                \
    portable(a, w, groups, sums, step);                                                                       \
  }
SYSTOLE_LOOP_KERNEL(avx512_i32, "avx512f", kStepI32)
SYSTOLE_LOOP_KERNEL(avx2_i32, "avx2", kStepI32)
SYSTOLE_LOOP_KERNEL(avx512_fixed, "avx512f", StepFixed{fraction})
SYSTOLE_LOOP_KERNEL(avx2_fixed, "avx2", StepFixed{fraction})

#endif  // SYSTOLE_X86

std::vector<KernelEntry> list_kernels() {
  std::vector<KernelEntry> list;
#if SYSTOLE_X86
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f") != 0;
  const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  const bool vnni = avx512 && __builtin_cpu_supports("avx512vnni") != 0;
  const bool fma = avx2 && __builtin_cpu_supports("fma") != 0;
  const bool bf16 = avx512 && __builtin_cpu_supports("avx512bf16") != 0;
  const bool words = avx512 && __builtin_cpu_supports("avx512bw") != 0;
  list.push_back({"avx512_bf16", OperandForm::kBF16x2, avx512_bf16x2, true, bf16});
  list.push_back({"avx512", OperandForm::kF32, avx512_f32, true, avx512});
  list.push_back({"avx2_fma", OperandForm::kF32, avx2_f32, true, fma});
  list.push_back({"avx512_vnni", OperandForm::kI8x4, avx512_i8x4, false, vnni});
  list.push_back({"avx512_vnni", OperandForm::kI16x2, avx512_i16x2, false, vnni});
  list.push_back({"avx512bw", OperandForm::kI16x2, avx512bw_i16x2, false, words});
  list.push_back({"avx2", OperandForm::kI16x2, avx2_i16x2, false, avx2});
  list.push_back({"avx512", OperandForm::kI32, avx512_i32, false, avx512});
  list.push_back({"avx2", OperandForm::kI32, avx2_i32, false, avx2});
  list.push_back({"avx512", OperandForm::kFixed, avx512_fixed, false, avx512});
  list.push_back({"avx2", OperandForm::kFixed, avx2_fixed, false, avx2});
#endif
  list.push_back({"portable", OperandForm::kF32, portable_f32, false, true});
  list.push_back({"portable", OperandForm::kI16x2, portable_i16x2, false, true});
  list.push_back({"portable", OperandForm::kI32, portable_i32, false, true});
  list.push_back({"portable", OperandForm::kFixed, portable_fixed, false, true});
  return list;
}

}  // namespace

const std::vector<KernelEntry>& tile_kernels() {
  static const std::vector<KernelEntry> list = list_kernels();
  return list;
}

#if SYSTOLE_X86
// 0x8040: flush-to-zero and denormals-are-zero; 0x6000 is the rounding mode, 0 for nearest even; 0x1F80 masks traps.
FlushScope::FlushScope() : saved_(_mm_getcsr()) { _mm_setcsr(0x8040u | 0x1F80u); }
FlushScope::~FlushScope() { _mm_setcsr(saved_); }
#else
FlushScope::FlushScope() = default;
FlushScope::~FlushScope() = default;
#endif

}  // namespace systole
