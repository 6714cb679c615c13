// docs/machine.md sections 1 to 8 read aloud, cycle by cycle, for the tests of the event engine. Slow, and nothing shared with it
// but the durations of instructions (timing/timing.h).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "chip/chip.h"
#include "isa/program.h"

namespace systole::machine {

struct ClockedRun {
  struct Interval {
    std::int64_t word, start, busy_end, end;   // S, S + d, E
  };
  bool finished = false;
  std::int64_t cycles = 0;
  // [core][unit]: in the order of the queue.
  std::vector<std::array<std::vector<Interval>, isa::kUnits>> units;
};

ClockedRun run_clocked(const isa::Program& program, const Chip& chip, std::int64_t most_cycles);

}  // namespace systole::machine
