#include "machine/tinytpu/run.h"

#include "machine/tinytpu/machine.h"

namespace systole::tinytpu {

Error stuck_error(const Program& program, std::int64_t pc) {
  return invalid_input(program.place(static_cast<std::size_t>(pc)), "waits for ever: nothing leaves the vector unit's first lane any more",
                       "a wait ends when that lane's values end; read an input after the weights");
}

Expected<Result> run_registers(const Program& program, const Options& options, const OnRound& on_round) {
  SYSTOLE_TRY(check_program(program));
  Machine machine(program, options);
  Result result;
  while (!machine.done()) {
    const Wires& wires = machine.wires();
    const auto pc = static_cast<std::size_t>(wires.pc);
    const bool round = wires.issued && pc < program.code.size() && program.code[pc].kind == Kind::kControl && program.code[pc].control == Control::kEnd;
    if (!machine.state().sequencer.halted) result.issue_cycles = machine.state().cycle;
    machine.step();
    if (round && on_round) on_round(machine.state().buffer.memory);
    if (machine.stuck()) return stuck_error(program, machine.state().sequencer.pc - 1);
  }
  const State& state = machine.state();
  if (!state.sequencer.halted) result.issue_cycles = state.cycle;
  result.memory = state.buffer.memory;
  result.cycles = state.cycle;
  result.clocks = state.clocks;
  result.lost_writes = state.lost_writes;
  return result;
}

}  // namespace systole::tinytpu
