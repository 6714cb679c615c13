#include "runtime/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/file.h"
#include "isa/limits.h"
#include "runtime/bind_inputs.h"
#include "runtime/cache.h"
#include "runtime/check_outputs.h"
#include "runtime/parts.h"
#include "runtime/run_parts.h"
#include "runtime/stopwatch.h"

namespace systole::runtime {
namespace {

// More threads than the host has cores change nothing but the time.
int useful_threads(int asked) { return std::clamp(asked, 1, std::max(1, static_cast<int>(std::thread::hardware_concurrency()))); }

Status check_chip(const Chip& chip) {
  if (chip.machine == MachineKind::kGeneric) return ok_status();
  return unsupported("chip " + chip.name, "runs its own 94-bit words only", "use systolic-2-q88, the same size in the generic machine");
}

}  // namespace

struct Session::State {
  Chip chip;
  Parts parts;
  isa::Program all;      // of several parts: their summary
  compile::Format format;
  compile::Options options;
  std::optional<graph::Graph> source;
  std::vector<std::string> notes;
  bool cache_hit = false;
  double compile_seconds = 0;

  Part& whole() { return parts.parts.front(); }   // of one part
  const isa::Program& program() const { return in_parts() ? all : parts.parts.front().program; }
  bool in_parts() const { return parts.parts.size() > 1 || parts.parts.front().on_host; }

  Status compile_source(bool host_fallback) {
    const Stopwatch watch;
    SYSTOLE_ASSIGN(parts, compile_parts(*source, chip, options, host_fallback));
    compile_seconds = watch.seconds();
    for (Part& part : parts.parts) part.program.format = format.name;      // "int8", "fp32": as --format spells it
    if (in_parts()) {
      all = summary(*source, parts);
      all.chip = chip.name;
    }
    for (const HostOperator& op : parts.host_operators) notes.push_back(fmt::format("on the host: '{}' ({})", op.name, op.why));
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
  const bool cached = options.use_cache && !options.compile.after;
  import.hash = cached;
  SYSTOLE_ASSIGN(ImportedModel model, import_onnx(onnx_path, import));
  state->source = std::move(model.graph);
  state->notes = std::move(model.info.notes);

  const std::string folder = options.cache_folder.empty() ? default_cache_folder() : options.cache_folder;
  LoadOptions keyed = options;
  keyed.compile = state->options;
  const std::string name = cache_name(model.hash, chip, keyed);
  if (cached) {
    const Stopwatch watch;
    if (auto program = read_cache(folder, name, chip)) {
      state->parts = cut(*state->source, {});
      state->whole().program = *std::move(program);
      state->cache_hit = true;
      state->compile_seconds = watch.seconds();
      return Session(std::move(state));
    }
  }
  SYSTOLE_TRY(state->compile_source(options.host_fallback));
  if (cached && !options.timing_only && !state->in_parts()) write_cache(folder, name, state->program());
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
  SYSTOLE_TRY(state->compile_source(options.host_fallback));
  return Session(std::move(state));
}

Expected<Session> Session::load_program(const std::string& path, const Chip& chip) {
  SYSTOLE_TRY(check_chip(chip));
  auto state = std::make_shared<State>();
  state->chip = chip;
  SYSTOLE_ASSIGN(const auto bytes, read_file(path));
  Part part;
  SYSTOLE_ASSIGN(part.program, isa::parse_program(bytes, path));
  if (part.program.fingerprint != chip.fingerprint()) {
    return invalid_input(path, fmt::format("was compiled for another chip ('{}'), not for this '{}'", part.program.chip, chip.name),
                         "compile the model for this chip");
  }
  if (auto status = isa::check_program(part.program, isa::limits(chip)); !status.ok()) {
    Error error = status.error();
    error.place = path + ": " + error.place;
    return error;
  }
  state->format.name = part.program.format;
  for (const isa::Binding& output : part.program.outputs) state->parts.outputs.push_back(output.name);
  state->parts.parts.push_back(std::move(part));
  return Session(std::move(state));
}

const isa::Program& Session::program() const { return state_->program(); }
const Chip& Session::chip() const { return state_->chip; }
const std::vector<HostOperator>& Session::host_operators() const { return state_->parts.host_operators; }
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
  PartsRunner runner(s.parts, s.chip, s.options, options, useful_threads(options.threads));
  RunResult result;
  const Stopwatch simulate;
  SYSTOLE_ASSIGN(result.timing, runner.time(options.trace ? &result.trace : nullptr));
  result.simulate_seconds = simulate.seconds();
  if (options.timing_only) return result;

  const isa::Program& program = s.program();
  SYSTOLE_ASSIGN(const auto bound, bind_inputs(program.inputs, inputs));
  std::map<std::string, Tensor> named;
  for (std::size_t i = 0; i < bound.size(); ++i) named.insert_or_assign(program.inputs[i].name, bound[i]);
  SYSTOLE_ASSIGN(auto outputs, runner.values(std::move(named)));
  result.simulate_seconds = simulate.seconds();
  result.host_seconds = runner.host_seconds();
  for (std::size_t i = 0; i < outputs.size(); ++i) result.outputs.push_back({program.outputs[i].name, std::move(outputs[i])});
  if (!options.check) return result;
  SYSTOLE_ASSIGN(const auto same, runner.same_bits());
  SYSTOLE_ASSIGN(result.checks, check_outputs(*s.source, s.format, program.inputs, bound, result.outputs, same));
  return result;
}

}  // namespace systole::runtime
