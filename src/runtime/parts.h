// A model in parts: what the chip runs, compiled, and what --host-fallback leaves to the host, in the order in which they run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "compile/compiler.h"
#include "graph/graph.h"
#include "isa/program.h"
#include "runtime/session.h"

namespace systole::runtime {

struct Part {
  bool on_host = false;
  graph::Graph graph;                    // its inputs are the model's, by name, or results of earlier parts by theirs
  isa::Program program;                  // on the chip
  std::optional<graph::Graph> lowered;   // on the chip, if it was compiled and not read from the cache
};

struct Parts {
  std::vector<Part> parts;
  std::vector<std::string> outputs;      // the model's outputs: names of parts' outputs
  std::vector<HostOperator> host_operators;
};

// The source graph cut where the side changes: an operator runs on the host if its `source` is among `nodes`. Constants stand in
// every part that uses them. Not yet compiled.
Parts cut(const graph::Graph& source, const std::vector<std::string>& nodes);

// Compiles the graph for the chip. With `host_fallback` each node that the compiler refuses as unsupported is left to the host and
// the rest is cut anew; without, or if the error names no node, it is the error.
Expected<Parts> compile_parts(const graph::Graph& source, const Chip& chip, const compile::Options& options, bool host_fallback);

// One program that stands for all parts in reports: layers and words of the chip's parts one behind the other, the model's own inputs
// and outputs. With more than one part it cannot be run.
isa::Program summary(const graph::Graph& source, const Parts& parts);

}  // namespace systole::runtime
