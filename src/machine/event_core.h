// One core in the time pass: sequencer, queues, tokens, interlock (docs/machine.md sections 1, 2, 4).
//
// Times are solved, not stepped: an instruction's times follow from the times of earlier ones, so a core runs as far ahead
// as what is known allows. Unknown are only the ends of transfers in flight (the memories decide) and the other cores'
// barriers; the engine (event_time.cpp) tells them in the order of time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "machine/event.h"
#include "machine/event_words.h"

namespace systole::machine {

// A first-in first-out of plain values in one block that doubles when it is full.
template <typename T>
class Fifo {
 public:
  bool empty() const { return head_ == tail_; }
  const T& front() const { return ring_[head_ & mask_]; }
  void pop() { ++head_; }
  void push(const T& value) {
    if (tail_ - head_ == ring_.size()) grow();
    ring_[tail_++ & mask_] = value;
  }

 private:
  void grow() {
    std::vector<T> larger(ring_.empty() ? 8 : ring_.size() * 2);
    for (std::size_t i = head_; i != tail_; ++i) larger[i - head_] = ring_[i & mask_];
    tail_ -= head_;
    head_ = 0;
    ring_ = std::move(larger);
    mask_ = ring_.size() - 1;
  }
  std::vector<T> ring_;
  std::size_t head_ = 0, tail_ = 0, mask_ = 0;
};

// Where the cycles of one unit went. Stalls by cause; the sequencer's waits for a queue stand apart.
struct UnitAccount {
  std::int64_t busy = 0, idle = 0, instructions = 0;
  std::int64_t memory = 0, weights = 0, control = 0, barrier = 0;
  std::array<std::int64_t, isa::kUnits> wait{}, queue{};
};

// What the program's layers did, all cores together: rows of (core, unit), and memories.
struct LayerAccount {
  std::int64_t first = -1, last = 0, macs = 0;
  std::array<std::int64_t, kReportedMemories> read{}, written{};
};
struct Accounts {
  std::vector<LayerAccount> layers;
  std::vector<std::int64_t> layer_busy;    // [layer][core][unit]
  std::int64_t cores = 1;
  std::int64_t& busy(std::size_t layer, std::int64_t core, isa::UnitId unit) {
    return layer_busy[(layer * static_cast<std::size_t>(cores) + static_cast<std::size_t>(core)) * isa::kUnits + unit];
  }
};

class EventCore {
 public:
  EventCore(const isa::Program& program, std::int64_t number, const Chip& chip, Accounts& accounts, Trace* trace);

  // Goes on until nothing more is known.
  void run();

  enum class State { kRunning, kBarrier, kHalting, kDone };
  State state() const { return state_; }
  std::int64_t barrier_cycle() const { return stand_; }      // W, in state kBarrier
  void leave_barrier(std::int64_t done);                     // then run() goes on
  std::int64_t end_cycle() const { return end_; }            // in state kDone
  std::int64_t next_word() const { return pc_; }             // for messages

  // Transfers: engine e asks for `bursts` of `memory` from cycle `start` on; it stands there until transfer_done.
  struct Transfer { bool waiting = false; FarMemory memory = kFarHbm; std::int64_t start = 0, bursts = 0; };
  Transfer& transfer(int engine) { return transfers_[static_cast<std::size_t>(engine)]; }
  void transfer_done(int engine, std::int64_t cycle);        // its last burst was served in `cycle`

  // The unit's account with what is left of `total` cycles counted as idle.
  UnitAccount account(isa::UnitId unit, std::int64_t total) const;

 private:
  struct Entry {
    std::int32_t word = 0;
    std::int64_t arrival = 0, busy = 0;
  };
  struct Unit {
    std::vector<Entry> ring;            // queue
    std::vector<std::int64_t> issue;    // I of the instruction that had this place last
    std::int64_t fetched = 0, issued = 0;
    std::int64_t start = 0, free = 0, end = 0;   // S, S + d, E of the last issued
    bool in_flight = false;             // its transfer has not ended
    Entry flying;                       // which
    UnitAccount account;
  };
  struct Array {                        // the interlock of one push and matrix unit
    std::int64_t pushes = 0, swaps = 0, matmuls_fetched = 0, matmuls_issued = 0;
    std::int64_t last_swap_start = 0, last_matmul_end = 0;
    Fifo<std::int64_t> ready;           // S + d of pushes whose swap has not started
    Fifo<std::int64_t> after;           // without shadow weights: matmuls that must end before the next pushes,
    Fifo<std::int64_t> clear;           // and the cycle in which they have
  };
  struct Frame { std::int64_t start, left; };

  void sequence();                                          // fetches until it stands
  bool step();                                              // one word; false if it stands
  bool enqueue(std::int64_t index, std::int64_t& done);
  void control_flow(const Word& word);
  bool take_tokens(isa::UnitId unit, std::uint16_t mask, std::int64_t& cycle, int& last);
  void give_tokens(isa::UnitId unit, std::uint16_t mask, std::int64_t cycle);
  void resolve(isa::UnitId unit);                           // issues what can be issued
  bool issue(isa::UnitId unit);
  bool weights_allow(isa::UnitId unit, Word::Role role, std::int64_t& start);
  void weights_start(isa::UnitId unit, Word::Role role, std::int64_t start, std::int64_t busy, std::int64_t end);
  void finish(isa::UnitId unit, const Entry& entry, std::int64_t busy);
  void account_gap(Unit& unit, std::int64_t arrival, std::int64_t issued, std::int64_t start, int cause);
  void wake(isa::UnitId unit) {
    dirty_ |= waiters_[unit];
    waiters_[unit] = 0;
  }
  void wait_for(isa::UnitId who, int unit) { waiters_[static_cast<std::size_t>(unit)] |= static_cast<std::uint16_t>(1u << who); }
  Array& array_of(isa::UnitId unit) { return arrays_[static_cast<std::size_t>((unit - 6) / 2)]; }

  const Chip* chip_;
  std::int64_t number_, ctl_, depth_;
  Words words_;
  Accounts* accounts_;
  Trace* trace_;
  std::array<int, isa::kUnits> trace_unit_{};   // place in Trace::units

  State state_ = State::kRunning;
  std::int64_t pc_ = 0, fetch_ = 0, stand_ = 0, end_ = 0;
  std::vector<Frame> frames_;
  std::array<Unit, isa::kUnits> units_;
  std::array<Array, isa::kMaxArrays + 1> arrays_;
  std::array<Transfer, isa::kMaxDmaEngines> transfers_;
  std::array<std::array<Fifo<std::int64_t>, isa::kUnits>, isa::kUnits> tokens_;   // [from][to]: E of tokens not yet taken
  std::array<std::uint16_t, isa::kUnits> waiters_{};   // units (bit 0: the sequencer) to look at again when this one moves
  std::uint16_t dirty_ = 0;
};

// Units that a core of this chip has.
std::vector<isa::UnitId> units_of(const Chip& chip);
TimingReport make_report(const isa::Program& program, const Chip& chip, const Accounts& accounts,
                         const std::vector<std::unique_ptr<EventCore>>& cores);

}  // namespace systole::machine
