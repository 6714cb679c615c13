// The register engine against the event engine in time: random chips, random legal programs, vector unit, free memories and free control included.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "machine/event.h"
#include "machine/register.h"
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
  for (std::uint64_t seed = first; seed < first + 300 && !HasFailure(); ++seed) {
    Random random(seed);
    const Chip chip = random_chip(random);
    expect_equal_time(random_program(random, chip, static_cast<int>(random.integer(1, 120))), chip, seed);
  }
}

}  // namespace
}  // namespace systole::machine
