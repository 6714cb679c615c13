// Finds repetitions in a flat instruction list and writes them as hardware loops (isa::Loop, isa::Strides).
#pragma once

#include "isa/program.h"

namespace systole::compile {

// The words that isa::Fetcher visits are the same before and after, `loop`, `end` and `strides` apart.
void roll_loops(isa::CoreCode& core);

}  // namespace systole::compile
