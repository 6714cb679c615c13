// Appends instructions to a core's program and places the tokens: whatever an instruction reads or writes is named as
// an object, and the emitter makes it wait for the last conflicting access by another unit unless it already must have
// ended.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "isa/program.h"

namespace systole::compile {

// Something whose accesses must be ordered: a buffer in VMEM, a part of the accumulators, a storage in far memory.
// The numbers are positions in the unit's queue.
struct Object {
  std::array<std::int64_t, isa::kUnits> last_write, last_read;
  Object() {
    last_write.fill(-1);
    last_read.fill(-1);
  }
  // From now on conflicts with whatever `other` conflicted with (its bytes are used again).
  void inherit(const Object& other);
  void clear() { *this = Object(); }
};

class Emitter {
 public:
  explicit Emitter(isa::CoreCode& code) : code_(&code) {
    count_.fill(0);
    for (auto& unit : known_) unit.fill(-1);
  }
  void begin_kernel(std::uint16_t layer) {
    layer_ = layer;
    kernel_start_ = count_;
  }

  // What follows belongs to this layer, though another kernel's code is being made.
  void set_layer(std::uint16_t layer) { layer_ = layer; }

  // `disjoint`: written too, but in parts that do not overlap what the same unit wrote in this kernel.
  void emit(isa::UnitId unit, isa::Body body, const std::vector<Object*>& reads = {},
            const std::vector<Object*>& writes = {}, Object* disjoint = nullptr);
  // The sequencer waits until everything in `objects` has ended; then the cores meet.
  void barrier(const std::vector<Object*>& objects);

 private:
  using Clock = std::array<std::int64_t, isa::kUnits>;  // per unit: the last position known to have ended
  void need(isa::UnitId waiter, int unit, std::int64_t position, std::uint16_t& wait, Clock& clock);

  isa::CoreCode* code_;
  std::uint16_t layer_ = 0;
  Clock kernel_start_{};
  Clock count_{};                                           // instructions per unit so far
  std::array<Clock, isa::kUnits> known_{};                  // per unit: what its next instruction knows
  std::array<std::vector<Clock>, isa::kUnits> at_issue_;    // per instruction: what it knew
  std::array<std::vector<std::size_t>, isa::kUnits> word_;  // per instruction: its index in the code
};

}  // namespace systole::compile
