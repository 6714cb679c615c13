#include "compile/tile.h"

#include <algorithm>
#include <cassert>

#include "base/units.h"
#include "compile/memory_plan.h"

namespace systole::compile {

namespace {
constexpr std::int64_t kHistoryRanges = 16;  // kept apart per kernel; more would cost more time than they save
}

void VmemHistory::forget(std::int64_t lo, std::int64_t hi) {
  std::vector<Range> kept;
  for (Range& range : ranges_) {
    if (range.hi <= lo || range.lo >= hi) {
      kept.push_back(std::move(range));
      continue;
    }
    if (range.lo < lo) kept.push_back({range.lo, lo, range.object});
    if (range.hi > hi) kept.push_back({hi, range.hi, range.object});
  }
  ranges_ = std::move(kept);
}

void VmemHistory::inherit(Object& object, std::int64_t lo, std::int64_t hi) const {
  for (const Range& range : ranges_)
    if (range.lo < hi && lo < range.hi) object.inherit(range.object);
}

Arena::Arena(Core& core, std::int64_t base, std::int64_t bytes) : core_(core), base_(base), next_(base), end_(base + bytes) {}

Arena::~Arena() {
  core_.vmem.forget(base_, next_);
  const std::size_t group = ceil_div(static_cast<std::int64_t>(buffers_.size()), kHistoryRanges);
  for (std::size_t i = 0; i < buffers_.size(); i += group) {
    const std::size_t last = std::min(buffers_.size(), i + group) - 1;
    for (std::size_t j = i + 1; j <= last; ++j) buffers_[i]->object.inherit(buffers_[j]->object);
    core_.vmem.add(buffers_[i]->address, buffers_[last]->address + buffers_[last]->bytes, buffers_[i]->object);
  }
}

Arena::Buffer* Arena::allocate(std::int64_t bytes) {
  auto buffer = std::make_unique<Buffer>();
  buffer->address = next_;
  buffer->bytes = round_up(std::max<std::int64_t>(bytes, 1), kAlignment);
  next_ += buffer->bytes;
  assert(next_ <= end_);
  core_.vmem.inherit(buffer->object, buffer->address, next_);
  buffers_.push_back(std::move(buffer));
  return buffers_.back().get();
}

TileCache::TileCache(Arena& arena, std::int64_t bytes, std::int64_t slots) {
  for (std::int64_t i = 0; i < slots; ++i) {
    Entry entry;
    entry.buffer = arena.allocate(bytes);
    entries_.push_back(entry);
  }
}

TileCache::Entry& TileCache::get(const Box& box, std::int64_t step, int lookahead,
                                 const std::function<void(Arena::Buffer&)>& load) {
  for (Entry& entry : entries_) {
    if (entry.filled && entry.box == box) {
      entry.last_step = std::max(entry.last_step, step);
      return entry;
    }
  }
  Entry& entry = next(step, lookahead);
  entry.box = box;
  entry.filled = true;
  load(*entry.buffer);
  return entry;
}

TileCache::Entry& TileCache::next(std::int64_t step, [[maybe_unused]] int lookahead) {
  Entry* oldest = &entries_.front();
  for (Entry& entry : entries_)
    if (entry.last_step < oldest->last_step) oldest = &entry;
  assert(oldest->last_step < step - lookahead || (!oldest->filled && oldest->last_step < step));
  oldest->last_step = step;
  oldest->filled = false;
  return *oldest;
}

Local resident(const Context& context, Core& core, StorageId id, const Shape& shape) {
  return {context.storage(id).vmem_address, core.far[static_cast<std::size_t>(id)], Box{Shape(shape.size(), 0), shape}};
}

std::int64_t box_bytes(const Box& box, DType type) { return round_up(box.count() * dtype_bytes(type), kAlignment); }

namespace {

// A box of a dense tensor as far rows: a contiguous run of bytes, then outer dimensions with pitches.
struct Strips {
  std::int64_t offset = 0, bytes = 0;                        // of the first run, from the tensor's start
  std::vector<std::pair<std::int64_t, std::int64_t>> outer;  // (count, pitch in bytes), slowest first
};

// keep_last: the last dimension stays a run of its own.
Strips strips_of(const Shape& shape, const Box& box, std::int64_t element_bytes, bool keep_last) {
  Strips strips;
  std::int64_t pitch = element_bytes;
  std::int64_t run = element_bytes;
  bool contiguous = true;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strips.offset += box.lo[i] * pitch;
    const std::int64_t n = box.size(i);
    const bool last = i + 1 == shape.size();
    if (contiguous && (last || !keep_last)) {
      run = n * pitch;
      contiguous = n == shape[i];
    } else if (n > 1) {
      // Joins the dimension inside it if stepping over that one whole is one step of this one.
      if (!strips.outer.empty() && strips.outer.front().first * strips.outer.front().second == pitch)
        strips.outer.front().first *= n;
      else
        strips.outer.insert(strips.outer.begin(), {n, pitch});
    }
    if (keep_last && last) contiguous = false;
    pitch *= shape[i];
  }
  strips.bytes = run;
  return strips;
}

constexpr std::int64_t kMaxRunBytes = (1 << 24) - 64;
constexpr std::int64_t kMaxRows = (1 << 16) - 1;

struct Transfer {
  std::int64_t far = 0;      // bytes from the tensor's start
  std::int64_t local = 0;    // bytes (dense) or rows (accumulators) from the buffer's start
  std::int64_t bytes = 0, rows = 1, planes = 1, pitch = 0, plane_pitch = 0;
};

// The transfers that together make the strips, each within the fields of isa::Load and isa::Store.
std::vector<Transfer> transfers_of(const Strips& strips, bool local_rows) {
  std::vector<Transfer> transfers;
  if (strips.bytes > kMaxRunBytes) {  // cut the run
    assert(strips.outer.empty() && !local_rows);
    for (std::int64_t done = 0; done < strips.bytes; done += kMaxRunBytes)
      transfers.push_back({strips.offset + done, done, std::min(kMaxRunBytes, strips.bytes - done)});
    return transfers;
  }
  const std::size_t levels = strips.outer.size();
  const auto [rows, pitch] = levels > 0 ? strips.outer[levels - 1] : std::pair<std::int64_t, std::int64_t>{1, 0};
  const auto [planes, plane_pitch] = levels > 1 ? strips.outer[levels - 2] : std::pair<std::int64_t, std::int64_t>{1, 0};
  std::int64_t outer = 1;
  for (std::size_t i = 0; i + 2 < levels; ++i) outer *= strips.outer[i].first;
  const std::int64_t unit = local_rows ? 1 : strips.bytes;
  const std::int64_t planes_at_once = rows > kMaxRows ? 1 : std::min(planes, kMaxRows);
  for (std::int64_t o = 0; o < outer; ++o) {
    std::int64_t far = strips.offset, rest = o;
    for (std::size_t i = levels > 2 ? levels - 2 : 0; i-- > 0;) {
      far += (rest % strips.outer[i].first) * strips.outer[i].second;
      rest /= strips.outer[i].first;
    }
    for (std::int64_t p = 0; p < planes; p += planes_at_once)
      for (std::int64_t r = 0; r < rows; r += kMaxRows)
        transfers.push_back({far + p * plane_pitch + r * pitch, ((o * planes + p) * rows + r) * unit, strips.bytes,
                             std::min(kMaxRows, rows - r), std::min(planes_at_once, planes - p), pitch, plane_pitch});
  }
  return transfers;
}

// The fields that loads and stores share.
template <typename Instruction>
Instruction far_side(const Storage& storage, const Transfer& transfer) {
  Instruction i;
  i.far_space = static_cast<std::int64_t>(storage.in_cmem ? isa::Space::kCmem : isa::Space::kHbm);
  i.far = storage.address + transfer.far;
  i.bytes = transfer.bytes;
  i.rows = transfer.rows;
  i.planes = transfer.planes;
  i.pitch = transfer.pitch;
  i.plane_pitch = transfer.plane_pitch;
  return i;
}

}  // namespace

