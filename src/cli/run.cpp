// run, compile, exec: a model to a program, a program to figures.
#include <fmt/format.h>

#include "base/file.h"
#include "cli/command.h"

namespace systole::cli {
namespace {

struct ExecFlags {
  std::string program, chip;
  std::vector<std::string> inputs;
  RunFlags run;
};

Status compile_to_file(Context& context, const LoadFlags& flags, const std::string& path) {
  SYSTOLE_TRY(check_output_file("-o", path));
  SYSTOLE_ASSIGN(Tensors inputs, read_inputs(flags.inputs));
  SYSTOLE_ASSIGN(const auto session, load(context, flags, inputs));
  const isa::Program& program = session.program();
  if (!program.host_operators.empty()) {
    return unsupported(flags.model, fmt::format("'{}' would run on the host, and a program file holds the chip's work only", program.host_operators[0]),
                       "`systole run --host-fallback` runs both");
  }
  const auto bytes = isa::serialize(program);
  SYSTOLE_TRY(write_file(path, bytes));
  const nlohmann::ordered_json json = {{"chip", session.chip().name},
                                       {"format", session.format()},
                                       {"file", path},
                                       {"file_bytes", bytes.size()},
                                       {"program_bytes", program.instruction_bytes()},
                                       {"layers", program.layers.size()},
                                       {"hbm_bytes", program.hbm_bytes},
                                       {"cmem_bytes", program.cmem_bytes},
                                       {"vmem_bytes", program.vmem_bytes},
                                       {"host_operators", program.host_operators},
                                       {"cache_hit", session.cache_hit()},
                                       {"compile_seconds", session.compile_seconds()},
                                       {"notes", session.notes()}};
  context.show(json, fmt::format("{}: {} bytes, {} of them instructions\n", path, bytes.size(), program.instruction_bytes()));
  return ok_status();
}

Status exec(Context& context, const ExecFlags& flags) {
  SYSTOLE_TRY(flags.run.check());
  SYSTOLE_ASSIGN(Tensors inputs, read_inputs(flags.inputs));
  std::string name = flags.chip;
  if (name.empty()) {
    SYSTOLE_ASSIGN(const auto bytes, read_file(flags.program));
    SYSTOLE_ASSIGN(const auto parsed, isa::parse_program(bytes, flags.program));
    name = parsed.chip;
  }
  SYSTOLE_ASSIGN(const Chip chip, load_chip(name));
  SYSTOLE_ASSIGN(const auto session, runtime::Session::load_program(flags.program, chip));
  return run_session(context, session, flags.run, std::move(inputs));
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  auto load_flags = std::make_shared<LoadFlags>();
  auto run_flags = std::make_shared<RunFlags>();
  CLI::App* const command = add_command(app, context, "run", "compile a model and run it", [=, &context]() -> Status {
    SYSTOLE_TRY(run_flags->check());
    SYSTOLE_ASSIGN(Tensors inputs, read_inputs(load_flags->inputs));
    SYSTOLE_ASSIGN(const auto session, load(context, *load_flags, inputs, run_flags->timing_only));
    return run_session(context, session, *run_flags, std::move(inputs));
  });
  load_flags->add(*command);
  run_flags->add(*command, true);
  command->footer(
      "Examples:\n"
      "  systole run model.onnx --chip tpu-v4 --timing-only --shape x=1x3x224x224\n"
      "  systole run model.onnx --chip tpu-v4 --input x=image.npy --output results --check\n"
      "  systole run model.onnx --chip my.yaml --json --trace trace.json");
}

void add_compile(CLI::App& app, Context& context) {
  auto flags = std::make_shared<LoadFlags>();
  auto output = std::make_shared<std::string>();
  CLI::App* const command = add_command(app, context, "compile", "compile a model to a program file",
                                        [=, &context] { return compile_to_file(context, *flags, *output); });
  flags->add(*command);
  command->add_option("-o,--out", *output, "the program file to write")->required();
  command->footer("Example:\n  systole compile model.onnx --chip tpu-v4 --batch 8 -o model.systole");
}

void add_exec(CLI::App& app, Context& context) {
  auto flags = std::make_shared<ExecFlags>();
  CLI::App* const command = add_command(app, context, "exec", "run a program file", [=, &context] { return exec(context, *flags); });
  command->add_option("program", flags->program, "a program file")->required();
  command->add_option("--chip", flags->chip, "the chip; needed if it is not the catalogue's chip of the name in the program");
  command->add_option("--input", flags->inputs, "NAME=FILE.npy or NAME=FILE.pb, once for each input")->allow_extra_args(false);
  flags->run.add(*command, false);
  command->footer("Example:\n  systole exec model.systole --input x=image.npy --output results");
}

}  // namespace systole::cli
