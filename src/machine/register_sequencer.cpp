#include "machine/register_sequencer.h"

#include <algorithm>

#include "isa/table.h"

namespace systole::machine {
namespace {

bool drained(const Units& units) {
  return std::all_of(units.begin(), units.end(), [](const UnitControl& unit) { return unit.drained(); });
}

}  // namespace

bool Sequencer::fetch(const Units& units, isa::Instruction& dispatched) {
  advanced_ = false;
  if (state_ != State::kFetch) return false;
  if (pc_ >= static_cast<std::int64_t>(code_->code.size())) {
    if (drained(units)) state_ = State::kHalted;
    return false;
  }
  const isa::Instruction& word = code_->code[static_cast<std::size_t>(pc_)];
  if (word.unit == isa::kScalar) {
    execute(word, units);
    return false;
  }
  if (static_cast<std::int64_t>(units[word.unit].queue.size()) >= queue_depth_) return false;
  dispatched = word;
  add_addresses(dispatched);
  ++pc_;
  advanced_ = true;
  return true;
}

void Sequencer::execute(const isa::Instruction& word, const Units& units) {
  if (!tokens.visible(word.wait)) return;
  if (word.as<isa::Halt>()) {
    if (drained(units)) state_ = State::kHalted;
    return;
  }
  tokens.take(word.wait);
  advanced_ = true;
  if (word.as<isa::Barrier>()) {
    state_ = State::kBarrier;
    return;
  }
  if (const auto* s = word.as<isa::Strides>()) {
    strides_[static_cast<std::size_t>(s->set)] = {s->s0, s->s1, s->s2, s->s3, s->s4, s->s5};
  }
  if (const auto* loop = word.as<isa::Loop>()) {
    loops_[static_cast<std::size_t>(depth_++)] = {pc_ + 1, loop->count, 0};
  }
  if (word.as<isa::End>()) {
    LoopRegisters& loop = loops_[static_cast<std::size_t>(depth_ - 1)];
    if (++loop.index < loop.count) {
      pc_ = loop.start;
      return;
    }
    --depth_;
  }
  ++pc_;
}

std::uint64_t Sequencer::offset(std::int64_t set) const {
  std::uint64_t sum = 0;
  for (std::size_t level = 0; level < static_cast<std::size_t>(depth_); ++level) {
    sum += static_cast<std::uint64_t>(strides_[static_cast<std::size_t>(set)][level]) * static_cast<std::uint64_t>(loops_[level].index);
  }
  return sum;
}

void Sequencer::add_addresses(isa::Instruction& word) const {
  const isa::OpcodeInfo& info = isa::info_of(word);
  for (std::size_t i = 0; i < info.fields.size(); ++i) {
    const isa::FieldInfo& field = info.fields[i];
    if (field.strides < 0) continue;
    const std::int64_t set = isa::get_field(word.body, field.strides);
    const std::uint64_t sum = static_cast<std::uint64_t>(isa::get_field(word.body, static_cast<int>(i))) + offset(set);
    isa::set_field(word.body, static_cast<int>(i), static_cast<std::int64_t>(sum & ((1ull << field.bits) - 1)));
  }
}

}  // namespace systole::machine
