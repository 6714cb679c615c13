// A one-core program around the instructions under test: VMEM is loaded from the input, and VMEM and the accumulators of array 0
// are stored to the outputs.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "machine/event.h"

namespace systole::machine {

constexpr std::int64_t kVmemBytes = 1 << 17;
constexpr std::int64_t kRows = 8, kColumns = 6, kAccumulatorRows = 256, kLanes = 4;

inline Chip values_chip(DType fixed = DType::kQ8_8) {
  Chip chip;
  chip.name = "values";
  chip.cores = 2;
  chip.mxu.rows = kRows;
  chip.mxu.columns = kColumns;
  chip.mxu.formats = {fixed};
  chip.mxu.accumulator_rows = kAccumulatorRows;
  chip.vpu = {true, kLanes, 2, 1};
  chip.vmem_bytes = kVmemBytes;
  chip.hbm = {true, 1 << 24, {16, 1}, 64, 0};
  return chip;
}

struct ValuesRun {
  std::vector<std::uint8_t> vmem;
  std::vector<std::uint32_t> accumulators;
};

inline isa::Program values_program(const std::vector<isa::Instruction>& under_test, const std::vector<MicroOp>& microcode) {
  constexpr std::int64_t kAccumulatorBytes = kAccumulatorRows * kColumns * 4;
  isa::Program program;
  program.microcode = microcode;
  program.inputs = {{"vmem", DType::kU8, {kVmemBytes}, isa::Space::kHbm, 0}};
  program.outputs = {{"vmem", DType::kU8, {kVmemBytes}, isa::Space::kHbm, kVmemBytes},
                     {"accumulators", DType::kU32, {kAccumulatorRows * kColumns}, isa::Space::kHbm, 2 * kVmemBytes}};
  program.hbm_bytes = 2 * kVmemBytes + kAccumulatorBytes;
  program.vmem_bytes = kVmemBytes;
  isa::CoreCode core;
  core.code.push_back({isa::Load{.bytes = kVmemBytes}, isa::dma_unit(0)});
  core.code.insert(core.code.end(), under_test.begin(), under_test.end());
  core.code.push_back({isa::Store{.far = kVmemBytes, .bytes = kVmemBytes}, isa::dma_unit(0)});
  core.code.push_back({isa::Store{.far = 2 * kVmemBytes, .local_space = 3, .bytes = kColumns * 4, .rows = kAccumulatorRows, .pitch = kColumns * 4},
                       isa::dma_unit(0)});
  core.code.push_back({isa::Halt{}, isa::kScalar});
  program.cores.push_back(std::move(core));
  return program;
}

inline Expected<ValuesRun> run_values(const std::vector<isa::Instruction>& under_test,
                                      const std::vector<MicroOp>& microcode, const std::vector<std::uint8_t>& vmem,
                                      int threads = 1, DType fixed = DType::kQ8_8) {
  const isa::Program program = values_program(under_test, microcode);
  SYSTOLE_ASSIGN(const auto outputs,
                 simulate_values(program, values_chip(fixed), {Tensor::of(DType::kU8, {kVmemBytes}, vmem)}, threads));
  ValuesRun run;
  run.vmem.assign(outputs[0].raw(), outputs[0].raw() + kVmemBytes);
  run.accumulators.assign(outputs[1].data<std::uint32_t>(), outputs[1].data<std::uint32_t>() + outputs[1].count());
  return run;
}

// Random bytes, but as fp32 words mostly ordinary numbers of mixed size, zeros of both signs and now and then a special.
inline std::vector<std::uint8_t> random_vmem(Random& random) {
  std::vector<std::uint8_t> bytes(kVmemBytes);
  for (std::size_t i = 0; i < bytes.size(); i += 4) {
    std::uint32_t word = static_cast<std::uint32_t>(random.bits());
    if (!random.chance(0.03)) word = (word & 0x807FFFFFu) | (static_cast<std::uint32_t>(random.integer(110, 140)) << 23);
    if (random.chance(0.05)) word &= 0x80000000u;
    for (std::size_t b = 0; b < 4; ++b) bytes[i + b] = static_cast<std::uint8_t>(word >> (8 * b));
  }
  return bytes;
}

}  // namespace systole::machine
