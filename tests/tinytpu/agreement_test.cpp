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

// Every program of up to five words of a few kinds: short ones end while something still moves.
TEST(Agreement, EventAndRegisterOnEveryShortProgram) {
  const std::vector<std::string> kinds = {"idle", "switch", "write1=300 write2=-200", "read weight rows=1 cols=1", "read weight rows=2 cols=2 transpose",
                                          "read input rows=1 cols=2", "read old_weight rows=1 cols=2", "hold 5"};
  std::int64_t programs = 0;
  for (int length = 0; length <= 5; ++length) {
    std::int64_t count = 1;
    for (int i = 0; i < length; ++i) count *= static_cast<std::int64_t>(kinds.size());
    for (std::int64_t code = 0; code < count; ++code, ++programs) {
      std::string text;
      for (std::int64_t i = 0, rest = code; i < length; ++i, rest /= static_cast<std::int64_t>(kinds.size())) text += kinds[static_cast<std::size_t>(rest) % kinds.size()] + "\n";
      const auto program = assemble(text, "short.s");
      ASSERT_TRUE(program.ok());
      const auto registers = run_registers(*program, {}), events = run_events(*program, {});
      ASSERT_EQ(registers->memory, events->memory) << text;
      ASSERT_EQ(registers->cycles, events->cycles) << text;
      ASSERT_EQ(registers->issue_cycles, events->issue_cycles) << text;
    }
  }
  EXPECT_EQ(programs, 1 + 8 + 64 + 512 + 4096 + 32768);
}

}  // namespace
}  // namespace systole::tinytpu
