// SystemVerilog and a C++ testbench as a program on this machine, built once by content.
#pragma once

#include <string>
#include <vector>

#include "base/expected.h"

namespace systole::rtl {

struct HardwareText {
  std::string name;   // "pe.sv", packages before those that use them; testbench.cpp
  std::string text;
};

// The path of the built program. Needs `verilator`, `make` and `clang++-16` on the PATH. `cache`: folder for built programs; "": a
// folder of the system's temporary folder. `name` begins the name of the program's folder there.
Expected<std::string> verilate(const std::string& name, const std::vector<HardwareText>& texts, const std::string& top, const std::string& cache);

}  // namespace systole::rtl
