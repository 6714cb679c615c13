#include "machine/register_matrix.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "machine/register_memory.h"
#include "numeric/formats.h"

namespace systole::machine {
namespace {

constexpr std::int64_t kBlock = 256;

struct Block {
  alignas(64) std::uint8_t from[kBlock * 8];
  alignas(64) std::uint8_t converted[kBlock * 8];
  alignas(64) float floats[kBlock];
  alignas(64) std::int32_t ints[kBlock];
};

void to_float_words(Block& block, const OperandFormat& f, std::int64_t count, std::uint32_t* to) {
  load_lanes_f32(f.type, block.from, block.floats, count);
  if (f.part != 0) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = std::uint32_t{bf16_part(block.floats[i], static_cast<int>(f.part) - 1)} << 16;
    return;
  }
  if (f.type != f.format) {
    store_lanes_f32(f.format, block.floats, block.converted, count);
    load_lanes_f32(f.format, block.converted, block.floats, count);
  }
  std::memcpy(to, block.floats, static_cast<std::size_t>(count * 4));
}

void to_fixed_words(Block& block, const OperandFormat& f, std::int64_t count, std::uint32_t* to) {
  const std::uint8_t* from = block.from;
  if (f.type != f.format) {
    load_lanes_f32(f.type, block.from, block.floats, count);
    store_lanes_f32(f.format, block.floats, block.converted, count);
    from = block.converted;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::int16_t x = 0;
    std::memcpy(&x, from + 2 * i, 2);
    to[i] = static_cast<std::uint32_t>(std::int32_t{x});
  }
}

void to_integer_words(Block& block, const OperandFormat& f, std::int64_t count, std::uint32_t* to) {
  const std::uint8_t* from = block.from;
  if (f.type != f.format) {
    from = block.converted;
    if (is_real(f.type) || !is_integer(f.format)) {
      load_lanes_f32(f.type, block.from, block.floats, count);
      store_lanes_f32(f.format, block.floats, block.converted, count);
    } else {
      load_lanes_i32(f.type, block.from, block.ints, count);
      store_lanes_i32(f.format, block.ints, block.converted, count);
    }
  }
  load_lanes_i32(f.format, from, block.ints, count);
  std::memcpy(to, block.ints, static_cast<std::size_t>(count * 4));
}

// Elements that lie in `bytes`.
void convert(const std::uint8_t* bytes, std::int64_t count, const OperandFormat& f, std::uint32_t* to) {
  Block block;
  const std::int64_t size = dtype_bytes(f.type);
  for (std::int64_t i = 0; i < count; i += kBlock) {
    const std::int64_t n = std::min(kBlock, count - i);
    std::memcpy(block.from, bytes + i * size, static_cast<std::size_t>(n * size));
    if (is_float(f.format)) to_float_words(block, f, n, to + i);
    else if (is_fixed(f.format)) to_fixed_words(block, f, n, to + i);
    else to_integer_words(block, f, n, to + i);
  }
}

}  // namespace

void read_operands(std::span<const std::uint8_t> vmem, std::int64_t address, std::int64_t count, const OperandFormat& format, std::uint32_t* to) {
  if (inside(address, count * dtype_bytes(format.type), vmem.size())) convert(vmem.data() + address, count, format, to);
  else std::fill_n(to, count, 0u);
}

// Line `outer` of the tile in memory; what the tile lacks is zero.
void PushReader::read(std::span<const std::uint8_t> vmem, std::int64_t outer, std::int64_t outers, std::int64_t inners, std::vector<std::uint32_t>& to) const {
  std::fill(to.begin(), to.end(), 0u);
  if (outer >= outers) return;
  read_operands(vmem, push_.weights + outer * push_.pitch, std::min(inners, static_cast<std::int64_t>(to.size())),
                {static_cast<DType>(push_.type), static_cast<DType>(push_.format), push_.part}, to.data());
}

void PushReader::cycle(std::span<const std::uint8_t> vmem, SystolicArray::Inputs& wires) {
  if (step_ < rows_) {
    wires.weights.accept = true;
    wires.weights.first = step_ == 0;
    wires.weights.values.resize(static_cast<std::size_t>(columns_));
    wires.weights.by_columns = push_.transpose != 0;
    if (push_.transpose == 0) read(vmem, rows_ - 1 - step_, push_.rows, push_.columns, wires.weights.values);
  }
  if (push_.transpose != 0 && step_ < columns_) {
    wires.column.column = step_;
    wires.column.values.resize(static_cast<std::size_t>(rows_));
    read(vmem, step_, push_.columns, push_.rows, wires.column.values);
  }
  ++step_;
}

void Feeder::start(const isa::Matmul& matmul) {
  matmul_ = matmul;
  first_ = matmul.swap != 0;
  image_ = out_row_ = out_column_ = 0;
  image_address_ = row_address_ = address_ = matmul.source;
  h_ = matmul.row;
  x_ = matmul.column;
  target_ = matmul.accumulator;
}

// Elements low .. high - 1 of the row exist; the others are the pad value, those beyond `length` zero.
void Feeder::read_row(std::span<const std::uint8_t> vmem, std::uint32_t* to) const {
  const std::int64_t length = std::min(matmul_.length, rows_), size = dtype_bytes(static_cast<DType>(pad_.type));
  const OperandFormat format{static_cast<DType>(pad_.type), static_cast<DType>(matmul_.format), matmul_.part};
  std::int64_t low = 0, high = length;
  if (pad_.width != 0) {
    low = std::clamp<std::int64_t>(-x_, 0, length);
    high = std::clamp<std::int64_t>(pad_.width - x_, low, length);
  }
  if (pad_.height != 0 && (h_ < 0 || h_ >= pad_.height)) high = low;
  std::fill(to + length, to + rows_, 0u);
  if (low > 0 || high < length) {
    const auto bits = static_cast<std::uint64_t>(pad_.value);
    const std::uint8_t element[8] = {static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8)};
    std::uint32_t pad = 0;
    read_operands(element, 0, 1, format, &pad);
    std::fill(to, to + low, pad);
    std::fill(to + high, to + length, pad);
  }
  read_operands(vmem, (address_ + low * size) & 0xFFFFFFFF, high - low, format, to + low);
}

void Feeder::cycle(std::span<const std::uint8_t> vmem, bool last, SystolicArray::Inputs& wires) {
  wires.row.values.resize(static_cast<std::size_t>(rows_));
  read_row(vmem, wires.row.values.data());
  wires.row.valid = true;
  wires.row.switching = first_;
  wires.row.arithmetic = arithmetic_of(static_cast<DType>(matmul_.format));
  wires.target = {target_, matmul_.columns, true, matmul_.accumulate != 0, last, wires.row.arithmetic};
  advance();
}

void Feeder::advance() {
  first_ = false;
  ++target_;
  if (++out_column_ < matmul_.out_columns) {
    address_ += pad_.step_pitch;
    x_ += pad_.column_step;
    return;
  }
  out_column_ = 0;
  x_ = matmul_.column;
  if (++out_row_ < matmul_.out_rows) {
    row_address_ += pad_.row_pitch;
    h_ += pad_.row_step;
  } else {
    out_row_ = 0;
    h_ = matmul_.row;
    ++image_;
    image_address_ += pad_.image_pitch;
    row_address_ = image_address_;
  }
  address_ = row_address_;
}

}  // namespace systole::machine
