// Checks that the program file, the assembler and check_program share.
#pragma once

#include <string>

#include "isa/program.h"

namespace systole::isa {

// A known operation, registers and slot in range, an immediate only where an operand is.
Status check_micro_op(const MicroOp& op, const std::string& place);
// Everything that needs no chip and no order of execution: each instruction and micro-operation on its own, layer numbers,
// spaces and shapes of bindings and images.
Status check_parts(const Program& program, const std::string& place);
// "core 0, instruction 12 (matmul)"
std::string instruction_place(std::size_t core, std::size_t index, const Instruction& instruction);

}  // namespace systole::isa
