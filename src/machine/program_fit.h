// What every engine asks of a program before it runs, so that no word can lead it astray: check_program (isa/program.h) has
// the rest.
#pragma once

#include "chip/chip.h"
#include "isa/program.h"

namespace systole::machine {

// Every core and unit exists on the chip, every instruction keeps its own rules, every micro-operation names registers and
// streams that exist, and no run has more than 2^40 elements times taps.
Status check_fit(const isa::Program& program, const Chip& chip);

}  // namespace systole::machine
