// Yosys to standard cells, and what its statistics say.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "rtl/synth_timing.h"
#include "rtl/synth_tools.h"

namespace systole::rtl {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Library { const char* name; const char* package; const char* path; };
constexpr Library kLibraries[] = {
    {"osu018", "qflow-tech-osu018", "/usr/share/qflow/tech/osu018/osu018_stdcells.lib"},
    {"osu035", "qflow-tech-osu035", "/usr/share/qflow/tech/osu035/osu035_stdcells.lib"},
    {"osu050", "qflow-tech-osu050", "/usr/share/qflow/tech/osu050/osu05_stdcells.lib"},
};

Expected<Library> find_library(const std::string& name) {
  for (const Library& library : kLibraries) {
    if (name != library.name) continue;
    std::error_code failure;
    if (fs::exists(library.path, failure)) return library;
    return not_found(library.path, "there is no such file", fmt::format("apt-get install {}, or tools/install.sh", library.package));
  }
  return invalid_input("--library " + name, "is no library", "osu018, osu035, osu050");
}

// Cell areas of a Liberty file: `cell (NAME) { ... area : NUMBER;`.
std::map<std::string, double> cell_areas(const std::string& text) {
  std::map<std::string, double> areas;
  for (std::size_t at = text.find("cell ("); at != std::string::npos; at = text.find("cell (", at + 1)) {
    const std::size_t open = at + 6, close = text.find(')', open), area = text.find("area :", open);
    if (close == std::string::npos || area == std::string::npos) break;
    areas[text.substr(open, close - open)] = std::strtod(text.c_str() + area + 6, nullptr);
  }
  return areas;
}

// Memories first, by the passes that do not look at pairs of their ports; then words to bits to cells, module by module.
std::string yosys_script(const Design& design, const Library& library, std::int64_t largest) {
  std::string blackboxes;
  for (const std::string& macro : design.macros) blackboxes += "blackbox " + macro + "\n";
  return fmt::format(
      "read_verilog -sv {0}\n{1}read_verilog -lib -DSYNTHESIS memory.v\n"
      "hierarchy -check -top {2}\nproc\nopt_clean\n"
      "opt_mem\nopt_mem_priority\nopt_mem_feedback\nmemory_dff\nmemory_collect\n"
      "setparam -set INIT 1'bx t:$mem_v2 r:WR_PORTS>0 %i\n"   // cells of flip-flops have no initial value
      "techmap -D LARGEST={3} -map memory_map.v\nopt_clean\n"
      "synth -noabc -run coarse:\n"
      "dfflibmap -liberty {4}\nabc -liberty {4} -constr abc.constr -D 4000\n"
      "opt_clean -purge\nsplitnets\nopt_clean -purge\n"
      "tee -q -o stat.json stat -json -top {2}\njson -o macros.json t:systole_memory\n"
      "write_verilog -noattr -noexpr -nohex -nodec gates.v\n"
      // OpenSTA's reader knows no concatenation on the left of an assign, so for it every net and port is a bit.
      "techmap -map memory_timing.v t:systole_memory\nopt_clean -purge\nsplitnets -ports\nopt_clean -purge\n"
      "write_verilog -noattr -noexpr -nohex -nodec timing.v\n"
      "design -reset\nread_liberty -ignore_miss_func {4}\nwrite_verilog -noattr cells.v\n",   // the cells' functions, for simulation
      design.sources, blackboxes, design.top, largest, library.path);
}

std::string plain(const std::string& name) { return !name.empty() && name[0] == '\\' ? name.substr(1) : name; }

// "$paramod\staging\LANES=s32'0..." and "$paramod$38c2...\staging": staging.
std::string module_name(const std::string& name) {
  if (name.rfind("$paramod", 0) != 0) return plain(name);
  const std::size_t first = name.find('\\'), second = name.find('\\', first + 1);
  return name.substr(first + 1, second == std::string::npos ? second : second - first - 1);
}

struct Statistics {
  std::map<std::string, std::map<std::string, std::int64_t>> cells;   // module -> type -> count
  std::map<std::string, std::int64_t> instances;
};

void count_instances(Statistics& statistics, const std::string& module, std::int64_t count) {
  statistics.instances[module] += count;
  for (const auto& [type, number] : statistics.cells[module]) {
    if (statistics.cells.contains(type)) count_instances(statistics, type, count * number);
  }
}

Expected<Statistics> read_statistics(const Scratch& scratch, const std::string& top) {
  SYSTOLE_ASSIGN(std::string text, read_text_file(scratch.file("stat.json")));
  // Yosys 0.23 writes the hierarchy as plain text behind the modules.
  if (const std::size_t end = text.find("\n   },"); end != std::string::npos) text = text.substr(0, end) + "\n   }}";
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.contains("modules")) return Error{ErrorCode::kInternal, "yosys", "wrote no statistics", {}};
  Statistics statistics;
  for (const auto& [name, module] : json["modules"].items()) {
    auto& cells = statistics.cells[plain(name)];
    for (const auto& [type, count] : module["num_cells_by_type"].items()) cells[plain(type)] = count.get<std::int64_t>();
  }
  count_instances(statistics, top, 1);
  return statistics;
}

