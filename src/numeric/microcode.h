// The vector unit's micro-operations: what one lane does in one cycle. A vector program is a list of them; its length
// is its cost in cycles per vector. The functions of numeric/functions.h, the kernels that the compiler fuses and the
// RTL's microcode are all such lists, so each has one definition.
//
// A lane has kRegisters words of 32 bits. f-operations read and write fp32 (IEEE, subnormals kept, nearest even, every
// NaN result is the canonical NaN), i-operations int32 (two's complement, wrapping unless said). A truth value is 0 or 1.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace systole {

enum class MicroOpcode : std::uint8_t {
  kMove,            // d = a
  kConst,           // d = imm
  kFAdd, kFSub, kFMul,
  kFFma,            // d = a * b + c, one rounding
  kFMin, kFMax,     // NaN if either is NaN; -0 < +0
  kFLess, kFLessEqual, kFEqual,           // d = a ? b as 0 or 1; false if unordered (so NaN test: x == x)
  kFRint,           // nearest integral value, ties to even, as fp32
  kFToI,            // nearest even, saturating, NaN -> 0
  kFToITruncate,
  kIToF,
  kFToBF16,         // the nearest bf16 / fp16 / ... value, kept as fp32
  kFToF16, kFToF8E4M3, kFToF8E5M2, kFToTF32,
  kIAdd, kISub, kIMul, kIMin, kIMax,
  kILess, kILessEqual, kIEqual,
  kIDiv, kIRem,     // truncating; x / 0 = -1, x rem 0 = x; min / -1 = min, rem 0
  kAnd, kOr, kXor, kShiftLeft, kShiftRight, kShiftRightArithmetic,   // shift count taken modulo 32
  kSelect,          // d = a != 0 ? b : c
  // Memory. Only in the programs that the compiler makes; `slot` names a bound operand stream.
  kLoad,            // d = next element of stream `slot`, converted to fp32 or (integers, pred) int32
  kStore,           // stream `slot` = register a (no immediate), converted from fp32 or int32 to the stream's format
  kCount
};

constexpr int kRegisters = 32;

struct MicroOp {
  MicroOpcode op = MicroOpcode::kMove;
  std::uint8_t d = 0, a = 0, b = 0, c = 0;  // registers
  std::uint8_t slot = 0;                    // kLoad, kStore
  // Which operand is replaced by `imm` (a constant costs no cycle of its own).
  enum class Imm : std::uint8_t { kNone, kA, kB, kC } imm_operand = Imm::kNone;
  std::uint32_t imm = 0;                    // bits of an fp32 or an int32
  bool operator==(const MicroOp&) const = default;
};

using MicroProgram = std::vector<MicroOp>;

std::string_view micro_opcode_name(MicroOpcode op);   // "fadd", "ffma", ...
int micro_operand_count(MicroOpcode op);              // how many of a, b, c are read
std::string format_micro_op(const MicroOp& op);       // "ffma r3, r1, r2, 0x3f800000"

// The definition: one lane, one operation. Not for kLoad and kStore.
void step_lane(const MicroOp& op, std::array<std::uint32_t, kRegisters>& registers);

// The same over many lanes at once, bit for bit (SIMD, run-time dispatch). `registers[r]` is row r of a
// [kRegisters][width] matrix with row pitch `width` (fastest where rows start at 64-byte boundaries). Not for kLoad and
// kStore.
void step_lanes(const MicroOp& op, std::uint32_t* registers, std::int64_t width);
void step_lanes(const MicroProgram& program, std::uint32_t* registers, std::int64_t width);  // in order

}  // namespace systole
