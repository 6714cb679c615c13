// Event engine, register engine and Verilated RTL on fresh random programs: same bits, same memory, same cycles.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "isa/limits.h"
#include "machine/event.h"
#include "machine/register.h"
#include "rtl/check.h"
#include "rtl/generate.h"
#include "rtl/model.h"
#include "rtl/random_kernel.h"

namespace systole::rtl {
namespace {

bool has_verilator() { return std::system("verilator --version > /dev/null 2>&1") == 0; }

// SYSTOLE_SEED repeats a run; else a fresh one.
std::uint64_t first_seed() {
  const char* text = std::getenv("SYSTOLE_SEED");
  return text == nullptr ? std::random_device{}() : std::strtoull(text, nullptr, 10);
}

CheckResult expect_no_mismatch(const std::string& name, std::int64_t programs, bool rtl) {
  CheckOptions options;
  options.programs = programs;
  options.seed = first_seed();
  options.rtl = rtl;
  auto chip = load_chip(name);
  EXPECT_TRUE(chip.ok()) << chip.error().text();
  auto result = check(*chip, options);
  EXPECT_TRUE(result.ok()) << result.error().text() << " SYSTOLE_SEED=" << options.seed;
  if (!result.ok()) return {};
  std::cout << name << ": SYSTOLE_SEED=" << result->seed << ", " << result->programs << " programs, " << result->cycles_compared << " cycles compared\n";
  for (const auto& [format, tally] : result->formats) std::cout << "  " << format << ": " << tally.programs << " programs\n";
  for (const auto& [why, times] : result->drawn_again) std::cout << "  drawn again " << times << " times: " << why << "\n";
  for (const std::string& line : result->details) std::cout << line << "\n";
  EXPECT_EQ(result->programs, programs);
  EXPECT_EQ(result->mismatches, 0);
  EXPECT_GE(result->cycles_compared, 200 * programs);
  EXPECT_EQ(result->array_cycles, rtl ? result->cycles_compared / 2 : 0);   // counted for the register engine and for the RTL
  return std::move(*result);
}

// The hash sees one weight: the same program with one more bit in one weight differs from the cycle in which it is accepted on.
TEST(RtlCheck, TheHashSeesOneBitOfOneWeight) {
  if (!has_verilator()) FAIL() << "no verilator on the PATH: tools/install.sh";
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const auto model = RtlModel::build(*chip);
  ASSERT_TRUE(model.ok()) << model.error().text();
  Random random(3);
  Kernel kernel = random_product(random, *chip);
  const auto before = model->run_hashed(kernel.program, kernel.inputs);
  kernel.inputs[1].mutable_raw()[0] ^= 1;
  const auto after = model->run_hashed(kernel.program, kernel.inputs);
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_EQ(before->cycles, after->cycles);
  EXPECT_EQ(before->hashes.size(), static_cast<std::size_t>(before->cycles));
  EXPECT_EQ(before->hashes.front(), after->hashes.front());
  EXPECT_NE(before->hashes, after->hashes);
}

// The last cycle is the one before the halt is seen: with one fewer the model has not halted.
TEST(RtlModel, StopsAfterTheCyclesThatItIsGiven) {
  if (!has_verilator()) FAIL() << "no verilator on the PATH: tools/install.sh";
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const auto model = RtlModel::build(*chip);
  ASSERT_TRUE(model.ok()) << model.error().text();
  Random random(4);
  const Kernel kernel = random_product(random, *chip);
  const auto time = machine::simulate_time(kernel.program, *chip);
  ASSERT_TRUE(time.ok());
  const auto enough = model->run_hashed(kernel.program, kernel.inputs, time->cycles + 1), less = model->run_hashed(kernel.program, kernel.inputs, time->cycles);
  ASSERT_TRUE(enough.ok() && less.ok());
  EXPECT_TRUE(enough->halted);
  EXPECT_EQ(enough->cycles, time->cycles);
  EXPECT_FALSE(less->halted);
}

TEST(RtlCheck, RegisterEngine) {
  for (const char* name : {"systolic-2-q88", "systolic-2-q412", "systolic-4", "systolic-8"})
    expect_no_mismatch(name, 60, false);
}

// The formats that the chip multiplies, each by itself and mixed.
void expect_three_engines(const std::string& name, std::initializer_list<const char*> formats) {
  if (!has_verilator()) FAIL() << "no verilator on the PATH: tools/install.sh";
  const CheckResult result = expect_no_mismatch(name, 60, true);
  for (const char* format : formats) EXPECT_TRUE(result.formats.contains(format)) << format;
}
TEST(RtlCheck, ThreeEnginesOnSystolic2Q88) { expect_three_engines("systolic-2-q88", {"q8.8"}); }
TEST(RtlCheck, ThreeEnginesOnSystolic2Q412) { expect_three_engines("systolic-2-q412", {"q4.12"}); }
TEST(RtlCheck, ThreeEnginesOnSystolic4) { expect_three_engines("systolic-4", {"int8", "bf16", "mixed"}); }
TEST(RtlCheck, ThreeEnginesOnSystolic8) { expect_three_engines("systolic-8", {"int8", "bf16", "mixed"}); }

// The comparison is not blind: a machine that differs in one figure takes another time on some program.
TEST(RtlCheck, NoticesAnotherQueueDepthLatencyAndBandwidth) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const auto differing = [&](const Chip& other) {
    int count = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Random random(seed);
      const Kernel kernel = random_kernel(random, *chip);
      const auto event = machine::simulate_time(kernel.program, other);
      const auto registers = machine::simulate_registers(kernel.program, *chip, kernel.inputs);
      EXPECT_TRUE(event.ok() && registers.ok());
      count += event->cycles != registers->cycles ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(differing(*chip), 0);
  Chip other = *chip;
  --other.timing.queue_depth;
  EXPECT_GT(differing(other), 0);
  other = *chip;
  ++other.hbm.latency_cycles;
  EXPECT_GT(differing(other), 0);
  other = *chip;
  ++other.hbm.bandwidth.bytes;
  EXPECT_GT(differing(other), 0);
}

TEST(RtlModel, NamesTheInstructionThatItCannotRun) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  isa::Program program;
  program.cores.resize(1);
  program.cores[0].code = {{isa::Nop{}}, {isa::Gather{.far_space = 1, .bytes = 4, .count = 1}, isa::dma_unit(0)}, {isa::Halt{}}};
  const auto status = check_program(program, *chip);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(status.error().text().find("instruction 1 (gather)"), std::string::npos) << status.error().text();
}

TEST(RtlModel, RefusesStreamsOfDoubles) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  isa::Program program;
  program.cores.resize(1);
  program.cores[0].code = {{isa::Bind{.type = static_cast<std::int64_t>(DType::kF64)}, isa::kVector}, {isa::Halt{}}};
  const auto status = check_program(program, *chip);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().text().find("instruction 0 (bind)"), std::string::npos) << status.error().text();
}

