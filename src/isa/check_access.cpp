#include "isa/check_access.h"

#include <fmt/format.h>

#include <algorithm>

#include "isa/check_parts.h"
#include "isa/window.h"

namespace systole::isa {
namespace {

constexpr std::int64_t kAnyAccumulatorRows = 1 << 28;   // accumulator_rows 0: what an instruction can name

constexpr int kSourceBits = 32, kBaseBits = 36;         // a matmul's source and a bind's base are modulo 2 to these

// The interval moved by a multiple of 2^bits so that its low end is in [0, 2^bits).
Interval modulo(Interval range, int bits) {
  const Wide moved = (range.low >> bits) << bits;       // shifts right round down
  return {range.low - moved, range.high - moved};
}

std::string decimal(Wide value) {
  if (value < 0) return "-" + decimal(-value);
  std::string digits;
  do digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10))), value /= 10;
  while (value != 0);
  return digits;
}

class Checker {
 public:
  Checker(const Program& program, std::size_t number, const std::vector<LoopSpan>& loops, const MachineLimits& limits)
      : program_(program), core_(program.cores[number]), number_(number), loops_(loops), limits_(limits),
        binds_(core_.code.size()) {}

  Status run() {
    Walk first(core_, loops_);
    while (first.next()) {
      if (first.instruction().as<Bind>()) binds_[static_cast<std::size_t>(first.index())] = address(first, "base");
    }
    Walk walk(core_, loops_);
    while (walk.next()) {
      SYSTOLE_TRY(check_units(walk));
      SYSTOLE_TRY(check_types(walk));
      SYSTOLE_TRY(std::visit([&](const auto& body) { return check(walk, body); }, walk.instruction().body));
    }
    return ok_status();
  }

 private:
  std::string place(const Walk& walk) const {
    return instruction_place(number_, static_cast<std::size_t>(walk.index()), walk.instruction());
  }
  static Interval address(const Walk& walk, std::string_view field) {
    return walk.address(find_field(info_of(walk.instruction()), field));
  }
  std::int64_t accumulator_rows() const { return limits_.accumulator_rows == 0 ? kAnyAccumulatorRows : limits_.accumulator_rows; }
  std::int64_t far_bytes(std::int64_t space) const { return space == 0 ? limits_.hbm_bytes : limits_.cmem_bytes; }

  bool unit_exists(int unit) const {
    switch (unit_class(unit)) {
      case UnitClass::kScalar: return true;
      case UnitClass::kVector: return limits_.has_vector_unit;
      case UnitClass::kDma: return unit - dma_unit(0) < limits_.dma_engines;
      case UnitClass::kPush:
      case UnitClass::kMatrix: return array_of(static_cast<UnitId>(unit)) < limits_.arrays;
      case UnitClass::kAny: break;
    }
    return false;
  }
  Status check_units(const Walk& walk) const {
    const Instruction& i = walk.instruction();
    if (!unit_exists(i.unit)) return invalid_input(place(walk), fmt::format("the chip has no {}", unit_name(i.unit)));
    for (int unit = 0; unit < kUnits; ++unit) {
      if ((i.wait >> unit & 1) == 0 && (i.signal >> unit & 1) == 0) continue;
      if (!unit_exists(unit)) return invalid_input(place(walk), fmt::format("names {}, which the chip does not have", unit_name(unit)), "wait and signal");
    }
    return ok_status();
  }
  Status check_types(const Walk& walk) const {
    for (const DType type : types_of(walk.instruction())) {
      if ((limits_.types >> static_cast<int>(type) & 1) != 0) continue;
      return invalid_input(place(walk), fmt::format("the chip has no {}", dtype_name(type)),
                           "a chip has one fixed-point format: its arrays', or q8.8");
    }
    return ok_status();
  }
  // The units [range.low, range.high + size) of something that has `end` of them.
  Status inside(const Walk& walk, std::string_view what, Interval range, Wide size, Wide end) const {
    if (range.low >= 0 && range.high + size <= end) return ok_status();
    return invalid_input(place(walk), fmt::format("{} {} .. {} is outside 0 .. {}", what, decimal(range.low), decimal(range.high + size - 1), decimal(end - 1)));
  }

