#include "rtl/synth_part.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/file.h"
#include "rtl/synth_netlist.h"

namespace systole::rtl {
namespace {

using Json = nlohmann::ordered_json;

Expected<Json> read_design(const Scratch& scratch) {
  SYSTOLE_ASSIGN(const std::string text, read_text_file(scratch.file("ports.json")));
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.contains("modules")) return Error{ErrorCode::kInternal, "yosys", "wrote no netlist", {}};
  return json;
}

// Yosys' selection of the instances; brackets would be sets of characters.
Expected<std::string> selection(const Json& core, const std::vector<std::string>& modules) {
  std::string selected;
  std::set<std::string> found;
  for (const auto& [name, cell] : core["cells"].items()) {
    const std::string module = module_name(cell["type"].get<std::string>());
    if (std::find(modules.begin(), modules.end(), module) == modules.end()) continue;
    found.insert(module);
    selected += " c:" + name;
  }
  for (const std::string& module : modules) {
    if (!found.contains(module)) return invalid_input("--top " + module, "is not a part of the core itself, but of one of its modules", "a part is several of the core's own modules");
  }
  for (char& c : selected) c = c == '[' || c == ']' ? '?' : c;
  return selected;
}

// All outputs, and the inputs that cells or outputs use.
std::vector<Port> used_ports(const Json& module) {
  std::set<std::int64_t> used;
  const auto use = [&](const Json& bits) {
    for (const Json& bit : bits) {
      if (bit.is_number()) used.insert(bit.get<std::int64_t>());
    }
  };
  for (const auto& [name, cell] : module["cells"].items()) {
    for (const auto& [pin, bits] : cell["connections"].items()) use(bits);
  }
  for (const auto& [name, port] : module["ports"].items()) {
    if (port["direction"] == "output") use(port["bits"]);
  }
  std::vector<Port> ports;
  for (const auto& [name, port] : module["ports"].items()) {
    const Json& bits = port["bits"];
    const bool output = port["direction"] == "output";
    if (output || std::any_of(bits.begin(), bits.end(), [&](const Json& bit) { return bit.is_number() && used.contains(bit.get<std::int64_t>()); })) {
      ports.push_back({name, output, static_cast<int>(bits.size())});
    }
  }
  return ports;
}

}  // namespace

std::vector<std::string> modules_of_part(const std::string& top) {
  std::vector<std::string> modules;
  std::istringstream stream(top);
  for (std::string module; std::getline(stream, module, '+');) modules.push_back(module);
  return modules;
}

Status carve_part(const Scratch& scratch, const std::vector<std::string>& modules, Design& design) {
  SYSTOLE_ASSIGN(const Json whole, read_design(scratch));
  SYSTOLE_ASSIGN(const std::string instances, selection(whole["modules"][design.top], modules));
  std::string blackboxes;
  for (const std::string& macro : design.macros) blackboxes += "blackbox " + macro + "\n";
  SYSTOLE_TRY(write_file(scratch.file("part.ys"),
                         fmt::format("read_verilog -sv {0}\nhierarchy -check -top {1}\n{2}proc\nopt_clean\nsplitnets {1}\ncd {1}\nsubmod -name {3}{4}\ncd ..\n"
                                     "hierarchy -check -top {3}\nflatten\nopt -full\nopt_clean -purge\nwrite_json ports.json\nwrite_verilog -noattr part.v\n",
                                     design.sources, design.top, blackboxes, kPart, instances)));
  SYSTOLE_TRY(run_tool(scratch, "yosys", "yosys -Q part.ys", "part.log"));
  SYSTOLE_ASSIGN(const Json part, read_design(scratch));
  design.top = kPart;
  design.sources = "part.v";
  design.macros.clear();
  design.ports = {{kPart, used_ports(part["modules"][kPart])}};
  return ok_status();
}

}  // namespace systole::rtl
