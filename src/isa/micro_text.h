// Micro-operations as text: numeric/microcode.h's form, and after '|' whatever an unused field holds.
#pragma once

#include "isa/text_line.h"
#include "numeric/microcode.h"

namespace systole::isa {

std::string micro_text(const MicroOp& op);
Expected<MicroOp> parse_micro_text(TextLine& line);   // up to the end of the line

}  // namespace systole::isa
