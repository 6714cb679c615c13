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

namespace systole::rtl {
namespace {

constexpr std::int64_t kLeastCycles = 200, kMostCycles = 20000;   // of a program: others are drawn again
constexpr double kAwkward = 0.25;                                 // of the programs, on the RTL with another memory
constexpr int kMostDraws = 100;                                   // of compiled graphs, for one program

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

void compare(Comparison& comparison, const Answer& event, const Answer& other) {
  std::string difference;
  if (other.cycles != event.cycles) difference = fmt::format("{} cycles, event {}", other.cycles, event.cycles);
  for (std::size_t i = 0; i < event.outputs.size(); ++i) {
    if (!other.outputs[i].same_bits(event.outputs[i])) difference += fmt::format(" output '{}' differs", comparison.kernel.program.outputs[i].name);
  }
  difference += account_difference(event, other);
  comparison.tally.cycles_compared += event.cycles;
  if (!difference.empty()) comparison.differ(fmt::format("{}: {}", other.engine, difference));
}

// Cycle by cycle: a hash of the array's registers for each, and what every unit did.
Expected<Answer> run_registers(const Kernel& kernel, const Chip& chip, std::vector<std::uint64_t>& hashes) {
  SYSTOLE_ASSIGN(const auto engine, machine::RegisterEngine::create(kernel.program, chip, kernel.inputs));
  machine::CycleAccounts accounts(*engine, kernel.program, chip);
  while (!engine->done()) {
    hashes.push_back(engine->array_state(0, 0).hash());
    accounts.before_step();
    engine->step();
    accounts.after_step();
  }
  return Answer{"register", engine->cycle(), engine->outputs(), accounts.units()};
}

// The array's registers of both engines that have them, in every cycle that both had.
void compare_arrays(Comparison& comparison, const std::vector<std::uint64_t>& registers, const std::vector<std::uint64_t>& rtl) {
  const std::size_t cycles = std::min(registers.size(), rtl.size());
  const auto first = std::mismatch(registers.begin(), registers.begin() + static_cast<std::ptrdiff_t>(cycles), rtl.begin()).first - registers.begin();
  comparison.tally.array_cycles += static_cast<std::int64_t>(first);
  if (first < static_cast<std::ptrdiff_t>(cycles)) comparison.differ(fmt::format("register and rtl: the array's registers differ in cycle {}", first));
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
  std::vector<std::uint64_t> hashes;
  if (options.registers) {
    SYSTOLE_ASSIGN(const Answer registers, run_registers(kernel, chip, hashes));
    compare(comparison, event, registers);
  }
  if (model) {
    SYSTOLE_ASSIGN(auto run, model->run_hashed(kernel.program, kernel.inputs));
    compare(comparison, event, {"rtl", run.cycles, std::move(run.outputs), {}});
    if (options.registers) compare_arrays(comparison, hashes, run.hashes);
    if (random.chance(kAwkward)) {
      SYSTOLE_ASSIGN(const auto awkward, model->run_awkward(kernel.program, kernel.inputs, seed));
      if (awkward.hbm != run.hbm) comparison.differ("rtl: other bytes where the memory takes and answers at random times");
    }
  }
  Coverage coverage;
  add_coverage(kernel.program, coverage);
  for (const auto& [what, count] : coverage) result.coverage[what] += count;
  add(result, comparison.tally);
  add(result.formats[format_of(coverage)], comparison.tally);
  result.details.insert(result.details.end(), comparison.details.begin(), comparison.details.end());
  return ok_status();
}

}  // namespace

Expected<CheckResult> check(const Chip& chip, const CheckOptions& options) {
  std::optional<RtlModel> model;
  if (options.rtl && chip.cores == 1) {
    SYSTOLE_ASSIGN(model, RtlModel::build(chip, options.cache));
  }
  CheckResult result;
  result.seed = options.seed;
  for (std::int64_t i = 0; i < options.programs; ++i) {
    SYSTOLE_TRY(run_program(options.seed + static_cast<std::uint64_t>(i), chip, options, model, result));
    if (options.progress) options.progress(i + 1);
  }
  return result;
}

}  // namespace systole::rtl
