#include "isa/window.h"

#include <algorithm>

namespace systole::isa {
namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0); }
std::int64_t ceil_div_signed(std::int64_t a, std::int64_t b) { return -floor_div(-a, b); }

// The i in [0, count) with low <= i x step <= high.
std::optional<std::pair<std::int64_t, std::int64_t>> solve(std::int64_t step, std::int64_t low, std::int64_t high, std::int64_t count) {
  if (step == 0) {
    if (low > 0 || high < 0) return std::nullopt;
    return std::pair{std::int64_t{0}, count - 1};
  }
  const std::int64_t first = std::max<std::int64_t>(0, step > 0 ? ceil_div_signed(low, step) : ceil_div_signed(high, step));
  const std::int64_t last = std::min(count - 1, step > 0 ? floor_div(high, step) : floor_div(low, step));
  if (first > last) return std::nullopt;
  return std::pair{first, last};
}

}  // namespace

std::optional<Interval> window_offsets(const WindowAxis& axis, std::int64_t i_pitch, std::int64_t j_pitch) {
  constexpr std::int64_t kMostSteps = 4096;
  const Interval all = steps(i_pitch, axis.i_count) + steps(j_pitch, axis.j_count);
  if (!axis.checked) return all;
  const Interval reach = Interval{axis.origin, axis.origin} + steps(axis.i_step, axis.i_count) + steps(axis.j_step, axis.j_count);
  if (reach.low >= 0 && reach.high < axis.bound) return all;
  if (reach.high < 0 || reach.low >= axis.bound) return std::nullopt;
  if (axis.j_count > kMostSteps) return all;
  std::optional<Interval> result;
  for (std::int64_t j = 0; j < axis.j_count; ++j) {
    const std::int64_t at = axis.origin + j * axis.j_step;
    const auto range = solve(axis.i_step, -at, axis.bound - 1 - at, axis.i_count);
    if (!range) continue;
    const Wide first = static_cast<Wide>(range->first) * i_pitch, last = static_cast<Wide>(range->second) * i_pitch;
    const Wide base = static_cast<Wide>(j) * j_pitch;
    const Interval row{base + std::min(first, last), base + std::max(first, last)};
    result = result ? hull(*result, row) : row;
  }
  return result;
}

}  // namespace systole::isa
