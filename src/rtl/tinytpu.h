// TinyTPU as synthesisable SystemVerilog (src/rtl/sv/tinytpu), and that hardware under Verilator.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "machine/tinytpu/run.h"
#include "rtl/generate.h"
#include "rtl/verilate.h"

namespace systole::rtl {

std::span<const SourceText> tinytpu_texts();               // the modules, the probe and the testbench
std::string tinytpu_package(const tinytpu::Options& options);   // tinytpu_chip.sv: the chip's options
// The modules, in the order in which tools read them, and files.f; the top module is `tinytpu`.
Status write_tinytpu(const Chip& chip, const std::string& folder);

// Every register that the hardware has too, and the memory: 16 bits each, in the order of tinytpu_probe.sv.
constexpr std::size_t kProbeRegisters = 109, kProbeWords = kProbeRegisters + tinytpu::kMemoryWords;
using Probe = std::array<std::uint16_t, kProbeWords>;
Probe probe(const tinytpu::State& state, const tinytpu::Options& options);

class TinyTpuModel {
 public:
  // See verilate.h for what it needs and for `cache`.
  static Expected<TinyTpuModel> build(const Chip& chip, const std::string& cache = {}, bool traced = false);
  // `states`: the registers at the beginning of each cycle. A wait that never ends is an error, as in the other engines.
  Expected<tinytpu::Result> run(const tinytpu::Program& program, std::vector<Probe>* states = nullptr) const;
  // Only on a traced model.
  Expected<tinytpu::Result> run(const tinytpu::Program& program, const RtlTrace& trace) const;

 private:
  Expected<tinytpu::Result> run(const tinytpu::Program& program, std::vector<Probe>* states, const RtlTrace* trace) const;
  TinyTpuModel(tinytpu::Options options, std::string program) : options_(options), executable_(std::move(program)) {}
  tinytpu::Options options_;
  std::string executable_;
};

}  // namespace systole::rtl
