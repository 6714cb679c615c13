// Random programs on TinyTPU's three engines: the same buffer, cycles and clocks; register engine and hardware the same in
// every register and all words at every cycle.
#pragma once

#include "rtl/check.h"
#include "rtl/tinytpu.h"

namespace systole::rtl {

// Of one program, empty: the engines agree.
struct TinyTpuComparison {
  std::string difference;
  std::int64_t cycles = 0;
};
// `model`: null leaves the hardware out. A wait that never ends is an error, the same from every engine.
Expected<TinyTpuComparison> compare_tinytpu(const tinytpu::Program& program, const tinytpu::Options& options, const TinyTpuModel* model);

// As check(): programs of at least 200 cycles that end.
Expected<CheckResult> check_tinytpu(const Chip& chip, const CheckOptions& options);

}  // namespace systole::rtl
