// What the time pass knows of a core at a moment, and its accounts.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "machine/event_words.h"

namespace systole::machine {

// A first-in first-out of plain values in one block that doubles when it is full.
template <typename T>
class Fifo {
 public:
  bool empty() const { return head_ == tail_; }
  std::size_t size() const { return tail_ - head_; }
  const T& front() const { return ring_[head_ & mask_]; }
  const T& operator[](std::size_t i) const { return ring_[(head_ + i) & mask_]; }   // 0: the front
  T& operator[](std::size_t i) { return ring_[(head_ + i) & mask_]; }
  void pop() { ++head_; }
  void push(const T& value) {
    if (tail_ - head_ == ring_.size()) grow();
    ring_[tail_++ & mask_] = value;
  }

 private:
  void grow() {
    std::vector<T> larger(ring_.empty() ? 8 : ring_.size() * 2);
    for (std::size_t i = head_; i != tail_; ++i) larger[i - head_] = ring_[i & mask_];
    tail_ -= head_;
    head_ = 0;
    ring_ = std::move(larger);
    mask_ = ring_.size() - 1;
  }
  std::vector<T> ring_;
  std::size_t head_ = 0, tail_ = 0, mask_ = 0;
};

// Where the cycles of one unit went. Stalls by cause; the sequencer's waits for a queue stand apart.
struct UnitAccount {
  std::int64_t busy = 0, idle = 0, instructions = 0;
  std::int64_t memory = 0, weights = 0, control = 0, barrier = 0;
  std::array<std::int64_t, isa::kUnits> wait{}, queue{};
};

// What the program's layers did, all cores together: rows of (core, unit), and memories.
struct LayerAccount {
  std::int64_t first = -1, last = 0, macs = 0;
  std::array<std::int64_t, kReportedMemories> read{}, written{};
};
struct Accounts {
  std::vector<LayerAccount> layers;
  std::vector<std::int64_t> layer_busy;    // [layer][core][unit]
  std::int64_t cores = 1;
  std::int64_t& busy(std::size_t layer, std::int64_t core, isa::UnitId unit) {
    return layer_busy[(layer * static_cast<std::size_t>(cores) + static_cast<std::size_t>(core)) * isa::kUnits + unit];
  }
};

// A core's control state: all that decides when things happen from here on, but for the place in the program. All times are
// cycles of the run. Numbers of instructions count only as differences.
struct Control {
  struct Entry {
    std::int32_t word = 0;
    std::int64_t arrival = 0, busy = 0;
  };
  struct Unit {
    std::vector<Entry> ring;            // queue
    std::vector<std::int64_t> issue;    // I of the instruction that had this place last
    std::int64_t fetched = 0, issued = 0;
    std::int64_t start = 0, free = 0, end = 0;   // S, S + d, E of the last issued
    bool in_flight = false;             // its transfer has not ended
    Entry flying;                       // which
    UnitAccount account;
    std::size_t place(std::int64_t number) const { return static_cast<std::size_t>(number & (static_cast<std::int64_t>(ring.size()) - 1)); }
  };
  struct Array {                        // the interlock of one push and matrix unit
    std::int64_t pushes = 0, swaps = 0, matmuls_fetched = 0, matmuls_issued = 0;
    std::int64_t last_swap_start = 0, last_matmul_end = 0;
    Fifo<std::int64_t> ready;           // S + d of pushes whose swap has not started
    Fifo<std::int64_t> after;           // without shadow weights: matmuls that must end before the next pushes,
    Fifo<std::int64_t> clear;           // and the cycle in which they have
  };
  // Engine e asks for `bursts` of `memory` from cycle `start` on; it stands there until its last burst is served.
  struct Transfer { bool waiting = false; FarMemory memory = kFarHbm; std::int64_t start = 0, bursts = 0; };

  std::int64_t fetch = 0;               // F of the next word
  std::array<Unit, isa::kUnits> units;
  std::array<Array, isa::kMaxArrays + 1> arrays;
  std::array<Transfer, isa::kMaxDmaEngines> transfers;
  std::array<std::array<Fifo<std::int64_t>, isa::kUnits>, isa::kUnits> tokens;   // [from][to]: E of tokens not yet taken
  std::array<std::uint16_t, isa::kUnits> waiters{};   // units (bit 0: the sequencer) to look at again when this one moves
  std::uint16_t dirty = 0;
};

}  // namespace systole::machine
