// Waves: the registers of an engine over its cycles, as a value change dump and a GTKWave save file beside it.
//
// An engine is a WaveSource: a list of signals that can be read before and after each clock. Everything else (the dump, the save
// file, the animated picture's panels) works on that list.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/expected.h"
#include "chip/chip.h"
#include "isa/program.h"

namespace systole::report {

// kText: ASCII; kFixedN: signed, N bits of fraction.
enum class WaveFormat {
  kBit, kUnsigned, kSigned, kHex, kFloat32, kText,
  kFixed1, kFixed2, kFixed3, kFixed4, kFixed5, kFixed6, kFixed7, kFixed8, kFixed9, kFixed10, kFixed11, kFixed12, kFixed13, kFixed14, kFixed15,
};
constexpr WaveFormat fixed_format(int fraction) {
  return static_cast<WaveFormat>(static_cast<int>(WaveFormat::kFixed1) + fraction - 1);
}
// 0 if it is not fixed point.
constexpr int fraction_of(WaveFormat format) {
  return format < WaveFormat::kFixed1 ? 0 : static_cast<int>(format) - static_cast<int>(WaveFormat::kFixed1) + 1;
}

struct Signal {
  std::vector<std::string> scope;      // {"systole", "core0", "array", "pe_0_1"}
  std::string name;
  int width = 1;                       // 1 .. 64
  WaveFormat format = WaveFormat::kBit;
  std::string group;                   // of the save file: "sequencer", "queues", "array", "vector unit", "buffer", ...
  // A register is read before the clock of its cycle, a wire (what a unit decided in the cycle) after it.
  bool wire = false;
  std::function<std::uint64_t()> read;

  std::string path() const;            // "systole.core0.array.pe_0_1.sum"
};

// ASCII of at most 8 letters, as a kText signal holds it.
std::uint64_t text_bits(std::string_view text);

// A window of elements of an array, first and last.
struct ElementWindow { std::int64_t first_row = 0, last_row = 0, first_column = 0, last_column = 0; };
constexpr std::int64_t kElementsShown = 16;     // rows and columns of an array that is shown whole
// The whole array if it has at most 16 x 16 elements and `text` is empty, else what `text` ("0:7,0:7") names.
Expected<ElementWindow> element_window(const Chip& chip, const std::string& text);

struct CycleWindow { std::int64_t first = 0, last = 0; };
// "" is all of `cycles`; "A:B" names the first and the last.
Expected<CycleWindow> cycle_window(std::int64_t cycles, const std::string& text);

class WaveSource {
 public:
  virtual ~WaveSource() = default;
  const std::vector<Signal>& signals() const { return signals_; }
  // One clock. The cycle that ends with it was number cycle() before.
  virtual void step() = 0;
  virtual bool done() const = 0;
  virtual std::int64_t cycle() const = 0;
  // Of the chip, for these cycles: the same, but for a machine that takes several clocks for a cycle.
  virtual std::int64_t clocks() const { return cycle(); }

 protected:
  std::vector<Signal> signals_;
};

struct WaveOptions {
  CycleWindow cycles;
  std::string title;                               // a comment in the dump
  std::int64_t limit_bytes = 1'000'000'000;
};
struct WaveResult { std::int64_t cycles = 0, signals = 0; };
// Steps the source from its start to the window's end.
Expected<WaveResult> write_vcd(const std::string& path, WaveSource& source, Hertz clock, const WaveOptions& options);

// The save file of a dump: the signals in groups, decoded by format. `counted`: the dump counts the cycles, too.
std::string gtkwave_save(const std::string& dump_name, const std::vector<Signal>& signals, bool counted = true);

}  // namespace systole::report
