// A core's static words, decoded once for the time pass: what the clock needs of each, and nothing of addresses.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "chip/chip.h"
#include "isa/program.h"
#include "machine/event_traffic.h"

namespace systole::machine {

enum FarMemory : std::uint8_t { kFarHbm = 0, kFarCmem = 1 };
constexpr int kReportedMemories = 3;   // hbm, cmem, vmem

struct Word {
  enum class Kind : std::uint8_t { kQueued, kScalar, kLoop, kEnd, kBarrier, kHalt };
  enum class Role : std::uint8_t { kOther, kPush, kMatmul, kSwap, kTransfer, kBind, kWindow, kPad, kRun };
  Kind kind = Kind::kScalar;
  Role role = Role::kOther;
  isa::UnitId unit = isa::kScalar;
  FarMemory memory = kFarHbm;
  std::uint16_t wait = 0, signal = 0, layer = 0;
  std::int64_t count = 1;              // of a loop
  std::int64_t busy = 0, tail = 0;     // busy: transfers apart
  std::int64_t bursts = 0, alone = 0;  // of a transfer; its time on an idle memory
  std::int64_t macs = 0;
  std::array<std::int64_t, kReportedMemories> read{}, written{};
  std::string_view name;
};

class Words {
 public:
  Words(const isa::Program& program, const isa::CoreCode& core, const Chip& chip);
  std::int64_t size() const { return static_cast<std::int64_t>(words_.size()); }
  // The word at `index`, fetched now: keeps the context (binds, window, pads) in fetch order, which is the order of each queue.
  const Word& fetch(std::int64_t index);
  // Which words set what is in force: with it, every word's price is fixed.
  struct Setters {
    std::array<std::int32_t, isa::kVectorSlots + 1> context{};
    std::array<std::int32_t, isa::kUnits> pad{};
    bool operator==(const Setters&) const = default;
  };
  Setters setters() const { return {context_, pad_}; }
  const Word& at(std::int64_t index) const { return words_[static_cast<std::size_t>(index)]; }

 private:
  using Context = std::array<std::int32_t, isa::kVectorSlots + 1>;   // words that bound each slot, and that set the window
  void price_run(std::int64_t index);
  void price_matmul(std::int64_t index);

  const isa::Program* program_;
  const isa::CoreCode* core_;
  const Chip* chip_;
  std::vector<Word> words_;
  std::vector<Context> priced_;                        // per word: the context that its price stands for
  Context context_;
  std::array<std::int32_t, isa::kUnits> pad_;          // word that set a matrix unit's pad, -1: none
};

}  // namespace systole::machine
