// SystemVerilog and a C++ testbench as a program on this machine, built once by content.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/expected.h"

namespace systole::rtl {

struct HardwareText {
  std::string name;   // "pe.sv", packages before those that use them; testbench.cpp
  std::string text;
};

// Where and what a traced program writes: an FST file of the cycles first .. last. Clock k begins at k x period_numerator /
// period_denominator units, rounded to nearest.
struct RtlTrace {
  std::string file;
  std::int64_t first = 0, last = std::numeric_limits<std::int64_t>::max();
  std::string unit = "1ps";
  std::int64_t period_numerator = 1000, period_denominator = 1;

  std::string arguments(const std::string& path) const;   // of the testbench, that writes to `path`
};

// How Verilator's C++ is compiled: Verilator's --compiler, then what `make` is told.
struct HardwareCompiler {
  std::string kind = "clang", make_flags = "CXX=clang++-16 LINK=clang++-16 OPT_FAST=-O2 OPT_SLOW=-O0 OPT_GLOBAL=-O2";
};

// The path of the built program. Needs `verilator`, `make` and `clang++-16` on the PATH. `cache`: folder for built programs; "": a
// folder of the system's temporary folder. `name` begins the name of the program's folder there. `traced`: it can write waves, and is slower.
Expected<std::string> verilate(const std::string& name, const std::vector<HardwareText>& texts, const std::string& top, const std::string& cache,
                               bool traced = false, const HardwareCompiler& compiler = {});

}  // namespace systole::rtl
