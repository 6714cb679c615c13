// One `run` of the vector unit, docs/machine.md section 5: blocks of elements (or taps) through step_lanes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "isa/program.h"
#include "machine/values_memory.h"
#include "numeric/microcode.h"

namespace systole::machine {

// An operand stream with its strides in bytes.
struct Stream {
  const char* memory_name = "VMEM";
  std::uint8_t* memory = nullptr;
  std::int64_t limit = 0, base = 0, size = 4;
  DType type = DType::kF32;
  bool as_float = true;                                  // the register's type
  std::array<std::int64_t, isa::kVectorDims> stride{};
  std::int64_t w0 = 0, w1 = 0;
  bool windowed = false, checked = false;                // checked: no load can miss the memory
  bool dense = false, constant = false;                  // over the elements: one after another; always the same one
};

struct RunShape {
  std::array<std::int64_t, isa::kVectorDims> d{};
  std::int64_t w0 = 1, w1 = 1;
  std::int64_t elements() const { return d[0] * d[1] * d[2] * d[3] * d[4]; }
  std::int64_t taps() const { return w0 * w1; }
};

class VectorRun {
 public:
  VectorRun(const isa::Run& run, std::span<const MicroOp> microcode, const isa::Window& window, std::int64_t lanes);
  Stream& stream(std::size_t slot) { return streams_[slot]; }
  std::uint32_t slots_used() const { return slots_used_; }
  Outcome check();        // that the streams' addresses lie in their memories
  Outcome execute();

 private:
  enum Phase { kPrologue, kBody, kEpilogue };
  // Where the lanes of a block stand in one stream, bytes from its base.
  struct Places {
    bool ready = false, contiguous = false, constant = false;   // in both cases only offset[0] counts
    std::vector<std::int64_t> offset;
  };
  struct Lanes {          // a block: elements first .. first + elements, each with taps tap .. tap + taps (element fastest)
    std::int64_t first = 0, elements = 0, tap = 0, taps = 1;
    std::int64_t width() const { return elements * taps; }
  };

  void map();
  void reduce();
  void reduce_block(std::int64_t first, std::int64_t elements);
  std::int64_t element_block(std::int64_t first, std::int64_t most) const;
  void begin(const Lanes& lanes);
  const Places& places(std::size_t slot);
  bool simple_places(const Stream& stream, Places& at) const;
  void window_places();
  void step(const MicroOp& op, std::uint32_t* registers, std::int64_t tap);
  void steps(Phase phase, std::uint32_t* registers, std::int64_t tap = 0);
  void load(std::size_t slot, std::uint32_t* lane, std::int64_t tap);
  void load_windowed(const Stream& stream, const Places& at, std::uint32_t* lane, std::int64_t tap);
  void store(std::size_t slot, const std::uint32_t* lane, std::int64_t tap);
  void combine(std::uint32_t* partial, const std::uint32_t* values, std::int64_t count);
  std::int64_t tap_bytes(const Stream& stream, std::int64_t tap) const {
    return tap / shape_.w1 * stream.w0 + tap % shape_.w1 * stream.w1;
  }
  void find_registers();

  isa::Run run_;
  isa::Window window_;
  std::int64_t lanes_;
  RunShape shape_;
  std::array<std::span<const MicroOp>, 3> ops_;
  std::array<Stream, isa::kVectorSlots> streams_;
  std::uint32_t slots_used_ = 0;
  std::vector<int> zeroed_, body_inputs_;     // registers read before they are written; read in the body before it writes them

  Lanes block_;
  std::array<Places, isa::kVectorSlots> places_;
  bool window_ready_ = false;
  std::vector<std::int64_t> row_, column_;    // of the window, per lane
  std::vector<std::uint32_t> registers_, body_registers_, partial_, scratch_;
  std::vector<std::uint8_t> raw_;
  Outcome failure_;
};

}  // namespace systole::machine
