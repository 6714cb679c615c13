// What synthesis shares: the tools, a scratch folder, and what a design looks like before synthesis.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rtl/generate.h"
#include "rtl/synth.h"

namespace systole::rtl {

// The texts of src/rtl/cells.
std::span<const SourceText> cell_texts();
std::string cell_text(std::string_view name);

// A folder in the system's temporary folder that goes with its scope.
class Scratch {
 public:
  static Expected<Scratch> make();
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch();
  const std::filesystem::path& path() const { return path_; }
  std::string file(std::string_view name) const { return (path_ / name).string(); }

 private:
  explicit Scratch(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// kNotFound, naming the Debian package, if the program is not on the PATH.
Status need_tool(const std::string& program, const std::string& package);
// Runs `command` in the folder; its output goes to the file `log` there. The error has the log's last error line.
Status run_tool(const Scratch& scratch, const std::string& place, const std::string& command, const std::string& log);
// Copies those of the files that exist; each is written whole or not at all. Nothing if `folder` is "".
Status keep_files(const Scratch& scratch, const std::vector<std::string>& names, const std::string& folder);

struct Port {
  std::string name;
  bool output = false;
  int bits = 0;
};
struct Design {
  std::string top, sources;                        // sources: the files, separated by spaces, in the scratch folder
  std::map<std::string, std::vector<Port>> ports;  // of every module under the top
  std::vector<std::string> macros;                 // modules that are memories as a whole
};
// Writes the chip's RTL into the folder and elaborates it. An unknown top is kNotFound and the hint lists the modules.
// `top` may be several modules joined by '+': the design is then the part of the core that consists of their instances, wired as in
// the core, flat, in the module kPart. Its ports are bits: those nets between it and the rest of the core that it uses.
constexpr const char* kPart = "part";
Expected<Design> elaborate(const Chip& chip, const std::string& top, const Scratch& scratch);

}  // namespace systole::rtl
