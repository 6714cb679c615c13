#include "machine/register_accounts.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "isa/table.h"
#include "machine/event_core.h"

namespace systole::machine {
namespace {

// "wait <unit>" of the first unit whose token is wanted and not there; "": none.
std::string missing(const TokenCounters& tokens, std::uint16_t mask) {
  for (int from = 0; from < isa::kUnits; ++from) {
    if (((mask >> from) & 1u) != 0 && tokens.count(from) == 0) return "wait " + isa::unit_name(from);
  }
  return {};
}

}  // namespace

CycleAccounts::CycleAccounts(const RegisterEngine& engine, const isa::Program& program, const Chip& chip)
    : engine_(&engine), program_(&program), chip_(&chip) {
  for (int core = 0; core < engine.cores(); ++core) {
    for (const isa::UnitId unit : units_of(chip)) {
      Watch watch;
      watch.core = core, watch.unit = unit;
      watches_.push_back(std::move(watch));
      reports_.emplace_back().name = fmt::format("core{}.{}", core, isa::unit_name(unit));
    }
  }
}

void CycleAccounts::before_step() {
  for (Watch& watch : watches_) {
    if (watch.unit == isa::kScalar) look_at_sequencer(watch);
    else look_at_unit(watch);
  }
}

void CycleAccounts::after_step() {
  for (std::size_t i = 0; i < watches_.size(); ++i) {
    if (watches_[i].halt && !watches_[i].halted) ++reports_[i].instructions;
    watches_[i].halted = watches_[i].halt;
    if (engine_->done()) continue;   // its last step is no cycle
    if (watches_[i].unit == isa::kScalar) count_sequencer(watches_[i], reports_[i]);
    else count_unit(watches_[i], reports_[i]);
  }
}

// A transfer's ceil(n x burst_bytes x cycles / bytes) for its n bursts (docs/machine.md section 3); of others, no bound.
std::int64_t CycleAccounts::time_alone(const isa::Instruction& instruction) const {
  if (!is_transfer(instruction)) return std::numeric_limits<std::int64_t>::max();
  const TransferShape shape = transfer_shape(instruction);
  const MemorySpec& memory = shape.far_space == 0 ? chip_->hbm : chip_->cmem;
  const std::int64_t bursts = shape.planes * shape.rows * ((shape.bytes + memory.burst_bytes - 1) / memory.burst_bytes);
  return (bursts * memory.burst_bytes * memory.bandwidth.cycles + memory.bandwidth.bytes - 1) / memory.bandwidth.bytes;
}

void CycleAccounts::look_at_unit(Watch& watch) const {
  const UnitControl& unit = engine_->core(watch.core).unit(watch.unit);
  watch.busy = unit.busy;
  watch.idle = unit.queue.empty();
  if (unit.busy) watch.alone = time_alone(unit.current);
  if (watch.idle) return;
  watch.obstacle = missing(unit.tokens, unit.queue.front().wait);
  if (watch.obstacle.empty()) watch.obstacle = "weights";
}

void CycleAccounts::count_unit(Watch& watch, UnitReport& report) const {
  const UnitControl& unit = engine_->core(watch.core).unit(watch.unit);
  if (watch.busy) {
    ++watch.worked;
    if (!unit.finishing) return;
    const std::int64_t work = std::min(watch.worked, watch.alone);
    report.busy += work;
    if (watch.worked > work) report.stall["memory"] += watch.worked - work;
    watch.worked = 0;
    ++report.instructions;
  } else if (watch.idle) {
    ++report.idle;
  } else if (unit.issuing) {
    if (watch.stood > 0) report.stall[watch.cause] += watch.stood;
    watch.stood = 0;
    ++report.stall["control"];
  } else {
    ++watch.stood;
    watch.cause = watch.obstacle;
  }
}

void CycleAccounts::look_at_sequencer(Watch& watch) const {
  const RegisterCore& core = engine_->core(watch.core);
  const Sequencer& sequencer = core.sequencer();
  const auto& code = program_->cores[static_cast<std::size_t>(watch.core)].code;
  watch.barrier = sequencer.state() == Sequencer::State::kBarrier;
  watch.idle = sequencer.pc() >= static_cast<std::int64_t>(code.size());   // one that has halted stands at its halt
  if (watch.idle || watch.barrier) return;
  const isa::Instruction& word = code[static_cast<std::size_t>(sequencer.pc())];
  watch.obstacle = word.unit == isa::kScalar ? missing(sequencer.tokens, word.wait) : "queue " + isa::unit_name(word.unit);
  watch.halt = word.as<isa::Halt>() && watch.obstacle.empty();
}

void CycleAccounts::count_sequencer(Watch& watch, UnitReport& report) const {
  const Sequencer& sequencer = engine_->core(watch.core).sequencer();
  const auto settle = [&] {
    if (watch.stood > 0) report.stall[watch.cause] += watch.stood;
    watch.stood = 0;
  };
  if (watch.barrier) {
    ++report.stall["barrier"];
  } else if (watch.idle || watch.halt) {
    settle();
    ++report.idle;
  } else if (sequencer.advanced()) {
    settle();
    ++report.busy;
    ++report.instructions;
  } else {
    ++watch.stood;
    watch.cause = watch.obstacle;
  }
}

}  // namespace systole::machine
