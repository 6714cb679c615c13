// The register engine: a program clock by clock, every register of docs/machine.md as state that can be looked at.
//
// An independent implementation of that page: no time is computed, nothing comes from timing/. Every generic chip and every program
// that the event engine runs.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "chip/chip.h"
#include "isa/program.h"
#include "machine/array_state.h"
#include "machine/register_core.h"

namespace systole::machine {

struct RegisterResult {
  std::vector<Tensor> outputs;      // in the order of program.outputs
  std::int64_t cycles = 0;
};

class RegisterEngine {
 public:
  // The program must have passed check_program; it must outlive the engine. Inputs in the order of program.inputs.
  static Expected<std::unique_ptr<RegisterEngine>> create(const isa::Program& program, const Chip& chip, const std::vector<Tensor>& inputs);

  void step();                      // one clock
  bool done() const { return done_; }
  // Cycles that have passed; once done, the program's cycle count.
  std::int64_t cycle() const { return cycle_; }
  Expected<RegisterResult> run();   // to the end; an error if the machine stands still

  int cores() const { return static_cast<int>(cores_.size()); }
  const RegisterCore& core(int number) const { return *cores_[static_cast<std::size_t>(number)]; }
  ArrayState array_state(int core, int array) const { return this->core(core).array(array).state(); }
  const FarMemoryModel& far_memory(int space) const { return space == 0 ? far_.hbm : far_.cmem; }
  const std::vector<std::uint8_t>& hbm() const { return far_.hbm.bytes(); }
  const std::vector<std::uint8_t>& cmem() const { return far_.cmem.bytes(); }
  std::vector<Tensor> outputs() const;

 private:
  RegisterEngine(const isa::Program& program, const Chip& chip);
  Status load(const std::vector<Tensor>& inputs);
  void memory_turn(int space);
  bool barrier_turn();

  const isa::Program* program_;
  Chip chip_;
  FarModels far_;
  std::vector<std::unique_ptr<RegisterCore>> cores_;
  std::int64_t cycle_ = 0, barrier_release_ = -1;
  bool done_ = false, moved_ = true;
};

Expected<RegisterResult> simulate_registers(const isa::Program& program, const Chip& chip, const std::vector<Tensor>& inputs);

}  // namespace systole::machine
