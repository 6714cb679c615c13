// A netlist of standard cells against its RTL: TinyTPU, program by program.
#pragma once

#include <cstdint>

namespace systole::rtl {

// The chip's gates (memories of more than `largest_flops` bits as macros) and its RTL, both under Verilator, show the same at their ports
// in every clock of `programs` random programs and of `steps` steps of training exclusive or. The cells' functions are the Liberty file's.
void expect_gates_as_rtl(const char* chip, std::int64_t largest_flops, std::uint64_t programs, std::int64_t steps);

}  // namespace systole::rtl
