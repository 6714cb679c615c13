// The sequencer of the register engine: one word a cycle, loops, stride sets, effective addresses (docs/machine.md section 1).
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "isa/program.h"
#include "machine/register_control.h"

namespace systole::machine {

class Sequencer {
 public:
  explicit Sequencer(const isa::CoreCode& code) : code_(&code) {}

  enum class State { kFetch, kBarrier, kHalted };
  // One cycle. `room(unit)`: the unit's queue has a free slot at the cycle's beginning; `drained()`: every unit has ended
  // everything. True: `dispatched` goes to the queue of its unit at the edge.
  bool cycle(const std::function<bool(int)>& room, const std::function<bool()>& drained, isa::Instruction& dispatched);
  void leave_barrier() { state_ = State::kFetch, ++pc_; }

  State state() const { return state_; }
  std::int64_t pc() const { return pc_; }
  bool advanced() const { return advanced_; }   // a word was done in the last cycle
  std::int64_t depth() const { return depth_; }
  std::int64_t index(int level) const { return loops_[static_cast<std::size_t>(level)].index; }
  TokenCounters tokens;

 private:
  struct LoopRegisters { std::int64_t start = 0, count = 0, index = 0; };
  void execute(const isa::Instruction& word, const std::function<bool()>& drained);
  void add_addresses(isa::Instruction& word) const;
  std::uint64_t offset(std::int64_t set) const;

  const isa::CoreCode* code_;
  State state_ = State::kFetch;
  std::int64_t pc_ = 0, depth_ = 0;
  bool advanced_ = false;
  std::array<LoopRegisters, isa::kLoopLevels> loops_;
  std::array<std::array<std::int64_t, isa::kLoopLevels>, isa::kStrideSets> strides_{};
};

}  // namespace systole::machine
