// run, compile, exec: a model to a program, a program to figures.
#include <fmt/format.h>

#include "base/file.h"
#include "chip/suggest.h"
#include "cli/command.h"
#include "transform/lower.h"

namespace systole::cli {
namespace {

struct LoadFlags {
  std::string model, chip, format, dump_after;
  std::vector<std::string> shapes, inputs, disabled;
  std::int64_t batch = 0;
  bool no_cache = false;

  void add(CLI::App& command) {
    command.add_option("model", model, "an ONNX file")->required();
    command.add_option("--chip", chip, "a catalogue name or a YAML file")->required();
    command.add_option("--format", format, "what contractions multiply; the chip's own if left out");
    command.add_option("--shape", shapes, "NAME=AxBxC, for dynamic inputs");
    command.add_option("--batch", batch, "the dynamic leading dimension")->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 20));
    command.add_option("--dump-after", dump_after, "print what this pass made (standard error)");
    command.add_option("--disable-pass", disabled, "leave out an optional pass");
    command.add_flag("--no-cache", no_cache, "compile even if the program is in the cache");
  }
};

Expected<runtime::Session> load(const LoadFlags& flags) {
  SYSTOLE_ASSIGN(const Chip chip, load_chip(flags.chip));
  runtime::LoadOptions options;
  SYSTOLE_ASSIGN(options.shapes, parse_shapes(flags.shapes));
  options.batch = flags.batch;
  options.format = flags.format;
  options.use_cache = !flags.no_cache;
  options.compile.disabled_passes = flags.disabled;
  bool dumped = false;
  std::vector<std::string> passes;
  if (!flags.dump_after.empty()) {
    options.compile.after = [&](const std::string& pass, const std::string& text) {
      passes.push_back(pass);
      if (pass != flags.dump_after) return;
      dumped = true;
      std::fprintf(stderr, "%s\n", text.c_str());
    };
  }
  SYSTOLE_ASSIGN(auto session, runtime::Session::load_model(flags.model, chip, options));
  if (!flags.dump_after.empty() && !dumped) return invalid_input("--dump-after " + flags.dump_after, "is no pass", suggest(flags.dump_after, passes));
  return session;
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  auto load_flags = std::make_shared<LoadFlags>();
  auto run_flags = std::make_shared<RunFlags>();
  CLI::App* const command = add_command(app, context, "run", "compile a model and run it", [=, &context]() -> Status {
    SYSTOLE_ASSIGN(const auto session, load(*load_flags));
    return run_session(context, session, *run_flags);
  });
  load_flags->add(*command);
  run_flags->add(*command, true);
}

void add_compile(CLI::App& app, Context& context) {
  auto flags = std::make_shared<LoadFlags>();
  auto output = std::make_shared<std::string>();
  CLI::App* const command = add_command(app, context, "compile", "compile a model to a program file", [=, &context]() -> Status {
    SYSTOLE_ASSIGN(const auto session, load(*flags));
    const auto bytes = isa::serialize(session.program());
    SYSTOLE_TRY(write_file(*output, bytes));
    const nlohmann::ordered_json json = {{"chip", session.chip().name}, {"format", session.format()}, {"file", *output}, {"file_bytes", bytes.size()},
                                         {"program_bytes", session.program().instruction_bytes()}, {"compile_seconds", session.compile_seconds()}};
    context.show(json, fmt::format("{}: {} bytes, {} of them instructions\n", *output, bytes.size(), session.program().instruction_bytes()));
    return ok_status();
  });
  flags->add(*command);
  command->add_option("-o,--out", *output, "the program file to write")->required();
}

void add_exec(CLI::App& app, Context& context) {
  auto program = std::make_shared<std::string>(), chip_name = std::make_shared<std::string>();
  auto flags = std::make_shared<RunFlags>();
  CLI::App* const command = add_command(app, context, "exec", "run a program file", [=, &context]() -> Status {
    std::string name = *chip_name;
    if (name.empty()) {
      SYSTOLE_ASSIGN(const auto bytes, read_file(*program));
      SYSTOLE_ASSIGN(const auto parsed, isa::parse_program(bytes, *program));
      name = parsed.chip;
    }
    SYSTOLE_ASSIGN(const Chip chip, load_chip(name));
    SYSTOLE_ASSIGN(const auto session, runtime::Session::load_program(*program, chip));
    return run_session(context, session, *flags);
  });
  command->add_option("program", *program, "a program file")->required();
  command->add_option("--chip", *chip_name, "the chip; needed if it is not the catalogue's chip of the name in the program");
  flags->add(*command, false);
}

}  // namespace systole::cli
