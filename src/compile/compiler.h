// Graph and chip to program, ahead of time (docs/compiler.md). The estimate that chooses tiles is made of the same
// functions that the event engine charges (timing/timing.h).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "graph/graph.h"
#include "graph/interpreter.h"
#include "isa/program.h"
#include "transform/lower.h"

namespace systole::compile {

struct Options {
  DType format = DType::kBF16;  // operand format of contractions
  bool bf16x3 = false;          // with kF32 on a chip without native fp32: three passes in place of six
  bool fuse = true;
  bool double_buffer = true;  // off: one buffer per stream, nothing overlaps (for comparison)
  bool roll_loops = true;
  std::int64_t tile_limit = 0;  // > 0: no tile has more output elements; any value must give the same bits
  std::vector<std::string> disabled_passes;
  // Called after each pass with its name and a text dump of what it made (--dump-after).
  std::function<void(const std::string& pass, const std::string& text)> after;
};

struct Compiled {
  isa::Program program;
  graph::Graph lowered;  // what the program computes, bit for bit (--check)
};

// The operand format that `name` names ("bf16", "int8", "fp32", "bf16x3", ...) if the chip multiplies it; empty: the
// chip's own.
struct Format {
  DType type = DType::kBF16;
  bool bf16x3 = false;
  std::string name;
};
Expected<Format> parse_format(const Chip& chip, const std::string& name);

transform::Target target_of(const Chip& chip, const Options& options);
graph::ChipArithmetic arithmetic_of(const Chip& chip);

Expected<Compiled> compile(const graph::Graph& source, const Chip& chip, const Options& options);

// A bare matrix product M x K times K x N, operands in the chip's HBM.
Expected<graph::Graph> gemm_graph(std::int64_t m, std::int64_t k, std::int64_t n, DType format);

}  // namespace systole::compile
