// Bytes of VMEM that an instruction reads and writes, in its unit's context: what reports call traffic.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "isa/instruction.h"
#include "numeric/microcode.h"

namespace systole::machine {

struct VmemTraffic {
  std::int64_t read = 0, written = 0;
};

// The vector unit's state as set by the instructions before it.
struct VectorContext {
  std::array<isa::Bind, isa::kVectorSlots> binds{};
  isa::Window window{};
};

VmemTraffic matmul_traffic(const isa::Matmul& matmul, const isa::Pad& pad);   // elements inside the bounds
VmemTraffic run_traffic(const isa::Run& run, std::span<const MicroOp> microcode, const VectorContext& context);
VmemTraffic dma_traffic(const isa::Instruction& instruction);
VmemTraffic push_traffic(const isa::Push& push);

// Indices i in [0, count) with 0 <= first + i x step < bound, as [low, high) (one range, since the value is monotone).
struct IndexRange {
  std::int64_t low = 0, high = 0;
  std::int64_t size() const { return high > low ? high - low : 0; }
};
IndexRange inside_range(std::int64_t first, std::int64_t step, std::int64_t count, std::int64_t bound);

}  // namespace systole::machine
