// The sequencer's view of a program: loops unrolled, effective addresses. The stride set fields of a step are 0, since
// the address already has the sum; an address is taken modulo 2^(its width), as the adder of that width gives it.
#include "isa/program.h"
#include "isa/table.h"

namespace systole::isa {
namespace {

using StrideSets = std::array<std::array<std::int64_t, kLoopLevels>, kStrideSets>;

void write_strides(StrideSets& sets, const Strides& s) {
  if (s.set <= 0 || s.set >= kStrideSets) return;
  sets[static_cast<std::size_t>(s.set)] = {s.s0, s.s1, s.s2, s.s3, s.s4, s.s5};
}

// Applies the pairs (X, X_strides) of one instruction; `step(set)` is the sum over the open loops.
template <typename S, typename Step>
void add_strides(S& s, const OpcodeInfo& info, const Step& step) {
  std::array<std::int64_t, 16> set{};   // per field that is an address: its stride set
  for_each_field<S>([&](const Field<S>& f, int i) {
    if (info.fields[i].kind != FieldKind::kStrideSet) return;
    set[static_cast<std::size_t>(i)] = s.*f.member;
    s.*f.member = 0;
  });
  for_each_field<S>([&](const Field<S>& f, int i) {
    const int strides = info.fields[i].strides;
    if (strides < 0 || set[static_cast<std::size_t>(strides)] == 0) return;
    const std::uint64_t sum = static_cast<std::uint64_t>(s.*f.member) + step(set[static_cast<std::size_t>(strides)]);
    s.*f.member = static_cast<std::int64_t>(sum & ((1ull << f.bits) - 1));
  });
}

}  // namespace

Fetcher::Fetcher(const CoreCode& core) : core_(&core) { frames_.reserve(kLoopLevels); }

bool Fetcher::next(Step& step) {
  if (pc_ >= static_cast<std::int64_t>(core_->code.size())) return false;
  step.index = pc_;
  step.instruction = core_->code[static_cast<std::size_t>(pc_)];
  ++pc_;
  if (step.instruction.unit == kScalar) {
    if (const auto* loop = step.instruction.as<Loop>()) frames_.push_back({pc_, loop->count, 0});
    if (const auto* strides = step.instruction.as<Strides>()) write_strides(strides_, *strides);
    if (step.instruction.as<Halt>()) pc_ = static_cast<std::int64_t>(core_->code.size());
    if (step.instruction.as<End>() && !frames_.empty()) {
      Frame& frame = frames_.back();
      if (++frame.index < frame.count) pc_ = frame.start;
      else frames_.pop_back();
    }
    return true;
  }
  const auto sum = [&](std::int64_t set) {
    std::uint64_t total = 0;
    for (std::size_t level = 0; level < frames_.size() && level < kLoopLevels; ++level) {
      total += static_cast<std::uint64_t>(strides_[static_cast<std::size_t>(set & (kStrideSets - 1))][level]) *
               static_cast<std::uint64_t>(frames_[level].index);
    }
    return total;
  };
  const OpcodeInfo& info = info_of(step.instruction);
  std::visit([&]<typename S>(S& s) {
    if constexpr (std::tuple_size_v<std::remove_cvref_t<decltype(S::fields)>> != 0) add_strides(s, info, sum);
  }, step.instruction.body);
  return true;
}

}  // namespace systole::isa
