#include "machine/hazards_footprint.h"

#include <algorithm>
#include <cstdlib>

#include "numeric/dtype.h"

namespace systole::machine {
namespace {

constexpr std::int64_t kMostClippedTaps = 1 << 16;   // of a windowed load: with more, bytes outside its bounds count as read

using Dims = std::vector<ByteBox::Dim>;

std::int64_t size_of(std::int64_t type) { return dtype_bytes(static_cast<DType>(type)); }

// The smallest range of bytes around dimension `from` and those inside it, from `base` on.
std::int64_t extent(const ByteBox& box, std::size_t from) {
  std::int64_t size = box.bytes;
  for (std::size_t i = from; i < box.dims; ++i) size += (box.dim[i].count - 1) * box.dim[i].stride;
  return size;
}

// Part of a box: the dimensions from `from` on, at `base`.
struct Part {
  const ByteBox* box;
  std::size_t from;
  std::int64_t base;
  std::int64_t size() const { return extent(*box, from); }
};

bool parts_overlap(Part a, Part b) {
  std::int64_t a_size = a.size(), b_size = b.size();
  if (a.base >= b.base + b_size || b.base >= a.base + a_size) return false;
  const bool a_dense = a.from == a.box->dims, b_dense = b.from == b.box->dims;
  if (a_dense && b_dense) return true;
  if (a_dense || (!b_dense && b_size > a_size)) {   // split the larger
    std::swap(a, b);
    std::swap(a_size, b_size);
  }
  const ByteBox::Dim dim = a.box->dim[a.from];
  const std::int64_t inner = a_size - (dim.count - 1) * dim.stride;
  // Slices k with base + k x stride < b.end and base + k x stride + inner > b.base.
  const std::int64_t before = b.base - a.base - inner + 1, behind = b.base + b_size - a.base - 1;
  const std::int64_t low = before <= 0 ? 0 : (before + dim.stride - 1) / dim.stride;
  const std::int64_t high = std::min(dim.count - 1, behind / dim.stride);
  for (std::int64_t k = low; k <= high; ++k) {
    if (parts_overlap({a.box, a.from + 1, a.base + k * dim.stride}, b)) return true;
  }
  return false;
}

// Both repeat with the same pitch and neither crosses it: they can only meet where their places within the pitch do.
bool apart_within_pitch(const ByteBox& a, const ByteBox& b) {
  if (a.dense() || b.dense()) return false;
  const std::int64_t pitch = a.dim[0].stride;
  if (pitch != b.dim[0].stride) return false;
  const std::int64_t a_at = a.base % pitch, b_at = b.base % pitch, a_size = extent(a, 1), b_size = extent(b, 1);
  if (a_at + a_size > pitch || b_at + b_size > pitch) return false;
  return a_at >= b_at + b_size || b_at >= a_at + a_size;
}

struct Collector {
  int core;
  const Chip* chip;
  std::vector<Access>* out;

