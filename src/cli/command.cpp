#include "cli/command.h"

#include <fmt/format.h>

#include <cstdio>
#include <thread>

#include "base/random.h"
#include "chip/suggest.h"
#include "frontend/onnx.h"
#include "tensor/npy.h"

namespace systole::cli {
namespace {

std::string dump(const nlohmann::ordered_json& value) {
  return value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Expected<std::pair<std::string, std::string>> split(const std::string& option, const std::string& argument) {
  const std::size_t at = argument.find('=');
  if (at == std::string::npos || at == 0 || at + 1 == argument.size()) return invalid_input(option + " " + argument, "is not written NAME=VALUE");
  return std::pair{argument.substr(0, at), argument.substr(at + 1)};
}

Expected<Tensor> read_tensor(const std::string& path) {
  return path.ends_with(".pb") ? read_tensor_file(path) : read_npy(path);
}

}  // namespace

int Context::thread_count() const {
  return threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void Context::fail(const Error& error) {
  exit = exit_status(error.code);
  std::fprintf(stderr, "systole: %s: %s\n", error_code_name(error.code), error.text().c_str());
  if (!json) return;
  const nlohmann::ordered_json object = {
      {"error", {{"code", error_code_name(error.code)}, {"place", error.place}, {"message", error.message}, {"hint", error.hint}}}};
  std::printf("%s\n", dump(object).c_str());
}

void Context::show(const nlohmann::ordered_json& json_value, const std::string& text) const {
  if (json) std::printf("%s\n", dump(json_value).c_str());
  else std::printf("%s", text.c_str());
}

void Context::note(const std::string& text) const {
  if (!quiet) std::fprintf(stderr, "%s\n", text.c_str());
}

CLI::App* add_command(CLI::App& app, Context& context, const std::string& name, const std::string& help, std::function<Status()> body) {
  CLI::App* const command = app.add_subcommand(name, help);
  command->add_flag("--json", context.json, "one JSON object on standard output");
  command->add_flag("--quiet", context.quiet, "nothing but the result");
  command->add_option("--seed", context.seed, "of everything random");
  command->add_option("--threads", context.threads, "of the host; 0: all cores")->check(CLI::Range(0, 1024));
  command->callback([&context, body = std::move(body)] {
    if (auto status = body(); !status.ok()) context.fail(status.error());
  });
  return command;
}

Expected<std::map<std::string, Tensor>> read_inputs(const std::vector<std::string>& arguments) {
  std::map<std::string, Tensor> inputs;
  for (const std::string& argument : arguments) {
    SYSTOLE_ASSIGN(const auto pair, split("--input", argument));
    SYSTOLE_ASSIGN(Tensor tensor, read_tensor(pair.second));
    if (!inputs.emplace(pair.first, std::move(tensor)).second) return invalid_input("--input " + argument, "is given twice");
  }
  return inputs;
}

Expected<std::map<std::string, Shape>> parse_shapes(const std::vector<std::string>& arguments) {
  std::map<std::string, Shape> shapes;
  for (const std::string& argument : arguments) {
    SYSTOLE_ASSIGN(const auto pair, split("--shape", argument));
    Shape shape;
    for (std::size_t at = 0; at <= pair.second.size();) {
      const std::size_t end = std::min(pair.second.find('x', at), pair.second.size());
      const std::string digits = pair.second.substr(at, end - at);
      const bool number = !digits.empty() && digits.size() <= 18 && digits.find_first_not_of("0123456789") == std::string::npos;
      if (!number) return invalid_input("--shape " + argument, fmt::format("'{}' is not a size", digits), "as --shape x=1x3x224x224");
      shape.push_back(std::stoll(digits));
      at = end + 1;
    }
    SYSTOLE_TRY(check_shape(shape, "--shape " + argument));
    shapes[pair.first] = shape;
  }
  return shapes;
}

void fill_inputs(const isa::Program& program, std::uint64_t seed, std::map<std::string, Tensor>& inputs) {
  Random random(seed);
  for (const isa::Binding& binding : program.inputs) {
    if (inputs.contains(binding.name)) continue;
    const bool real = is_float(binding.type) || binding.type == DType::kQ8_8;
    Tensor values(real ? DType::kF32 : DType::kI32, binding.shape);
    for (std::int64_t i = 0; i < values.count(); ++i) {
      if (real) values.mutable_data<float>()[i] = static_cast<float>(random.real(-1, 1));
      else if (binding.type == DType::kPred) values.mutable_data<std::int32_t>()[i] = static_cast<std::int32_t>(random.integer(0, 1));
      else values.mutable_data<std::int32_t>()[i] = static_cast<std::int32_t>(random.integer(is_unsigned(binding.type) ? 0 : -8, 7));
    }
    inputs.emplace(binding.name, values.converted(binding.type));
  }
}

Expected<runtime::Engine> parse_engine(const std::string& name) {
  if (name == "event") return runtime::Engine::kEvent;
  if (name == "register") return runtime::Engine::kRegister;
  if (name == "rtl") return runtime::Engine::kRtl;
  const std::string known[] = {"event", "register", "rtl"};
  return invalid_input("--engine " + name, "is no engine", suggest(name, known));
}

}  // namespace systole::cli
