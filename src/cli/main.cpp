// systole: arguments in, exit status out.
#include <cstdio>
#include <exception>

#include "cli/command.h"

int main(int argc, char** argv) {
  using namespace systole::cli;
  CLI::App app("Systole: a tensor processing unit in software", "systole");
  app.require_subcommand(1);
  Context context;
  add_chips(app, context);
  add_run(app, context);
  add_compile(app, context);
  add_exec(app, context);
  add_text(app, context);
  add_gemm(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;      // --help
    app.exit(error);
    return asked ? 0 : systole::exit_status(systole::ErrorCode::kInvalidInput);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "systole: internal error: %s\n", error.what());
    return systole::exit_status(systole::ErrorCode::kInternal);
  }
  return context.exit;
}
