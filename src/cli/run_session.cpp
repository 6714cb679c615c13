#include <fmt/format.h>

#include <filesystem>

#include "base/file.h"
#include "cli/command.h"
#include "report/report.h"
#include "tensor/npy.h"

namespace systole::cli {
namespace {

// A tensor's name as a file name.
std::string file_name(const std::string& tensor) {
  std::string name = tensor;
  for (char& c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
    if (!plain) c = '_';
  }
  return (name.empty() || name[0] == '.' ? "_" + name : name) + ".npy";
}

Status write_outputs(const std::string& folder, const std::vector<runtime::Output>& outputs) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) return invalid_input("--output " + folder, "cannot make the folder: " + code.message());
  for (const runtime::Output& output : outputs) SYSTOLE_TRY(write_npy(folder + "/" + file_name(output.name), output.value));
  return ok_status();
}

}  // namespace

void RunFlags::add(CLI::App& command, bool has_graph) {
  command.add_option("--engine", engine, "event, register or rtl");
  command.add_option("--input", inputs, "NAME=FILE.npy or NAME=FILE.pb, once for each input");
  command.add_flag("--random-inputs", random_inputs, "seeded values for inputs that are not given");
  command.add_option("--output", output, "folder for the outputs, one .npy each");
  command.add_flag("--timing-only", timing_only, "cycles without values");
  if (has_graph) command.add_flag("--check", check, "compare the outputs with both interpreters");
  command.add_flag("--check-hazards", check_hazards, "find accesses that no token orders");
  command.add_option("--trace", trace, "file for a Perfetto trace");
}

Status run_session(Context& context, const runtime::Session& session, const RunFlags& flags) {
  runtime::RunOptions options;
  SYSTOLE_ASSIGN(options.engine, parse_engine(flags.engine));
  options.timing_only = flags.timing_only;
  options.check = flags.check;
  options.check_hazards = flags.check_hazards;
  options.trace = !flags.trace.empty();
  options.threads = context.thread_count();
  std::map<std::string, Tensor> inputs;
  if (!flags.timing_only) {
    SYSTOLE_ASSIGN(inputs, read_inputs(flags.inputs));
    if (flags.random_inputs) fill_inputs(session.program(), context.seed, inputs);
  }
  SYSTOLE_ASSIGN(const runtime::RunResult result, session.run(inputs, options));
  if (!flags.trace.empty()) SYSTOLE_TRY(write_file(flags.trace, report::trace_json(result.trace, session.program(), session.chip())));
  if (!flags.output.empty()) SYSTOLE_TRY(write_outputs(flags.output, result.outputs));
  context.show(report::run_json(session, result, flags.engine), report::run_table(session, result));
  if (!result.check_passed()) context.exit = exit_status(ErrorCode::kCheckFailed);
  return ok_status();
}

}  // namespace systole::cli
