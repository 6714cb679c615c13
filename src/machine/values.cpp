// The value pass: the host puts images and inputs in far memory, the cores run their words in fetch order, one after another
// between barriers, and the host reads the outputs (docs/machine.md sections 2, 7 and 9).
#include <fmt/format.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cstring>
#include <variant>

#include "machine/event.h"
#include "machine/program_fit.h"
#include "machine/values_core.h"

namespace systole::machine {
namespace {

std::size_t far_index(isa::Space space) { return space == isa::Space::kCmem ? 1 : 0; }

class ValueEngine {
 public:
  ValueEngine(const isa::Program& program, const Chip& chip, int threads) : program_(&program), chip_(&chip), threads_(threads) {}

  Status prepare(const std::vector<Tensor>& inputs);
  Status run();
  Expected<std::vector<Tensor>> outputs() const;

 private:
  Status put(const std::string& place, isa::Space space, std::int64_t address, const Tensor& tensor);
  // Runs a core's words to its next barrier; false if it has halted.
  Expected<bool> run_to_barrier(std::size_t core);

  const isa::Program* program_;
  const Chip* chip_;
  int threads_;
  FarMemories far_;
  std::vector<ValueCore> cores_;
  std::vector<isa::Fetcher> fetchers_;
};

Status ValueEngine::put(const std::string& place, isa::Space space, std::int64_t address, const Tensor& tensor) {
  ByteStore& memory = far_.memory[far_index(space)];
  if (!memory.holds(address, tensor.bytes())) {
    return invalid_input(place, fmt::format("bytes {} .. {} are outside a far memory of {} bytes", address, address + tensor.bytes() - 1, memory.size()));
  }
  if (tensor.bytes() > 0) std::memcpy(memory.data() + address, tensor.raw(), static_cast<std::size_t>(tensor.bytes()));
  return ok_status();
}

Status ValueEngine::prepare(const std::vector<Tensor>& inputs) {
  const isa::Program& p = *program_;
  if (inputs.size() != p.inputs.size()) {
    return invalid_input("inputs", fmt::format("the program takes {} tensors, not {}", p.inputs.size(), inputs.size()));
  }
  bool ok = far_.memory[0].allocate(p.hbm_bytes) && far_.memory[1].allocate(p.cmem_bytes);
  for (const isa::CoreCode& code : p.cores) {
    cores_.emplace_back(*chip_, p.microcode, far_, threads_);
    ok = ok && cores_.back().allocate();
    fetchers_.emplace_back(code);
  }
  if (!ok) {
    return unsupported("memory", fmt::format("this host cannot give the program its {} bytes of HBM", p.hbm_bytes),
                       "run the time pass alone, or on a host with more memory");
  }
  for (std::size_t i = 0; i < p.images.size(); ++i) {
    SYSTOLE_TRY(put(fmt::format("image {}", i), p.images[i].space, p.images[i].address, p.images[i].bytes));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const isa::Binding& binding = p.inputs[i];
    const std::string place = fmt::format("input '{}'", binding.name);
    if (inputs[i].type() != binding.type || inputs[i].shape() != binding.shape) {
      return invalid_input(place, fmt::format("it is {} {}, the program takes {} {}", dtype_name(inputs[i].type()), shape_text(inputs[i].shape()),
                                              dtype_name(binding.type), shape_text(binding.shape)));
    }
    SYSTOLE_TRY(put(place, binding.space, binding.address, inputs[i]));
  }
  return ok_status();
}

Expected<bool> ValueEngine::run_to_barrier(std::size_t core) {
  isa::Fetcher::Step step;
  while (fetchers_[core].next(step)) {
    if (step.instruction.unit == isa::kScalar) {
      if (step.instruction.as<isa::Barrier>()) return true;
      continue;
    }
    if (const Outcome bad = cores_[core].execute(step.instruction)) {
      const auto name = std::visit([](const auto& fields) { return std::decay_t<decltype(fields)>::kName; }, step.instruction.body);
      return invalid_input(fmt::format("core {}, instruction {} ({})", core, step.index, name), bad->message);
    }
  }
  return false;
}

Status ValueEngine::run() {
  for (bool barrier = true; barrier;) {
    barrier = false;
    for (std::size_t c = 0; c < cores_.size(); ++c) {
      SYSTOLE_ASSIGN(const bool more, run_to_barrier(c));
      barrier = barrier || more;
    }
  }
  return ok_status();
}

Expected<std::vector<Tensor>> ValueEngine::outputs() const {
  std::vector<Tensor> tensors;
  for (const isa::Binding& binding : program_->outputs) {
    Tensor tensor(binding.type, binding.shape);
    const ByteStore& memory = far_.memory[far_index(binding.space)];
    if (!memory.holds(binding.address, tensor.bytes())) {
      return invalid_input(fmt::format("output '{}'", binding.name), "it lies outside its far memory");
    }
    if (tensor.bytes() > 0) std::memcpy(tensor.mutable_raw(), memory.data() + binding.address, static_cast<std::size_t>(tensor.bytes()));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace

Expected<std::vector<Tensor>> simulate_values(const isa::Program& program, const Chip& chip, const std::vector<Tensor>& inputs, int threads) {
  SYSTOLE_TRY(check_fit(program, chip));
  ValueEngine engine(program, chip, std::max(threads, 1));
  SYSTOLE_TRY(engine.prepare(inputs));
  Status status = ok_status();
  tbb::task_arena arena(std::max(threads, 1));
  arena.execute([&] { status = engine.run(); });
  if (!status.ok()) return status.error();
  return engine.outputs();
}

}  // namespace systole::machine
