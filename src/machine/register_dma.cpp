#include "machine/register_dma.h"

#include <algorithm>
#include <cstring>

#include "machine/register_memory.h"

namespace systole::machine {

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
    std::uint8_t bytes[4];
    read_bytes(*local.vmem, shape_.index + row_ * 4, bytes);
    std::memcpy(&index, bytes, 4);
    row = std::clamp<std::int64_t>(index, 0, shape_.limit - 1);
  }
  return shape_.far + plane_ * shape_.plane_pitch + row * shape_.pitch;
}

void DmaEngine::read_local(const LocalMemory& local, std::vector<std::uint8_t>& to) const {
  const std::int64_t dense = plane_ * shape_.rows + row_;
  if (!shape_.from_accumulators) return read_bytes(*local.vmem, shape_.local + dense * shape_.bytes + offset_, to);
  const Accumulators& words = *local.accumulators[shape_.array];
  for (std::size_t i = 0; i < to.size(); ++i) {
    const std::int64_t byte = offset_ + static_cast<std::int64_t>(i);
    to[i] = static_cast<std::uint8_t>(words.word(shape_.local + dense, byte / 4) >> (8 * (byte % 4)));
  }
}

void DmaEngine::serve(std::int64_t now, FarMemoryModel& memory, const LocalMemory& local, std::int64_t latency) {
  const std::int64_t count = std::min(burst_bytes_, shape_.bytes - offset_);
  const std::int64_t far = far_row(local) + offset_;
  Answer answer;
  if (!spare_.empty()) {
    answer.bytes = std::move(spare_.back());
    spare_.pop_back();
  }
  answer.due = std::max(now + latency, answers_.empty() ? now + latency : answers_.back().due);
  answer.space = shape_.far_space;
  answer.is_store = shape_.is_store;
  answer.address = shape_.is_store ? far : shape_.local + (plane_ * shape_.rows + row_) * shape_.bytes + offset_;
  answer.bytes.resize(static_cast<std::size_t>(count));
  if (shape_.is_store) read_local(local, answer.bytes);
  else read_bytes(memory.bytes(), far, answer.bytes);
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
    Answer& answer = answers_.front();
    FarMemoryModel& memory = answer.space == 0 ? hbm : cmem;
    write_bytes(answer.is_store ? memory.bytes() : *local.vmem, answer.address, answer.bytes);
    ended += answer.last ? 1 : 0;
    spare_.push_back(std::move(answer.bytes));
    answers_.pop_front();
  }
  return ended;
}

}  // namespace systole::machine
