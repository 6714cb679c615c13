// Random programs on the three engines: same output bits, same final memory, same cycles.
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
  std::uint64_t seed = 0;
  std::vector<std::string> details;      // one line per mismatch: program, seed, engine, what differs
};

// Program i has the seed `seed` + i. Mismatches are not an error; what cannot be run is.
Expected<CheckResult> check(const Chip& chip, const CheckOptions& options);

}  // namespace systole::rtl
