// Inside the room: the definition of a micro-operation on plain words, for the places that need it without registers.
#pragma once

#include "numeric/microcode.h"

namespace systole {

// d for operand words a, b, c. Not for kConst, kLoad and kStore.
std::uint32_t micro_result(MicroOpcode op, std::uint32_t a, std::uint32_t b, std::uint32_t c);

// step_lanes without SIMD.
void step_lanes_scalar(const MicroOp& op, std::uint32_t* registers, std::int64_t width);

}  // namespace systole
