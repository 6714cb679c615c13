// The last addition of a chunk: accumulator plus sum.
#include <algorithm>
#include <bit>
#include <cmath>

#include "numeric/formats.h"
#include "numeric/mac.h"
#include "numeric/tile_kernels.h"

namespace systole {
namespace {

float as_float(std::uint32_t bits) { return std::bit_cast<float>(bits); }

template <typename Join>
[[gnu::always_inline]] inline void for_block(const std::uint32_t* sums, std::int64_t rows, std::int64_t columns,
                                             std::uint32_t* acc, std::int64_t acc_pitch, Join join) {
  for (std::int64_t i = 0; i < rows; ++i) {
    std::uint32_t* const to = acc + i * acc_pitch;
    const std::uint32_t* const from = sums + i * kBlockColumns;
    if (columns == kBlockColumns) {
      for (std::int64_t j = 0; j < kBlockColumns; ++j) to[j] = join(from[j], to[j], i, j);
    } else {
      for (std::int64_t j = 0; j < columns; ++j) to[j] = join(from[j], to[j], i, j);
    }
  }
}

// Within a FlushScope: the hardware's additions flush.
[[gnu::always_inline]] inline void join_flushed(const std::uint32_t* sums, const Joining& joining, std::int64_t rows,
                                                std::int64_t columns, std::uint32_t* acc, std::int64_t acc_pitch) {
  const std::uint32_t keep = joining.accumulate ? 0xFFFFFFFFu : 0u;
  const float tail = joining.short_chunk ? 0.0f : -0.0f;  // x + -0 = x
  for_block(sums, rows, columns, acc, acc_pitch, [=](std::uint32_t sum, std::uint32_t old, std::int64_t, std::int64_t) {
    const float total = as_float(old & keep) + (as_float(sum) + tail);
    return total == total ? std::bit_cast<std::uint32_t>(total) : kCanonicalNan;
  });
}

void join_defined(const std::uint32_t* sums, const Joining& joining, std::int64_t rows, std::int64_t columns,
                  std::uint32_t* acc, std::int64_t acc_pitch) {
  for_block(sums, rows, columns, acc, acc_pitch, [&](std::uint32_t sum, std::uint32_t old, std::int64_t, std::int64_t) {
    const float chunk = joining.short_chunk ? add_f32_flushed(as_float(sum), 0.0f) : as_float(sum);
    return std::bit_cast<std::uint32_t>(add_f32_flushed(joining.accumulate ? as_float(old) : 0.0f, chunk));
  });
}

[[gnu::always_inline]] inline void join_integers(const std::uint32_t* sums, const Joining& joining, std::int64_t rows,
                                                 std::int64_t columns, std::uint32_t* acc, std::int64_t acc_pitch) {
  const std::uint32_t keep = joining.accumulate ? 0xFFFFFFFFu : 0u;
  const auto base = [&](std::uint32_t sum, std::uint32_t old, std::int64_t i) { return (old & keep) + sum + joining.row_terms[i]; };
  if (const std::uint32_t* terms = joining.column_terms) {
    for_block(sums, rows, columns, acc, acc_pitch, [=](std::uint32_t sum, std::uint32_t old, std::int64_t i, std::int64_t j) {
      return base(sum, old, i) + terms[j];
    });
  } else {
    for_block(sums, rows, columns, acc, acc_pitch, [=](std::uint32_t sum, std::uint32_t old, std::int64_t i, std::int64_t) {
      return base(sum, old, i);
    });
  }
}

[[gnu::always_inline]] inline void join_fixed(const std::uint32_t* sums, const Joining& joining, std::int64_t rows,
                                              std::int64_t columns, std::uint32_t* acc, std::int64_t acc_pitch) {
  const std::uint32_t keep = joining.accumulate ? 0xFFFFFFFFu : 0u;
  for_block(sums, rows, columns, acc, acc_pitch, [=](std::uint32_t sum, std::uint32_t old, std::int64_t, std::int64_t) {
    const std::int32_t total = static_cast<std::int16_t>(old & keep) + static_cast<std::int32_t>(sum);
    return static_cast<std::uint32_t>(std::clamp(total, -32768, 32767));
  });
}

#define SYSTOLE_JOIN_PARAMETERS                                                                                       \
  const std::uint32_t *sums, const Joining &joining, std::int64_t rows, std::int64_t columns, std::uint32_t *acc, \
      std::int64_t acc_pitch
#define SYSTOLE_JOIN_ARGUMENTS sums, joining, rows, columns, acc, acc_pitch

void flushed(SYSTOLE_JOIN_PARAMETERS) { join_flushed(SYSTOLE_JOIN_ARGUMENTS); }
void integers(SYSTOLE_JOIN_PARAMETERS) { join_integers(SYSTOLE_JOIN_ARGUMENTS); }
void fixed(SYSTOLE_JOIN_PARAMETERS) { join_fixed(SYSTOLE_JOIN_ARGUMENTS); }

#if defined(__x86_64__)
__attribute__((target("avx512f"), min_vector_width(512))) void flushed_avx512(SYSTOLE_JOIN_PARAMETERS) {
  join_flushed(SYSTOLE_JOIN_ARGUMENTS);
}
__attribute__((target("avx512f"), min_vector_width(512))) void integers_avx512(SYSTOLE_JOIN_PARAMETERS) {
  join_integers(SYSTOLE_JOIN_ARGUMENTS);
}
#endif

}  // namespace

JoinFunction join_function(const KernelEntry& kernel) {
  const bool is_float = kernel.form == OperandForm::kF32 || kernel.form == OperandForm::kBF16x2;
  if (is_float && !kernel.flushes) return join_defined;
  if (kernel.form == OperandForm::kFixed) return fixed;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") != 0) return is_float ? flushed_avx512 : integers_avx512;
#endif
  return is_float ? flushed : integers;
}

}  // namespace systole
