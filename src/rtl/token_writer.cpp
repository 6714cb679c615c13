#include "rtl/token_writer.h"

#include <algorithm>

namespace systole::rtl {
namespace {

// Is a word of the unit's queue after all of the word before it? A DMA engine's transfers are in flight together.
bool in_order(isa::UnitId unit) { return unit < isa::dma_unit(0) || unit >= isa::push_unit(0); }
std::uint16_t bit(isa::UnitId unit) { return static_cast<std::uint16_t>(1u << unit); }

}  // namespace

bool TokenWriter::conflict(const std::vector<Access>& a, const std::vector<Access>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Access& x) {
    return std::any_of(b.begin(), b.end(), [&](const Access& y) {
      return x.space == y.space && (x.write || y.write) && x.begin < y.end && y.begin < x.end;
    });
  });
}

void TokenWriter::add(const isa::Body& body, isa::UnitId unit, std::vector<Access> accesses) {
  isa::Instruction word{body, unit};
  std::array<std::int64_t, isa::kUnits> needed{};   // per giver: 1 + index of the word to wait for
  for (const Past& past : past_) {
    const bool ordered = past.unit == unit && in_order(unit);
    const bool extra = past.unit == extra_wait_;
    if (extra || (!ordered && conflict(past.accesses, accesses))) needed[past.unit] = static_cast<std::int64_t>(past.word) + 1;
  }
  for (std::size_t from = 1; from < isa::kUnits; ++from) {
    if (needed[from] <= synced_[unit][from]) continue;
    synced_[unit][from] = needed[from];
    word.wait |= static_cast<std::uint16_t>(1u << from);
    code_[static_cast<std::size_t>(needed[from] - 1)].signal |= static_cast<std::uint16_t>(1u << unit);
  }
  extra_wait_ = -1;
  if (unit != isa::kScalar) past_.push_back({code_.size(), unit, std::move(accesses)});
  code_.push_back(std::move(word));
}

void TokenWriter::fence(std::uint16_t units) {
  for (isa::UnitId unit = 1; unit < isa::kUnits; ++unit) {
    if ((units & bit(unit)) != 0) code_.push_back({isa::Nop{}, unit, 0, bit(isa::kScalar)});
  }
  if (units != 0) code_.push_back({isa::Nop{}, isa::kScalar, units, 0});
  past_.clear();
}

void TokenWriter::add_barrier() {
  std::uint16_t before = 0;
  for (const Past& past : past_) before |= bit(past.unit);
  fence(before);
  code_.push_back({isa::Barrier{}});
}

void TokenWriter::add_loops(const std::vector<std::int64_t>& counts, TokenWriter body) {
  std::uint16_t before = 0, inside = 0;
  for (const Past& past : past_) before |= bit(past.unit);
  std::array<std::uint16_t, isa::kUnits> gives{}, takes{};   // from iteration to iteration
  for (const Past& first : body.past_) {
    inside |= bit(first.unit);
    for (const Past& second : body.past_) {
      if ((first.unit == second.unit && in_order(first.unit)) || !conflict(first.accesses, second.accesses)) continue;
      gives[first.unit] |= bit(second.unit);
      takes[second.unit] |= bit(first.unit);
    }
  }
  // Tokens of a pair are taken in the order given: the iteration before gave its own last, so this one takes it first.
  const auto give = [&] {
    for (isa::UnitId unit = 1; unit < isa::kUnits; ++unit) {
      if (gives[unit] != 0) code_.push_back({isa::Nop{}, unit, 0, gives[unit]});
    }
  };
  const auto take = [&] {
    for (isa::UnitId unit = 1; unit < isa::kUnits; ++unit) {
      if (takes[unit] != 0) code_.push_back({isa::Nop{}, unit, takes[unit], 0});
    }
  };
  fence(before);
  give();
  for (const std::int64_t count : counts) code_.push_back({isa::Loop{.count = count}});
  take();
  code_.insert(code_.end(), body.code_.begin(), body.code_.end());
  give();
  for (std::size_t level = 0; level < counts.size(); ++level) code_.push_back({isa::End{}});
  take();
  fence(inside);
}

}  // namespace systole::rtl
