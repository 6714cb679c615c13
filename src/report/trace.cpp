#include "isa/table.h"
#include "report/report.h"

namespace systole::report {

std::string trace_json(const machine::Trace& trace, const isa::Program& program, const Chip& chip) {
  using Json = nlohmann::ordered_json;
  const double microseconds_per_cycle = 1e6 / chip.clock.value();
  Json events = Json::array();
  events.push_back({{"ph", "M"}, {"pid", 0}, {"name", "process_name"}, {"args", {{"name", chip.name}}}});
  for (std::size_t unit = 0; unit < trace.units.size(); ++unit) {
    events.push_back({{"ph", "M"}, {"pid", 0}, {"tid", unit}, {"name", "thread_name"}, {"args", {{"name", trace.units[unit]}}}});
    events.push_back({{"ph", "M"}, {"pid", 0}, {"tid", unit}, {"name", "thread_sort_index"}, {"args", {{"sort_index", unit}}}});
  }
  for (const machine::TraceEvent& event : trace.events) {
    Json args = {{"instruction", event.instruction}, {"start_cycle", event.start}, {"end_cycle", event.end}};
    std::string name{event.name};
    if (event.layer < program.layers.size()) {
      const isa::Layer& layer = program.layers[event.layer];
      args["layer"] = layer.name;
      if (!layer.name.empty()) name += " " + layer.name;
    }
    events.push_back({{"ph", "X"}, {"pid", 0}, {"tid", event.unit}, {"name", name},
                      {"ts", static_cast<double>(event.start) * microseconds_per_cycle},
                      {"dur", static_cast<double>(event.end - event.start) * microseconds_per_cycle}, {"args", std::move(args)}});
  }
  // A model's names may hold bytes that are no UTF-8; they are replaced rather than refused.
  const auto replace = Json::error_handler_t::replace;
  return Json{{"displayTimeUnit", "ns"}, {"traceEvents", std::move(events)}}.dump(-1, ' ', false, replace) + "\n";
}

}  // namespace systole::report
