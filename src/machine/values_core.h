// One core in the value pass: executes instructions with effective addresses, in fetch order (docs/machine.md section 2 says
// why that gives the machine's values).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "chip/chip.h"
#include "isa/program.h"
#include "machine/values_memory.h"
#include "numeric/matmul.h"

namespace systole::machine {

// A pushed weight tile: rows x columns elements of `format`, and the host's packing of it for the last use.
struct PushedWeights {
  DType format = DType::kBF16;
  bool given = false;                        // false: the zeros that the array starts with
  std::int64_t rows = 0, columns = 0;
  std::vector<std::uint8_t> dense;
  std::optional<WeightTile> tile;
  TileFormat tile_format;
};

struct ValueArray {
  isa::Pad pad;
  std::deque<PushedWeights> pushed;          // not yet swapped in
  PushedWeights active;
  ByteStore accumulators;                    // word row x C + column
};

class ValueCore {
 public:
  // `memory`: HBM and CMEM. `parallel(n, f)` calls f(0) .. f(n - 1), on several threads or one.
  ValueCore(const Chip& chip, std::span<const MicroOp> microcode, FarMemories& far, int threads);
  bool allocate();                           // false if the host lacks the memory
  Outcome execute(const isa::Instruction& instruction);

 private:
  Outcome load(const isa::Load& load);
  Outcome store(const isa::Store& store);
  Outcome gather(const isa::Gather& gather);
  Outcome push(ValueArray& array, const isa::Push& push);
  Outcome matmul(ValueArray& array, const isa::Matmul& matmul);
  Outcome run(const isa::Run& run);

  const Chip* chip_;
  std::span<const MicroOp> microcode_;
  FarMemories* far_;
  int threads_;
  ByteStore vmem_;
  std::vector<ValueArray> arrays_;
  std::array<isa::Bind, isa::kVectorSlots> binds_{};
  isa::Window window_{};
};

// The accumulators hold `words`; a chip that does not bound them (accumulator_rows 0) grows.
Outcome need_accumulators(ValueArray& array, const Chip& chip, std::int64_t first_word, std::int64_t words);

}  // namespace systole::machine
