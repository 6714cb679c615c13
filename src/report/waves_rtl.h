// The signals of Verilator's FST dumps that the save file beside one shows, by the names of the SystemVerilog sources.
#pragma once

#include "report/waves.h"

namespace systole::report {

// Widths that the generator chooses.
struct RtlWidths { int program_counter = 16, operand = 8; };

// Of a generic chip with one core; signals without read().
std::vector<Signal> rtl_signals(const Chip& chip, const RtlWidths& widths);
// Of a TinyTPU chip.
std::vector<Signal> tinytpu_rtl_signals();

}  // namespace systole::report
