// The library in forty lines: a model and a chip to a session, a session and inputs to outputs, bits and cycles.
//   compile_and_run MODEL.onnx CHIP NAME=FILE.npy...
#include <cstdio>
#include <map>
#include <string>

#include "runtime/session.h"
#include "tensor/npy.h"

namespace {

using namespace systole;

// Cycles and outputs on standard output; true if the outputs passed both interpreters' checks.
Expected<bool> compile_and_run(const std::string& model, const std::string& chip_name, const std::map<std::string, Tensor>& inputs) {
  SYSTOLE_ASSIGN(const Chip chip, load_chip(chip_name));               // a catalogue name or a YAML file
  runtime::LoadOptions load;
  for (const auto& [name, tensor] : inputs) load.shapes[name] = tensor.shape();   // dynamic inputs get the shapes of these
  load.use_cache = false;
  SYSTOLE_ASSIGN(const auto session, runtime::Session::load_model(model, chip, load));

  runtime::RunOptions run;
  run.check = true;                                                    // against both interpreters
  SYSTOLE_ASSIGN(const auto result, session.run(inputs, run));
  std::printf("%s, %s: %lld cycles\n", chip.name.c_str(), session.format().c_str(), static_cast<long long>(result.timing.cycles));
  for (const runtime::Output& output : result.outputs) std::printf("%s: %s\n", output.name.c_str(), shape_text(output.value.shape()).c_str());
  return result.check_passed();
}

Expected<bool> run_arguments(int argc, char** argv) {
  if (argc < 3) return invalid_input("command line", "a model and a chip are needed", "compile_and_run MODEL.onnx CHIP NAME=FILE.npy...");
  std::map<std::string, Tensor> inputs;
  for (int i = 3; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto equals = argument.find('=');
    if (equals == std::string::npos) return invalid_input(argument, "is not NAME=FILE.npy");
    SYSTOLE_ASSIGN(inputs[argument.substr(0, equals)], read_npy(argument.substr(equals + 1)));
  }
  return compile_and_run(argv[1], argv[2], inputs);
}

}  // namespace

int main(int argc, char** argv) {
  const auto passed = run_arguments(argc, argv);
  if (passed.ok()) return *passed ? 0 : 1;
  std::fprintf(stderr, "%s\n", passed.error().text().c_str());         // the library itself never prints
  return exit_status(passed.error().code);
}
