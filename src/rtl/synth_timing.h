// OpenSTA on the netlist of synthesis: the longest path between flip-flops, ports without delay outside.
#pragma once

#include "rtl/synth_tools.h"

namespace systole::rtl {

// Reads timing.v in the scratch folder; fills in critical_ns, fmax_mhz, from and to.
Status analyze_timing(const Scratch& scratch, const Design& design, const std::string& liberty, GateResult& result);

}  // namespace systole::rtl
