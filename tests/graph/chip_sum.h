// The matrix unit's sum for one output element, written from docs/numerics.md alone: chunks ascending, each from +0 by
// fused multiply-add, subnormals as zero of their sign, then one addition into the accumulator.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "numeric/formats.h"

namespace systole::graph {

inline float flushed(float x) { return std::fabs(x) < std::numeric_limits<float>::min() ? std::copysign(0.0f, x) : x; }

using Sequence = std::vector<std::pair<float, float>>;  // (activation, weight) pairs of one chunk

inline float chunk_sum(const Sequence& chunk) {
  float sum = 0;
  for (const auto& [a, w] : chunk) sum = flushed(std::fma(flushed(a), flushed(w), sum));
  return sum;
}

inline float chip_sum(const std::vector<Sequence>& chunks) {
  float acc = 0;
  for (const Sequence& chunk : chunks) acc = flushed(acc + chunk_sum(chunk));
  return acc;
}

inline float nearest_bf16(float x) { return bf16_to_f32(f32_to_bf16(x)); }
inline float part_of(float x, int part) {
  for (int i = 0; i < part; ++i) x -= nearest_bf16(x);
  return nearest_bf16(x);
}

// fp32 as bf16 passes: per chunk hi/mid/lo products, smallest first (lo*hi, hi*lo, mid*mid, mid*hi, hi*mid, hi*hi).
inline float chip_sum_bf16_passes(const std::vector<Sequence>& chunks, int passes) {
  const int order[6][2] = {{2, 0}, {0, 2}, {1, 1}, {1, 0}, {0, 1}, {0, 0}};
  float acc = 0;
  for (const Sequence& chunk : chunks) {
    for (int p = 6 - passes; p < 6; ++p) {
      Sequence parts;
      for (const auto& [a, w] : chunk) parts.emplace_back(part_of(a, order[p][0]), part_of(w, order[p][1]));
      acc = flushed(acc + chunk_sum(parts));
    }
  }
  return acc;
}

}  // namespace systole::graph
