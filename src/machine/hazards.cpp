// check_hazards: docs/machine.md section 2. Every instruction gets a vector clock: how many instructions of each unit have surely
// ended when it issues. It grows by tokens (which carry the clock of their giver, itself included), by what the sequencer knew
// when it fetched the word, and by barriers. Two accesses to a byte, one a write, must be ordered by it; within the vector and
// the matrix unit section 6 orders them.
//
// An access may be forgotten once a later one that is surely after it covers it (a write covers all, a read covers reads):
// whoever comes after the later one comes after both, and whoever does not is a hazard with the later one already.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <deque>
#include <unordered_map>
#include <variant>

#include "isa/table.h"
#include "machine/event.h"
#include "machine/hazards_footprint.h"
#include "machine/program_fit.h"

namespace systole::machine {
namespace {

using Clock = std::vector<std::int32_t>;   // per (core, unit)

void join(Clock& clock, const Clock& other) {
  for (std::size_t i = 0; i < clock.size(); ++i) clock[i] = std::max(clock[i], other[i]);
}

struct Record {
  Access access;
  std::int32_t thread = 0, number = 0;     // the number-th instruction of that unit, from 1
  std::int64_t instruction = 0;
  std::string_view name;
  std::int64_t tested = -1;                // by which later access
};

struct MemoryIndex {
  MemoryId id;
  int shift = 12;                          // of an address, to its bucket
  std::unordered_map<std::int64_t, std::vector<std::int32_t>> buckets;
};

class HazardChecker {
 public:
  HazardChecker(const isa::Program& program, const Chip& chip) : program_(&program), chip_(&chip), threads_(program.cores.size() * isa::kUnits) {
    cores_.resize(program.cores.size());
    clocks_.assign(threads_, Clock(threads_, 0));
    issued_.assign(threads_, 0);
    for (const isa::CoreCode& core : program.cores) fetchers_.emplace_back(core);
  }

  Status run() {
    for (bool barrier = true; barrier;) {
      barrier = false;
      for (std::size_t c = 0; c < cores_.size(); ++c) {
        SYSTOLE_ASSIGN(const bool more, run_to_barrier(c));
        barrier = barrier || more;
      }
      Clock all(threads_, 0);
      for (std::size_t c = 0; c < cores_.size(); ++c) join(all, clocks_[c * isa::kUnits]);
      for (std::size_t c = 0; c < cores_.size() && barrier; ++c) clocks_[c * isa::kUnits] = all;
    }
    return ok_status();
  }

 private:
  struct Core {
    UnitContext context;
    std::array<std::array<std::deque<Clock>, isa::kUnits>, isa::kUnits> tokens;   // [from][to]
  };

  std::string place_of(std::size_t core, std::int64_t instruction, std::string_view name) const {
    return fmt::format("core {}, instruction {} ({})", core, instruction, name);
  }
  Expected<bool> run_to_barrier(std::size_t c);
  Status execute(std::size_t c, const isa::Fetcher::Step& step);
  Status enter(std::size_t thread, std::int64_t instruction, std::string_view name, const Access& access);
  Status visit_bucket(MemoryIndex& memory, std::int64_t bucket, std::int32_t now);
  Error hazard(const Record& before, const Record& after) const;
  MemoryIndex& index_of(const MemoryId& id);
  // Whether the record's instruction has surely ended before the unit's next one issues.
  bool ended(const Record& record, std::size_t thread) const {
    return clocks_[thread][static_cast<std::size_t>(record.thread)] >= record.number;
  }

  const isa::Program* program_;
  const Chip* chip_;
  std::size_t threads_;
  std::vector<Core> cores_;
  std::vector<isa::Fetcher> fetchers_;
  std::vector<Clock> clocks_;              // [core][unit]; the sequencer is unit 0
  std::vector<std::int32_t> issued_;
  std::vector<MemoryIndex> memories_;
  std::vector<Record> records_;
  std::vector<Access> accesses_;
};

Expected<bool> HazardChecker::run_to_barrier(std::size_t c) {
  isa::Fetcher::Step step;
  while (fetchers_[c].next(step)) {
    const isa::Instruction& word = step.instruction;
    const std::size_t thread = c * isa::kUnits + word.unit;
    Clock& clock = clocks_[thread];
    if (word.unit != isa::kScalar) join(clock, clocks_[c * isa::kUnits]);
    for (unsigned rest = word.wait; rest != 0; rest &= rest - 1) {
      auto& given = cores_[c].tokens[static_cast<std::size_t>(std::countr_zero(rest))][word.unit];
      if (given.empty()) {
        return invalid_input(fmt::format("core {}, instruction {}", c, step.index),
                             fmt::format("it takes a token from {} that has not been given", isa::unit_name(std::countr_zero(rest))));
      }
      join(clock, given.front());
      given.pop_front();
    }
    if (word.as<isa::Barrier>()) return true;
    if (word.unit == isa::kScalar) continue;
    ++issued_[thread];
    SYSTOLE_TRY(execute(c, step));
    if (word.signal == 0) continue;
    Clock ended = clock;
    ended[thread] = issued_[thread];
    for (unsigned rest = word.signal; rest != 0; rest &= rest - 1) {
      cores_[c].tokens[word.unit][static_cast<std::size_t>(std::countr_zero(rest))].push_back(ended);
    }
  }
  return false;
}

Status HazardChecker::execute(std::size_t c, const isa::Fetcher::Step& step) {
  cores_[c].context.take(step.instruction);
  accesses_.clear();
  accesses_of(step.instruction, static_cast<int>(c), *chip_, program_->microcode, cores_[c].context, accesses_);
  const auto name = std::visit([](const auto& fields) { return std::decay_t<decltype(fields)>::kName; }, step.instruction.body);
  for (const Access& access : accesses_) SYSTOLE_TRY(enter(c * isa::kUnits + step.instruction.unit, step.index, name, access));
  return ok_status();
}

MemoryIndex& HazardChecker::index_of(const MemoryId& id) {
  for (MemoryIndex& memory : memories_) {
    if (memory.id == id) return memory;
  }
  std::int64_t size = 0;
  switch (id.space) {
    case isa::Space::kHbm: size = program_->hbm_bytes; break;
    case isa::Space::kCmem: size = program_->cmem_bytes; break;
    case isa::Space::kVmem: size = chip_->vmem_bytes; break;
    case isa::Space::kAccumulator: size = chip_->mxu.accumulator_rows * chip_->mxu.columns * 4; break;
  }
  MemoryIndex memory;
  memory.id = id;
  memory.shift = std::max(8, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(size) / 4096)));
  if (size == 0) memory.shift = 16;
  memories_.push_back(std::move(memory));
  return memories_.back();
}

