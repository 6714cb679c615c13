// The chip description: what a YAML file of chips/ says, checked and with derived figures. Immutable once read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/expected.h"
#include "base/units.h"
#include "numeric/dtype.h"

namespace systole {

// Bytes per cycle as an exact fraction; bytes == 0 means that transfers cost nothing (systolic-128-plain).
struct Bandwidth {
  std::int64_t bytes = 0;
  std::int64_t cycles = 1;
  bool free() const { return bytes == 0; }
};

// A memory behind the DMA engines, shared by all cores (docs/machine.md, "memory rule").
struct MemorySpec {
  bool present = false;
  std::int64_t capacity_bytes = 0;
  Bandwidth bandwidth;
  std::int64_t burst_bytes = 64;
  std::int64_t latency_cycles = 0;
};

enum class MachineKind { kGeneric, kTinyTpu };

struct Chip {
  std::string name;
  std::string description;
  MachineKind machine = MachineKind::kGeneric;
  Hertz clock{1e9};
  std::int64_t cores = 1;

  // One core.
  struct MatrixUnit {
    std::int64_t count = 1;              // arrays in a core, each with its own feeder and accumulators
    std::int64_t rows = 0, columns = 0;  // R, C
    bool weight_double_buffer = true;    // shadow weights
    std::vector<DType> formats;          // operand formats it multiplies; kF32 among them: native fp32
    std::int64_t accumulator_rows = 0;   // R32 words deep, C wide; 0: any M
  } mxu;
  struct VectorUnit {
    bool present = true;
    std::int64_t lanes = 0, sublanes = 0;
    std::int64_t strided_cycles = 1;  // cost of a load or store micro-operation whose fastest stride is not 0 or 1
  } vpu;
  std::int64_t vmem_bytes = 0;  // unified buffer
  std::int64_t dma_engines = 2;

  // Shared.
  MemorySpec hbm;  // HBM, DDR or host memory: where inputs, outputs and weights live
  MemorySpec cmem;

  // docs/machine.md, "instruction times".
  struct Timing {
    std::int64_t control_cycles = 1;  // one register stage of fetch, dispatch and issue; 0: free
    std::int64_t queue_depth = 32;
    std::int64_t feeder_latency = 1;
    std::int64_t accumulator_latency = 1;
    std::int64_t vector_latency = 4;
    std::int64_t barrier_cycles = 16;
  } timing;

  // The machine of 94-bit words (docs/tinytpu.md); the other kind of machine has none of this. Numbers are Q8.8, in 1/256.
  struct TinyTpu {
    enum class Rounding { kHalfUp, kTruncate, kWrap, kStochastic };
    bool block_ram = false;              // the buffer: two banks of synchronous memory in place of registers
    bool shared_multiplier = false;      // one multiplier for the machine's twelve products
    bool registered_switch = false;      // the switch reaches the weight a clock later
    bool registered_bypass = false;      // a bypassed vector stage is a plain register in place of a wire
    Rounding rounding = Rounding::kHalfUp;
    std::optional<std::int16_t> forward_slope, derivative_slope;   // of the leaky ReLU; absent: the leak of the word
    std::int16_t learning_rate = 192;    // an input of the machine: no word carries it
    std::uint16_t lfsr_seed = 0xACE1;    // of stochastic rounding
  } tinytpu;

  DType default_format = DType::kBF16;
  bool fixed_requantisation = false;

  std::map<std::string, std::string> sources;  // field -> where the number comes from ("estimate: ..." if it is one)

  bool multiplies(DType format) const;
  // The Qm.n that the chip knows, one, for where the point stands is wired: what its arrays multiply, or Q8.8 if they
  // multiply none.
  DType fixed_format() const;
  bool knows(DType type) const { return !is_fixed(type) || type == fixed_format(); }
  Status check_knows(const std::string& place, DType type) const;   // unsupported at `place`: another Qm.n
  // Multiply-accumulates per second at the peak of the default format.
  double peak_macs_per_second() const;
  // Hash of every field that a program's bits or cycles depend on (the name, the sources and the description are not).
  std::uint64_t fingerprint() const;
};

// CHIP on the command line: a catalogue name or a YAML file. The error names the field ("chips/x.yaml: mxu.rows").
Expected<Chip> load_chip(const std::string& name_or_path);
Expected<Chip> parse_chip(const std::string& yaml, const std::string& place);
std::vector<std::string> catalogue();  // names, sorted

}  // namespace systole
