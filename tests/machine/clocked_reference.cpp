#include "clocked_reference.h"

#include <algorithm>
#include <deque>
#include <optional>

#include "timing/timing.h"

namespace systole::machine {
namespace {

constexpr std::int64_t kUnknown = -1;

struct Op {                        // one fetched word
  std::int64_t index = 0, arrival = 0, busy = 0, tail = 0, bursts = 0;
  int far = 0;
  const isa::Instruction* word = nullptr;
  std::int64_t number = 0;                        // n-th push or n-th swap of its unit, from 1
  std::int64_t matmuls_before = 0;
  std::int64_t issue = kUnknown, start = kUnknown, busy_end = kUnknown, end = kUnknown;
};

struct CoreState {
  std::vector<std::int64_t> trace;                // static indices in fetch order
  std::size_t pc = 0;
  std::int64_t fetch = 0, barrier_reached = kUnknown, over = kUnknown;
  std::array<std::vector<Op>, isa::kUnits> ops;   // everything ever queued, per unit
  std::array<std::size_t, isa::kUnits> issued{};
  std::array<std::array<std::vector<std::int64_t>, isa::kUnits>, isa::kUnits> given;   // [from][to]: E
  std::array<std::array<std::size_t, isa::kUnits>, isa::kUnits> taken{};
  std::array<isa::Bind, isa::kVectorSlots> binds{};
};

class Clocked {
 public:
  Clocked(const isa::Program& program, const Chip& chip) : program_(program), chip_(chip), ctl_(chip.timing.control_cycles) {
    cores_.resize(program.cores.size());
    for (std::size_t c = 0; c < cores_.size(); ++c) unroll(program.cores[c].code, cores_[c].trace);
    for (int m = 0; m < 2; ++m) pending_[m].assign(cores_.size() * static_cast<std::size_t>(chip.dma_engines), 0);
    last_.fill(static_cast<int>(pending_[0].size()) - 1);
  }

  ClockedRun run(std::int64_t most_cycles) {
    ClockedRun result;
    for (t_ = 0; t_ < most_cycles && !all_over(); ++t_) {
      settle();
      serve(0);
      serve(1);
      settle();
    }
    result.finished = all_over();
    for (const CoreState& core : cores_) {
      result.cycles = std::max(result.cycles, core.over);
      result.units.emplace_back();
      for (std::size_t u = 0; u < isa::kUnits; ++u) {
        for (const Op& op : core.ops[u]) result.units.back()[u].push_back({op.index, op.start, op.busy_end, op.end});
      }
    }
    return result;
  }

 private:
  static void unroll(const std::vector<isa::Instruction>& code, std::vector<std::int64_t>& out) {
    struct Open { std::size_t first; std::int64_t left; };
    std::vector<Open> open;
    for (std::size_t i = 0; i < code.size(); ++i) {
      out.push_back(static_cast<std::int64_t>(i));
      if (const auto* loop = code[i].as<isa::Loop>()) open.push_back({i, loop->count});
      if (code[i].as<isa::End>()) {
        if (--open.back().left > 0) i = open.back().first;
        else open.pop_back();
      }
    }
  }
  bool all_over() const {
    return std::all_of(cores_.begin(), cores_.end(), [](const CoreState& c) { return c.over != kUnknown; });
  }
  // Everything that happens in cycle t_ but the memories; again and again until nothing more does.
  void settle() {
    bool moved = true;
    while (moved) {
      moved = leave_barriers();
      for (std::size_t c = 0; c < cores_.size(); ++c) {
        moved |= sequencer(cores_[c], c);
        for (isa::UnitId u = 1; u < isa::kUnits; ++u) moved |= issue(cores_[c], c, u);
      }
      moved |= join();
    }
  }
  bool tokens_visible(const CoreState& core, isa::UnitId to, std::uint16_t mask) const {
    for (std::size_t from = 0; from < isa::kUnits; ++from) {
      if (((mask >> from) & 1) == 0) continue;
      const std::size_t n = core.taken[from][to];
      if (core.given[from][to].size() <= n || core.given[from][to][n] > t_) return false;
    }
    return true;
  }
  static void take(CoreState& core, isa::UnitId to, std::uint16_t mask) {
    for (std::size_t from = 0; from < isa::kUnits; ++from) core.taken[from][to] += (mask >> from) & 1;
  }
  static void give(CoreState& core, isa::UnitId from, std::uint16_t mask, std::int64_t end) {
    for (std::size_t to = 0; to < isa::kUnits; ++to) {
      if (((mask >> to) & 1) != 0) core.given[from][to].push_back(end);
    }
  }