Status HazardChecker::enter(std::size_t thread, std::int64_t instruction, std::string_view name, const Access& access) {
  const auto now = static_cast<std::int32_t>(records_.size());
  records_.push_back({access, static_cast<std::int32_t>(thread), issued_[thread], instruction, name, -1});
  MemoryIndex& memory = index_of(access.memory);
  const std::int64_t last = (access.box.end() - 1) >> memory.shift;
  for (std::int64_t bucket = access.box.base >> memory.shift; bucket <= last; ++bucket) SYSTOLE_TRY(visit_bucket(memory, bucket, now));
  return ok_status();
}

Status HazardChecker::visit_bucket(MemoryIndex& memory, std::int64_t bucket, std::int32_t now) {
  std::vector<std::int32_t>& list = memory.buckets[bucket];
  const Record& after = records_[static_cast<std::size_t>(now)];
  const auto thread = static_cast<std::size_t>(after.thread);
  const auto unit = static_cast<isa::UnitId>(thread % isa::kUnits);
  const bool orders_itself = unit == isa::kVector || unit >= isa::push_unit(0);
  const std::int64_t low = bucket << memory.shift, high = low + (std::int64_t{1} << memory.shift);
  std::size_t kept = 0;
  for (const std::int32_t index : list) {
    Record& before = records_[static_cast<std::size_t>(index)];
    const bool same_unit = before.thread == after.thread, earlier = ended(before, thread);
    const bool same_instruction = same_unit && before.number == after.number;
    const bool conflict = (before.access.write || after.access.write) && !same_instruction && !earlier && !(same_unit && orders_itself);
    if (conflict && before.tested != now) {
      before.tested = now;
      if (overlap(before.access.box, after.access.box)) return hazard(before, after);
    }
    const bool covers = (after.access.box.dense() && after.access.box.base <= std::max(before.access.box.base, low) &&
                         after.access.box.end() >= std::min(before.access.box.end(), high)) ||
                        after.access.box == before.access.box;
    const bool superseded = covers && (after.access.write || !before.access.write) && (earlier || same_unit);
    if (!superseded) list[kept++] = index;
  }
  list.resize(kept);
  list.push_back(now);
  return ok_status();
}

Error HazardChecker::hazard(const Record& before, const Record& after) const {
  static constexpr const char* kSpaces[] = {"HBM", "CMEM", "VMEM", "the accumulators"};
  const auto verb = [](const Record& r) { return r.access.write ? "writes" : "reads"; };
  const auto core = [](const Record& r) { return static_cast<std::size_t>(r.thread) / isa::kUnits; };
  const auto unit = [](const Record& r) { return isa::unit_name(static_cast<int>(static_cast<std::size_t>(r.thread) % isa::kUnits)); };
  const std::int64_t low = std::max(before.access.box.base, after.access.box.base), high = std::min(before.access.box.end(), after.access.box.end());
  Error error;
  error.code = ErrorCode::kCheckFailed;
  error.place = place_of(core(after), after.instruction, after.name);
  error.message = fmt::format("it {} bytes of {} (within {} .. {}) that {} {}, and nothing orders the two", verb(after),
                              kSpaces[static_cast<std::size_t>(after.access.memory.space)], low, high - 1,
                              place_of(core(before), before.instruction, before.name), verb(before));
  error.hint = core(before) == core(after) ? fmt::format("a token from {} to {}", unit(before), unit(after)) : "a barrier between them";
  return error;
}

}  // namespace

Status check_hazards(const isa::Program& program, const Chip& chip) {
  SYSTOLE_TRY(check_fit(program, chip));
  return HazardChecker(program, chip).run();
}

}  // namespace systole::machine
