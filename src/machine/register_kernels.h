// One clock edge of an array's sums and shadow weights, row by row from the last to the first, on the host's vector
// instructions: the same bits on every instruction set. Inside the register engine.
#pragma once

#include <cstdint>

#include "numeric/dtype.h"

namespace systole::machine {

// How an element multiplies and adds. It travels with a row as its valid bit does.
enum class Arithmetic : std::uint8_t { kInteger, kFloat, kFixed };
constexpr int kArithmetics = 3;
constexpr Arithmetic arithmetic_of(DType format) {
  return is_float(format) ? Arithmetic::kFloat : format == DType::kQ8_8 ? Arithmetic::kFixed : Arithmetic::kInteger;
}

// The definitions: value x weight + sum of an element, and the addition into an accumulator.
std::uint32_t multiply_add(Arithmetic arithmetic, std::uint32_t value, std::uint32_t weight, std::uint32_t sum);
std::uint32_t add_to_accumulator(Arithmetic arithmetic, std::uint32_t before, std::uint32_t sum);

// Planes of words [rows][pitch] and of bits [rows][mask_words], column c in bit c % 64 of word c / 64. Rows of words start at 64
// bytes, and whole vectors from any column may be read.
struct ArrayPlanes {
  std::int64_t rows = 0, columns = 0, pitch = 0, mask_words = 0;
  const std::uint32_t* value = nullptr;       // of this edge, rows value_pitch apart
  std::int64_t value_pitch = 0;
  const std::uint32_t* active = nullptr;
  const std::uint32_t* zeros = nullptr;       // [pitch]
  std::uint32_t* sum = nullptr;
  std::uint32_t* shadow = nullptr;
  const std::uint64_t* valid[kArithmetics] = {};   // null: no element has work in this arithmetic
  const std::uint64_t* take = nullptr;
};

// sum(r, c) = value(r, c) x active(r, c) + sum(r - 1, c) where valid.
void clock_sums(const ArrayPlanes& planes);
// shadow(r, c) = shadow(r - 1, c) where taken, for r >= 1.
void clock_shadow(const ArrayPlanes& planes);

}  // namespace systole::machine
