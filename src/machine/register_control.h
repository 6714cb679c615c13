// What every unit of the register engine has at its door: a queue, token counters, and the order in which it ends.
#pragma once

#include <array>
#include <cstdint>
#include <deque>

#include "isa/instruction.h"

namespace systole::machine {

// Tokens given in one cycle, by receiving unit; they are visible in the next.
using Gives = std::array<std::uint32_t, isa::kUnits>;

inline void add_tokens(Gives& gives, std::uint16_t mask) {
  for (std::size_t u = 0; u < isa::kUnits; ++u) gives[u] += (mask >> u) & 1u;
}

// The token counters of one receiver, one per giver.
class TokenCounters {
 public:
  bool visible(std::uint16_t mask) const {
    for (std::size_t u = 0; u < isa::kUnits; ++u) {
      if (((mask >> u) & 1u) != 0 && count_[u] == 0) return false;
    }
    return true;
  }
  void take(std::uint16_t mask) {
    for (std::size_t u = 0; u < isa::kUnits; ++u) count_[u] -= (mask >> u) & 1u;
  }
  void give(int from, std::uint32_t count) { count_[static_cast<std::size_t>(from)] += count; }
  std::uint32_t count(int from) const { return count_[static_cast<std::size_t>(from)]; }

 private:
  std::array<std::uint32_t, isa::kUnits> count_{};
};

// The instructions of one unit that have issued and whose end a later event brings: the last row's sum, the last burst's
// answer. One that ends by itself (no tail) behind such a one ends with it: docs/machine.md, "end in order".
class EndOrder {
 public:
  // The signal masks' tokens of the open instructions, oldest first.
  const std::deque<Gives>& open() const { return open_; }
  void enter(std::uint16_t mask) {
    open_.emplace_back();
    add_tokens(open_.back(), mask);
  }
  // The oldest open instruction ends in this cycle.
  void end_oldest(Gives& gives) {
    for (std::size_t u = 0; u < isa::kUnits; ++u) gives[u] += open_.front()[u];
    open_.pop_front();
  }
  // An instruction without a tail is in its last busy cycle. After end_oldest and before enter of the same cycle.
  void attach(std::uint16_t mask, Gives& gives) { add_tokens(open_.empty() ? gives : open_.back(), mask); }
  bool empty() const { return open_.empty(); }
  std::int64_t size() const { return static_cast<std::int64_t>(open_.size()); }

 private:
  std::deque<Gives> open_;
};

// A unit's control registers.
struct UnitControl {
  std::deque<isa::Instruction> queue;
  TokenCounters tokens;
  EndOrder ends;
  isa::Instruction current;
  std::int64_t remaining = 0;      // busy cycles left, this one included; transfers and runs: not used
  bool busy = false;

  // Wires of this cycle.
  bool finishing = false;          // the last busy cycle
  bool issuing = false;            // the head has left the queue
  bool giving = false;             // `gives` is not all zero
  isa::Instruction issued;
  Gives gives{};

  bool head_ready() const { return !queue.empty() && (!busy || finishing) && tokens.visible(queue.front().wait); }
  void issue() {
    issuing = true;
    issued = queue.front();
    queue.pop_front();
    tokens.take(issued.wait);
  }
  void end_oldest() {
    giving = true;
    ends.end_oldest(gives);
  }
  void end_without_tail() {
    giving = true;
    ends.attach(current.signal, gives);
  }
  bool drained() const { return queue.empty() && !busy && ends.empty(); }
};
using Units = std::array<UnitControl, isa::kUnits>;

}  // namespace systole::machine