  template <typename S>
  Status check_far(const Walk& walk, const S& i) const {
    const Interval box = address(walk, "far") + steps(i.pitch, i.rows) + steps(i.plane_pitch, i.planes);
    return inside(walk, fmt::format("{} address", space_name(i.far_space)), box, i.bytes, far_bytes(i.far_space));
  }
  Status check(const Walk& walk, const Load& i) const {
    SYSTOLE_TRY(check_far(walk, i));
    return inside(walk, "vmem address", address(walk, "local"), Wide{i.planes} * i.rows * i.bytes, limits_.vmem_bytes);
  }
  Status check(const Walk& walk, const Store& i) const {
    SYSTOLE_TRY(check_far(walk, i));
    const Interval local = address(walk, "local");
    if (i.local_space == 2) return inside(walk, "vmem address", local, Wide{i.planes} * i.rows * i.bytes, limits_.vmem_bytes);
    SYSTOLE_TRY(check_array(walk, i.array));
    SYSTOLE_TRY(inside(walk, "bytes of an accumulator row", {}, i.bytes, limits_.array_columns * 4));
    return inside(walk, "accumulator row", local, Wide{i.planes} * i.rows, accumulator_rows());
  }
  Status check(const Walk& walk, const Gather& i) const {
    SYSTOLE_TRY(inside(walk, fmt::format("{} address", space_name(i.far_space)), Interval{i.far, i.far} + steps(i.pitch, i.limit), i.bytes,
                       far_bytes(i.far_space)));
    SYSTOLE_TRY(inside(walk, "vmem address of the indices", address(walk, "index"), Wide{i.count} * 4, limits_.vmem_bytes));
    return inside(walk, "vmem address", address(walk, "local"), Wide{i.count} * i.bytes, limits_.vmem_bytes);
  }
  Status check_array(const Walk& walk, std::int64_t array) const {
    if (array < limits_.arrays) return ok_status();
    return invalid_input(place(walk), fmt::format("array {} does not exist", array), fmt::format("the core has {}", limits_.arrays));
  }
  Status check_format(const Walk& walk, std::int64_t format) const {
    if (limits_.formats >> format & 1) return ok_status();
    return invalid_input(place(walk), fmt::format("the chip's arrays do not multiply {}", dtype_name(static_cast<DType>(format))), "its formats are mxu.formats of the chip file");
  }

  Status check(const Walk& walk, const Push& i) const {
    SYSTOLE_TRY(check_format(walk, i.format));
    SYSTOLE_TRY(inside(walk, "tile row", {}, i.rows, limits_.array_rows));
    SYSTOLE_TRY(inside(walk, "tile column", {}, i.columns, limits_.array_columns));
    const std::int64_t lines = i.transpose ? i.columns : i.rows, items = i.transpose ? i.rows : i.columns;
    return inside(walk, "vmem address", address(walk, "weights") + steps(i.pitch, lines), Wide{items} * dtype_bytes(static_cast<DType>(i.type)),
                  limits_.vmem_bytes);
  }
  Status check(const Walk& walk, const Matmul& i) const {
    SYSTOLE_TRY(check_format(walk, i.format));
    SYSTOLE_TRY(inside(walk, "chunk element", {}, i.length, limits_.array_rows));
    SYSTOLE_TRY(inside(walk, "column", {}, i.columns, limits_.array_columns));
    SYSTOLE_TRY(inside(walk, "accumulator row", address(walk, "accumulator"), Wide{i.images} * i.out_rows * i.out_columns, accumulator_rows()));
    for (const std::int64_t setter : walk.setters(pad_key(array_of(walk.instruction().unit)))) {
      const Pad pad = setter < 0 ? Pad{} : *core_.code[static_cast<std::size_t>(setter)].as<Pad>();
      SYSTOLE_TRY(check_rows(walk, i, pad));
    }
    return ok_status();
  }
  // The elements that the feeder reads with this pad.
  Status check_rows(const Walk& walk, const Matmul& i, const Pad& pad) const {
    if (i.part != 0 && pad.type != static_cast<std::int64_t>(DType::kF32)) return invalid_input(place(walk), "a part needs activations of type f32", "pad type=f32");
    const std::int64_t bytes = dtype_bytes(static_cast<DType>(pad.type));
    const auto rows = window_offsets({i.out_rows, 1, i.row, pad.row_step, 0, pad.height, pad.height != 0}, pad.row_pitch, 0);
    const auto columns = window_offsets({i.out_columns, i.length, i.column, pad.column_step, 1, pad.width, pad.width != 0}, pad.step_pitch, bytes);
    if (!rows || !columns) return ok_status();
    const Interval all = address(walk, "source") + steps(pad.image_pitch, i.images) + *rows + *columns;
    return inside(walk, "vmem address", modulo(all, kSourceBits), bytes, limits_.vmem_bytes);
  }

  Status check(const Walk& walk, const Bind& i) const { return i.space == 3 ? check_array(walk, i.array) : ok_status(); }

