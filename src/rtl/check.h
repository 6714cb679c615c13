// Random programs on the three engines: same output bits, same final memory, same cycles; register engine and RTL: the same
// array, register by register, in every cycle.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chip/chip.h"

namespace systole::rtl {

struct CheckOptions {
  std::int64_t programs = 20;
  std::uint64_t seed = 1;
  bool registers = true, rtl = true;     // beside the event engine
  std::string cache;                     // of RtlModel
};
struct CheckResult {
  std::int64_t programs = 0, cycles_compared = 0, mismatches = 0;
  std::int64_t array_cycles = 0;         // cycles in which every register of the array was compared, register engine against RTL
  std::uint64_t seed = 0;
  std::vector<std::string> details;      // one line per mismatch: program, seed, engine, what differs
};

// Program i has the seed `seed` + i. Mismatches are not an error; what cannot be run is.
Expected<CheckResult> check(const Chip& chip, const CheckOptions& options);

}  // namespace systole::rtl
