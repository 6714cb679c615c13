// Every register of TinyTPU, and the wires of one clock: what a writer of waves or pictures looks at.
#pragma once

#include <array>
#include <cstdint>

#include "machine/tinytpu/arithmetic.h"
#include "machine/tinytpu/word.h"

namespace systole::tinytpu {

struct Lane {
  std::int16_t value = 0;
  bool valid = false;
  bool operator==(const Lane&) const = default;
};

struct Element {
  std::int16_t active = 0, shadow = 0;     // weights
  std::int16_t input = 0;                  // to the east
  std::int16_t sum = 0, weight = 0;        // to the south
  bool valid = false, switching = false;   // to the east and south
  bool operator==(const Element&) const = default;
};

// A read command at work: rows x columns values, column i one clock behind column i - 1.
struct Channel {
  int pointer = 0, rows = 0, columns = 0, skip = 0, counter = 0;
  bool transpose = false;
  bool running() const { return counter + 1 < rows + columns; }
  bool operator==(const Channel&) const = default;
};

struct Buffer {
  std::array<std::int16_t, kMemoryWords> memory{};
  std::uint16_t write_pointer = 0;
  std::array<Channel, 7> channels;         // by Stream
  // The read lanes' output registers, two for each destination.
  std::array<Lane, 2> input, weight;
  std::array<std::int16_t, 2> bias{}, target{}, activation{}, old{};
  // Gradient descent.
  int descent_pointer = 0;
  bool weight_mode = false;                // else bias: sums the batch
  std::array<Lane, 2> descent;             // the updated value; valid: write it
  bool operator==(const Buffer&) const = default;
};

// One column's stages; each register's valid bit travels with it.
struct VectorLane {
  Lane bias, leaky, loss, derivative;
  std::int16_t last_activation = 0;        // the H cache
  bool operator==(const VectorLane&) const = default;
};

struct Sequencer {
  struct Loop {
    std::int64_t first = 0, left = 0;      // the first word's address; rounds left, this one included
    bool operator==(const Loop&) const = default;
  };
  std::int64_t pc = 0;
  bool waiting = false, halted = false;
  std::int64_t hold = 0;                   // idle clocks left
  int depth = 0;
  std::array<Loop, kLoopDepth> loops;
  std::uint8_t pathway = 0;                // of the last word: these stay while no word is given
  std::int16_t loss_scale = 0, leak = 0;
  bool valid_before = false;               // the vector unit's first lane in the clock before
  bool operator==(const Sequencer&) const = default;
};

struct State {
  std::int64_t cycle = 0;                  // 0: the first word's clock
  std::int64_t clocks = 0;                 // of the chip: more with a buffer in block RAM or one multiplier
  std::array<std::array<Element, 2>, 2> elements;   // [row][column]
  std::array<bool, 2> enabled{};           // columns
  std::array<VectorLane, 2> lanes;
  Buffer buffer;
  Sequencer sequencer;
  Lfsrs lfsrs{};
  std::int64_t lost_writes = 0;            // words written beyond the buffer
};

// Of the clock that the state begins.
struct Wires {
  Word word;                               // what drives the machine
  bool issued = false;                     // an instruction is taken in this clock
  std::int64_t pc = 0;                     // ... this one
  std::optional<std::uint16_t> pointer;    // the write pointer is set at the end of the clock
  std::array<Lane, 2> array;               // leaves the array
  std::array<Lane, 2> vector;              // leaves the vector unit
  bool descending = false;                 // gradient descent takes what leaves the vector unit
};

}  // namespace systole::tinytpu