  struct Phase {
    std::int64_t first, count;
    bool taps;
  };
  Status check(const Walk& walk, const Run& run) const {
    const std::int64_t length = run.prologue + run.body + run.epilogue;
    SYSTOLE_TRY(inside(walk, "micro-operation", {run.program, run.program}, length, static_cast<std::int64_t>(program_.microcode.size())));
    const std::int64_t body = run.program + run.prologue;
    for (const Phase& phase : {Phase{run.program, run.prologue, false}, Phase{body, run.body, true}, Phase{body + run.body, run.epilogue, false}}) {
      unsigned loads = 0, stores = 0;
      for (std::int64_t k = phase.first; k < phase.first + phase.count; ++k) {
        const MicroOp& op = program_.microcode[static_cast<std::size_t>(k)];
        if (op.op == MicroOpcode::kLoad) loads |= 1u << op.slot;
        if (op.op == MicroOpcode::kStore) stores |= 1u << op.slot;
      }
      for (int slot = 0; slot < kVectorSlots; ++slot) {
        if (loads >> slot & 1) SYSTOLE_TRY(check_stream(walk, run, slot, phase.taps, true));
        if (stores >> slot & 1) SYSTOLE_TRY(check_stream(walk, run, slot, phase.taps, false));
      }
    }
    return ok_status();
  }
  Status check_stream(const Walk& walk, const Run& run, int slot, bool taps, bool is_load) const {
    for (const auto& [setter, window] : walk.setters(bind_key(slot), kWindowKey)) {
      if (setter < 0) return invalid_input(place(walk), fmt::format("stream s{} is not bound", slot), "a bind before the run");
      const Bind& bind = *core_.code[static_cast<std::size_t>(setter)].as<Bind>();
      const Window w = window < 0 ? Window{} : *core_.code[static_cast<std::size_t>(window)].as<Window>();
      const bool masked = is_load && (w.slots >> slot & 1);
      const auto offsets = stream_offsets(run, bind, taps, masked ? &w : nullptr);
      if (!offsets) continue;
      const bool words = bind.space == 3;
      const Wide size = words ? 1 : dtype_bytes(static_cast<DType>(bind.type));
      const Interval all = binds_[static_cast<std::size_t>(setter)] + Interval{offsets->low * size, offsets->high * size};
      SYSTOLE_TRY(inside(walk, fmt::format("stream s{}: {}", slot, words ? "accumulator word" : "vmem address"), modulo(all, kBaseBits), size,
                         words ? Wide{accumulator_rows()} * limits_.array_columns : Wide{limits_.vmem_bytes}));
    }
    return ok_status();
  }
  // Elements from the base; nothing if the window leaves no element.
  static std::optional<Interval> stream_offsets(const Run& run, const Bind& bind, bool taps, const Window* window) {
    const std::int64_t counts[] = {run.d0, run.d1, run.d2, run.d3, run.d4}, strides[] = {bind.s0, bind.s1, bind.s2, bind.s3, bind.s4};
    const std::int64_t w0 = taps ? run.w0 : 1, w1 = taps ? run.w1 : 1;
    Interval all = steps(bind.w0, w0) + steps(bind.w1, w1);
    Interval others;                      // dimensions that the window does not look at
    for (std::int64_t d = 0; d < kVectorDims; ++d) {
      all = all + steps(strides[d], counts[d]);
      if (window && d != window->row_dim && d != window->column_dim) others = others + steps(strides[d], counts[d]);
    }
    if (!window) return all;
    const auto r = window->row_dim, c = window->column_dim;
    const auto rows = window_offsets({counts[r], w0, window->row, window->row_step, window->row_tap, window->height, true}, strides[r], bind.w0);
    const auto columns = window_offsets({counts[c], w1, window->column, window->column_step, window->column_tap, window->width, true}, strides[c], bind.w1);
    if (!rows || !columns) return std::nullopt;
    if (r != c) return others + *rows + *columns;
    return window_of_one_dimension(bind, *window, counts[r], strides[r], w0, w1, others);
  }
  // The same where one dimension steps both row and column: index by index, or without the window if there are very many.
  static std::optional<Interval> window_of_one_dimension(const Bind& bind, const Window& window, std::int64_t count, std::int64_t stride,
                                                         std::int64_t w0, std::int64_t w1, Interval others) {
    constexpr std::int64_t kMostSteps = 4096;
    if (count > kMostSteps) return others + steps(stride, count) + steps(bind.w0, w0) + steps(bind.w1, w1);
    std::optional<Interval> all;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto rows = window_offsets({1, w0, window.row + i * window.row_step, 0, window.row_tap, window.height, true}, 0, bind.w0);
      const auto columns = window_offsets({1, w1, window.column + i * window.column_step, 0, window.column_tap, window.width, true}, 0, bind.w1);
      if (!rows || !columns) continue;
      const Interval here = others + Interval{Wide{i} * stride, Wide{i} * stride} + *rows + *columns;
      all = all ? hull(*all, here) : here;
    }
    return all;
  }

  template <typename S>
  Status check(const Walk&, const S&) const { return ok_status(); }

  const Program& program_;
  const CoreCode& core_;
  std::size_t number_;
  const std::vector<LoopSpan>& loops_;
  const MachineLimits& limits_;
  std::vector<Interval> binds_;           // per instruction: the interval of a bind's base
};

}  // namespace

Status check_access(const Program& program, std::size_t core_number, const std::vector<LoopSpan>& loops, const MachineLimits& limits) {
  return Checker(program, core_number, loops, limits).run();
}

}  // namespace systole::isa
