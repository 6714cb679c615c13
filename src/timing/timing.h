// The time of one instruction as a pure function of (chip, instruction): docs/machine.md, "instruction times". The
// compiler's cost model and every engine use these, so the estimate is the run.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "chip/chip.h"
#include "isa/instruction.h"
#include "numeric/microcode.h"

namespace systole::timing {

// Cycles that the instruction keeps its unit busy, memory arbitration apart (0 for load, store, gather: see bursts).
// `binds` are the vector unit's current bindings (slot -> Bind), needed for Run.
std::int64_t busy_cycles(const Chip& chip, const isa::Instruction& instruction, std::span<const MicroOp> microcode,
                         std::span<const isa::Bind, isa::kVectorSlots> binds);
// Cycles from the end of its busy time until its results and tokens are visible.
std::int64_t tail_cycles(const Chip& chip, const isa::Instruction& instruction);

// Bursts that a load, store or gather asks of its far memory; 0 for the others and for free memories.
std::int64_t bursts(const Chip& chip, const isa::Instruction& instruction);
std::int64_t transfer_bytes(const isa::Instruction& instruction);
const MemorySpec& far_memory(const Chip& chip, const isa::Instruction& instruction);

// Cycles of `bursts` alone on an idle memory: ceil(bursts x burst_bytes x cycles / bytes).
std::int64_t transfer_cycles(const MemorySpec& memory, std::int64_t bursts);

// Of a Run (docs/machine.md, "vector unit"): elements and taps, micro-operations priced by their streams.
std::int64_t run_cycles(const Chip& chip, const isa::Run& run, std::span<const MicroOp> microcode,
                        std::span<const isa::Bind, isa::kVectorSlots> binds);

// The memory rule: one server, fixed bursts, round robin over its requesters. No clock of its own: every call takes the
// time. A call costs time in proportion to the requesters, however many bursts and cycles lie between. Not for free
// memories.
class MemoryServer {
 public:
  explicit MemoryServer(const MemorySpec& spec, int requesters);
  // A requester joins in cycle `now` with `bursts` > 0 to serve; it must not be pending.
  void request(std::int64_t now, int requester, std::int64_t bursts);
  // The first cycle >= the last event in which some pending requester's last burst is served, if no one joins before;
  // -1: idle.
  std::int64_t next_completion() const;
  // Serves up to and including cycle `cycle` (no completion before it may be skipped) and returns the requesters that
  // finished in it.
  std::vector<int> advance(std::int64_t cycle);
  // All that it does from now on is what `earlier`, of the same memory, did `cycles` cycles before.
  bool repeats(const MemoryServer& earlier, std::int64_t cycles) const;
  void shift(std::int64_t cycles) { time_ += waiting_ > 0 ? cycles : 0; }   // an idle one has no time of its own

 private:
  struct First {
    int requester;
    std::int64_t burst;  // its last burst, counted from 1 over all that are served
  };
  First first_to_finish() const;
  void serve(std::int64_t bursts);  // up to and including the first to finish, no further

  MemorySpec spec_;
  std::int64_t cost_;                  // credit that a burst costs
  std::vector<std::int64_t> pending_;  // bursts left per requester
  int waiting_ = 0;                    // requesters with bursts left
  std::int64_t time_ = 0;              // cycles < time_ are served
  std::int64_t credit_ = 0;
  int turn_ = 0;  // who is looked at first
};

}  // namespace systole::timing
