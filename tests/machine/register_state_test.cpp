// What can be looked at in each cycle: an array's state against a model written element by element from docs/machine.md section 4, its
// hash, and the vector unit's slots against the schedule of section 5.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "base/random.h"
#include "machine/register.h"

namespace systole::machine {
namespace {

// Every register of every element on its own, as the page says, latencies of one.
class PlainArray {
 public:
  PlainArray(std::int64_t rows, std::int64_t columns) : rows_(rows), columns_(columns) {
    state_.rows = rows, state_.columns = columns;
    for (auto* field : {&state_.active, &state_.shadow, &state_.sum, &state_.value, &state_.valid, &state_.switching, &state_.train}) {
      field->assign(static_cast<std::size_t>(rows * columns), 0);
    }
    state_.accept.assign(static_cast<std::size_t>(columns), 0);
  }
  void clock(const SystolicArray::Inputs& in) {
    const ArrayState old = state_;
    for (std::int64_t r = 0; r < rows_; ++r) {
      for (std::int64_t c = 0; c < columns_; ++c) element(old, r, c);
    }
    rows_given_.insert(rows_given_.begin(), in.row);
    weights_given_.insert(weights_given_.begin(), in.weights);
    for (std::int64_t c = 0; c < columns_; ++c) state_.accept[static_cast<std::size_t>(c)] = weights(c) != nullptr && weights(c)->accept ? 1 : 0;
  }
  const ArrayState& state() const { return state_; }

