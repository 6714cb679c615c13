// The time pass's accounts as a report.
#include <fmt/format.h>

#include <algorithm>

#include "isa/table.h"
#include "machine/event_core.h"

namespace systole::machine {
namespace {

constexpr const char* kMemoryNames[kReportedMemories] = {"hbm", "cmem", "vmem"};

void add_stall(UnitReport& report, const std::string& cause, std::int64_t cycles) {
  if (cycles != 0) report.stall[cause] += cycles;
}

UnitReport unit_report(const UnitAccount& account, const std::string& name) {
  UnitReport report;
  report.name = name;
  report.busy = account.busy;
  report.idle = account.idle;
  report.instructions = account.instructions;
  add_stall(report, "memory", account.memory);
  add_stall(report, "weights", account.weights);
  add_stall(report, "control", account.control);
  add_stall(report, "barrier", account.barrier);
  for (std::size_t unit = 0; unit < isa::kUnits; ++unit) {
    add_stall(report, "wait " + isa::unit_name(static_cast<int>(unit)), account.wait[unit]);
    add_stall(report, "queue " + isa::unit_name(static_cast<int>(unit)), account.queue[unit]);
  }
  return report;
}

bool present(const Chip& chip, std::size_t memory) { return memory != kFarCmem || chip.cmem.present; }

}  // namespace

std::vector<isa::UnitId> units_of(const Chip& chip) {
  std::vector<isa::UnitId> units = {isa::kScalar};
  if (chip.vpu.present) units.push_back(isa::kVector);
  for (int e = 0; e < std::min<std::int64_t>(chip.dma_engines, isa::kMaxDmaEngines); ++e) units.push_back(isa::dma_unit(e));
  for (int a = 0; a < std::min<std::int64_t>(chip.mxu.count, isa::kMaxArrays); ++a) {
    units.push_back(isa::push_unit(a));
    units.push_back(isa::matrix_unit(a));
  }
  return units;
}

TimingReport make_report(const isa::Program& program, const Chip& chip, const Accounts& accounts,
                         const std::vector<std::unique_ptr<EventCore>>& cores) {
  TimingReport report;
  for (const auto& core : cores) report.cycles = std::max(report.cycles, core->end_cycle());
  const std::vector<isa::UnitId> units = units_of(chip);
  for (std::size_t c = 0; c < cores.size(); ++c) {
    report.simulated_words += cores[c]->account(isa::kScalar, report.cycles).instructions;
    for (const isa::UnitId unit : units) {
      report.units.push_back(unit_report(cores[c]->account(unit, report.cycles), fmt::format("core{}.{}", c, isa::unit_name(unit))));
    }
  }
  report.layers.resize(program.layers.size());
  for (std::size_t l = 0; l < accounts.layers.size(); ++l) {
    const LayerAccount& account = accounts.layers[l];
    report.array_macs += account.macs;
    LayerReport layer;
    layer.first_cycle = std::max<std::int64_t>(account.first, 0);
    layer.last_cycle = account.last;
    layer.array_macs = account.macs;
    for (std::size_t m = 0; m < kReportedMemories; ++m) {
      if (!present(chip, m)) continue;
      layer.memory[kMemoryNames[m]] = {account.read[m], account.written[m]};
      MemoryReport& sum = report.memory[kMemoryNames[m]];
      sum.read_bytes += account.read[m];
      sum.written_bytes += account.written[m];
    }
    for (std::size_t c = 0; c < cores.size(); ++c) {
      for (const isa::UnitId unit : units) {
        const std::size_t at = (l * cores.size() + c) * isa::kUnits + unit;
        if (accounts.layer_busy[at] != 0) layer.busy[fmt::format("core{}.{}", c, isa::unit_name(unit))] = accounts.layer_busy[at];
      }
    }
    if (l < report.layers.size()) report.layers[l] = std::move(layer);
  }
  return report;
}

}  // namespace systole::machine
