#pragma once

#include <string>

namespace systole::isa {

// docs/isa.md, made from the instruction table (target systole_isa_doc writes it; a test compares).
std::string isa_document();

}  // namespace systole::isa
