// Far memory and the DMA engines of the register engine, clock by clock (docs/machine.md section 3).
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "chip/chip.h"
#include "isa/instruction.h"
#include "machine/register_accumulators.h"

namespace systole::machine {

// One far memory: its bytes and the memory rule.
class FarMemoryModel {
 public:
  explicit FarMemoryModel(const MemorySpec& spec) : spec_(spec) {}
  // One cycle: gives bursts to pending requesters in turn. `pending(who)`, `serve(who)`.
  template <typename Pending, typename Serve>
  void cycle(int requesters, const Pending& pending, const Serve& serve) {
    const auto next = [&] {
      int who = last_;
      for (int k = 0; k < requesters; ++k) {
        who = who + 1 < requesters ? who + 1 : 0;
        if (pending(who)) return who;
      }
      return -1;
    };
    int who = next();
    if (who >= 0) credit_ += spec_.bandwidth.bytes;
    const std::int64_t cost = spec_.burst_bytes * spec_.bandwidth.cycles;
    for (; who >= 0 && credit_ >= cost; who = next()) {
      serve(who);
      credit_ -= cost;
      last_ = who;
    }
    if (who < 0) credit_ = 0;
  }

  void resize(std::int64_t bytes) { bytes_.resize(static_cast<std::size_t>(bytes)); }
  std::vector<std::uint8_t>& bytes() { return bytes_; }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }
  const MemorySpec& spec() const { return spec_; }
  std::int64_t credit() const { return credit_; }
  int last_served() const { return last_; }      // requester; -1: none yet

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

// What an engine sees of its core.
struct LocalMemory {
  std::vector<std::uint8_t>* vmem = nullptr;
  const Accumulators* accumulators[isa::kMaxArrays] = {};
};

class DmaEngine {
 public:
  // A burst that has been served: its bytes arrive at the end of cycle `due`.
  struct Answer {
    std::int64_t due = 0, space = 0, address = 0;   // address: where the bytes go, far memory (store) or VMEM
    bool is_store = false, last = false;
    std::vector<std::uint8_t> bytes;
  };

  void start(const isa::Instruction& instruction, std::int64_t burst_bytes);
  bool pending(int space) const { return active_ && shape_.far_space == space; }
  // One burst is served in cycle `now`: its bytes move to the answer that comes `latency` cycles later.
  void serve(std::int64_t now, FarMemoryModel& memory, const LocalMemory& local, std::int64_t latency);
  // The answers of cycle `now`: writes them, and returns how many transfers ended with them.
  int answer(std::int64_t now, FarMemoryModel& hbm, FarMemoryModel& cmem, const LocalMemory& local);
  bool last_served() const { return last_served_; }      // in this cycle
  void begin_cycle() { last_served_ = false; }

  bool active() const { return active_; }                // bursts are still to be asked for
  const TransferShape& shape() const { return shape_; }
  std::int64_t plane() const { return plane_; }
  std::int64_t row() const { return row_; }
  std::int64_t offset() const { return offset_; }
  const std::deque<Answer>& answers() const { return answers_; }   // oldest first

 private:
  std::int64_t far_row(const LocalMemory& local) const;
  void read_local(const LocalMemory& local, std::vector<std::uint8_t>& to) const;

  TransferShape shape_;
  bool active_ = false, last_served_ = false;
  std::int64_t burst_bytes_ = 64, plane_ = 0, row_ = 0, offset_ = 0;
  std::deque<Answer> answers_;
  std::vector<std::vector<std::uint8_t>> spare_;         // buffers of answers that have come
};

}  // namespace systole::machine
