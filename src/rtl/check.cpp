#include "rtl/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "machine/event.h"
#include "machine/register.h"
#include "machine/register_accounts.h"
#include "rtl/generate.h"
#include "rtl/model.h"
#include "rtl/random_kernel.h"
#include "timing/timing.h"

namespace systole::rtl {
namespace {

constexpr std::int64_t kLeastCycles = 200, kMostCycles = 20000;   // of a program: others are drawn again
constexpr double kUnwatched = 0.25, kLooks = 0.05;                  // of the programs, once more on the register engine; of their cycles
constexpr double kAwkward = 0.25;                                 // of the programs, on the RTL with another memory
constexpr int kMostDraws = 100;                                   // of compiled graphs, for one program
// A program that has not halted after this many times the event engine's cycles, and some, is said to stand still. On the awkward memory each
// of a burst's two transactions is answered at most 105 cycles after it was taken (axi_memory.h), and waits for that two cycles on average.
constexpr std::int64_t kPatience = 4, kSomeCycles = 1000, kAwkwardBurstCycles = 256;

struct Answer {
  std::string engine;
  std::int64_t cycles = 0;
  std::vector<Tensor> outputs;
  std::vector<machine::UnitReport> units;   // the RTL has none
};

std::string text_of(const machine::UnitReport& unit) {
  std::string text = fmt::format("{} words, busy {}, idle {}", unit.instructions, unit.busy, unit.idle);
  for (const auto& [cause, cycles] : unit.stall) text += fmt::format(", {} {}", cause, cycles);
  return text;
}

// The first unit whose cycles went elsewhere; "": none.
std::string account_difference(const Answer& event, const Answer& other) {
  for (std::size_t u = 0; u < other.units.size(); ++u) {
    const std::string ours = text_of(event.units[u]), theirs = text_of(other.units[u]);
    if (ours != theirs) return fmt::format(" {}: {}; event {}", event.units[u].name, theirs, ours);
  }
  return {};
}

// Of one program.
struct Comparison {
  const Kernel& kernel;
  std::uint64_t seed;
  Tally tally{.programs = 1};
  std::vector<std::string> details{};

