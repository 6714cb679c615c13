#include "runtime/run_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "machine/register.h"
#include "rtl/model.h"
#include "runtime/bind_inputs.h"
#include "runtime/check_outputs.h"
#include "runtime/stopwatch.h"

namespace systole::runtime {
namespace {

struct Values {
  std::vector<Tensor> outputs;
  std::int64_t cycles = -1;   // if the engine counts them
};

Expected<Values> run_values(const isa::Program& program, const Chip& chip, const std::vector<Tensor>& inputs, Engine engine, int threads) {
  if (engine == Engine::kRegister) {
    SYSTOLE_ASSIGN(auto result, machine::simulate_registers(program, chip, inputs));
    return Values{std::move(result.outputs), result.cycles};
  }
  if (engine == Engine::kRtl) {
    SYSTOLE_TRY(rtl::check_program(program, chip));
    SYSTOLE_ASSIGN(const auto model, rtl::RtlModel::build(chip));
    SYSTOLE_ASSIGN(auto result, model.run(program, inputs));
    return Values{std::move(result.outputs), result.cycles};
  }
  SYSTOLE_ASSIGN(auto outputs, machine::simulate_values(program, chip, inputs, threads));
  return Values{std::move(outputs), -1};
}

void add_memory(std::map<std::string, machine::MemoryReport>& all, const std::map<std::string, machine::MemoryReport>& part) {
  for (const auto& [name, memory] : part) {
    all[name].read_bytes += memory.read_bytes;
    all[name].written_bytes += memory.written_bytes;
  }
}

// A part that starts when the ones before have ended.
void append(machine::TimingReport& all, machine::TimingReport part) {
  for (machine::LayerReport& layer : part.layers) {
    layer.first_cycle += all.cycles;
    layer.last_cycle += all.cycles;
    all.layers.push_back(std::move(layer));
  }
  all.cycles += part.cycles;
  all.array_macs += part.array_macs;
  all.simulated_words += part.simulated_words;
  add_memory(all.memory, part.memory);
  if (all.units.empty()) {
    all.units = std::move(part.units);
    return;
  }
  for (std::size_t u = 0; u < part.units.size(); ++u) {   // one chip: the same units in each part
    machine::UnitReport& unit = all.units[u];
    unit.busy += part.units[u].busy;
    unit.idle += part.units[u].idle;
    unit.instructions += part.units[u].instructions;
    for (const auto& [cause, cycles] : part.units[u].stall) unit.stall[cause] += cycles;
  }
}

void append(machine::Trace& all, const machine::Trace& part, std::int64_t cycle, std::size_t layers) {
  all.units = part.units;
  for (machine::TraceEvent event : part.events) {
    event.start += cycle;
    event.end += cycle;
    event.layer = static_cast<std::uint16_t>(event.layer + layers);
    all.events.push_back(event);
  }
}

}  // namespace

Expected<machine::TimingReport> PartsRunner::time(machine::Trace* trace) {
  machine::TimingReport all;
  runs_.assign(parts_.parts.size(), {});
  for (std::size_t p = 0; p < parts_.parts.size(); ++p) {
    const Part& part = parts_.parts[p];
    if (part.on_host) continue;
    if (options_.check_hazards) SYSTOLE_TRY(machine::check_hazards(part.program, chip_));
    machine::Trace events;
    SYSTOLE_ASSIGN(machine::TimingReport report, machine::simulate_time(part.program, chip_, trace != nullptr ? &events : nullptr));
    runs_[p].cycles = report.cycles;
    if (trace != nullptr) append(*trace, events, all.cycles, all.layers.size());
    append(all, std::move(report));
  }
  return all;
}

Expected<std::vector<Tensor>> PartsRunner::values(std::map<std::string, Tensor> values) {
  for (std::size_t p = 0; p < parts_.parts.size(); ++p) {
    const Part& part = parts_.parts[p];
    if (part.on_host) SYSTOLE_TRY(run_on_host(part, values));
    else SYSTOLE_TRY(run_on_chip(part, runs_[p], values));
  }
  std::vector<Tensor> outputs;
  for (const std::string& name : parts_.outputs) outputs.push_back(values.at(name));
  return outputs;
}

Status PartsRunner::run_on_chip(const Part& part, PartRun& run, std::map<std::string, Tensor>& values) const {
  std::map<std::string, Tensor> inputs;
  for (const isa::Binding& input : part.program.inputs) inputs.emplace(input.name, values.at(input.name));
  SYSTOLE_ASSIGN(run.inputs, bind_inputs(part.program.inputs, inputs));
  SYSTOLE_ASSIGN(Values result, run_values(part.program, chip_, run.inputs, options_.engine, threads_));
  if (result.cycles >= 0 && result.cycles != run.cycles) {
    const char* const name = options_.engine == Engine::kRtl ? "RTL" : "register";
    return Error{ErrorCode::kInternal, "engines", fmt::format("the {} engine counts {} cycles, the event engine {}", name, result.cycles, run.cycles), ""};
  }
  run.outputs = std::move(result.outputs);
  for (std::size_t i = 0; i < run.outputs.size(); ++i) values.insert_or_assign(part.program.outputs[i].name, run.outputs[i]);
  return ok_status();
}

// In double precision, rounded where a value leaves the part.
Status PartsRunner::run_on_host(const Part& part, std::map<std::string, Tensor>& values) {
  const Stopwatch watch;
  const graph::Graph& graph = part.graph;
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    inputs.push_back(values.at(graph.input_names[i]).converted(graph.type(graph.inputs[i]).type));
  }
  SYSTOLE_ASSIGN(const auto outputs, graph::interpret_double(graph, inputs));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    values.insert_or_assign(graph.output_names[i], outputs[i].converted(graph.type(graph.outputs[i]).type));
  }
  host_seconds_ += watch.seconds();
  return ok_status();
}

Expected<std::vector<bool>> PartsRunner::same_bits() {
  std::set<std::string> different;
  for (std::size_t p = 0; p < parts_.parts.size(); ++p) {
    const Part& part = parts_.parts[p];
    if (part.on_host) continue;
    std::optional<compile::Compiled> again;   // a cached program comes without its lowered graph
    if (!part.lowered) {
      SYSTOLE_ASSIGN(again, compile::compile(part.graph, chip_, compile_));
    }
    SYSTOLE_ASSIGN(const auto names, different_bits(part.lowered ? *part.lowered : again->lowered, chip_, part.program, runs_[p].inputs,
                                                    runs_[p].outputs, threads_));
    different.insert(names.begin(), names.end());
  }
  const auto is_output = [this](const std::string& name) { return std::find(parts_.outputs.begin(), parts_.outputs.end(), name) != parts_.outputs.end(); };
  const bool between = !std::all_of(different.begin(), different.end(), is_output);
  std::vector<bool> same;
  for (const std::string& name : parts_.outputs) same.push_back(!between && !different.contains(name));
  return same;
}

}  // namespace systole::runtime
