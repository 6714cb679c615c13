#include "machine/program_fit.h"

#include <fmt/format.h>

#include <algorithm>

#include "isa/table.h"
#include "machine/event_core.h"

namespace systole::machine {
namespace {

constexpr std::int64_t kMostSteps = std::int64_t{1} << 40;   // elements x taps of a run: keeps its cycles and bytes in 63 bits

Status check_microcode(const std::vector<MicroOp>& microcode) {
  for (std::size_t i = 0; i < microcode.size(); ++i) {
    const MicroOp& op = microcode[i];
    if (op.op < MicroOpcode::kCount && std::max({op.d, op.a, op.b, op.c}) < kRegisters && op.slot < isa::kVectorSlots) continue;
    return invalid_input(fmt::format("micro-operation {}", i), "it names an operation, a register or a stream that does not exist");
  }
  return ok_status();
}

bool too_large(const isa::Run& run) {
  std::int64_t product = 1;
  for (const std::int64_t count : {run.d0, run.d1, run.d2, run.d3, run.d4, run.w0, run.w1}) {
    if (count > kMostSteps / product) return true;
    product *= count;
  }
  return false;
}

// Whose accumulators the word reads or writes by number, or -1.
std::int64_t named_array(const isa::Instruction& word) {
  constexpr auto kAccumulator = static_cast<std::int64_t>(isa::Space::kAccumulator);
  if (const auto* bind = word.as<isa::Bind>()) return bind->space == kAccumulator ? bind->array : -1;
  const auto* store = word.as<isa::Store>();
  return store != nullptr && store->local_space == kAccumulator ? store->array : -1;
}

Status check_word(const isa::Instruction& word, const std::vector<isa::UnitId>& units, const Chip& chip, const std::string& place) {
  if (std::find(units.begin(), units.end(), word.unit) == units.end()) {
    return invalid_input(place, fmt::format("chip {} has no unit {}", chip.name, isa::unit_name(word.unit)), "run it on the chip that it was compiled for");
  }
  if (Status status = isa::check_instruction(word); !status.ok()) {
    return invalid_input(place, status.error().place + ": " + status.error().message, status.error().hint);
  }
  for (const DType type : isa::types_of(word)) SYSTOLE_TRY(chip.check_knows(place, type));
  if (const std::int64_t array = named_array(word); array >= chip.mxu.count) {
    return invalid_input(place, fmt::format("array {} does not exist", array), fmt::format("a core of chip {} has {}", chip.name, chip.mxu.count));
  }
  const auto* run = word.as<isa::Run>();
  if (run != nullptr && too_large(*run)) return invalid_input(place, "a run of more than 2^40 elements times taps");
  return ok_status();
}

}  // namespace

Status check_fit(const isa::Program& program, const Chip& chip) {
  if (program.cores.empty()) return invalid_input("program", "it has no cores");
  if (static_cast<std::int64_t>(program.cores.size()) > chip.cores) {
    return invalid_input("program", fmt::format("it is for {} cores, chip {} has {}", program.cores.size(), chip.name, chip.cores),
                         "run it on the chip that it was compiled for");
  }
  SYSTOLE_TRY(check_microcode(program.microcode));
  const std::vector<isa::UnitId> units = units_of(chip);
  for (std::size_t c = 0; c < program.cores.size(); ++c) {
    const auto& code = program.cores[c].code;
    for (std::size_t i = 0; i < code.size(); ++i) SYSTOLE_TRY(check_word(code[i], units, chip, fmt::format("core {}, instruction {}", c, i)));
  }
  return ok_status();
}

}  // namespace systole::machine
