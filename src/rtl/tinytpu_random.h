// Random TinyTPU programs: jobs as a programmer would write them, words without sense, and the sequencer's words between.
#pragma once

#include <cstdint>

#include "machine/tinytpu/word.h"

namespace systole::rtl {

// The same seed, the same program. Some wait for ever: the engines say so.
tinytpu::Program random_tinytpu_program(std::uint64_t seed);

}  // namespace systole::rtl
