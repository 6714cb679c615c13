#include "machine/event_traffic.h"

#include <algorithm>

#include "numeric/dtype.h"

namespace systole::machine {
namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return -floor_div(-a, b); }
std::int64_t size_of(std::int64_t type) { return dtype_bytes(static_cast<DType>(type)); }

// Elements of one output row that lie in [0, width), over its output columns.
std::int64_t elements_inside(const isa::Matmul& matmul, const isa::Pad& pad) {
  if (pad.width == 0) return matmul.out_columns * matmul.length;
  std::int64_t sum = 0;
  for (std::int64_t ow = 0; ow < matmul.out_columns; ++ow) {
    const std::int64_t x = matmul.column + ow * pad.column_step;
    const std::int64_t low = std::max<std::int64_t>(x, 0), high = std::min(x + matmul.length, pad.width);
    sum += std::max<std::int64_t>(high - low, 0);
  }
  return sum;
}

// Pairs (d index, tap index) of one axis of the window that lie inside its bound.
std::int64_t pairs_inside(std::int64_t first, std::int64_t step, std::int64_t count, std::int64_t tap, std::int64_t taps, std::int64_t bound) {
  std::int64_t sum = 0;
  if (taps <= count) {
    for (std::int64_t w = 0; w < taps; ++w) sum += inside_range(first + w * tap, step, count, bound).size();
  } else {
    for (std::int64_t d = 0; d < count; ++d) sum += inside_range(first + d * step, tap, taps, bound).size();
  }
  return sum;
}

struct Counts {
  std::array<std::int64_t, isa::kVectorDims> d;
  std::int64_t w0, w1;
};

std::int64_t loads_of_slot(const Counts& counts, const isa::Window& window, std::int64_t slot) {
  std::int64_t elements = 1;
  for (const std::int64_t count : counts.d) elements *= count;
  if (((window.slots >> slot) & 1) == 0) return elements * counts.w0 * counts.w1;
  const auto row_dim = static_cast<std::size_t>(window.row_dim), column_dim = static_cast<std::size_t>(window.column_dim);
  if (row_dim >= counts.d.size() || column_dim >= counts.d.size() || elements == 0) return 0;
  const std::int64_t rows = counts.d[row_dim], columns = counts.d[column_dim];
  if (row_dim != column_dim) {
    return elements / rows / columns *
           pairs_inside(window.row, window.row_step, rows, window.row_tap, counts.w0, window.height) *
           pairs_inside(window.column, window.column_step, columns, window.column_tap, counts.w1, window.width);
  }
  std::int64_t sum = 0;
  for (std::int64_t d = 0; d < rows; ++d) {
    sum += inside_range(window.row + d * window.row_step, window.row_tap, counts.w0, window.height).size() *
           inside_range(window.column + d * window.column_step, window.column_tap, counts.w1, window.width).size();
  }
  return elements / rows * sum;
}

}  // namespace

IndexRange inside_range(std::int64_t first, std::int64_t step, std::int64_t count, std::int64_t bound) {
  if (step == 0) return first >= 0 && first < bound ? IndexRange{0, count} : IndexRange{};
  if (step > 0) return {std::max<std::int64_t>(0, ceil_div(-first, step)), std::min(count, ceil_div(bound - first, step))};
  return {std::max<std::int64_t>(0, floor_div(first - bound, -step) + 1), std::min(count, floor_div(first, -step) + 1)};
}

VmemTraffic matmul_traffic(const isa::Matmul& matmul, const isa::Pad& pad) {
  const std::int64_t rows =
      pad.height == 0 ? matmul.out_rows : inside_range(matmul.row, pad.row_step, matmul.out_rows, pad.height).size();
  return {matmul.images * rows * elements_inside(matmul, pad) * size_of(pad.type), 0};
}

VmemTraffic run_traffic(const isa::Run& run, std::span<const MicroOp> microcode, const VectorContext& context) {
  VmemTraffic traffic;
  const std::int64_t first = run.program, size = static_cast<std::int64_t>(microcode.size());
  for (std::int64_t i = 0; i < run.prologue + run.body + run.epilogue && first + i < size; ++i) {
    const MicroOp& op = microcode[static_cast<std::size_t>(first + i)];
    if (op.op != MicroOpcode::kLoad && op.op != MicroOpcode::kStore) continue;
    const isa::Bind& bind = context.binds[op.slot % isa::kVectorSlots];
    if (bind.space != static_cast<std::int64_t>(isa::Space::kVmem)) continue;
    const bool tapped = i >= run.prologue && i < run.prologue + run.body;
    Counts counts{{run.d0, run.d1, run.d2, run.d3, run.d4}, tapped ? run.w0 : 1, tapped ? run.w1 : 1};
    if (op.op == MicroOpcode::kLoad) {
      traffic.read += loads_of_slot(counts, context.window, op.slot) * size_of(bind.type);
    } else {
      traffic.written += loads_of_slot(counts, isa::Window{}, op.slot) * size_of(bind.type);
    }
  }
  return traffic;
}

VmemTraffic dma_traffic(const isa::Instruction& instruction) {
  if (const auto* load = instruction.as<isa::Load>()) return {0, load->planes * load->rows * load->bytes};
  if (const auto* gather = instruction.as<isa::Gather>()) return {gather->count * 4, gather->count * gather->bytes};
  const auto* store = instruction.as<isa::Store>();
  const bool vmem = store != nullptr && store->local_space == static_cast<std::int64_t>(isa::Space::kVmem);
  return {vmem ? store->planes * store->rows * store->bytes : 0, 0};
}

VmemTraffic push_traffic(const isa::Push& push) { return {push.rows * push.columns * size_of(push.type), 0}; }

}  // namespace systole::machine
