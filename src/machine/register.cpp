#include "machine/register.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "isa/table.h"

namespace systole::machine {
namespace {

Status check_chip(const Chip& chip) {
  const std::string place = "chip " + chip.name;
  if (chip.timing.control_cycles != 1) {
    return unsupported(place + ": timing.control_cycles", "the register engine needs a register at every stage of control", "use --engine event");
  }
  if (chip.timing.feeder_latency < 1 || chip.timing.accumulator_latency < 1) {
    return unsupported(place + ": timing", "the register engine needs latencies of at least one cycle", "use --engine event");
  }
  return ok_status();
}

Status check_word(const isa::Instruction& word, int core, std::size_t index) {
  const std::string place = fmt::format("core {} instruction {}", core, index);
  if (word.unit == isa::kVector && !word.as<isa::Nop>()) {
    return unsupported(place, fmt::format("{} on the vector unit is unsupported by the register engine in its first form", isa::info_of(word).name),
                       "use --engine event");
  }
  const auto fixed_point = [](std::int64_t format) { return static_cast<DType>(format) == DType::kQ8_8; };
  const auto* push = word.as<isa::Push>();
  const auto* matmul = word.as<isa::Matmul>();
  if ((push != nullptr && fixed_point(push->format)) || (matmul != nullptr && fixed_point(matmul->format))) {
    return unsupported(place, "q8.8 products are unsupported by the register engine in its first form", "use --engine event");
  }
  return ok_status();
}

void put(std::vector<std::uint8_t>& memory, std::int64_t address, const Tensor& tensor) {
  if (tensor.bytes() == 0) return;
  std::memcpy(memory.data() + address, tensor.raw(), static_cast<std::size_t>(tensor.bytes()));
}

}  // namespace

RegisterEngine::RegisterEngine(const isa::Program& program, const Chip& chip)
    : program_(&program), chip_(chip), hbm_(chip.hbm), cmem_(chip.cmem) {
  hbm_.resize(program.hbm_bytes);
  cmem_.resize(program.cmem_bytes);
  for (const isa::CoreCode& code : program.cores) cores_.push_back(std::make_unique<RegisterCore>(code, chip));
}

Expected<std::unique_ptr<RegisterEngine>> RegisterEngine::create(const isa::Program& program, const Chip& chip,
                                                                 const std::vector<Tensor>& inputs) {
  SYSTOLE_TRY(check_chip(chip));
  for (std::size_t core = 0; core < program.cores.size(); ++core) {
    const auto& code = program.cores[core].code;
    for (std::size_t i = 0; i < code.size(); ++i) SYSTOLE_TRY(check_word(code[i], static_cast<int>(core), i));
  }
  if (inputs.size() != program.inputs.size()) {
    return invalid_input("inputs", fmt::format("{} given, {} wanted", inputs.size(), program.inputs.size()));
  }
  std::unique_ptr<RegisterEngine> engine(new RegisterEngine(program, chip));
  const auto memory = [&](isa::Space space) -> std::vector<std::uint8_t>& {
    return space == isa::Space::kCmem ? engine->cmem_.bytes() : engine->hbm_.bytes();
  };
  for (const isa::Image& image : program.images) put(memory(image.space), image.address, image.bytes);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const isa::Binding& binding = program.inputs[i];
    if (inputs[i].bytes() != element_count(binding.shape) * dtype_bytes(binding.type)) {
      return invalid_input("input '" + binding.name + "'", "its size is not that of the program's input");
    }
    put(memory(binding.space), binding.address, inputs[i]);
  }
  return engine;
}

void RegisterEngine::memory_turn(int space) {
  FarMemoryModel& memory = space == 0 ? hbm_ : cmem_;
  if (memory.spec().bandwidth.free()) return;
  const int engines = static_cast<int>(chip_.dma_engines);
  memory.cycle(
      engines * static_cast<int>(cores_.size()), [&](int who) { return cores_[static_cast<std::size_t>(who / engines)]->pending(who % engines, space); },
      [&](int who) { cores_[static_cast<std::size_t>(who / engines)]->serve(who % engines, cycle_, memory); });
}

void RegisterEngine::barrier_turn() {
  const bool all = std::all_of(cores_.begin(), cores_.end(), [](const auto& core) { return core->sequencer().state() == Sequencer::State::kBarrier; });
  if (!all) return;
  moved_ = true;
  if (barrier_release_ < 0) barrier_release_ = cycle_ + (cores_.size() > 1 ? chip_.timing.barrier_cycles : 0);
  if (cycle_ < barrier_release_) return;
  for (const auto& core : cores_) core->sequencer().leave_barrier();
  barrier_release_ = -1;
}

void RegisterEngine::step() {
  if (done_) return;
  moved_ = false;
  for (const auto& core : cores_) core->begin();
  memory_turn(0);
  memory_turn(1);
  for (const auto& core : cores_) core->evaluate(cycle_, hbm_, cmem_);
  barrier_turn();
  done_ = std::all_of(cores_.begin(), cores_.end(), [](const auto& core) { return core->sequencer().state() == Sequencer::State::kHalted; });
  if (done_) return;
  for (const auto& core : cores_) {
    core->clock(cycle_, hbm_, cmem_);
    moved_ = moved_ || core->moved();
  }
  ++cycle_;
}

Expected<RegisterResult> RegisterEngine::run() {
  while (!done_) {
    step();
    const bool fetched = std::any_of(cores_.begin(), cores_.end(), [](const auto& core) { return core->sequencer().advanced(); });
    if (!done_ && !moved_ && !fetched) {
      return invalid_input(program_->chip, fmt::format("the program stands still from cycle {} on", cycle_), "a token or a tile of weights is missing");
    }
  }
  return RegisterResult{outputs(), cycle_};
}

std::vector<Tensor> RegisterEngine::outputs() const {
  std::vector<Tensor> result;
  for (const isa::Binding& binding : program_->outputs) {
    Tensor tensor(binding.type, binding.shape);
    const auto& memory = binding.space == isa::Space::kCmem ? cmem_.bytes() : hbm_.bytes();
    if (tensor.bytes() > 0) std::memcpy(tensor.mutable_raw(), memory.data() + binding.address, static_cast<std::size_t>(tensor.bytes()));
    result.push_back(std::move(tensor));
  }
  return result;
}

Expected<RegisterResult> simulate_registers(const isa::Program& program, const Chip& chip, const std::vector<Tensor>& inputs) {
  SYSTOLE_ASSIGN(auto engine, RegisterEngine::create(program, chip, inputs));
  return engine->run();
}

}  // namespace systole::machine