  void differ(const std::string& what) {
    ++tally.mismatches;
    details.push_back(fmt::format("seed {} ({}): {}", seed, kernel.text, what));
  }
};

// In cycles, output bits, units' accounts; "": in none.
std::string difference_of(const Comparison& comparison, const Answer& event, const Answer& other) {
  std::string difference;
  if (other.cycles != event.cycles) difference = fmt::format("{} cycles, event {}", other.cycles, event.cycles);
  for (std::size_t i = 0; i < event.outputs.size(); ++i) {
    const Tensor &ours = other.outputs[i], &theirs = event.outputs[i];
    if (ours.same_bits(theirs)) continue;
    const std::int64_t first = std::mismatch(ours.raw(), ours.raw() + ours.bytes(), theirs.raw()).first - ours.raw();
    difference += fmt::format(" output '{}' differs from byte {} on", comparison.kernel.program.outputs[i].name, first);
  }
  return difference + account_difference(event, other);
}

void compare(Comparison& comparison, const Answer& event, const Answer& other) {
  comparison.tally.cycles_compared += event.cycles;
  if (const std::string difference = difference_of(comparison, event, other); !difference.empty()) comparison.differ(fmt::format("{}: {}", other.engine, difference));
}

std::int64_t most_cycles(const Answer& event) { return kPatience * event.cycles + kSomeCycles; }

std::int64_t most_awkward_cycles(const Answer& event, const isa::Program& program, const Chip& chip) {
  std::int64_t bursts = 0;
  isa::Fetcher fetcher(program.cores[0]);
  for (isa::Fetcher::Step step; fetcher.next(step);) bursts += timing::bursts(chip, step.instruction);
  return most_cycles(event) + kAwkwardBurstCycles * bursts;
}

using Hashes = std::vector<std::uint64_t>;                         // of the array's registers in each cycle

// Cycle by cycle: a hash of the array's registers for each (`looks` of them, others 0), and what every unit did.
// Of a machine that stands still there are none after `most` cycles.
Expected<std::optional<Answer>> run_registers(const Kernel& kernel, const Chip& chip, std::int64_t most, double looks, Random random, Hashes& hashes) {
  SYSTOLE_ASSIGN(const auto engine, machine::RegisterEngine::create(kernel.program, chip, kernel.inputs));
  machine::CycleAccounts accounts(*engine, kernel.program, chip);
  while (!engine->done()) {
    if (engine->cycle() >= most) return std::optional<Answer>();
    hashes.push_back(random.chance(looks) ? engine->array_state(0, 0).hash() : 0);
    accounts.before_step();
    engine->step();
    accounts.after_step();
  }
  return std::optional(Answer{"register", engine->cycle(), engine->outputs(), accounts.units()});
}

// The array's registers of both engines that have them, in every cycle that both had.
void compare_arrays(Comparison& comparison, const Hashes& registers, const Hashes& rtl) {
  const std::size_t cycles = std::min(registers.size(), rtl.size());
  const auto first = std::mismatch(registers.begin(), registers.begin() + static_cast<std::ptrdiff_t>(cycles), rtl.begin()).first - registers.begin();
  comparison.tally.array_cycles += static_cast<std::int64_t>(first);
  if (first < static_cast<std::ptrdiff_t>(cycles)) comparison.differ(fmt::format("register and rtl: the array's registers differ in cycle {}", first));
}

// The register engine leaves work for later where nobody looks at the array: once more, looked at now and then, it is to be the same.
Status compare_unwatched(Comparison& comparison, const Answer& event, const Chip& chip, const Hashes& watched, Random random) {
  Hashes seen;
  SYSTOLE_ASSIGN(const auto again, run_registers(comparison.kernel, chip, most_cycles(event), kLooks, random, seen));
  std::string difference = again ? difference_of(comparison, event, *again) : "not halted";
  const bool same = std::equal(seen.begin(), seen.end(), watched.begin(), watched.end(), [](std::uint64_t x, std::uint64_t y) { return x == 0 || x == y; });
  if (!same) difference += " the array's registers differ";
  if (!difference.empty()) comparison.differ("register, looked at in few cycles: " + difference);
  return ok_status();
}

Status compare_rtl(Comparison& comparison, const Answer& event, const Chip& chip, const RtlModel& model, const Hashes* registers, bool awkward) {
  const Kernel& kernel = comparison.kernel;
  const auto not_halted = [&](std::int64_t most) { comparison.differ(fmt::format("rtl: not halted after {} cycles, event {}", most, event.cycles)); };
  SYSTOLE_ASSIGN(auto run, model.run_hashed(kernel.program, kernel.inputs, most_cycles(event)));
  if (!run.halted) {
    not_halted(most_cycles(event));
    return ok_status();
  }
  compare(comparison, event, {"rtl", run.cycles, std::move(run.outputs), {}});
  if (registers != nullptr) compare_arrays(comparison, *registers, run.hashes);
  if (!awkward) return ok_status();
  const std::int64_t most = most_awkward_cycles(event, kernel.program, chip);
  SYSTOLE_ASSIGN(const auto other, model.run_awkward(kernel.program, kernel.inputs, comparison.seed, most));
  if (!other.halted) not_halted(most);
  else if (other.hbm != run.hbm) comparison.differ("rtl: other bytes where the memory takes and answers at random times");
  return ok_status();
}

// A program of the right length, and what the event engine makes of it.
struct Drawn {
  Kernel kernel;
  Answer event;
};

Expected<Drawn> draw(Random& random, const Chip& chip, const CheckOptions& options, CheckResult& result) {
  bool compiled = random.chance(options.compiled) && chip.vpu.present;   // the compiler needs a vector unit
  for (int draws = 0;; ++draws) {
    if (draws == kMostDraws) compiled = false;
    Kernel kernel;
    if (compiled) {
      auto made = random_compiled(random, chip);
      if (!made.ok() && made.error().code != ErrorCode::kUnsupported) return made.error();
      if (!made.ok()) {
        ++result.drawn_again["refused: " + made.error().message];
        continue;
      }
      kernel = std::move(*made);
    } else {
      kernel = random_kernel(random, chip);
    }
    SYSTOLE_ASSIGN(const auto time, machine::simulate_time(kernel.program, chip));
    if (time.cycles < kLeastCycles || time.cycles > kMostCycles) {
      ++result.drawn_again[fmt::format("{} than {} cycles", time.cycles < kLeastCycles ? "shorter" : "longer", time.cycles < kLeastCycles ? kLeastCycles : kMostCycles)];
      continue;
    }
    SYSTOLE_ASSIGN(auto outputs, machine::simulate_values(kernel.program, chip, kernel.inputs));
    return Drawn{std::move(kernel), {"event", time.cycles, std::move(outputs), time.units}};
  }
}

void add(Tally& sum, const Tally& one) {
  sum.programs += one.programs;
  sum.cycles_compared += one.cycles_compared;
  sum.mismatches += one.mismatches;
  sum.array_cycles += one.array_cycles;
}

Status run_program(std::uint64_t seed, const Chip& chip, const CheckOptions& options, const std::optional<RtlModel>& model, CheckResult& result) {
  Random random(seed);
  SYSTOLE_ASSIGN(const Drawn drawn, draw(random, chip, options, result));
  const auto& [kernel, event] = drawn;
  Comparison comparison{.kernel = kernel, .seed = seed};
  if (kernel.expected && !event.outputs[0].same_bits(*kernel.expected)) comparison.differ("event: not the product by definition");
  Hashes hashes;
  if (options.registers) {
    SYSTOLE_ASSIGN(const auto registers, run_registers(kernel, chip, most_cycles(event), 1.0, random, hashes));
    if (registers) {
      compare(comparison, event, *registers);
      if (random.chance(kUnwatched)) SYSTOLE_TRY(compare_unwatched(comparison, event, chip, hashes, random));
    } else {
      comparison.differ(fmt::format("register: not halted after {} cycles, event {}", most_cycles(event), event.cycles));
    }
  }
  if (model) {
    SYSTOLE_TRY(compare_rtl(comparison, event, chip, *model, options.registers ? &hashes : nullptr, random.chance(kAwkward)));
  }
  Coverage coverage;
  add_coverage(kernel.program, coverage);
  for (const auto& [what, count] : coverage) result.coverage[what] += count;
  add(result, comparison.tally);
  add(result.formats[format_of(coverage)], comparison.tally);
  result.details.insert(result.details.end(), comparison.details.begin(), comparison.details.end());
  return ok_status();
}

// Has every combination that is wanted occurred often enough?
bool often_enough(const CheckOptions& options, const Coverage& coverage) {
  return std::all_of(options.wanted.begin(), options.wanted.end(), [&](const std::string& what) {
    const auto found = coverage.find(what);
    return (found == coverage.end() ? 0 : found->second) >= options.least;
  });
}

}  // namespace

Expected<CheckResult> check(const Chip& chip, const CheckOptions& options) {
  std::optional<RtlModel> model;
  if (options.rtl && chip.cores == 1) {
    SYSTOLE_ASSIGN(model, RtlModel::build(chip, options.cache));
  }
  CheckResult result;
  result.seed = options.seed;
  for (std::int64_t i = 0; i < options.programs || (i < 2 * options.programs && !often_enough(options, result.coverage)); ++i) {
    SYSTOLE_TRY(run_program(options.seed + static_cast<std::uint64_t>(i), chip, options, model, result));
    if (options.progress) options.progress(i + 1);
    if (options.stop_at_mismatch && result.mismatches > 0) break;
  }
  return result;
}

}  // namespace systole::rtl
