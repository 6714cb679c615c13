// Random chips and random legal programs for them, for tests of the time pass.
#pragma once

#include "base/random.h"
#include "chip/chip.h"
#include "isa/program.h"

namespace systole::machine {

Chip random_chip(Random& random);
// Every token is given before it is taken, in fetch order; pushes and swaps pair; loops nest.
isa::Program random_program(Random& random, const Chip& chip, int words);

}  // namespace systole::machine
