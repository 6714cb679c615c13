// The register engine as a source of waves. Scopes as in the RTL: systole / core / sequencer, queues, dma, push, feeder, array /
// pe_r_c, accumulators, buffer.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <set>

#include "isa/table.h"
#include "machine/register.h"
#include "report/waves.h"

namespace systole::report {
namespace {

using isa::UnitId;
using machine::RegisterCore;

constexpr std::int64_t kAccumulatorRows = 8;     // rows of accumulators, words of VMEM in the dump
constexpr std::int64_t kBufferWords = 16;
constexpr int kBufferWordBytes = 8;

// How a product's operands look. Integers have 9 bits, as in the RTL: int8 and uint8 alike.
struct OperandLook { int width; WaveFormat format; };
struct NumberLook { OperandLook operand{9, WaveFormat::kSigned}; OperandLook sum{32, WaveFormat::kSigned}; };

NumberLook look_of(const isa::Program& program) {
  bool fixed = false, real = false, wide = false;
  for (const isa::CoreCode& core : program.cores) {
    for (const isa::Instruction& word : core.code) {
      const auto* push = word.as<isa::Push>();
      if (push == nullptr) continue;
      const auto format = static_cast<DType>(push->format);
      fixed = fixed || format == DType::kQ8_8;
      real = real || is_float(format);
      wide = wide || dtype_bytes(format) > 1;
    }
  }
  if (fixed) return {{16, WaveFormat::kFixed8}, {16, WaveFormat::kFixed8}};
  if (real) return {{32, WaveFormat::kFloat32}, {32, WaveFormat::kFloat32}};
  if (wide) return {{32, WaveFormat::kSigned}, {32, WaveFormat::kSigned}};
  return {};
}

// The units that a core's words name.
std::vector<UnitId> units_of(const isa::CoreCode& code) {
  std::set<UnitId> units;
  for (const isa::Instruction& word : code.code) {
    if (word.unit != isa::kScalar) units.insert(word.unit);
  }
  return {units.begin(), units.end()};
}

template <typename Word>
std::uint64_t word(const Word& value) {
  if constexpr (requires { value.bits; }) return value.bits;
  else return value;
}

class RegisterWaves : public WaveSource {
 public:
  RegisterWaves(const isa::Program& program, const Chip& chip, std::unique_ptr<machine::RegisterEngine> engine, const ElementWindow& window)
      : program_(&program), chip_(chip), engine_(std::move(engine)), window_(window), look_(look_of(program)) {
    for (int core = 0; core < static_cast<int>(program.cores.size()); ++core) add_core(core);
  }

  void step() override { engine_->step(); }
  bool done() const override { return engine_->done(); }
  std::int64_t cycle() const override { return engine_->cycle(); }

 private:
  using Scope = std::vector<std::string>;
  void add(const Scope& scope, const std::string& group, const std::string& name, int width, WaveFormat format, std::function<std::uint64_t()> read,
           bool wire = false) {
    signals_.push_back({scope, name, width, format, group, wire, std::move(read)});
  }

  void add_core(int number) {
    const RegisterCore* const core = &engine_->core(number);
    const isa::CoreCode& code = program_->cores[static_cast<std::size_t>(number)];
    scope_ = {"systole", fmt::format("core{}", number)};
    prefix_ = program_->cores.size() > 1 ? fmt::format("core {} ", number) : "";
    const std::vector<UnitId> units = units_of(code);
    add_sequencer(core, code, units);
    for (const UnitId unit : units) add_unit(core, unit, units);
    for (int a = 0; a < static_cast<int>(chip_.mxu.count); ++a) {
      const bool used = std::any_of(units.begin(), units.end(), [&](UnitId unit) { return unit == isa::push_unit(a) || unit == isa::matrix_unit(a); });
      if (used) add_array(core, a);
    }
    add_buffer(core);
  }
  Scope inside(const std::string& name) const {
    Scope scope = scope_;
    scope.push_back(name);
    return scope;
  }

