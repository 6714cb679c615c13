#pragma once

#include <optional>

#include "isa/flow.h"

namespace systole::isa {

// Two nested counts i < i_count, j < j_count, of which those pairs take part for which
// 0 <= origin + i x i_step + j x j_step < bound (bound 0 with checked = false: all).
struct WindowAxis {
  std::int64_t i_count = 1, j_count = 1;
  std::int64_t origin = 0, i_step = 0, j_step = 0, bound = 0;
  bool checked = false;
};

// Least and largest i x i_pitch + j x j_pitch over the pairs that take part; nothing if none does. Exact up to 4096 values of j
// (or if nothing is cut off), beyond that the interval of all pairs.
std::optional<Interval> window_offsets(const WindowAxis& axis, std::int64_t i_pitch, std::int64_t j_pitch);

}  // namespace systole::isa
