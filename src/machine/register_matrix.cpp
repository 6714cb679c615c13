#include "machine/register_matrix.h"

#include <algorithm>
#include <bit>

#include "numeric/formats.h"

namespace systole::machine {

Operand read_operand(std::span<const std::uint8_t> vmem, std::int64_t address, DType type, DType format, std::int64_t part) {
  const bool float_format = is_float(format);
  if (address < 0 || address + dtype_bytes(type) > static_cast<std::int64_t>(vmem.size())) return {0, float_format};
  const std::uint8_t* p = vmem.data() + address;
  std::uint8_t converted[8] = {};
  if (!float_format) {
    store_from_i32(format, converted, load_as_i32(type, p));
    return {static_cast<std::uint32_t>(load_as_i32(format, converted)), false};
  }
  if (part != 0) return {std::uint32_t{bf16_part(load_as_f32(type, p), static_cast<int>(part) - 1)} << 16, true};
  store_from_f32(format, converted, load_as_f32(type, p));
  return {std::bit_cast<std::uint32_t>(load_as_f32(format, converted)), true};
}

Operand PushReader::weight(std::span<const std::uint8_t> vmem, std::int64_t row, std::int64_t column) const {
  const auto type = static_cast<DType>(push_.type), format = static_cast<DType>(push_.format);
  if (row >= push_.rows || column >= push_.columns) return {0, is_float(format)};
  const std::int64_t outer = push_.transpose != 0 ? column : row, inner = push_.transpose != 0 ? row : column;
  return read_operand(vmem, push_.weights + outer * push_.pitch + inner * dtype_bytes(type), type, format, push_.part);
}

void PushReader::cycle(std::span<const std::uint8_t> vmem, SystolicArray::Inputs& wires) {
  if (step_ < rows_) {
    wires.weights.accept = true;
    wires.weights.first = step_ == 0;
    if (push_.transpose == 0) {
      for (std::int64_t c = 0; c < columns_; ++c) {
        wires.weights.values[static_cast<std::size_t>(c)] = weight(vmem, rows_ - 1 - step_, c).bits;
      }
    }
  }
  if (push_.transpose != 0 && step_ < columns_) {
    wires.column.column = step_;
    wires.column.values.resize(static_cast<std::size_t>(rows_));
    for (std::int64_t r = 0; r < rows_; ++r) wires.column.values[static_cast<std::size_t>(r)] = weight(vmem, r, step_).bits;
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

Operand Feeder::element(std::span<const std::uint8_t> vmem, std::int64_t e) const {
  const auto type = static_cast<DType>(pad_.type), format = static_cast<DType>(matmul_.format);
  if (e >= matmul_.length) return {0, is_float(format)};
  const std::int64_t x = x_ + e;
  const bool inside = (pad_.height == 0 || (h_ >= 0 && h_ < pad_.height)) && (pad_.width == 0 || (x >= 0 && x < pad_.width));
  if (inside) {
    return read_operand(vmem, (address_ + e * dtype_bytes(type)) & 0xFFFFFFFF, type, format, matmul_.part);
  }
  const auto bits = static_cast<std::uint64_t>(pad_.value);
  const std::uint8_t pad[8] = {static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8)};
  return read_operand(pad, 0, type, format, matmul_.part);
}

void Feeder::cycle(std::span<const std::uint8_t> vmem, bool last, SystolicArray::Inputs& wires) {
  for (std::int64_t e = 0; e < rows_; ++e) wires.row.values[static_cast<std::size_t>(e)] = element(vmem, e);
  wires.row.valid = true;
  wires.row.switching = first_;
  wires.target = {target_, matmul_.columns, true, matmul_.accumulate != 0, is_float(static_cast<DType>(matmul_.format)), last};
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
