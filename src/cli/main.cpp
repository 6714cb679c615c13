// systole: arguments in, exit status out.
#include <cstdio>
#include <exception>
#include <new>

#include "chip/suggest.h"
#include "cli/command.h"

namespace {

// What the parser refuses, in the form of every other error.
int refuse(const CLI::App& app, const CLI::ParseError& error) {
  std::string command = "systole";
  for (const CLI::App* sub : app.get_subcommands()) command += " " + sub->get_name();
  systole::Error shown = systole::invalid_input("command line", error.what(), "`" + command + " --help` explains the arguments");
  const std::vector<std::string> rest = app.remaining();
  if (app.get_subcommands().empty() && !rest.empty() && rest.front().rfind("-", 0) != 0) {
    std::vector<std::string> commands;
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) commands.push_back(sub->get_name());
    shown.message = "'" + rest.front() + "' is no command";
    shown.hint = systole::suggest(rest.front(), commands);
  }
  std::fprintf(stderr, "systole: %s\n", shown.text().c_str());
  return systole::exit_status(shown.code);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace systole::cli;
  CLI::App app("Systole: a tensor processing unit in software", "systole");
  app.require_subcommand(1);
  app.set_version_flag("--version", "systole " SYSTOLE_VERSION);
  app.footer("`systole COMMAND --help` explains each command.");
  Context context;
  add_chips(app, context);
  add_run(app, context);
  add_compile(app, context);
  add_exec(app, context);
  add_text(app, context);
  add_gemm(app, context);
  add_analyze(app, context);
  add_hardware(app, context);
  add_waves(app, context);
  add_tinytpu(app, context);
  add_synth(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);      // --help, --version
    return refuse(app, error);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "systole: host: not enough memory (a smaller --shape or --batch needs less; --timing-only needs no values)\n");
    return systole::exit_status(systole::ErrorCode::kInvalidInput);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "systole: internal error: %s (this is a bug in systole)\n", error.what());
    return systole::exit_status(systole::ErrorCode::kInternal);
  }
  return context.exit;
}
