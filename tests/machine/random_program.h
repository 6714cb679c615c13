// Random chips and random legal programs for them, for tests of the time pass.
#pragma once

#include "base/random.h"
#include "chip/chip.h"
#include "isa/program.h"

namespace systole::machine {

Chip random_chip(Random& random);
// Every token is given before it is taken, in fetch order; pushes and swaps pair; loops nest.
// Without `halts` one core in five has no halt: it ends with its last word.
isa::Program random_program(Random& random, const Chip& chip, int words, bool halts = true);
// The same of many iterations: `most` of any word at most. Bodies take all the tokens that they give, some an iteration late.
isa::Program random_loops(Random& random, const Chip& chip, int words, std::int64_t most);

}  // namespace systole::machine
