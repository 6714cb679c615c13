// TinyTPU clock by clock: the register engine. Values and registers are the original's first version, bit for bit and
// clock for clock, unless the chip's options say otherwise (docs/tinytpu.md).
//
//   Machine machine(program, chip.tinytpu);         // a program that check_program accepts
//   while (!machine.done()) { look(machine.state(), machine.wires()); machine.step(); }
#pragma once

#include "machine/tinytpu/state.h"

namespace systole::tinytpu {

class Machine {
 public:
  Machine(const Program& program, const Options& options);

  const State& state() const { return state_; }
  const Wires& wires() const { return wires_; }
  // Halted, and nothing moves any more: no stream runs, no value is valid anywhere.
  bool done() const;
  // Waits for a fall of the vector unit's valid bit that cannot come.
  bool stuck() const { return waited_ > kLongestWait; }
  void step();

 private:
  // A stream lasts at most 257 clocks and none starts during a wait.
  static constexpr std::int64_t kLongestWait = 1024;

  void settle();                           // wires_ from state_
  void issue(const Instruction& instruction, Sequencer& next);
  int products() const;                    // that count in this clock: of valid values, in stages that work
  void step_array(State& next) const;
  void step_vector(State& next) const;

  std::vector<Instruction> code_;
  Options options_;
  State state_;
  Wires wires_;
  Sequencer next_sequencer_;
  std::int64_t waited_ = 0;
};

}  // namespace systole::tinytpu
