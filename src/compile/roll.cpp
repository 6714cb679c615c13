#include "compile/roll.h"

namespace systole::compile {

void roll_loops(isa::CoreCode&) {}

}  // namespace systole::compile
