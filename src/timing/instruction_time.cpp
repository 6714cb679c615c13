// Instruction times, docs/machine.md sections 3 to 5.
#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>

#include "timing/timing.h"

namespace systole::timing {
namespace {

__extension__ typedef __int128 Wide;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t ceil_log2(std::int64_t x) { return x <= 1 ? 0 : std::bit_width(static_cast<std::uint64_t>(x - 1)); }

// The stride of the fastest dimension that has more than one index; 0 if there is none.
std::int64_t fastest_stride(const isa::Run& run, const isa::Bind& bind) {
  if (run.mode != 0) {
    if (run.w1 > 1) return bind.w1;
    return run.w0 > 1 ? bind.w0 : 0;
  }
  const std::array<std::int64_t, isa::kVectorDims> counts = {run.d0, run.d1, run.d2, run.d3, run.d4};
  const std::array<std::int64_t, isa::kVectorDims> strides = {bind.s0, bind.s1, bind.s2, bind.s3, bind.s4};
  for (int i = isa::kVectorDims - 1; i >= 0; --i) {
    if (counts[static_cast<std::size_t>(i)] > 1) return strides[static_cast<std::size_t>(i)];
  }
  return 0;
}

std::int64_t cost(const Chip& chip, const isa::Run& run, std::span<const MicroOp> ops,
                  std::span<const isa::Bind, isa::kVectorSlots> binds) {
  std::int64_t cycles = 0;
  for (const MicroOp& op : ops) {
    if (op.op != MicroOpcode::kLoad && op.op != MicroOpcode::kStore) {
      cycles += 1;
      continue;
    }
    const std::int64_t stride = fastest_stride(run, binds[op.slot % isa::kVectorSlots]);
    cycles += stride == 0 || stride == 1 ? 1 : chip.vpu.strided_cycles;
  }
  return cycles;
}

bool is_transfer(const isa::Instruction& instruction) {
  return instruction.as<isa::Load>() || instruction.as<isa::Store>() || instruction.as<isa::Gather>();
}

}  // namespace

std::int64_t run_cycles(const Chip& chip, const isa::Run& run, std::span<const MicroOp> microcode,
                        std::span<const isa::Bind, isa::kVectorSlots> binds) {
  const auto part = [&](std::int64_t first, std::int64_t count) {
    const auto size = static_cast<std::int64_t>(microcode.size());
    first = std::min(first, size);
    count = std::min(count, size - first);
    return cost(chip, run, microcode.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)), binds);
  };
  const std::int64_t prologue = part(run.program, run.prologue);
  const std::int64_t body = part(run.program + run.prologue, run.body);
  const std::int64_t epilogue = part(run.program + run.prologue + run.body, run.epilogue);
  const std::int64_t elements = run.d0 * run.d1 * run.d2 * run.d3 * run.d4;
  const std::int64_t taps = run.w0 * run.w1;
  const std::int64_t lanes = std::max<std::int64_t>(chip.vpu.lanes, 1);
  const std::int64_t sublanes = std::max<std::int64_t>(chip.vpu.sublanes, 1);
  const std::int64_t cycles =
      run.mode == 0 ? ceil_div(elements, lanes * sublanes) * (prologue + taps * body + epilogue)
                    : ceil_div(elements, sublanes) * (prologue + ceil_div(taps, lanes) * (body + 1) +
                                                      ceil_log2(std::min(taps, lanes)) + epilogue);
  return std::max<std::int64_t>(cycles, 1);
}

std::int64_t busy_cycles(const Chip& chip, const isa::Instruction& instruction, std::span<const MicroOp> microcode,
                         std::span<const isa::Bind, isa::kVectorSlots> binds) {
  if (is_transfer(instruction)) return 0;
  if (const auto* push = instruction.as<isa::Push>()) {
    return push->transpose != 0 ? std::max(chip.mxu.rows, chip.mxu.columns) : chip.mxu.rows;
  }
  if (const auto* matmul = instruction.as<isa::Matmul>()) return matmul->images * matmul->out_rows * matmul->out_columns;
  if (const auto* run = instruction.as<isa::Run>()) return run_cycles(chip, *run, microcode, binds);
  return 1;
}

std::int64_t tail_cycles(const Chip& chip, const isa::Instruction& instruction) {
  if (is_transfer(instruction)) {
    const MemorySpec& memory = far_memory(chip, instruction);
    return memory.bandwidth.free() ? 0 : memory.latency_cycles;
  }
  if (instruction.as<isa::Matmul>()) {
    return chip.timing.feeder_latency + chip.mxu.rows + chip.mxu.columns - 2 + chip.timing.accumulator_latency;
  }
  return instruction.as<isa::Run>() ? chip.timing.vector_latency : 0;
}

const MemorySpec& far_memory(const Chip& chip, const isa::Instruction& instruction) {
  const auto of = [&](std::int64_t space) -> const MemorySpec& {
    return space == static_cast<std::int64_t>(isa::Space::kCmem) ? chip.cmem : chip.hbm;
  };
  if (const auto* load = instruction.as<isa::Load>()) return of(load->far_space);
  if (const auto* store = instruction.as<isa::Store>()) return of(store->far_space);
  if (const auto* gather = instruction.as<isa::Gather>()) return of(gather->far_space);
  return chip.hbm;
}

std::int64_t bursts(const Chip& chip, const isa::Instruction& instruction) {
  if (!is_transfer(instruction)) return 0;
  const MemorySpec& memory = far_memory(chip, instruction);
  if (memory.bandwidth.free()) return 0;
  if (const auto* load = instruction.as<isa::Load>()) {
    return load->planes * load->rows * ceil_div(load->bytes, memory.burst_bytes);
  }
  if (const auto* store = instruction.as<isa::Store>()) {
    return store->planes * store->rows * ceil_div(store->bytes, memory.burst_bytes);
  }
  const auto* gather = instruction.as<isa::Gather>();
  return gather->count * ceil_div(gather->bytes, memory.burst_bytes);
}

std::int64_t transfer_bytes(const isa::Instruction& instruction) {
  if (const auto* load = instruction.as<isa::Load>()) return load->planes * load->rows * load->bytes;
  if (const auto* store = instruction.as<isa::Store>()) return store->planes * store->rows * store->bytes;
  if (const auto* gather = instruction.as<isa::Gather>()) return gather->count * gather->bytes;
  return 0;
}

std::int64_t transfer_cycles(const MemorySpec& memory, std::int64_t bursts) {
  if (memory.bandwidth.free()) return 0;
  const Wide work = static_cast<Wide>(bursts) * memory.burst_bytes * memory.bandwidth.cycles;
  return static_cast<std::int64_t>((work + memory.bandwidth.bytes - 1) / memory.bandwidth.bytes);
}

}  // namespace systole::timing
