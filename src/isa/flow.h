// Control flow of one core's code without running it: the loop structure, which setters may be in force at an instruction
// (stride sets, pads, bindings, windows), and the interval of every address. Everything is exact for rectangular loops but
// for one thing: a setter inside a loop is assumed to meet every index of that loop.
#pragma once

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "isa/program.h"
#include "isa/table.h"

namespace systole::isa {

__extension__ typedef __int128 Wide;   // sums of products of fields never overflow it

// Values from low to high, both included.
struct Interval {
  Wide low = 0, high = 0;
  Interval operator+(Interval other) const { return {low + other.low, high + other.high}; }
};
inline Interval hull(Interval a, Interval b) { return {a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high}; }
// step x (0 .. count - 1)
inline Interval steps(Wide step, Wide count) { return step < 0 ? Interval{step * (count - 1), 0} : Interval{0, step * (count - 1)}; }

// State that an instruction sets for those after it.
constexpr int kSetterKeys = kStrideSets + kMaxArrays + kVectorSlots + 1;
constexpr int strides_key(std::int64_t set) { return static_cast<int>(set); }
constexpr int pad_key(int array) { return kStrideSets + array; }
constexpr int bind_key(std::int64_t slot) { return kStrideSets + kMaxArrays + static_cast<int>(slot); }
constexpr int kWindowKey = kSetterKeys - 1;
constexpr int array_of(UnitId unit) { return (unit - push_unit(0)) / 2; }

struct LoopSpan {
  std::int64_t begin = 0, end = 0;                     // positions of the loop and its end
  std::array<std::int64_t, kSetterKeys> last;          // last setter of each key in the body, -1: none
};

// Loops by position of their beginning; checks that they nest, are at most 6 deep, and that the code ends with its only halt.
Expected<std::vector<LoopSpan>> find_loops(const CoreCode& core, std::size_t core_number);

// Walks the code once in program order and holds, at each instruction, the setters that may be in force.
class Walk {
 public:
  Walk(const CoreCode& core, const std::vector<LoopSpan>& loops);
  bool next();                                         // moves to the next instruction
  std::int64_t index() const { return index_; }
  const Instruction& instruction() const { return core_->code[static_cast<std::size_t>(index_)]; }
  // Positions; -1: the state at reset.
  std::vector<std::int64_t> setters(int key) const;
  // Positions of two setters that can be in force together.
  std::vector<std::pair<std::int64_t, std::int64_t>> setters(int first, int second) const;
  // The values that field `address` (kAddress) takes over the open loops.
  Interval address(int field) const;

 private:
  void leave();
  const CoreCode* core_;
  const std::vector<LoopSpan>* loops_;
  std::size_t next_loop_ = 0;
  std::int64_t index_ = -1;
  std::vector<std::int64_t> counts_;                   // of the open loops
  using State = std::array<std::int64_t, kSetterKeys>;   // one setter of each key
  std::vector<State> states_;                          // that differ; at most two per state and open loop
};

// The key that an instruction sets, or -1.
int setter_key(const Instruction& instruction);

}  // namespace systole::isa
