#include "cli/command.h"

namespace systole::cli {
namespace {

struct Flags {
  std::int64_t m = 0, k = 0, n = 0;
  std::string chip, format;
  std::vector<std::string> inputs;
  RunFlags run;
};

Status gemm(Context& context, const Flags& flags) {
  SYSTOLE_TRY(flags.run.check());
  SYSTOLE_ASSIGN(Tensors inputs, read_inputs(flags.inputs));
  SYSTOLE_ASSIGN(const Chip chip, load_chip(flags.chip));
  SYSTOLE_ASSIGN(const compile::Format format, compile::parse_format(chip, flags.format));
  SYSTOLE_ASSIGN(auto graph, compile::gemm_graph(flags.m, flags.k, flags.n, format.type));
  runtime::LoadOptions options;
  options.format = format.name;
  SYSTOLE_ASSIGN(const auto session, runtime::Session::load_graph(std::move(graph), chip, options));
  return run_session(context, session, flags.run, std::move(inputs));
}

}  // namespace

void add_gemm(CLI::App& app, Context& context) {
  auto flags = std::make_shared<Flags>();
  CLI::App* const command = add_command(app, context, "gemm", "a bare matrix product M x K times K x N: cycles, utilisation, traffic",
                                        [&context, flags] { return gemm(context, *flags); });
  command->add_option("m", flags->m, "rows of the left operand")->required();
  command->add_option("k", flags->k, "the dimension summed over")->required();
  command->add_option("n", flags->n, "columns of the right operand")->required();
  command->add_option("--chip", flags->chip, "a catalogue name or a YAML file")->required();
  command->add_option("--format", flags->format, "operand format; the chip's own if left out");
  command->add_option("--input", flags->inputs, "a=FILE.npy, b=FILE.npy: the operands")->allow_extra_args(false);
  flags->run.add(*command, true);
  command->footer(
      "Examples:\n"
      "  systole gemm 1024 1024 1024 --chip tpu-v4 --timing-only\n"
      "  systole gemm 64 64 64 --chip systolic-8 --check --json");
}

}  // namespace systole::cli
