// Yosys, nextpnr and icepack: a chip or a part of it on an iCE40.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "rtl/synth_netlist.h"

namespace systole::rtl {
namespace {

using Json = nlohmann::ordered_json;

struct Device {
  const char* name;
  const char* place;      // nextpnr's options
  const char* synth;      // more options of synth_ice40
  std::int64_t cells, brams, dsps, pins;
};
constexpr Device kDevices[] = {{"ice40-hx8k", "--hx8k --package ct256", "", 7680, 32, 0, 206},
                               {"ice40-up5k", "--up5k --package sg48", "-dsp", 5280, 30, 8, 39}};
constexpr std::int64_t kBramBits = 4096;

Expected<Device> find_device(const std::string& name) {
  for (const Device& device : kDevices) {
    if (name == device.name) return device;
  }
  return invalid_input("--fpga " + name, "is no device", "ice40-hx8k, ice40-up5k");
}

bool is_data(const Port& port) { return port.name != "clk" && port.name != "reset"; }

std::int64_t pins_of(const std::vector<Port>& ports) {
  std::int64_t pins = 0;
  for (const Port& port : ports) pins += port.bits;
  return pins;
}

// The part with its ports behind two shift registers, one for all inputs, one that takes all outputs when `capture` is high.
std::string serial_wrapper(const std::string& top, const std::vector<Port>& ports) {
  std::int64_t in = 0, out = 0;
  std::string pins;
  for (const Port& port : ports) {
    if (!is_data(port)) {
      pins += fmt::format(", .{0}({0})", port.name);
      continue;
    }
    std::int64_t& at = port.output ? out : in;
    pins += fmt::format(", .\\{} ({}[{}:{}])", port.name, port.output ? "results" : "given", at + port.bits - 1, at);
    at += port.bits;
  }
  return fmt::format(
      "module systole_pins (input clk, input reset, input serial_in, input capture, output serial_out);\n"
      "  reg [{1}:0] given;\n  wire [{2}:0] results;\n  reg [{2}:0] taken;\n"
      "  always @(posedge clk) begin\n    given <= {{given, serial_in}};\n    taken <= capture ? results : {{taken, 1'b0}};\n  end\n"
      "  assign serial_out = taken[{2}];\n  {0} part ({3});\nendmodule\n",
      top, std::max<std::int64_t>(in, 1) - 1, std::max<std::int64_t>(out, 1) - 1, pins.substr(2));
}

std::string need_script(const Design& design, const Device& device, std::int64_t largest) {
  std::string blackboxes;
  for (const std::string& macro : design.macros) blackboxes += "blackbox " + macro + "\n";
  return fmt::format("read_verilog -sv {0}\nread_verilog -lib -DSYNTHESIS memory.v\nhierarchy -check -top {1}\n{2}proc\nopt_clean\n{3}"
                     "synth_ice40 {4} -noflatten -top {1}\ntee -q -o stat.json stat -json -top {1}\njson -o macros.json t:systole_memory\n",
                     design.sources, design.top, blackboxes, memory_commands(largest), device.synth);
}

bool is_flip_flop(const std::string& type) { return type.rfind("SB_DFF", 0) == 0; }

// LUTs and flip-flops module by module, memories by their bits.
Status measure(const Chip& chip, const Design& design, const Device& device, const SynthOptions& options, const Scratch& scratch, FpgaResult& result) {
  for (const char* name : kMemoryFiles) SYSTOLE_TRY(write_file(scratch.file(name), cell_text(name)));
  SYSTOLE_TRY(write_file(scratch.file("fpga.ys"), need_script(design, device, options.largest_flops)));
  SYSTOLE_TRY(run_tool(scratch, "yosys", "yosys -Q fpga.ys", "yosys.log"));
  SYSTOLE_ASSIGN(const Statistics statistics, read_statistics(scratch, design.top));
  SYSTOLE_ASSIGN(result.memories, read_memories(scratch, design, statistics, chip));
  for (const MemoryMacro& memory : result.memories) result.brams += memory.instances * ((memory.words * memory.width + kBramBits - 1) / kBramBits);
  for (const auto& [module, instances] : statistics.instances) {
    ModuleLuts row{module_name(module), instances, 0, 0};
    for (const auto& [type, count] : statistics.cells.at(module)) {
      if (type == "SB_LUT4") row.luts += count;
      if (is_flip_flop(type)) row.ffs += count;
      if (type == "SB_RAM40_4K") result.brams += instances * count;
      if (type == "SB_MAC16") result.dsps += instances * count;
    }
    result.luts += instances * row.luts;
    result.ffs += instances * row.ffs;
    result.modules.push_back(std::move(row));
  }
  result.cells = std::max(result.luts, result.ffs);
  result.cells_available = device.cells;
  result.brams_available = device.brams;
  result.dsps_available = device.dsps;
  result.fits = false;   // VMEM has a port for every byte, which no block RAM has
  return ok_status();
}

// "ICESTORM_LC:  4581/ 7680" of nextpnr's log.
bool find_use(const std::string& text, const std::string& kind, std::int64_t& used, std::int64_t& available) {
  const std::size_t at = text.find(kind + ":");
  if (at == std::string::npos) return false;
  char* end = nullptr;
  used = std::strtoll(text.c_str() + at + kind.size() + 1, &end, 10);
  available = *end == '/' ? std::strtoll(end + 1, nullptr, 10) : 0;
  return true;
}

struct Use { std::int64_t used = 0, available = 0; };

Expected<FpgaResult> read_use(const Scratch& scratch) {
  SYSTOLE_ASSIGN(const std::string text, read_text_file(scratch.file("nextpnr.log")));
  FpgaResult result;
  Use cells, brams, dsps;
  if (!find_use(text, "ICESTORM_LC", cells.used, cells.available)) return Error{ErrorCode::kInternal, "nextpnr-ice40", "told no utilisation", {}};
  find_use(text, "ICESTORM_RAM", brams.used, brams.available);
  find_use(text, "ICESTORM_DSP", dsps.used, dsps.available);
  result.fits = cells.used <= cells.available && brams.used <= brams.available && dsps.used <= dsps.available;
  result.cells = cells.used;
  result.cells_available = cells.available;
  result.brams = brams.used;
  result.brams_available = brams.available;
  result.dsps = dsps.used;
  result.dsps_available = dsps.available;
  return result;
}

Status read_cells(const Scratch& scratch, FpgaResult& result) {
  SYSTOLE_ASSIGN(const std::string text, read_text_file(scratch.file("fpga_stat.txt")));
  std::istringstream lines(text);
  result.luts = result.ffs = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string type;
    std::int64_t count = 0;
    if (!(words >> type >> count)) continue;
    if (type == "SB_LUT4") result.luts += count;
    if (is_flip_flop(type)) result.ffs += count;
  }
  return ok_status();
}

Status read_clock(const Scratch& scratch, FpgaResult& result) {
  SYSTOLE_ASSIGN(const std::string report, read_text_file(scratch.file("nextpnr.json")));
  const Json json = Json::parse(report, nullptr, false);
  if (!json.is_discarded() && json.contains("fmax")) {
    for (const auto& [clock, value] : json["fmax"].items()) result.fmax_mhz = value["achieved"].get<double>();
  }
  return ok_status();
}

Status need_tools() {
  SYSTOLE_TRY(need_tool("nextpnr-ice40", "nextpnr-ice40"));
  return need_tool("icepack", "fpga-icestorm");
}

Status run(const Chip& chip, const Device& device, const SynthOptions& options, const Scratch& scratch, FpgaResult& result) {
  SYSTOLE_TRY(need_tools());
  options.progress(fmt::format("writing and reading the hardware of {}", chip.name));
  SYSTOLE_ASSIGN(const Design design, elaborate(chip, options.top, scratch));
  result.top = design.top;
  result.device = device.name;
  if (!design.macros.empty()) {
    options.progress(fmt::format("what {} needs of {}", design.top, device.name));
    return measure(chip, design, device, options, scratch, result);
  }
  const std::vector<Port>& ports = design.ports.at(design.top);
  const bool serial = pins_of(ports) > device.pins;
  if (serial) SYSTOLE_TRY(write_file(scratch.file("pins.v"), serial_wrapper(design.top, ports)));
  const std::string top = serial ? "systole_pins" : design.top;
  SYSTOLE_TRY(write_file(scratch.file("fpga.ys"), fmt::format("read_verilog -sv {}{}\nsynth_ice40 {} -top {} -json fpga.json\ntee -q -o fpga_stat.txt stat -top {}\n",
                                                              design.sources, serial ? " pins.v" : "", device.synth, top, top)));
  options.progress(fmt::format("synthesis of {} for {}", design.top, device.name));
  SYSTOLE_TRY(run_tool(scratch, "yosys", "yosys -Q fpga.ys", "yosys.log"));
  options.progress("placement and routing");
  const Status placed = run_tool(scratch, "nextpnr-ice40", fmt::format("nextpnr-ice40 {} --json fpga.json --asc chip.asc --report nextpnr.json --seed 1", device.place), "nextpnr.log");
  auto use = read_use(scratch);
  if (!use.ok() || use->fits) SYSTOLE_TRY(placed);   // a part that is too large is an answer
  if (!use.ok()) return use.error();
  result = std::move(use).value();
  result.top = options.top.empty() ? design.top : options.top;
  result.device = device.name;
  result.serial_pins = serial;
  SYSTOLE_TRY(read_cells(scratch, result));
  if (!result.fits) return ok_status();
  options.progress("bitstream");
  SYSTOLE_TRY(run_tool(scratch, "icepack", "icepack chip.asc chip.bin", "icepack.log"));
  return read_clock(scratch, result);
}

}  // namespace

Expected<FpgaResult> place_fpga(const Chip& chip, const std::string& device, const SynthOptions& options) {
  SYSTOLE_ASSIGN(const Device found, find_device(device));
  SYSTOLE_ASSIGN(const Scratch scratch, Scratch::make());
  FpgaResult result;
  const Status status = run(chip, found, options, scratch, result);
  std::vector<std::string> kept = {"fpga.ys", "part.ys", "pins.v", "yosys.log", "stat.json", "nextpnr.log", "elaborate.log"};
  if (status.ok() && result.fits) kept.insert(kept.end(), {"chip.asc", "chip.bin"});
  const Status written = keep_files(scratch, kept, options.output);
  if (!status.ok()) return status.error();
  if (!written.ok()) return written.error();
  if (!options.output.empty() && result.fits) result.bitstream = (std::filesystem::path(options.output) / "chip.bin").string();
  return result;
}

}  // namespace systole::rtl
