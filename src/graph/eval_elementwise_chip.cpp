// Elementwise operators as the vector unit computes them: elements become fp32 or int32 words, a micro-program runs on
// blocks of lanes, and the result word is rounded or saturated to the result's format.
#include <fmt/core.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "base/units.h"
#include "graph/eval.h"
#include "graph/vector_function.h"
#include "graph/infer.h"
#include "graph/words.h"
#include "numeric/functions.h"

namespace systole::graph {
namespace {

constexpr std::int64_t kBlock = 1024;

using Code = MicroOpcode;
using Imm = MicroOp::Imm;

// What runs: inputs in registers 0 .. n-1, the answer in register `result`.
struct Kernel {
  MicroProgram program;
  int result = 0;
};

MicroOp make(Code op, int d, int a, int b, int c = 0) {
  MicroOp m;
  m.op = op;
  m.d = static_cast<std::uint8_t>(d);
  m.a = static_cast<std::uint8_t>(a);
  m.b = static_cast<std::uint8_t>(b);
  m.c = static_cast<std::uint8_t>(c);
  return m;
}
MicroOp with_b(Code op, int d, int a, std::uint32_t imm) {
  MicroOp m = make(op, d, a, 0);
  m.imm_operand = Imm::kB;
  m.imm = imm;
  return m;
}

Kernel compare_kernel(CompareDirection direction, bool floats) {
  const Code less = floats ? Code::kFLess : Code::kILess;
  const Code less_equal = floats ? Code::kFLessEqual : Code::kILessEqual;
  const Code equal = floats ? Code::kFEqual : Code::kIEqual;
  switch (direction) {
    case CompareDirection::kEQ:
      return {{make(equal, 2, 0, 1)}, 2};
    case CompareDirection::kNE:
      return {{make(equal, 2, 0, 1), with_b(Code::kXor, 2, 2, 1)}, 2};
    case CompareDirection::kLT:
      return {{make(less, 2, 0, 1)}, 2};
    case CompareDirection::kLE:
      return {{make(less_equal, 2, 0, 1)}, 2};
    case CompareDirection::kGT:
      return {{make(less, 2, 1, 0)}, 2};
    default:
      return {{make(less_equal, 2, 1, 0)}, 2};
  }
}

Kernel convert_kernel(DType from, DType to) {
  const bool from_float = is_word_float(from);
  if (to == DType::kPred) {
    return {{with_b(from_float ? Code::kFEqual : Code::kIEqual, 1, 0, 0), with_b(Code::kXor, 1, 1, 1)}, 1};
  }
  if (from_float == is_word_float(to)) return {{}, 0};
  return {{make(from_float ? Code::kFToITruncate : Code::kIToF, 1, 0, 0)}, 1};
}

// StableHLO: a count outside [0, width) gives 0, or the sign. Formats narrower than a word use its low bits.
Kernel shift_kernel(OpKind kind, DType type) {
  const int width = type == DType::kI4 ? 4 : static_cast<int>(std::min<std::int64_t>(8 * dtype_bytes(type), 32));
  const auto unused = static_cast<std::uint32_t>(32 - width), last = static_cast<std::uint32_t>(width - 1);
  constexpr int x = 0, n = 1, value = 2, at_least_0 = 3, below = 4, inside = 5;
  MicroProgram p = {with_b(Code::kILessEqual, below, n, last), make(Code::kILess, at_least_0, n, 0)};
  p[1].imm_operand = Imm::kB;  // n < 0
  p.push_back(with_b(Code::kXor, at_least_0, at_least_0, 1));
  p.push_back(make(Code::kAnd, inside, below, at_least_0));
  p.push_back(make(Code::kSelect, inside, inside, n));  // the count, or what stands for an outside one
  p.back().imm_operand = Imm::kC;
  p.back().imm = last;
  if (kind == OpKind::kShiftRightArithmetic) {
    p.push_back(with_b(Code::kShiftLeft, value, x, unused));
    p.push_back(with_b(Code::kShiftRightArithmetic, value, value, unused));
    p.push_back(make(Code::kShiftRightArithmetic, value, value, inside));
  } else if (kind == OpKind::kShiftLeft) {
    p.push_back(make(Code::kShiftLeft, value, x, inside));
  } else {
    p.push_back(with_b(Code::kShiftLeft, value, x, unused));
    p.push_back(with_b(Code::kShiftRight, value, value, unused));
    p.push_back(make(Code::kShiftRight, value, value, inside));
  }
  p.push_back(with_b(Code::kShiftLeft, value, value, unused));  // back to the format's range
  p.push_back(with_b(is_unsigned(type) ? Code::kShiftRight : Code::kShiftRightArithmetic, value, value, unused));
  if (kind != OpKind::kShiftRightArithmetic) {
    p.push_back(make(Code::kAnd, below, below, at_least_0));
    p.push_back(make(Code::kSelect, value, below, value));
    p.back().imm_operand = Imm::kC;  // 0
  }
  return {p, value};
}

Kernel bitwise_kernel(OpKind kind, DType type) {
  switch (kind) {
    case OpKind::kNot: {
      const std::uint32_t ones = is_unsigned(type) && dtype_bytes(type) < 4 ? (1u << (8 * dtype_bytes(type))) - 1 : ~0u;
      return {{with_b(Code::kXor, 1, 0, type == DType::kPred ? 1u : ones)}, 1};
    }
    case OpKind::kAnd:
    case OpKind::kMultiply:
      return {{make(Code::kAnd, 2, 0, 1)}, 2};  // multiply, add: on pred
    case OpKind::kXor:
      return {{make(Code::kXor, 2, 0, 1)}, 2};
    default:
      return {{make(Code::kOr, 2, 0, 1)}, 2};
  }
}

Kernel function_kernel(OpKind kind, DType type) {
  const FunctionProgram& f = function_program(vector_function(kind, is_word_float(type)));
  return {f.program, f.result};
}

Kernel kernel_for(const Step& step) {
  const DType type = step.operand(0).type();
  const bool floats = is_word_float(type);
  switch (step.op.kind) {
    case OpKind::kCompare:
      return compare_kernel(step.op.get<CompareAttr>().direction, floats);
    case OpKind::kConvert:
      return convert_kernel(type, step.result.type);
    case OpKind::kSelect:
      return {{make(Code::kSelect, 3, 0, 1, 2)}, 3};
    case OpKind::kClamp: {
      const Code max = floats ? Code::kFMax : Code::kIMax, min = floats ? Code::kFMin : Code::kIMin;
      return {{make(max, 3, 0, 1), make(min, 3, 3, 2)}, 3};
    }
    case OpKind::kIsFinite:  // |x| < infinity
      return {{with_b(Code::kAnd, 1, 0, 0x7FFFFFFFu), with_b(Code::kFLess, 1, 1, 0x7F800000u)}, 1};
    case OpKind::kShiftLeft:
    case OpKind::kShiftRightLogical:
    case OpKind::kShiftRightArithmetic:
      return shift_kernel(step.op.kind, type);
    case OpKind::kNot:
    case OpKind::kAnd:
    case OpKind::kOr:
    case OpKind::kXor:
      return bitwise_kernel(step.op.kind, type);
    case OpKind::kAdd:
    case OpKind::kMultiply:
      if (type == DType::kPred) return bitwise_kernel(step.op.kind, type);
      return function_kernel(step.op.kind, type);
    default:
      return function_kernel(step.op.kind, type);
  }
}

}  // namespace

Expected<Tensor> eval_elementwise(const Step& step, const ChipRun&) {
  if (step.op.kind == OpKind::kShiftRightLogical && dtype_bytes(step.result.type) == 8) {
    return unsupported(InferContext{step.graph, step.op, nullptr}.place(),
                       "a logical right shift of a 64-bit integer, which runs as int32", "convert to i32 first");
  }
  const Kernel kernel = kernel_for(step);
  Tensor result(step.result.type, step.result.shape);
  std::uint8_t* out = result.mutable_raw();
  const std::int64_t out_size = dtype_bytes(result.type());
  tbb::parallel_for(std::int64_t{0}, ceil_div(result.count(), kBlock), [&](std::int64_t block) {
    const std::int64_t start = block * kBlock, width = std::min(kBlock, result.count() - start);
    const auto registers =
        std::make_unique_for_overwrite<std::uint32_t[]>(static_cast<std::size_t>(kRegisters * width));
    for (std::size_t i = 0; i < step.operands.size(); ++i) {
      const Tensor& x = step.operand(i);
      std::uint32_t* row = registers.get() + static_cast<std::int64_t>(i) * width;
      if (x.shape().empty()) {
        load_words(x.type(), x.raw(), row, 1);
        std::fill(row + 1, row + width, row[0]);
      } else {
        load_words(x.type(), x.raw() + start * dtype_bytes(x.type()), row, width);
      }
    }
    for (const MicroOp& op : kernel.program) step_lanes(op, registers.get(), width);
    store_words(result.type(), registers.get() + kernel.result * width, out + start * out_size, width);
  });
  return result;
}

}  // namespace systole::graph
