// Chrome's trace event format, as Perfetto reads it: a process per core, a thread per unit, complete events ("X").
#include <fmt/format.h>

#include <cstdlib>

#include "report/report.h"

namespace systole::report {
namespace {

using Json = nlohmann::json;

struct Track { int process = 0, thread = 0; };

// "core1.mxu0" is process 1.
Track track_of(const std::string& unit, int thread) {
  int process = 0;
  if (unit.rfind("core", 0) == 0) process = std::atoi(unit.c_str() + 4);
  return {process, thread};
}

std::string short_name(const std::string& unit) {
  const std::size_t dot = unit.find('.');
  return dot == std::string::npos ? unit : unit.substr(dot + 1);
}

}  // namespace

std::string trace_json(const machine::Trace& trace, const isa::Program& program, const Chip& chip) {
  const double us_per_cycle = 1e6 / chip.clock.value();
  std::string out = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n";
  std::vector<Track> tracks;
  bool first = true;
  const auto add = [&](const std::string& event) {
    if (!first) out += ",\n";
    first = false;
    out += event;
  };
  int last_process = -1;
  for (std::size_t i = 0; i < trace.units.size(); ++i) {
    const Track track = track_of(trace.units[i], static_cast<int>(i));
    tracks.push_back(track);
    if (track.process != last_process) {
      last_process = track.process;
      add(Json{{"ph", "M"}, {"name", "process_name"}, {"pid", track.process}, {"args", {{"name", fmt::format("{} core {}", chip.name, track.process)}}}}.dump());
    }
    const Json place = {{"pid", track.process}, {"tid", track.thread}};
    const auto metadata = [&](const char* name, Json args) {
      Json event = place;
      event["ph"] = "M";
      event["name"] = name;
      event["args"] = std::move(args);
      add(event.dump());
    };
    metadata("thread_name", {{"name", short_name(trace.units[i])}});
    metadata("thread_sort_index", {{"sort_index", track.thread}});
  }
  std::vector<std::string> layers;      // quoted once, used by every event
  for (const isa::Layer& layer : program.layers) layers.push_back(Json(layer.name).dump(-1, ' ', false, Json::error_handler_t::replace));
  const std::string unknown = "\"\"";
  for (const machine::TraceEvent& event : trace.events) {
    const Track track = tracks[static_cast<std::size_t>(event.unit)];
    const std::string& layer = event.layer < layers.size() ? layers[event.layer] : unknown;
    add(fmt::format(R"({{"ph":"X","name":"{}","pid":{},"tid":{},"ts":{:.6f},"dur":{:.6f},"args":{{"layer":{},"instruction":{},"start_cycle":{},"end_cycle":{}}}}})",
                    event.name, track.process, track.thread, static_cast<double>(event.start) * us_per_cycle,
                    static_cast<double>(event.end - event.start) * us_per_cycle, layer, event.instruction, event.start, event.end));
  }
  out += "\n]}\n";
  return out;
}

}  // namespace systole::report
