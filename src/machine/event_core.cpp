#include "machine/event_core.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace systole::machine {
namespace {

constexpr int kNobody = -1;   // has held an instruction up

}  // namespace

EventCore::EventCore(const isa::Program& program, std::int64_t number, const Chip& chip, Accounts& accounts, Trace* trace,
                     RepeatSkipper* skipper)
    : chip_(&chip), number_(number), ctl_(chip.timing.control_cycles), depth_(std::max<std::int64_t>(chip.timing.queue_depth, 1)),
      words_(program, program.cores[static_cast<std::size_t>(number)], chip), accounts_(&accounts), trace_(trace),
      skipper_(skipper) {
  const auto places = std::bit_ceil(static_cast<std::size_t>(depth_));
  const std::vector<isa::UnitId> units = units_of(chip);
  int place = static_cast<int>(number) * static_cast<int>(units.size());
  for (const isa::UnitId unit : units) {
    trace_unit_[unit] = place++;
    now_.units[unit].ring.resize(places);
    now_.units[unit].issue.resize(places);
  }
}

void EventCore::run() {
  do {
    while ((now_.dirty & ~1u) != 0) {
      const auto unit = static_cast<isa::UnitId>(std::countr_zero(static_cast<unsigned>(now_.dirty & ~1u)));
      now_.dirty = static_cast<std::uint16_t>(now_.dirty & ~(1u << unit));
      resolve(unit);
    }
    now_.dirty = 0;
    if (state_ == State::kRunning) sequence();
  } while (now_.dirty != 0);
  if (state_ != State::kHalting) return;
  std::int64_t last = stand_;
  for (const Unit& unit : now_.units) {
    if (unit.in_flight || unit.issued != unit.fetched) return;
    last = std::max(last, unit.end);
  }
  end_ = last;
  state_ = State::kDone;
}

void EventCore::sequence() {
  while (step()) {
    while ((now_.dirty & ~1u) != 0) {
      const auto unit = static_cast<isa::UnitId>(std::countr_zero(static_cast<unsigned>(now_.dirty & ~1u)));
      now_.dirty = static_cast<std::uint16_t>(now_.dirty & ~(1u << unit));
      resolve(unit);
    }
  }
}

bool EventCore::step() {
  UnitAccount& account = now_.units[isa::kScalar].account;
  if (pc_ >= words_.size()) {
    stand_ = now_.fetch > 0 ? now_.fetch - ctl_ : 0;   // no halt: the last word's `done`
    if (account.instructions > 0) account.busy -= ctl_;
    state_ = State::kHalting;
    return false;
  }
  std::int64_t done = now_.fetch;
  const Word& word = words_.at(pc_);
  if (word.kind == Word::Kind::kQueued) {
    if (!enqueue(pc_, done)) return false;
  } else {
    int last = kNobody;
    if (!take_tokens(isa::kScalar, word.wait, done, last)) return false;
    if (last != kNobody) account.wait[static_cast<std::size_t>(last)] += done - now_.fetch;
    if (word.kind == Word::Kind::kHalt || word.kind == Word::Kind::kBarrier) {
      account.instructions += 1;
      stand_ = done;
      state_ = word.kind == Word::Kind::kHalt ? State::kHalting : State::kBarrier;
      return false;
    }
  }
  account.instructions += 1;
  account.busy += ctl_;
  now_.fetch = done + ctl_;
  control_flow(word);
  return state_ == State::kRunning;
}

void EventCore::leave_barrier(std::int64_t done) {
  UnitAccount& account = now_.units[isa::kScalar].account;
  account.barrier += done - stand_;
  account.busy += ctl_;
  now_.fetch = done + ctl_;
  ++pc_;
  state_ = State::kRunning;
}

void EventCore::control_flow(const Word& word) {
  if (word.kind == Word::Kind::kLoop) {
    frames_.push_back({pc_ + 1, word.count});
    if (skipper_ != nullptr) skipper_->enter(frames_.size(), now_);
  } else if (word.kind == Word::Kind::kEnd && !frames_.empty()) {
    if (--frames_.back().left > 0) {
      if (skipper_ != nullptr) {
        frames_.back().left -= skipper_->iteration_ends(frames_.size(), frames_.back().left, now_, words_);
        if (skipper_->too_long()) state_ = State::kHalting;
      }
      pc_ = frames_.back().start;
      return;
    }
    frames_.pop_back();
  }
  ++pc_;
}