// Rows of one name (the same module with other parameters) are joined: instances add up, cells are those of the largest.
void add_modules(const Statistics& statistics, const std::map<std::string, double>& areas, GateResult& result) {
  std::map<std::string, ModuleCells> rows;
  for (const auto& [module, types] : statistics.cells) {
    const auto found = statistics.instances.find(module);
    if (found == statistics.instances.end()) continue;
    std::int64_t cells = 0;
    double area = 0;
    for (const auto& [type, count] : types) {
      const auto cell = areas.find(type);
      if (cell == areas.end()) continue;
      cells += count;
      area += cell->second * static_cast<double>(count);
      if (type.rfind("DFF", 0) == 0 || type == "LATCH") result.flip_flops += count * found->second;
    }
    result.cells += cells * found->second;
    result.area_um2 += area * static_cast<double>(found->second);
    ModuleCells& row = rows[module_name(module)];
    row.name = module_name(module);
    row.instances += found->second;
    row.cells = std::max(row.cells, cells);
    row.area_um2 = std::max(row.area_um2, area);
  }
  for (auto& [name, row] : rows) result.modules.push_back(std::move(row));
}

std::int64_t parameter(const Json& cell, const char* name) {
  const Json& value = cell["parameters"][name];
  return value.is_string() ? static_cast<std::int64_t>(std::strtoull(value.get<std::string>().c_str(), nullptr, 2)) : value.get<std::int64_t>();
}

Status add_memories(const Scratch& scratch, const Design& design, const Statistics& statistics, const Chip& chip, GateResult& result) {
  SYSTOLE_ASSIGN(const std::string text, read_text_file(scratch.file("macros.json")));
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return Error{ErrorCode::kInternal, "yosys", "wrote no list of memories", {}};
  for (const auto& [module, body] : json["modules"].items()) {
    const auto found = statistics.instances.find(module);
    if (found == statistics.instances.end()) continue;
    for (const auto& [name, cell] : body["cells"].items()) {
      if (cell["type"] != "systole_memory") continue;
      result.memories.push_back({module_name(module), found->second, parameter(cell, "SIZE"), parameter(cell, "WIDTH"), parameter(cell, "READS"), parameter(cell, "WRITES")});
    }
  }
  for (const std::string& macro : design.macros) {   // VMEM: bytes
    std::int64_t instances = 0;
    for (const auto& [module, count] : statistics.instances) {
      const auto& types = statistics.cells.at(module);
      if (const auto found = types.find(macro); found != types.end()) instances += count * found->second;
    }
    if (instances == 0) continue;                      // not under this top
    MemoryMacro row{macro, instances, 1, 8, 0, 0};
    while (row.words < chip.vmem_bytes) row.words *= 2;
    for (const Port& port : design.ports.at(macro)) {
      if (port.output) row.reads += port.bits / 8;
      else if (port.name.ends_with("write_bytes")) row.writes += port.bits / 8;
    }
    result.memories.push_back(row);
  }
  for (const MemoryMacro& row : result.memories) result.sram_bits += row.bits();
  return ok_status();
}

Status run(const Chip& chip, const SynthOptions& options, const Scratch& scratch, GateResult& result) {
  SYSTOLE_ASSIGN(const Library library, find_library(options.library));
  SYSTOLE_TRY(need_tool("sta", "opensta"));
  options.progress(fmt::format("writing and reading the hardware of {}", chip.name));
  SYSTOLE_ASSIGN(const Design design, elaborate(chip, options.top, scratch));
  for (const char* name : {"memory.v", "memory_map.v", "memory_timing.v"}) SYSTOLE_TRY(write_file(scratch.file(name), cell_text(name)));
  SYSTOLE_TRY(write_file(scratch.file("abc.constr"), std::string("set_driving_cell BUFX2\nset_load 0.02 [all_outputs]\n")));
  SYSTOLE_TRY(write_file(scratch.file("synth.ys"), yosys_script(design, library, options.largest_flops)));
  options.progress(fmt::format("synthesis of {} to {} (minutes for a whole core)", design.top, library.name));
  SYSTOLE_TRY(run_tool(scratch, "yosys", "yosys -Q synth.ys", "yosys.log"));
  SYSTOLE_ASSIGN(const std::string liberty, read_text_file(library.path));
  SYSTOLE_ASSIGN(const Statistics statistics, read_statistics(scratch, design.top));
  result.top = design.top;
  result.library = library.name;
  add_modules(statistics, cell_areas(liberty), result);
  SYSTOLE_TRY(add_memories(scratch, design, statistics, chip, result));
  options.progress("static timing analysis");
  return analyze_timing(scratch, design, library.path, result);
}

}  // namespace

Expected<GateResult> synthesize_gates(const Chip& chip, const SynthOptions& options) {
  SYSTOLE_ASSIGN(const Scratch scratch, Scratch::make());
  GateResult result;
  const Status status = run(chip, options, scratch, result);
  const Status kept = keep_files(scratch, {"gates.v", "cells.v", "memory.v", "synth.ys", "abc.constr", "yosys.log", "timing.tcl", "timing.log", "elaborate.log"}, options.output);
  if (!status.ok()) return status.error();
  if (!kept.ok()) return kept.error();
  return result;
}

}  // namespace systole::rtl
