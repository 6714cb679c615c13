// Random programs on the three engines: same output bits, same final memory, same cycles; event and register engine: the same account
// of every unit's cycles; register engine and RTL: the same array, register by register, in every cycle.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "rtl/coverage.h"

namespace systole::rtl {

struct CheckOptions {
  std::int64_t programs = 20;
  std::uint64_t seed = 1;
  std::vector<std::string> wanted;       // combinations (coverage.h) that are to occur `least` times each: if need be in more programs, up to as
  std::int64_t least = 0;                // many again
  bool registers = true, rtl = true;     // beside the event engine; of chips with several cores the RTL has none
  double compiled = 0.2;                 // the share of programs that the compiler makes of random graphs
  bool stop_at_mismatch = false;
  std::string cache;                     // of RtlModel
  std::function<void(std::int64_t done)> progress;
};
struct Tally {
  std::int64_t programs = 0, cycles_compared = 0, mismatches = 0;
  std::int64_t array_cycles = 0;         // cycles in which every register of the array was compared, register engine against RTL
};
struct CheckResult : Tally {
  std::uint64_t seed = 0;
  std::vector<std::string> details;      // one line per mismatch: program, seed, engine, what differs
  std::map<std::string, Tally> formats;  // by the format of the program's products (rtl/coverage.h)
  Coverage coverage;                     // executed words, by core 0
  std::map<std::string, std::int64_t> drawn_again;   // programs not run, by why: too short, refused by the compiler or the RTL
};

// Program i has the seed `seed` + i. Mismatches are not an error; what cannot be run is.
Expected<CheckResult> check(const Chip& chip, const CheckOptions& options);

}  // namespace systole::rtl
