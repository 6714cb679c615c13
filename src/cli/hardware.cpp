// rtl and rtl-check: a chip as SystemVerilog, and that hardware against the engines.
#include <fmt/format.h>

#include <algorithm>

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

// The combinations of opcode and format that the chip has, how often each occurred.
std::vector<std::pair<std::string, std::int64_t>> coverage_of(const Chip& chip, const rtl::CheckResult& result) {
  std::vector<std::pair<std::string, std::int64_t>> all;
  if (chip.machine == MachineKind::kTinyTpu) return all;
  for (const std::string& what : rtl::combinations(chip)) {
    const auto found = result.coverage.find(what);
    all.emplace_back(what, found == result.coverage.end() ? 0 : found->second);
  }
  return all;
}

std::string least_covered(std::vector<std::pair<std::string, std::int64_t>> coverage) {
  constexpr std::size_t kShown = 5;
  if (coverage.empty()) return {};
  std::stable_sort(coverage.begin(), coverage.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  std::string text = fmt::format("{} combinations of opcode and format; least often: ", coverage.size());
  for (std::size_t i = 0; i < std::min(kShown, coverage.size()); ++i) {
    text += fmt::format("{}{} ({})", i == 0 ? "" : ", ", coverage[i].first, coverage[i].second);
  }
  return text + "\n";
}

Status check(Context& context, const Flags& flags) {
  SYSTOLE_ASSIGN(const Chip chip, load_chip(flags.chip));
  rtl::CheckOptions options = flags.check;
  options.seed = context.seed;
  context.note(fmt::format("systole: {} random programs on {}, event, register and RTL engines", options.programs, chip.name));
  SYSTOLE_ASSIGN(const rtl::CheckResult result, chip.machine == MachineKind::kTinyTpu ? rtl::check_tinytpu(chip, options) : rtl::check(chip, options));
  const auto coverage = coverage_of(chip, result);
  nlohmann::ordered_json covered = nlohmann::ordered_json::object(), formats = nlohmann::ordered_json::object();
  for (const auto& [what, count] : coverage) covered[what] = count;
  for (const auto& [format, tally] : result.formats) {
    formats[format] = {{"programs", tally.programs}, {"cycles_compared", tally.cycles_compared}, {"mismatches", tally.mismatches}};
  }
  const nlohmann::ordered_json json = {{"chip", chip.name},
                                       {"programs", result.programs},
                                       {"cycles_compared", result.cycles_compared},
                                       {"array_cycles_compared", result.array_cycles},
                                       {"mismatches", result.mismatches},
                                       {"seed", result.seed},
                                       {"formats", formats},
                                       {"coverage", covered},
                                       {"drawn_again", result.drawn_again},
                                       {"details", result.details}};
  std::string text = fmt::format("{} programs, {} cycles compared, the array's registers in {}, {} mismatches (seed {})\n", result.programs,
                                 result.cycles_compared, result.array_cycles, result.mismatches, result.seed);
  for (const auto& [format, tally] : result.formats) {
    text += fmt::format("  {}: {} programs, {} cycles compared, {} mismatches\n", format, tally.programs, tally.cycles_compared, tally.mismatches);
  }
  for (const auto& [why, times] : result.drawn_again) text += fmt::format("  drawn again {} times: {}\n", times, why);
  text += least_covered(coverage);
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
  compare->add_flag("--stop-at-mismatch", check_flags->check.stop_at_mismatch, "run no more programs after the first mismatch");
  compare->add_option("--cache", check_flags->check.cache, "folder for the built hardware models; one of the temporary folder's if left out");
  compare->footer("Example:\n  systole rtl-check --chip systolic-8 --programs 50 --seed 7 --json");
}

}  // namespace systole::cli
