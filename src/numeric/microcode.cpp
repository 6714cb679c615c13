#include "numeric/microcode.h"

#include <fmt/format.h>

#include <bit>
#include <cassert>
#include <cmath>
#include <limits>

#include "numeric/formats.h"
#include "numeric/microcode_lanes.h"

namespace systole {
namespace {

struct Row {
  MicroOpcode op;
  std::string_view name;
  int operands;
};

constexpr Row kTable[] = {
    {MicroOpcode::kMove, "move", 1},
    {MicroOpcode::kConst, "const", 0},
    {MicroOpcode::kFAdd, "fadd", 2},
    {MicroOpcode::kFSub, "fsub", 2},
    {MicroOpcode::kFMul, "fmul", 2},
    {MicroOpcode::kFFma, "ffma", 3},
    {MicroOpcode::kFMin, "fmin", 2},
    {MicroOpcode::kFMax, "fmax", 2},
    {MicroOpcode::kFLess, "flt", 2},
    {MicroOpcode::kFLessEqual, "fle", 2},
    {MicroOpcode::kFEqual, "feq", 2},
    {MicroOpcode::kFRint, "frint", 1},
    {MicroOpcode::kFToI, "ftoi", 1},
    {MicroOpcode::kFToITruncate, "ftoit", 1},
    {MicroOpcode::kIToF, "itof", 1},
    {MicroOpcode::kFToBF16, "ftobf16", 1},
    {MicroOpcode::kFToF16, "ftof16", 1},
    {MicroOpcode::kFToF8E4M3, "ftof8e4m3", 1},
    {MicroOpcode::kFToF8E5M2, "ftof8e5m2", 1},
    {MicroOpcode::kFToTF32, "ftotf32", 1},
    {MicroOpcode::kIAdd, "iadd", 2},
    {MicroOpcode::kISub, "isub", 2},
    {MicroOpcode::kIMul, "imul", 2},
    {MicroOpcode::kIMin, "imin", 2},
    {MicroOpcode::kIMax, "imax", 2},
    {MicroOpcode::kILess, "ilt", 2},
    {MicroOpcode::kILessEqual, "ile", 2},
    {MicroOpcode::kIEqual, "ieq", 2},
    {MicroOpcode::kIDiv, "idiv", 2},
    {MicroOpcode::kIRem, "irem", 2},
    {MicroOpcode::kAnd, "and", 2},
    {MicroOpcode::kOr, "or", 2},
    {MicroOpcode::kXor, "xor", 2},
    {MicroOpcode::kShiftLeft, "shl", 2},
    {MicroOpcode::kShiftRight, "shr", 2},
    {MicroOpcode::kShiftRightArithmetic, "sra", 2},
    {MicroOpcode::kSelect, "select", 3},
    {MicroOpcode::kLoad, "load", 0},
    {MicroOpcode::kStore, "store", 1},
};
static_assert(std::size(kTable) == static_cast<std::size_t>(MicroOpcode::kCount));

const Row& row_of(MicroOpcode op) {
  const Row& row = kTable[static_cast<std::size_t>(op)];
  assert(row.op == op);
  return row;
}

float as_float(std::uint32_t bits) { return std::bit_cast<float>(bits); }
std::int32_t as_int(std::uint32_t bits) { return static_cast<std::int32_t>(bits); }
std::uint32_t word(float x) { return std::bit_cast<std::uint32_t>(canonical(x)); }
std::uint32_t word(std::int32_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t word(bool x) { return x ? 1 : 0; }

float minimum(float x, float y) {
  if (std::isnan(x) || std::isnan(y)) return as_float(kCanonicalNan);
  if (x == y) return std::signbit(x) ? x : y;
  return x < y ? x : y;
}
float maximum(float x, float y) {
  if (std::isnan(x) || std::isnan(y)) return as_float(kCanonicalNan);
  if (x == y) return std::signbit(x) ? y : x;
  return x < y ? y : x;
}

std::int32_t divide(std::int32_t x, std::int32_t y) {
  if (y == 0) return -1;
  if (x == std::numeric_limits<std::int32_t>::min() && y == -1) return x;
  return x / y;
}
std::int32_t remainder(std::int32_t x, std::int32_t y) {
  if (y == 0) return x;
  if (y == -1) return 0;
  return x % y;
}

std::uint32_t float_result(MicroOpcode op, float a, float b, float c) {
  switch (op) {
    case MicroOpcode::kFAdd: return word(a + b);
    case MicroOpcode::kFSub: return word(a - b);
    case MicroOpcode::kFMul: return word(a * b);
    case MicroOpcode::kFFma: return word(std::fma(a, b, c));
    case MicroOpcode::kFMin: return word(minimum(a, b));
    case MicroOpcode::kFMax: return word(maximum(a, b));
    case MicroOpcode::kFLess: return word(a < b);
    case MicroOpcode::kFLessEqual: return word(a <= b);
    case MicroOpcode::kFEqual: return word(a == b);
    case MicroOpcode::kFRint: return word(std::nearbyint(a));
    case MicroOpcode::kFToI: return word(f32_to_i32(a));
    case MicroOpcode::kFToITruncate: return word(f32_to_i32_truncate(a));
    case MicroOpcode::kFToBF16: return word(bf16_to_f32(f32_to_bf16(a)));
    case MicroOpcode::kFToF16: return word(f16_to_f32(f32_to_f16(a)));
    case MicroOpcode::kFToF8E4M3: return word(f8e4m3_to_f32(f32_to_f8e4m3(a)));
    case MicroOpcode::kFToF8E5M2: return word(f8e5m2_to_f32(f32_to_f8e5m2(a)));
    case MicroOpcode::kFToTF32: return word(f32_to_tf32(a));
    default: assert(false); return 0;
  }
}

// Words in, word out: signed where the operation is, wrapping.
std::uint32_t word_result(MicroOpcode op, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  switch (op) {
    case MicroOpcode::kMove: return a;
    case MicroOpcode::kIToF: return word(i32_to_f32(as_int(a)));
    case MicroOpcode::kIAdd: return a + b;
    case MicroOpcode::kISub: return a - b;
    case MicroOpcode::kIMul: return a * b;
    case MicroOpcode::kIMin: return as_int(a) < as_int(b) ? a : b;
    case MicroOpcode::kIMax: return as_int(a) < as_int(b) ? b : a;
    case MicroOpcode::kILess: return word(as_int(a) < as_int(b));
    case MicroOpcode::kILessEqual: return word(as_int(a) <= as_int(b));
    case MicroOpcode::kIEqual: return word(a == b);
    case MicroOpcode::kIDiv: return word(divide(as_int(a), as_int(b)));
    case MicroOpcode::kIRem: return word(remainder(as_int(a), as_int(b)));
    case MicroOpcode::kAnd: return a & b;
    case MicroOpcode::kOr: return a | b;
    case MicroOpcode::kXor: return a ^ b;
    case MicroOpcode::kShiftLeft: return a << (b & 31);
    case MicroOpcode::kShiftRight: return a >> (b & 31);
    case MicroOpcode::kShiftRightArithmetic: return word(as_int(a) >> (b & 31));
    case MicroOpcode::kSelect: return a != 0 ? b : c;
    default: assert(false); return 0;
  }
}

bool reads_floats(MicroOpcode op) {
  return op >= MicroOpcode::kFAdd && op <= MicroOpcode::kFToTF32 && op != MicroOpcode::kIToF;
}

}  // namespace

std::string_view micro_opcode_name(MicroOpcode op) { return row_of(op).name; }

int micro_operand_count(MicroOpcode op) { return row_of(op).operands; }

std::string format_micro_op(const MicroOp& op) {
  std::string text{micro_opcode_name(op.op)};
  const char* separator = " ";
  const auto add = [&](const std::string& item) {
    text += separator + item;
    separator = ", ";
  };
  if (op.op == MicroOpcode::kStore) add(fmt::format("s{}", op.slot));
  if (op.op != MicroOpcode::kStore) add(fmt::format("r{}", op.d));
  if (op.op == MicroOpcode::kLoad) add(fmt::format("s{}", op.slot));
  if (op.op == MicroOpcode::kConst) add(fmt::format("{:#010x}", op.imm));
  const std::uint8_t operands[] = {op.a, op.b, op.c};
  for (int i = 0; i < micro_operand_count(op.op); ++i) {
    const bool immediate = static_cast<int>(op.imm_operand) == i + 1;
    add(immediate ? fmt::format("{:#010x}", op.imm) : fmt::format("r{}", operands[i]));
  }
  return text;
}

std::uint32_t micro_result(MicroOpcode op, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  if (reads_floats(op)) return float_result(op, as_float(a), as_float(b), as_float(c));
  return word_result(op, a, b, c);
}

void step_lane(const MicroOp& op, std::array<std::uint32_t, kRegisters>& registers) {
  if (op.op == MicroOpcode::kConst) {
    registers[op.d] = op.imm;
    return;
  }
  const std::uint32_t a = op.imm_operand == MicroOp::Imm::kA ? op.imm : registers[op.a];
  const std::uint32_t b = op.imm_operand == MicroOp::Imm::kB ? op.imm : registers[op.b];
  const std::uint32_t c = op.imm_operand == MicroOp::Imm::kC ? op.imm : registers[op.c];
  registers[op.d] = micro_result(op.op, a, b, c);
}

void step_lanes_scalar(const MicroOp& op, std::uint32_t* registers, std::int64_t width) {
  std::uint32_t* const d = registers + op.d * width;
  const auto operand = [&](std::uint8_t index, MicroOp::Imm position, std::int64_t lane) {
    return op.imm_operand == position ? op.imm : registers[index * width + lane];
  };
  for (std::int64_t lane = 0; lane < width; ++lane) {
    d[lane] = op.op == MicroOpcode::kConst
                  ? op.imm
                  : micro_result(op.op, operand(op.a, MicroOp::Imm::kA, lane), operand(op.b, MicroOp::Imm::kB, lane),
                                 operand(op.c, MicroOp::Imm::kC, lane));
  }
}

}  // namespace systole
