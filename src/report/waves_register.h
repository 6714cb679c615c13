// The register engine as a source of waves. Scopes as in the RTL: systole / core / sequencer, queues, dma, push, feeder, array /
// pe_r_c, accumulators, vpu, buffer.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "machine/register.h"
#include "report/pulse.h"

namespace systole::report {

class RegisterWaves : public PulseSource {
 public:
  RegisterWaves(const isa::Program& program, const Chip& chip, std::unique_ptr<machine::RegisterEngine> engine, const ElementWindow& window);

  void step() override { engine_->step(); }
  bool done() const override { return engine_->done(); }
  std::int64_t cycle() const override { return engine_->cycle(); }

  // The first array of the first core.
  std::int64_t rows() const override { return chip_.mxu.rows; }
  std::int64_t columns() const override { return chip_.mxu.columns; }
  PulseElement element(std::int64_t r, std::int64_t c) const override;
  WaveFormat operand_format() const override { return operand_.format; }
  WaveFormat sum_format() const override { return sum_.format; }
  std::vector<PanelSpec> panels() const override;

 private:
  using Scope = std::vector<std::string>;
  using Core = machine::RegisterCore;
  struct Look { int width; WaveFormat format; };

  // Where signals go next.
  void open(const std::string& unit, const std::string& group);
  template <typename Read>
  void add(const std::string& name, int width, WaveFormat format, Read read, bool wire = false) {
    signals_.push_back({scope_, name, width, format, group_, wire, [read] { return static_cast<std::uint64_t>(read()); }});
  }
  void choose_looks();
  void add_core(int number);
  void add_sequencer(const Core* core, const isa::CoreCode& code);
  void add_tokens(const machine::TokenCounters* tokens, const std::string& unit, int receiver);
  void add_unit(const Core* core, isa::UnitId id);
  void add_dma(const Core* core, int dma);
  void add_push(const Core* core, int a);
  void add_feeder(const Core* core, int a);
  void add_vector(const Core* core);
  void add_array(const Core* core, int a);
  void add_element(const Core* core, int a, std::int64_t r, std::int64_t c);
  void add_accumulators(const Core* core, int a);
  void add_buffer(const Core* core);
  std::string numbered(const std::string& name, int a) const { return chip_.mxu.count > 1 ? name + std::to_string(a) : name; }

  const isa::Program* program_;
  Chip chip_;
  std::unique_ptr<machine::RegisterEngine> engine_;
  ElementWindow window_;
  Look operand_{9, WaveFormat::kSigned};     // integers have 9 bits, as in the RTL: int8 and uint8 alike
  Look sum_{32, WaveFormat::kSigned};
  Scope core_scope_, scope_;
  std::string prefix_, group_;
  std::vector<isa::UnitId> units_;           // of the core at hand: those that its words name
};

}  // namespace systole::report
