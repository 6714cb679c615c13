// A part of a core: the instances of several modules with the wires between them, as one flat module.
#pragma once

#include "rtl/synth_tools.h"

namespace systole::rtl {

// "array+feeder": array, feeder.
std::vector<std::string> modules_of_part(const std::string& top);

// From the core that design.ports describes (its file ports.json is in the folder): part.v with the module kPart, of the instances of
// `modules` in the core itself. The design becomes that module. Ports are single bits, and only those that the part uses.
// kInvalidInput if a module has no instance there.
Status carve_part(const Scratch& scratch, const std::vector<std::string>& modules, Design& design);

}  // namespace systole::rtl
