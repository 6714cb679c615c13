// What the writers of random programs share.
#pragma once

#include "rtl/random_kernel.h"

namespace systole::rtl {

// Activations a, weights w, results y int32 [m][n], one after another in HBM, 64-byte aligned.
struct Layout {
  std::int64_t a = 0, w = 0, y = 0, end = 0;
};
std::int64_t align(std::int64_t bytes);
Tensor random_bytes(Random& random, std::int64_t count, DType type);
// Bytes that are ordinary fp32 numbers (some of few bits, so that results fall on ties; now and then all so small that products are subnormal, or so
// alike that sums cancel; now and then with infinities and NaNs), zeros,
// small integers, and here and there anything: good for every other type too.
Tensor random_words(Random& random, std::int64_t bytes);
std::int64_t byte_value(const std::uint8_t* p, DType type);       // i8 or u8
DType random_type(Random& random, const Chip& chip);              // one of the two that the chip multiplies

// The program's bindings and memory: everything but the code. `expected` is zero.
Kernel describe(const Chip& chip, Tensor a, Tensor w, std::int64_t m, std::int64_t n, Layout& layout);
// Adds the code and a halt.
void finish(Kernel& kernel, const Chip& chip, std::vector<isa::Instruction> code);

}  // namespace systole::rtl