  void vmem(bool write, std::int64_t base, std::int64_t bytes, std::initializer_list<ByteBox::Dim> dims = {}) const {
    out->push_back({{isa::Space::kVmem, core, 0}, write, {base, bytes, std::span(dims.begin(), dims.size())}});
  }
  void far(bool write, std::int64_t space, std::int64_t base, std::int64_t bytes, std::initializer_list<ByteBox::Dim> dims) const {
    out->push_back({{static_cast<isa::Space>(space), 0, 0}, write, {base, bytes, std::span(dims.begin(), dims.size())}});
  }
  void accumulators(bool write, std::int64_t array, std::int64_t row, std::int64_t rows, std::int64_t bytes) const {
    const std::int64_t pitch = chip->mxu.columns * 4;
    const ByteBox::Dim dim{rows, pitch};
    out->push_back({{isa::Space::kAccumulator, core, static_cast<int>(array)}, write, {row * pitch, bytes, std::span(&dim, 1)}});
  }
};

void transfer(const isa::Instruction& instruction, const Collector& to) {
  if (const auto* s = instruction.as<isa::Load>()) {
    to.far(false, s->far_space, s->far, s->bytes, {{s->planes, s->plane_pitch}, {s->rows, s->pitch}});
    to.vmem(true, s->local, s->planes * s->rows * s->bytes);
  } else if (const auto* t = instruction.as<isa::Store>()) {
    to.far(true, t->far_space, t->far, t->bytes, {{t->planes, t->plane_pitch}, {t->rows, t->pitch}});
    const bool vmem = t->local_space == static_cast<std::int64_t>(isa::Space::kVmem);
    if (vmem) to.vmem(false, t->local, t->planes * t->rows * t->bytes);
    else to.accumulators(false, t->array, t->local, t->planes * t->rows, t->bytes);
  } else if (const auto* g = instruction.as<isa::Gather>()) {
    to.far(false, g->far_space, g->far, g->bytes, {{g->limit, g->pitch}});
    to.vmem(false, g->index, g->count * 4);
    to.vmem(true, g->local, g->count * g->bytes);
  }
}

// Output columns whose elements all lie in [0, width) form one box; those that the bound cuts, one each.
void matmul_reads(const isa::Matmul& mm, const isa::Pad& pad, const Collector& to) {
  const std::int64_t size = size_of(pad.type);
  const IndexRange rows = pad.height == 0 ? IndexRange{0, mm.out_rows} : inside_range(mm.row, pad.row_step, mm.out_rows, pad.height);
  if (rows.size() == 0) return;
  const auto box = [&](std::int64_t ow, std::int64_t columns, std::int64_t low, std::int64_t high) {
    const std::int64_t base = mm.source + rows.low * pad.row_pitch + ow * pad.step_pitch + low * size;
    to.vmem(false, base & 0xFFFFFFFF, (high - low) * size,
            {{mm.images, pad.image_pitch}, {rows.size(), pad.row_pitch}, {columns, pad.step_pitch}});
  };
  if (pad.width == 0) return box(0, mm.out_columns, 0, mm.length);
  const IndexRange from_left = inside_range(mm.column, pad.column_step, mm.out_columns, pad.width);
  IndexRange whole = inside_range(mm.column, pad.column_step, mm.out_columns, std::max<std::int64_t>(pad.width - mm.length + 1, 0));
  if (whole.size() == 0) whole = {from_left.low, from_left.low};
  else box(whole.low, whole.size(), 0, mm.length);
  for (std::int64_t ow = 0; ow < mm.out_columns; ++ow) {
    if (ow == whole.low && whole.size() > 0) ow = whole.high;
    if (ow >= mm.out_columns) break;
    const std::int64_t x = mm.column + ow * pad.column_step;
    const std::int64_t low = std::max<std::int64_t>(-x, 0), high = std::min(mm.length, pad.width - x);
    if (low >= high) continue;
    if (pad.column_step == 0) return box(ow, mm.out_columns, low, high);
    box(ow, 1, low, high);
  }
}

struct StreamBoxes {
  const isa::Run* run;
  const isa::Window* window;
  const Collector* to;

  void add(const isa::Bind& bind, bool write, bool tapped, bool windowed) const {
    const std::array<IndexRange, isa::kVectorDims> all = {IndexRange{0, run->d0}, {0, run->d1}, {0, run->d2}, {0, run->d3}, {0, run->d4}};
    const std::int64_t w0 = tapped ? run->w0 : 1, w1 = tapped ? run->w1 : 1;
    if (!windowed || w0 * w1 > kMostClippedTaps) return box(bind, write, all, 0, w0, 0, w1);
    for (std::int64_t t0 = 0; t0 < w0; ++t0) {
      for (std::int64_t t1 = 0; t1 < w1; ++t1) {
        std::array<IndexRange, isa::kVectorDims> part = all;
        clip(part[static_cast<std::size_t>(window->row_dim)], window->row + t0 * window->row_tap, window->row_step, window->height);
        clip(part[static_cast<std::size_t>(window->column_dim)], window->column + t1 * window->column_tap, window->column_step, window->width);
        box(bind, write, part, t0, 1, t1, 1);
      }
    }
  }

