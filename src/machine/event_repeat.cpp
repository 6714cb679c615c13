#include "machine/event_repeat.h"

#include <algorithm>

namespace systole::machine {
namespace {

constexpr std::int64_t kFirstMoment = 12;   // words: keeping a moment costs about as much as going through some 50

using Unit = Control::Unit;
using Array = Control::Array;

// Nothing that the unit has not issued yet issues before this cycle.
std::int64_t horizon(const Control& control, isa::UnitId id) {
  const Unit& unit = control.units[id];
  return unit.issued == unit.fetched ? control.fetch : unit.ring[unit.place(unit.issued)].arrival;
}

// Times of two moments. One before its floor decides nothing any more.
struct Pair {
  std::int64_t earlier_floor, now_floor, cycles;
  bool same(std::int64_t earlier, std::int64_t now) const {
    return std::max(earlier, earlier_floor) + cycles == std::max(now, now_floor);
  }
  bool same(const Fifo<std::int64_t>& earlier, const Fifo<std::int64_t>& now) const {
    if (earlier.size() != now.size()) return false;
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (!same(earlier[i], now[i])) return false;
    }
    return true;
  }
};

bool used(const Unit& earlier, const Unit& now) { return earlier.issued != now.issued || earlier.in_flight || now.in_flight; }

void shift_all(Fifo<std::int64_t>& times, std::int64_t cycles) {
  for (std::size_t i = 0; i < times.size(); ++i) times[i] += cycles;
}

}  // namespace

// Adds what `times` more repeats of a growth add; false if a count would pass half of 2^63.
struct RepeatSkipper::Growth {
  std::int64_t times;
  bool fits = true;
  void add(std::int64_t earlier, std::int64_t& now) {
    std::int64_t more = 0;
    fits = fits && !__builtin_mul_overflow(times, now - earlier, &more) && !__builtin_add_overflow(now, more, &more) &&
           more < (std::int64_t{1} << 62);
    if (fits) now = more;
  }
  template <std::size_t N>
  void add(const std::array<std::int64_t, N>& earlier, std::array<std::int64_t, N>& now) {
    for (std::size_t i = 0; i < N; ++i) add(earlier[i], now[i]);
  }
  void add(const UnitAccount& earlier, UnitAccount& now) {
    for (const auto field : {&UnitAccount::busy, &UnitAccount::idle, &UnitAccount::instructions, &UnitAccount::memory,
                             &UnitAccount::weights, &UnitAccount::control, &UnitAccount::barrier}) {
      add(earlier.*field, now.*field);
    }
    add(earlier.wait, now.wait);
    add(earlier.queue, now.queue);
  }
};

RepeatSkipper::RepeatSkipper(const Chip& chip, std::vector<isa::UnitId> units, Accounts& accounts, Memories& memories)
    : ctl_(chip.timing.control_cycles), depth_(std::max<std::int64_t>(chip.timing.queue_depth, 1)),
      arrays_(static_cast<int>(std::min<std::int64_t>(chip.mxu.count, isa::kMaxArrays))), units_(std::move(units)),
      accounts_(&accounts), memories_(&memories) {}

void RepeatSkipper::enter(std::size_t depth, const Control& now) {
  if (depth > levels_.size()) return;
  Level& level = levels_[depth - 1];
  level.entered = gone_through(now);
  level.next = kFirstMoment;
  level.settled = false;
  level.kept.left = 0;
}

// A moment is kept whenever twice as many words as at the last one have been gone through, and every end after it is
// compared with it: so any period is found once the loop is steady, and keeping costs little.
std::int64_t RepeatSkipper::iteration_ends(std::size_t depth, std::int64_t left, Control& now, const Words& words) {
  if (depth > levels_.size()) return 0;
  Level& level = levels_[depth - 1];
  if (level.settled) return 0;
  if (level.kept.left != 0 && repeats(level.kept, now, words)) {
    level.settled = true;
    const std::int64_t period = level.kept.left - left, times = left / period - 1;
    if (times <= 0) return 0;
    const std::int64_t words_before = now.units[isa::kScalar].account.instructions;
    std::int64_t fetch = now.fetch;
    Growth growth{times};
    growth.add(level.kept.control.fetch, fetch);
    add_counts(level.kept, now, growth);
    if (!growth.fits) {
      too_long_ = true;
      return 0;
    }
    skipped_ += now.units[isa::kScalar].account.instructions - words_before;
    shift(level.kept.control, now, fetch - now.fetch);
    return times * period;
  }
  const std::int64_t gone = gone_through(now) - level.entered;
  if (gone >= level.next) {
    level.next = 2 * gone;
    keep(level.kept, left, now, words);
  }
  return 0;
}

void RepeatSkipper::keep(Moment& moment, std::int64_t left, const Control& now, const Words& words) const {
  moment.left = left;
  moment.control = now;
  moment.setters = words.setters();
  for (std::size_t m = 0; m < memories_->size(); ++m) {
    if ((*memories_)[m]) moment.memories[m] = *(*memories_)[m];
  }
  moment.layers = accounts_->layers;
  moment.layer_busy = accounts_->layer_busy;
}

bool RepeatSkipper::repeats(const Moment& earlier, const Control& now, const Words& words) const {
  const Control& control = earlier.control;
  for (const isa::UnitId unit : units_) {
    if (!same_unit(control, now, unit)) return false;
  }
  for (int array = 0; array < arrays_; ++array) {
    if (!same_array(control, now, array)) return false;
  }
  if (control.waiters != now.waiters || control.dirty != now.dirty || !(earlier.setters == words.setters())) return false;
  const std::int64_t cycles = now.fetch - control.fetch;
  for (std::size_t e = 0; e < now.transfers.size(); ++e) {
    const Control::Transfer &a = control.transfers[e], &b = now.transfers[e];
    if (a.waiting != b.waiting) return false;
    if (a.waiting && (a.memory != b.memory || a.bursts != b.bursts || a.start + cycles != b.start)) return false;
  }
  for (std::size_t m = 0; m < memories_->size(); ++m) {
    if ((*memories_)[m] && !(*memories_)[m]->repeats(*earlier.memories[m], cycles)) return false;
  }
  return same_tokens(control, now);
}

