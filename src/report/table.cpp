// The report of a run as text for a terminal of 100 columns.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "report/figures.h"
#include "report/report.h"

namespace systole::report {
namespace {

constexpr std::size_t kTopLayers = 10;

std::string seconds_text(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3f} ms", seconds * 1e3);
  return fmt::format("{:.3f} us", seconds * 1e6);
}

std::string bytes_text(std::int64_t bytes) {
  constexpr std::int64_t kKiB = 1024, kMiB = 1024 * kKiB, kGiB = 1024 * kMiB;
  const double value = static_cast<double>(bytes);
  if (bytes >= kGiB) return fmt::format("{:.2f} GiB", value / kGiB);
  if (bytes >= kMiB) return fmt::format("{:.2f} MiB", value / kMiB);
  if (bytes >= kKiB) return fmt::format("{:.2f} KiB", value / kKiB);
  return fmt::format("{} B", bytes);
}

std::string shortened(const std::string& text, std::size_t width) {
  return text.size() <= width ? text : text.substr(0, width - 3) + "...";
}

double percent(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

void print_units(std::string& out, const machine::TimingReport& timing) {
  out += fmt::format("\n{:<18} {:>8} {:>8} {:>8}   {}\n", "unit", "busy %", "stall %", "idle %", "stalls by cause, cycles");
  for (const machine::UnitReport& unit : timing.units) {
    if (unit.instructions == 0) continue;
    std::vector<std::pair<std::int64_t, std::string>> causes;
    std::int64_t stalled = 0;
    for (const auto& [cause, cycles] : unit.stall) {
      causes.emplace_back(cycles, cause);
      stalled += cycles;
    }
    std::sort(causes.rbegin(), causes.rend());
    std::string text;
    for (std::size_t i = 0; i < causes.size() && i < 3; ++i) text += fmt::format("{}{} {}", i == 0 ? "" : ", ", causes[i].second, causes[i].first);
    out += fmt::format("{:<18} {:>8.1f} {:>8.1f} {:>8.1f}   {}\n", unit.name, percent(unit.busy, timing.cycles), percent(stalled, timing.cycles),
                       percent(unit.idle, timing.cycles), text);
  }
}

void print_layers(std::string& out, const isa::Program& program, const machine::TimingReport& timing, const Chip& chip) {
  std::vector<std::size_t> order(std::min(program.layers.size(), timing.layers.size()));
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto span = [&](std::size_t i) { return timing.layers[i].last_cycle - timing.layers[i].first_cycle; };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return span(a) > span(b); });
  const std::size_t shown = std::min(order.size(), kTopLayers);
  out += fmt::format("\nlongest layers ({} of {}; layers overlap)\n{:<44} {:<12} {:>12} {:>8} {:>10}\n", shown, order.size(), "layer", "kind", "cycles",
                     "mxu %", "far bytes");
  for (std::size_t i = 0; i < shown; ++i) {
    const isa::Layer& layer = program.layers[order[i]];
    std::int64_t bytes = 0;
    for (const auto& [name, memory] : timing.layers[order[i]].memory)
      if (name != "vmem") bytes += memory.read_bytes + memory.written_bytes;
    out += fmt::format("{:<44} {:<12} {:>12} {:>8.1f} {:>10}\n", shortened(layer.name, 44), layer.kind, span(order[i]),
                       100 * utilisation(layer.macs, span(order[i]), chip), bytes_text(bytes));
  }
}

void print_outputs(std::string& out, const isa::Program& program, const runtime::RunResult& result) {
  out += "\noutputs\n";
  for (const isa::Binding& output : program.outputs) {
    out += fmt::format("  {} {} {}", output.name, dtype_name(output.type), shape_text(output.shape));
    for (const runtime::OutputCheck& check : result.checks) {
      if (check.name != output.name) continue;
      out += fmt::format(": check {}, bits {}, largest error {:.3g}, relative {:.3g}{}", check.passed ? "passed" : "FAILED",
                         check.same_bits ? "equal" : "DIFFER", check.max_abs_error, check.max_rel_error, check.judged ? "" : " (not judged)");
    }
    out += "\n";
  }
}

}  // namespace

std::string run_table(const runtime::Session& session, const runtime::RunResult& result) {
  const isa::Program& program = session.program();
  const Chip& chip = session.chip();
  const machine::TimingReport& timing = result.timing;
  const std::int64_t macs = useful_macs(program);
  std::string out = fmt::format("chip {}  format {}  cores {}\n", chip.name, session.format(), chip.cores);
  out += fmt::format("cycles {}  time {}  macs {}  mxu utilisation {:.2f} %\n", timing.cycles,
                     seconds_text(duration(Cycles(timing.cycles), chip.clock).value()), macs, 100 * utilisation(macs, timing.cycles, chip));
  out += fmt::format("program {}  compiled in {}{}\n", bytes_text(program.instruction_bytes()), seconds_text(session.compile_seconds()),
                     session.cache_hit() ? " (from the cache)" : "");
  if (!program.host_operators.empty()) {
    out += fmt::format("on the host {} ({})\n", fmt::join(program.host_operators, ", "), seconds_text(result.host_seconds));
  }
  print_units(out, timing);
  out += fmt::format("\n{:<18} {:>12} {:>12}\n", "memory", "read", "written");
  for (const auto& [name, memory] : timing.memory)
    out += fmt::format("{:<18} {:>12} {:>12}\n", name, bytes_text(memory.read_bytes), bytes_text(memory.written_bytes));
  print_layers(out, program, timing, chip);
  print_outputs(out, program, result);
  for (const std::string& note : session.notes()) out += fmt::format("note: {}\n", note);
  return out;
}

}  // namespace systole::report
