#include "isa/check_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "isa/table.h"

namespace systole::isa {
namespace {

std::string join(const std::string& place, const std::string& inner) { return place.empty() ? inner : place + ": " + inner; }

Status check_core(const Program& program, std::size_t number, const std::string& place) {
  const CoreCode& core = program.cores[number];
  if (!core.layer.empty() && core.layer.size() != core.code.size()) {
    return invalid_input(join(place, fmt::format("core {}", number)),
                         fmt::format("{} layer numbers for {} instructions", core.layer.size(), core.code.size()));
  }
  for (std::size_t i = 0; i < core.code.size(); ++i) {
    if (auto status = check_instruction(core.code[i]); !status.ok()) {
      Error error = status.error();
      error.place = join(place, fmt::format("core {}, instruction {}: {}", number, i, error.place));
      return error;
    }
    if (!core.layer.empty() && core.layer[i] >= program.layers.size() && (core.layer[i] != 0 || !program.layers.empty())) {
      return invalid_input(join(place, instruction_place(number, i, core.code[i])),
                           fmt::format("layer {} is not among the {} layers", core.layer[i], program.layers.size()));
    }
  }
  return ok_status();
}

Status check_far(Space space, std::int64_t address, std::int64_t bytes, const std::string& place) {
  if (space != Space::kHbm && space != Space::kCmem) return invalid_input(place, "must stand in far memory", "hbm or cmem");
  if (address < 0 || bytes > std::numeric_limits<std::int64_t>::max() - address) return invalid_input(place, "address out of range");
  return ok_status();
}

Status check_bindings(const std::vector<Binding>& bindings, const char* kind, const std::string& place) {
  for (const Binding& b : bindings) {
    const std::string where = join(place, fmt::format("{} '{}'", kind, b.name));
    if (static_cast<int>(b.type) >= kDTypes)
      return invalid_input(where, fmt::format("unknown element type {}", static_cast<int>(b.type)));
    SYSTOLE_TRY(check_shape(b.shape, where));
    SYSTOLE_TRY(check_far(b.space, b.address, element_count(b.shape) * dtype_bytes(b.type), where));
  }
  return ok_status();
}

}  // namespace

std::string instruction_place(std::size_t core, std::size_t index, const Instruction& instruction) {
  return fmt::format("core {}, instruction {} ({})", core, index, info_of(instruction).name);
}

Status check_micro_op(const MicroOp& op, const std::string& place) {
  if (op.op >= MicroOpcode::kCount) return invalid_input(place, fmt::format("unknown micro-operation {}", static_cast<int>(op.op)));
  for (const int r : {op.d, op.a, op.b, op.c}) {
    if (r >= kRegisters) return invalid_input(place, fmt::format("register {} does not exist", r), "r0 .. r31");
  }
  if (op.slot >= kVectorSlots) return invalid_input(place, fmt::format("slot {} does not exist", op.slot), "s0 .. s7");
  // const takes its immediate with or without the mark.
  const int operands = std::max(micro_operand_count(op.op), op.op == MicroOpcode::kConst ? 1 : 0);
  if (static_cast<int>(op.imm_operand) > operands) {
    return invalid_input(place, fmt::format("{} has no operand {} for an immediate", micro_opcode_name(op.op), static_cast<int>(op.imm_operand)));
  }
  return ok_status();
}

Status check_parts(const Program& program, const std::string& place) {
  for (std::size_t i = 0; i < program.microcode.size(); ++i) {
    SYSTOLE_TRY(check_micro_op(program.microcode[i], join(place, fmt::format("micro-operation {}", i))));
  }
  for (std::size_t i = 0; i < program.cores.size(); ++i) SYSTOLE_TRY(check_core(program, i, place));
  for (std::size_t i = 0; i < program.images.size(); ++i) {
    const Image& image = program.images[i];
    const std::string where = join(place, fmt::format("image {}", i));
    if (image.bytes.type() != DType::kU8 || image.bytes.rank() != 1) return invalid_input(where, "must be a row of bytes");
    SYSTOLE_TRY(check_far(image.space, image.address, image.bytes.bytes(), where));
  }
  SYSTOLE_TRY(check_bindings(program.inputs, "input", place));
  SYSTOLE_TRY(check_bindings(program.outputs, "output", place));
  if (program.hbm_bytes < 0 || program.cmem_bytes < 0 || program.vmem_bytes < 0) return invalid_input(place, "a memory size is negative");
  return ok_status();
}

}  // namespace systole::isa
