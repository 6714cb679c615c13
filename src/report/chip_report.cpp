#include "report/chip_report.h"

#include <fmt/format.h>

namespace systole::report {
namespace {

using Json = nlohmann::ordered_json;

Json memory_json(const MemorySpec& memory, Hertz clock) {
  if (!memory.present) return nullptr;
  Json json = {{"capacity_bytes", memory.capacity_bytes}};
  if (memory.bandwidth.free()) {
    json["bandwidth"] = "free";
  } else {
    json["bytes_per_second"] = static_cast<double>(memory.bandwidth.bytes) / static_cast<double>(memory.bandwidth.cycles) * clock.value();
    json["bandwidth"] = fmt::format("{} bytes in {} cycles", memory.bandwidth.bytes, memory.bandwidth.cycles);
  }
  json["burst_bytes"] = memory.burst_bytes;
  json["latency_cycles"] = memory.latency_cycles;
  return json;
}

// Multiply-accumulates for each byte of HBM at which the arrays and the memory take equally long.
Json ridge(const Chip& chip) {
  if (chip.hbm.bandwidth.free()) return nullptr;
  const double bytes = static_cast<double>(chip.hbm.bandwidth.bytes) / static_cast<double>(chip.hbm.bandwidth.cycles) * chip.clock.value();
  return chip.peak_macs_per_second() / bytes;
}

}  // namespace

Json chip_json(const Chip& chip) {
  Json json;
  json["chip"] = chip.name;
  json["description"] = chip.description;
  json["machine"] = chip.machine == MachineKind::kTinyTpu ? "tinytpu" : "generic";
  json["clock_hz"] = chip.clock.value();
  json["cores"] = chip.cores;
  json["arrays_per_core"] = chip.mxu.count;
  json["array_rows"] = chip.mxu.rows;
  json["array_columns"] = chip.mxu.columns;
  json["weight_double_buffer"] = chip.mxu.weight_double_buffer;
  json["accumulator_rows"] = chip.mxu.accumulator_rows;
  json["formats"] = Json::array();
  for (const DType format : chip.mxu.formats) json["formats"].push_back(dtype_name(format));
  json["default_format"] = dtype_name(chip.default_format);
  json["vector_lanes"] = chip.vpu.present ? chip.vpu.lanes * chip.vpu.sublanes : 0;
  json["vmem_bytes"] = chip.vmem_bytes;
  json["dma_engines"] = chip.dma_engines;
  json["hbm"] = memory_json(chip.hbm, chip.clock);
  json["cmem"] = memory_json(chip.cmem, chip.clock);
  json["peak_macs_per_second"] = chip.peak_macs_per_second();
  json["ridge_macs_per_byte"] = ridge(chip);
  json["fingerprint"] = fmt::format("{:016x}", chip.fingerprint());
  json["sources"] = chip.sources;
  return json;
}

std::string chip_table(const Chip& chip) {
  std::string text;
  const Json json = chip_json(chip);
  for (const auto& [key, value] : json.items()) {
    if (key == "sources") continue;
    text += fmt::format("{:22}{}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
  }
  text += "sources\n";
  for (const auto& [field, source] : chip.sources) text += fmt::format("  {:28}{}\n", field, source);
  return text;
}

}  // namespace systole::report
