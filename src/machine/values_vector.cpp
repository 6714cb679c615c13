#include "machine/values_vector.h"

#include <algorithm>
#include <cstring>

#include "machine/values_core.h"
#include "numeric/formats.h"

namespace systole::machine {
namespace {

constexpr std::int64_t kBlock = 1024;                        // lanes at a time

MicroOpcode combining(std::int64_t mode) {
  static constexpr MicroOpcode kFloat[] = {MicroOpcode::kFAdd, MicroOpcode::kFMul, MicroOpcode::kFMax, MicroOpcode::kFMin, MicroOpcode::kAnd, MicroOpcode::kOr};
  static constexpr MicroOpcode kInt[] = {MicroOpcode::kIAdd, MicroOpcode::kIMul, MicroOpcode::kIMax, MicroOpcode::kIMin, MicroOpcode::kAnd, MicroOpcode::kOr};
  return (mode >= 8 ? kInt : kFloat)[((mode & 7) - 1) % 6];
}

bool is_memory(const MicroOp& op) { return op.op == MicroOpcode::kLoad || op.op == MicroOpcode::kStore; }

// The registers that `op` reads, as a mask.
std::uint32_t reads(const MicroOp& op) {
  if (op.op == MicroOpcode::kStore) return 1u << (op.a % kRegisters);
  if (op.op == MicroOpcode::kLoad) return 0;
  std::uint32_t mask = 0;
  const int count = micro_operand_count(op.op);
  if (count > 0 && op.imm_operand != MicroOp::Imm::kA) mask |= 1u << (op.a % kRegisters);
  if (count > 1 && op.imm_operand != MicroOp::Imm::kB) mask |= 1u << (op.b % kRegisters);
  if (count > 2 && op.imm_operand != MicroOp::Imm::kC) mask |= 1u << (op.c % kRegisters);
  return mask;
}
std::uint32_t writes(const MicroOp& op) { return op.op == MicroOpcode::kStore ? 0 : 1u << (op.d % kRegisters); }

std::vector<int> members(std::uint32_t mask) {
  std::vector<int> list;
  for (int r = 0; r < kRegisters; ++r) {
    if (((mask >> r) & 1) != 0) list.push_back(r);
  }
  return list;
}

// Raw elements at base + offset[i], one after another.
template <typename T>
void collect(const std::uint8_t* base, const std::int64_t* offset, std::int64_t count, std::uint8_t* to) {
  for (std::int64_t i = 0; i < count; ++i) std::memcpy(to + i * static_cast<std::int64_t>(sizeof(T)), base + offset[i], sizeof(T));
}
void collect(std::int64_t size, const std::uint8_t* base, const std::int64_t* offset, std::int64_t count, std::uint8_t* to) {
  switch (size) {
    case 1: return collect<std::uint8_t>(base, offset, count, to);
    case 2: return collect<std::uint16_t>(base, offset, count, to);
    case 4: return collect<std::uint32_t>(base, offset, count, to);
    default: return collect<std::uint64_t>(base, offset, count, to);
  }
}
template <typename T>
void spread(std::uint8_t* base, const std::int64_t* offset, std::int64_t count, const std::uint8_t* from) {
  for (std::int64_t i = 0; i < count; ++i) std::memcpy(base + offset[i], from + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
}
void spread(std::int64_t size, std::uint8_t* base, const std::int64_t* offset, std::int64_t count, const std::uint8_t* from) {
  switch (size) {
    case 1: return spread<std::uint8_t>(base, offset, count, from);
    case 2: return spread<std::uint16_t>(base, offset, count, from);
    case 4: return spread<std::uint32_t>(base, offset, count, from);
    default: return spread<std::uint64_t>(base, offset, count, from);
  }
}

// `from` and `to` aligned to the element.
void to_registers(const Stream& stream, const std::uint8_t* from, std::uint32_t* lane, std::int64_t count) {
  if (stream.as_float) {
    load_lanes_f32(stream.type, from, reinterpret_cast<float*>(lane), count);
  } else {
    load_lanes_i32(stream.type, from, reinterpret_cast<std::int32_t*>(lane), count);
  }
}
void from_registers(const Stream& stream, const std::uint32_t* lane, std::uint8_t* to, std::int64_t count) {
  if (stream.as_float) {
    store_lanes_f32(stream.type, reinterpret_cast<const float*>(lane), to, count);
  } else {
    store_lanes_i32(stream.type, reinterpret_cast<const std::int32_t*>(lane), to, count);
  }
}

bool aligned(const std::uint8_t* p, std::int64_t size) { return reinterpret_cast<std::uintptr_t>(p) % static_cast<std::uintptr_t>(size) == 0; }

}  // namespace

VectorRun::VectorRun(const isa::Run& run, std::span<const MicroOp> microcode, const isa::Window& window, std::int64_t lanes)
    : run_(run), window_(window), lanes_(lanes), shape_{{run.d0, run.d1, run.d2, run.d3, run.d4}, run.w0, run.w1} {
  const auto part = [&](std::int64_t first, std::int64_t count) {
    const auto size = static_cast<std::int64_t>(microcode.size());
    first = std::min(first, size);
    return microcode.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(std::min(count, size - first)));
  };
  ops_ = {part(run.program, run.prologue), part(run.program + run.prologue, run.body),
          part(run.program + run.prologue + run.body, run.epilogue)};
  for (const auto& ops : ops_) {
    for (const MicroOp& op : ops) {
      if (is_memory(op)) slots_used_ |= 1u << (op.slot % isa::kVectorSlots);
    }
  }
  find_registers();
}

// In a reduction the body's lanes are other lanes than the prologue's and the epilogue's: they start from the prologue's
// registers, and of what they leave only the result goes back.
void VectorRun::find_registers() {
  const auto scan = [&](Phase phase, std::uint32_t& written, std::uint32_t& early) {
    for (const MicroOp& op : ops_[phase]) {
      early |= reads(op) & ~written;
      written |= writes(op);
    }
  };
  std::uint32_t written = 0, early = 0, body_written = 0, inputs = 0;
  scan(kPrologue, written, early);
  scan(kBody, body_written, inputs);
  const std::uint32_t result = 1u << run_.result;
  if (run_.mode != 0 && (body_written & result) == 0) inputs |= result;
  early |= inputs & ~written;
  written |= run_.mode == 0 ? body_written : result;
  scan(kEpilogue, written, early);
  zeroed_ = members(early);
  body_inputs_ = members(inputs);
}

Outcome VectorRun::check() {
  for (Stream& s : streams_) {
    s.dense = s.constant = true;
    for (std::size_t i = isa::kVectorDims, next = static_cast<std::size_t>(s.size); i-- > 0; next *= static_cast<std::size_t>(shape_.d[i])) {
      if (shape_.d[i] == 1) continue;
      s.dense = s.dense && s.stride[i] == static_cast<std::int64_t>(next);
      s.constant = s.constant && s.stride[i] == 0;
    }
  }
  for (int phase = kPrologue; phase <= kEpilogue; ++phase) {
    for (const MicroOp& op : ops_[static_cast<std::size_t>(phase)]) {
      if (!is_memory(op)) continue;
      Stream& s = streams_[op.slot % isa::kVectorSlots];
      std::int64_t low = s.base, high = s.base;
      const auto widen = [&](std::int64_t span) { (span < 0 ? low : high) += span; };
      for (std::size_t i = 0; i < isa::kVectorDims; ++i) widen((shape_.d[i] - 1) * s.stride[i]);
      widen(phase == kBody ? (shape_.w0 - 1) * s.w0 : 0);
      widen(phase == kBody ? (shape_.w1 - 1) * s.w1 : 0);
      const bool inside = low >= 0 && high + s.size <= s.limit;
      if (!inside && !(op.op == MicroOpcode::kLoad && s.windowed)) return outside(s.memory_name, low, high + s.size - low, s.limit);
      if (!inside) s.checked = false;
    }
  }
  return nullptr;
}

Outcome VectorRun::execute() {
  if (run_.mode == 0) map();
  else reduce();
  return std::move(failure_);
}

// Blocks end with the fastest dimension where that is long, so that contiguous streams stay contiguous within a block.
std::int64_t VectorRun::element_block(std::int64_t first, std::int64_t most) const {
  std::int64_t inner = 1;
  for (std::size_t i = isa::kVectorDims; i-- > 0 && inner == 1;) inner = shape_.d[i];
  const std::int64_t left = shape_.elements() - first;
  if (inner < kBlock / 4) return std::min(left, most);
  return std::min({left, most, inner - first % inner});
}

void VectorRun::map() {
  registers_.resize(static_cast<std::size_t>(kRegisters * kBlock));
  const std::int64_t elements = shape_.elements(), taps = shape_.taps();
  for (std::int64_t first = 0; first < elements && !failure_;) {
    const std::int64_t count = element_block(first, kBlock);
    begin({first, count, 0, 1});
    for (const int r : zeroed_) std::memset(registers_.data() + r * count, 0, static_cast<std::size_t>(count * 4));
    steps(kPrologue, registers_.data());
    for (std::int64_t tap = 0; tap < taps; ++tap) steps(kBody, registers_.data(), tap);
    steps(kEpilogue, registers_.data());
    first += count;
  }
}

void VectorRun::reduce() {
  const std::int64_t elements = shape_.elements();
  const std::int64_t most = std::max<std::int64_t>(kBlock / shape_.taps(), 1);
  for (std::int64_t first = 0; first < elements && !failure_;) {
    const std::int64_t count = std::min(most, elements - first);
    reduce_block(first, count);
    first += count;
  }
}

// Lanes (element fastest) hold the taps of a few elements, or some of the taps of one.
void VectorRun::reduce_block(std::int64_t first, std::int64_t elements) {
  const std::int64_t taps = shape_.taps(), partials = std::min(taps, lanes_);
  const std::int64_t tap_block = elements > 1 || taps <= kBlock ? taps : std::max<std::int64_t>(kBlock / lanes_, 1) * lanes_;
  registers_.resize(static_cast<std::size_t>(kRegisters * std::max(elements, kBlock)));
  begin({first, elements, 0, 1});
  for (const int r : zeroed_) std::memset(registers_.data() + r * elements, 0, static_cast<std::size_t>(elements * 4));
  steps(kPrologue, registers_.data());
  partial_.resize(static_cast<std::size_t>(partials * elements));

  for (std::int64_t tap = 0; tap < taps; tap += tap_block) {
    const std::int64_t count = std::min(tap_block, taps - tap), width = count * elements;
    body_registers_.resize(std::max(body_registers_.size(), static_cast<std::size_t>(kRegisters * width)));
    for (const int r : body_inputs_) {
      for (std::int64_t t = 0; t < count; ++t) {
        std::memcpy(body_registers_.data() + r * width + t * elements, registers_.data() + r * elements, static_cast<std::size_t>(elements * 4));
      }
    }
    begin({first, elements, tap, count});
    steps(kBody, body_registers_.data());
    const std::uint32_t* values = body_registers_.data() + run_.result * width;
    for (std::int64_t t = 0; t < count; t += lanes_) {
      const std::int64_t chunk = std::min(lanes_, count - t) * elements;
      if (tap + t == 0) std::memcpy(partial_.data(), values, static_cast<std::size_t>(chunk * 4));
      else combine(partial_.data(), values + t * elements, chunk);
    }
  }
  for (std::int64_t m = partials; m > 1;) {
    const std::int64_t half = (m + 1) / 2;
    combine(partial_.data(), partial_.data() + half * elements, (m - half) * elements);
    m = half;
  }
  std::memcpy(registers_.data() + run_.result * elements, partial_.data(), static_cast<std::size_t>(elements * 4));
  begin({first, elements, 0, 1});
  steps(kEpilogue, registers_.data());
}

void VectorRun::combine(std::uint32_t* partial, const std::uint32_t* values, std::int64_t count) {
  if (count <= 0) return;
  scratch_.resize(std::max(scratch_.size(), static_cast<std::size_t>(2 * count)));
  std::memcpy(scratch_.data(), partial, static_cast<std::size_t>(count * 4));
  std::memcpy(scratch_.data() + count, values, static_cast<std::size_t>(count * 4));
  MicroOp op;
  op.op = combining(run_.mode);
  op.b = 1;
  step_lanes(op, scratch_.data(), count);
  std::memcpy(partial, scratch_.data(), static_cast<std::size_t>(count * 4));
}

void VectorRun::begin(const Lanes& lanes) {
  block_ = lanes;
  for (Places& at : places_) at.ready = false;
  window_ready_ = false;
}

// The common cases, without a table of offsets.
bool VectorRun::simple_places(const Stream& s, Places& at) const {
  if (s.windowed || block_.taps != 1) return false;
  const std::int64_t shift = tap_bytes(s, block_.tap);
  at.constant = s.constant;
  at.contiguous = s.dense;
  if (s.constant || s.dense) {
    at.offset.assign(1, shift + (s.dense ? block_.first * s.size : 0));
    return true;
  }
  std::int64_t column = block_.first % shape_.d[4];
  if (shape_.d[4] == 1 || column + block_.elements > shape_.d[4] || (s.stride[4] != s.size && s.stride[4] != 0)) return false;
  std::int64_t offset = shift + column * s.stride[4], rest = block_.first / shape_.d[4];
  for (std::size_t i = isa::kVectorDims - 1; i-- > 0; rest /= shape_.d[i]) offset += rest % shape_.d[i] * s.stride[i];
  at.offset.assign(1, offset);
  at.constant = s.stride[4] == 0;
  at.contiguous = !at.constant;
  return true;
}

const VectorRun::Places& VectorRun::places(std::size_t slot) {
  Places& at = places_[slot];
  if (at.ready) return at;
  const Stream& s = streams_[slot];
  at.ready = true;
  if (simple_places(s, at)) return at;
  at.constant = false;
  at.offset.resize(static_cast<std::size_t>(block_.width()));
  std::array<std::int64_t, isa::kVectorDims> index;
  std::int64_t rest = block_.first, offset = 0;
  for (std::size_t i = isa::kVectorDims; i-- > 0;) {
    index[i] = rest % shape_.d[i];
    rest /= shape_.d[i];
    offset += index[i] * s.stride[i];
  }
  for (std::int64_t e = 0; e < block_.elements;) {
    const std::int64_t run = std::min(shape_.d[4] - index[4], block_.elements - e);
    for (std::int64_t i = 0; i < run; ++i) at.offset[static_cast<std::size_t>(e + i)] = offset + i * s.stride[4];
    e += run;
    offset += run * s.stride[4];
    index[4] += run;
    for (std::size_t i = isa::kVectorDims - 1; i > 0 && index[i] == shape_.d[i]; --i) {
      offset += s.stride[i - 1] - index[i] * s.stride[i];
      index[i] = 0;
      ++index[i - 1];
    }
  }
  for (std::int64_t t = block_.taps; t-- > 0;) {   // backwards: tap 0 of the block stands where the elements stand
    const std::int64_t shift = tap_bytes(s, block_.tap + t);
    for (std::int64_t e = 0; e < block_.elements; ++e) {
      at.offset[static_cast<std::size_t>(t * block_.elements + e)] = at.offset[static_cast<std::size_t>(e)] + shift;
    }
  }
  at.contiguous = true;
  for (std::size_t i = 1; i < at.offset.size() && at.contiguous; ++i) at.contiguous = at.offset[i] == at.offset[i - 1] + s.size;
  return at;
}

void VectorRun::window_places() {
  if (window_ready_) return;
  window_ready_ = true;
  row_.resize(static_cast<std::size_t>(block_.width()));
  column_.resize(row_.size());
  std::array<std::int64_t, isa::kVectorDims> pitch;
  pitch[isa::kVectorDims - 1] = 1;
  for (std::size_t i = isa::kVectorDims - 1; i > 0; --i) pitch[i - 1] = pitch[i] * shape_.d[i];
  const auto row_dim = static_cast<std::size_t>(window_.row_dim), column_dim = static_cast<std::size_t>(window_.column_dim);
  for (std::int64_t t = 0, i = 0; t < block_.taps; ++t) {
    const std::int64_t tap = block_.tap + t;
    const std::int64_t row = window_.row + tap / shape_.w1 * window_.row_tap, column = window_.column + tap % shape_.w1 * window_.column_tap;
    for (std::int64_t e = block_.first; e < block_.first + block_.elements; ++e, ++i) {
      row_[static_cast<std::size_t>(i)] = row + e / pitch[row_dim] % shape_.d[row_dim] * window_.row_step;
      column_[static_cast<std::size_t>(i)] = column + e / pitch[column_dim] % shape_.d[column_dim] * window_.column_step;
    }
  }
}

void VectorRun::steps(Phase phase, std::uint32_t* registers, std::int64_t tap) {
  for (const MicroOp& op : ops_[phase]) step(op, registers, tap);
}

void VectorRun::step(const MicroOp& op, std::uint32_t* registers, std::int64_t tap) {
  const std::int64_t width = block_.width();
  const std::size_t slot = op.slot % isa::kVectorSlots;
  if (op.op == MicroOpcode::kLoad) load(slot, registers + op.d % kRegisters * width, tap);
  else if (op.op == MicroOpcode::kStore) store(slot, registers + op.a % kRegisters * width, tap);
  else step_lanes(op, registers, width);
}

void VectorRun::load(std::size_t slot, std::uint32_t* lane, std::int64_t tap) {
  const Stream& s = streams_[slot];
  const Places& at = places(slot);
  if (s.windowed) return load_windowed(s, at, lane, tap);
  const std::int64_t count = block_.width();
  const std::uint8_t* base = s.memory + s.base + tap_bytes(s, tap);
  if (at.contiguous && aligned(base + at.offset[0], s.size)) return to_registers(s, base + at.offset[0], lane, count);
  raw_.resize(std::max(raw_.size(), static_cast<std::size_t>(count * s.size)));
  if (at.constant) {
    std::memcpy(raw_.data(), base + at.offset[0], static_cast<std::size_t>(s.size));
    to_registers(s, raw_.data(), lane, 1);
    std::fill_n(lane + 1, count - 1, lane[0]);
    return;
  }
  if (at.contiguous) std::memcpy(raw_.data(), base + at.offset[0], static_cast<std::size_t>(count * s.size));
  else collect(s.size, base, at.offset.data(), count, raw_.data());
  to_registers(s, raw_.data(), lane, count);
}

void VectorRun::load_windowed(const Stream& s, const Places& at, std::uint32_t* lane, std::int64_t tap) {
  window_places();
  const std::int64_t count = block_.width();
  const std::int64_t base = s.base + tap_bytes(s, tap);
  const std::int64_t row = tap / shape_.w1 * window_.row_tap, column = tap % shape_.w1 * window_.column_tap;
  const auto inside = [&](std::size_t i) {
    return static_cast<std::uint64_t>(row_[i] + row) < static_cast<std::uint64_t>(window_.height) &&
           static_cast<std::uint64_t>(column_[i] + column) < static_cast<std::uint64_t>(window_.width);
  };
  raw_.resize(std::max(raw_.size(), static_cast<std::size_t>(count * s.size)));
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    std::uint8_t* to = raw_.data() + i * static_cast<std::size_t>(s.size);
    if (!inside(i)) {
      std::memset(to, 0, static_cast<std::size_t>(s.size));
      continue;
    }
    const std::int64_t address = base + at.offset[i];
    if (!s.checked && (address < 0 || address + s.size > s.limit)) {
      if (!failure_) failure_ = outside(s.memory_name, address, s.size, s.limit);
      return;
    }
    std::memcpy(to, s.memory + address, static_cast<std::size_t>(s.size));
  }
  to_registers(s, raw_.data(), lane, count);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    if (!inside(i)) lane[i] = static_cast<std::uint32_t>(window_.value);
  }
}

