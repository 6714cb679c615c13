#include "machine/register_dma.h"

#include <algorithm>
#include <cstring>

namespace systole::machine {

void FarMemoryModel::cycle(int requesters, const std::function<bool(int)>& pending, const std::function<void(int)>& serve) {
  const auto next = [&] {
    for (int k = 1; k <= requesters; ++k) {
      if (pending((last_ + k) % requesters)) return (last_ + k) % requesters;
    }
    return -1;
  };
  const std::int64_t cost = spec_.burst_bytes * spec_.bandwidth.cycles;
  if (next() >= 0) credit_ += spec_.bandwidth.bytes;
  for (int who = next(); who >= 0 && credit_ >= cost; who = next()) {
    serve(who);
    credit_ -= cost;
    last_ = who;
  }
  if (next() < 0) credit_ = 0;
}

std::uint8_t FarMemoryModel::read(std::int64_t address) const {
  return address >= 0 && address < static_cast<std::int64_t>(bytes_.size()) ? bytes_[static_cast<std::size_t>(address)] : std::uint8_t{0};
}

void FarMemoryModel::write(std::int64_t address, std::uint8_t byte) {
  if (address >= 0 && address < static_cast<std::int64_t>(bytes_.size())) bytes_[static_cast<std::size_t>(address)] = byte;
}

bool is_transfer(const isa::Instruction& instruction) {
  return instruction.as<isa::Load>() || instruction.as<isa::Store>() || instruction.as<isa::Gather>();
}

TransferShape transfer_shape(const isa::Instruction& instruction) {
  TransferShape s;
  const auto box = [&](const auto& i) {
    s.far_space = i.far_space, s.far = i.far, s.local = i.local, s.bytes = i.bytes;
    s.rows = i.rows, s.planes = i.planes, s.pitch = i.pitch, s.plane_pitch = i.plane_pitch;
  };
  if (const auto* load = instruction.as<isa::Load>()) box(*load);
  if (const auto* store = instruction.as<isa::Store>()) {
    box(*store);
    s.is_store = true;
    s.from_accumulators = store->local_space == static_cast<std::int64_t>(isa::Space::kAccumulator);
    s.array = store->array;
  }
  if (const auto* gather = instruction.as<isa::Gather>()) {
    s.is_gather = true;
    s.far_space = gather->far_space, s.far = gather->far, s.local = gather->local, s.bytes = gather->bytes;
    s.rows = gather->count, s.pitch = gather->pitch, s.index = gather->index, s.limit = gather->limit;
  }
  return s;
}

void DmaEngine::start(const isa::Instruction& instruction, std::int64_t burst_bytes) {
  shape_ = transfer_shape(instruction);
  burst_bytes_ = burst_bytes;
  plane_ = row_ = offset_ = 0;
  active_ = true;
}

std::int64_t DmaEngine::far_row(const LocalMemory& local) const {
  std::int64_t row = row_;
  if (shape_.is_gather) {
    std::int32_t index = 0;
    const std::int64_t address = shape_.index + row_ * 4;
    if (address + 4 <= static_cast<std::int64_t>(local.vmem->size())) std::memcpy(&index, local.vmem->data() + address, 4);
    row = std::clamp<std::int64_t>(index, 0, shape_.limit - 1);
  }
  return shape_.far + plane_ * shape_.plane_pitch + row * shape_.pitch;
}

std::uint8_t DmaEngine::local_byte(const LocalMemory& local, std::int64_t byte) const {
  const std::int64_t dense = plane_ * shape_.rows + row_;
  if (shape_.from_accumulators) {
    const std::uint32_t word = local.accumulator(shape_.array, shape_.local + dense, byte / 4);
    return static_cast<std::uint8_t>(word >> (8 * (byte % 4)));
  }
  const std::int64_t address = shape_.local + dense * shape_.bytes + byte;
  return address < static_cast<std::int64_t>(local.vmem->size()) ? (*local.vmem)[static_cast<std::size_t>(address)] : std::uint8_t{0};
}

void DmaEngine::serve(std::int64_t now, FarMemoryModel& memory, const LocalMemory& local, std::int64_t latency) {
  const std::int64_t count = std::min(burst_bytes_, shape_.bytes - offset_);
  const std::int64_t far = far_row(local) + offset_;
  Answer answer;
  answer.due = std::max(now + latency, answers_.empty() ? 0 : answers_.back().due);
  answer.space = shape_.far_space;
  answer.is_store = shape_.is_store;
  answer.address = shape_.is_store ? far : shape_.local + (plane_ * shape_.rows + row_) * shape_.bytes + offset_;
  for (std::int64_t i = 0; i < count; ++i) {
    answer.bytes.push_back(shape_.is_store ? local_byte(local, offset_ + i) : memory.read(far + i));
  }
  offset_ += count;
  if (offset_ == shape_.bytes) {
    offset_ = 0;
    if (++row_ == shape_.rows) {
      row_ = 0;
      answer.last = ++plane_ == shape_.planes;
    }
  }
  if (answer.last) {
    active_ = false;
    last_served_ = true;
  }
  answers_.push_back(std::move(answer));
}

int DmaEngine::answer(std::int64_t now, FarMemoryModel& hbm, FarMemoryModel& cmem, const LocalMemory& local) {
  int ended = 0;
  while (!answers_.empty() && answers_.front().due <= now) {
    const Answer& answer = answers_.front();
    FarMemoryModel& memory = answer.space == 0 ? hbm : cmem;
    for (std::size_t i = 0; i < answer.bytes.size(); ++i) {
      const std::int64_t address = answer.address + static_cast<std::int64_t>(i);
      if (answer.is_store) memory.write(address, answer.bytes[i]);
      else if (address < static_cast<std::int64_t>(local.vmem->size())) (*local.vmem)[static_cast<std::size_t>(address)] = answer.bytes[i];
    }
    ended += answer.last ? 1 : 0;
    answers_.pop_front();
  }
  return ended;
}

}  // namespace systole::machine
