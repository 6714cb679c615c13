// Where the words of a random program of every kind go, and the places that they may touch.
#pragma once

#include <array>
#include <vector>

#include "base/random.h"
#include "chip/chip.h"
#include "numeric/microcode.h"
#include "rtl/token_writer.h"

namespace systole::rtl {

// Offsets from an address, both ends included.
struct Span {
  std::int64_t low = 0, high = 0;
  Span operator+(Span other) const { return {low + other.low, high + other.high}; }
};
// i x step for i < count.
inline Span steps(std::int64_t step, std::int64_t count) { return step < 0 ? Span{step * (count - 1), 0} : Span{0, step * (count - 1)}; }

// A stride set with what the open loops can add by it.
struct Stride {
  std::int64_t set = 0;
  Span reach;
};

struct Canvas {
  Random& random;
  const Chip& chip;
  std::vector<MicroOp>& microcode;     // of all cores
  std::int64_t vmem = 0;               // bytes used, from 0
  std::int64_t accumulator_rows = 0;   // rows used, from 0
  TokenWriter* writer = nullptr;       // of the program or of the open loops' body
  std::array<Stride, 4> bytes{}, rows{};   // stride sets that may move a byte address, an accumulator row; [0]: none

  // An address with address + span inside [from, to), or -1.
  std::int64_t place(Span span, std::int64_t from, std::int64_t to) {
    const std::int64_t least = from - span.low, most = to - 1 - span.high;
    return least > most ? -1 : random.integer(least, most);
  }
  Stride stride(const std::array<Stride, 4>& from) { return random.chance(0.5) ? from[0] : from[static_cast<std::size_t>(random.integer(0, 3))]; }
};

// Binds, bounds and runs of random micro-programs: streams of every type, strided, masked, maps and reductions.
void random_vector_words(Canvas& canvas);

}  // namespace systole::rtl
