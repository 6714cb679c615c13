// Yosys to standard cells, and what its statistics say.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/file.h"
#include "rtl/synth_netlist.h"
#include "rtl/synth_timing.h"
#include "rtl/synth_tools.h"

namespace systole::rtl {
namespace {

namespace fs = std::filesystem;

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

// Without the choices (dch) and fraiging of Yosys' own script: they take hours for a module of eight multipliers.
constexpr const char* kAbcScript = "strash\ndc2\n&get -n\n&nf {D}\n&put\nbuffer\nupsize {D}\ndnsize {D}\nstime -p\n";

// Memories first; then words to bits to cells, module by module.
std::string yosys_script(const Design& design, const Library& library, std::int64_t largest) {
  std::string blackboxes;
  for (const std::string& macro : design.macros) blackboxes += "blackbox " + macro + "\n";
  return fmt::format(
      "read_verilog -sv {0}\nread_verilog -lib -DSYNTHESIS memory.v\n"
      "hierarchy -check -top {2}\n{1}proc\nopt_clean\n"
      "{3}"
      "synth -noabc -run coarse:\n"
      "dfflibmap -liberty {4}\nabc -liberty {4} -constr abc.constr -D 4000 -script abc.script\n"
      "opt_clean -purge\nsplitnets\nopt_clean -purge\n"
      "tee -q -o stat.json stat -json -top {2}\njson -o macros.json t:systole_memory\n"
      "write_verilog -noattr -noexpr -nohex -nodec gates.v\n"
      // OpenSTA's reader knows no concatenation on the left of an assign, so for it every net and port is a bit.
      "techmap -map memory_timing.v t:systole_memory\nopt_clean -purge\nsplitnets -ports\nopt_clean -purge\n"
      "write_verilog -noattr -noexpr -nohex -nodec timing.v\n"
      "design -reset\nread_liberty -ignore_miss_func {4}\nwrite_verilog -noattr cells.v\n",   // the cells' functions, for simulation
      design.sources, blackboxes, design.top, memory_commands(largest), library.path);
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

Status run(const Chip& chip, const SynthOptions& options, const Scratch& scratch, GateResult& result) {
  SYSTOLE_ASSIGN(const Library library, find_library(options.library));
  SYSTOLE_TRY(need_tool("sta", "opensta"));
  if (options.top.find('+') != std::string::npos) return unsupported("--top " + options.top, "only an FPGA takes several modules together", "--fpga ice40-hx8k");
  options.progress(fmt::format("writing and reading the hardware of {}", chip.name));
  SYSTOLE_ASSIGN(const Design design, elaborate(chip, options.top, scratch));
  for (const char* name : kMemoryFiles) SYSTOLE_TRY(write_file(scratch.file(name), cell_text(name)));
  SYSTOLE_TRY(write_file(scratch.file("abc.constr"), std::string("set_driving_cell BUFX2\nset_load 0.02 [all_outputs]\n")));
  SYSTOLE_TRY(write_file(scratch.file("abc.script"), std::string(kAbcScript)));
  SYSTOLE_TRY(write_file(scratch.file("synth.ys"), yosys_script(design, library, options.largest_flops)));
  options.progress(fmt::format("synthesis of {} to {} (minutes for a whole core)", design.top, library.name));
  SYSTOLE_TRY(run_tool(scratch, "yosys", "yosys -Q synth.ys", "yosys.log"));
  SYSTOLE_ASSIGN(const std::string liberty, read_text_file(library.path));
  SYSTOLE_ASSIGN(const Statistics statistics, read_statistics(scratch, design.top));
  result.top = design.top;
  result.library = library.name;
  add_modules(statistics, cell_areas(liberty), result);
  SYSTOLE_ASSIGN(result.memories, read_memories(scratch, design, statistics, chip));
  for (const MemoryMacro& row : result.memories) result.sram_bits += row.bits();
  options.progress("static timing analysis");
  return analyze_timing(scratch, design, library.path, result);
}

}  // namespace

Expected<GateResult> synthesize_gates(const Chip& chip, const SynthOptions& options) {
  SYSTOLE_ASSIGN(const Scratch scratch, Scratch::make());
  GateResult result;
  const Status status = run(chip, options, scratch, result);
  const Status kept = keep_files(scratch, {"gates.v", "cells.v", "memory.v", "synth.ys", "abc.constr", "abc.script", "yosys.log", "timing.tcl", "timing.log", "elaborate.log"}, options.output);
  if (!status.ok()) return status.error();
  if (!kept.ok()) return kept.error();
  return result;
}

}  // namespace systole::rtl