  bool all_ended(const CoreState& core) const {
    for (const auto& queue : core.ops) {
      for (const Op& op : queue) {
        if (op.end == kUnknown || op.end > t_) return false;
      }
    }
    return true;
  }
  bool sequencer(CoreState& core, std::size_t number) {
    if (core.over != kUnknown || core.barrier_reached != kUnknown) return false;
    if (static_cast<std::size_t>(core.pc) == core.trace.size()) {   // no halt: it ends with its last word
      if (core.fetch - ctl_ > t_ || !all_ended(core)) return false;
      core.over = t_;
      return true;
    }
    if (core.fetch > t_) return false;
    const std::int64_t index = core.trace[core.pc];
    const isa::Instruction& word = program_.cores[number].code[static_cast<std::size_t>(index)];
    if (word.unit != isa::kScalar) {
      std::vector<Op>& queue = core.ops[word.unit];
      const auto depth = static_cast<std::size_t>(chip_.timing.queue_depth);
      if (queue.size() >= depth) {
        const std::int64_t freed = queue[queue.size() - depth].issue;
        if (freed == kUnknown || freed + ctl_ > t_) return false;
      }
      queue.push_back(make_op(core, word, index));
    } else {
      if (!tokens_visible(core, isa::kScalar, word.wait)) return false;
      if (word.as<isa::Halt>()) {
        if (!all_ended(core)) return false;
        core.over = t_;
        return true;
      }
      take(core, isa::kScalar, word.wait);
      if (word.as<isa::Barrier>()) {
        core.barrier_reached = t_;
        return true;
      }
    }
    ++core.pc;
    core.fetch = t_ + ctl_;
    return true;
  }

  bool leave_barriers() {
    std::int64_t last = 0;
    for (const CoreState& core : cores_) {
      if (core.barrier_reached == kUnknown) return false;
      last = std::max(last, core.barrier_reached);
    }
    const std::int64_t done = last + (cores_.size() > 1 ? chip_.timing.barrier_cycles : 0);
    if (done > t_) return false;
    for (CoreState& core : cores_) {
      core.barrier_reached = kUnknown;
      ++core.pc;
      core.fetch = t_ + ctl_;
    }
    return true;
  }

  Op make_op(CoreState& core, const isa::Instruction& word, std::int64_t index) {
    Op op;
    op.index = index;
    op.word = &word;
    op.arrival = t_ + ctl_;
    if (const auto* bind = word.as<isa::Bind>()) core.binds[static_cast<std::size_t>(bind->slot)] = *bind;
    op.busy = timing::busy_cycles(chip_, word, program_.microcode, core.binds);
    op.tail = timing::tail_cycles(chip_, word);
    op.bursts = timing::bursts(chip_, word);
    op.far = &timing::far_memory(chip_, word) == &chip_.cmem ? 1 : 0;
    op.number = 1;
    for (const Op& other : core.ops[word.unit]) op.number += is_push_or_swap(*other.word);
    if (word.as<isa::Push>()) {
      for (const Op& other : core.ops[word.unit + 1u]) op.matmuls_before += other.word->as<isa::Matmul>() != nullptr;
    }
    return op;
  }
  static bool is_push_or_swap(const isa::Instruction& word) {
    return word.as<isa::Push>() || (word.as<isa::Matmul>() && word.as<isa::Matmul>()->swap != 0);
  }
  static const Op* nth(const std::vector<Op>& queue, std::int64_t n) {
    for (const Op& op : queue) {
      if (is_push_or_swap(*op.word) && --n == 0) return &op;
    }
    return nullptr;
  }

