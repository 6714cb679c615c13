// A TinyTPU program from reset to rest, on the engines that need no hardware description; rtl/tinytpu.h has the third.
#pragma once

#include <functional>

#include "machine/tinytpu/state.h"

namespace systole::tinytpu {

using Memory = std::array<std::int16_t, kMemoryWords>;

struct Result {
  Memory memory{};                         // the buffer at rest
  std::int64_t issue_cycles = 0;           // until the halt
  std::int64_t cycles = 0;                 // until nothing moves
  std::int64_t clocks = 0;                 // of the chip for these cycles; more with a buffer in block RAM or one multiplier
  std::int64_t lost_writes = 0;            // words written beyond the buffer
};

// Called at the end of each clock in which a loop's `end` is taken, with the buffer after that clock.
using OnRound = std::function<void(const Memory&)>;

// Clock by clock (machine.h).
Expected<Result> run_registers(const Program& program, const Options& options, const OnRound& on_round = {});
// By what happens: words, rows of the array and values in the vector unit; addresses in closed form, clocks in which nothing
// moves are skipped. Same bits, same cycles.
Expected<Result> run_events(const Program& program, const Options& options, const OnRound& on_round = {});

// The wait at this instruction never ends.
Error stuck_error(const Program& program, std::int64_t pc);

}  // namespace systole::tinytpu
