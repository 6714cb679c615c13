#include "machine/register.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "machine/program_fit.h"
#include "machine/register_memory.h"

namespace systole::machine {
namespace {

Status put(const std::string& place, std::vector<std::uint8_t>& memory, std::int64_t address, const Tensor& tensor) {
  if (!inside(address, tensor.bytes(), memory.size())) return invalid_input(place, fmt::format("it lies outside a far memory of {} bytes", memory.size()));
  if (tensor.bytes() > 0) std::memcpy(memory.data() + address, tensor.raw(), static_cast<std::size_t>(tensor.bytes()));
  return ok_status();
}

}  // namespace

RegisterEngine::RegisterEngine(const isa::Program& program, const Chip& chip)
    : program_(&program), chip_(chip), far_{FarMemoryModel(chip.hbm), FarMemoryModel(chip.cmem)} {
  far_.hbm.resize(program.hbm_bytes);
  far_.cmem.resize(program.cmem_bytes);
  for (const isa::CoreCode& code : program.cores) cores_.push_back(std::make_unique<RegisterCore>(code, program.microcode, chip));
}

Expected<std::unique_ptr<RegisterEngine>> RegisterEngine::create(const isa::Program& program, const Chip& chip,
                                                                 const std::vector<Tensor>& inputs) {
  SYSTOLE_TRY(check_fit(program, chip));
  std::unique_ptr<RegisterEngine> engine;
  try {
    engine.reset(new RegisterEngine(program, chip));
  } catch (const std::bad_alloc&) {
    return unsupported("memory", fmt::format("this host cannot give the machine its memories ({} bytes of HBM)", program.hbm_bytes),
                       "run it on a host with more memory");
  }
  SYSTOLE_TRY(engine->load(inputs));
  return engine;
}

Status RegisterEngine::load(const std::vector<Tensor>& inputs) {
  if (inputs.size() != program_->inputs.size()) {
    return invalid_input("inputs", fmt::format("{} given, {} wanted", inputs.size(), program_->inputs.size()));
  }
  const auto memory = [&](isa::Space space) -> std::vector<std::uint8_t>& { return far_.of(space == isa::Space::kCmem ? 1 : 0).bytes(); };
  for (std::size_t i = 0; i < program_->images.size(); ++i) {
    const isa::Image& image = program_->images[i];
    SYSTOLE_TRY(put(fmt::format("image {}", i), memory(image.space), image.address, image.bytes));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const isa::Binding& binding = program_->inputs[i];
    const std::string place = "input '" + binding.name + "'";
    if (inputs[i].bytes() != element_count(binding.shape) * dtype_bytes(binding.type)) {
      return invalid_input(place, "its size is not that of the program's input");
    }
    SYSTOLE_TRY(put(place, memory(binding.space), binding.address, inputs[i]));
  }
  for (const isa::Binding& binding : program_->outputs) {
    if (!inside(binding.address, element_count(binding.shape) * dtype_bytes(binding.type), memory(binding.space).size())) {
      return invalid_input("output '" + binding.name + "'", "it lies outside its far memory");
    }
  }
  return ok_status();
}

void RegisterEngine::memory_turn(int space) {
  FarMemoryModel& memory = far_.of(space);
  if (memory.spec().bandwidth.free()) return;
  const int engines = static_cast<int>(chip_.dma_engines);
  memory.cycle(
      engines * cores(), [&](int who) { return cores_[static_cast<std::size_t>(who / engines)]->pending(who % engines, space); },
      [&](int who) { cores_[static_cast<std::size_t>(who / engines)]->serve(who % engines, cycle_, memory); });
}

// True: the cores leave their barrier in this cycle.
bool RegisterEngine::barrier_turn() {
  const bool all = std::all_of(cores_.begin(), cores_.end(), [](const auto& core) { return core->sequencer().state() == Sequencer::State::kBarrier; });
  if (!all) return false;
  moved_ = true;
  if (barrier_release_ < 0) barrier_release_ = cycle_ + (cores_.size() > 1 ? chip_.timing.barrier_cycles : 0);
  if (cycle_ < barrier_release_) return false;
  for (const auto& core : cores_) core->sequencer().leave_barrier();
  barrier_release_ = -1;
  return true;
}

void RegisterEngine::step() {
  if (done_) return;
  moved_ = false;
  for (const auto& core : cores_) core->begin();
  if (chip_.timing.control_cycles != 0) {
    memory_turn(0);
    memory_turn(1);
    for (const auto& core : cores_) core->evaluate(cycle_, far_);
    barrier_turn();
  } else {
    for (bool again = true; again;) {
      again = false;
      for (const auto& core : cores_) again = core->settle(cycle_, far_) || again;
      again = barrier_turn() || again;
    }
  }
  done_ = std::all_of(cores_.begin(), cores_.end(), [](const auto& core) { return core->sequencer().state() == Sequencer::State::kHalted; });
  if (done_) return;
  if (chip_.timing.control_cycles == 0) {
    memory_turn(0);
    memory_turn(1);
  }
  for (const auto& core : cores_) {
    core->work(cycle_);
    core->clock(cycle_, far_);
    moved_ = moved_ || core->moved();
  }
  ++cycle_;
}

Expected<RegisterResult> RegisterEngine::run() {
  while (!done_) {
    step();
    if (done_) break;
    if (!moved_) {
      return invalid_input(program_->chip, fmt::format("the program stands still from cycle {} on", cycle_), "a token or a tile of weights is missing");
    }
  }
  if (std::any_of(cores_.begin(), cores_.end(), [](const auto& core) { return core->mixed_formats(); })) {
    return invalid_input(program_->chip, "the formats of activations and weights do not multiply together");
  }
  return RegisterResult{outputs(), cycle_};
}

std::vector<Tensor> RegisterEngine::outputs() const {
  std::vector<Tensor> result;
  for (const isa::Binding& binding : program_->outputs) {
    Tensor tensor(binding.type, binding.shape);
    const auto& memory = binding.space == isa::Space::kCmem ? cmem() : hbm();
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
