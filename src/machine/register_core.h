// One core of the register engine: its units wired together. One cycle is begin, the memories' turn, evaluate, clock.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "chip/chip.h"
#include "machine/register_control.h"
#include "machine/register_dma.h"
#include "machine/register_matrix.h"
#include "machine/register_sequencer.h"

namespace systole::machine {

class RegisterCore {
 public:
  RegisterCore(const isa::CoreCode& code, const Chip& chip);

  void begin();
  // Is engine `dma` asking memory `space` for a burst in this cycle? It is served in cycle `now`.
  bool pending(int dma, int space) const;
  void serve(int dma, std::int64_t now, FarMemoryModel& memory);
  void evaluate(std::int64_t now, FarMemoryModel& hbm, FarMemoryModel& cmem);
  void clock(std::int64_t now, FarMemoryModel& hbm, FarMemoryModel& cmem);

  const Sequencer& sequencer() const { return sequencer_; }
  Sequencer& sequencer() { return sequencer_; }
  const UnitControl& unit(isa::UnitId id) const { return units_[id]; }
  const SystolicArray& array(int a) const { return matrices_[static_cast<std::size_t>(a)].array; }
  const std::vector<std::uint8_t>& vmem() const { return vmem_; }
  bool moved() const { return moved_; }     // something happened in the last cycle

 private:
  struct Matrix {                            // an array with its two units
    Matrix(const Chip& chip) : array(chip), push(chip), feeder(chip) {}
    SystolicArray array;
    PushReader push;
    Feeder feeder;
    SystolicArray::Inputs wires;
    std::int64_t waiting_tiles = 0;          // pushes issued less swaps issued
    std::int64_t loaded_tiles = 0;           // pushes done less swaps issued
    std::int64_t matmuls_dispatched = 0, matmuls_ended = 0;
    std::deque<std::int64_t> matmuls_before; // per queued push, without shadow weights
  };
  void issue_matrix(int a);
  void issue_dma(int d, std::int64_t now, FarMemoryModel& hbm, FarMemoryModel& cmem);
  void read_operands(int a);
  void end_instructions(std::int64_t now, FarMemoryModel& hbm, FarMemoryModel& cmem);
  void clock_unit(isa::UnitId id);
  void start_unit(isa::UnitId id);
  bool drained() const;
  LocalMemory local();

  Chip chip_;
  Sequencer sequencer_;
  std::array<UnitControl, isa::kUnits> units_;
  std::vector<Matrix> matrices_;
  std::vector<DmaEngine> dmas_;
  std::vector<std::uint8_t> vmem_;
  bool dispatching_ = false, moved_ = true;
  isa::Instruction dispatched_;
};

}  // namespace systole::machine