void load_box(Context& context, Core& core, StorageId id, const Shape& shape, const Box& box, Arena::Buffer& local) {
  const Storage& storage = context.storage(id);
  for (const Transfer& transfer : transfers_of(strips_of(shape, box, dtype_bytes(storage.type), false), false)) {
    isa::Load load = far_side<isa::Load>(storage, transfer);
    load.local = local.address + transfer.local;
    core.emitter.emit(context.load_unit(), load, {&core.far[static_cast<std::size_t>(id)]}, {}, &local.object);
  }
}

void store_box(Context& context, Core& core, StorageId id, const Shape& shape, const Box& box, Arena::Buffer& local) {
  const Storage& storage = context.storage(id);
  for (const Transfer& transfer : transfers_of(strips_of(shape, box, dtype_bytes(storage.type), false), false)) {
    isa::Store store = far_side<isa::Store>(storage, transfer);
    store.local = local.address + transfer.local;
    core.emitter.emit(context.store_unit(), store, {&local.object}, {}, &core.far[static_cast<std::size_t>(id)]);
  }
}

void store_sums(Context& context, Core& core, StorageId id, const Shape& shape, const Box& box, int array,
                std::int64_t row, Object& sums) {
  const Storage& storage = context.storage(id);
  for (const Transfer& transfer : transfers_of(strips_of(shape, box, dtype_bytes(storage.type), true), true)) {
    isa::Store store = far_side<isa::Store>(storage, transfer);
    store.local_space = static_cast<std::int64_t>(isa::Space::kAccumulator);
    store.array = array;
    store.local = row + transfer.local;
    core.emitter.emit(context.store_unit(), store, {&sums}, {}, &core.far[static_cast<std::size_t>(id)]);
  }
}

