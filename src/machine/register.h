// The register engine: a program clock by clock, every register of docs/machine.md as state that can be looked at.
//
// An independent implementation of that page: no time is computed, nothing comes from timing/. Its first form has no vector
// unit: a program with vector instructions is kUnsupported. Formats: integers and floats; not Q8.8.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "chip/chip.h"
#include "isa/program.h"
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

  const RegisterCore& core(int number) const { return *cores_[static_cast<std::size_t>(number)]; }
  const std::vector<std::uint8_t>& hbm() const { return hbm_.bytes(); }
  const std::vector<std::uint8_t>& cmem() const { return cmem_.bytes(); }
  std::vector<Tensor> outputs() const;

 private:
  RegisterEngine(const isa::Program& program, const Chip& chip);
  void memory_turn(int space);
  void barrier_turn();

  const isa::Program* program_;
  Chip chip_;
  FarMemoryModel hbm_, cmem_;
  std::vector<std::unique_ptr<RegisterCore>> cores_;
  std::int64_t cycle_ = 0, barrier_release_ = -1;
  bool done_ = false, moved_ = true;
};

Expected<RegisterResult> simulate_registers(const isa::Program& program, const Chip& chip, const std::vector<Tensor>& inputs);

}  // namespace systole::machine
