// Runs a model's parts one after the other: the chip's on an engine, the host's on the interpreter.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/parts.h"
#include "runtime/session.h"

namespace systole::runtime {

class PartsRunner {
 public:
  // All stay with the caller.
  PartsRunner(const Parts& parts, const Chip& chip, const compile::Options& compile, const RunOptions& options, int threads)
      : parts_(parts), chip_(chip), compile_(compile), options_(options), threads_(threads) {}

  // Cycles of the chip's parts, one behind the other: their sum, with layers in order.
  Expected<machine::TimingReport> time(machine::Trace* trace);
  // The model's outputs, from its inputs by name.
  Expected<std::vector<Tensor>> values(std::map<std::string, Tensor> inputs);
  // After values(): per output of the model, whether it and all that goes from part to part are those of the interpreter with the chip's
  // arithmetic on each part's lowered graph.
  Expected<std::vector<bool>> same_bits();
  double host_seconds() const { return host_seconds_; }

 private:
  struct PartRun { std::int64_t cycles = 0; std::vector<Tensor> inputs, outputs; };   // of a chip's part
  Status run_on_chip(const Part& part, PartRun& run, std::map<std::string, Tensor>& values) const;
  Status run_on_host(const Part& part, std::map<std::string, Tensor>& values);

  const Parts& parts_;
  const Chip& chip_;
  const compile::Options& compile_;
  const RunOptions& options_;
  int threads_;
  double host_seconds_ = 0;
  std::vector<PartRun> runs_;   // per part
};

}  // namespace systole::runtime
