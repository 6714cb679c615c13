// The SystemVerilog under Verilator against the register engine: every register and all 128 words at every clock, on the XOR
// programs and on random ones, and against the event engine's counts.
#include <chrono>
#include <cstdio>

#include "helpers.h"
#include "machine/tinytpu/xor.h"
#include "random_program.h"
#include "rtl/tinytpu.h"

namespace systole::tinytpu {
namespace {

std::uint64_t fresh_seed() { return static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()); }

Chip chip_with(const Options& options) {
  auto chip = load_chip("tinytpu");
  EXPECT_TRUE(chip.ok());
  chip->tinytpu = options;
  return *chip;
}

rtl::TinyTpuModel model_of(const Options& options) {
  auto model = rtl::TinyTpuModel::build(chip_with(options));
  if (!model.ok()) ADD_FAILURE() << model.error().text();
  return *std::move(model);
}

// Runs both in step; the cycles compared.
std::int64_t expect_same(const rtl::TinyTpuModel& model, const Program& program, const Options& options) {
  std::vector<rtl::Probe> states;
  const auto hardware = model.run(program, &states);
  const auto events = run_events(program, options);
  EXPECT_EQ(hardware.ok(), events.ok());
  if (!hardware.ok()) {
    EXPECT_EQ(hardware.error().code, ErrorCode::kInvalidInput) << hardware.error().text();
    return 0;
  }
  Machine machine(program, options);
  for (const rtl::Probe& state : states) {
    const rtl::Probe ours = rtl::probe(machine.state(), options);
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_EQ(ours[i], state[i]) << "word " << i << " of the probe, cycle " << machine.state().cycle;
    }
    if (::testing::Test::HasFailure()) return 0;
    machine.step();
  }
  EXPECT_TRUE(machine.done());
  EXPECT_EQ(static_cast<std::int64_t>(states.size()), hardware->cycles);
  EXPECT_EQ(hardware->memory, events->memory);
  EXPECT_EQ(hardware->cycles, events->cycles);
  EXPECT_EQ(hardware->issue_cycles, events->issue_cycles);
  EXPECT_EQ(hardware->clocks, events->clocks);
  return hardware->cycles;
}

void expect_same_on_random(const Options& options, int programs) {
  const std::uint64_t seed = fresh_seed();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  const rtl::TinyTpuModel model = model_of(options);
  std::int64_t cycles = expect_same(model, assembled(xor_step_source({})), options) + expect_same(model, assembled(xor_train_source(3, {})), options);
  for (int i = 0; i < programs && !::testing::Test::HasFailure(); ++i) {
    const Program program = RandomProgram(seed + static_cast<std::uint64_t>(i)).make();
    cycles += expect_same(model, program, options);
    if (::testing::Test::HasFailure()) std::printf("program %d of seed %llu:\n%s", i, static_cast<unsigned long long>(seed), disassemble(program).c_str());
  }
  std::printf("%d programs, %lld cycles compared\n", programs + 2, static_cast<long long>(cycles));
}

TEST(Rtl, AsTheOriginal) { expect_same_on_random({}, 60); }

TEST(Rtl, EveryOption) {
  Options options;
  options.block_ram = options.shared_multiplier = options.registered_switch = options.registered_bypass = true;
  options.rounding = Options::Rounding::kStochastic;
  options.forward_slope = 128;
  options.derivative_slope = 3;
  expect_same_on_random(options, 60);
}

// `make tinytpu-soak`: more programs on each option by itself. A model takes half a minute to build, hence not in every run.
class Soak : public ::testing::TestWithParam<int> {};

TEST_P(Soak, DISABLED_OneOption) {
  Options options;
  const int option = GetParam();
  options.rounding = static_cast<Options::Rounding>(option < 4 ? option : 0);
  options.registered_switch = option == 4;
  options.registered_bypass = option == 5;
  options.block_ram = option == 6;
  if (option == 7) options.forward_slope = -100;
  if (option == 8) options.derivative_slope = -100;
  if (option == 9) options.learning_rate = -77;
  options.shared_multiplier = option >= 9;
  expect_same_on_random(options, 1000);
}

INSTANTIATE_TEST_SUITE_P(Options, Soak, ::testing::Range(0, 10));

}  // namespace
}  // namespace systole::tinytpu
