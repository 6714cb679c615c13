#include "rtl/synth_netlist.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace systole::rtl {
namespace {

using Json = nlohmann::ordered_json;

std::string plain(const std::string& name) { return !name.empty() && name[0] == '\\' ? name.substr(1) : name; }

}  // namespace

// "$paramod\staging\LANES=s32'0..." and "$paramod$38c2...\staging": staging.
std::string module_name(const std::string& name) {
  if (name.rfind("$paramod", 0) != 0) return plain(name);
  const std::size_t first = name.find('\\'), second = name.find('\\', first + 1);
  return name.substr(first + 1, second == std::string::npos ? second : second - first - 1);
}

namespace {

void count_instances(Statistics& statistics, const std::string& module, std::int64_t count) {
  statistics.instances[module] += count;
  for (const auto& [type, number] : statistics.cells[module]) {
    if (statistics.cells.contains(type)) count_instances(statistics, type, count * number);
  }
}

}  // namespace

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

std::string memory_commands(std::int64_t largest) {
  return fmt::format("opt_mem\nopt_mem_priority\nopt_mem_feedback\nmemory_dff\nmemory_collect\n"
                     "setparam -set INIT 1'bx t:$mem_v2 r:WR_PORTS>0 %i\n"   // cells of flip-flops have no initial value
                     "techmap -D LARGEST={} -map memory_map.v\nopt_clean\n", largest);
}

namespace {

std::int64_t parameter(const Json& cell, const char* name) {
  const Json& value = cell["parameters"][name];
  return value.is_string() ? static_cast<std::int64_t>(std::strtoull(value.get<std::string>().c_str(), nullptr, 2)) : value.get<std::int64_t>();
}

// Equal memories of a module are one row.
void add(std::vector<MemoryMacro>& memories, const MemoryMacro& row) {
  for (MemoryMacro& m : memories) {
    if (m.module == row.module && m.words == row.words && m.width == row.width && m.reads == row.reads && m.writes == row.writes) {
      m.instances += row.instances;
      return;
    }
  }
  memories.push_back(row);
}

}  // namespace

Expected<std::vector<MemoryMacro>> read_memories(const Scratch& scratch, const Design& design, const Statistics& statistics, const Chip& chip) {
  std::vector<MemoryMacro> memories;
  SYSTOLE_ASSIGN(const std::string text, read_text_file(scratch.file("macros.json")));
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return Error{ErrorCode::kInternal, "yosys", "wrote no list of memories", {}};
  for (const auto& [module, body] : json["modules"].items()) {
    const auto found = statistics.instances.find(module);
    if (found == statistics.instances.end()) continue;
    for (const auto& [name, cell] : body["cells"].items()) {
      if (cell["type"] != "systole_memory") continue;
      add(memories, {module_name(module), found->second, parameter(cell, "SIZE"), parameter(cell, "WIDTH"), parameter(cell, "READS"), parameter(cell, "WRITES")});
    }
  }
  for (const std::string& macro : design.macros) {   // VMEM: bytes
    MemoryMacro row{macro, 1, 1, 8, 0, 0};
    while (row.words < chip.vmem_bytes) row.words *= 2;
    for (const Port& port : design.ports.at(macro)) {
      if (port.output) row.reads += port.bits / 8;
      else if (port.name.ends_with("write_bytes")) row.writes += port.bits / 8;
    }
    memories.push_back(row);
  }
  return memories;
}

}  // namespace systole::rtl
