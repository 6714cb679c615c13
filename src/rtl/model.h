// A chip's RTL under Verilator as a program on this machine: generated, verilated and compiled once, then run per program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "isa/program.h"

namespace systole::rtl {

// Can the RTL's first form run it? The error names the instruction.
Status check_program(const isa::Program& program, const Chip& chip);

struct RtlResult {
  std::vector<Tensor> outputs;           // in the order of program.outputs
  std::int64_t cycles = 0;
  std::vector<std::uint8_t> hbm;         // final memory, program.hbm_bytes
};

class RtlModel {
 public:
  // Needs `verilator`, `make` and `clang++-16` on the PATH. `cache`: folder for generated sources and executables, by content, so
  // that the same chip is built once; "": a folder of the system's temporary folder.
  static Expected<RtlModel> build(const Chip& chip, const std::string& cache = {});
  Expected<RtlResult> run(const isa::Program& program, const std::vector<Tensor>& inputs) const;
  const std::string& folder() const { return folder_; }

 private:
  RtlModel(const Chip& chip, std::string folder) : chip_(chip), folder_(std::move(folder)) {}
  Chip chip_;
  std::string folder_;
};

}  // namespace systole::rtl
