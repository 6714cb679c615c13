#include "rtl/tinytpu_check.h"

#include <fmt/format.h>

#include <optional>

#include "machine/tinytpu/machine.h"
#include "rtl/tinytpu_random.h"

namespace systole::rtl {
namespace {

constexpr std::int64_t kLeastCycles = 200;   // shorter programs are drawn again

std::string differs(std::string_view engine, const tinytpu::Result& ours, const tinytpu::Result& event) {
  if (ours.cycles != event.cycles) return fmt::format("{}: {} cycles, event {}", engine, ours.cycles, event.cycles);
  if (ours.issue_cycles != event.issue_cycles) return fmt::format("{}: halts in cycle {}, event {}", engine, ours.issue_cycles, event.issue_cycles);
  if (ours.clocks != event.clocks) return fmt::format("{}: {} clocks, event {}", engine, ours.clocks, event.clocks);
  for (std::size_t i = 0; i < ours.memory.size(); ++i) {
    if (ours.memory[i] != event.memory[i]) return fmt::format("{}: word {} is {}, event {}", engine, i, ours.memory[i], event.memory[i]);
  }
  return {};
}

// Every register of every cycle.
std::string states_differ(const std::vector<Probe>& states, const tinytpu::Program& program, const tinytpu::Options& options) {
  tinytpu::Machine machine(program, options);
  for (const Probe& state : states) {
    const Probe ours = probe(machine.state(), options);
    for (std::size_t i = 0; i < ours.size(); ++i) {
      if (ours[i] != state[i]) return fmt::format("rtl: cycle {}, word {} of the probe is {}, register {}", machine.state().cycle, i, state[i], ours[i]);
    }
    machine.step();
  }
  return {};
}

}  // namespace

Expected<TinyTpuComparison> compare_tinytpu(const tinytpu::Program& program, const tinytpu::Options& options, const TinyTpuModel* model) {
  const auto event = tinytpu::run_events(program, options);
  const auto registers = tinytpu::run_registers(program, options);
  if (!event.ok() || !registers.ok()) {
    if (event.ok() != registers.ok()) return TinyTpuComparison{"register: ends, or not, other than event", 0};
    return event.error();
  }
  TinyTpuComparison result{differs("register", *registers, *event), event->cycles};
  if (!result.difference.empty() || model == nullptr) return result;
  std::vector<Probe> states;
  SYSTOLE_ASSIGN(const tinytpu::Result hardware, model->run(program, &states));
  result.difference = differs("rtl", hardware, *event);
  if (result.difference.empty()) result.difference = states_differ(states, program, options);
  return result;
}

Expected<CheckResult> check_tinytpu(const Chip& chip, const CheckOptions& options) {
  std::optional<TinyTpuModel> model;
  if (options.rtl) {
    SYSTOLE_ASSIGN(model, TinyTpuModel::build(chip, options.cache));
  }
  CheckResult result;
  result.seed = options.seed;
  std::uint64_t drawn = 0;
  while (result.programs < options.programs) {
    const std::uint64_t seed = options.seed + (drawn++ << 32);
    const tinytpu::Program program = random_tinytpu_program(seed);
    const auto time = tinytpu::run_events(program, chip.tinytpu);
    if (!time.ok() || time->cycles < kLeastCycles) continue;
    const auto comparison = compare_tinytpu(program, chip.tinytpu, model ? &*model : nullptr);
    std::string difference;
    if (comparison.ok()) difference = comparison->difference;
    else if (comparison.error().code == ErrorCode::kInternal) difference = comparison.error().text();
    else return comparison.error();
    ++result.programs;
    result.cycles_compared += time->cycles;
    if (difference.empty()) continue;
    ++result.mismatches;
    result.details.push_back(fmt::format("program seed {}: {}", seed, difference));
  }
  return result;
}

}  // namespace systole::rtl