  bool interlock_allows(const CoreState& core, isa::UnitId unit, const Op& op) const {
    const std::int64_t start = t_ + ctl_;
    if (op.word->as<isa::Push>()) {
      if (chip_.mxu.weight_double_buffer) {
        if (op.number == 1) return true;
        const Op* swap = nth(core.ops[unit + 1u], op.number - 1);
        return swap != nullptr && swap->start != kUnknown && start >= swap->start;
      }
      std::int64_t left = op.matmuls_before;
      for (const Op& other : core.ops[unit + 1u]) {
        if (!other.word->as<isa::Matmul>()) continue;
        if (left-- <= 0) break;
        if (other.end == kUnknown || start < other.end) return false;
      }
      return true;
    }
    if (!is_push_or_swap(*op.word)) return true;
    const Op* push = nth(core.ops[unit - 1u], op.number);
    return push != nullptr && push->start != kUnknown && start >= push->start + push->busy;
  }

  bool issue(CoreState& core, std::size_t number, isa::UnitId unit) {
    if (core.issued[unit] == core.ops[unit].size()) return false;
    Op& op = core.ops[unit][core.issued[unit]];
    std::int64_t end_before = 0;
    if (core.issued[unit] > 0) {
      const Op& before = core.ops[unit][core.issued[unit] - 1];
      if (before.busy_end == kUnknown || t_ < before.busy_end - ctl_) return false;
      end_before = before.end;
    }
    if (op.arrival > t_ || !tokens_visible(core, unit, op.word->wait) || !interlock_allows(core, unit, op)) return false;
    take(core, unit, op.word->wait);
    op.issue = t_;
    op.start = t_ + ctl_;
    ++core.issued[unit];
    if (op.bursts > 0) {
      joining_.push_back({number, unit, core.issued[unit] - 1});
      return true;
    }
    op.busy_end = op.start + op.busy;
    op.end = std::max(end_before, op.busy_end + op.tail);
    give(core, unit, op.word->signal, op.end);
    return true;
  }

  struct Request { std::size_t core; isa::UnitId unit; std::size_t op; };
  std::size_t requester(const Request& r) const {
    return r.core * static_cast<std::size_t>(chip_.dma_engines) + static_cast<std::size_t>(r.unit - isa::dma_unit(0));
  }
  bool join() {
    for (auto r = joining_.begin(); r != joining_.end(); ++r) {
      const Op& op = cores_[r->core].ops[r->unit][r->op];
      if (op.start > t_) continue;
      pending_[op.far][requester(*r)] = op.bursts;
      owner_[op.far].push_back(*r);
      joining_.erase(r);
      return true;
    }
    return false;
  }

  void serve(int memory) {
    const MemorySpec& spec = memory == 1 ? chip_.cmem : chip_.hbm;
    auto& pending = pending_[memory];
    const auto any = [&] { return std::any_of(pending.begin(), pending.end(), [](std::int64_t n) { return n > 0; }); };
    if (!any()) return;
    credit_[memory] += spec.bandwidth.bytes;
    while (credit_[memory] >= spec.burst_bytes * spec.bandwidth.cycles && any()) {
      do last_[memory] = (last_[memory] + 1) % static_cast<int>(pending.size());
      while (pending[static_cast<std::size_t>(last_[memory])] == 0);
      credit_[memory] -= spec.burst_bytes * spec.bandwidth.cycles;
      if (--pending[static_cast<std::size_t>(last_[memory])] == 0) served(memory, static_cast<std::size_t>(last_[memory]));
    }
    if (!any()) credit_[memory] = 0;
  }
  void served(int memory, std::size_t who) {
    auto& owners = owner_[memory];
    const auto r = std::find_if(owners.begin(), owners.end(), [&](const Request& q) { return requester(q) == who; });
    CoreState& core = cores_[r->core];
    Op& op = core.ops[r->unit][r->op];
    op.busy_end = t_ + 1;
    op.end = std::max(r->op > 0 ? core.ops[r->unit][r->op - 1].end : 0, op.busy_end + op.tail);
    give(core, r->unit, op.word->signal, op.end);
    owners.erase(r);
  }

  const isa::Program& program_;
  const Chip& chip_;
  std::int64_t ctl_, t_ = 0;
  std::vector<CoreState> cores_;
  std::vector<Request> joining_;
  std::array<std::vector<Request>, 2> owner_;
  std::array<std::vector<std::int64_t>, 2> pending_;
  std::array<std::int64_t, 2> credit_{};
  std::array<int, 2> last_{};
};

}  // namespace

ClockedRun run_clocked(const isa::Program& program, const Chip& chip, std::int64_t most_cycles) {
  return Clocked(program, chip).run(most_cycles);
}

}  // namespace systole::machine
