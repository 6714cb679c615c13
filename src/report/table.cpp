#include <fmt/format.h>

#include <algorithm>

#include "report/report.h"

namespace systole::report {
namespace {

double percent(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string seconds_text(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3f} ms", seconds * 1e3);
  return fmt::format("{:.3f} us", seconds * 1e6);
}

// The largest cause of a unit's stalls.
std::string stall_text(const machine::UnitReport& unit, std::int64_t cycles) {
  const std::string* cause = nullptr;
  std::int64_t most = 0, all = 0;
  for (const auto& [name, stall] : unit.stall) {
    all += stall;
    if (stall > most) cause = &name, most = stall;
  }
  return cause ? fmt::format("{:5.1f} %  most: {} {:.1f} %", percent(all, cycles), *cause, percent(most, cycles)) : "  0.0 %";
}

std::string unit_rows(const machine::TimingReport& timing) {
  std::size_t width = 4;
  for (const machine::UnitReport& unit : timing.units) width = std::max(width, unit.name.size());
  std::string text = fmt::format("{:{}}     busy     idle    stall\n", "unit", width);
  for (const machine::UnitReport& unit : timing.units) {
    if (unit.instructions == 0) continue;
    text += fmt::format("{:{}}  {:5.1f} %  {:5.1f} %  {}\n", unit.name, width, percent(unit.busy, timing.cycles), percent(unit.idle, timing.cycles),
                        stall_text(unit, timing.cycles));
  }
  return text;
}

std::string output_rows(const runtime::RunResult& result) {
  std::string text;
  for (const runtime::Output& output : result.outputs) {
    text += fmt::format("output {} {} {}\n", output.name, dtype_name(output.value.type()), shape_text(output.value.shape()));
  }
  for (const runtime::OutputCheck& check : result.checks) {
    text += fmt::format("check {}: {}, bits {}, max |error| {:.3g}, relative {:.3g}{}\n", check.name, check.passed ? "passed" : "FAILED",
                        check.same_bits ? "equal" : "DIFFER", check.max_abs_error, check.max_rel_error, check.judged ? "" : " (not judged)");
  }
  return text;
}

}  // namespace

std::string run_table(const runtime::Session& session, const runtime::RunResult& result) {
  const nlohmann::ordered_json json = run_json(session, result, "");
  const machine::TimingReport& timing = result.timing;
  std::string text = fmt::format("{}  {}  {} cycles = {}  {} MACs  matrix units {:.1f} % used\n", session.chip().name, session.format(), timing.cycles,
                                 seconds_text(json["seconds"].get<double>()), json["macs"].get<std::int64_t>(),
                                 100 * json["mxu_utilization"].get<double>());
  for (const auto& [name, memory] : timing.memory) text += fmt::format("{}: {} bytes read, {} written\n", name, memory.read_bytes, memory.written_bytes);
  text += unit_rows(timing);
  text += output_rows(result);
  for (const std::string& note : session.notes()) text += fmt::format("note: {}\n", note);
  return text;
}

}  // namespace systole::report
