// Where the cycles of each unit went, counted from the register engine's registers in every cycle. The same accounts as TimingReport's
// (machine/event.h), by another way; for chips with control_cycles 1 and memories that cost something, and cores that
// end with `halt`.
#pragma once

#include <string>
#include <vector>

#include "machine/event.h"
#include "machine/register.h"

namespace systole::machine {

class CycleAccounts {
 public:
  // All three must outlive it.
  CycleAccounts(const RegisterEngine& engine, const isa::Program& program, const Chip& chip);
  void before_step();   // the registers as the cycle begins
  void after_step();    // what happened in it
  const std::vector<UnitReport>& units() const { return reports_; }   // core by core, in the order of TimingReport::units

 private:
  struct Watch {
    int core = 0;
    isa::UnitId unit = isa::kScalar;
    // As the cycle began.
    bool busy = false;                 // at work
    bool idle = false;                 // nothing stands at the head of the queue; the sequencer: it has come to its end
    bool barrier = false, halt = false;
    bool halted = false;               // the halt has been counted
    std::string obstacle;              // what the head cannot issue without
    // Since the instruction at the head came, and since the one at work started.
    std::int64_t stood = 0, worked = 0, alone = 0;
    std::string cause;                 // the obstacle of the last cycle in which it stood
  };
  void look_at_unit(Watch& watch) const;
  void look_at_sequencer(Watch& watch) const;
  void count_unit(Watch& watch, UnitReport& report) const;
  void count_sequencer(Watch& watch, UnitReport& report) const;
  std::int64_t time_alone(const isa::Instruction& instruction) const;

  const RegisterEngine* engine_;
  const isa::Program* program_;
  const Chip* chip_;
  std::vector<Watch> watches_;
  std::vector<UnitReport> reports_;
};

}  // namespace systole::machine
