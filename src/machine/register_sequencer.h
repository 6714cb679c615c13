// The sequencer of the register engine: one word a cycle, loops, stride sets, effective addresses (docs/machine.md section 1).
#pragma once

#include <array>
#include <cstdint>

#include "isa/program.h"
#include "machine/register_control.h"

namespace systole::machine {

class Sequencer {
 public:
  Sequencer(const isa::CoreCode& code, std::int64_t queue_depth) : code_(&code), queue_depth_(queue_depth) {}

  enum class State { kFetch, kBarrier, kHalted };
  // One word, if it need not stand; `units` as they are when it is fetched. True: `dispatched` goes to the queue of its unit.
  bool fetch(const Units& units, isa::Instruction& dispatched);
  void leave_barrier() { state_ = State::kFetch, ++pc_; }

  State state() const { return state_; }
  std::int64_t pc() const { return pc_; }
  bool advanced() const { return advanced_; }   // the last fetch got a word done
  std::int64_t depth() const { return depth_; }
  std::int64_t index(int level) const { return loops_[static_cast<std::size_t>(level)].index; }
  std::int64_t stride(int set, int level) const { return strides_[static_cast<std::size_t>(set)][static_cast<std::size_t>(level)]; }
  TokenCounters tokens;

 private:
  struct LoopRegisters { std::int64_t start = 0, count = 0, index = 0; };
  void execute(const isa::Instruction& word, const Units& units);
  void add_addresses(isa::Instruction& word) const;
  std::uint64_t offset(std::int64_t set) const;

  const isa::CoreCode* code_;
  std::int64_t queue_depth_;
  State state_ = State::kFetch;
  std::int64_t pc_ = 0, depth_ = 0;
  bool advanced_ = false;
  std::array<LoopRegisters, isa::kLoopLevels> loops_;
  std::array<std::array<std::int64_t, isa::kLoopLevels>, isa::kStrideSets> strides_{};
};

}  // namespace systole::machine
