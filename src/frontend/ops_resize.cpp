#include "frontend/registry.h"

namespace systole::frontend {

void register_resize(Registry&) {}

}  // namespace systole::frontend
