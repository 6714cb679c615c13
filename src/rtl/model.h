// A chip's RTL under Verilator as a program on this machine: generated, verilated and compiled once, then run per program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "isa/program.h"
#include "rtl/verilate.h"

namespace systole::rtl {

// Can the RTL's first form run it? The error names the instruction.
Status check_program(const isa::Program& program, const Chip& chip);

struct RtlResult {
  std::vector<Tensor> outputs;           // in the order of program.outputs
  std::int64_t cycles = 0;
  std::vector<std::uint8_t> hbm;         // final memory, program.hbm_bytes
  std::vector<std::uint64_t> hashes;     // if asked: of the array's registers in each cycle (machine/array_state.h)
  bool halted = true;                    // false: not after the cycles that it was given, and nothing else is known
};

class RtlModel {
 public:
  // Needs `verilator`, `make` and `clang++-16` on the PATH. `cache`: folder for generated sources and executables, by content, so
  // that the same chip is built once; "": a folder of the system's temporary folder. `traced`: a model that can write waves, slower,
  // in a folder of its own.
  static Expected<RtlModel> build(const Chip& chip, const std::string& cache = {}, bool traced = false);
  // `trace`: only on a traced model.
  Expected<RtlResult> run(const isa::Program& program, const std::vector<Tensor>& inputs, const RtlTrace* trace = nullptr) const;
  // The same, with a hash of the array's registers for each cycle; it is stopped after `most_cycles`.
  Expected<RtlResult> run_hashed(const isa::Program& program, const std::vector<Tensor>& inputs, std::int64_t most_cycles = kEndless) const;
  // The same on a memory that takes and answers the AXI transactions at random times: the values are the same, the cycles are not.
  Expected<RtlResult> run_awkward(const isa::Program& program, const std::vector<Tensor>& inputs, std::uint64_t seed, std::int64_t most_cycles = kEndless) const;
  static constexpr std::int64_t kEndless = std::int64_t{1} << 40;

 private:
  struct Manner {
    const RtlTrace* trace = nullptr;
    bool hashed = false;
    std::uint64_t awkward_seed = 0;        // 0: the memory rule
    std::int64_t most_cycles = kEndless;
  };
  Expected<RtlResult> run(const isa::Program& program, const std::vector<Tensor>& inputs, const Manner& manner) const;
  RtlModel(const Chip& chip, std::string executable) : chip_(chip), executable_(std::move(executable)) {}
  Chip chip_;
  std::string executable_;
};

}  // namespace systole::rtl
