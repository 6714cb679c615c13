#include "isa/flow.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "isa/check_parts.h"

namespace systole::isa {

namespace {

template <typename T>
void make_unique(std::vector<T>& values) {
  if (values.size() < 2) return;
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

int setter_key(const Instruction& instruction) {
  if (const auto* strides = instruction.as<Strides>()) return strides_key(strides->set);
  if (instruction.as<Pad>()) return pad_key(array_of(instruction.unit));
  if (const auto* bind = instruction.as<Bind>()) return bind_key(bind->slot);
  return instruction.as<Window>() ? kWindowKey : -1;
}

Expected<std::vector<LoopSpan>> find_loops(const CoreCode& core, std::size_t core_number) {
  std::vector<LoopSpan> loops;
  std::vector<std::size_t> open;
  const auto size = static_cast<std::int64_t>(core.code.size());
  for (std::int64_t i = 0; i < size; ++i) {
    const Instruction& instruction = core.code[static_cast<std::size_t>(i)];
    const std::string place = instruction_place(core_number, static_cast<std::size_t>(i), instruction);
    if (instruction.as<Halt>() && i + 1 != size) return invalid_input(place, "halt is not the last instruction");
    if (instruction.as<Loop>()) {
      if (open.size() == kLoopLevels) return invalid_input(place, "loops nest 7 deep", "at most 6");
      open.push_back(loops.size());
      loops.push_back({i, i, {}});
      loops.back().last.fill(-1);
    } else if (instruction.as<End>()) {
      if (open.empty()) return invalid_input(place, "end without a loop");
      LoopSpan& inner = loops[open.back()];
      inner.end = i;
      open.pop_back();
      if (open.empty()) continue;
      for (std::size_t key = 0; key < inner.last.size(); ++key) {
        if (inner.last[key] >= 0) loops[open.back()].last[key] = inner.last[key];
      }
    } else if (const int key = setter_key(instruction); key >= 0 && !open.empty()) {
      loops[open.back()].last[static_cast<std::size_t>(key)] = i;
    }
  }
  if (!open.empty()) {
    const auto begin = static_cast<std::size_t>(loops[open.back()].begin);
    return invalid_input(instruction_place(core_number, begin, core.code[begin]), "the loop has no end");
  }
  if (size == 0 || !core.code.back().as<Halt>()) return invalid_input(fmt::format("core {}", core_number), "the code does not end with halt");
  return loops;
}

Walk::Walk(const CoreCode& core, const std::vector<LoopSpan>& loops) : core_(&core), loops_(&loops) {
  states_.emplace_back().fill(-1);
}

// The effect of the instruction at index_ on those after it.
void Walk::leave() {
  if (const int key = setter_key(instruction()); key >= 0) {
    for (State& state : states_) state[static_cast<std::size_t>(key)] = index_;
  }
  if (instruction().as<End>()) {
    counts_.pop_back();
    make_unique(states_);
  }
  const auto* loop = instruction().as<Loop>();
  if (!loop) return;
  counts_.push_back(loop->count);
  const LoopSpan& span = (*loops_)[next_loop_++];
  assert(span.begin == index_);
  if (loop->count == 1) return;
  const std::size_t entries = states_.size();
  for (std::size_t i = 0; i < entries; ++i) {            // the same states after a pass through the body
    State state = states_[i];
    for (std::size_t key = 0; key < state.size(); ++key) {
      if (span.last[key] >= 0) state[key] = span.last[key];
    }
    states_.push_back(state);
  }
  make_unique(states_);
}

std::vector<std::int64_t> Walk::setters(int key) const {
  std::vector<std::int64_t> setters;
  for (const State& state : states_) setters.push_back(state[static_cast<std::size_t>(key)]);
  make_unique(setters);
  return setters;
}

std::vector<std::pair<std::int64_t, std::int64_t>> Walk::setters(int first, int second) const {
  std::vector<std::pair<std::int64_t, std::int64_t>> setters;
  for (const State& state : states_) setters.emplace_back(state[static_cast<std::size_t>(first)], state[static_cast<std::size_t>(second)]);
  make_unique(setters);
  return setters;
}

bool Walk::next() {
  if (index_ >= 0) leave();
  ++index_;
  return index_ < static_cast<std::int64_t>(core_->code.size());
}

Interval Walk::address(int field) const {
  const FieldInfo& info = info_of(instruction()).fields[static_cast<std::size_t>(field)];
  const std::int64_t base = get_field(instruction().body, field);
  Interval result{base, base};
  if (info.strides < 0) return result;
  std::optional<Interval> offset;
  for (const std::int64_t setter : setters(strides_key(get_field(instruction().body, info.strides)))) {
    Interval sum;
    if (setter >= 0) {
      const Strides& s = *core_->code[static_cast<std::size_t>(setter)].as<Strides>();
      const std::int64_t levels[] = {s.s0, s.s1, s.s2, s.s3, s.s4, s.s5};
      for (std::size_t level = 0; level < counts_.size(); ++level) sum = sum + steps(levels[level], counts_[level]);
    }
    offset = offset ? hull(*offset, sum) : sum;
  }
  return result + *offset;
}

}  // namespace systole::isa
