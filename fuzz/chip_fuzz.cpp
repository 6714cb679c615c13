// Any text as a chip file: an error that is not ours, or a chip with figures that make sense.
#include <cstdlib>

#include "chip/chip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto chip = systole::parse_chip({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!chip.ok() && chip.error().code == systole::ErrorCode::kInternal) std::abort();
  if (chip.ok() && (chip->mxu.rows < 1 || chip->vmem_bytes < 1 || !(chip->peak_macs_per_second() > 0) || chip->hbm.bandwidth.cycles < 1)) std::abort();
  return 0;
}
