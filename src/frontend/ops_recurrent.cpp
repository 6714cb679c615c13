#include "frontend/registry.h"

namespace systole::frontend {

void register_recurrent(Registry&) {}

}  // namespace systole::frontend
