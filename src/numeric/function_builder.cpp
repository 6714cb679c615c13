#include "numeric/function_builder.h"

#include <algorithm>
#include <cassert>

namespace systole {

FunctionBuilder::FunctionBuilder(int inputs) : inputs_(inputs) {}

Value FunctionBuilder::input(int index) const {
  assert(index < inputs_);
  Value value;
  value.id_ = index;
  return value;
}

Value FunctionBuilder::emit(MicroOpcode op, std::vector<Value> operands) {
  assert(static_cast<int>(operands.size()) == micro_operand_count(op));
  bool has_immediate = false;
  for (Value& operand : operands) {
    if (!operand.immediate_) continue;
    if (has_immediate) {  // an operation carries one constant: this one needs an operation of its own
      operations_.push_back({MicroOpcode::kConst, {operand}});
      operand.immediate_ = false;
      operand.id_ = inputs_ + static_cast<int>(operations_.size()) - 1;
    }
    has_immediate = true;
  }
  operations_.push_back({op, std::move(operands)});
  Value result;
  result.id_ = inputs_ + static_cast<int>(operations_.size()) - 1;
  return result;
}

Value FunctionBuilder::polynomial(Value x, const std::vector<float>& coefficients) {
  const std::size_t degree = coefficients.size() - 1;
  assert(degree >= 1);
  Value result = Value(coefficients[degree]);
  for (std::size_t i = degree; i-- > 0;) {
    result = fma(result, x, coefficients[i]);
  }
  return result;
}

FunctionProgram FunctionBuilder::finish(std::string_view name, Value result) {
  assert(!result.immediate_ && result.id_ >= inputs_);
  const int values = inputs_ + static_cast<int>(operations_.size());
  std::vector<int> last_use(static_cast<std::size_t>(values), -1);
  for (int i = 0; i < static_cast<int>(operations_.size()); ++i) {
    for (const Value& operand : operations_[static_cast<std::size_t>(i)].operands) {
      if (!operand.immediate_) last_use[static_cast<std::size_t>(operand.id_)] = i;
    }
  }
  const int end = static_cast<int>(operations_.size());
  for (int i = 0; i < inputs_; ++i) last_use[static_cast<std::size_t>(i)] = end;
  last_use[static_cast<std::size_t>(result.id_)] = end;

  FunctionProgram program;
  program.name = name;
  program.inputs = inputs_;
  std::vector<int> home(static_cast<std::size_t>(values), -1);
  std::vector<int> holder(kRegisters, -1);  // which value a register holds
  for (int i = 0; i < inputs_; ++i) holder[static_cast<std::size_t>(i)] = home[static_cast<std::size_t>(i)] = i;
  program.registers = inputs_;
  for (int i = 0; i < end; ++i) {
    const Operation& operation = operations_[static_cast<std::size_t>(i)];
    MicroOp op;
    op.op = operation.op;
    std::uint8_t* const fields[] = {&op.a, &op.b, &op.c};
    for (std::size_t k = 0; k < operation.operands.size(); ++k) {
      const Value& operand = operation.operands[k];
      if (operand.immediate_) {
        op.imm = operand.bits_;
        if (op.op != MicroOpcode::kConst) op.imm_operand = static_cast<MicroOp::Imm>(k + 1);
      } else {
        *fields[k] = static_cast<std::uint8_t>(home[static_cast<std::size_t>(operand.id_)]);
      }
    }
    const auto is_free = [&](int value) { return value < 0 || last_use[static_cast<std::size_t>(value)] <= i; };
    const auto slot = std::find_if(holder.begin(), holder.end(), is_free) - holder.begin();
    assert(slot < kRegisters);
    const int defined = inputs_ + i;
    holder[static_cast<std::size_t>(slot)] = defined;
    home[static_cast<std::size_t>(defined)] = static_cast<int>(slot);
    op.d = static_cast<std::uint8_t>(slot);
    program.registers = std::max(program.registers, static_cast<int>(slot) + 1);
    program.program.push_back(op);
  }
  program.result = home[static_cast<std::size_t>(result.id_)];
  return program;
}

}  // namespace systole
