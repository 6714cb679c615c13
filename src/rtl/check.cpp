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

constexpr std::int64_t kLeastCycles = 200;   // shorter programs are drawn again

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

void compare(const Kernel& kernel, std::uint64_t seed, const Answer& event, const Answer& other, CheckResult& result) {
  std::string difference;
  if (other.cycles != event.cycles) difference = fmt::format("{} cycles, event {}", other.cycles, event.cycles);
  for (std::size_t i = 0; i < event.outputs.size(); ++i) {
    if (!other.outputs[i].same_bits(event.outputs[i])) difference += fmt::format(" output '{}' differs", kernel.program.outputs[i].name);
  }
  difference += account_difference(event, other);
  result.cycles_compared += event.cycles;
  if (difference.empty()) return;
  ++result.mismatches;
  result.details.push_back(fmt::format("seed {} ({}): {}: {}", seed, kernel.text, other.engine, difference));
}

Expected<Answer> run_event(const Kernel& kernel, const Chip& chip) {
  SYSTOLE_ASSIGN(const auto time, machine::simulate_time(kernel.program, chip));
  SYSTOLE_ASSIGN(auto outputs, machine::simulate_values(kernel.program, chip, kernel.inputs));
  return Answer{"event", time.cycles, std::move(outputs), time.units};
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
void compare_arrays(const Kernel& kernel, std::uint64_t seed, const std::vector<std::uint64_t>& registers, const std::vector<std::uint64_t>& rtl,
                    CheckResult& result) {
  const std::size_t cycles = std::min(registers.size(), rtl.size());
  for (std::size_t cycle = 0; cycle < cycles; ++cycle) {
    if (registers[cycle] == rtl[cycle]) continue;
    ++result.mismatches;
    result.details.push_back(fmt::format("seed {} ({}): register and rtl: the array's registers differ in cycle {}", seed, kernel.text, cycle));
    return;
  }
  result.array_cycles += static_cast<std::int64_t>(cycles);
}

Expected<CheckResult> run_programs(const Chip& chip, const CheckOptions& options, const std::optional<RtlModel>& model) {
  CheckResult result;
  result.seed = options.seed;
  for (std::int64_t i = 0; i < options.programs; ++i) {
    const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(i);
    Random random(seed);
    Kernel kernel = random_kernel(random, chip);
    SYSTOLE_ASSIGN(Answer event, run_event(kernel, chip));
    while (event.cycles < kLeastCycles) {
      kernel = random_kernel(random, chip);
      SYSTOLE_ASSIGN(event, run_event(kernel, chip));
    }
    if (kernel.expected && !event.outputs[0].same_bits(*kernel.expected)) {
      ++result.mismatches;
      result.details.push_back(fmt::format("seed {} ({}): event: not the product by definition", seed, kernel.text));
    }
    std::vector<std::uint64_t> hashes;
    if (options.registers) {
      SYSTOLE_ASSIGN(Answer registers, run_registers(kernel, chip, hashes));
      compare(kernel, seed, event, registers, result);
    }
    if (model) {
      SYSTOLE_ASSIGN(auto run, model->run_hashed(kernel.program, kernel.inputs));
      compare(kernel, seed, event, {"rtl", run.cycles, std::move(run.outputs), {}}, result);
      if (options.registers) compare_arrays(kernel, seed, hashes, run.hashes, result);
    }
    ++result.programs;
  }
  return result;
}

}  // namespace

Expected<CheckResult> check(const Chip& chip, const CheckOptions& options) {
  SYSTOLE_TRY(check_chip(chip));
  std::optional<RtlModel> model;
  if (options.rtl) {
    SYSTOLE_ASSIGN(model, RtlModel::build(chip, options.cache));
  }
  return run_programs(chip, options, model);
}

}  // namespace systole::rtl
