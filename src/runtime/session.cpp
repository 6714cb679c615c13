#include "runtime/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/file.h"
#include "isa/limits.h"
#include "machine/register.h"
#include "rtl/model.h"
#include "runtime/bind_inputs.h"
#include "runtime/cache.h"
#include "runtime/check_outputs.h"

namespace systole::runtime {
namespace {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// More threads than the host has cores change nothing but the time.
int useful_threads(int asked) { return std::clamp(asked, 1, std::max(1, static_cast<int>(std::thread::hardware_concurrency()))); }

struct Values {
  std::vector<Tensor> outputs;
  std::int64_t cycles = -1;   // if the engine counts them
};

Expected<Values> run_values(const isa::Program& program, const Chip& chip, const std::vector<Tensor>& inputs, const RunOptions& options) {
  if (options.engine == Engine::kRegister) {
    SYSTOLE_ASSIGN(auto result, machine::simulate_registers(program, chip, inputs));
    return Values{std::move(result.outputs), result.cycles};
  }
  if (options.engine == Engine::kRtl) {
    SYSTOLE_TRY(rtl::check_program(program, chip));
    SYSTOLE_ASSIGN(const auto model, rtl::RtlModel::build(chip));
    SYSTOLE_ASSIGN(auto result, model.run(program, inputs));
    return Values{std::move(result.outputs), result.cycles};
  }
  SYSTOLE_ASSIGN(auto outputs, machine::simulate_values(program, chip, inputs, useful_threads(options.threads)));
  return Values{std::move(outputs), -1};
}

Status check_chip(const Chip& chip) {
  if (chip.machine == MachineKind::kGeneric) return ok_status();
  return unsupported("chip " + chip.name, "runs its own 94-bit words only", "use systolic-2-q88, the same size in the generic machine");
}

}  // namespace

struct Session::State {
  Chip chip;
  isa::Program program;
  compile::Format format;
  compile::Options options;
  std::optional<graph::Graph> source, lowered;   // lowered: only if this session compiled
  std::vector<std::string> notes;
  bool cache_hit = false;
  double compile_seconds = 0;

