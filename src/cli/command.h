// What the commands share: global options, the way out, and small readers of arguments.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/session.h"

namespace systole::cli {

struct Context {
  bool json = false, quiet = false;
  std::uint64_t seed = 1;
  int threads = 0;              // 0: one per core of the host
  int exit = 0;

  int thread_count() const;
  // Prints an error (standard error; with --json also an object on standard output) and sets the exit status.
  void fail(const Error& error);
  // The result: an object with --json, else the text.
  void show(const nlohmann::ordered_json& json_value, const std::string& text) const;
  void note(const std::string& text) const;      // standard error, unless --quiet
};

// Adds a command whose body returns a Status; global options are accepted after it too.
CLI::App* add_command(CLI::App& app, Context& context, const std::string& name, const std::string& help, std::function<Status()> body);

void add_chips(CLI::App& app, Context& context);
void add_run(CLI::App& app, Context& context);
void add_compile(CLI::App& app, Context& context);
void add_exec(CLI::App& app, Context& context);
void add_text(CLI::App& app, Context& context);       // disasm, asm
void add_gemm(CLI::App& app, Context& context);

// "NAME=FILE" lists.
Expected<std::map<std::string, Tensor>> read_inputs(const std::vector<std::string>& arguments);
Expected<std::map<std::string, Shape>> parse_shapes(const std::vector<std::string>& arguments);
// Seeded values for every input of the program that `inputs` lacks: floats and Q8.8 in [-1, 1), integers small.
void fill_inputs(const isa::Program& program, std::uint64_t seed, std::map<std::string, Tensor>& inputs);
Expected<runtime::Engine> parse_engine(const std::string& name);

// Options of run, exec and gemm.
struct RunFlags {
  std::string engine = "event", trace, output;
  std::vector<std::string> inputs;
  bool timing_only = false, check = false, check_hazards = false, random_inputs = false;
  void add(CLI::App& command, bool has_graph);
};
// Runs, writes what was asked for, shows the result; kCheckFailed if a check did not hold.
Status run_session(Context& context, const runtime::Session& session, const RunFlags& flags);

}  // namespace systole::cli
