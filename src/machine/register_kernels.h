// One clock edge of an array's sums, or several, row by row from the last to the first, on the host's vector instructions: the same
// bits on every instruction set. Inside the register engine.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

#include "numeric/dtype.h"

namespace systole::machine {

// How an element multiplies and adds. It travels with a row as its valid bit does.
enum class Arithmetic : std::uint8_t { kInteger, kFloat, kFixed };
constexpr int kArithmetics = 3;
constexpr Arithmetic arithmetic_of(DType format) {
  return is_float(format) ? Arithmetic::kFloat : is_fixed(format) ? Arithmetic::kFixed : Arithmetic::kInteger;
}

// The definitions: value x weight + sum of an element (`fraction`: of the array's Qm.n), and the addition into an
// accumulator (of floats, add_floats).
std::uint32_t multiply_add(Arithmetic arithmetic, int fraction, std::uint32_t value, std::uint32_t weight,
                           std::uint32_t sum);
std::uint32_t add_floats(std::uint32_t before, std::uint32_t sum);
inline std::uint32_t add_to_accumulator(Arithmetic arithmetic, std::uint32_t before, std::uint32_t sum) {
  if (arithmetic == Arithmetic::kInteger) return before + sum;
  if (arithmetic == Arithmetic::kFixed) {
    return static_cast<std::uint32_t>(std::clamp(std::int32_t{static_cast<std::int16_t>(before)} + std::int32_t{static_cast<std::int16_t>(sum)}, -32768, 32767));
  }
  // Where nothing is subnormal or NaN, the definition is the host's addition.
  const float total = std::bit_cast<float>(before) + std::bit_cast<float>(sum);
  const auto ordinary = [](std::uint32_t bits) { return (bits & 0x7FFFFFFFu) == 0 || ((bits & 0x7FFFFFFFu) - 0x00800000u) < 0x7F000000u; };
  const auto result = std::bit_cast<std::uint32_t>(total);
  if (ordinary(before) && ordinary(sum) && ordinary(result)) return result;
  return add_floats(before, sum);
}

// How operands (values and weights) lie in the host's memory; always 32-bit words in meaning. Narrow ones are faster.
enum class Operands : std::uint8_t {
  kWords,    // as they are
  kShorts,   // 16 bits, to be extended by the sign: integers and fixed point of at most 16 bits
  kBf16,     // 16 bits, the upper half of an fp32
};
constexpr std::int64_t operand_bytes(Operands operands) { return operands == Operands::kWords ? 4 : 2; }
inline std::uint32_t get_operand(Operands operands, const std::uint8_t* plane, std::int64_t at) {
  if (operands == Operands::kWords) return reinterpret_cast<const std::uint32_t*>(plane)[at];
  const std::uint16_t half = reinterpret_cast<const std::uint16_t*>(plane)[at];
  if (operands == Operands::kBf16) return std::uint32_t{half} << 16;
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(static_cast<std::int16_t>(half)));
}
inline void put_operand(Operands operands, std::uint8_t* plane, std::int64_t at, std::uint32_t word) {
  if (operands == Operands::kWords) reinterpret_cast<std::uint32_t*>(plane)[at] = word;
  else reinterpret_cast<std::uint16_t*>(plane)[at] = static_cast<std::uint16_t>(operands == Operands::kBf16 ? word >> 16 : word);
}

// Where column c's sum stands in its row. Beside shorts, the lower four columns of each eight of a block come before the upper four, as the
// host's vector instructions interleave them.
constexpr std::int64_t kSumBlock = 32;
constexpr std::int64_t sum_place(Operands operands, std::int64_t c) {
  if (operands != Operands::kShorts) return c;
  const std::int64_t i = c % kSumBlock;
  return c - i + (i / 4 % 2) * (kSumBlock / 2) + i / 8 * 4 + i % 4;
}

// A line of bits on which row r of the array sees, for column c, bit first + r + c. One word beyond the last bit may be read.
struct BitLine {
  const std::uint64_t* words = nullptr;       // null: no bit is set
  std::int64_t first = 0;
};

// A switch on its way through the array: at this edge the elements with r + c = diagonal take their active weights from this plane, at the
// edge before those with r + c = diagonal - 1. It may have left the array.
struct SwitchFront {
  const std::uint8_t* weights = nullptr;
  std::int64_t diagonal = -1;
};

// Planes of words or operands [rows][pitch]. Rows but those of values start at 64 bytes, and whole blocks of 32 columns from any column may
// be read; what lies in columns beyond the last has no meaning.
struct ArrayPlanes {
  std::int64_t rows = 0, columns = 0, pitch = 0;
  Operands operands = Operands::kWords;
  int fraction = 8;                           // bits behind the point of the array's Qm.n
  const std::uint8_t* value = nullptr;        // operands of this edge, rows value_pitch operands apart; those of the edge before begin one further on
  std::int64_t value_pitch = 0;
  std::uint8_t* active = nullptr;             // operands
  std::span<const SwitchFront> fronts;        // (clock_sums does not look at them)
  const std::uint32_t* zeros = nullptr;       // [pitch]
  std::uint32_t* sum = nullptr;               // columns in the order of sum_place
  BitLine valid[kArithmetics];                // which elements have work in each arithmetic
};

// sum(r, c) = value(r, c) x active(r, c) + sum(r - 1, c) where valid.
void clock_sums(const ArrayPlanes& planes);

// Elements on the diagonals of `fronts` take their active weights.
void take_weights(const ArrayPlanes& planes);

// Every element has work in `arithmetic` at this edge and at `edges` - 1 before it, whose sums and active weights are still to be made (`valid`
// is not looked at). Several edges read and write the sums once, which is what a large array waits for:
// sum(r, c) = value(r, c) x active(r, c) + (value(r - 1, c) x active(r - 1, c) + ( .. + sum(r - edges, c))), the row above an edge earlier.
constexpr int kMostEdges = 8;
void clock_all_sums(const ArrayPlanes& planes, Arithmetic arithmetic, int edges);
// The last row's sums of this edge, in the order of sum_place, to `sums`. The array's stay, and of the active weights only those are
// taken that belong to these sums; to be called at every one of the edges.
void last_row_sums(const ArrayPlanes& planes, Arithmetic arithmetic, int edges, std::uint32_t* sums);

}  // namespace systole::machine
