// The vector unit of the register engine, one micro-operation slot a cycle (docs/machine.md section 5).
//
// In each cycle of a run the unit stands at one slot: a group of elements, a phase, a tap (or a chunk of taps), an operation. A slot
// acts in its last cycle: a strided load or store stands for strided_cycles.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "chip/chip.h"
#include "isa/program.h"
#include "machine/register_array.h"
#include "numeric/microcode.h"

namespace systole::machine {

// What a run can read and write.
struct VectorMemory {
  std::vector<std::uint8_t>* vmem = nullptr;
  std::array<Accumulators*, isa::kMaxArrays> accumulators{};
};

enum class VectorPhase : std::uint8_t {
  kPrologue, kBody,
  kCombine,     // reductions: the lanes' results join their partials
  kTree,        // reductions: one level of the tree over the partials
  kEpilogue,
  kNothing,     // the one cycle of a run without operations
};

// Where a run stands.
struct VectorSlot {
  std::int64_t group = 0;
  VectorPhase phase = VectorPhase::kNothing;
  std::int64_t tap = 0;         // body, mode 0: the tap; reductions: the chunk of `lanes` taps
  std::int64_t op = 0;          // number within the phase; tree: level
  std::int64_t left = 1;        // cycles of the slot, this one included
  bool operator==(const VectorSlot&) const = default;
};

class VectorUnit {
 public:
  VectorUnit(const Chip& chip, std::span<const MicroOp> microcode);

  void set_bind(const isa::Bind& bind) { binds_[static_cast<std::size_t>(bind.slot) % isa::kVectorSlots] = bind; }
  void set_window(const isa::Window& window) { window_ = window; }
  void start(const isa::Run& run);
  // One cycle of the run that was started; then the next slot stands.
  void cycle(const VectorMemory& memory);
  bool running() const { return running_; }
  bool last_cycle() const { return running_ && last_; }   // the cycle that stands is the run's last

  const VectorSlot& slot() const { return slot_; }
  const isa::Run& run() const { return run_; }
  const isa::Bind& bind(int slot) const { return binds_[static_cast<std::size_t>(slot)]; }
  const isa::Window& window() const { return window_; }
  // The operation of the slot that stands, or null (combine, tree, nothing).
  const MicroOp* operation() const { return operation(slot_); }
  // Registers of a group's elements: mode 0 has lanes x sublanes of them, a reduction `sublanes`.
  std::int64_t width() const { return width_; }
  std::uint32_t reg(int r, std::int64_t lane) const { return registers_[static_cast<std::size_t>(r * width_ + lane)]; }
  // Reductions: registers and partial of lane l of element e.
  std::uint32_t body_reg(int r, std::int64_t e, std::int64_t l) const {
    return body_[static_cast<std::size_t>(r * width_ * lanes_ + e * lanes_ + l)];
  }
  std::uint32_t partial(std::int64_t e, std::int64_t l) const { return partial_[static_cast<std::size_t>(e * lanes_ + l)]; }
  // Index of an element in dimension 0 .. 4.
  std::int64_t position(int dimension, std::int64_t lane) const {
    return position_[static_cast<std::size_t>(dimension)][static_cast<std::size_t>(lane)];
  }

 private:
  struct Lanes { std::int64_t first_tap = 0, per_element = 1, active = 1; };   // `active` of `per_element` lanes each
  bool reducing() const { return run_.mode != 0; }
  std::span<const MicroOp> part(std::int64_t first, std::int64_t count) const;
  std::span<const MicroOp> operations(VectorPhase phase) const;
  const MicroOp* operation(const VectorSlot& slot) const;
  std::int64_t slot_cycles(const VectorSlot& slot) const;
  bool advance(VectorSlot& slot) const;
  bool next_place(VectorSlot& slot) const;
  bool exists(const VectorSlot& slot) const;
  std::int64_t fastest_stride(const isa::Bind& bind) const;

  void open_group();
  void open_chunk();
  void execute(const VectorMemory& memory);
  void operate(const MicroOp& op, const Lanes& lanes, std::uint32_t* registers, const VectorMemory& memory);
  void load(const MicroOp& op, const Lanes& lanes, std::uint32_t* to, const VectorMemory& memory);
  void store(const MicroOp& op, const Lanes& lanes, const std::uint32_t* from, const VectorMemory& memory);
  void make_addresses(const isa::Bind& bind, const Lanes& lanes);
  void apply_window(const Lanes& lanes, std::uint32_t* to) const;
  void combine();
  void tree(std::int64_t level);
  void join(std::uint32_t* partial, const std::uint32_t* values, std::int64_t count);

  std::int64_t lanes_, sublanes_, strided_cycles_;
  std::span<const MicroOp> microcode_;
  std::array<isa::Bind, isa::kVectorSlots> binds_;
  isa::Window window_;

  isa::Run run_;
  bool running_ = false, last_ = false;
  VectorSlot slot_, next_;
  std::int64_t elements_ = 1, taps_ = 1, width_ = 1, groups_ = 1, chunks_ = 1, levels_ = 0;
  std::int64_t open_group_ = -1, open_chunk_ = -1, in_group_ = 0;
  std::array<std::int64_t, isa::kVectorDims> counts_{}, first_{};        // counts; position of the group's first element
  std::array<std::vector<std::int64_t>, isa::kVectorDims> position_;    // of each lane's element
  std::vector<std::uint32_t> registers_, body_, partial_;
  std::vector<std::int64_t> addresses_;                                 // bytes, of the load or store at hand
  std::vector<std::uint64_t> raw_;
  std::vector<std::uint32_t> words_, scratch_;
};

}  // namespace systole::machine