bool RepeatSkipper::same_unit(const Control& earlier, const Control& now, isa::UnitId id) const {
  const Unit &a = earlier.units[id], &b = now.units[id];
  const std::int64_t cycles = now.fetch - earlier.fetch, queued = b.fetched - b.issued;
  if (a.in_flight != b.in_flight || a.fetched - a.issued != queued) return false;
  if (used(a, b)) {   // its last end counts for the idle cycles before the next start
    if (a.free + cycles != b.free) return false;
  } else if (a.free > horizon(earlier, id)) {
    return false;
  }
  if (b.in_flight && (a.start + cycles != b.start || a.flying.word != b.flying.word)) return false;
  for (std::int64_t i = 0; i < queued; ++i) {
    const Control::Entry &x = a.ring[a.place(a.issued + i)], &y = b.ring[b.place(b.issued + i)];
    if (x.word != y.word || x.busy != y.busy || x.arrival + cycles != y.arrival) return false;
  }
  const Pair ends{a.in_flight ? a.start : horizon(earlier, id), b.in_flight ? b.start : horizon(now, id), cycles};
  if (!ends.same(a.end, b.end)) return false;
  const Pair slots{earlier.fetch - ctl_, now.fetch - ctl_, cycles};   // each frees a place in the queue ctl later
  for (std::int64_t i = queued + 1; i <= depth_; ++i) {
    const std::int64_t x = i <= a.fetched ? a.issue[a.place(a.fetched - i)] : slots.earlier_floor;
    const std::int64_t y = i <= b.fetched ? b.issue[b.place(b.fetched - i)] : slots.now_floor;
    if (!slots.same(x, y)) return false;
  }
  return true;
}

bool RepeatSkipper::same_array(const Control& earlier, const Control& now, int array) const {
  const Array &a = earlier.arrays[static_cast<std::size_t>(array)], &b = now.arrays[static_cast<std::size_t>(array)];
  if (a.pushes - a.swaps != b.pushes - b.swaps) return false;
  if (a.matmuls_fetched - a.matmuls_issued != b.matmuls_fetched - b.matmuls_issued) return false;
  if (a.after.size() != b.after.size()) return false;
  for (std::size_t i = 0; i < b.after.size(); ++i) {
    if (a.after[i] - a.matmuls_issued != b.after[i] - b.matmuls_issued) return false;
  }
  const isa::UnitId push = isa::push_unit(array), matrix = isa::matrix_unit(array);
  const std::int64_t cycles = now.fetch - earlier.fetch;
  // The interlock bounds starts, which lie ctl behind the issue.
  const Pair pushes{horizon(earlier, push) + ctl_, horizon(now, push) + ctl_, cycles};
  const Pair swaps{horizon(earlier, matrix) + ctl_, horizon(now, matrix) + ctl_, cycles};
  return pushes.same(a.last_swap_start, b.last_swap_start) && pushes.same(a.last_matmul_end, b.last_matmul_end) &&
         pushes.same(a.clear, b.clear) && swaps.same(a.ready, b.ready);
}

bool RepeatSkipper::same_tokens(const Control& earlier, const Control& now) const {
  for (const isa::UnitId to : units_) {
    const Pair taken{horizon(earlier, to), horizon(now, to), now.fetch - earlier.fetch};
    for (const isa::UnitId from : units_) {
      if (!taken.same(earlier.tokens[from][to], now.tokens[from][to])) return false;
    }
  }
  return true;
}

// All times, those before everything to come as well: they stay before it.
void RepeatSkipper::shift(const Control& earlier, Control& now, std::int64_t cycles) const {
  for (const isa::UnitId id : units_) {
    Unit& unit = now.units[id];
    if (used(earlier.units[id], unit)) unit.free += cycles;
    unit.start += cycles;
    unit.end += cycles;
    for (Control::Entry& entry : unit.ring) entry.arrival += cycles;
    for (std::int64_t& issue : unit.issue) issue += cycles;
    for (const isa::UnitId to : units_) shift_all(now.tokens[id][to], cycles);
  }
  for (Array& array : now.arrays) {
    array.last_swap_start += cycles;
    array.last_matmul_end += cycles;
    shift_all(array.ready, cycles);
    shift_all(array.clear, cycles);
  }
  for (Control::Transfer& transfer : now.transfers) transfer.start += cycles;
  for (const auto& memory : *memories_) {
    if (memory) memory->shift(cycles);
  }
  now.fetch += cycles;
}

void RepeatSkipper::add_counts(const Moment& earlier, Control& now, Growth& growth) const {
  for (const isa::UnitId id : units_) growth.add(earlier.control.units[id].account, now.units[id].account);
  for (std::size_t l = 0; l < accounts_->layers.size(); ++l) {
    LayerAccount& layer = accounts_->layers[l];
    growth.add(earlier.layers[l].macs, layer.macs);
    growth.add(earlier.layers[l].read, layer.read);
    growth.add(earlier.layers[l].written, layer.written);
  }
  for (std::size_t i = 0; i < accounts_->layer_busy.size(); ++i) growth.add(earlier.layer_busy[i], accounts_->layer_busy[i]);
}

}  // namespace systole::machine
