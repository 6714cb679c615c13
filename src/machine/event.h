// The event engine: exact time and exact values of a program, as two independent passes (docs/machine.md).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "isa/program.h"

namespace systole::machine {

// Per unit: busy + sum of stalls + idle = total cycles. A unit stalls while an instruction stands at the head of its
// queue and cannot issue; the cause is what released it last: "wait <unit>", "memory" (its DMA transfer waits for its
// turn beyond the time alone on an idle memory), "weights" (shadow interlock), "control" (pipeline stages between fetch
// and start). The scalar unit stalls for "queue <unit>" (full), "wait <unit>" and "barrier".
struct UnitReport {
  std::string name;  // "core0.mxu1"
  std::int64_t busy = 0, idle = 0;
  std::map<std::string, std::int64_t> stall;
  std::int64_t instructions = 0;
};
struct MemoryReport {
  std::int64_t read_bytes = 0, written_bytes = 0;
};
struct LayerReport {
  std::int64_t first_cycle = 0, last_cycle = 0;  // of its instructions' busy time
  std::map<std::string, std::int64_t> busy;      // unit name -> cycles
  std::map<std::string, MemoryReport> memory;    // "hbm", "cmem", "vmem" (vmem: by feeder, push, vector unit and DMA)
  std::int64_t array_macs = 0;                   // elements that had work: rows x length x columns of every matmul
};
struct TimingReport {
  std::int64_t cycles = 0;
  std::vector<UnitReport> units;
  std::map<std::string, MemoryReport> memory;
  std::vector<LayerReport> layers;  // as Program::layers
  std::int64_t array_macs = 0;
  std::int64_t simulated_words = 0;   // fetched words gone through one by one; the rest repeat in loops' steady state
};

// One busy interval, in order of start per unit.
struct TraceEvent {
  int unit;
  std::int64_t start, end;
  std::uint16_t layer;
  std::int64_t instruction;
  std::string_view name;
};
struct Trace {
  std::vector<std::string> units;
  std::vector<TraceEvent> events;
};

struct TimingOptions {
  bool skip_repeats = true;   // for programs of one core without a trace; changes nothing but simulated_words
};

// Time alone; the program must have passed check_program. `trace` may be null. Tracing changes nothing.
Expected<TimingReport> simulate_time(const isa::Program& program, const Chip& chip, Trace* trace = nullptr,
                                     const TimingOptions& options = {});

// Values alone: runs the words in fetch order (core by core between barriers). Inputs in the order of program.inputs.
Expected<std::vector<Tensor>> simulate_values(const isa::Program& program, const Chip& chip,
                                              const std::vector<Tensor>& inputs, int threads = 1);

// Two accesses to the same bytes of VMEM, accumulators, HBM or CMEM, at least one a write, whose order no token, queue
// or barrier fixes, is a hazard: error kCheckFailed that names both instructions.
Status check_hazards(const isa::Program& program, const Chip& chip);

}  // namespace systole::machine
