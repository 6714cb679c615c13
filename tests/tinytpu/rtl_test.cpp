// The SystemVerilog under Verilator against the register engine: every register and all 128 words at every cycle, on the XOR
// programs and on random ones, and against the event engine's counts.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "helpers.h"
#include "machine/tinytpu/xor.h"
#include "rtl/tinytpu_check.h"

namespace systole::tinytpu {
namespace {

std::string source_text(const std::string& path) {
  const auto text = read_text_file(path);
  return text.ok() ? *text : path + " is missing";
}

std::uint64_t fresh_seed() { return static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()) & 0xFFFFFFFF; }

Chip chip_with(const Options& options) {
  Chip chip = *load_chip("tinytpu");
  chip.tinytpu = options;
  return chip;
}

void expect_same(const Options& options, std::int64_t programs) {
  const Chip chip = chip_with(options);
  const auto model = rtl::TinyTpuModel::build(chip);
  ASSERT_TRUE(model.ok()) << model.error().text();
  for (const std::string& text : {xor_step_source({}), xor_train_source(3, {}), source_file("examples/tinytpu/layers_shadow.s")}) {
    const auto same = rtl::compare_tinytpu(assembled(text), options, &*model);
    ASSERT_TRUE(same.ok()) << same.error().text();
    EXPECT_EQ(same->difference, "");
    EXPECT_GT(same->cycles, 60);
  }
  rtl::CheckOptions check;
  check.programs = programs;
  check.seed = fresh_seed();
  const auto result = rtl::check_tinytpu(chip, check);
  ASSERT_TRUE(result.ok()) << result.error().text();
  std::printf("seed %llu: %lld programs, %lld cycles compared\n", static_cast<unsigned long long>(result->seed), static_cast<long long>(result->programs),
              static_cast<long long>(result->cycles_compared));
  for (const std::string& line : result->details) ADD_FAILURE() << line;
  EXPECT_EQ(result->mismatches, 0);
  EXPECT_EQ(result->programs, programs);
  EXPECT_GE(result->cycles_compared, 200 * programs);
}

// The golden numbers on the hardware itself.
void expect_golden(const rtl::TinyTpuModel& model) {
  const auto result = model.run(assembled(xor_step_source({})));
  ASSERT_TRUE(result.ok()) << result.error().text();
  const std::vector<std::int16_t> parameters(result->memory.begin() + 12, result->memory.begin() + 21);
  EXPECT_EQ(parameters, (std::vector<std::int16_t>{68, -154, 14, 103, -138, 36, 145, 58, 122}));
  EXPECT_EQ(result->issue_cycles, 14 + 60);
  EXPECT_EQ(result->cycles, 14 + 62);
}

// 124,038 cycles from instruction memory, until exclusive or is solved.
void expect_solved(const rtl::TinyTpuModel& model) {
  XorSettings settings;
  settings.leak = 26;
  const Program program = assembled(xor_train_source(2000, settings));
  const auto hardware = model.run(program), events = run_events(program, {});
  ASSERT_TRUE(hardware.ok()) << hardware.error().text();
  EXPECT_EQ(hardware->memory, events->memory);
  EXPECT_EQ(hardware->cycles, events->cycles);
  EXPECT_LT(mean_squared_error(hardware->memory, *program.error), 0.01);
}

// One test, for a model takes long to build and tests run side by side.
TEST(TinyTpuRtl, AsTheOriginal) {
  expect_same({}, 60);
  const auto model = rtl::TinyTpuModel::build(chip_with({}));
  ASSERT_TRUE(model.ok()) << model.error().text();
  expect_golden(*model);
  expect_solved(*model);
}

TEST(TinyTpuRtl, EveryOption) {
  Options options;
  options.block_ram = options.shared_multiplier = options.registered_switch = options.registered_bypass = true;
  options.rounding = Options::Rounding::kStochastic;
  options.forward_slope = 128;
  options.derivative_slope = 3;
  expect_same(options, 60);
}

// What `systole rtl` writes is taken by Verilator's lint without a warning and by Yosys, whose check finds nothing.
TEST(TinyTpuRtl, ToolsTakeTheSources) {
  for (const char* name : {"tinytpu", "tinytpu-bram"}) {
    const std::string folder = (std::filesystem::temp_directory_path() / fmt::format("systole-tinytpu-{}-{}", name, ::getpid())).string();
    ASSERT_TRUE(rtl::write_tinytpu(*load_chip(name), folder).ok());
    const std::string in = "cd '" + folder + "' && ";
    EXPECT_EQ(std::system((in + "verilator --lint-only -Wall -fno-const-bit-op-tree --unroll-count 4096 --top-module tinytpu -f files.f > lint.log 2>&1").c_str()), 0) << source_text(folder + "/lint.log");
    EXPECT_EQ(std::system((in + "yosys -q -p \"read_verilog -sv $(tr '\n' ' ' < files.f); hierarchy -check -top tinytpu; proc; opt_clean; check -assert\" > yosys.log 2>&1").c_str()), 0)
        << source_text(folder + "/yosys.log");
    std::filesystem::remove_all(folder);
  }
}

}  // namespace
}  // namespace systole::tinytpu