  Status compile_source() {
    const Stopwatch watch;
    SYSTOLE_ASSIGN(auto compiled, compile::compile(*source, chip, options));
    compile_seconds = watch.seconds();
    program = std::move(compiled.program);
    program.format = format.name;      // "int8", "fp32": as --format spells it
    lowered = std::move(compiled.lowered);
    if (auto status = isa::check_program(program, isa::limits(chip)); !status.ok()) {
      Error error = status.error();
      error.code = ErrorCode::kInternal;
      error.message = "the compiled program breaks a rule: " + error.message;
      return error;
    }
    return ok_status();
  }
  Status choose_format(const std::string& name) {
    SYSTOLE_ASSIGN(format, compile::parse_format(chip, name));
    options.format = format.type;
    options.bf16x3 = format.bf16x3;
    return ok_status();
  }
};

bool RunResult::check_passed() const {
  for (const OutputCheck& check : checks) {
    if (!check.passed) return false;
  }
  return true;
}

Session::Session(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Expected<Session> Session::load_model(const std::string& onnx_path, const Chip& chip, const LoadOptions& options) {
  SYSTOLE_TRY(check_chip(chip));
  auto state = std::make_shared<State>();
  state->chip = chip;
  state->options = options.compile;
  SYSTOLE_TRY(state->choose_format(options.format));
  ImportOptions import;
  import.shapes = options.shapes;
  import.inputs = options.fixed_inputs;
  import.batch = options.batch;
  SYSTOLE_ASSIGN(ImportedModel model, import_onnx(onnx_path, import));
  state->source = std::move(model.graph);
  state->notes = std::move(model.info.notes);

  const bool cached = options.use_cache && !options.compile.after;
  const std::string folder = options.cache_folder.empty() ? default_cache_folder() : options.cache_folder;
  LoadOptions keyed = options;
  keyed.compile = state->options;
  const std::string name = cache_name(model.hash, chip, keyed);
  if (cached) {
    const Stopwatch watch;
    if (auto program = read_cache(folder, name, chip)) {
      state->program = *std::move(program);
      state->cache_hit = true;
      state->compile_seconds = watch.seconds();
      return Session(std::move(state));
    }
  }
  SYSTOLE_TRY(state->compile_source());
  if (cached) write_cache(folder, name, state->program);
  return Session(std::move(state));
}

Expected<Session> Session::load_graph(graph::Graph source, const Chip& chip, const LoadOptions& options) {
  SYSTOLE_TRY(check_chip(chip));
  SYSTOLE_TRY(graph::verify(source));
  auto state = std::make_shared<State>();
  state->chip = chip;
  state->options = options.compile;
  SYSTOLE_TRY(state->choose_format(options.format));
  state->source = std::move(source);
  SYSTOLE_TRY(state->compile_source());
  return Session(std::move(state));
}

Expected<Session> Session::load_program(const std::string& path, const Chip& chip) {
  SYSTOLE_TRY(check_chip(chip));
  auto state = std::make_shared<State>();
  state->chip = chip;
  SYSTOLE_ASSIGN(const auto bytes, read_file(path));
  SYSTOLE_ASSIGN(state->program, isa::parse_program(bytes, path));
  if (state->program.fingerprint != chip.fingerprint()) {
    return invalid_input(path, fmt::format("was compiled for another chip ('{}'), not for this '{}'", state->program.chip, chip.name),
                         "compile the model for this chip");
  }
  if (auto status = isa::check_program(state->program, isa::limits(chip)); !status.ok()) {
    Error error = status.error();
    error.place = path + ": " + error.place;
    return error;
  }
  state->format.name = state->program.format;
  return Session(std::move(state));
}

const isa::Program& Session::program() const { return state_->program; }
const Chip& Session::chip() const { return state_->chip; }
const std::string& Session::format() const { return state_->format.name; }
bool Session::cache_hit() const { return state_->cache_hit; }
double Session::compile_seconds() const { return state_->compile_seconds; }
const std::vector<std::string>& Session::notes() const { return state_->notes; }

Expected<RunResult> Session::run(const std::map<std::string, Tensor>& inputs, const RunOptions& options) const {
  const State& s = *state_;
  if (options.timing_only && (options.engine != Engine::kEvent || options.check)) {
    return invalid_input("--timing-only", "has no values to run on another engine or to check", "leave out --engine and --check");
  }
  if (options.check && !s.source) return unsupported("--check", "a program file has no model to check against", "run the model itself");
  if (options.check_hazards) SYSTOLE_TRY(machine::check_hazards(s.program, s.chip));

  RunResult result;
  const Stopwatch simulate;
  SYSTOLE_ASSIGN(result.timing, machine::simulate_time(s.program, s.chip, options.trace ? &result.trace : nullptr));
  result.simulate_seconds = simulate.seconds();
  if (options.timing_only) return result;

  SYSTOLE_ASSIGN(const auto bound, bind_inputs(s.program.inputs, inputs));
  SYSTOLE_ASSIGN(auto values, run_values(s.program, s.chip, bound, options));
  result.simulate_seconds = simulate.seconds();
  if (values.cycles >= 0 && values.cycles != result.timing.cycles) {
    const char* const name = options.engine == Engine::kRtl ? "RTL" : "register";
    return Error{ErrorCode::kInternal, "engines", fmt::format("the {} engine counts {} cycles, the event engine {}", name, values.cycles, result.timing.cycles), ""};
  }
  for (std::size_t i = 0; i < values.outputs.size(); ++i) result.outputs.push_back({s.program.outputs[i].name, std::move(values.outputs[i])});
  if (!options.check) return result;
  std::optional<compile::Compiled> again;        // a cached program comes without its lowered graph
  if (!s.lowered) {
    SYSTOLE_ASSIGN(again, compile::compile(*s.source, s.chip, s.options));
  }
  SYSTOLE_ASSIGN(result.checks, check_outputs(*s.source, s.lowered ? *s.lowered : again->lowered, s.chip, s.format, s.program, bound,
                                              result.outputs, useful_threads(options.threads)));
  return result;
}

}  // namespace systole::runtime
