// The bytes that an instruction touches, exactly, as strided boxes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "chip/chip.h"
#include "isa/program.h"
#include "machine/event_traffic.h"

namespace systole::machine {

// `bytes` bytes at base + sum of index x stride for every index: dimensions from the largest stride to the smallest, strides
// positive, none with one index, none that could be merged with the one inside it.
struct ByteBox {
  struct Dim { std::int64_t count, stride; };
  static constexpr std::size_t kDims = 7;
  std::int64_t base = 0, bytes = 0;
  std::size_t dims = 0;
  std::array<Dim, kDims> dim{};

  ByteBox() = default;
  ByteBox(std::int64_t first, std::int64_t length, std::span<const Dim> any_dims);   // in any order, any sign
  std::int64_t end() const;                                                          // one past the last byte
  bool dense() const { return dims == 0; }
  bool operator==(const ByteBox& other) const;
};
bool overlap(const ByteBox& a, const ByteBox& b);

// One memory: HBM and CMEM are shared (core 0 stands for all).
struct MemoryId {
  isa::Space space = isa::Space::kHbm;
  int core = 0, array = 0;
  bool operator==(const MemoryId&) const = default;
};
struct Access {
  MemoryId memory;
  bool write = false;
  ByteBox box;
};

// What a core's units know when an instruction executes.
struct UnitContext {
  VectorContext vector;
  std::array<isa::Pad, isa::kMaxArrays> pads{};
  void take(const isa::Instruction& instruction);   // bind, window, pad
};

// Appends the accesses of an instruction with effective addresses. A gather's table counts as read in whole.
void accesses_of(const isa::Instruction& instruction, int core, const Chip& chip, std::span<const MicroOp> microcode,
                 const UnitContext& context, std::vector<Access>& out);

}  // namespace systole::machine
