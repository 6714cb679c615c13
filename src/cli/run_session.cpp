#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "base/file.h"
#include "chip/suggest.h"
#include "cli/command.h"
#include "report/report.h"
#include "tensor/npy.h"

namespace systole::cli {
namespace {

// A tensor's name as a file name.
std::string file_name(const std::string& tensor) {
  std::string name = tensor;
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (!plain) c = '_';
  }
  return name.empty() || name[0] == '.' ? "_" + name : name;
}

Status write_outputs(const std::string& folder, const std::vector<runtime::Output>& outputs) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) return invalid_input("--output " + folder, "cannot make the folder: " + code.message(), "choose another");
  std::set<std::string> taken;
  for (const runtime::Output& output : outputs) {
    std::string name = file_name(output.name);
    for (int i = 1; !taken.insert(name).second; ++i) name = fmt::format("{}_{}", file_name(output.name), i);
    SYSTOLE_TRY(write_npy(folder + "/" + name + ".npy", output.value));
  }
  return ok_status();
}

}  // namespace

void RunFlags::add(CLI::App& command, bool has_graph) {
  command.add_option("--engine", engine, "event, register or rtl")->capture_default_str();
  command.add_flag("--random-inputs", random_inputs, "seeded values for the inputs that are not given; without any input, all are random");
  command.add_option("--output", output, "folder for the outputs, NAME.npy each");
  command.add_flag("--timing-only", timing_only, "cycles without values");
  if (has_graph) command.add_flag("--check", check_outputs, "compare the outputs with both interpreters; exit status 1 if they differ");
  command.add_flag("--check-hazards", check_hazards, "find accesses that no token orders");
  command.add_option("--trace", trace, "file for a Perfetto trace");
}

Expected<runtime::Engine> RunFlags::engine_kind() const {
  if (engine == "event") return runtime::Engine::kEvent;
  if (engine == "register") return runtime::Engine::kRegister;
  if (engine == "rtl") return runtime::Engine::kRtl;
  const std::string known[] = {"event", "register", "rtl"};
  return invalid_input("--engine " + engine, "is no engine", suggest(engine, known));
}

Status RunFlags::check() const {
  SYSTOLE_ASSIGN(const runtime::Engine kind, engine_kind());
  if (timing_only && (kind != runtime::Engine::kEvent || check_outputs))
    return invalid_input("--timing-only", "has no values to run on another engine or to check", "leave out --engine and --check");
  if (timing_only && !output.empty()) return invalid_input("--output " + output, "--timing-only has no outputs", "leave one of them out");
  if (!output.empty()) SYSTOLE_TRY(check_output_folder("--output", output));
  if (!trace.empty()) SYSTOLE_TRY(check_output_file("--trace", trace));
  return ok_status();
}

Status run_session(Context& context, const runtime::Session& session, const RunFlags& flags, Tensors inputs) {
  runtime::RunOptions options;
  SYSTOLE_ASSIGN(options.engine, flags.engine_kind());
  options.timing_only = flags.timing_only;
  options.check = flags.check_outputs;
  options.check_hazards = flags.check_hazards;
  options.trace = !flags.trace.empty();
  options.threads = context.thread_count();
  std::vector<std::string> notes;
  if (!flags.timing_only && (inputs.empty() || flags.random_inputs)) {
    for (const std::string& name : fill_inputs(session.program(), context.seed, inputs))
      notes.push_back(fmt::format("input '{}' is not given: random values from seed {}", name, context.seed));
  }
  for (const std::string& note : notes) context.note("systole: note: " + note);
  if (options.engine == runtime::Engine::kRtl) context.note("systole: building the chip's hardware model, if it is not in the temporary folder");
  SYSTOLE_ASSIGN(const runtime::RunResult result, session.run(inputs, options));
  if (!flags.trace.empty()) SYSTOLE_TRY(write_file(flags.trace, report::trace_json(result.trace, session.program(), session.chip())));
  if (!flags.output.empty()) SYSTOLE_TRY(write_outputs(flags.output, result.outputs));
  nlohmann::ordered_json json = report::run_json(session, result, flags.engine);
  for (const std::string& note : notes) json["notes"].push_back(note);
  context.show(json, report::run_table(session, result));
  if (!result.check_passed()) {
    context.exit = exit_status(ErrorCode::kCheckFailed);
    context.note("systole: --check: an output failed");
  }
  return ok_status();
}

}  // namespace systole::cli