Box input_box(const Kernel& kernel, std::size_t input, const Box& tile) {
  Box box = touched(kernel.inputs[input], tile, kernel.taps);
  const WindowBounds& window = kernel.window;
  if (window.input != static_cast<int>(input)) return box;
  const auto clip = [&](int d, std::int64_t lo, std::int64_t hi) {
    if (d < 0) return;
    const auto i = static_cast<std::size_t>(d);
    box.lo[i] = std::clamp(box.lo[i], lo, hi - 1);
    box.hi[i] = std::clamp(box.hi[i], box.lo[i] + 1, hi);
  };
  clip(window.row, window.row_lo, window.row_hi);
  clip(window.column, window.column_lo, window.column_hi);
  return box;
}

std::int64_t add_microcode(isa::Program& program, const VectorProgram& vector_program) {
  MicroProgram all = vector_program.prologue;
  all.insert(all.end(), vector_program.body.begin(), vector_program.body.end());
  all.insert(all.end(), vector_program.epilogue.begin(), vector_program.epilogue.end());
  const auto found = std::search(program.microcode.begin(), program.microcode.end(), all.begin(), all.end());
  if (found != program.microcode.end()) return found - program.microcode.begin();
  const auto address = static_cast<std::int64_t>(program.microcode.size());
  program.microcode.insert(program.microcode.end(), all.begin(), all.end());
  return address;
}

namespace {

// The run's dimensions: those of the tile with more than one index, in the last places of d0..d4.
struct RunDims {
  std::array<int, isa::kVectorDims> of{-1, -1, -1, -1, -1};  // dimension of the tile per place
  explicit RunDims(const Box& tile) {
    int place = isa::kVectorDims;
    for (std::size_t d = tile.lo.size(); d-- > 0;) {
      if (tile.size(d) == 1) continue;
      assert(place > 0);
      of[static_cast<std::size_t>(--place)] = static_cast<int>(d);
    }
  }
  std::int64_t count(const Box& tile, std::size_t place) const {
    return of[place] < 0 ? 1 : tile.size(static_cast<std::size_t>(of[place]));
  }
  int place_of(int d) const {
    for (std::size_t p = 0; p < of.size(); ++p)
      if (of[p] == d) return static_cast<int>(p);
    return -1;
  }
};

std::int64_t tap_count(const Kernel& kernel, std::size_t tap) {
  // One tap dimension is the fast one.
  if (kernel.taps.size() == 2) return kernel.taps[tap];
  return tap == 1 && kernel.taps.size() == 1 ? kernel.taps[0] : 1;
}

isa::Bind bind_access(const Kernel& kernel, const Access& access, const Box& tile, const RunDims& dims,
                      const Local& local, DType type) {
  const Shape box_shape = [&] {
    Shape shape;
    for (std::size_t d = 0; d < local.box.lo.size(); ++d) shape.push_back(local.box.size(d));
    return shape;
  }();
  const Shape strides = row_major_strides(box_shape);
  std::array<std::int64_t, isa::kVectorDims> s{};
  std::array<std::int64_t, 2> w{};
  std::int64_t origin = 0;
  for (std::size_t d = 0; d < access.dims.size(); ++d) {
    const DimAccess& a = access.dims[d];
    std::int64_t at = a.offset - local.box.lo[d];
    if (a.iter >= 0) {
      at += a.scale * tile.lo[static_cast<std::size_t>(a.iter)];
      const int place = dims.place_of(a.iter);
      if (place >= 0) s[static_cast<std::size_t>(place)] += a.scale * strides[d];
    }
    if (a.tap >= 0) w[kernel.taps.size() == 1 ? 1 : static_cast<std::size_t>(a.tap)] += a.tap_scale * strides[d];
    origin += at * strides[d];
  }
  isa::Bind bind;
  bind.space = static_cast<std::int64_t>(isa::Space::kVmem);
  bind.base = (local.address + origin * dtype_bytes(type)) & ((std::int64_t{1} << 36) - 1);
  bind.type = static_cast<std::int64_t>(type);
  bind.s0 = s[0];
  bind.s1 = s[1];
  bind.s2 = s[2];
  bind.s3 = s[3];
  bind.s4 = s[4];
  bind.w0 = w[0];
  bind.w1 = w[1];
  return bind;
}

// `input`: the part of the checked input that exists for this tile.
isa::Window window_of(const Kernel& kernel, const Box& tile, const RunDims& dims, const Box& input) {
  const WindowBounds& bounds = kernel.window;
  const Access& access = kernel.inputs[static_cast<std::size_t>(bounds.input)];
  isa::Window window;
  window.slots = std::int64_t{1} << kernel.input_slots[static_cast<std::size_t>(bounds.input)];
  window.value = bounds.value;
  const auto set = [&](int d, std::int64_t& dim, std::int64_t& first, std::int64_t& step, std::int64_t& tap,
                       std::int64_t& limit) {
    step = tap = first = dim = 0;
    limit = 1;
    if (d < 0) return;
    const DimAccess& a = access.dims[static_cast<std::size_t>(d)];
    first = a.offset - input.lo[static_cast<std::size_t>(d)] +
            (a.iter >= 0 ? a.scale * tile.lo[static_cast<std::size_t>(a.iter)] : 0);
    const int place = a.iter >= 0 ? dims.place_of(a.iter) : -1;
    if (place >= 0) {
      dim = place;
      step = a.scale;
    }
    tap = a.tap >= 0 ? a.tap_scale : 0;
    limit = input.size(static_cast<std::size_t>(d));
  };
  set(bounds.row, window.row_dim, window.row, window.row_step, window.row_tap, window.height);
  set(bounds.column, window.column_dim, window.column, window.column_step, window.column_tap, window.width);
  return window;
}

}  // namespace