bool EventCore::enqueue(std::int64_t index, std::int64_t& done) {
  const isa::UnitId id = words_.at(index).unit;
  Unit& unit = now_.units[id];
  const auto mask = static_cast<std::int64_t>(unit.ring.size()) - 1;
  if (unit.fetched >= depth_) {
    if (unit.fetched - unit.issued >= depth_) {
      wait_for(isa::kScalar, id);
      return false;
    }
    const std::int64_t slot_free = unit.issue[static_cast<std::size_t>((unit.fetched - depth_) & mask)] + ctl_;
    if (slot_free > done) {
      now_.units[isa::kScalar].account.queue[id] += slot_free - done;
      done = slot_free;
    }
  }
  const Word& word = words_.fetch(index);
  unit.ring[static_cast<std::size_t>(unit.fetched & mask)] = {static_cast<std::int32_t>(index), done + ctl_, word.busy};
  ++unit.fetched;
  if (word.role == Word::Role::kSwap || word.role == Word::Role::kMatmul) {
    ++array_of(id).matmuls_fetched;
  } else if (word.role == Word::Role::kPush && !chip_->mxu.weight_double_buffer) {
    Array& array = array_of(id);
    if (array.matmuls_issued == array.matmuls_fetched) array.clear.push(array.last_matmul_end);
    else array.after.push(array.matmuls_fetched);
  }
  LayerAccount& layer = accounts_->layers[word.layer];
  layer.macs += word.macs;
  for (std::size_t i = 0; i < kReportedMemories; ++i) {
    layer.read[i] += word.read[i];
    layer.written[i] += word.written[i];
  }
  now_.dirty |= static_cast<std::uint16_t>(1u << id);
  return true;
}

// Takes nothing unless every token is there. `cycle` grows to the last token's, `last` names its giver if it grew.
bool EventCore::take_tokens(isa::UnitId unit, std::uint16_t mask, std::int64_t& cycle, int& last) {
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    const int from = std::countr_zero(rest);
    if (now_.tokens[static_cast<std::size_t>(from)][unit].empty()) {
      wait_for(unit, from);
      return false;
    }
  }
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    const int from = std::countr_zero(rest);
    auto& given = now_.tokens[static_cast<std::size_t>(from)][unit];
    if (given.front() > cycle) {
      cycle = given.front();
      last = from;
    }
    given.pop();
  }
  return true;
}

void EventCore::give_tokens(isa::UnitId unit, std::uint16_t mask, std::int64_t cycle) {
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) now_.tokens[unit][static_cast<std::size_t>(std::countr_zero(rest))].push(cycle);
  wake(unit);
}

void EventCore::resolve(isa::UnitId unit) {
  while (issue(unit)) {}
}

bool EventCore::issue(isa::UnitId id) {
  Unit& unit = now_.units[id];
  if (unit.in_flight || unit.issued == unit.fetched) return false;
  const auto place = static_cast<std::size_t>(unit.issued & (static_cast<std::int64_t>(unit.ring.size()) - 1));
  const Entry entry = unit.ring[place];
  const Word& word = words_.at(entry.word);

  std::int64_t weights = 0;
  if ((word.role == Word::Role::kPush || word.role == Word::Role::kSwap) && !weights_allow(id, word.role, weights)) return false;
  std::int64_t issued = std::max(entry.arrival, unit.free - ctl_);
  int cause = kNobody;
  if (!take_tokens(id, word.wait, issued, cause)) return false;
  if (weights - ctl_ > issued) {
    issued = weights - ctl_;
    cause = isa::kUnits;
  }
  const std::int64_t start = issued + ctl_;
  unit.issue[place] = issued;
  ++unit.issued;
  account_gap(unit, entry.arrival, issued, start, cause);
  unit.start = start;
  if (word.role == Word::Role::kTransfer && word.bursts > 0) {
    now_.transfers[static_cast<std::size_t>(id - isa::dma_unit(0))] = {true, word.memory, start, word.bursts};
    unit.in_flight = true;
    unit.flying = entry;
    wake(id);
    return false;
  }
  finish(id, entry, entry.busy);
  return true;
}

