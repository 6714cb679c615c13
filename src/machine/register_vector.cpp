// The sequencing of a run: slots, groups, chunks of taps, the tree. Loads and stores: register_vector_memory.cpp.
#include "machine/register_vector.h"

#include <algorithm>
#include <cstring>

namespace systole::machine {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

MicroOpcode combining(std::int64_t mode) {
  const bool integer = (mode & 8) != 0;
  switch (mode & 7) {
    case 1: return integer ? MicroOpcode::kIAdd : MicroOpcode::kFAdd;
    case 2: return integer ? MicroOpcode::kIMul : MicroOpcode::kFMul;
    case 3: return integer ? MicroOpcode::kIMax : MicroOpcode::kFMax;
    case 4: return integer ? MicroOpcode::kIMin : MicroOpcode::kFMin;
    case 5: return MicroOpcode::kAnd;
    default: return MicroOpcode::kOr;
  }
}

}  // namespace

VectorUnit::VectorUnit(const Chip& chip, std::span<const MicroOp> microcode)
    : lanes_(std::max<std::int64_t>(chip.vpu.lanes, 1)), sublanes_(std::max<std::int64_t>(chip.vpu.sublanes, 1)),
      strided_cycles_(chip.vpu.strided_cycles), microcode_(microcode) {}

// ---- the order of slots

std::span<const MicroOp> VectorUnit::part(std::int64_t first, std::int64_t count) const {
  const auto size = static_cast<std::int64_t>(microcode_.size());
  first = std::min(first, size);
  return microcode_.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(std::min(count, size - first)));
}

std::span<const MicroOp> VectorUnit::operations(VectorPhase phase) const {
  switch (phase) {
    case VectorPhase::kPrologue: return part(run_.program, run_.prologue);
    case VectorPhase::kBody: return part(run_.program + run_.prologue, run_.body);
    case VectorPhase::kEpilogue: return part(run_.program + run_.prologue + run_.body, run_.epilogue);
    default: return {};
  }
}

const MicroOp* VectorUnit::operation(const VectorSlot& slot) const {
  const auto ops = operations(slot.phase);
  return slot.op < static_cast<std::int64_t>(ops.size()) ? &ops[static_cast<std::size_t>(slot.op)] : nullptr;
}

std::int64_t VectorUnit::fastest_stride(const isa::Bind& bind) const {
  if (reducing()) return run_.w1 > 1 ? bind.w1 : run_.w0 > 1 ? bind.w0 : 0;
  const std::int64_t strides[] = {bind.s0, bind.s1, bind.s2, bind.s3, bind.s4};
  for (std::size_t i = isa::kVectorDims; i-- > 0;) {
    if (counts_[i] > 1) return strides[i];
  }
  return 0;
}

std::int64_t VectorUnit::slot_cycles(const VectorSlot& slot) const {
  const MicroOp* op = operation(slot);
  if (op == nullptr || (op->op != MicroOpcode::kLoad && op->op != MicroOpcode::kStore)) return 1;
  const std::int64_t stride = fastest_stride(binds_[op->slot % isa::kVectorSlots]);
  return stride == 0 || stride == 1 ? 1 : strided_cycles_;
}

bool VectorUnit::exists(const VectorSlot& slot) const {
  if (slot.phase == VectorPhase::kCombine) return true;
  if (slot.phase == VectorPhase::kTree) return slot.op < levels_;
  return operation(slot) != nullptr;
}

// The next place of the schedule, whether or not there is an operation; false behind the last.
bool VectorUnit::next_place(VectorSlot& slot) const {
  const auto go = [&](VectorPhase phase, std::int64_t tap) {
    slot.phase = phase;
    slot.tap = tap;
    slot.op = 0;
    return true;
  };
  switch (slot.phase) {
    case VectorPhase::kPrologue: return go(VectorPhase::kBody, 0);
    case VectorPhase::kBody:
      if (reducing()) return go(VectorPhase::kCombine, slot.tap);
      return slot.tap + 1 < taps_ && run_.body > 0 ? go(VectorPhase::kBody, slot.tap + 1) : go(VectorPhase::kEpilogue, 0);
    case VectorPhase::kCombine: return slot.tap + 1 < chunks_ ? go(VectorPhase::kBody, slot.tap + 1) : go(VectorPhase::kTree, 0);
    case VectorPhase::kTree: return go(VectorPhase::kEpilogue, 0);
    default:
      if (slot.group + 1 >= groups_) return false;
      ++slot.group;
      return go(VectorPhase::kPrologue, 0);
  }
}

bool VectorUnit::advance(VectorSlot& slot) const {
  if (slot.left > 1) {
    --slot.left;
    return true;
  }
  if (slot.phase == VectorPhase::kNothing) return false;
  ++slot.op;
  while (!exists(slot) || (slot.phase == VectorPhase::kCombine && slot.op > 0)) {
    if (!next_place(slot)) return false;
  }
  slot.left = slot_cycles(slot);
  return true;
}

