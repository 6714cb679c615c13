#include "rtl/synth_tools.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "rtl/generate.h"
#include "rtl/synth_part.h"
#include "rtl/tinytpu.h"

namespace systole::rtl {
namespace fs = std::filesystem;

std::string cell_text(std::string_view name) {
  for (const SourceText& text : cell_texts()) {
    if (text.name == name) return std::string(text.text);
  }
  return {};
}

Expected<Scratch> Scratch::make() {
  std::error_code failure;
  std::string pattern = (fs::temp_directory_path(failure) / "systole-synth-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return invalid_input(pattern, "cannot make a temporary folder");
  return Scratch(pattern);
}

Scratch::~Scratch() {
  std::error_code failure;
  if (!path_.empty()) fs::remove_all(path_, failure);
}

Status need_tool(const std::string& program, const std::string& package) {
  if (std::system(fmt::format("command -v '{}' > /dev/null 2>&1", program).c_str()) == 0) return ok_status();
  return not_found(program, "is not on the PATH", fmt::format("apt-get install {}, or tools/install.sh", package));
}

namespace {

// The line that says what went wrong: the last with "error", else the last.
std::string error_line(const std::string& path) {
  const auto text = read_text_file(path);
  if (!text.ok()) return "no output";
  std::string found, last;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    last = line;
    if (line.find("ERROR") != std::string::npos || line.find("Error") != std::string::npos) found = line;
  }
  return found.empty() ? last : found;
}

// Memories as a whole stay only where the top has them.
std::string elaboration(const Design& design) {
  std::string script = fmt::format("read_verilog -sv {}; hierarchy -check -top {}; ", design.sources, design.top);
  for (const std::string& macro : design.macros) script += fmt::format("blackbox {}; ", macro);
  return script;
}

std::vector<std::string> modules_of(std::string_view files) {
  constexpr std::string_view kPackages[] = {"chip", "isa", "tinytpu_chip"};
  std::vector<std::string> names;
  std::istringstream lines{std::string(files)};
  for (std::string line; std::getline(lines, line);) {
    const std::string name = fs::path(line).stem().string();
    if (std::find(std::begin(kPackages), std::end(kPackages), name) == std::end(kPackages)) names.push_back(name);
  }
  return names;
}

Expected<std::map<std::string, std::vector<Port>>> read_ports(const std::string& path) {
  SYSTOLE_ASSIGN(const std::string text, read_text_file(path));
  const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.contains("modules")) return Error{ErrorCode::kInternal, "yosys", "wrote no netlist", {}};
  std::map<std::string, std::vector<Port>> result;
  for (const auto& [module, body] : json["modules"].items()) {
    for (const auto& [name, port] : body["ports"].items()) {
      result[module].push_back({name, port["direction"] == "output", static_cast<int>(port["bits"].size())});
    }
  }
  return result;
}

}  // namespace

Status run_tool(const Scratch& scratch, const std::string& place, const std::string& command, const std::string& log) {
  if (std::system(fmt::format("cd '{}' && {} > '{}' 2>&1 < /dev/null", scratch.path().string(), command, log).c_str()) == 0) return ok_status();
  return Error{ErrorCode::kUnsupported, place, error_line(scratch.file(log)), "with -o FOLDER the tools' logs are kept there"};
}

Status keep_files(const Scratch& scratch, const std::vector<std::string>& names, const std::string& folder) {
  if (folder.empty()) return ok_status();
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return invalid_input(folder, "cannot make the folder: " + failure.message());
  for (const std::string& name : names) {
    const auto bytes = read_file(scratch.file(name));
    if (bytes.ok()) SYSTOLE_TRY(write_file((fs::path(folder) / name).string(), *bytes));
  }
  return ok_status();
}

Expected<Design> elaborate(const Chip& chip, const std::string& top, const Scratch& scratch) {
  SYSTOLE_TRY(need_tool("yosys", "yosys"));
  const bool tiny = chip.machine == MachineKind::kTinyTpu;
  SYSTOLE_TRY(tiny ? write_tinytpu(chip, scratch.path().string()) : write_rtl(chip, scratch.path().string()));
  SYSTOLE_ASSIGN(const std::string files, read_text_file(scratch.file("files.f")));
  Design design;
  const std::vector<std::string> parts = modules_of_part(top);
  design.top = parts.size() == 1 ? top : tiny ? "tinytpu" : "systole";
  if (!tiny) design.macros = {"buffer"};           // VMEM: a port for every byte of every unit
  const std::vector<std::string> names = modules_of(files);
  for (const std::string& part : parts) {
    if (std::find(names.begin(), names.end(), part) == names.end()) {
      return not_found("--top " + part, "the chip has no such module", fmt::format("modules: {}", fmt::join(names, ", ")));
    }
    if (std::find(design.macros.begin(), design.macros.end(), part) != design.macros.end()) return unsupported("--top " + part, "is a memory as a whole");
  }
  for (const char c : files) design.sources += c == '\n' ? ' ' : c;
  SYSTOLE_TRY(run_tool(scratch, "yosys", fmt::format("yosys -q -p '{}proc; delete c:* {}/c:* %d; opt_clean; write_json ports.json'", elaboration(design), design.top), "elaborate.log"));
  SYSTOLE_ASSIGN(design.ports, read_ports(scratch.file("ports.json")));
  std::erase_if(design.macros, [&](const std::string& name) { return !design.ports.contains(name); });
  if (parts.size() > 1) SYSTOLE_TRY(carve_part(scratch, parts, design));
  return design;
}

}  // namespace systole::rtl
