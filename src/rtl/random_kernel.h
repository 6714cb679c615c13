// Random legal programs without vector instructions: matrix products and convolutions with random shapes, tilings, pads and
// overlap, for the comparison of the engines.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "chip/chip.h"
#include "isa/program.h"

namespace systole::rtl {

struct Kernel {
  isa::Program program;            // one core; outputs: "y", int32, and "memory", all of HBM as bytes
  std::vector<Tensor> inputs;
  Tensor expected;                 // of "y", by direct loops over the definition
  std::string text;                // what it is, for messages
};

Kernel random_product(Random& random, const Chip& chip);       // straight-line words, tokens placed one by one
Kernel random_convolution(Random& random, const Chip& chip);   // the same, windows with pads
Kernel random_looped_product(Random& random, const Chip& chip);   // loops and stride sets; needs two DMA engines
// Dense in short words: tiles, products of a few rows, pads, words without work and small transfers from data that is loaded once,
// so that issue, interlock, queues and ends decide the time, not the memory.
Kernel random_stream(Random& random, const Chip& chip);
Kernel random_kernel(Random& random, const Chip& chip);        // one of these

}  // namespace systole::rtl
