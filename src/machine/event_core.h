// One core in the time pass: sequencer, queues, tokens, interlock (docs/machine.md sections 1, 2, 4).
//
// Times are solved, not stepped: an instruction's times follow from the times of earlier ones, so a core runs as far ahead
// as what is known allows. Unknown are only the ends of transfers in flight (the memories decide) and the other cores'
// barriers; the engine (event_time.cpp) tells them in the order of time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "machine/event.h"
#include "machine/event_control.h"
#include "machine/event_repeat.h"
#include "machine/event_words.h"

namespace systole::machine {

class EventCore {
 public:
  EventCore(const isa::Program& program, std::int64_t number, const Chip& chip, Accounts& accounts, Trace* trace, RepeatSkipper* skipper);

  // Goes on until nothing more is known.
  void run();

  enum class State { kRunning, kBarrier, kHalting, kDone };
  State state() const { return state_; }
  std::int64_t barrier_cycle() const { return stand_; }      // W, in state kBarrier
  void leave_barrier(std::int64_t done);                     // then run() goes on
  std::int64_t end_cycle() const { return end_; }            // in state kDone
  std::int64_t next_word() const { return pc_; }             // for messages

  using Transfer = Control::Transfer;
  Transfer& transfer(int engine) { return now_.transfers[static_cast<std::size_t>(engine)]; }
  void transfer_done(int engine, std::int64_t cycle);        // its last burst was served in `cycle`

  // The unit's account with what is left of `total` cycles counted as idle.
  UnitAccount account(isa::UnitId unit, std::int64_t total) const;

 private:
  using Entry = Control::Entry;
  using Unit = Control::Unit;
  using Array = Control::Array;
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
    now_.dirty |= now_.waiters[unit];
    now_.waiters[unit] = 0;
  }
  void wait_for(isa::UnitId who, int unit) { now_.waiters[static_cast<std::size_t>(unit)] |= static_cast<std::uint16_t>(1u << who); }
  Array& array_of(isa::UnitId unit) { return now_.arrays[static_cast<std::size_t>((unit - 6) / 2)]; }

  const Chip* chip_;
  std::int64_t number_, ctl_, depth_;
  Words words_;
  Accounts* accounts_;
  Trace* trace_;
  RepeatSkipper* skipper_;                      // may be null
  std::array<int, isa::kUnits> trace_unit_{};   // place in Trace::units

  State state_ = State::kRunning;
  std::int64_t pc_ = 0, stand_ = 0, end_ = 0;
  std::vector<Frame> frames_;
  Control now_;
};

// Units that a core of this chip has.
std::vector<isa::UnitId> units_of(const Chip& chip);
TimingReport make_report(const isa::Program& program, const Chip& chip, const Accounts& accounts,
                         const std::vector<std::unique_ptr<EventCore>>& cores);

}  // namespace systole::machine
