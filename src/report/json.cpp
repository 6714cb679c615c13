#include <algorithm>
#include <map>

#include "report/figures.h"
#include "report/report.h"

namespace systole::report {
namespace {

using Json = nlohmann::ordered_json;

Json memory_json(const std::map<std::string, machine::MemoryReport>& memories) {
  Json json = Json::object();
  for (const auto& [name, memory] : memories) json[name] = {{"read", memory.read_bytes}, {"written", memory.written_bytes}};
  return json;
}

Json units_json(const std::vector<machine::UnitReport>& units) {
  Json json = Json::object();
  for (const machine::UnitReport& unit : units) {
    Json stall = Json::object();
    for (const auto& [cause, cycles] : unit.stall) stall[cause] = cycles;
    json[unit.name] = {{"busy", unit.busy}, {"stall", std::move(stall)}, {"idle", unit.idle}, {"instructions", unit.instructions}};
  }
  return json;
}

// Layers overlap in time, so a layer has no stalls or idle time of its own: its units hold `busy` alone.
Json layers_json(const isa::Program& program, const machine::TimingReport& timing, const Chip& chip) {
  Json json = Json::array();
  for (std::size_t i = 0; i < program.layers.size() && i < timing.layers.size(); ++i) {
    const isa::Layer& layer = program.layers[i];
    const machine::LayerReport& report = timing.layers[i];
    const std::int64_t cycles = report.last_cycle - report.first_cycle;
    Json units = Json::object();
    for (const auto& [unit, busy] : report.busy) units[unit] = {{"busy", busy}};
    json.push_back({{"name", layer.name},
                    {"kind", layer.kind},
                    {"first_cycle", report.first_cycle},
                    {"last_cycle", report.last_cycle},
                    {"cycles", cycles},
                    {"seconds", duration(Cycles(cycles), chip.clock).value()},
                    {"macs", layer.macs},
                    {"array_macs", report.array_macs},
                    {"mxu_utilization", utilisation(layer.macs, cycles, chip)},
                    {"units", std::move(units)},
                    {"bytes", memory_json(report.memory)},
                    {"energy_joules", Json::object()}});
  }
  return json;
}

Json output_json(const isa::Binding& binding) {
  return {{"name", binding.name}, {"shape", binding.shape}, {"type", dtype_name(binding.type)}, {"sha256", nullptr}};
}

Json outputs_json(const isa::Program& program, const runtime::RunResult& result) {
  Json json = Json::array();
  for (const isa::Binding& binding : program.outputs) {
    Json entry = output_json(binding);
    for (const runtime::Output& output : result.outputs) {
      if (output.name != binding.name) continue;
      entry["sha256"] = sha256_hex({output.value.raw(), static_cast<std::size_t>(output.value.bytes())});
    }
    for (const runtime::OutputCheck& check : result.checks) {
      if (check.name != binding.name) continue;
      entry["same_bits"] = check.same_bits;
      entry["max_abs_error"] = check.max_abs_error;   // an infinite error becomes null: JSON has no infinity
      entry["max_rel_error"] = check.max_rel_error;
      entry["judged"] = check.judged;
      entry["check_passed"] = check.passed;
    }
    json.push_back(std::move(entry));
  }
  return json;
}

Json host_json(const runtime::Session& session) {
  Json json = Json::array();
  for (const runtime::HostOperator& op : session.host_operators())
    json.push_back({{"name", op.name}, {"op", op.op}, {"why", op.why}});
  return json;
}

}  // namespace

std::int64_t useful_macs(const isa::Program& program) {
  std::int64_t macs = 0;
  for (const isa::Layer& layer : program.layers) macs += layer.macs;
  return macs;
}

double utilisation(std::int64_t macs, std::int64_t cycles, const Chip& chip) {
  const double elements = static_cast<double>(chip.cores * chip.mxu.count * chip.mxu.rows * chip.mxu.columns);
  return cycles > 0 && elements > 0 ? static_cast<double>(macs) / (static_cast<double>(cycles) * elements) : 0.0;
}

Json run_json(const runtime::Session& session, const runtime::RunResult& result, const std::string& engine) {
  const isa::Program& program = session.program();
  const Chip& chip = session.chip();
  const machine::TimingReport& timing = result.timing;
  const std::int64_t macs = useful_macs(program);
  Json json = {{"chip", chip.name},
               {"engine", engine},
               {"format", session.format()},
               {"cycles", timing.cycles},
               {"seconds", duration(Cycles(timing.cycles), chip.clock).value()},
               {"macs", macs},
               {"array_macs", timing.array_macs},
               {"mxu_utilization", utilisation(macs, timing.cycles, chip)},
               {"units", units_json(timing.units)},
               {"bytes", memory_json(timing.memory)},
               {"energy_joules", Json::object()},
               {"layers", layers_json(program, timing, chip)},
               {"outputs", outputs_json(program, result)},
               {"host_operators", host_json(session)},
               {"program_bytes", program.instruction_bytes()},
               {"cache_hit", session.cache_hit()},
               {"compile_seconds", session.compile_seconds()},
               {"simulate_seconds", result.simulate_seconds},
               {"host_seconds", result.host_seconds},
               {"notes", session.notes()}};
  if (!result.checks.empty()) json["check_passed"] = result.check_passed();
  return json;
}

}  // namespace systole::report
