// A standard-cell library and a netlist, read here once more, so that nothing is compared with itself.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <regex>
#include <sstream>
#include <string>

#include "base/file.h"
#include "chip/chip.h"
#include "rtl/synth.h"

namespace systole::rtl {

constexpr const char* kOsu018 = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

inline std::string text_of(const std::string& path) {
  const auto text = read_text_file(path);
  if (!text.ok()) ADD_FAILURE() << text.error().text();
  return text.ok() ? *text : std::string();
}

// The line `area : N;` that follows each line `cell (NAME) {`.
inline std::map<std::string, double> liberty_areas(const std::string& path) {
  std::map<std::string, double> areas;
  std::istringstream lines(text_of(path));
  const std::regex cell(R"(\s*cell\s*\((\w+)\)\s*\{.*)"), area(R"(\s*area\s*:\s*([0-9.]+)\s*;.*)");
  std::smatch match;
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, cell)) name = match[1];
    else if (!name.empty() && !areas.contains(name) && std::regex_match(line, match, area)) areas[name] = std::stod(match[1]);
  }
  return areas;
}

// module -> type -> how many, of a netlist: `  TYPE NAME (` within `module NAME(`.
using Netlist = std::map<std::string, std::map<std::string, std::int64_t>>;
inline Netlist read_netlist(const std::string& path) {
  Netlist netlist;
  std::istringstream lines(text_of(path));
  std::string module;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first, second;
    words >> first >> second;
    if (first == "module") netlist[module = second.substr(0, second.find('('))];
    if (first == "module" && module.size() > 1 && module[0] == '\\') netlist[module];
    const bool instance = line.rfind("  ", 0) == 0 && line.size() > 2 && line[2] != ' ' && line.ends_with(" (") && first != "module";
    if (instance) ++netlist[module][first];
  }
  return netlist;
}

struct Folder {
  Folder() : path(std::filesystem::temp_directory_path() / ("systole-synth-test-" + std::to_string(::getpid()))) { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};

}  // namespace systole::rtl
