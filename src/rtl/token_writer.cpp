#include "rtl/token_writer.h"

#include <algorithm>

namespace systole::rtl {

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
    const bool ordered = past.unit == unit && (unit < isa::dma_unit(0) || unit >= isa::push_unit(0));
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

}  // namespace systole::rtl