void emit_run(Context& context, Core& core, const Kernel& kernel, std::int64_t program_address, const Box& tile,
              const std::vector<Local>& inputs, const Local& output, const Accumulators* sums) {
  const RunDims dims(tile);
  Emitter& emitter = core.emitter;
  std::vector<Object*> reads;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    isa::Bind bind = bind_access(kernel, kernel.inputs[i], tile, dims, inputs[i], kernel.input_types[i]);
    bind.slot = kernel.input_slots[i];
    emitter.emit(isa::kVector, bind);
    reads.push_back(inputs[i].object);
  }
  if (sums != nullptr) {
    isa::Bind bind;
    bind.slot = kernel.accumulator_slot;
    bind.space = static_cast<std::int64_t>(isa::Space::kAccumulator);
    bind.array = sums->array;
    bind.base = sums->row * context.chip.mxu.columns;
    bind.type = static_cast<std::int64_t>(is_float(kernel.contraction->format) ? DType::kF32 : DType::kI32);
    std::int64_t stride = context.chip.mxu.columns;
    std::array<std::int64_t, isa::kVectorDims> s{};
    for (std::size_t d = tile.lo.size(); d-- > 0;) {
      const int place = dims.place_of(static_cast<int>(d));
      const bool last = d + 1 == tile.lo.size();
      if (place >= 0) s[static_cast<std::size_t>(place)] = last ? 1 : stride;
      if (!last) stride *= tile.size(d);
    }
    bind.s0 = s[0];
    bind.s1 = s[1];
    bind.s2 = s[2];
    bind.s3 = s[3];
    bind.s4 = s[4];
    emitter.emit(isa::kVector, bind);
    reads.push_back(sums->object);
  }
  isa::Bind store = bind_access(kernel, kernel.output, tile, dims, output, kernel.output_type);
  store.slot = kernel.output_slot;
  emitter.emit(isa::kVector, store);
  if (kernel.window.input >= 0) {
    emitter.emit(isa::kVector, window_of(kernel, tile, dims, input_box(kernel, static_cast<std::size_t>(kernel.window.input), tile)));
    core.bounds_set = true;
  } else if (core.bounds_set) {
    emitter.emit(isa::kVector, isa::Window{});
    core.bounds_set = false;
  }
  isa::Run run;
  run.program = program_address;
  run.prologue = static_cast<std::int64_t>(kernel.program.prologue.size());
  run.body = static_cast<std::int64_t>(kernel.program.body.size());
  run.epilogue = static_cast<std::int64_t>(kernel.program.epilogue.size());
  run.mode = kernel.reduce_mode;
  run.result = kernel.program.result;
  run.d0 = dims.count(tile, 0);
  run.d1 = dims.count(tile, 1);
  run.d2 = dims.count(tile, 2);
  run.d3 = dims.count(tile, 3);
  run.d4 = dims.count(tile, 4);
  run.w0 = tap_count(kernel, 0);
  run.w1 = tap_count(kernel, 1);
  emitter.emit(isa::kVector, run, reads, {output.object});
}

}  // namespace systole::compile
