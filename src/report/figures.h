// Figures that the JSON object and the table share.
#pragma once

#include "runtime/session.h"

namespace systole::report {

// Useful multiply-accumulates of all layers.
std::int64_t useful_macs(const isa::Program& program);
// macs / (cycles x processing elements of all arrays and cores): 1 if every element did useful work in every cycle.
double utilisation(std::int64_t macs, std::int64_t cycles, const Chip& chip);

}  // namespace systole::report
