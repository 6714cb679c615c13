#include <fmt/format.h>

#include "cli/command.h"
#include "report/chip_report.h"

namespace systole::cli {
namespace {

Status list(const Context& context) {
  nlohmann::ordered_json json = {{"chips", nlohmann::ordered_json::array()}};
  std::string text;
  for (const std::string& name : catalogue()) {
    SYSTOLE_ASSIGN(const Chip chip, load_chip(name));
    json["chips"].push_back({{"name", name}, {"description", chip.description}, {"peak_macs_per_second", chip.peak_macs_per_second()}});
    text += fmt::format("{:20}{:9.3f} TMAC/s  {}\n", name, chip.peak_macs_per_second() / 1e12, chip.description);
  }
  context.show(json, text);
  return ok_status();
}

}  // namespace

void add_chips(CLI::App& app, Context& context) {
  auto name = std::make_shared<std::string>();
  CLI::App* const command = add_command(app, context, "chips", "the catalogue, or one chip with its derived figures", [&context, name]() -> Status {
    if (name->empty()) return list(context);
    SYSTOLE_ASSIGN(const Chip chip, load_chip(*name));
    context.show(report::chip_json(chip), report::chip_table(chip));
    return ok_status();
  });
  command->add_option("chip", *name, "a catalogue name or a YAML file");
  command->footer("Examples:\n  systole chips\n  systole chips tpu-v4 --json");
}

}  // namespace systole::cli
