// Random legal programs for the comparison of the engines: matrix products and convolutions with random shapes, tilings, pads and
// overlap, and mixes of every word and format that the hardware has.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "chip/chip.h"
#include "isa/program.h"

namespace systole::rtl {

struct Kernel {
  isa::Program program;            // outputs: "y", int32, if expected, and "memory", all of HBM as bytes
  std::vector<Tensor> inputs;
  std::optional<Tensor> expected;  // of "y", by direct loops over the definition
  std::string text;                // what it is, for messages
};

Kernel random_product(Random& random, const Chip& chip);       // straight-line words, tokens placed one by one
Kernel random_convolution(Random& random, const Chip& chip);   // the same, windows with pads
Kernel random_looped_product(Random& random, const Chip& chip);   // loops and stride sets; needs two DMA engines
// Dense in short words: tiles, products of a few rows, pads, words without work and small transfers from data that is loaded once,
// so that issue, interlock, queues and ends decide the time, not the memory.
Kernel random_stream(Random& random, const Chip& chip);
// Every opcode, format and unit: products of the chip's formats, micro-programs of every operation over streams of every type, boxes of
// bytes between HBM, buffer and accumulators, loops with stride sets. The buffer and the accumulators are in "memory" at the end. Several
// cores read each other's results behind barriers.
Kernel random_mix(Random& random, const Chip& chip);
Kernel random_kernel(Random& random, const Chip& chip);        // one of these
// A random small graph (graph/random_graph.h), compiled for the chip under random options. kUnsupported: the compiler or the hardware
// refuses it.
Expected<Kernel> random_compiled(Random& random, const Chip& chip);

}  // namespace systole::rtl
