// The two units of an array in the register engine: the push unit's address generator and the matrix unit's feeder.
#pragma once

#include <cstdint>
#include <span>

#include "chip/chip.h"
#include "isa/instruction.h"
#include "machine/register_array.h"

namespace systole::machine {

// Elements of VMEM as operands of a product.
struct OperandFormat {
  DType type = DType::kF32, format = DType::kF32;   // in memory, of the product
  std::int64_t part = 0;                            // 0: convert; 1, 2, 3: bf16 part 0, 1, 2 of an fp32
};
// `count` elements from `address` on; zeros if they do not lie in the memory.
void read_operands(std::span<const std::uint8_t> vmem, std::int64_t address, std::int64_t count, const OperandFormat& format, std::uint32_t* to);

// Gives one row of a weight tile a cycle, last row first; a transposed tile one column a cycle.
class PushReader {
 public:
  explicit PushReader(const Chip& chip) : rows_(chip.mxu.rows), columns_(chip.mxu.columns) {}
  std::int64_t cycles(const isa::Push& push) const { return push.transpose != 0 ? std::max(rows_, columns_) : rows_; }
  void start(const isa::Push& push) { push_ = push, step_ = 0; }
  void cycle(std::span<const std::uint8_t> vmem, SystolicArray::Inputs& wires);
  const isa::Push& push() const { return push_; }
  std::int64_t step() const { return step_; }           // cycles since the push began

 private:
  void read(std::span<const std::uint8_t> vmem, std::int64_t outer, std::int64_t outers, std::int64_t inners, std::vector<std::uint32_t>& to) const;
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
  const isa::Matmul& matmul() const { return matmul_; }
  // Registers, as they stand for the row of the next cycle.
  std::int64_t image() const { return image_; }
  std::int64_t out_row() const { return out_row_; }
  std::int64_t out_column() const { return out_column_; }
  std::int64_t address() const { return address_; }
  std::int64_t h() const { return h_; }
  std::int64_t x() const { return x_; }
  std::int64_t target() const { return target_; }

 private:
  void read_row(std::span<const std::uint8_t> vmem, std::uint32_t* to) const;
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