TEST(RtlModel, RefusesStreamsOfAnotherFixedPointFormat) {
  const auto chip = load_chip("systolic-2-q412");
  ASSERT_TRUE(chip.ok());
  isa::Program program;
  program.cores.resize(1);
  program.cores[0].code = {{isa::Bind{.type = static_cast<std::int64_t>(DType::kQ4_12)}, isa::kVector}, {isa::Bind{.type = static_cast<std::int64_t>(DType::kQ8_8)}, isa::kVector}, {isa::Halt{}}};
  const auto status = check_program(program, *chip);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().text().find("instruction 1 (bind): q8.8"), std::string::npos) << status.error().text();
}

TEST(Generate, WritesSourcesThatLintClean) {
  if (!has_verilator()) FAIL() << "no verilator on the PATH: tools/install.sh";
  for (const char* name : {"systolic-2-q88", "systolic-2-q412", "systolic-4", "systolic-8", "systolic-16"}) {
    const auto chip = load_chip(name);
    ASSERT_TRUE(chip.ok());
    const std::string folder = ::testing::TempDir() + "/lint-" + name;
    ASSERT_TRUE(write_rtl(*chip, folder).ok());
    EXPECT_EQ(std::system(("cd '" + folder + "' && verilator --lint-only -Wall --top-module systole -f files.f").c_str()), 0);
  }
}

// The narrowest and the widest fraction.
TEST(Generate, EveryFixedPointFormatLintsClean) {
  if (!has_verilator()) FAIL() << "no verilator on the PATH: tools/install.sh";
  auto chip = load_chip("systolic-2-q412");
  ASSERT_TRUE(chip.ok());
  for (const DType type : {DType::kQ15_1, DType::kQ1_15}) {
    chip->mxu.formats = {type};
    const std::string folder = ::testing::TempDir() + "/lint-" + std::string(dtype_name(type));
    ASSERT_TRUE(write_rtl(*chip, folder).ok());
    EXPECT_EQ(std::system(("cd '" + folder + "' && verilator --lint-only -Wall --top-module systole -f files.f").c_str()), 0);
  }
}

