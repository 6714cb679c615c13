#pragma once

#include "isa/program.h"

namespace systole::isa {

// Tokens are given before they are taken, in fetch order; pushes and swaps of an array alternate, a push first. The code's
// structure must have been checked. Costs time in proportion to the words, not to the loop counts.
Status check_order(const CoreCode& core, std::size_t core_number);

// Barriers that the core comes to, at most 2^62.
std::int64_t count_barriers(const CoreCode& core);

}  // namespace systole::isa
