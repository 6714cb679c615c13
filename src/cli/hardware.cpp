// rtl and rtl-check: a chip as SystemVerilog, and that hardware against the engines.
#include <fmt/format.h>

#include "cli/command.h"
#include "rtl/check.h"
#include "rtl/generate.h"
#include "rtl/tinytpu_check.h"

namespace systole::cli {
namespace {

struct Flags {
  std::string chip, output;
  rtl::CheckOptions check;
};

Status write(const Context& context, const Flags& flags) {
  SYSTOLE_TRY(check_output_folder("-o", flags.output));
  SYSTOLE_ASSIGN(const Chip chip, load_chip(flags.chip));
  SYSTOLE_TRY(chip.machine == MachineKind::kTinyTpu ? rtl::write_tinytpu(chip, flags.output) : rtl::write_rtl(chip, flags.output));
  context.show({{"chip", chip.name}, {"folder", flags.output}}, fmt::format("{}: the hardware of {}; files.f lists its sources\n", flags.output, chip.name));
  return ok_status();
}

Status check(Context& context, const Flags& flags) {
  SYSTOLE_ASSIGN(const Chip chip, load_chip(flags.chip));
  rtl::CheckOptions options = flags.check;
  options.seed = context.seed;
  context.note(fmt::format("systole: {} random programs on {}, event, register and RTL engines", options.programs, chip.name));
  SYSTOLE_ASSIGN(const rtl::CheckResult result, chip.machine == MachineKind::kTinyTpu ? rtl::check_tinytpu(chip, options) : rtl::check(chip, options));
  const nlohmann::ordered_json json = {{"chip", chip.name},
                                       {"programs", result.programs},
                                       {"cycles_compared", result.cycles_compared},
                                       {"array_cycles_compared", result.array_cycles},
                                       {"mismatches", result.mismatches},
                                       {"seed", result.seed},
                                       {"details", result.details}};
  std::string text = fmt::format("{} programs, {} cycles compared, the array's registers in {}, {} mismatches (seed {})\n", result.programs,
                                 result.cycles_compared, result.array_cycles, result.mismatches, result.seed);
  for (const std::string& line : result.details) text += line + "\n";
  context.show(json, text);
  if (result.mismatches > 0) context.exit = exit_status(ErrorCode::kCheckFailed);
  return ok_status();
}

}  // namespace

void add_hardware(CLI::App& app, Context& context) {
  auto flags = std::make_shared<Flags>();
  CLI::App* const generate = add_command(app, context, "rtl", "write a chip as SystemVerilog", [&context, flags] { return write(context, *flags); });
  generate->add_option("--chip", flags->chip, "a catalogue name or a YAML file")->required();
  generate->add_option("-o,--out", flags->output, "the folder to write")->required();
  generate->footer("Example:\n  systole rtl --chip systolic-8 -o hardware");

  auto check_flags = std::make_shared<Flags>();
  CLI::App* const compare = add_command(app, context, "rtl-check", "random programs on the three engines: same bits, same cycles",
                                        [&context, check_flags] { return check(context, *check_flags); });
  compare->add_option("--chip", check_flags->chip, "a catalogue name or a YAML file")->required();
  compare->add_option("--programs", check_flags->check.programs, "how many")->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20))->capture_default_str();
  compare->add_option("--cache", check_flags->check.cache, "folder for the built hardware models; one of the temporary folder's if left out");
  compare->footer("Example:\n  systole rtl-check --chip systolic-8 --programs 50 --seed 7 --json");
}

}  // namespace systole::cli
