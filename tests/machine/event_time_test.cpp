// The time pass against docs/machine.md stepped cycle by cycle, over random chips and programs; and what its reports promise.
#include <gtest/gtest.h>

#include "clocked_reference.h"
#include "machine/event.h"
#include "random_program.h"

namespace systole::machine {
namespace {

std::vector<isa::UnitId> units_by_trace_order(const Chip& chip) {
  std::vector<isa::UnitId> units = {isa::kScalar, isa::kVector};
  for (int e = 0; e < chip.dma_engines; ++e) units.push_back(isa::dma_unit(e));
  for (int a = 0; a < chip.mxu.count; ++a) {
    units.push_back(isa::push_unit(a));
    units.push_back(isa::matrix_unit(a));
  }
  return units;
}

using Rows = std::vector<std::array<std::int64_t, 3>>;

void expect_same_intervals(const ClockedRun& reference, const Trace& trace, const Chip& chip) {
  const auto units = units_by_trace_order(chip);
  std::vector<Rows> ours(reference.units.size() * units.size());
  for (const TraceEvent& event : trace.events) ours[static_cast<std::size_t>(event.unit)].push_back({event.instruction, event.start, event.end});
  for (std::size_t c = 0; c < reference.units.size(); ++c) {
    for (std::size_t u = 0; u < units.size(); ++u) {
      Rows theirs;
      for (const auto& i : reference.units[c][units[u]]) theirs.push_back({i.word, i.start, i.busy_end});
      ASSERT_EQ(ours[c * units.size() + u], theirs) << trace.units[c * units.size() + u];
    }
  }
}

void compare_with_reference(std::uint64_t first_seed, std::uint64_t seeds, int words) {
  for (std::uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    Random random(seed);
    const Chip chip = random_chip(random);
    const isa::Program program = random_program(random, chip, words, false);
    const ClockedRun reference = run_clocked(program, chip, 200'000);
    Trace trace;
    const auto report = simulate_time(program, chip, &trace);
    // A push may stand before a swap that is fetched behind a full queue: both stand still, and the engine says so.
    ASSERT_EQ(report.ok(), reference.finished) << "seed " << seed << (report.ok() ? "" : report.error().text());
    if (!report.ok()) continue;
    ASSERT_EQ(report->cycles, reference.cycles) << "seed " << seed;
    expect_same_intervals(reference, trace, chip);
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed;
  }
}

TEST(EventTime, EqualsTheMachineCycleByCycleOnSmallPrograms) { compare_with_reference(1, 6000, 12); }
TEST(EventTime, EqualsTheMachineCycleByCycleOnLongerPrograms) { compare_with_reference(100'001, 1000, 60); }

TEST(EventTime, EveryUnitsCyclesAddUp) {
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    Random random(seed);
    const Chip chip = random_chip(random);
    const isa::Program program = random_program(random, chip, 40);
    const auto report = simulate_time(program, chip);
    ASSERT_TRUE(report.ok()) << "seed " << seed << ": " << report.error().text();
    for (const UnitReport& unit : report->units) {
      std::int64_t sum = unit.busy + unit.idle;
      EXPECT_GE(unit.idle, 0) << "seed " << seed << " " << unit.name;
      for (const auto& [cause, cycles] : unit.stall) {
        EXPECT_GE(cycles, 0) << "seed " << seed << " " << unit.name << " " << cause;
        sum += cycles;
      }
      ASSERT_EQ(sum, report->cycles) << "seed " << seed << " " << unit.name;
    }
  }
}

TEST(EventTime, LayersAddUpToTheWhole) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    const Chip chip = random_chip(random);
    const isa::Program program = random_program(random, chip, 40);
    const auto report = simulate_time(program, chip);
    ASSERT_TRUE(report.ok()) << report.error().text();
    std::map<std::string, std::int64_t> busy, read, written;
    std::int64_t macs = 0;
    for (const LayerReport& layer : report->layers) {
      for (const auto& [unit, cycles] : layer.busy) busy[unit] += cycles;
      for (const auto& [memory, bytes] : layer.memory) {
        read[memory] += bytes.read_bytes;
        written[memory] += bytes.written_bytes;
      }
      macs += layer.array_macs;
      EXPECT_LE(layer.first_cycle, layer.last_cycle);
      EXPECT_LE(layer.last_cycle, report->cycles);
    }
    EXPECT_EQ(macs, report->array_macs);
    for (const UnitReport& unit : report->units) {
      if (!unit.name.ends_with("scalar")) EXPECT_EQ(busy[unit.name], unit.busy) << unit.name;
    }
    for (const auto& [memory, bytes] : report->memory) {
      EXPECT_EQ(read[memory], bytes.read_bytes);
      EXPECT_EQ(written[memory], bytes.written_bytes);
    }
  }
}

TEST(EventTime, TracingChangesNothing) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    const Chip chip = random_chip(random);
    const isa::Program program = random_program(random, chip, 40);
    Trace trace;
    const auto with = simulate_time(program, chip, &trace), without = simulate_time(program, chip);
    ASSERT_TRUE(with.ok() && without.ok());
    ASSERT_EQ(with->cycles, without->cycles);
    for (std::size_t u = 0; u < with->units.size(); ++u) {
      EXPECT_EQ(with->units[u].busy, without->units[u].busy);
      EXPECT_EQ(with->units[u].stall, without->units[u].stall);
    }
  }
}

isa::Program one_core(std::vector<isa::Instruction> code) {
  isa::Program program;
  code.push_back({isa::Halt{}, isa::kScalar});
  program.cores.push_back({std::move(code), {}});
  return program;
}

TEST(EventTime, ACoreThatNeverComesToTheBarrierIsAnError) {
  Random random(1);
  Chip chip = random_chip(random);
  chip.cores = 2;
  isa::Program program = one_core({{isa::Barrier{}, isa::kScalar}});
  program.cores.push_back({{{isa::Halt{}, isa::kScalar}}, {}});
  const auto report = simulate_time(program, chip);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(report.error().place, "core 0, instruction 0");
}

TEST(EventTime, ATokenNeverGivenIsAnErrorAtItsTaker) {
  Random random(1);
  const Chip chip = random_chip(random);
  const auto report = simulate_time(one_core({{isa::Nop{}, isa::kScalar}, {isa::Nop{}, isa::kScalar, 1u << isa::kVector}}), chip);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().place, "core 0, instruction 1");
}

TEST(EventTime, AProgramForMoreCoresIsAnError) {
  Random random(1);
  Chip chip = random_chip(random);
  chip.cores = 1;
  isa::Program program = one_core({});
  EXPECT_TRUE(simulate_time(program, chip).ok());
  program.cores.push_back(program.cores[0]);
  const auto report = simulate_time(program, chip);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().place, "program");
}

TEST(EventTime, ARunBeyondAllBoundsIsAnError) {
  Random random(1);
  const std::int64_t most = (1 << 20) - 1;
  const auto report = simulate_time(one_core({{isa::Run{.d0 = most, .d1 = most, .d2 = most, .w0 = most}, isa::kVector}}), random_chip(random));
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().place, "core 0, instruction 0");
}

TEST(EventTime, AUnitThatTheChipLacksIsAnError) {
  Random random(1);
  Chip chip = random_chip(random);
  chip.dma_engines = 1;
  const auto report = simulate_time(one_core({{isa::Load{.bytes = 1}, isa::dma_unit(1)}}), chip);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().place, "core 0, instruction 0");
}

}  // namespace
}  // namespace systole::machine
