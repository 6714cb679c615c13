// The two units of an array in the register engine: the push unit's address generator and the matrix unit's feeder.
#pragma once

#include <cstdint>
#include <span>

#include "chip/chip.h"
#include "isa/instruction.h"
#include "machine/register_array.h"

namespace systole::machine {

// An element of VMEM as the operand of a product: converted from its type to the format, or one bf16 part of an fp32.
// Outside the memory: zero.
Operand read_operand(std::span<const std::uint8_t> vmem, std::int64_t address, DType type, DType format, std::int64_t part);

// Gives one row of a weight tile a cycle, last row first; a transposed tile one column a cycle.
class PushReader {
 public:
  explicit PushReader(const Chip& chip) : rows_(chip.mxu.rows), columns_(chip.mxu.columns) {}
  std::int64_t cycles(const isa::Push& push) const { return push.transpose != 0 ? std::max(rows_, columns_) : rows_; }
  void start(const isa::Push& push) { push_ = push, step_ = 0; }
  void cycle(std::span<const std::uint8_t> vmem, SystolicArray::Inputs& wires);

 private:
  Operand weight(std::span<const std::uint8_t> vmem, std::int64_t row, std::int64_t column) const;
  std::int64_t rows_, columns_, step_ = 0;
  isa::Push push_;
};

// Three counters make the address and the place (h, x) of each row; the bounds choose element or pad.
class Feeder {
 public:
  explicit Feeder(const Chip& chip) : rows_(chip.mxu.rows) {}
  static std::int64_t cycles(const isa::Matmul& matmul) { return matmul.images * matmul.out_rows * matmul.out_columns; }
  void set_pad(const isa::Pad& pad) { pad_ = pad; }
  void start(const isa::Matmul& matmul);
  void cycle(std::span<const std::uint8_t> vmem, bool last, SystolicArray::Inputs& wires);
  const isa::Pad& pad() const { return pad_; }

 private:
  Operand element(std::span<const std::uint8_t> vmem, std::int64_t e) const;
  void advance();

  std::int64_t rows_;
  isa::Pad pad_;
  isa::Matmul matmul_;
  bool first_ = false;
  std::int64_t image_ = 0, out_row_ = 0, out_column_ = 0;             // counters
  std::int64_t image_address_ = 0, row_address_ = 0, address_ = 0;    // of the image, the output row, the row of the array
  std::int64_t h_ = 0, x_ = 0, target_ = 0;
};

}  // namespace systole::machine
