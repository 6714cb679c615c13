#include "machine/register_core.h"

#include <algorithm>

namespace systole::machine {

RegisterCore::RegisterCore(const isa::CoreCode& code, const Chip& chip)
    : chip_(chip), sequencer_(code), dmas_(static_cast<std::size_t>(chip.dma_engines)), vmem_(static_cast<std::size_t>(chip.vmem_bytes)) {
  for (std::int64_t a = 0; a < chip.mxu.count; ++a) matrices_.emplace_back(chip);
}

LocalMemory RegisterCore::local() {
  return {&vmem_, [this](std::int64_t a, std::int64_t row, std::int64_t column) {
            return a < static_cast<std::int64_t>(matrices_.size()) ? matrices_[static_cast<std::size_t>(a)].array.accumulator(row, column) : 0u;
          }};
}

void RegisterCore::begin() {
  for (UnitControl& unit : units_) {
    unit.gives = {};
    unit.issuing = false;
    unit.finishing = unit.busy && unit.remaining == 1;
  }
  for (DmaEngine& dma : dmas_) dma.begin_cycle();
  for (Matrix& matrix : matrices_) {
    matrix.wires = {};
    matrix.wires.row.values.resize(static_cast<std::size_t>(chip_.mxu.rows));
    matrix.wires.weights.values.resize(static_cast<std::size_t>(chip_.mxu.columns));
  }
  dispatching_ = false;
}

bool RegisterCore::pending(int dma, int space) const { return dmas_[static_cast<std::size_t>(dma)].pending(space); }

void RegisterCore::serve(int dma, std::int64_t now, FarMemoryModel& memory) {
  DmaEngine& engine = dmas_[static_cast<std::size_t>(dma)];
  engine.serve(now, memory, local(), memory.spec().latency_cycles);
  if (engine.last_served()) units_[isa::dma_unit(dma)].finishing = true;
}

bool RegisterCore::drained() const {
  return std::all_of(units_.begin(), units_.end(), [](const UnitControl& unit) { return unit.drained(); });
}

void RegisterCore::evaluate(std::int64_t now, FarMemoryModel& hbm, FarMemoryModel& cmem) {
  // The sequencer sees queues as they stand at the cycle's beginning.
  dispatching_ = sequencer_.cycle(
      [&](int unit) { return static_cast<std::int64_t>(units_[static_cast<std::size_t>(unit)].queue.size()) < chip_.timing.queue_depth; },
      [&] { return drained(); }, dispatched_);
  if (units_[isa::kVector].head_ready()) units_[isa::kVector].issue();
  for (int a = 0; a < static_cast<int>(matrices_.size()); ++a) issue_matrix(a);
  for (int d = 0; d < static_cast<int>(dmas_.size()); ++d) issue_dma(d, now, hbm, cmem);
  for (int a = 0; a < static_cast<int>(matrices_.size()); ++a) read_operands(a);
}

// The swap is decided before the push: a push may start in the cycle in which the swap frees the shadow, and a swap in the
// cycle after the push's last.
void RegisterCore::issue_matrix(int a) {
  Matrix& matrix = matrices_[static_cast<std::size_t>(a)];
  UnitControl& push = units_[isa::push_unit(a)];
  UnitControl& mxu = units_[isa::matrix_unit(a)];
  if (push.finishing && push.current.as<isa::Push>()) ++matrix.loaded_tiles;
  if (matrix.array.ending()) ++matrix.matmuls_ended;
  if (mxu.head_ready()) {
    const auto* matmul = mxu.queue.front().as<isa::Matmul>();
    const bool swap = matmul != nullptr && matmul->swap != 0;
    if (!swap || matrix.loaded_tiles > 0) {
      mxu.issue();
      if (swap) --matrix.loaded_tiles, --matrix.waiting_tiles;
    }
  }
  if (push.head_ready()) {
    const bool weights = push.queue.front().as<isa::Push>() != nullptr;
    const bool free = chip_.mxu.weight_double_buffer
                          ? matrix.waiting_tiles == 0
                          : !weights || matrix.matmuls_ended >= matrix.matmuls_before.front();
    if (!weights || free) {
      push.issue();
      if (weights) {
        ++matrix.waiting_tiles;
        if (!matrix.matmuls_before.empty()) matrix.matmuls_before.pop_front();
      }
    }
  }
}

void RegisterCore::issue_dma(int d, std::int64_t now, FarMemoryModel& hbm, FarMemoryModel& cmem) {
  UnitControl& unit = units_[isa::dma_unit(d)];
  while (unit.head_ready()) {
    unit.issue();
    FarMemoryModel* memory = nullptr;
    if (is_transfer(unit.issued)) memory = transfer_shape(unit.issued).far_space == 0 ? &hbm : &cmem;
    if (memory == nullptr || !memory->spec().bandwidth.free()) return;
    // A free transfer takes no cycle: all its bursts at once, its end with the issue; the unit may go on in the same cycle.
    DmaEngine& engine = dmas_[static_cast<std::size_t>(d)];
    unit.ends.enter(unit.issued.signal);
    engine.start(unit.issued, memory->spec().burst_bytes);
    while (engine.pending(0) || engine.pending(1)) engine.serve(now, *memory, local(), 0);
    unit.issuing = false;
  }
}

void RegisterCore::read_operands(int a) {
  Matrix& matrix = matrices_[static_cast<std::size_t>(a)];
  const UnitControl& push = units_[isa::push_unit(a)];
  const UnitControl& mxu = units_[isa::matrix_unit(a)];
  if (push.busy && push.current.as<isa::Push>()) matrix.push.cycle(vmem_, matrix.wires);
  if (mxu.busy && mxu.current.as<isa::Matmul>()) matrix.feeder.cycle(vmem_, mxu.finishing, matrix.wires);
}

void RegisterCore::end_instructions(std::int64_t now, FarMemoryModel& hbm, FarMemoryModel& cmem) {
  for (int a = 0; a < static_cast<int>(matrices_.size()); ++a) {
    UnitControl& mxu = units_[isa::matrix_unit(a)];
    if (matrices_[static_cast<std::size_t>(a)].array.ending()) mxu.ends.end_oldest(mxu.gives);
  }
  for (int d = 0; d < static_cast<int>(dmas_.size()); ++d) {
    UnitControl& unit = units_[isa::dma_unit(d)];
    for (int n = dmas_[static_cast<std::size_t>(d)].answer(now, hbm, cmem, local()); n > 0; --n) {
      if (!unit.ends.empty()) unit.ends.end_oldest(unit.gives);
    }
  }
  for (UnitControl& unit : units_) {
    const bool has_tail = unit.current.as<isa::Matmul>() || is_transfer(unit.current);
    if (unit.busy && unit.finishing && !has_tail) unit.ends.attach(unit.current.signal, unit.gives);
  }
}

void RegisterCore::start_unit(isa::UnitId id) {
  UnitControl& unit = units_[id];
  unit.current = unit.issued;
  unit.busy = true;
  unit.remaining = 1;
  const isa::Instruction& word = unit.issued;
  if (is_transfer(word)) {
    unit.remaining = 0;
    const MemorySpec& spec = transfer_shape(word).far_space == 0 ? chip_.hbm : chip_.cmem;
    dmas_[static_cast<std::size_t>(id - isa::dma_unit(0))].start(word, spec.burst_bytes);
    unit.ends.enter(word.signal);
  } else if (const auto* push = word.as<isa::Push>()) {
    PushReader& reader = matrices_[static_cast<std::size_t>(id - isa::push_unit(0)) / 2].push;
    reader.start(*push);
    unit.remaining = reader.cycles(*push);
  } else if (const auto* matmul = word.as<isa::Matmul>()) {
    matrices_[static_cast<std::size_t>(id - isa::matrix_unit(0)) / 2].feeder.start(*matmul);
    unit.remaining = Feeder::cycles(*matmul);
    unit.ends.enter(word.signal);
  }
}

void RegisterCore::clock_unit(isa::UnitId id) {
  UnitControl& unit = units_[id];
  if (unit.busy) {
    moved_ = true;
    if (const auto* pad = unit.current.as<isa::Pad>()) matrices_[static_cast<std::size_t>(id - isa::matrix_unit(0)) / 2].feeder.set_pad(*pad);
    if (unit.finishing) unit.busy = false;
    else if (unit.remaining > 1) --unit.remaining;
  }
  if (unit.issuing) start_unit(id);
  moved_ = moved_ || unit.issuing;
}

void RegisterCore::clock(std::int64_t now, FarMemoryModel& hbm, FarMemoryModel& cmem) {
  moved_ = dispatching_ || std::any_of(units_.begin(), units_.end(), [](const UnitControl& unit) { return !unit.ends.empty(); });
  end_instructions(now, hbm, cmem);
  for (Matrix& matrix : matrices_) matrix.array.clock(std::move(matrix.wires));
  for (isa::UnitId id = 1; id < isa::kUnits; ++id) clock_unit(id);
  if (dispatching_) {
    units_[dispatched_.unit].queue.push_back(dispatched_);
    for (int a = 0; a < static_cast<int>(matrices_.size()); ++a) {
      Matrix& matrix = matrices_[static_cast<std::size_t>(a)];
      if (dispatched_.unit == isa::matrix_unit(a) && dispatched_.as<isa::Matmul>()) ++matrix.matmuls_dispatched;
      if (dispatched_.unit == isa::push_unit(a) && dispatched_.as<isa::Push>()) matrix.matmuls_before.push_back(matrix.matmuls_dispatched);
    }
  }
  for (int from = 1; from < isa::kUnits; ++from) {
    const Gives& gives = units_[static_cast<std::size_t>(from)].gives;
    sequencer_.tokens.give(from, gives[isa::kScalar]);
    for (std::size_t to = 1; to < isa::kUnits; ++to) units_[to].tokens.give(from, gives[to]);
    moved_ = moved_ || std::any_of(gives.begin(), gives.end(), [](std::uint32_t n) { return n != 0; });
  }
}

}  // namespace systole::machine
