// A model and a chip to a session, for the commands that compile.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "chip/suggest.h"
#include "cli/command.h"

namespace systole::cli {
namespace {

// Gives every --input that has no --shape its own shape; a name that the model lacks is an error here already.
Status shapes_of_inputs(const std::string& model, const Tensors& inputs, std::map<std::string, Shape>& shapes) {
  SYSTOLE_ASSIGN(const auto declared, onnx_inputs(model));
  std::vector<std::string> names;
  for (const DeclaredInput& input : declared) names.push_back(input.name);
  const auto known = [&](const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  for (const auto& [name, shape] : shapes) {
    if (!known(name)) return not_found("--shape " + name, "the model has no such input", suggest(name, names));
  }
  for (const auto& [name, tensor] : inputs) {
    if (!known(name)) return not_found("--input " + name, "the model has no such input", suggest(name, names));
    shapes.try_emplace(name, tensor.shape());
  }
  return ok_status();
}

// Operands of shapes, axes and scales are scalars or lists: only those are tried as values that the import needs.
Tensors small_inputs(const Tensors& inputs) {
  Tensors small;
  for (const auto& [name, tensor] : inputs) {
    if (tensor.rank() <= 1) small.emplace(name, tensor);
  }
  return small;
}

void take_out(const Tensors& fixed, Tensors& inputs) {
  for (const auto& entry : fixed) inputs.erase(entry.first);
}

std::map<std::string, Shape> without(std::map<std::string, Shape> shapes, const Tensors& fixed) {
  for (const auto& entry : fixed) shapes.erase(entry.first);
  return shapes;
}

}  // namespace

void LoadFlags::add(CLI::App& command) {
  command.add_option("model", model, "an ONNX file")->required();
  command.add_option("--chip", chip, "a catalogue name or a YAML file")->required();
  command.add_option("--format", format, "what contractions multiply; the chip's own if left out");
  command.add_option("--input", inputs, "NAME=FILE.npy or NAME=FILE.pb, once for each input")->allow_extra_args(false);
  command.add_option("--shape", shapes, "NAME=AxBxC, for dynamic inputs")->allow_extra_args(false);
  command.add_option("--batch", batch, "the dynamic leading dimension")->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20));
  command.add_flag("--host-fallback", host_fallback, "let operators that the chip cannot do run on the host");
  command.add_option("--dump-after", dump_after, "print what this pass made (standard error)");
  command.add_option("--disable-pass", disabled, "leave out an optional pass")->allow_extra_args(false);
  command.add_option("--cache", cache, "folder of the program cache; ~/.cache/systole if left out");
  command.add_flag("--no-cache", no_cache, "compile even if the program is in the cache");
  command.add_option("--calibrate", calibrate, "folder of samples that int8 scales are chosen from (not in this version)");
}

Expected<ImportedModel> import_model(const std::string& path, ImportOptions options, Tensors& inputs) {
  SYSTOLE_TRY(shapes_of_inputs(path, inputs, options.shapes));
  options.hash = false;
  auto model = import_onnx(path, options);
  if (model.ok()) return model;
  options.inputs = small_inputs(inputs);
  options.shapes = without(std::move(options.shapes), options.inputs);
  if (options.inputs.empty()) return model.error();
  auto again = import_onnx(path, options);
  if (!again.ok()) return model.error();
  take_out(options.inputs, inputs);
  return again;
}

Expected<runtime::Session> load(const Context& context, const LoadFlags& flags, Tensors& inputs, bool timing_only) {
  if (!flags.calibrate.empty())
    return unsupported("--calibrate " + flags.calibrate, "comes with `systole quantize`, which this version lacks", "run a model that is quantised already");
  SYSTOLE_ASSIGN(const Chip chip, load_chip(flags.chip));
  SYSTOLE_TRY(compile::parse_format(chip, flags.format));
  if (!flags.cache.empty()) SYSTOLE_TRY(check_output_folder("--cache", flags.cache));
  runtime::LoadOptions options;
  SYSTOLE_ASSIGN(options.shapes, parse_shapes(flags.shapes));
  SYSTOLE_TRY(shapes_of_inputs(flags.model, inputs, options.shapes));
  options.batch = flags.batch;
  options.format = flags.format;
  options.use_cache = !flags.no_cache;
  options.cache_folder = flags.cache;
  options.timing_only = timing_only;
  options.host_fallback = flags.host_fallback;
  options.compile.disabled_passes = flags.disabled;
  std::vector<std::string> passes;
  if (!flags.dump_after.empty()) {
    options.compile.after = [&](const std::string& pass, const std::string& text) {
      passes.push_back(pass);
      if (pass == flags.dump_after) std::fprintf(stderr, "%s\n", text.c_str());
    };
  }
  auto session = runtime::Session::load_model(flags.model, chip, options);
  if (!session.ok() && session.error().code != ErrorCode::kInternal) {
    const Tensors fixed = small_inputs(inputs);
    options.fixed_inputs = fixed;
    options.shapes = without(options.shapes, fixed);
    if (!fixed.empty()) {
      auto again = runtime::Session::load_model(flags.model, chip, options);
      if (again.ok()) {
        take_out(fixed, inputs);
        session = std::move(again);
      }
    }
  }
  if (!session.ok()) {
    Error error = session.error();
    if (flags.host_fallback && error.code == ErrorCode::kUnsupported) error.message += ", and the host cannot do it either";
    return error;
  }
  const bool dumped = std::find(passes.begin(), passes.end(), flags.dump_after) != passes.end();
  if (!flags.dump_after.empty() && !dumped) return invalid_input("--dump-after " + flags.dump_after, "is no pass", suggest(flags.dump_after, passes));
  context.note(fmt::format("systole: {} in {:.2f} s", session->cache_hit() ? "program from the cache" : "compiled", session->compile_seconds()));
  for (const std::string& note : session->notes()) context.note("systole: note: " + note);
  return session;
}

}  // namespace systole::cli
