// The static rules of docs/machine.md, one after the other.
#include <fmt/format.h>

#include "isa/check_access.h"
#include "isa/check_order.h"
#include "isa/check_parts.h"
#include "isa/flow.h"

namespace systole::isa {
namespace {

Status check_memory(Space space, std::int64_t address, std::int64_t bytes, const MachineLimits& limits, const std::string& place) {
  const std::int64_t capacity = space == Space::kHbm ? limits.hbm_bytes : limits.cmem_bytes;
  if (bytes <= capacity && address <= capacity - bytes) return ok_status();
  return invalid_input(place, fmt::format("ends at byte {}, the memory has {}", address + bytes, capacity));
}

Status check_tables(const Program& program, const MachineLimits& limits) {
  for (std::size_t i = 0; i < program.images.size(); ++i) {
    const Image& image = program.images[i];
    SYSTOLE_TRY(check_memory(image.space, image.address, image.bytes.bytes(), limits, fmt::format("image {}", i)));
  }
  for (const auto* bindings : {&program.inputs, &program.outputs}) {
    for (const Binding& b : *bindings) {
      const std::int64_t bytes = element_count(b.shape) * dtype_bytes(b.type);
      const char* const kind = bindings == &program.inputs ? "input" : "output";
      SYSTOLE_TRY(check_memory(b.space, b.address, bytes, limits, fmt::format("{} '{}'", kind, b.name)));
    }
  }
  return ok_status();
}

}  // namespace

Status check_program(const Program& program, const MachineLimits& limits) {
  if (program.cores.empty()) return invalid_input("program", "has no core");
  SYSTOLE_TRY(check_parts(program, ""));
  SYSTOLE_TRY(check_tables(program, limits));
  for (std::size_t core = 0; core < program.cores.size(); ++core) {
    SYSTOLE_ASSIGN(const auto loops, find_loops(program.cores[core], core));
    SYSTOLE_TRY(check_access(program, core, loops, limits));
    SYSTOLE_TRY(check_order(program.cores[core], core));
    const std::int64_t first = count_barriers(program.cores[0]), here = count_barriers(program.cores[core]);
    if (first != here) return invalid_input(fmt::format("core {}", core), fmt::format("comes to {} barriers, core 0 to {}", here, first));
  }
  return ok_status();
}

}  // namespace systole::isa