 private:
  const StagedRow* row(std::int64_t r) const { return r < static_cast<std::int64_t>(rows_given_.size()) ? &rows_given_[static_cast<std::size_t>(r)] : nullptr; }
  const WeightRow* weights(std::int64_t c) const {
    return c < static_cast<std::int64_t>(weights_given_.size()) ? &weights_given_[static_cast<std::size_t>(c)] : nullptr;
  }
  void element(const ArrayState& old, std::int64_t r, std::int64_t c) {
    const auto at = [&](std::int64_t i, std::int64_t j) { return static_cast<std::size_t>(i * columns_ + j); };
    const std::size_t here = at(r, c);
    const StagedRow* staged = c == 0 ? row(r) : nullptr;
    const bool given = staged != nullptr && staged->valid;
    const std::uint32_t value = c > 0 ? old.value[at(r, c - 1)] : given ? staged->values[static_cast<std::size_t>(r)] : 0;
    const bool valid = c > 0 ? old.valid[at(r, c - 1)] != 0 : given, switching = c > 0 ? old.switching[at(r, c - 1)] != 0 : given && staged->switching;
    const WeightRow* weight = weights(c);
    const bool accept = weight != nullptr && weight->accept;
    const bool take = accept && (r == 0 || (!weight->first && old.train[at(r - 1, c)] != 0));
    if (switching) state_.active[here] = old.shadow[here];
    if (valid)
      state_.sum[here] =
          multiply_add(Arithmetic::kInteger, 8, value, state_.active[here], r == 0 ? 0 : old.sum[at(r - 1, c)]);
    if (take) state_.shadow[here] = r == 0 ? weight->values[static_cast<std::size_t>(c)] : old.shadow[at(r - 1, c)];
    state_.value[here] = value;
    state_.valid[here] = valid ? 1 : 0;
    state_.switching[here] = switching ? 1 : 0;
    state_.train[here] = take ? 1 : 0;
  }
  std::int64_t rows_, columns_;
  ArrayState state_;
  std::vector<StagedRow> rows_given_;      // newest first
  std::vector<WeightRow> weights_given_;
};

Chip chip_of(std::int64_t rows, std::int64_t columns) {
  Chip chip;
  chip.name = "test";
  chip.mxu.rows = rows, chip.mxu.columns = columns;
  chip.mxu.accumulator_rows = 64;
  chip.vmem_bytes = 4096;
  chip.hbm = {true, 1 << 20, {8, 1}, 16, 5};
  return chip;
}

// Tiles and rows as the units give them: a tile's accepts on end, the next not before its switch, rows with gaps. Looked at in every clock or in
// some: what the array leaves for later must be there whenever somebody looks.
void compare_state(std::uint64_t seed) {
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(seed));
  Random random(seed);
  const std::int64_t rows = random.integer(1, 9), columns = random.integer(1, random.chance(0.6) ? 9 : random.chance(0.6) ? 70 : 400);
  const Operands operands = random.chance(0.5) ? Operands::kShorts : Operands::kWords;
  SystolicArray array(chip_of(rows, columns), operands);
  PlainArray plain(rows, columns);
  const double valid = random.chance(0.5) ? 0.7 : random.chance(0.5) ? 0.998 : 1.0;   // of rows: without gaps all elements have work at once
  const double looked = random.chance(0.3) ? 1.0 : random.chance(0.5) ? 0.3 : 0.02;
  std::int64_t pushing = 0, loaded = 0, waiting = 0;
  for (int t = 0; t < 700; ++t) {
    SystolicArray::Inputs in;
    in.row.values.resize(static_cast<std::size_t>(rows));
    in.weights.values.resize(static_cast<std::size_t>(columns));
    if (random.chance(valid)) {
      in.row.valid = in.target.valid = true;
      in.row.switching = loaded > 0 && random.chance(0.3);
      if (in.row.switching) --loaded, --waiting;
      for (auto& value : in.row.values) value = static_cast<std::uint32_t>(random.integer(-128, 127));
      in.target = {0, columns, true, false, false, Arithmetic::kInteger};
    }
    if (pushing == 0 && waiting == 0 && random.chance(0.5)) {
      pushing = rows;
      ++waiting;
    }
    if (pushing > 0) {
      in.weights.accept = true;
      in.weights.first = pushing == rows;
      for (auto& weight : in.weights.values) weight = static_cast<std::uint32_t>(random.integer(-128, 255));
      if (--pushing == 0) ++loaded;
    }
    array.clock(in);
    plain.clock(in);
    if (t != 699 && !random.chance(looked)) continue;
    const ArrayState state = array.state();
    ASSERT_EQ(state, plain.state()) << "clock " << t << ", " << rows << "x" << columns;
    ASSERT_EQ(state.hash(), plain.state().hash());
  }
}

TEST(RegisterState, AnArrayIsInEveryClockWhatItsElementsAre) {
  const char* one = std::getenv("SYSTOLE_SEED");
  const std::uint64_t first = one != nullptr ? std::strtoull(one, nullptr, 10) : std::random_device{}();
  for (std::uint64_t seed = first; seed < first + 300 && !HasFatalFailure(); ++seed) compare_state(seed);
}

TEST(RegisterState, TheHashSeesEveryField) {
  ArrayState state;
  state.rows = state.columns = 2;
  std::vector<std::uint32_t>* const fields[] = {&state.active, &state.shadow, &state.sum, &state.value, &state.valid, &state.switching, &state.train};
  for (auto* field : fields) field->assign(4, 0);
  state.accept.assign(2, 0);
  // FNV-1a over 30 zero words: the start times the prime to the 30th.
  std::uint64_t zeros = 0xCBF29CE484222325ull;
  for (int i = 0; i < 30; ++i) zeros *= 0x100000001B3ull;
  EXPECT_EQ(state.hash(), zeros);
  std::vector<std::uint64_t> seen = {zeros};
  const auto look = [&](std::uint32_t& word) {
    word = 1;
    EXPECT_EQ(std::count(seen.begin(), seen.end(), state.hash()), 0);
    seen.push_back(state.hash());
    word = 0;
  };
  for (auto* field : fields) {
    for (std::uint32_t& word : *field) look(word);
  }
  for (std::uint32_t& word : state.accept) look(word);
}

// Five elements on four lanes, two taps, a strided load: every slot in its cycle.
TEST(RegisterState, ARunGoesThroughItsSlots) {
  Chip chip = chip_of(2, 2);
  chip.vpu = {true, 2, 2, 3};
  const std::vector<MicroOp> microcode = {{.op = MicroOpcode::kLoad, .slot = 0}, {.op = MicroOpcode::kIAdd}, {.op = MicroOpcode::kStore, .slot = 1}};
  VectorUnit unit(chip, microcode);
  unit.set_bind({.slot = 0, .type = static_cast<std::int64_t>(DType::kI32), .s4 = 2});
  unit.set_bind({.slot = 1, .base = 2048, .type = static_cast<std::int64_t>(DType::kI32), .s4 = 1});
  unit.start({.program = 0, .prologue = 1, .body = 1, .epilogue = 1, .d4 = 5, .w1 = 2});
  std::vector<std::uint8_t> vmem(4096);
  VectorMemory memory;
  memory.vmem = &vmem;
  std::vector<VectorSlot> slots;
  while (unit.running()) {
    slots.push_back(unit.slot());
    EXPECT_EQ(unit.last_cycle(), slots.size() == 12);
    unit.cycle(memory);
  }
  std::vector<VectorSlot> expected;
  for (std::int64_t group = 0; group < 2; ++group) {
    for (std::int64_t left = 3; left > 0; --left) expected.push_back({group, VectorPhase::kPrologue, 0, 0, left});
    for (std::int64_t tap = 0; tap < 2; ++tap) expected.push_back({group, VectorPhase::kBody, tap, 0, 1});
    expected.push_back({group, VectorPhase::kEpilogue, 0, 0, 1});
  }
  EXPECT_EQ(slots, expected);
  EXPECT_EQ(unit.position(4, 0), 4);   // lane 0 of the second group
}

}  // namespace
}  // namespace systole::machine
