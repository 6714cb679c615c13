// outside CHIP: the cycles of a 64 x 64 x 64 matrix product on a chip of the catalogue.
#include <cstdio>

#include "runtime/session.h"

using namespace systole;

Expected<long long> gemm_cycles(const char* chip_name) {
  SYSTOLE_ASSIGN(const Chip chip, load_chip(chip_name));
  SYSTOLE_ASSIGN(auto graph, compile::gemm_graph(64, 64, 64, chip.default_format));
  runtime::LoadOptions load;
  load.use_cache = false;
  SYSTOLE_ASSIGN(const auto session, runtime::Session::load_graph(std::move(graph), chip, load));
  SYSTOLE_ASSIGN(const auto result, session.run({}, {.timing_only = true}));
  return result.timing.cycles;
}

int main(int argc, char** argv) {
  const auto cycles = argc == 2 ? gemm_cycles(argv[1]) : invalid_input("outside", "one chip, please");
  if (cycles.ok()) return std::printf("%lld\n", *cycles) < 0;
  std::fprintf(stderr, "%s\n", cycles.error().text().c_str());
  return exit_status(cycles.error().code);
}