  void add_sequencer(const RegisterCore* core, const isa::CoreCode& code, const std::vector<UnitId>& units) {
    const Scope scope = inside("sequencer");
    const std::string group = prefix_ + "sequencer";
    const isa::CoreCode* const words = &code;
    add(scope, group, "state", 64, WaveFormat::kText, [core] {
      constexpr std::array<std::string_view, 3> kNames = {"fetch", "barrier", "halted"};
      return text_bits(kNames[static_cast<std::size_t>(core->sequencer().state())]);
    });
    add(scope, group, "pc", 24, WaveFormat::kUnsigned, [core] { return static_cast<std::uint64_t>(core->sequencer().pc()); });
    add(scope, group, "word", 64, WaveFormat::kText, [core, words] {
      const auto pc = static_cast<std::size_t>(core->sequencer().pc());
      return text_bits(pc < words->code.size() ? isa::info_of(words->code[pc]).name : "");
    });
    add(scope, group, "done", 1, WaveFormat::kBit, [core] { return std::uint64_t{core->sequencer().advanced()}; }, true);
    add(scope, group, "loop_depth", 3, WaveFormat::kUnsigned, [core] { return static_cast<std::uint64_t>(core->sequencer().depth()); });
    int depth = 0, deepest = 0;
    for (const isa::Instruction& word : code.code) {
      depth += word.as<isa::Loop>() != nullptr ? 1 : word.as<isa::End>() != nullptr ? -1 : 0;
      deepest = std::max(deepest, depth);
    }
    for (int level = 0; level < deepest; ++level) {
      add(scope, group, fmt::format("loop_{}", level), 32, WaveFormat::kUnsigned, [core, level] { return static_cast<std::uint64_t>(core->sequencer().index(level)); });
    }
    for (const UnitId from : units) {
      add(scope, prefix_ + "tokens", "token_from_" + isa::unit_name(from), 16, WaveFormat::kUnsigned,
          [core, from] { return std::uint64_t{core->sequencer().tokens.count(from)}; });
    }
  }

  void add_unit(const RegisterCore* core, UnitId id, const std::vector<UnitId>& units) {
    const Scope scope = inside(isa::unit_name(id));
    const std::string group = prefix_ + (id == isa::kVector ? "vector unit" : "queues");
    const auto unit = [core, id]() -> const machine::UnitControl& { return core->unit(id); };
    add(scope, group, "running", 64, WaveFormat::kText, [unit] { return text_bits(unit().busy ? isa::info_of(unit().current).name : ""); });
    add(scope, group, "busy", 1, WaveFormat::kBit, [unit] { return std::uint64_t{unit().busy}; });
    add(scope, group, "waiting", 8, WaveFormat::kUnsigned, [unit] { return std::uint64_t{unit().queue.size()}; });
    add(scope, group, "head", 64, WaveFormat::kText, [unit] { return text_bits(unit().queue.empty() ? "" : isa::info_of(unit().queue.front()).name); });
    add(scope, group, "remaining", 32, WaveFormat::kUnsigned, [unit] { return static_cast<std::uint64_t>(unit().remaining); });
    add(scope, group, "unfinished", 16, WaveFormat::kUnsigned, [unit] { return static_cast<std::uint64_t>(unit().ends.size()); });
    add(scope, group, "issue", 1, WaveFormat::kBit, [unit] { return std::uint64_t{unit().issuing}; }, true);
    add(scope, group, "finish", 1, WaveFormat::kBit, [unit] { return std::uint64_t{unit().finishing}; }, true);
    if (isa::unit_class(id) == isa::UnitClass::kDma) {
      const int dma = id - isa::dma_unit(0);
      add(scope, group, "request", 1, WaveFormat::kBit, [core, dma] { return std::uint64_t{core->pending(dma, 0) || core->pending(dma, 1)}; });
    }
    for (const UnitId from : units) {
      if (from == id) continue;
      add(scope, prefix_ + "tokens", "token_from_" + isa::unit_name(from), 16, WaveFormat::kUnsigned, [unit, from] { return std::uint64_t{unit().tokens.count(from)}; });
    }
  }

