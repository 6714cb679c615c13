// Counters that a word moves up or down: one for each ordered pair of units (tokens) and one for each array (pushes not yet
// swapped in). Within a frame (the body of a loop, or the program) the lowest and highest value are kept; n iterations of a
// body that changes the counter by d move those by (n - 1) x d, so no loop is unrolled.
#include "isa/check_order.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "isa/check_parts.h"
#include "isa/flow.h"

namespace systole::isa {
namespace {

constexpr int kPairs = kUnits * kUnits;
constexpr int kCounters = kPairs + kMaxArrays;
constexpr std::int64_t kHuge = std::int64_t{1} << 62;

std::int64_t clamp(Wide value) {
  return static_cast<std::int64_t>(value > kHuge ? kHuge : value < -kHuge ? -kHuge : value);
}

struct Extremes {
  std::int64_t start = 0, low = 0, high = 0;   // absolute, in the first iteration
};

struct Frame {
  std::size_t loop = 0;
  std::int64_t count = 1;
  std::array<Extremes, kCounters> counters;
};

class Checker {
 public:
  Checker(const CoreCode& core, std::size_t number) : core_(core), number_(number) { frames_.emplace_back(); }

  Status run() {
    for (std::size_t i = 0; i < core_.code.size(); ++i) {
      const Instruction& instruction = core_.code[i];
      if (const auto* loop = instruction.as<Loop>()) open(i, loop->count);
      SYSTOLE_TRY(step(i));
      if (instruction.as<End>()) SYSTOLE_TRY(close());
    }
    for (int array = 0; array < kMaxArrays; ++array) {
      if (now_[kPairs + array] == 0) continue;
      return invalid_input(fmt::format("core {}", number_), fmt::format("the last push of push{} has no matmul with swap", array));
    }
    return ok_status();
  }

 private:
  void open(std::size_t at, std::int64_t count) {
    frames_.push_back({at, count, {}});
    for (int c = 0; c < kCounters; ++c) frames_.back().counters[c] = {now_[c], now_[c], now_[c]};
  }

  Status close() {
    const Frame body = frames_.back();
    frames_.pop_back();
    for (int c = 0; c < kCounters; ++c) {
      const Extremes& e = body.counters[c];
      const Wide drift = static_cast<Wide>(now_[c] - e.start) * (body.count - 1);
      const Wide low = e.low + (drift < 0 ? drift : 0), high = e.high + (drift > 0 ? drift : 0);
      now_[c] = clamp(now_[c] + drift);
      Extremes& outer = frames_.back().counters[c];
      outer.low = std::min(outer.low, clamp(low));
      outer.high = std::max(outer.high, clamp(high));
      SYSTOLE_TRY(judge(c, clamp(low), clamp(high), body.loop, "in a later iteration "));
    }
    return ok_status();
  }

  Status move(int counter, std::int64_t by, std::size_t at) {
    std::int64_t& now = now_[counter];
    now = clamp(static_cast<Wide>(now) + by);
    Extremes& e = frames_.back().counters[counter];
    e.low = std::min(e.low, now);
    e.high = std::max(e.high, now);
    return judge(counter, now, now, at, "");
  }

  Status step(std::size_t at) {
    const Instruction& i = core_.code[at];
    for (int u = 0; u < kUnits; ++u) {
      if (i.wait >> u & 1) SYSTOLE_TRY(move(u * kUnits + i.unit, -1, at));
    }
    if (i.as<Push>()) SYSTOLE_TRY(move(kPairs + array_of(i.unit), 1, at));
    if (const auto* matmul = i.as<Matmul>(); matmul && matmul->swap) SYSTOLE_TRY(move(kPairs + array_of(i.unit), -1, at));
    for (int u = 0; u < kUnits; ++u) {
      if (i.signal >> u & 1) SYSTOLE_TRY(move(i.unit * kUnits + u, 1, at));
    }
    return ok_status();
  }

  Status judge(int counter, std::int64_t low, std::int64_t high, std::size_t at, const char* when) const {
    if (low >= 0 && (counter < kPairs || high <= 1)) return ok_status();
    const std::string place = instruction_place(number_, at, core_.code[at]);
    if (counter < kPairs) {
      return invalid_input(place, fmt::format("{}a token from {} to {} is taken before it is given", when,
                                              unit_name(counter / kUnits), unit_name(counter % kUnits)),
                           "give it in an instruction earlier in fetch order");
    }
    if (low < 0) return invalid_input(place, fmt::format("{}mxu{} swaps weights that no push has brought", when, counter - kPairs));
    return invalid_input(place, fmt::format("{}push{} pushes twice before a swap", when, counter - kPairs),
                         "one matmul with swap = 1 between two pushes");
  }

  const CoreCode& core_;
  std::size_t number_;
  std::vector<Frame> frames_;
  std::array<std::int64_t, kCounters> now_{};
};

}  // namespace

Status check_order(const CoreCode& core, std::size_t core_number) { return Checker(core, core_number).run(); }

std::int64_t count_barriers(const CoreCode& core) {
  std::int64_t total = 0;
  std::vector<std::int64_t> times = {1};
  for (const Instruction& instruction : core.code) {
    if (instruction.as<Barrier>()) total = clamp(static_cast<Wide>(total) + times.back());
    if (const auto* loop = instruction.as<Loop>()) times.push_back(clamp(static_cast<Wide>(times.back()) * loop->count));
    if (instruction.as<End>()) times.pop_back();
  }
  return total;
}

}  // namespace systole::isa
