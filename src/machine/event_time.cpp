// The time pass: cores run ahead as far as times are known; then the memories' next event is the earliest that is left.
//
// When no core can go on, a request not yet made waits for the end of a transfer in flight or for a barrier behind one, so it
// starts after that transfer's last burst. So the earliest of the known requests and completions may be taken next; of
// equals a request first, since the memory rule counts it in its own cycle.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "isa/table.h"
#include "machine/event_core.h"
#include "machine/program_fit.h"
#include "timing/timing.h"

namespace systole::machine {
namespace {

class EventEngine {
 public:
  EventEngine(const isa::Program& program, const Chip& chip, Trace* trace, const TimingOptions& options)
      : program_(&program), chip_(&chip), trace_(trace), options_(options),
        engines_(static_cast<int>(std::min<std::int64_t>(chip.dma_engines, isa::kMaxDmaEngines))) {}

  Expected<TimingReport> run();

 private:
  void start();
  bool release_barrier();
  bool memory_event();

  const isa::Program* program_;
  const Chip* chip_;
  Trace* trace_;
  TimingOptions options_;
  int engines_;
  Accounts accounts_;
  std::vector<std::unique_ptr<EventCore>> cores_;
  Memories memories_;
  std::unique_ptr<RepeatSkipper> skipper_;   // null: every word is gone through
};

void EventEngine::start() {
  const std::size_t cores = program_->cores.size();
  std::size_t layers = std::max<std::size_t>(program_->layers.size(), 1);
  for (const isa::CoreCode& core : program_->cores) {
    for (const std::uint16_t layer : core.layer) layers = std::max<std::size_t>(layers, std::size_t{layer} + 1);
  }
  accounts_.layers.resize(layers);
  accounts_.cores = static_cast<std::int64_t>(cores);
  accounts_.layer_busy.assign(layers * cores * isa::kUnits, 0);
  const int requesters = std::max(1, engines_) * static_cast<int>(cores);
  if (!chip_->hbm.bandwidth.free()) memories_[kFarHbm] = std::make_unique<timing::MemoryServer>(chip_->hbm, requesters);
  if (!chip_->cmem.bandwidth.free()) memories_[kFarCmem] = std::make_unique<timing::MemoryServer>(chip_->cmem, requesters);
  if (trace_ != nullptr) {
    trace_->units.clear();
    trace_->events.clear();
    for (std::size_t c = 0; c < cores; ++c) {
      for (const isa::UnitId unit : units_of(*chip_)) trace_->units.push_back(fmt::format("core{}.{}", c, isa::unit_name(unit)));
    }
  }
  if (options_.skip_repeats && cores == 1 && trace_ == nullptr) {
    skipper_ = std::make_unique<RepeatSkipper>(*chip_, units_of(*chip_), accounts_, memories_);
  }
  for (std::size_t c = 0; c < cores; ++c) {
    cores_.push_back(std::make_unique<EventCore>(*program_, static_cast<std::int64_t>(c), *chip_, accounts_, trace_,
                                                 skipper_.get()));
  }
}

bool EventEngine::release_barrier() {
  std::int64_t last = 0;
  for (const auto& core : cores_) {
    if (core->state() != EventCore::State::kBarrier) return false;
    last = std::max(last, core->barrier_cycle());
  }
  const std::int64_t done = cores_.size() == 1 ? last : last + chip_->timing.barrier_cycles;
  for (const auto& core : cores_) core->leave_barrier(done);
  return true;
}

bool EventEngine::memory_event() {
  EventCore::Transfer* next = nullptr;
  int requester = 0;
  for (int c = 0; c < static_cast<int>(cores_.size()); ++c) {
    for (int e = 0; e < engines_; ++e) {
      EventCore::Transfer& transfer = cores_[static_cast<std::size_t>(c)]->transfer(e);
      if (!transfer.waiting || (next != nullptr && transfer.start >= next->start)) continue;
      next = &transfer;
      requester = c * engines_ + e;
    }
  }
  std::int64_t completion = -1;
  timing::MemoryServer* server = nullptr;
  for (const auto& memory : memories_) {
    const std::int64_t cycle = memory ? memory->next_completion() : -1;
    if (cycle >= 0 && (server == nullptr || cycle < completion)) {
      completion = cycle;
      server = memory.get();
    }
  }
  if (next != nullptr && (server == nullptr || next->start <= completion)) {
    memories_[next->memory]->request(next->start, requester, next->bursts);
    next->waiting = false;
    return true;
  }
  if (server == nullptr) return false;
  for (const int who : server->advance(completion)) {
    cores_[static_cast<std::size_t>(who / engines_)]->transfer_done(who % engines_, completion);
  }
  return true;
}

Expected<TimingReport> EventEngine::run() {
  start();
  do {
    for (const auto& core : cores_) core->run();
  } while (release_barrier() || memory_event());
  if (skipper_ && skipper_->too_long()) {
    return unsupported(fmt::format("core 0, instruction {}", cores_[0]->next_word()), "this loop takes more than 2^62 cycles or bytes",
                       "open loops of fewer iterations");
  }
  for (std::size_t c = 0; c < cores_.size(); ++c) {
    if (cores_[c]->state() == EventCore::State::kDone) continue;
    const std::string where = fmt::format("core {}, instruction {}", c, cores_[c]->next_word());
    if (cores_[c]->state() == EventCore::State::kBarrier)
      return invalid_input(where, "the other cores never come to this barrier", "give every core the same number of barriers");
    return invalid_input(where, "the program stands still here", "give each token before the word that takes it");
  }
  TimingReport report = make_report(*program_, *chip_, accounts_, cores_);
  if (skipper_) report.simulated_words -= skipper_->skipped_words();
  return report;
}

}  // namespace

Expected<TimingReport> simulate_time(const isa::Program& program, const Chip& chip, Trace* trace, const TimingOptions& options) {
  SYSTOLE_TRY(check_fit(program, chip));
  return EventEngine(program, chip, trace, options).run();
}

}  // namespace systole::machine