  void add_array(const RegisterCore* core, int a) {
    const std::string suffix = chip_.mxu.count > 1 ? fmt::format("{}", a) : "";
    const Scope outer = inside("array" + suffix);
    const std::string group = prefix_ + "array" + suffix;
    const OperandLook sum = look_.sum;
    for (std::int64_t r = window_.first_row; r <= window_.last_row; ++r) {
      for (std::int64_t c = window_.first_column; c <= window_.last_column; ++c) add_element(core, a, r, c, outer, group);
    }
    const Scope scope = inside("accumulators" + suffix);
    const std::int64_t rows = std::min(kAccumulatorRows, chip_.mxu.accumulator_rows == 0 ? kAccumulatorRows : chip_.mxu.accumulator_rows);
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t c = window_.first_column; c <= window_.last_column; ++c) {
        add(scope, prefix_ + "accumulators" + suffix, fmt::format("row_{}_{}", row, c), 32, sum.format == WaveFormat::kFixed8 ? WaveFormat::kSigned : sum.format,
            [core, a, row, c] { return std::uint64_t{core->array(a).accumulator(row, c)}; });
      }
    }
  }

  void add_element(const RegisterCore* core, int a, std::int64_t r, std::int64_t c, const Scope& outer, const std::string& group) {
    Scope scope = outer;
    scope.push_back(fmt::format("pe_{}_{}", r, c));
    const auto element = [core, a, r, c] { return core->array(a).element(r, c); };
    const OperandLook operand = look_.operand, sum = look_.sum;
    add(scope, group, "value", operand.width, operand.format, [element] { return word(element().value); });
    add(scope, group, "valid", 1, WaveFormat::kBit, [element] { return std::uint64_t{element().valid}; });
    add(scope, group, "switching", 1, WaveFormat::kBit, [element] { return std::uint64_t{element().switching}; });
    add(scope, group, "active", operand.width, operand.format, [element] { return std::uint64_t{element().active}; });
    add(scope, group, "shadow", operand.width, operand.format, [element] { return std::uint64_t{element().shadow}; });
    add(scope, group, "train", 1, WaveFormat::kBit, [element] { return std::uint64_t{element().train}; });
    add(scope, group, "sum", sum.width, sum.format, [element] { return std::uint64_t{element().sum}; });
  }

  void add_buffer(const RegisterCore* core) {
    const std::int64_t words = std::min(kBufferWords, static_cast<std::int64_t>(core->vmem().size()) / kBufferWordBytes);
    for (std::int64_t word = 0; word < words; ++word) {
      add(inside("buffer"), prefix_ + "buffer", fmt::format("byte_{:04x}", word * kBufferWordBytes), 8 * kBufferWordBytes, WaveFormat::kHex, [core, word] {
        std::uint64_t value = 0;
        for (int i = kBufferWordBytes; i-- > 0;) value = value << 8 | core->vmem()[static_cast<std::size_t>(word * kBufferWordBytes + i)];
        return value;
      });
    }
  }

  const isa::Program* program_;
  Chip chip_;
  std::unique_ptr<machine::RegisterEngine> engine_;
  ElementWindow window_;
  NumberLook look_;
  Scope scope_;
  std::string prefix_;
};

}  // namespace

Expected<std::unique_ptr<WaveSource>> register_waves(const isa::Program& program, const Chip& chip, const std::vector<Tensor>& inputs,
                                                     const ElementWindow& elements) {
  SYSTOLE_ASSIGN(auto engine, machine::RegisterEngine::create(program, chip, inputs));
  return std::unique_ptr<WaveSource>(std::make_unique<RegisterWaves>(program, chip, std::move(engine), elements));
}

}  // namespace systole::report
