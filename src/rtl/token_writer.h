// Writes words for one core, straight-line or in loops, and places the tokens: a word waits for every earlier word of another unit (or of
// its own DMA engine) that touches the same bytes, at least one of the two writing.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "isa/program.h"

namespace systole::rtl {

struct Access {
  isa::Space space = isa::Space::kVmem;
  std::int64_t begin = 0, end = 0;     // bytes; accumulators: rows
  bool write = false;
};

class TokenWriter {
 public:
  void add(const isa::Body& body, isa::UnitId unit, std::vector<Access> accesses = {});
  // A barrier behind everything before.
  void add_barrier();
  // The next word of `unit` also waits for the latest word of `from`, needed or not.
  void wait_for(isa::UnitId from) { extra_wait_ = static_cast<int>(from); }
  // The words of `body` in nested loops of these counts, outermost first. Their accesses hold for all iterations; a word of one iteration
  // waits for those of the one before that it conflicts with. Everything before has ended when the loops begin, and they before what follows.
  void add_loops(const std::vector<std::int64_t>& counts, TokenWriter body);
  std::vector<isa::Instruction> take() { return std::move(code_); }
  std::size_t size() const { return code_.size(); }

 private:
  struct Past { std::size_t word; isa::UnitId unit; std::vector<Access> accesses; };
  static bool conflict(const std::vector<Access>& a, const std::vector<Access>& b);

  void fence(std::uint16_t units);     // the sequencer waits for all that these have got

  std::vector<isa::Instruction> code_;
  std::vector<Past> past_;
  std::array<std::array<std::int64_t, isa::kUnits>, isa::kUnits> synced_{};   // [unit][from]: words of code_ up to here have ended
  int extra_wait_ = -1;
};

}  // namespace systole::rtl
