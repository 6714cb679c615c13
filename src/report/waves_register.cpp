#include "report/waves_register.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "isa/table.h"

namespace systole::report {
namespace {

using isa::UnitId;
using machine::RegisterCore;

std::uint64_t name_bits(const isa::Instruction& word) { return text_bits(isa::info_of(word).name); }

// The units that a core's words name.
std::vector<UnitId> units_of(const isa::CoreCode& code) {
  std::set<UnitId> units;
  for (const isa::Instruction& word : code.code) {
    if (word.unit != isa::kScalar) units.insert(word.unit);
  }
  return {units.begin(), units.end()};
}

int deepest_loop(const isa::CoreCode& code) {
  int depth = 0, deepest = 0;
  for (const isa::Instruction& word : code.code) {
    depth += word.as<isa::Loop>() != nullptr ? 1 : word.as<isa::End>() != nullptr ? -1 : 0;
    deepest = std::max(deepest, depth);
  }
  return deepest;
}

}  // namespace

RegisterWaves::RegisterWaves(const isa::Program& program, const Chip& chip, std::unique_ptr<machine::RegisterEngine> engine, const ElementWindow& window)
    : program_(&program), chip_(chip), engine_(std::move(engine)), window_(window) {
  choose_looks();
  for (int core = 0; core < engine_->cores(); ++core) add_core(core);
}

// How a product's operands look: of the weights' formats the widest.
void RegisterWaves::choose_looks() {
  for (const isa::CoreCode& core : program_->cores) {
    for (const isa::Instruction& word : core.code) {
      const auto* push = word.as<isa::Push>();
      if (push == nullptr) continue;
      const auto format = static_cast<DType>(push->format);
      if (is_fixed(format)) {
        operand_ = sum_ = {kFixedBits, fixed_format(fraction_bits(format))};
      } else if (is_float(format)) {
        operand_ = sum_ = {32, WaveFormat::kFloat32};
      } else if (dtype_bytes(format) > 1) {
        operand_ = {32, WaveFormat::kSigned};
      }
    }
  }
}

void RegisterWaves::open(const std::string& unit, const std::string& group) {
  scope_ = core_scope_;
  scope_.push_back(unit);
  group_ = prefix_ + group;
}

void RegisterWaves::add_core(int number) {
  const RegisterCore* const core = &engine_->core(number);
  const isa::CoreCode& code = program_->cores[static_cast<std::size_t>(number)];
  core_scope_ = {"systole", fmt::format("core{}", number)};
  prefix_ = engine_->cores() > 1 ? fmt::format("core {} ", number) : "";
  units_ = units_of(code);
  const auto has = [&](UnitId unit) { return std::find(units_.begin(), units_.end(), unit) != units_.end(); };
  add_sequencer(core, code);
  for (const UnitId unit : units_) add_unit(core, unit);
  if (has(isa::kVector)) add_vector(core);
  for (int a = 0; a < core->arrays(); ++a) {
    if (has(isa::push_unit(a)) || has(isa::matrix_unit(a))) add_array(core, a);
  }
  add_buffer(core);
}

void RegisterWaves::add_sequencer(const RegisterCore* core, const isa::CoreCode& code) {
  open("sequencer", "sequencer");
  const machine::Sequencer* const sequencer = &core->sequencer();
  const isa::CoreCode* const words = &code;
  add("state", 64, WaveFormat::kText, [sequencer] {
    constexpr std::array<std::string_view, 3> kNames = {"fetch", "barrier", "halted"};
    return text_bits(kNames[static_cast<std::size_t>(sequencer->state())]);
  });
  add("pc", 24, WaveFormat::kUnsigned, [sequencer] { return sequencer->pc(); });
  add("word", 64, WaveFormat::kText, [sequencer, words] {
    const auto pc = static_cast<std::size_t>(sequencer->pc());
    return pc < words->code.size() ? name_bits(words->code[pc]) : text_bits("");
  });
  add("done", 1, WaveFormat::kBit, [sequencer] { return sequencer->advanced(); }, true);
  add("loop_depth", 3, WaveFormat::kUnsigned, [sequencer] { return sequencer->depth(); });
  const int deepest = deepest_loop(code);
  for (int level = 0; level < deepest; ++level) add(fmt::format("loop_{}", level), 32, WaveFormat::kUnsigned, [sequencer, level] { return sequencer->index(level); });
  add_tokens(&sequencer->tokens, "sequencer", isa::kScalar);
}

void RegisterWaves::add_tokens(const machine::TokenCounters* tokens, const std::string& unit, int receiver) {
  open(unit, "tokens");
  for (const UnitId from : units_) {
    if (from != receiver) add("token_from_" + isa::unit_name(from), 16, WaveFormat::kUnsigned, [tokens, from] { return tokens->count(from); });
  }
}

void RegisterWaves::add_unit(const RegisterCore* core, UnitId id) {
  const std::string name = isa::unit_name(id);
  open(name, "queues");
  const machine::UnitControl* const unit = &core->unit(id);
  add("running", 64, WaveFormat::kText, [unit] { return unit->busy ? name_bits(unit->current) : text_bits(""); });
  add("busy", 1, WaveFormat::kBit, [unit] { return unit->busy; });
  add("waiting", 8, WaveFormat::kUnsigned, [unit] { return unit->queue.size(); });
  add("head", 64, WaveFormat::kText, [unit] { return unit->queue.empty() ? text_bits("") : name_bits(unit->queue.front()); });
  add("unfinished", 16, WaveFormat::kUnsigned, [unit] { return unit->ends.size(); });
  add("issue", 1, WaveFormat::kBit, [unit] { return unit->issuing; }, true);
  add("finish", 1, WaveFormat::kBit, [unit] { return unit->finishing; }, true);
  const isa::UnitClass kind = isa::unit_class(id);
  if (kind == isa::UnitClass::kDma) add_dma(core, id - isa::dma_unit(0));
  if (kind == isa::UnitClass::kPush) add_push(core, (id - isa::push_unit(0)) / 2);
  if (kind == isa::UnitClass::kMatrix) add_feeder(core, (id - isa::matrix_unit(0)) / 2);
  add_tokens(&unit->tokens, name, id);
}

void RegisterWaves::add_dma(const RegisterCore* core, int number) {
  const machine::DmaEngine* const dma = &core->dma(number);
  open(fmt::format("dma{}", number), "dma");
  add("request", 1, WaveFormat::kBit, [dma] { return dma->active(); });
  add("plane", 16, WaveFormat::kUnsigned, [dma] { return dma->plane(); });
  add("row", 16, WaveFormat::kUnsigned, [dma] { return dma->row(); });
  add("offset", 24, WaveFormat::kUnsigned, [dma] { return dma->offset(); });
  add("in_flight", 16, WaveFormat::kUnsigned, [dma] { return dma->answers().size(); });
  add("arrives_at", 36, WaveFormat::kHex, [dma] { return dma->answers().empty() ? 0 : dma->answers().front().address; });
}

void RegisterWaves::add_push(const RegisterCore* core, int a) {
  const machine::PushReader* const push = &core->push(a);
  open(numbered("push", a) + (chip_.mxu.count > 1 ? "" : "0"), "push and feeder");
  add("step", 16, WaveFormat::kUnsigned, [push] { return push->step(); });
  add("weights", 32, WaveFormat::kHex, [push] { return push->push().weights; });
  add("waiting_tiles", 8, WaveFormat::kUnsigned, [core, a] { return core->waiting_tiles(a); });
  add("loaded_tiles", 8, WaveFormat::kUnsigned, [core, a] { return core->loaded_tiles(a); });
}

void RegisterWaves::add_feeder(const RegisterCore* core, int a) {
  const machine::Feeder* const feeder = &core->feeder(a);
  const machine::UnitControl* const unit = &core->unit(isa::matrix_unit(a));
  open(numbered("feeder", a), "push and feeder");
  add("remaining", 32, WaveFormat::kUnsigned, [unit] { return unit->busy ? unit->remaining : 0; });
  add("address", 32, WaveFormat::kHex, [feeder] { return feeder->address(); });
  add("image", 12, WaveFormat::kUnsigned, [feeder] { return feeder->image(); });
  add("out_row", 14, WaveFormat::kUnsigned, [feeder] { return feeder->out_row(); });
  add("out_column", 20, WaveFormat::kUnsigned, [feeder] { return feeder->out_column(); });
  add("h", 20, WaveFormat::kSigned, [feeder] { return feeder->h(); });
  add("x", 24, WaveFormat::kSigned, [feeder] { return feeder->x(); });
  add("target", 24, WaveFormat::kUnsigned, [feeder] { return feeder->target(); });
}

std::vector<PanelSpec> RegisterWaves::panels() const {
  PanelSpec units{"Units", 0, false, {}}, accumulators{"Accumulators", static_cast<int>(window_.last_column - window_.first_column + 1), true, {}};
  for (std::size_t i = 0; i < signals_.size(); ++i) {
    const Signal& signal = signals_[i];
    if (signal.scope[1] != "core0") continue;
    if (signal.name == "running" || (signal.scope.back() == "sequencer" && signal.name == "word")) units.signals.push_back(i);
    if (signal.scope.back() == numbered("accumulators", 0)) accumulators.signals.push_back(i);
  }
  return {units, accumulators};
}

Expected<std::unique_ptr<PulseSource>> register_waves(const isa::Program& program, const Chip& chip, const std::vector<Tensor>& inputs,
                                                      const ElementWindow& elements) {
  SYSTOLE_ASSIGN(auto engine, machine::RegisterEngine::create(program, chip, inputs));
  return std::unique_ptr<PulseSource>(std::make_unique<RegisterWaves>(program, chip, std::move(engine), elements));
}

}  // namespace systole::report
