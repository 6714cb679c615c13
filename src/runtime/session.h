// The library's face: load a model, compile it for a chip, feed it, run it, fetch what came out and what it cost.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "compile/compiler.h"
#include "frontend/onnx.h"
#include "isa/program.h"
#include "machine/event.h"

namespace systole::runtime {

enum class Engine { kEvent, kRegister, kRtl };

struct LoadOptions {
  std::map<std::string, Shape> shapes;         // --shape
  std::map<std::string, Tensor> fixed_inputs;  // operands of shapes whose values the import needs (--input)
  std::int64_t batch = 0;
  std::string format;        // empty: the chip's own
  compile::Options compile;  // its format is set from `format`
  bool use_cache = true;
  std::string cache_folder;  // empty: default_cache_folder()
  bool timing_only = false;    // no values will be asked for: weights are not read, and what is compiled is not cached
  bool host_fallback = false;  // operators that the chip cannot do run on the host, in double precision; such a model is not cached
};

// The program cache: one file per hash of model bytes (external data too), shapes, fixed inputs, the chip's
// fingerprint, compiler version and options (docs/compiler.md). A damaged entry counts as a miss and is written again.
std::string default_cache_folder();  // ~/.cache/systole

// A node of the model that the host runs (host_fallback), its operators in the graph, and why the chip cannot.
struct HostOperator {
  std::string name, op, why;
};

struct Output {
  std::string name;
  Tensor value;
};

struct RunOptions {
  Engine engine = Engine::kEvent;
  bool timing_only = false;  // no inputs needed, no outputs
  bool check = false;        // outputs against both interpreters
  bool check_hazards = false;
  bool trace = false;
  int threads = 1;
};

struct OutputCheck {
  std::string name;
  bool same_bits = false;                       // as the chip-arithmetic interpreter on the lowered graph
  double max_abs_error = 0, max_rel_error = 0;  // against the double interpreter on the source graph
  bool judged = true;                           // int8 is reported, not judged
  bool passed = false;
};

struct RunResult {
  machine::TimingReport timing;
  std::vector<Output> outputs;
  std::vector<OutputCheck> checks;
  machine::Trace trace;
  double simulate_seconds = 0;  // wall clock of time and values
  double host_seconds = 0;      // of that, operators left to the host
  bool check_passed() const;
};

// A compiled model on a chip. Immutable; runs do not change it.
class Session {
 public:
  static Expected<Session> load_model(const std::string& onnx_path, const Chip& chip, const LoadOptions& options);
  static Expected<Session> load_graph(graph::Graph source, const Chip& chip, const LoadOptions& options);
  static Expected<Session> load_program(const std::string& path, const Chip& chip);  // no --check: it has no graph

  // With operators on the host: its parts one behind the other, for reports; cannot be run (runtime/parts.h).
  const isa::Program& program() const;
  const Chip& chip() const;
  const std::string& format() const;  // "bf16", "int8", ...
  bool cache_hit() const;
  double compile_seconds() const;
  const std::vector<HostOperator>& host_operators() const;
  const std::vector<std::string>& notes() const;  // float64 computed as fp32, ...

  // Inputs by name; each input of the program must be there with its type (converted if exact) and shape.
  Expected<RunResult> run(const std::map<std::string, Tensor>& inputs, const RunOptions& options) const;

 private:
  struct State;
  explicit Session(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

}  // namespace systole::runtime
