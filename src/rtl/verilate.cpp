#include "rtl/verilate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"

namespace systole::rtl {
namespace {

namespace fs = std::filesystem;

std::uint64_t hash(std::string_view text, std::uint64_t state) {   // FNV-1a
  for (const char c : text) state = (state ^ static_cast<std::uint8_t>(c)) * 0x100000001B3ull;
  return state;
}

std::string build_command(const std::string& top, bool traced, const HardwareCompiler& compiler) {
  return fmt::format("verilator --cc --exe --build --top-module {} -Wall -O3 -fno-const-bit-op-tree --unroll-count 4096 --unroll-stmts 100000 --output-split-cfuncs 2000 "
                     "--compiler {} --Mdir obj -f files.f testbench.cpp -MAKEFLAGS '{}'{}",
                     top, compiler.kind, compiler.make_flags, traced ? " --trace-fst" : "");
}

std::string last_lines(const std::string& path) {
  const auto text = read_text_file(path);
  if (!text.ok()) return "no output";
  return text->size() > 600 ? text->substr(text->size() - 600) : *text;
}

Status build_in(const fs::path& folder, const std::vector<HardwareText>& texts, const std::string& command) {
  std::string list;
  for (const HardwareText& text : texts) {
    SYSTOLE_TRY(write_file((folder / text.name).string(), text.text));
    if (text.name.ends_with(".sv")) list += text.name + "\n";
  }
  SYSTOLE_TRY(write_file((folder / "files.f").string(), list));
  if (std::system(fmt::format("cd '{}' && {} > build.log 2>&1", folder.string(), command).c_str()) == 0) return ok_status();
  return Error{ErrorCode::kNotFound, "verilator", "the hardware could not be built: " + last_lines((folder / "build.log").string()),
               "verilator 5.006 or later, make and clang++-16 must be on the PATH"};
}

}  // namespace

std::string RtlTrace::arguments(const std::string& path) const {
  return fmt::format(" '{}' {} {} {} {} {}", path, first, last, unit, period_numerator, period_denominator);
}

Expected<std::string> verilate(const std::string& name, const std::vector<HardwareText>& texts, const std::string& top, const std::string& cache,
                               bool traced, const HardwareCompiler& compiler) {
  const std::string command = build_command(top, traced, compiler);
  std::uint64_t key = hash(command, 0xCBF29CE484222325ull);
  for (const HardwareText& text : texts) key = hash(text.text, hash(text.name, key));
  std::error_code failure;
  const fs::path root = cache.empty() ? fs::temp_directory_path() / fmt::format("systole-rtl-cache-{}", getuid()) : fs::path(cache);
  const fs::path folder = root / fmt::format("{}-{:016x}", name, key);
  const fs::path program = folder / "obj" / ("V" + top);
  if (fs::exists(program, failure)) return program.string();
  // Built aside and moved into place, so that a folder of the cache is always whole.
  const fs::path aside = root / fmt::format("building-{}-{:016x}", getpid(), key);
  fs::create_directories(aside, failure);
  if (auto status = build_in(aside, texts, command); !status.ok()) {
    fs::remove_all(aside, failure);
    return status.error();
  }
  fs::rename(aside, folder, failure);
  if (failure) fs::remove_all(aside, failure);   // another process was first
  if (!fs::exists(program, failure)) return invalid_input(folder.string(), "the cache folder cannot be written");
  return program.string();
}

}  // namespace systole::rtl