void VectorRun::store(std::size_t slot, const std::uint32_t* lane, std::int64_t tap) {
  if (failure_) return;
  const Stream& s = streams_[slot];
  const Places& at = places(slot);
  const std::int64_t count = block_.width();
  std::uint8_t* base = s.memory + s.base + tap_bytes(s, tap);
  if (at.contiguous && aligned(base + at.offset[0], s.size)) return from_registers(s, lane, base + at.offset[0], count);
  raw_.resize(std::max(raw_.size(), static_cast<std::size_t>(count * s.size)));
  if (at.constant) {   // the last element stays
    from_registers(s, lane + count - 1, raw_.data(), 1);
    std::memcpy(base + at.offset[0], raw_.data(), static_cast<std::size_t>(s.size));
    return;
  }
  from_registers(s, lane, raw_.data(), count);
  if (at.contiguous) std::memcpy(base + at.offset[0], raw_.data(), static_cast<std::size_t>(count * s.size));
  else spread(s.size, base, at.offset.data(), count, raw_.data());
}

Outcome ValueCore::run(const isa::Run& run) {
  if (run.result >= kRegisters) return impossible("the register to reduce does not exist");
  VectorRun vector(run, microcode_, window_, std::max<std::int64_t>(chip_->vpu.lanes, 1));
  for (std::size_t slot = 0; slot < isa::kVectorSlots; ++slot) {
    if (((vector.slots_used() >> slot) & 1) == 0) continue;
    const isa::Bind& bind = binds_[slot];
    Stream& s = vector.stream(slot);
    s.type = static_cast<DType>(bind.type);
    s.size = dtype_bytes(s.type);
    s.as_float = is_real(s.type);
    // 36 bits hold a base in front of the memory too (a window's first row may lie there).
    std::int64_t base = static_cast<std::int64_t>(static_cast<std::uint64_t>(bind.base) << 28) >> 28;
    if (bind.space == static_cast<std::int64_t>(isa::Space::kAccumulator)) {
      if (bind.array >= static_cast<std::int64_t>(arrays_.size())) return impossible("the chip has no such array");
      if (s.size != 4) return impossible("accumulators hold words of 32 bits; bind them as f32 or i32");
      ValueArray& array = arrays_[static_cast<std::size_t>(bind.array)];
      s.memory_name = "the accumulators";
      s.memory = array.accumulators.data();
      s.limit = array.accumulators.size();
      base *= 4;
    } else {
      s.memory = vmem_.data();
      s.limit = vmem_.size();
    }
    s.base = base;
    s.stride = {bind.s0 * s.size, bind.s1 * s.size, bind.s2 * s.size, bind.s3 * s.size, bind.s4 * s.size};
    s.w0 = bind.w0 * s.size;
    s.w1 = bind.w1 * s.size;
    s.windowed = ((window_.slots >> slot) & 1) != 0;
    s.checked = true;
  }
  if (Outcome bad = vector.check()) return bad;
  return vector.execute();
}

}  // namespace systole::machine
