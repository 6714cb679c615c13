// One core of the register engine: its units wired together (docs/machine.md section 1).
//
// With control_cycles 1, a cycle is begin, the memories' turn, evaluate, work, clock: every stage of control sees registers as they
// stand when the cycle begins. With control_cycles 0, it is begin, settle until nothing moves any more, the memories' turn, work,
// clock: control is combinational.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "chip/chip.h"
#include "machine/register_control.h"
#include "machine/register_dma.h"
#include "machine/register_matrix.h"
#include "machine/register_sequencer.h"
#include "machine/register_vector.h"

namespace systole::machine {

// The far memories, shared by the cores.
struct FarModels {
  FarMemoryModel hbm, cmem;
  FarMemoryModel& of(std::int64_t space) { return space == 0 ? hbm : cmem; }
};

class RegisterCore {
 public:
  RegisterCore(const isa::CoreCode& code, std::span<const MicroOp> microcode, const Chip& chip);

  void begin();
  // Is engine `dma` asking memory `space` for a burst in this cycle? It is served in cycle `now`.
  bool pending(int dma, int space) const { return dmas_[static_cast<std::size_t>(dma)].pending(space); }
  void serve(int dma, std::int64_t now, FarMemoryModel& memory);
  void evaluate(std::int64_t now, FarModels& far);
  bool settle(std::int64_t now, FarModels& far);      // true: something moved
  void work(std::int64_t now);
  void clock(std::int64_t now, FarModels& far);

  const Sequencer& sequencer() const { return sequencer_; }
  Sequencer& sequencer() { return sequencer_; }
  const UnitControl& unit(isa::UnitId id) const { return units_[id]; }
  const VectorUnit& vector() const { return vector_; }
  const DmaEngine& dma(int number) const { return dmas_[static_cast<std::size_t>(number)]; }
  int arrays() const { return static_cast<int>(matrices_.size()); }
  const SystolicArray& array(int a) const { return matrices_[static_cast<std::size_t>(a)].array; }
  const PushReader& push(int a) const { return matrices_[static_cast<std::size_t>(a)].push; }
  const Feeder& feeder(int a) const { return matrices_[static_cast<std::size_t>(a)].feeder; }
  // Of the weight interlock: tiles pushed and not swapped in, all and those wholly in the shadow.
  std::int64_t waiting_tiles(int a) const { return matrices_[static_cast<std::size_t>(a)].waiting_tiles; }
  std::int64_t loaded_tiles(int a) const { return matrices_[static_cast<std::size_t>(a)].loaded_tiles; }
  const std::vector<std::uint8_t>& vmem() const { return vmem_; }
  bool moved() const { return moved_; }     // something happened in the last cycle
  bool mixed_formats() const { return mixed_formats_; }   // a matmul met weights of a format that it does not multiply

 private:
  struct Matrix {                            // an array with its two units
    Matrix(const Chip& chip, Operands operands) : array(chip, operands), push(chip), feeder(chip) {}
    SystolicArray array;
    PushReader push;
    Feeder feeder;
    SystolicArray::Inputs wires;
    std::int64_t waiting_tiles = 0;          // pushes issued less swaps issued
    std::int64_t loaded_tiles = 0;           // pushes done less swaps issued
    std::int64_t matmuls_dispatched = 0, matmuls_ended = 0;
    std::deque<std::int64_t> matmuls_before; // per queued push, without shadow weights
    bool ending = false;                     // a matmul's last sum is written in this cycle
    std::deque<Arithmetic> pushed;           // of the tiles that wait
    bool swapped = false;
    Arithmetic active = Arithmetic::kInteger;
  };
  void enqueue(const isa::Instruction& word);
  void count_ends(int a);
  bool issue_matrix(int a);
  bool issue_swap(Matrix& matrix, UnitControl& unit);
  bool issue_push(Matrix& matrix, UnitControl& unit);
  bool issue_dma(int d, std::int64_t now, FarModels& far);
  void free_transfer(int d, std::int64_t now, FarModels& far);
  void finish_and_end(std::int64_t now, FarModels& far);
  void end_vector(std::int64_t now);
  void clock_unit(isa::UnitId id);
  void start_unit(isa::UnitId id);
  void deliver(isa::UnitId from);
  Matrix& matrix_of(isa::UnitId id) { return matrices_[static_cast<std::size_t>(id - isa::push_unit(0)) / 2]; }
  LocalMemory local();
  VectorMemory vector_memory();

  Chip chip_;
  bool registered_;                          // control_cycles 1
  Sequencer sequencer_;
  Units units_;
  std::vector<isa::UnitId> present_;         // units that the core has
  VectorUnit vector_;
  std::deque<std::int64_t> vector_ends_;     // cycles in which runs leave the pipe
  std::deque<Matrix> matrices_;             // they stay where they are
  std::vector<DmaEngine> dmas_;
  std::vector<std::uint8_t> vmem_;
  bool dispatching_ = false, moved_ = true, mixed_formats_ = false;
  isa::Instruction dispatched_;
};

}  // namespace systole::machine
