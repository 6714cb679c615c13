// The instruction set: one struct per instruction, whose field list is the one table that the encoder, the decoder, the
// assembler, the disassembler, docs/isa.md and the RTL's decode package are made from.
//
// A word has 256 bits: [7:0] opcode, [11:8] unit, [27:12] wait mask, [43:28] signal mask, then the fields in order from
// bit 44 up, unused bits zero. What each instruction does and how long it takes: docs/machine.md.
#pragma once

#include <cstdint>
#include <string_view>
#include <tuple>
#include <variant>

#include "numeric/dtype.h"

namespace systole::isa {

// Units of a core. A unit has an in-order queue. Push and matrix units come in pairs, one pair per array.
using UnitId = std::uint8_t;
constexpr UnitId kScalar = 0;
constexpr UnitId kVector = 1;
constexpr UnitId dma_unit(int engine) { return static_cast<UnitId>(2 + engine); }       // 2 .. 5
constexpr UnitId push_unit(int array) { return static_cast<UnitId>(6 + 2 * array); }    // 6, 8, ..
constexpr UnitId matrix_unit(int array) { return static_cast<UnitId>(7 + 2 * array); }  // 7, 9, ..
constexpr int kUnits = 16;
constexpr int kMaxDmaEngines = 4;
constexpr int kMaxArrays = 4;  // matrix units 0..3 in a core (unit ids 6..13)

constexpr int kLoopLevels = 6;
constexpr int kStrideSets = 32;  // set 0 is all zero
constexpr int kVectorSlots = 8;
constexpr int kVectorDims = 5;  // d0 (slowest) .. d4 (fastest)

enum class Space : std::uint8_t { kHbm = 0, kCmem = 1, kVmem = 2, kAccumulator = 3 };

template <typename S>
struct Field {
  std::string_view name;
  std::int64_t S::*member;
  int bits;
  bool is_signed;
  std::string_view doc;
};

template <typename S>
constexpr Field<S> field(std::string_view name, std::int64_t S::*member, int bits, std::string_view doc) {
  return {name, member, bits, false, doc};
}
template <typename S>
constexpr Field<S> signed_field(std::string_view name, std::int64_t S::*member, int bits, std::string_view doc) {
  return {name, member, bits, true, doc};
}

// An address field X comes with X_strides, a stride set: the effective address is X + sum over the open loops of
// (loop index x stride of that level in the set), computed when the instruction is fetched.

// ---- scalar instructions (unit 0): executed by the sequencer when fetched
struct Nop {
  static constexpr std::string_view kName = "nop";
  static constexpr std::string_view kDoc = "Nothing. In another unit's queue: waits and signals only (one cycle).";
  static constexpr std::tuple<> fields{};
  bool operator==(const Nop&) const = default;
};
struct Halt {
  static constexpr std::string_view kName = "halt";
  static constexpr std::string_view kDoc = "Ends the core's program once every unit is idle.";
  static constexpr std::tuple<> fields{};
  bool operator==(const Halt&) const = default;
};
struct Loop {
  std::int64_t count = 1;
  static constexpr std::string_view kName = "loop";
  static constexpr std::string_view kDoc =
      "Opens a loop: the words up to the matching end run `count` times (at least once).";
  static constexpr auto fields = std::make_tuple(field("count", &Loop::count, 32, "iterations, >= 1"));
  bool operator==(const Loop&) const = default;
};
struct End {
  static constexpr std::string_view kName = "end";
  static constexpr std::string_view kDoc = "Closes the innermost loop.";
  static constexpr std::tuple<> fields{};
  bool operator==(const End&) const = default;
};
struct Strides {
  std::int64_t set = 1, s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0;
  static constexpr std::string_view kName = "strides";
  static constexpr std::string_view kDoc =
      "Writes a stride set: what one step of loop level 0 (outermost) .. 5 adds to an address.";
  static constexpr auto fields =
      std::make_tuple(field("set", &Strides::set, 5, "1..31"), signed_field("s0", &Strides::s0, 34, "level 0"),
                      signed_field("s1", &Strides::s1, 34, "level 1"), signed_field("s2", &Strides::s2, 34, "level 2"),
                      signed_field("s3", &Strides::s3, 34, "level 3"), signed_field("s4", &Strides::s4, 34, "level 4"),
                      signed_field("s5", &Strides::s5, 34, "level 5"));
  bool operator==(const Strides&) const = default;
};
struct Barrier {
  static constexpr std::string_view kName = "barrier";
  static constexpr std::string_view kDoc =
      "The sequencer takes its waited tokens, then stands until every core has come to its barrier.";
  static constexpr std::tuple<> fields{};
  bool operator==(const Barrier&) const = default;
};

// ---- DMA (units 2..5)
struct Load {
  std::int64_t far_space = 0, far = 0, far_strides = 0, local = 0, local_strides = 0, bytes = 0, rows = 1, planes = 1,
               pitch = 0, plane_pitch = 0;
  static constexpr std::string_view kName = "load";
  static constexpr std::string_view kDoc =
      "Copies a box of planes x rows x bytes from HBM or CMEM (row pitch, plane pitch) to dense VMEM.";
  static constexpr auto fields = std::make_tuple(
      field("far_space", &Load::far_space, 2, "0 HBM, 1 CMEM"), field("far", &Load::far, 36, "byte address"),
      field("far_strides", &Load::far_strides, 5, "stride set"), field("local", &Load::local, 32, "VMEM byte address"),
      field("local_strides", &Load::local_strides, 5, "stride set"), field("bytes", &Load::bytes, 24, "bytes of a row"),
      field("rows", &Load::rows, 16, "rows"), field("planes", &Load::planes, 16, "planes"),
      signed_field("pitch", &Load::pitch, 36, "bytes between rows in far memory"),
      signed_field("plane_pitch", &Load::plane_pitch, 36, "bytes between planes in far memory"));
  bool operator==(const Load&) const = default;
};
struct Store {
  std::int64_t far_space = 0, far = 0, far_strides = 0, local_space = 2, array = 0, local = 0, local_strides = 0,
               bytes = 0, rows = 1, planes = 1, pitch = 0, plane_pitch = 0;
  static constexpr std::string_view kName = "store";
  static constexpr std::string_view kDoc =
      "The reverse of load; from accumulators (local_space 3), a row is `bytes` of the first words of accumulator row "
      "local + i.";
  static constexpr auto fields = std::make_tuple(
      field("far_space", &Store::far_space, 2, "0 HBM, 1 CMEM"), field("far", &Store::far, 36, "byte address"),
      field("far_strides", &Store::far_strides, 5, "stride set"),
      field("local_space", &Store::local_space, 2, "2 VMEM, 3 accumulators"),
      field("array", &Store::array, 2, "whose accumulators"),
      field("local", &Store::local, 32, "VMEM byte address or accumulator row"),
      field("local_strides", &Store::local_strides, 5, "stride set"),
      field("bytes", &Store::bytes, 24, "bytes of a row"), field("rows", &Store::rows, 16, "rows"),
      field("planes", &Store::planes, 16, "planes"),
      signed_field("pitch", &Store::pitch, 36, "bytes between rows in far memory"),
      signed_field("plane_pitch", &Store::plane_pitch, 36, "bytes between planes in far memory"));
  bool operator==(const Store&) const = default;
};
struct Gather {
  std::int64_t far_space = 0, far = 0, pitch = 0, limit = 1, bytes = 0, count = 0, index = 0, index_strides = 0,
               local = 0, local_strides = 0;
  static constexpr std::string_view kName = "gather";
  static constexpr std::string_view kDoc =
      "For i < count: copies `bytes` from far + clamp(index[i], 0, limit - 1) x pitch to VMEM local + i x bytes; int32 "
      "indices in VMEM.";
  static constexpr auto fields = std::make_tuple(field("far_space", &Gather::far_space, 2, "0 HBM, 1 CMEM"),
                                                 field("far", &Gather::far, 36, "byte address of row 0"),
                                                 field("pitch", &Gather::pitch, 30, "bytes between rows of the table"),
                                                 field("limit", &Gather::limit, 28, "rows of the table"),
                                                 field("bytes", &Gather::bytes, 24, "bytes of a row"),
                                                 field("count", &Gather::count, 16, "rows to gather"),
                                                 field("index", &Gather::index, 32, "VMEM byte address of the indices"),
                                                 field("index_strides", &Gather::index_strides, 5, "stride set"),
                                                 field("local", &Gather::local, 32, "VMEM byte address"),
                                                 field("local_strides", &Gather::local_strides, 5, "stride set"));
  bool operator==(const Gather&) const = default;
};

// ---- matrix unit (push units 6, 8, .. ; matrix units 7, 9, ..)
struct Push {
  std::int64_t weights = 0, weights_strides = 0, pitch = 0, rows = 0, columns = 0, type = 0, format = 0, part = 0,
               transpose = 0;
  static constexpr std::string_view kName = "push";
  static constexpr std::string_view kDoc =
      "Moves a weight tile of rows x columns (the rest of the array gets zeros) from VMEM into the shadow weights.";
  static constexpr auto fields = std::make_tuple(
      field("weights", &Push::weights, 32, "VMEM byte address"),
      field("weights_strides", &Push::weights_strides, 5, "stride set"),
      field("pitch", &Push::pitch, 32, "bytes between rows in VMEM"), field("rows", &Push::rows, 10, "k <= R"),
      field("columns", &Push::columns, 10, "n <= C"), field("type", &Push::type, 5, "element type in VMEM (DType)"),
      field("format", &Push::format, 5, "format that the array multiplies (DType)"),
      field("part", &Push::part, 2, "0: convert; 1, 2, 3: bf16 part 0, 1, 2 of fp32"),
      field("transpose", &Push::transpose, 1, "1: element (r, c) stands at row c, column r in VMEM"));
  bool operator==(const Push&) const = default;
};
struct Pad {
  std::int64_t image_pitch = 0, row_pitch = 0, step_pitch = 0, height = 0, width = 0, row_step = 1, column_step = 0,
               value = 0, type = 0;
  static constexpr std::string_view kName = "pad";
  static constexpr std::string_view kDoc =
      "Sets the feeder's window for the matmuls after it: pitches, bounds, and the value supplied outside the bounds.";
  static constexpr auto fields = std::make_tuple(
      signed_field("image_pitch", &Pad::image_pitch, 28, "bytes from image to image (outer loop n)"),
      signed_field("row_pitch", &Pad::row_pitch, 28, "bytes from output row to output row (loop oh)"),
      signed_field("step_pitch", &Pad::step_pitch, 28, "bytes from output column to output column (loop ow)"),
      field("height", &Pad::height, 20, "rows h in [0, height) exist; 0: no check"),
      field("width", &Pad::width, 24, "elements x in [0, width) of a row exist; 0: no check"),
      field("row_step", &Pad::row_step, 16, "h added per oh"),
      field("column_step", &Pad::column_step, 24, "x added per ow, elements"),
      field("value", &Pad::value, 16,
            "bits of the pad element, in `type` if that has 16 bits or fewer, else must be 0"),
      field("type", &Pad::type, 5, "element type in VMEM (DType)"));
  bool operator==(const Pad&) const = default;
};
struct Matmul {
  std::int64_t source = 0, source_strides = 0, images = 1, out_rows = 1, out_columns = 1, length = 0, columns = 0,
               row = 0, column = 0, accumulator = 0, accumulator_strides = 0, accumulate = 0, swap = 1, format = 0,
               part = 0;
  static constexpr std::string_view kName = "matmul";
  static constexpr std::string_view kDoc =
      "Streams images x out_rows x out_columns rows of `length` elements through the array and stores or adds the "
      "sums.";
  static constexpr auto fields = std::make_tuple(
      field("source", &Matmul::source, 32, "VMEM byte address, modulo 2^32 (elements outside the bounds are not read)"),
      field("source_strides", &Matmul::source_strides, 5, "stride set"), field("images", &Matmul::images, 12, "loop n"),
      field("out_rows", &Matmul::out_rows, 14, "loop oh"), field("out_columns", &Matmul::out_columns, 20, "loop ow"),
      field("length", &Matmul::length, 10, "elements of the chunk, <= R; the other rows of the array get zeros"),
      field("columns", &Matmul::columns, 10, "columns of the accumulators written, <= C"),
      signed_field("row", &Matmul::row, 20, "h of the first output row"),
      signed_field("column", &Matmul::column, 26, "x of the first element"),
      field("accumulator", &Matmul::accumulator, 28, "first accumulator row"),
      field("accumulator_strides", &Matmul::accumulator_strides, 5, "stride set"),
      field("accumulate", &Matmul::accumulate, 1, "1: add to the accumulators; 0: add to zero"),
      field("swap", &Matmul::swap, 1, "1: the first row carries the switch that makes the shadow weights active"),
      field("format", &Matmul::format, 5, "format that the array multiplies (DType)"),
      field("part", &Matmul::part, 2, "0: convert; 1, 2, 3: bf16 part 0, 1, 2 of fp32"));
  bool operator==(const Matmul&) const = default;
};

// ---- vector unit (unit 1)
struct Bind {
  std::int64_t slot = 0, space = 2, array = 0, base = 0, base_strides = 0, type = 0, s0 = 0, s1 = 0, s2 = 0, s3 = 0,
               s4 = 0, w0 = 0, w1 = 0;
  static constexpr std::string_view kName = "bind";
  static constexpr std::string_view kDoc =
      "Binds an operand stream: element (d0..d4, w0, w1) stands at base + (sum of index x stride) elements. Space "
      "accumulators: "
      "base is word row x C + column.";
  static constexpr auto fields = std::make_tuple(
      field("slot", &Bind::slot, 3, "stream"), field("space", &Bind::space, 2, "2 VMEM, 3 accumulators"),
      field("array", &Bind::array, 2, "whose accumulators"),
      field("base", &Bind::base, 36, "VMEM byte address, or accumulator word"),
      field("base_strides", &Bind::base_strides, 5, "stride set"),
      field("type", &Bind::type, 5, "element type (DType)"), signed_field("s0", &Bind::s0, 22, "elements"),
      signed_field("s1", &Bind::s1, 22, "elements"), signed_field("s2", &Bind::s2, 22, "elements"),
      signed_field("s3", &Bind::s3, 22, "elements"), signed_field("s4", &Bind::s4, 22, "elements"),
      signed_field("w0", &Bind::w0, 22, "elements"), signed_field("w1", &Bind::w1, 22, "elements"));
  bool operator==(const Bind&) const = default;
};
struct Window {
  std::int64_t slots = 0, row_dim = 0, column_dim = 0, row = 0, column = 0, row_step = 1, column_step = 1, row_tap = 1,
               column_tap = 1, height = 0, width = 0, value = 0;
  static constexpr std::string_view kName = "window";
  static constexpr std::string_view kDoc =
      "Bounds for the loads of the marked slots in the runs after it: h = row + d[row_dim] x row_step + w0 x row_tap "
      "must be in "
      "[0, height), x likewise with w1 in [0, width); outside, the load gives `value`. slots = 0: no bounds.";
  static constexpr auto fields = std::make_tuple(
      field("slots", &Window::slots, 8, "mask"), field("row_dim", &Window::row_dim, 3, "dimension of h"),
      field("column_dim", &Window::column_dim, 3, "dimension of x"),
      signed_field("row", &Window::row, 20, "h at index 0"),
      signed_field("column", &Window::column, 20, "x at index 0"),
      signed_field("row_step", &Window::row_step, 16, "per d[row_dim]"),
      signed_field("column_step", &Window::column_step, 16, "per d[column_dim]"),
      signed_field("row_tap", &Window::row_tap, 16, "per w0"),
      signed_field("column_tap", &Window::column_tap, 16, "per w1"), field("height", &Window::height, 20, "bound"),
      field("width", &Window::width, 20, "bound"),
      field("value", &Window::value, 32, "bits of the fp32 or int32 register value"));
  bool operator==(const Window&) const = default;
};
struct Run {
  std::int64_t program = 0, prologue = 0, body = 0, epilogue = 0, mode = 0, result = 0, d0 = 1, d1 = 1, d2 = 1, d3 = 1,
               d4 = 1, w0 = 1, w1 = 1;
  static constexpr std::string_view kName = "run";
  static constexpr std::string_view kDoc =
      "Runs micro-operations over d0 x .. x d4 elements: the prologue once, the body for each of w0 x w1 taps, the "
      "epilogue once. "
      "mode 0: lanes hold elements, taps in order. mode 1..6: a reduction over the taps (add, multiply, maximum, "
      "minimum, and, "
      "or; +8: of int32): lanes hold taps, register `result` of the body is combined in the order of docs/numerics.md, "
      "and the "
      "epilogue finds the combined value in `result`.";
  static constexpr auto fields = std::make_tuple(
      field("program", &Run::program, 20, "first micro-operation"),
      field("prologue", &Run::prologue, 10, "micro-operations"), field("body", &Run::body, 10, "micro-operations"),
      field("epilogue", &Run::epilogue, 10, "micro-operations"), field("mode", &Run::mode, 4, "0 map, else reduction"),
      field("result", &Run::result, 5, "register reduced"), field("d0", &Run::d0, 20, "count"),
      field("d1", &Run::d1, 20, "count"), field("d2", &Run::d2, 20, "count"), field("d3", &Run::d3, 20, "count"),
      field("d4", &Run::d4, 24, "count, fastest"), field("w0", &Run::w0, 20, "taps, slow"),
      field("w1", &Run::w1, 20, "taps, fast"));
  bool operator==(const Run&) const = default;
};

// The table. An opcode is a position in this list.
using Body =
    std::variant<Nop, Halt, Loop, End, Strides, Barrier, Load, Store, Gather, Push, Pad, Matmul, Bind, Window, Run>;

struct Instruction {
  Body body;
  UnitId unit = kScalar;
  std::uint16_t wait = 0;    // bit u: takes one token that unit u has signalled to this unit, before it issues
  std::uint16_t signal = 0;  // bit u: gives one token to unit u when it ends
  bool operator==(const Instruction&) const = default;
  template <typename T>
  const T* as() const {
    return std::get_if<T>(&body);
  }
};

}  // namespace systole::isa