TEST(Generate, SublanesLintClean) {
  if (!has_verilator()) FAIL() << "no verilator on the PATH: tools/install.sh";
  auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  chip->vpu.lanes = 3, chip->vpu.sublanes = 2;
  const std::string folder = ::testing::TempDir() + "/lint-sublanes";
  ASSERT_TRUE(write_rtl(*chip, folder).ok());
  EXPECT_EQ(std::system(("cd '" + folder + "' && verilator --lint-only -Wall --top-module systole -f files.f").c_str()), 0);
}

TEST(Generate, WritesSourcesThatYosysReads) {
  if (std::system("yosys -V > /dev/null 2>&1") != 0) FAIL() << "no yosys on the PATH: tools/install.sh";
  for (const char* name : {"systolic-4", "systolic-2-q412"}) {
    const auto chip = load_chip(name);
    ASSERT_TRUE(chip.ok());
    const std::string folder = ::testing::TempDir() + "/yosys-" + name;
    ASSERT_TRUE(write_rtl(*chip, folder).ok());
    const std::string script = "read_verilog -sv $(tr '\\n' ' ' < files.f); hierarchy -check -top systole; proc; opt_clean; check -assert";
    EXPECT_EQ(std::system(("cd '" + folder + "' && yosys -q -p \"" + script + "\"").c_str()), 0);
  }
}

// Only event engine: what the generators reach, not what the engines do with it.
TEST(RtlCheck, EveryCombinationOfOpcodeAndFormatOccursAndHasAName) {
  for (const char* name : {"systolic-2-q88", "systolic-2-q412", "systolic-4"}) {
    const auto chip = load_chip(name);
    ASSERT_TRUE(chip.ok());
    CheckOptions options;
    options.programs = 400;
    options.seed = first_seed();
    options.compiled = 0;
    options.registers = options.rtl = false;
    auto result = check(*chip, options);
    ASSERT_TRUE(result.ok()) << result.error().text();
    for (const std::string& what : combinations(*chip)) {
      EXPECT_GT(result->coverage[what], 0) << name << ": " << what << " SYSTOLE_SEED=" << options.seed;
      result->coverage.erase(what);
    }
    for (const auto& [what, count] : result->coverage) {
      EXPECT_TRUE(what.ends_with(" x no")) << name << ": '" << what << "' occurs " << count << " times and is not among the chip's combinations";
    }
  }
}

TEST(RtlCheck, CoresThatShareMemory) {
  auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  chip->cores = 2;
  CheckOptions options;
  options.programs = 40;
  options.seed = first_seed();
  const auto result = check(*chip, options);
  ASSERT_TRUE(result.ok()) << result.error().text() << " SYSTOLE_SEED=" << options.seed;
  for (const std::string& line : result->details) std::cout << line << "\n";
  EXPECT_EQ(result->mismatches, 0) << "SYSTOLE_SEED=" << options.seed;
}

TEST(RandomKernel, SeveralCoresAreLegalAndWithoutHazards) {
  auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  chip->cores = 3;
  const std::uint64_t first = first_seed();
  for (std::uint64_t seed = first; seed < first + 30; ++seed) {
    Random random(seed);
    const Kernel kernel = random_kernel(random, *chip);
    const auto legal = isa::check_program(kernel.program, isa::limits(*chip));
    ASSERT_TRUE(legal.ok()) << legal.error().text() << " SYSTOLE_SEED=" << seed;
    const auto hazards = machine::check_hazards(kernel.program, *chip);
    ASSERT_TRUE(hazards.ok()) << hazards.error().text() << " SYSTOLE_SEED=" << seed;
  }
}

TEST(RandomKernel, IsLegalAndWithoutHazards) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const std::uint64_t first = std::random_device{}();
  for (std::uint64_t seed = first; seed < first + 60; ++seed) {
    Random random(seed);
    const Kernel kernel = random_kernel(random, *chip);
    const isa::MachineLimits limits{chip->mxu.rows, chip->mxu.columns, 1, chip->mxu.accumulator_rows, chip->vmem_bytes,
                                    chip->hbm.capacity_bytes, 0, chip->dma_engines, true};
    const auto legal = isa::check_program(kernel.program, limits);
    ASSERT_TRUE(legal.ok()) << legal.error().text() << " seed " << seed << " " << kernel.text;
    const auto hazards = machine::check_hazards(kernel.program, *chip);
    ASSERT_TRUE(hazards.ok()) << hazards.error().text() << " seed " << seed << " " << kernel.text;
  }
}

TEST(Generate, NamesTheFieldOfAChipThatItCannotWrite) {
  const auto chip = load_chip("tpu-v4");
  ASSERT_TRUE(chip.ok());
  const auto status = check_chip(*chip);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(status.error().text().find("tpu-v4: "), std::string::npos);
}

}  // namespace
}  // namespace systole::rtl