// `start` becomes the first cycle that the interlock allows; false if that is not known yet.
bool EventCore::weights_allow(isa::UnitId id, Word::Role role, std::int64_t& start) {
  Array& array = array_of(id);
  if (role == Word::Role::kSwap) {
    if (array.ready.empty()) {
      wait_for(id, id - 1);
      return false;
    }
    start = array.ready.front();
    return true;
  }
  if (chip_->mxu.weight_double_buffer) {
    if (array.swaps < array.pushes) {
      wait_for(id, id + 1);
      return false;
    }
    start = array.last_swap_start;
    return true;
  }
  if (array.clear.empty()) {
    wait_for(id, id + 1);
    return false;
  }
  start = array.clear.front();
  return true;
}

void EventCore::weights_start(isa::UnitId id, Word::Role role, std::int64_t start, std::int64_t busy, std::int64_t end) {
  Array& array = array_of(id);
  if (role == Word::Role::kPush) {
    ++array.pushes;
    array.ready.push(start + busy);
    if (!chip_->mxu.weight_double_buffer) array.clear.pop();
    return;
  }
  if (role == Word::Role::kSwap) {
    ++array.swaps;
    array.last_swap_start = start;
    array.ready.pop();
  }
  ++array.matmuls_issued;
  array.last_matmul_end = end;
  while (!array.after.empty() && array.after.front() == array.matmuls_issued) {
    array.clear.push(end);
    array.after.pop();
  }
}

void EventCore::finish(isa::UnitId id, const Entry& entry, std::int64_t busy) {
  Unit& unit = now_.units[id];
  const Word& word = words_.at(entry.word);
  unit.free = unit.start + busy;
  unit.end = std::max(unit.end, unit.free + word.tail);
  const std::int64_t worked = word.role == Word::Role::kTransfer ? std::min(busy, word.alone) : busy;
  unit.account.busy += worked;
  unit.account.memory += busy - worked;
  unit.account.instructions += 1;
  LayerAccount& layer = accounts_->layers[word.layer];
  if (layer.first < 0 || unit.start < layer.first) layer.first = unit.start;
  layer.last = std::max(layer.last, unit.free);
  accounts_->busy(word.layer, number_, id) += worked;
  if (trace_ != nullptr) {
    trace_->events.push_back({trace_unit_[id], unit.start, unit.free, word.layer, entry.word, word.name});
  }
  const Word::Role role = word.role;
  if (role == Word::Role::kPush || role == Word::Role::kSwap || role == Word::Role::kMatmul) {
    weights_start(id, role, unit.start, busy, unit.end);
  }
  give_tokens(id, word.signal, unit.end);
}

void EventCore::transfer_done(int engine, std::int64_t cycle) {
  const isa::UnitId id = isa::dma_unit(engine);
  Unit& unit = now_.units[id];
  assert(unit.in_flight);
  unit.in_flight = false;
  finish(id, unit.flying, cycle + 1 - unit.start);
  now_.dirty |= static_cast<std::uint16_t>(1u << id);
}

// The cycles between the end of the last instruction's work and the start of this one's.
void EventCore::account_gap(Unit& unit, std::int64_t arrival, std::int64_t issued, std::int64_t start, int cause) {
  const std::int64_t gap = start - unit.free;
  UnitAccount& account = unit.account;
  const std::int64_t idle = std::clamp<std::int64_t>(arrival - unit.free, 0, gap);
  const std::int64_t head = unit.free + idle;   // from here on it stands at the head of the queue
  const std::int64_t waited = std::max<std::int64_t>(issued - head, 0);
  account.idle += idle;
  account.control += gap - idle - waited;
  if (cause == kNobody) account.control += waited;
  else if (cause == isa::kUnits) account.weights += waited;
  else account.wait[static_cast<std::size_t>(cause)] += waited;
}

UnitAccount EventCore::account(isa::UnitId id, std::int64_t total) const {
  UnitAccount account = now_.units[id].account;
  if (id == isa::kScalar) {
    std::int64_t used = account.busy + account.barrier;
    for (const std::int64_t cycles : account.wait) used += cycles;
    for (const std::int64_t cycles : account.queue) used += cycles;
    account.idle = total - used;
  } else {
    account.idle += total - now_.units[id].free;
  }
  return account;
}

}  // namespace systole::machine
