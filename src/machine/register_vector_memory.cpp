// Loads and stores of a run: an address for each lane, the window, the conversions at the edge (docs/machine.md section 5).
#include <algorithm>
#include <bit>
#include <cstring>

#include "machine/register_memory.h"
#include "machine/register_vector.h"
#include "numeric/formats.h"

namespace systole::machine {
namespace {

constexpr std::int64_t kNowhere = -1;

bool in_accumulators(const isa::Bind& bind) { return bind.space == static_cast<std::int64_t>(isa::Space::kAccumulator); }

// Where a stream lies. Accumulators hold words of four bytes.
class StreamMemory {
 public:
  StreamMemory(const isa::Bind& bind, const VectorMemory& memory) {
    if (in_accumulators(bind)) words_ = memory.accumulators[static_cast<std::size_t>(bind.array)];
    else bytes_ = memory.vmem;
  }
  // Outside, zero is read and nothing written. `address`: kNowhere, or of the element.
  void read(std::int64_t address, std::uint8_t* to, std::size_t size) const {
    if (address < 0) return;
    if (words_ != nullptr) {
      const std::uint32_t word = words_->word(address / 4);
      std::memcpy(to, &word, std::min(size, sizeof(word)));
    } else {
      read_bytes(*bytes_, address, {to, size});
    }
  }
  void write(std::int64_t address, const std::uint8_t* from, std::size_t size) const {
    if (address < 0) return;
    if (words_ != nullptr) {
      std::uint32_t word = words_->word(address / 4);
      std::memcpy(&word, from, std::min(size, sizeof(word)));
      words_->set_word(address / 4, word);
    } else {
      write_bytes(*bytes_, address, {from, size});
    }
  }

 private:
  std::vector<std::uint8_t>* bytes_ = nullptr;
  Accumulators* words_ = nullptr;
};

std::int64_t base_of(const isa::Bind& bind) {
  const auto base = static_cast<std::int64_t>(static_cast<std::uint64_t>(bind.base) << 28) >> 28;   // 36 bits, signed
  return in_accumulators(bind) ? base * 4 : base;
}

}  // namespace

// Lane l of element e stands at addresses_[e x per_element + l]. Bytes; kNowhere: not this chunk's.
void VectorUnit::make_addresses(const isa::Bind& bind, const Lanes& lanes) {
  const std::int64_t size = dtype_bytes(static_cast<DType>(bind.type)), base = base_of(bind);
  const std::int64_t strides[] = {bind.s0 * size, bind.s1 * size, bind.s2 * size, bind.s3 * size, bind.s4 * size};
  addresses_.assign(static_cast<std::size_t>(width_ * lanes.per_element), kNowhere);
  for (std::int64_t e = 0; e < in_group_; ++e) {
    std::int64_t element = base;
    for (std::size_t i = 0; i < isa::kVectorDims; ++i) element += position_[i][static_cast<std::size_t>(e)] * strides[i];
    std::int64_t t0 = lanes.first_tap / run_.w1, t1 = lanes.first_tap % run_.w1;
    for (std::int64_t l = 0; l < lanes.active; ++l) {
      addresses_[static_cast<std::size_t>(e * lanes.per_element + l)] = element + (t0 * bind.w0 + t1 * bind.w1) * size;
      if (++t1 == run_.w1) t1 = 0, ++t0;
    }
  }
}

// Outside the bounds the register takes the window's value.
void VectorUnit::apply_window(const Lanes& lanes, std::uint32_t* to) const {
  const auto inside = [](std::int64_t at, std::int64_t bound) { return at >= 0 && at < bound; };
  for (std::int64_t e = 0; e < in_group_; ++e) {
    const std::int64_t row = window_.row + position(static_cast<int>(window_.row_dim), e) * window_.row_step;
    const std::int64_t column = window_.column + position(static_cast<int>(window_.column_dim), e) * window_.column_step;
    std::int64_t t0 = lanes.first_tap / run_.w1, t1 = lanes.first_tap % run_.w1;
    for (std::int64_t l = 0; l < lanes.active; ++l) {
      if (!inside(row + t0 * window_.row_tap, window_.height) || !inside(column + t1 * window_.column_tap, window_.width)) {
        to[e * lanes.per_element + l] = static_cast<std::uint32_t>(window_.value);
      }
      if (++t1 == run_.w1) t1 = 0, ++t0;
    }
  }
}

// Outside its memory a load reads zero.
void VectorUnit::load(const MicroOp& op, const Lanes& lanes, std::uint32_t* to, const VectorMemory& memory) {
  const std::size_t slot = op.slot % isa::kVectorSlots;
  const isa::Bind& bind = binds_[slot];
  const auto type = static_cast<DType>(bind.type);
  const auto size = static_cast<std::size_t>(dtype_bytes(type));
  const StreamMemory stream(bind, memory);
  make_addresses(bind, lanes);
  const std::size_t count = addresses_.size();
  raw_.assign((count * size + 7) / 8, 0);
  auto* raw = reinterpret_cast<std::uint8_t*>(raw_.data());
  for (std::size_t i = 0; i < count; ++i) stream.read(addresses_[i], raw + i * size, size);
  words_.resize(count);
  if (is_real(type)) load_lanes_f32(type, raw, reinterpret_cast<float*>(words_.data()), static_cast<std::int64_t>(count));
  else load_lanes_i32(type, raw, reinterpret_cast<std::int32_t*>(words_.data()), static_cast<std::int64_t>(count));
  if (((window_.slots >> slot) & 1) != 0) apply_window(lanes, words_.data());
  std::copy(words_.begin(), words_.end(), to);
}

void VectorUnit::store(const MicroOp& op, const Lanes& lanes, const std::uint32_t* from, const VectorMemory& memory) {
  const isa::Bind& bind = binds_[op.slot % isa::kVectorSlots];
  const auto type = static_cast<DType>(bind.type);
  const auto size = static_cast<std::size_t>(dtype_bytes(type));
  const StreamMemory stream(bind, memory);
  make_addresses(bind, lanes);
  const std::size_t count = addresses_.size();
  raw_.resize((count * size + 7) / 8);
  auto* raw = reinterpret_cast<std::uint8_t*>(raw_.data());
  if (is_real(type)) store_lanes_f32(type, reinterpret_cast<const float*>(from), raw, static_cast<std::int64_t>(count));
  else store_lanes_i32(type, reinterpret_cast<const std::int32_t*>(from), raw, static_cast<std::int64_t>(count));
  for (std::size_t i = 0; i < count; ++i) stream.write(addresses_[i], raw + i * size, size);
}

}  // namespace systole::machine
