// The accumulators of the register engine's array. A word is row x C + column; it lies in line row + column of the host's memory, at its
// column's sum_place, so that the words which all columns of a stream write at one edge lie side by side.
#pragma once

#include <cstdint>
#include <vector>

#include "machine/register_kernels.h"

namespace systole::machine {

class Accumulators {
 public:
  Accumulators(std::int64_t rows, std::int64_t columns, Operands operands)
      : columns_(columns), pitch_((columns + kSumBlock - 1) / kSumBlock * kSumBlock), operands_(operands) {
    grow(rows);
  }

  std::int64_t rows() const { return rows_; }
  void grow(std::int64_t rows) {
    rows_ = rows;
    lines_.resize(static_cast<std::size_t>((rows + columns_ - 1) * pitch_));
  }
  // Outside, zero is read and nothing written.
  std::uint32_t word(std::int64_t row, std::int64_t column) const { return inside(row, column) ? lines_[at(row, column)] : 0; }
  std::uint32_t word(std::int64_t index) const { return word(index / columns_, index % columns_); }
  void set_word(std::int64_t index, std::uint32_t value) {
    const std::int64_t row = index / columns_, column = index % columns_;
    if (inside(row, column)) lines_[at(row, column)] = value;
  }
  // Columns 0, 1, 2, .. of rows first_row, first_row - 1, first_row - 2, .., in the order of sum_place: whole blocks, of which the
  // columns beyond the last have no meaning. All rows are inside.
  std::uint32_t* diagonal(std::int64_t first_row) { return lines_.data() + first_row * pitch_; }

 private:
  bool inside(std::int64_t row, std::int64_t column) const {
    return row >= 0 && row < rows_ && column >= 0 && column < columns_;
  }
  std::size_t at(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>((row + column) * pitch_ + sum_place(operands_, column));
  }

  std::int64_t rows_ = 0, columns_, pitch_;
  Operands operands_;
  std::vector<std::uint32_t> lines_;
};

}  // namespace systole::machine
