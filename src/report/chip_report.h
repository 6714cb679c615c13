// A chip's own figures, and those that follow from them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "chip/chip.h"

namespace systole::report {

nlohmann::ordered_json chip_json(const Chip& chip);
std::string chip_table(const Chip& chip);

}  // namespace systole::report
