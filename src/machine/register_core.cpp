#include "machine/register_core.h"

#include <algorithm>

namespace systole::machine {
namespace {

// The narrowest form that holds the operands of all products.
Operands operands_of(const isa::CoreCode& code) {
  bool shorts = true, bf16 = true;
  const auto add = [&](std::int64_t number) {
    const auto format = static_cast<DType>(number);
    shorts = shorts && !is_float(format) && dtype_bytes(format) <= 2 && format != DType::kU16;
    bf16 = bf16 && format == DType::kBF16;
  };
  for (const isa::Instruction& word : code.code) {
    if (const auto* push = word.as<isa::Push>()) add(push->format);
    if (const auto* matmul = word.as<isa::Matmul>()) add(matmul->format);
  }
  return bf16 ? Operands::kBf16 : shorts ? Operands::kShorts : Operands::kWords;
}

}  // namespace

RegisterCore::RegisterCore(const isa::CoreCode& code, std::span<const MicroOp> microcode, const Chip& chip)
    : chip_(chip), registered_(chip.timing.control_cycles != 0), sequencer_(code, chip.timing.queue_depth), vector_(chip, microcode),
      dmas_(static_cast<std::size_t>(chip.dma_engines)), vmem_(static_cast<std::size_t>(chip.vmem_bytes)) {
  present_.push_back(isa::kVector);
  for (int d = 0; d < static_cast<int>(chip.dma_engines); ++d) present_.push_back(isa::dma_unit(d));
  for (int a = 0; a < static_cast<int>(chip.mxu.count); ++a) {
    matrices_.emplace_back(chip, operands_of(code));
    present_.push_back(isa::push_unit(a));
    present_.push_back(isa::matrix_unit(a));
  }
}

LocalMemory RegisterCore::local() {
  LocalMemory memory;
  memory.vmem = &vmem_;
  for (std::size_t a = 0; a < matrices_.size(); ++a) memory.accumulators[a] = &matrices_[a].array.accumulators();
  return memory;
}

VectorMemory RegisterCore::vector_memory() {
  VectorMemory memory;
  memory.vmem = &vmem_;
  for (std::size_t a = 0; a < matrices_.size(); ++a) memory.accumulators[a] = &matrices_[a].array.accumulators();
  return memory;
}

void RegisterCore::begin() {
  for (const isa::UnitId id : present_) {
    UnitControl& unit = units_[id];
    if (unit.giving) unit.gives = {};
    unit.giving = unit.issuing = false;
    unit.finishing = registered_ && unit.busy && (unit.remaining == 1 || (id == isa::kVector && vector_.last_cycle()));
  }
  for (DmaEngine& dma : dmas_) dma.begin_cycle();
  for (Matrix& matrix : matrices_) matrix.wires.clear();
  dispatching_ = false;
  moved_ = false;
}

void RegisterCore::serve(int dma, std::int64_t now, FarMemoryModel& memory) {
  DmaEngine& engine = dmas_[static_cast<std::size_t>(dma)];
  engine.serve(now, memory, local(), memory.spec().latency_cycles);
  if (engine.last_served()) units_[isa::dma_unit(dma)].finishing = true;
}

// The sequencer sees queues as they stand at the cycle's beginning.
void RegisterCore::evaluate(std::int64_t now, FarModels& far) {
  dispatching_ = sequencer_.fetch(units_, dispatched_);
  for (int a = 0; a < arrays(); ++a) count_ends(a);
  if (units_[isa::kVector].head_ready()) units_[isa::kVector].issue();
  for (int a = 0; a < arrays(); ++a) issue_matrix(a);
  for (int d = 0; d < static_cast<int>(dmas_.size()); ++d) issue_dma(d, now, far);
}

bool RegisterCore::settle(std::int64_t now, FarModels& far) {
  bool moved = false;
  do {
    if (sequencer_.fetch(units_, dispatched_)) enqueue(dispatched_);
    moved = moved || sequencer_.advanced();
  } while (sequencer_.advanced());
  if (units_[isa::kVector].head_ready()) {
    units_[isa::kVector].issue();
    start_unit(isa::kVector);
    moved = true;
  }
  for (int a = 0; a < arrays(); ++a) moved = issue_matrix(a) || moved;
  for (int d = 0; d < static_cast<int>(dmas_.size()); ++d) moved = issue_dma(d, now, far) || moved;
  moved_ = moved_ || moved;
  return moved;
}

void RegisterCore::enqueue(const isa::Instruction& word) {
  units_[word.unit].queue.push_back(word);
  if (word.unit < isa::push_unit(0)) return;
  Matrix& matrix = matrix_of(word.unit);
  if (word.as<isa::Matmul>()) ++matrix.matmuls_dispatched;
  if (word.as<isa::Push>()) matrix.matmuls_before.push_back(matrix.matmuls_dispatched);
}

// A tile that is wholly in the shadow, a product that ends.
void RegisterCore::count_ends(int a) {
  Matrix& matrix = matrices_[static_cast<std::size_t>(a)];
  const UnitControl& push = units_[isa::push_unit(a)];
  const UnitControl& mxu = units_[isa::matrix_unit(a)];
  matrix.ending = matrix.array.ending(mxu.busy && mxu.finishing && mxu.current.as<isa::Matmul>() != nullptr);
  if (push.busy && push.finishing && push.current.as<isa::Push>()) ++matrix.loaded_tiles;
  if (matrix.ending) ++matrix.matmuls_ended;
}

// The swap is decided before the push: a push may start in the cycle in which the swap frees the shadow, and a swap in the
// cycle after the push's last.
bool RegisterCore::issue_matrix(int a) {
  Matrix& matrix = matrices_[static_cast<std::size_t>(a)];
  UnitControl& mxu = units_[isa::matrix_unit(a)];
  UnitControl& push = units_[isa::push_unit(a)];
  const bool swapped = mxu.head_ready() && issue_swap(matrix, mxu);
  if (swapped && !registered_) start_unit(isa::matrix_unit(a));
  const bool pushed = push.head_ready() && issue_push(matrix, push);
  if (pushed && !registered_) start_unit(isa::push_unit(a));
  return swapped || pushed;
}

bool RegisterCore::issue_swap(Matrix& matrix, UnitControl& unit) {
  const auto* matmul = unit.queue.front().as<isa::Matmul>();
  const bool swap = matmul != nullptr && matmul->swap != 0;
  if (swap && matrix.loaded_tiles == 0) return false;
  unit.issue();
  if (swap) {
    --matrix.loaded_tiles;
    --matrix.waiting_tiles;
    matrix.active = matrix.pushed.front();
    matrix.pushed.pop_front();
    matrix.swapped = true;
  }
  const auto* issued = unit.issued.as<isa::Matmul>();
  if (issued != nullptr && matrix.swapped && matrix.active != arithmetic_of(static_cast<DType>(issued->format))) mixed_formats_ = true;
  return true;
}

bool RegisterCore::issue_push(Matrix& matrix, UnitControl& unit) {
  const auto* push = unit.queue.front().as<isa::Push>();
  if (push != nullptr) {
    const bool free = chip_.mxu.weight_double_buffer ? matrix.waiting_tiles == 0 : matrix.matmuls_ended >= matrix.matmuls_before.front();
    if (!free) return false;
    matrix.pushed.push_back(arithmetic_of(static_cast<DType>(push->format)));
    ++matrix.waiting_tiles;
    matrix.matmuls_before.pop_front();
  }
  unit.issue();
  return true;
}

bool RegisterCore::issue_dma(int d, std::int64_t now, FarModels& far) {
  UnitControl& unit = units_[isa::dma_unit(d)];
  bool moved = false;
  while (unit.head_ready()) {
    unit.issue();
    moved = true;
    if (!is_transfer(unit.issued) || !far.of(transfer_shape(unit.issued).far_space).spec().bandwidth.free()) {
      if (!registered_) start_unit(isa::dma_unit(d));
      return true;
    }
    free_transfer(d, now, far);
    unit.issuing = false;
  }
  return moved;
}

// It takes no cycle: all its bursts at once, its end with its start; the unit may go on in the same cycle.
void RegisterCore::free_transfer(int d, std::int64_t now, FarModels& far) {
  UnitControl& unit = units_[isa::dma_unit(d)];
  DmaEngine& engine = dmas_[static_cast<std::size_t>(d)];
  FarMemoryModel& memory = far.of(transfer_shape(unit.issued).far_space);
  const std::int64_t due = registered_ ? now : now - 1;   // the cycle before its end
  unit.ends.enter(unit.issued.signal);
  engine.start(unit.issued, memory.spec().burst_bytes);
  while (engine.active()) engine.serve(due, memory, local(), 0);
  engine.begin_cycle();
  if (registered_) return;
  for (int n = engine.answer(due, far.hbm, far.cmem, local()); n > 0; --n) unit.end_oldest();
  deliver(isa::dma_unit(d));
}

// What the units do in this cycle: the wires into the arrays, the vector unit's slot.
void RegisterCore::work(std::int64_t now) {
  if (!registered_) {
    for (const isa::UnitId id : present_) {
      UnitControl& unit = units_[id];
      if (unit.busy) unit.finishing = unit.finishing || unit.remaining == 1 || (id == isa::kVector && vector_.last_cycle());
    }
  }
  for (int a = 0; a < arrays(); ++a) {
    Matrix& matrix = matrices_[static_cast<std::size_t>(a)];
    const UnitControl& push = units_[isa::push_unit(a)];
    const UnitControl& mxu = units_[isa::matrix_unit(a)];
    if (!registered_) count_ends(a);
    if (push.busy && push.current.as<isa::Push>()) matrix.push.cycle(vmem_, matrix.wires);
    if (mxu.busy && mxu.current.as<isa::Matmul>()) matrix.feeder.cycle(vmem_, mxu.finishing, matrix.wires);
  }
  if (!vector_.running()) return;
  if (vector_.last_cycle()) vector_ends_.push_back(now + chip_.timing.vector_latency);
  vector_.cycle(vector_memory());
}

void RegisterCore::end_vector(std::int64_t now) {
  while (!vector_ends_.empty() && vector_ends_.front() <= now) {
    units_[isa::kVector].end_oldest();
    vector_ends_.pop_front();
  }
}

// Instructions that end in this cycle give their tokens.
void RegisterCore::finish_and_end(std::int64_t now, FarModels& far) {
  for (int a = 0; a < arrays(); ++a) {
    if (matrices_[static_cast<std::size_t>(a)].ending) units_[isa::matrix_unit(a)].end_oldest();
  }
  for (int d = 0; d < static_cast<int>(dmas_.size()); ++d) {
    DmaEngine& engine = dmas_[static_cast<std::size_t>(d)];
    if (engine.answers().empty()) continue;
    for (int n = engine.answer(now, far.hbm, far.cmem, local()); n > 0; --n) units_[isa::dma_unit(d)].end_oldest();
  }
  end_vector(now);
  for (const isa::UnitId id : present_) {
    UnitControl& unit = units_[id];
    if (!unit.busy || !unit.finishing) continue;
    const bool has_tail = unit.current.as<isa::Matmul>() || unit.current.as<isa::Run>() || is_transfer(unit.current);
    if (!has_tail) unit.end_without_tail();
  }
}

void RegisterCore::start_unit(isa::UnitId id) {
  UnitControl& unit = units_[id];
  unit.current = unit.issued;
  unit.busy = true;
  unit.remaining = 1;
  const isa::Instruction& word = unit.current;
  if (is_transfer(word)) {
    unit.remaining = 0;
    const MemorySpec& spec = transfer_shape(word).far_space == 0 ? chip_.hbm : chip_.cmem;
    dmas_[static_cast<std::size_t>(id - isa::dma_unit(0))].start(word, spec.burst_bytes);
    unit.ends.enter(word.signal);
  } else if (const auto* push = word.as<isa::Push>()) {
    PushReader& reader = matrix_of(id).push;
    reader.start(*push);
    unit.remaining = reader.cycles(*push);
  } else if (const auto* matmul = word.as<isa::Matmul>()) {
    matrix_of(id).feeder.start(*matmul);
    unit.remaining = Feeder::cycles(*matmul);
    unit.ends.enter(word.signal);
  } else if (const auto* run = word.as<isa::Run>()) {
    unit.remaining = 0;
    vector_.start(*run);
    unit.ends.enter(word.signal);
  }
}

void RegisterCore::clock_unit(isa::UnitId id) {
  UnitControl& unit = units_[id];
  if (unit.busy) {
    moved_ = true;
    if (const auto* pad = unit.current.as<isa::Pad>()) matrix_of(id).feeder.set_pad(*pad);
    if (const auto* bind = unit.current.as<isa::Bind>()) vector_.set_bind(*bind);
    if (const auto* window = unit.current.as<isa::Window>()) vector_.set_window(*window);
    if (unit.finishing) unit.busy = false;
    else if (unit.remaining > 1) --unit.remaining;
  }
  if (!registered_ || !unit.issuing) return;
  start_unit(id);
  moved_ = true;
}

void RegisterCore::deliver(isa::UnitId from) {
  UnitControl& giver = units_[from];
  if (!giver.giving) return;
  sequencer_.tokens.give(from, giver.gives[isa::kScalar]);
  for (const isa::UnitId to : present_) units_[to].tokens.give(from, giver.gives[to]);
  giver.gives = {};
  giver.giving = false;
  moved_ = true;
}

void RegisterCore::clock(std::int64_t now, FarModels& far) {
  moved_ = moved_ || dispatching_ || sequencer_.advanced() ||
           std::any_of(present_.begin(), present_.end(), [&](isa::UnitId id) { return !units_[id].ends.empty(); });
  finish_and_end(now, far);
  for (Matrix& matrix : matrices_) matrix.array.clock(matrix.wires);
  for (const isa::UnitId id : present_) clock_unit(id);
  if (dispatching_) enqueue(dispatched_);
  for (const isa::UnitId id : present_) deliver(id);
}

}  // namespace systole::machine
