// Event and register engine: same buffer, same cycles, on random programs under random options.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "machine/tinytpu/run.h"
#include "machine/tinytpu/text.h"
#include "machine/tinytpu/xor.h"
#include "random_options.h"
#include "rtl/tinytpu_random.h"

namespace systole::tinytpu {
namespace {

std::uint64_t fresh_seed() { return static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()); }

TEST(Agreement, EventAndRegisterOnRandomPrograms) {
  const std::uint64_t seed = fresh_seed();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::int64_t cycles = 0, finished = 0;
  constexpr int kPrograms = 3000;
  for (int i = 0; i < kPrograms; ++i) {
    const Program program = rtl::random_tinytpu_program(seed + static_cast<std::uint64_t>(i));
    const Options options = random_options(seed + static_cast<std::uint64_t>(i));
    ASSERT_TRUE(check_program(program).ok());
    const auto registers = run_registers(program, options), events = run_events(program, options);
    ASSERT_EQ(registers.ok(), events.ok()) << "program " << i << "\n" << disassemble(program);
    if (!registers.ok()) {
      EXPECT_EQ(registers.error().text(), events.error().text()) << "program " << i;
      continue;
    }
    ++finished;
    cycles += registers->cycles;
    ASSERT_EQ(registers->memory, events->memory) << "program " << i << "\n" << disassemble(program);
    ASSERT_EQ(registers->cycles, events->cycles) << "program " << i << "\n" << disassemble(program);
    ASSERT_EQ(registers->issue_cycles, events->issue_cycles) << "program " << i;
    ASSERT_EQ(registers->clocks, events->clocks) << "program " << i;
    ASSERT_EQ(registers->lost_writes, events->lost_writes) << "program " << i;
  }
  std::printf("%lld of %d programs end, %lld cycles compared\n", static_cast<long long>(finished), kPrograms, static_cast<long long>(cycles));
  EXPECT_GT(finished, kPrograms / 3);
}

}  // namespace
}  // namespace systole::tinytpu
