// TinyTPU's registers as a source of waves and pictures.
#pragma once

#include "machine/tinytpu/word.h"
#include "report/pulse.h"

namespace systole::report {

// Names of buffer words, in order of address.
struct BufferName { int first = 0, count = 1; std::string name; };
std::vector<BufferName> xor_buffer_names();

struct TinyTpuProgram {
  tinytpu::Program program;                  // check_program accepts it
  std::vector<BufferName> names;             // may be empty
};
std::unique_ptr<PulseSource> tinytpu_waves(const TinyTpuProgram& program, const Chip& chip);
// Cycles until nothing moves any more. An error: a wait never ends.
Expected<std::int64_t> tinytpu_cycles(const tinytpu::Program& program, const Chip& chip);

}  // namespace systole::report
