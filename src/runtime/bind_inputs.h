#pragma once

#include <map>
#include <string>
#include <vector>

#include "isa/program.h"

namespace systole::runtime {

// One tensor per binding, in its type. A conversion must be exact, but for float64 to fp32, which rounds (the importer's rule). Names
// that no binding has, missing ones and wrong shapes are errors.
Expected<std::vector<Tensor>> bind_inputs(const std::vector<isa::Binding>& bindings, const std::map<std::string, Tensor>& inputs);

}  // namespace systole::runtime