 private:
  static void clip(IndexRange& range, std::int64_t first, std::int64_t step, std::int64_t bound) {
    const IndexRange inside = inside_range(first, step, range.high, bound);
    range = {std::max(range.low, inside.low), std::min(range.high, inside.high)};
  }
  void box(const isa::Bind& bind, bool write, const std::array<IndexRange, isa::kVectorDims>& d, std::int64_t t0, std::int64_t w0,
           std::int64_t t1, std::int64_t w1) const {
    const std::int64_t size = size_of(bind.type);
    const bool accumulators = bind.space == static_cast<std::int64_t>(isa::Space::kAccumulator);
    const std::array<std::int64_t, isa::kVectorDims> strides = {bind.s0, bind.s1, bind.s2, bind.s3, bind.s4};
    const std::int64_t signed_base = static_cast<std::int64_t>(static_cast<std::uint64_t>(bind.base) << 28) >> 28;
    std::int64_t base = signed_base * (accumulators ? 4 : 1) + (t0 * bind.w0 + t1 * bind.w1) * size;
    Dims dims = {{w0, bind.w0 * size}, {w1, bind.w1 * size}};
    for (std::size_t i = 0; i < isa::kVectorDims; ++i) {
      if (d[i].size() == 0) return;
      base += d[i].low * strides[i] * size;
      dims.push_back({d[i].size(), strides[i] * size});
    }
    const MemoryId memory = accumulators ? MemoryId{isa::Space::kAccumulator, to->core, static_cast<int>(bind.array)}
                                         : MemoryId{isa::Space::kVmem, to->core, 0};
    to->out->push_back({memory, write, {base, size, dims}});
  }
};

void run_accesses(const isa::Run& run, std::span<const MicroOp> microcode, const VectorContext& context, const Collector& to) {
  const StreamBoxes boxes{&run, &context.window, &to};
  std::array<bool, isa::kVectorSlots * 4> seen{};
  for (std::int64_t i = 0; i < run.prologue + run.body + run.epilogue; ++i) {
    const auto at = static_cast<std::size_t>(run.program + i);
    if (at >= microcode.size()) return;
    const MicroOp& op = microcode[at];
    if (op.op != MicroOpcode::kLoad && op.op != MicroOpcode::kStore) continue;
    const bool write = op.op == MicroOpcode::kStore, tapped = i >= run.prologue && i < run.prologue + run.body;
    const std::size_t slot = op.slot % isa::kVectorSlots;
    bool& done = seen[slot * 4 + (write ? 2 : 0) + (tapped ? 1 : 0)];
    if (done) continue;
    done = true;
    boxes.add(context.binds[slot], write, tapped, !write && ((context.window.slots >> slot) & 1) != 0);
  }
}

}  // namespace

ByteBox::ByteBox(std::int64_t first, std::int64_t length, std::span<const Dim> any_dims) : base(first), bytes(length) {
  for (const Dim& given : any_dims) {
    if (given.count <= 1 || given.stride == 0 || dims == kDims) continue;
    if (given.stride < 0) base += (given.count - 1) * given.stride;
    dim[dims++] = {given.count, std::abs(given.stride)};
  }
  std::sort(dim.begin(), dim.begin() + static_cast<std::ptrdiff_t>(dims), [](const Dim& a, const Dim& b) { return a.stride > b.stride; });
  for (bool merged = true; merged;) {
    merged = false;
    if (dims > 0 && dim[dims - 1].stride <= bytes) {   // the rows touch or overlap: one longer row
      bytes += (dim[dims - 1].count - 1) * dim[dims - 1].stride;
      --dims;
      merged = true;
    }
    for (std::size_t i = 0; i + 1 < dims && !merged; ++i) {
      if (dim[i].stride % dim[i + 1].stride != 0 || dim[i].stride / dim[i + 1].stride > dim[i + 1].count) continue;
      dim[i + 1].count += (dim[i].count - 1) * (dim[i].stride / dim[i + 1].stride);
      std::copy(dim.begin() + static_cast<std::ptrdiff_t>(i) + 1, dim.begin() + static_cast<std::ptrdiff_t>(dims), dim.begin() + static_cast<std::ptrdiff_t>(i));
      --dims;
      merged = true;
    }
  }
}

std::int64_t ByteBox::end() const { return base + extent(*this, 0); }

bool ByteBox::operator==(const ByteBox& other) const {
  return base == other.base && bytes == other.bytes && dims == other.dims &&
         std::equal(dim.begin(), dim.begin() + static_cast<std::ptrdiff_t>(dims), other.dim.begin(),
                    [](const Dim& a, const Dim& b) { return a.count == b.count && a.stride == b.stride; });
}

bool overlap(const ByteBox& a, const ByteBox& b) {
  return !apart_within_pitch(a, b) && parts_overlap({&a, 0, a.base}, {&b, 0, b.base});
}

void UnitContext::take(const isa::Instruction& instruction) {
  if (const auto* bind = instruction.as<isa::Bind>()) vector.binds[static_cast<std::size_t>(bind->slot) % isa::kVectorSlots] = *bind;
  if (const auto* window = instruction.as<isa::Window>()) vector.window = *window;
  if (const auto* pad = instruction.as<isa::Pad>()) pads[static_cast<std::size_t>(instruction.unit - isa::matrix_unit(0)) / 2 % isa::kMaxArrays] = *pad;
}

void accesses_of(const isa::Instruction& instruction, int core, const Chip& chip, std::span<const MicroOp> microcode,
                 const UnitContext& context, std::vector<Access>& out) {
  const Collector to{core, &chip, &out};
  transfer(instruction, to);
  if (const auto* push = instruction.as<isa::Push>()) {
    const bool turned = push->transpose != 0;
    to.vmem(false, push->weights, (turned ? push->rows : push->columns) * size_of(push->type), {{turned ? push->columns : push->rows, push->pitch}});
  } else if (const auto* mm = instruction.as<isa::Matmul>()) {
    const std::int64_t array = (instruction.unit - isa::matrix_unit(0)) / 2;
    matmul_reads(*mm, context.pads[static_cast<std::size_t>(array) % isa::kMaxArrays], to);
    to.accumulators(true, array, mm->accumulator, mm->images * mm->out_rows * mm->out_columns, mm->columns * 4);
  } else if (const auto* run = instruction.as<isa::Run>()) {
    run_accesses(*run, microcode, context.vector, to);
  }
}

}  // namespace systole::machine
