// Skips the steady state of loops in the time pass.
//
// What a core does after the end of an iteration follows from its control state, that of the memories (arbitration credit
// included) and the setters in force. If all of it at one end of an iteration is that of an earlier end of the same loop,
// every time shifted by the same number of cycles, the iterations between repeat until the loop is left: counts grow by as
// much in each repeat, and times by the shift. A time counts as far as it can still decide something: two that lie before
// all that is to come are equal. The last repeat is always gone through, so the latest cycle of a layer needs no care.
// For programs of one core.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "machine/event_control.h"
#include "timing/timing.h"

namespace systole::machine {

using Memories = std::array<std::unique_ptr<timing::MemoryServer>, 2>;   // by FarMemory; null: free

class RepeatSkipper {
 public:
  // `units`: those that the core has. All stay with the engine.
  RepeatSkipper(const Chip& chip, std::vector<isa::UnitId> units, Accounts& accounts, Memories& memories);

  // A loop opens at `depth` (the outermost: 1).
  void enter(std::size_t depth, const Control& now);
  // An iteration has ended and `left` > 0 are to come. Returns how many of them it skipped; `now` stands behind those.
  std::int64_t iteration_ends(std::size_t depth, std::int64_t left, Control& now, const Words& words);
  std::int64_t skipped_words() const { return skipped_; }
  bool too_long() const { return too_long_; }   // a count passed 2^62: the run is not worth going on with

 private:
  struct Moment {
    std::int64_t left = 0;               // iterations to come then; 0: nothing kept
    Control control;
    Words::Setters setters;
    std::array<std::optional<timing::MemoryServer>, 2> memories;
    std::vector<LayerAccount> layers;
    std::vector<std::int64_t> layer_busy;
  };
  struct Level {
    std::int64_t entered = 0, next = 0;  // words gone through: when the loop opened; from there to the next moment kept
    bool settled = false;                // nothing more to skip
    Moment kept;
  };

  struct Growth;

  std::int64_t gone_through(const Control& now) const { return now.units[isa::kScalar].account.instructions - skipped_; }
  void keep(Moment& moment, std::int64_t left, const Control& now, const Words& words) const;
  bool repeats(const Moment& earlier, const Control& now, const Words& words) const;
  bool same_unit(const Control& earlier, const Control& now, isa::UnitId unit) const;
  bool same_array(const Control& earlier, const Control& now, int array) const;
  bool same_tokens(const Control& earlier, const Control& now) const;
  void shift(const Control& earlier, Control& now, std::int64_t cycles) const;
  void add_counts(const Moment& earlier, Control& now, Growth& growth) const;

  std::int64_t ctl_, depth_;
  int arrays_;
  std::vector<isa::UnitId> units_;
  Accounts* accounts_;
  Memories* memories_;
  std::array<Level, isa::kLoopLevels> levels_;
  std::int64_t skipped_ = 0;
  bool too_long_ = false;
};

}  // namespace systole::machine