void VectorUnit::start(const isa::Run& run) {
  run_ = run;
  counts_ = {run.d0, run.d1, run.d2, run.d3, run.d4};
  elements_ = run.d0 * run.d1 * run.d2 * run.d3 * run.d4;
  taps_ = run.w0 * run.w1;
  width_ = reducing() ? sublanes_ : lanes_ * sublanes_;
  groups_ = ceil_div(elements_, width_);
  chunks_ = reducing() ? ceil_div(taps_, lanes_) : 1;
  levels_ = 0;
  for (std::int64_t m = std::min(taps_, lanes_); reducing() && m > 1; m = (m + 1) / 2) ++levels_;
  registers_.assign(static_cast<std::size_t>(kRegisters * width_), 0);
  if (reducing()) {
    body_.assign(static_cast<std::size_t>(kRegisters * width_ * lanes_), 0);
    partial_.assign(static_cast<std::size_t>(width_ * lanes_), 0);
  }
  for (auto& digits : position_) digits.assign(static_cast<std::size_t>(width_), 0);
  first_ = {};
  open_group_ = open_chunk_ = -1;
  running_ = true;
  const bool works = reducing() || !operations(VectorPhase::kPrologue).empty() || !operations(VectorPhase::kBody).empty() ||
                     !operations(VectorPhase::kEpilogue).empty();
  slot_ = VectorSlot{.phase = works ? VectorPhase::kPrologue : VectorPhase::kNothing};
  if (works) {
    while (!exists(slot_)) next_place(slot_);
    slot_.left = slot_cycles(slot_);
  }
  next_ = slot_;
  last_ = !advance(next_);
}

// ---- what a slot does

// Registers to zero, and the positions of the group's elements: each lane is the one before it plus one, with carry.
void VectorUnit::open_group() {
  open_group_ = slot_.group;
  open_chunk_ = -1;
  in_group_ = std::min(width_, elements_ - slot_.group * width_);
  std::fill(registers_.begin(), registers_.end(), 0u);
  for (std::size_t lane = 0; lane < static_cast<std::size_t>(in_group_); ++lane) {
    for (std::size_t i = 0; i < isa::kVectorDims; ++i) position_[i][lane] = first_[i];
    for (std::size_t i = isa::kVectorDims; i-- > 0;) {
      if (++first_[i] < counts_[i]) break;
      first_[i] = 0;
    }
  }
}

// The lanes of a chunk of taps start from their element's registers.
void VectorUnit::open_chunk() {
  open_chunk_ = slot_.tap;
  const auto lanes = static_cast<std::size_t>(lanes_);
  for (std::size_t i = 0; i < registers_.size(); ++i) std::fill_n(body_.begin() + static_cast<std::ptrdiff_t>(i * lanes), lanes, registers_[i]);
}

void VectorUnit::cycle(const VectorMemory& memory) {
  if (slot_.left == 1) execute(memory);
  running_ = !last_;
  slot_ = next_;
  if (running_) last_ = !advance(next_);
}

void VectorUnit::execute(const VectorMemory& memory) {
  if (slot_.phase == VectorPhase::kNothing) return;
  if (open_group_ != slot_.group) open_group();
  const bool chunked = reducing() && (slot_.phase == VectorPhase::kBody || slot_.phase == VectorPhase::kCombine);
  if (chunked && open_chunk_ != slot_.tap) open_chunk();
  switch (slot_.phase) {
    case VectorPhase::kCombine: return combine();
    case VectorPhase::kTree: return tree(slot_.op);
    default: break;
  }
  const MicroOp& op = *operation(slot_);
  if (chunked) {
    const std::int64_t first = slot_.tap * lanes_;
    return operate(op, {first, lanes_, std::min(lanes_, taps_ - first)}, body_.data(), memory);
  }
  operate(op, {slot_.phase == VectorPhase::kBody ? slot_.tap : 0, 1, 1}, registers_.data(), memory);
}

void VectorUnit::operate(const MicroOp& op, const Lanes& lanes, std::uint32_t* registers, const VectorMemory& memory) {
  const std::int64_t width = width_ * lanes.per_element;
  if (op.op == MicroOpcode::kLoad) return load(op, lanes, registers + op.d % kRegisters * width, memory);
  if (op.op == MicroOpcode::kStore) return store(op, lanes, registers + op.a % kRegisters * width, memory);
  step_lanes(op, registers, width);
}

void VectorUnit::join(std::uint32_t* partial, const std::uint32_t* values, std::int64_t count) {
  if (count <= 0) return;
  scratch_.resize(static_cast<std::size_t>(2 * count));
  std::memcpy(scratch_.data(), partial, static_cast<std::size_t>(count * 4));
  std::memcpy(scratch_.data() + count, values, static_cast<std::size_t>(count * 4));
  MicroOp op;
  op.op = combining(run_.mode);
  op.b = 1;
  step_lanes(op, scratch_.data(), count);
  std::memcpy(partial, scratch_.data(), static_cast<std::size_t>(count * 4));
}

// A partial starts with its first tap's value.
void VectorUnit::combine() {
  const std::int64_t active = std::min(lanes_, taps_ - slot_.tap * lanes_);
  for (std::int64_t e = 0; e < in_group_; ++e) {
    std::uint32_t* const partial = partial_.data() + e * lanes_;
    const std::uint32_t* const values = body_.data() + (run_.result * width_ + e) * lanes_;
    if (slot_.tap == 0) std::copy_n(values, active, partial);
    else join(partial, values, active);
  }
  if (levels_ == 0 && slot_.tap + 1 == chunks_) tree(-1);
}

// m partials become ceil(m / 2): the upper ones join the lower ones. After the last level the result stands in its register.
void VectorUnit::tree(std::int64_t level) {
  std::int64_t m = std::min(taps_, lanes_);
  for (std::int64_t i = 0; i < level; ++i) m = (m + 1) / 2;
  const std::int64_t half = (m + 1) / 2;
  for (std::int64_t e = 0; e < in_group_; ++e) {
    std::uint32_t* const partial = partial_.data() + e * lanes_;
    join(partial, partial + half, m - half);
    if (level + 1 >= levels_) registers_[static_cast<std::size_t>(run_.result * width_ + e)] = partial[0];
  }
}

}  // namespace systole::machine
