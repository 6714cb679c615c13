#include "frontend/registry.h"

namespace systole::frontend {

void register_quantization(Registry&) {}

}  // namespace systole::frontend
