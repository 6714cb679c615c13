// What Yosys tells about a netlist: cells of each module, instances of each module, memories that stayed whole.
#pragma once

#include "rtl/synth_tools.h"

namespace systole::rtl {

struct Statistics {
  std::map<std::string, std::map<std::string, std::int64_t>> cells;   // module -> type -> count
  std::map<std::string, std::int64_t> instances;                      // of modules under the top, the top included
};
std::string module_name(const std::string& name);   // without Yosys' marks of parameters

// Yosys commands, after `proc`: memories of more than `largest` bits become systole_memory. By the passes that do not look at
// pairs of ports, which take hours for VMEM's like.
std::string memory_commands(std::int64_t largest);
constexpr const char* kMemoryFiles[] = {"memory.v", "memory_map.v", "memory_timing.v"};   // they need them in the folder

// The file stat.json in the folder (`stat -json`).
Expected<Statistics> read_statistics(const Scratch& scratch, const std::string& top);
// The file macros.json in the folder (`json -o macros.json t:systole_memory`), and the design's macros.
Expected<std::vector<MemoryMacro>> read_memories(const Scratch& scratch, const Design& design, const Statistics& statistics, const Chip& chip);

}  // namespace systole::rtl
