#include <algorithm>

#include "report/report.h"

namespace systole::report {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t useful_macs(const isa::Program& program) {
  std::int64_t macs = 0;
  for (const isa::Layer& layer : program.layers) macs += layer.macs;
  return macs;
}

// Useful multiply-accumulates over what the arrays could do in that time.
double utilization(std::int64_t macs, std::int64_t cycles, const Chip& chip) {
  const double elements = static_cast<double>(chip.cores * chip.mxu.count * chip.mxu.rows * chip.mxu.columns);
  return cycles > 0 ? static_cast<double>(macs) / (static_cast<double>(cycles) * elements) : 0;
}

Json memory_json(const std::map<std::string, machine::MemoryReport>& memory) {
  Json json = Json::object();
  for (const auto& [name, report] : memory) json[name] = {{"read", report.read_bytes}, {"written", report.written_bytes}};
  return json;
}

Json units_json(const std::vector<machine::UnitReport>& units) {
  Json json = Json::object();
  for (const machine::UnitReport& unit : units) {
    json[unit.name] = {{"busy", unit.busy}, {"stall", unit.stall}, {"idle", unit.idle}, {"instructions", unit.instructions}};
  }
  return json;
}

Json layers_json(const isa::Program& program, const machine::TimingReport& timing) {
  Json json = Json::array();
  for (std::size_t i = 0; i < std::min(program.layers.size(), timing.layers.size()); ++i) {
    const isa::Layer& layer = program.layers[i];
    const machine::LayerReport& report = timing.layers[i];
    json.push_back({{"name", layer.name}, {"kind", layer.kind}, {"macs", layer.macs}, {"array_macs", report.array_macs},
                    {"first_cycle", report.first_cycle}, {"last_cycle", report.last_cycle}, {"busy", report.busy},
                    {"bytes", memory_json(report.memory)}});
  }
  return json;
}

Json outputs_json(const runtime::RunResult& result) {
  Json json = Json::array();
  for (const runtime::Output& output : result.outputs) {
    Json item = {{"name", output.name}, {"shape", output.value.shape()}, {"type", dtype_name(output.value.type())},
                 {"sha256", sha256_hex({output.value.raw(), static_cast<std::size_t>(output.value.bytes())})}};
    for (const runtime::OutputCheck& check : result.checks) {
      if (check.name != output.name) continue;
      item["same_bits"] = check.same_bits;
      item["max_abs_error"] = check.max_abs_error;
      item["max_rel_error"] = check.max_rel_error;
      item["judged"] = check.judged;
      item["check_passed"] = check.passed;
    }
    json.push_back(std::move(item));
  }
  return json;
}

}  // namespace

Json run_json(const runtime::Session& session, const runtime::RunResult& result, const std::string& engine) {
  const isa::Program& program = session.program();
  const std::int64_t cycles = result.timing.cycles, macs = useful_macs(program);
  Json json;
  json["chip"] = session.chip().name;
  json["engine"] = engine;
  json["format"] = session.format();
  json["cycles"] = cycles;
  json["seconds"] = duration(Cycles(cycles), session.chip().clock).value();
  json["macs"] = macs;
  json["array_macs"] = result.timing.array_macs;
  json["mxu_utilization"] = utilization(macs, cycles, session.chip());
  json["units"] = units_json(result.timing.units);
  json["bytes"] = memory_json(result.timing.memory);
  json["energy_joules"] = nullptr;               // no energy table is part of the chip file
  json["layers"] = layers_json(program, result.timing);
  json["outputs"] = outputs_json(result);
  json["host_operators"] = program.host_operators;
  json["program_bytes"] = program.instruction_bytes();
  json["notes"] = session.notes();
  json["cache_hit"] = session.cache_hit();
  json["compile_seconds"] = session.compile_seconds();
  json["simulate_seconds"] = result.simulate_seconds;
  json["host_seconds"] = result.host_seconds;
  if (!result.checks.empty()) json["check_passed"] = result.check_passed();
  return json;
}

}  // namespace systole::report
