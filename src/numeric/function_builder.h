// Inside the room: writes micro-programs as expressions. Values are single-assignment; finish() gives them registers,
// reusing a register after its value's last use.
#pragma once

#include <bit>
#include <string_view>
#include <vector>

#include "numeric/functions.h"

namespace systole {

// An operand: a value that the program computed, or a constant (which rides in the operation that reads it).
class Value {
 public:
  Value(float constant) : immediate_(true), bits_(std::bit_cast<std::uint32_t>(constant)) {}  // NOLINT: implicit by design
  Value(std::int32_t constant) : immediate_(true), bits_(static_cast<std::uint32_t>(constant)) {}  // NOLINT

 private:
  friend class FunctionBuilder;
  Value() = default;
  bool immediate_ = false;
  std::uint32_t bits_ = 0;
  int id_ = -1;
};

class FunctionBuilder {
 public:
  explicit FunctionBuilder(int inputs);

  Value input(int index) const;

  Value add(Value a, Value b) { return emit(MicroOpcode::kFAdd, {a, b}); }
  Value sub(Value a, Value b) { return emit(MicroOpcode::kFSub, {a, b}); }
  Value mul(Value a, Value b) { return emit(MicroOpcode::kFMul, {a, b}); }
  Value fma(Value a, Value b, Value c) { return emit(MicroOpcode::kFFma, {a, b, c}); }
  Value min(Value a, Value b) { return emit(MicroOpcode::kFMin, {a, b}); }
  Value max(Value a, Value b) { return emit(MicroOpcode::kFMax, {a, b}); }
  Value less(Value a, Value b) { return emit(MicroOpcode::kFLess, {a, b}); }
  Value less_equal(Value a, Value b) { return emit(MicroOpcode::kFLessEqual, {a, b}); }
  Value equal(Value a, Value b) { return emit(MicroOpcode::kFEqual, {a, b}); }
  Value rint(Value a) { return emit(MicroOpcode::kFRint, {a}); }
  Value to_int(Value a) { return emit(MicroOpcode::kFToI, {a}); }
  Value to_float(Value a) { return emit(MicroOpcode::kIToF, {a}); }
  Value select(Value condition, Value a, Value b) { return emit(MicroOpcode::kSelect, {condition, a, b}); }
  // Any other operation.
  Value emit(MicroOpcode op, std::vector<Value> operands);

  // coefficients[0] + x * (coefficients[1] + ...), by Horner's rule.
  Value polynomial(Value x, const std::vector<float>& coefficients);
  Value magnitude(Value a) { return emit(MicroOpcode::kAnd, {a, 0x7FFFFFFF}); }
  Value negate_bits(Value a) { return emit(MicroOpcode::kXor, {a, kSignBit}); }
  Value sign_bit(Value a) { return emit(MicroOpcode::kAnd, {a, kSignBit}); }

  FunctionProgram finish(std::string_view name, Value result);

  static constexpr std::int32_t kSignBit = -0x7FFFFFFF - 1;

 private:
  struct Operation {
    MicroOpcode op;
    std::vector<Value> operands;
  };
  int inputs_;
  std::vector<Operation> operations_;  // operation i defines the value inputs_ + i
};

}  // namespace systole
