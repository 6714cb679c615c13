// The register engine against the event engine in time: random chips, random legal programs, vector unit, free memories and free control included.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "machine/event.h"
#include "machine/register.h"
#include "machine/register_accounts.h"
#include "random_program.h"

namespace systole::machine {
namespace {

void expect_equal_time(const isa::Program& program, const Chip& chip, std::uint64_t seed) {
  auto event = simulate_time(program, chip);
  auto registers = simulate_registers(program, chip, {});
  ASSERT_TRUE(event.ok()) << event.error().text();
  ASSERT_TRUE(registers.ok()) << registers.error().text() << " seed " << seed;
  EXPECT_EQ(registers->cycles, event->cycles) << "seed " << seed;
}

TEST(RegisterTime, EqualsTheEventEngineOnRandomProgramsAndChips) {
  const std::uint64_t first = std::random_device{}();
  for (std::uint64_t seed = first; seed < first + 4000 && !HasFailure(); ++seed) {
    Random random(seed);
    const Chip chip = random_chip(random);
    expect_equal_time(random_program(random, chip, static_cast<int>(random.integer(1, 120))), chip, seed);
  }
}

// Where every unit's cycles went, core by core, also after a core has halted.
void expect_equal_accounts(const isa::Program& program, const Chip& chip) {
  const auto event = simulate_time(program, chip);
  auto registers = RegisterEngine::create(program, chip, {});
  ASSERT_TRUE(event.ok()) << event.error().text();
  ASSERT_TRUE(registers.ok()) << registers.error().text();
  CycleAccounts accounts(**registers, program, chip);
  while (!(*registers)->done() && (*registers)->cycle() <= event->cycles) {
    accounts.before_step();
    (*registers)->step();
    accounts.after_step();
  }
  ASSERT_EQ((*registers)->cycle(), event->cycles);
  ASSERT_EQ(accounts.units().size(), event->units.size());
  for (std::size_t u = 0; u < event->units.size(); ++u) {
    const UnitReport &ours = accounts.units()[u], &theirs = event->units[u];
    EXPECT_EQ(ours.name, theirs.name);
    EXPECT_EQ(ours.instructions, theirs.instructions) << ours.name;
    EXPECT_EQ(ours.busy, theirs.busy) << ours.name;
    EXPECT_EQ(ours.idle, theirs.idle) << ours.name;
    EXPECT_EQ(ours.stall, theirs.stall) << ours.name;
  }
}

TEST(RegisterTime, CountsEveryUnitsCyclesAsTheEventEngine) {
  const std::uint64_t first = std::random_device{}();
  for (std::uint64_t seed = first; seed < first + 200 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Chip chip = random_chip(random);
    chip.timing.control_cycles = 1;
    for (MemorySpec* memory : {&chip.hbm, &chip.cmem}) memory->bandwidth.bytes = std::max<std::int64_t>(memory->bandwidth.bytes, 1);
    expect_equal_accounts(random_program(random, chip, static_cast<int>(random.integer(1, 120))), chip);
  }
}

}  // namespace
}  // namespace systole::machine
