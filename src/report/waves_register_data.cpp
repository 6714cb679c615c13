// The register engine's data path as signals: array, accumulators, vector unit, buffer.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "numeric/microcode.h"
#include "report/waves_register.h"

namespace systole::report {
namespace {

constexpr std::int64_t kAccumulatorRows = 8;     // in the dump; of VMEM so many words
constexpr std::int64_t kBufferWords = 16;
constexpr int kBufferWordBytes = 8;
constexpr std::int64_t kVectorLanes = 8;         // and of the vector unit's registers

}  // namespace

PulseElement RegisterWaves::element(std::int64_t r, std::int64_t c) const {
  const machine::Element e = engine_->core(0).array(0).element(r, c);
  return {e.active, e.shadow, e.value, e.sum, e.valid, e.switching, e.train};
}

void RegisterWaves::add_array(const Core* core, int a) {
  const std::string name = numbered("array", a);
  open(name, name);
  const machine::SystolicArray* const array = &core->array(a);
  for (std::int64_t c = window_.first_column; c <= window_.last_column; ++c) {
    add(fmt::format("accept_{}", c), 1, WaveFormat::kBit, [array, c] { return array->accept(c); });
    add(fmt::format("weight_{}", c), operand_.width, operand_.format, [array, c] { return array->top_weight(c); });
  }
  for (std::int64_t r = window_.first_row; r <= window_.last_row; ++r) {
    const std::int64_t depth = array->staging_depth(r);     // what row r hands to its first element stands last
    if (depth > 0) add(fmt::format("input_{}", r), operand_.width, operand_.format, [array, r, depth] { return array->staged(r, depth - 1); });
  }
  for (std::int64_t r = window_.first_row; r <= window_.last_row; ++r) {
    for (std::int64_t c = window_.first_column; c <= window_.last_column; ++c) add_element(core, a, r, c);
  }
  add_accumulators(core, a);
}

void RegisterWaves::add_element(const Core* core, int a, std::int64_t r, std::int64_t c) {
  const std::string name = numbered("array", a);
  open(name, name);
  scope_.push_back(fmt::format("pe_{}_{}", r, c));
  const machine::SystolicArray* const array = &core->array(a);
  add("value", operand_.width, operand_.format, [array, r, c] { return array->element(r, c).value; });
  add("valid", 1, WaveFormat::kBit, [array, r, c] { return array->element(r, c).valid; });
  add("switching", 1, WaveFormat::kBit, [array, r, c] { return array->element(r, c).switching; });
  add("active", operand_.width, operand_.format, [array, r, c] { return array->element(r, c).active; });
  add("shadow", operand_.width, operand_.format, [array, r, c] { return array->element(r, c).shadow; });
  add("train", 1, WaveFormat::kBit, [array, r, c] { return array->element(r, c).train; });
  add("sum", sum_.width, sum_.format, [array, r, c] { return array->element(r, c).sum; });
}

void RegisterWaves::add_accumulators(const Core* core, int a) {
  const std::string name = numbered("accumulators", a);
  open(name, name);
  const machine::SystolicArray* const array = &core->array(a);
  const std::int64_t rows = chip_.mxu.accumulator_rows == 0 ? kAccumulatorRows : std::min(kAccumulatorRows, chip_.mxu.accumulator_rows);
  const int width = fraction_of(sum_.format) > 0 ? sum_.width : 32;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t c = window_.first_column; c <= window_.last_column; ++c) {
      add(fmt::format("row_{}_{}", row, c), width, sum_.format, [array, row, c] { return array->accumulator(row, c); });
    }
  }
}

void RegisterWaves::add_vector(const Core* core) {
  open("vpu", "vector unit");
  const machine::VectorUnit* const unit = &core->vector();
  add("phase", 64, WaveFormat::kText, [unit] {
    constexpr std::array<std::string_view, 6> kNames = {"prologue", "body", "combine", "tree", "epilogue", "nothing"};
    return text_bits(unit->running() ? kNames[static_cast<std::size_t>(unit->slot().phase)] : "");
  });
  add("operation", 64, WaveFormat::kText, [unit] {
    const MicroOp* const op = unit->running() ? unit->operation() : nullptr;
    return text_bits(op != nullptr ? micro_opcode_name(op->op) : "");
  });
  add("group", 24, WaveFormat::kUnsigned, [unit] { return unit->slot().group; });
  add("tap", 24, WaveFormat::kUnsigned, [unit] { return unit->slot().tap; });
  add("number", 10, WaveFormat::kUnsigned, [unit] { return unit->slot().op; });
  std::size_t registers = 0;
  for (const MicroOp& op : program_->microcode) registers = std::max<std::size_t>({registers, op.d + 1u, op.a + 1u, op.b + 1u, op.c + 1u});
  const std::int64_t lanes = std::min(kVectorLanes, chip_.vpu.lanes * chip_.vpu.sublanes);
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    for (int r = 0; r < static_cast<int>(std::min<std::size_t>(registers, kRegisters)); ++r) {
      add(fmt::format("lane{}_r{}", lane, r), 32, WaveFormat::kHex, [unit, r, lane] { return unit->running() && lane < unit->width() ? unit->reg(r, lane) : 0u; });
    }
  }
}

void RegisterWaves::add_buffer(const Core* core) {
  open("buffer", "buffer");
  const std::vector<std::uint8_t>* const vmem = &core->vmem();
  const std::int64_t words = std::min(kBufferWords, static_cast<std::int64_t>(vmem->size()) / kBufferWordBytes);
  for (std::int64_t word = 0; word < words; ++word) {
    add(fmt::format("byte_{:04x}", word * kBufferWordBytes), 8 * kBufferWordBytes, WaveFormat::kHex, [vmem, word] {
      std::uint64_t value = 0;
      for (int i = kBufferWordBytes; i-- > 0;) value = value << 8 | (*vmem)[static_cast<std::size_t>(word * kBufferWordBytes + i)];
      return value;
    });
  }
}

}  // namespace systole::report
