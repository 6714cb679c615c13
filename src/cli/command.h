// What the commands share: common options, the way out, and the readers of arguments.
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
  // Prints "systole: place: message (hint)" on standard error and sets the exit status; nothing goes to standard output.
  void fail(const Error& error);
  // The result: an object with --json, else the text.
  void show(const nlohmann::ordered_json& json_value, const std::string& text) const;
  void note(const std::string& text) const;      // standard error, unless --quiet
};

// Adds a command whose body returns a Status; the common options are accepted after it.
CLI::App* add_command(CLI::App& app, Context& context, const std::string& name, const std::string& help, std::function<Status()> body);

void add_chips(CLI::App& app, Context& context);
void add_run(CLI::App& app, Context& context);
void add_compile(CLI::App& app, Context& context);
void add_exec(CLI::App& app, Context& context);
void add_text(CLI::App& app, Context& context);       // disasm, asm
void add_gemm(CLI::App& app, Context& context);
void add_analyze(CLI::App& app, Context& context);
void add_hardware(CLI::App& app, Context& context);   // rtl, rtl-check
void add_waves(CLI::App& app, Context& context);
void add_tinytpu(CLI::App& app, Context& context);
void add_synth(CLI::App& app, Context& context);

// inputs.cpp
using Tensors = std::map<std::string, Tensor>;
Expected<Tensors> read_inputs(const std::vector<std::string>& arguments);                        // --input NAME=FILE
Expected<std::map<std::string, Shape>> parse_shapes(const std::vector<std::string>& arguments);  // --shape NAME=AxBxC
// Seeded values for every input of the program that `inputs` lacks: floats and fixed point in [-1, 1), integers of 8
// bits and less in their whole range, wider ones 0 to 9. The names of those filled.
std::vector<std::string> fill_inputs(const isa::Program& program, std::uint64_t seed, Tensors& inputs);

// Can a result be written there? Asked before the long work, so that its result is not lost. The error names `option`.
Status check_output_file(const std::string& option, const std::string& path);
Status check_output_folder(const std::string& option, const std::string& path);

// Options of the commands that compile a model (load.cpp).
struct LoadFlags {
  std::string model, chip, format, dump_after, cache, calibrate;
  std::vector<std::string> shapes, inputs, disabled;
  std::int64_t batch = 0;
  bool no_cache = false, host_fallback = false;
  void add(CLI::App& command);
};
// `inputs`: those of --input. They give dynamic inputs their shape, and values to inputs that the import needs; the latter are
// taken out of `inputs`.
Expected<runtime::Session> load(const Context& context, const LoadFlags& flags, Tensors& inputs, bool timing_only = false);
Expected<ImportedModel> import_model(const std::string& path, ImportOptions options, Tensors& inputs);

// Options of run, exec and gemm (run_session.cpp).
struct RunFlags {
  std::string engine = "event", trace, output;
  bool timing_only = false, check_outputs = false, check_hazards = false, random_inputs = false;
  void add(CLI::App& command, bool has_graph);
  Expected<runtime::Engine> engine_kind() const;
  Status check() const;         // what can be known before the work: the engine's name, places to write
};
// Runs, writes what was asked for, shows the result; exit status 1 if a check did not hold. Without any input, all are random.
Status run_session(Context& context, const runtime::Session& session, const RunFlags& flags, Tensors inputs);

}  // namespace systole::cli
