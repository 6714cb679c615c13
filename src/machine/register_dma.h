// Far memory and the DMA engines of the register engine, clock by clock (docs/machine.md section 3).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "chip/chip.h"
#include "isa/instruction.h"

namespace systole::machine {

// One far memory: its bytes and the memory rule. `pending` and `serve` are asked with requester numbers.
class FarMemoryModel {
 public:
  explicit FarMemoryModel(const MemorySpec& spec) : spec_(spec) {}
  // One cycle: gives bursts to pending requesters in turn.
  void cycle(int requesters, const std::function<bool(int)>& pending, const std::function<void(int)>& serve);

  void resize(std::int64_t bytes) { bytes_.resize(static_cast<std::size_t>(bytes)); }
  std::vector<std::uint8_t>& bytes() { return bytes_; }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }
  std::uint8_t read(std::int64_t address) const;        // 0 outside
  void write(std::int64_t address, std::uint8_t byte);  // nothing outside
  const MemorySpec& spec() const { return spec_; }

 private:
  MemorySpec spec_;
  std::vector<std::uint8_t> bytes_;
  std::int64_t credit_ = 0;
  int last_ = -1;
};

// A transfer as loops over planes, rows and bursts; load, store and gather alike.
struct TransferShape {
  bool is_store = false, from_accumulators = false, is_gather = false;
  std::int64_t far_space = 0, far = 0, local = 0, bytes = 0, rows = 1, planes = 1, pitch = 0, plane_pitch = 0, array = 0;
  std::int64_t index = 0, limit = 1;
};
TransferShape transfer_shape(const isa::Instruction& instruction);
bool is_transfer(const isa::Instruction& instruction);

// What an engine sees of its core. An accumulator word is asked by array, row and column.
struct LocalMemory {
  std::vector<std::uint8_t>* vmem;
  std::function<std::uint32_t(std::int64_t, std::int64_t, std::int64_t)> accumulator;
};

class DmaEngine {
 public:
  void start(const isa::Instruction& instruction, std::int64_t burst_bytes);
  bool pending(int space) const { return active_ && shape_.far_space == space; }
  // One burst is served in cycle `now`: its bytes move to the answer that comes `latency` cycles later.
  void serve(std::int64_t now, FarMemoryModel& memory, const LocalMemory& local, std::int64_t latency);
  // The answers of cycle `now`: writes them, and returns how many transfers ended with them.
  int answer(std::int64_t now, FarMemoryModel& hbm, FarMemoryModel& cmem, const LocalMemory& local);
  bool last_served() const { return last_served_; }      // in this cycle
  void begin_cycle() { last_served_ = false; }
  std::int64_t answers_open() const { return static_cast<std::int64_t>(answers_.size()); }

 private:
  struct Answer {
    std::int64_t due = 0, space = 0, address = 0;
    bool is_store = false, last = false;
    std::vector<std::uint8_t> bytes;
  };
  std::int64_t far_row(const LocalMemory& local) const;
  std::uint8_t local_byte(const LocalMemory& local, std::int64_t byte) const;

  TransferShape shape_;
  bool active_ = false, last_served_ = false;
  std::int64_t burst_bytes_ = 64, plane_ = 0, row_ = 0, offset_ = 0;
  std::deque<Answer> answers_;
};

}  // namespace systole::machine
