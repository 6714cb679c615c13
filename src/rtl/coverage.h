// What programs exercise: opcode x format, as counts of executed words.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "isa/program.h"

namespace systole::rtl {

// Names: an opcode ("loop", "store accumulators"), with the format where it has one ("pad q8.8", "push bf16 of f32", "matmul ui8 x i8":
// activations x weights), a run's kind ("run map", "run f32 maximum"), a micro-operation ("micro ffma"), a stream's ("read f32",
// "write q8.8 strided", "read accumulators i32").
using Coverage = std::map<std::string, std::int64_t>;

// Adds the words that core 0 of the program executes, loops unrolled; of a run, each micro-operation and stream once.
void add_coverage(const isa::Program& program, Coverage& coverage);
// Every combination that the chip's hardware has.
std::vector<std::string> combinations(const Chip& chip);
// The format of the program's products: "int8", the chip's Qm.n ("q8.8"), "bf16", "mixed", or "vector" without any.
std::string format_of(const Coverage& program);

}  // namespace systole::rtl
