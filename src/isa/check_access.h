#pragma once

#include <vector>

#include "isa/flow.h"
#include "isa/program.h"

namespace systole::isa {

// Every address of the core inside its memory, tiles inside the array, micro-programs inside the microcode, streams bound.
Status check_access(const Program& program, std::size_t core_number, const std::vector<LoopSpan>& loops, const MachineLimits& limits);

}  // namespace systole::isa
