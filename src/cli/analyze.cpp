// analyze: what a model asks of a chip, without compiling it.
#include <fmt/format.h>

#include "cli/command.h"
#include "report/analysis.h"

namespace systole::cli {
namespace {

struct Flags {
  std::string model, chip, format;
  std::vector<std::string> shapes, inputs;
  std::int64_t batch = 0;
};

Status analyze(const Context& context, const Flags& flags) {
  std::optional<Chip> chip;
  std::optional<report::Target> target;
  if (flags.chip.empty() && !flags.format.empty()) return invalid_input("--format " + flags.format, "says nothing without a chip", "give --chip");
  if (!flags.chip.empty()) {
    SYSTOLE_ASSIGN(chip, load_chip(flags.chip));
    SYSTOLE_ASSIGN(const compile::Format format, compile::parse_format(*chip, flags.format));
    target = report::Target{&*chip, format};
  }
  SYSTOLE_ASSIGN(Tensors inputs, read_inputs(flags.inputs));
  ImportOptions options;
  SYSTOLE_ASSIGN(options.shapes, parse_shapes(flags.shapes));
  options.batch = flags.batch;
  SYSTOLE_ASSIGN(const ImportedModel model, import_model(flags.model, std::move(options), inputs));
  const report::ModelAnalysis analysis = report::analyze(model.graph, target);
  nlohmann::ordered_json json = {{"model", flags.model}, {"chip", nullptr}, {"format", nullptr}, {"opset", model.info.opset}};
  if (chip) {
    json["chip"] = chip->name;
    json["format"] = target->format.name;
  }
  json.update(report::analysis_json(analysis));
  json["notes"] = model.info.notes;
  for (const std::string& note : model.info.notes) context.note("systole: note: " + note);
  context.show(json, report::analysis_table(analysis));
  return ok_status();
}

}  // namespace

void add_analyze(CLI::App& app, Context& context) {
  auto flags = std::make_shared<Flags>();
  CLI::App* const command = add_command(app, context, "analyze", "per layer: parameters, operations, bytes, intensity and the roofline's bound",
                                        [&context, flags] { return analyze(context, *flags); });
  command->add_option("model", flags->model, "an ONNX file")->required();
  command->add_option("--chip", flags->chip, "a catalogue name or a YAML file; without it there is no bound");
  command->add_option("--format", flags->format, "what contractions multiply; the chip's own if left out");
  command->add_option("--shape", flags->shapes, "NAME=AxBxC, for dynamic inputs")->allow_extra_args(false);
  command->add_option("--input", flags->inputs, "NAME=FILE.npy: its shape, or its value where the model's shapes depend on it")->allow_extra_args(false);
  command->add_option("--batch", flags->batch, "the dynamic leading dimension")->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20));
  command->footer("Example:\n  systole analyze model.onnx --chip tpu-v4 --shape x=1x3x224x224");
}

}  // namespace systole::cli
