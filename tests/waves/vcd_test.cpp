// The dump read back by an independent parser: every value in every cycle is what the engine's accessors say.
#include "report/vcd.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "isa/table.h"
#include "machine/event.h"
#include "machine/register.h"
#include "product.h"
#include "report/pulse.h"
#include "rtl/random_kernel.h"
#include "vcd_parser.h"

namespace systole::report {
namespace {

namespace fs = std::filesystem;

class Waves : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("systole-vcd-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  std::int64_t files() const { return std::distance(fs::directory_iterator(folder_), fs::directory_iterator()); }

  test::ParsedVcd dump(const isa::Program& program, const Chip& chip, const std::vector<Tensor>& inputs, const std::string& cycles = "",
                       const std::string& elements = "") {
    const auto window = element_window(chip, elements);
    EXPECT_TRUE(window.ok()) << window.error().text();
    auto source = register_waves(program, chip, inputs, *window);
    EXPECT_TRUE(source.ok()) << source.error().text();
    const std::int64_t total = machine::simulate_time(program, chip)->cycles;
    WaveOptions options;
    options.cycles = *cycle_window(total, cycles);
    const auto result = write_vcd(file("w.vcd"), **source, chip.clock, options);
    EXPECT_TRUE(result.ok()) << result.error().text();
    auto parsed = test::parse_vcd(read_text_file(file("w.vcd")).value());
    EXPECT_EQ(parsed.error, "");
    EXPECT_EQ(parsed.repeated, 0u) << "a value is written again without a change";
    return parsed;
  }
  fs::path folder_;
};

std::uint64_t low(std::uint64_t value, int bits) { return value & ((std::uint64_t{1} << bits) - 1); }

std::string text_of(std::uint64_t bits) {
  std::string text;
  for (int i = 7; i >= 0; --i) text += static_cast<char>(bits >> (8 * i));
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

// Registers as they stand before the clock of cycle now.
void expect_registers(const test::ParsedVcd& waves, const machine::RegisterEngine& engine, const Chip& chip, std::int64_t time) {
  const auto& core = engine.core(0);
  for (std::int64_t r = 0; r < chip.mxu.rows; ++r) {
    for (std::int64_t c = 0; c < chip.mxu.columns; ++c) {
      const machine::Element element = core.array(0).element(r, c);
      const std::string pe = "systole.core0.array.pe_" + std::to_string(r) + "_" + std::to_string(c) + ".";
      ASSERT_EQ(waves.at(pe + "active", time), low(element.active, 9)) << pe << time;
      ASSERT_EQ(waves.at(pe + "shadow", time), low(element.shadow, 9)) << pe << time;
      ASSERT_EQ(waves.at(pe + "value", time), low(element.value, 9)) << pe << time;
      ASSERT_EQ(waves.at(pe + "sum", time), element.sum) << pe << time;
      ASSERT_EQ(waves.at(pe + "valid", time), element.valid) << pe << time;
      ASSERT_EQ(waves.at(pe + "switching", time), element.switching) << pe << time;
      ASSERT_EQ(waves.at(pe + "train", time), element.train) << pe << time;
    }
    ASSERT_EQ(waves.at("systole.core0.accumulators.row_2_1", time), core.array(0).accumulator(2, 1)) << time;
  }
  ASSERT_EQ(waves.at("systole.core0.array.accept_2", time), core.array(0).accept(2)) << time;
  ASSERT_EQ(waves.at("systole.core0.array.weight_2", time), low(core.array(0).top_weight(2), 9)) << time;
  ASSERT_EQ(waves.at("systole.core0.feeder.address", time), static_cast<std::uint64_t>(core.feeder(0).address())) << time;
  ASSERT_EQ(waves.at("systole.core0.push0.loaded_tiles", time), static_cast<std::uint64_t>(core.loaded_tiles(0))) << time;
  ASSERT_EQ(waves.at("systole.core0.dma0.in_flight", time), core.dma(0).answers().size()) << time;
  ASSERT_EQ(waves.at("systole.core0.sequencer.pc", time), static_cast<std::uint64_t>(core.sequencer().pc())) << time;
  for (const int unit : {int{isa::dma_unit(0)}, int{isa::push_unit(0)}, int{isa::matrix_unit(0)}}) {
    const auto& control = core.unit(static_cast<isa::UnitId>(unit));
    const std::string scope = "systole.core0." + isa::unit_name(unit) + ".";
    ASSERT_EQ(waves.at(scope + "busy", time), control.busy) << scope << time;
    ASSERT_EQ(waves.at(scope + "waiting", time), control.queue.size()) << scope << time;
    ASSERT_EQ(text_of(waves.at(scope + "running", time)), control.busy ? isa::info_of(control.current).name : "") << scope << time;
  }
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 8; ++i) word |= std::uint64_t{core.vmem()[8 + i]} << (8 * i);
  ASSERT_EQ(waves.at("systole.core0.buffer.byte_0008", time), word) << time;
}

// Wires as the clock of the cycle left them.
void expect_wires(const test::ParsedVcd& waves, const machine::RegisterEngine& engine, std::int64_t time) {
  const auto& control = engine.core(0).unit(isa::matrix_unit(0));
  ASSERT_EQ(waves.at("systole.core0.mxu0.issue", time), control.issuing) << time;
  ASSERT_EQ(waves.at("systole.core0.mxu0.finish", time), control.finishing) << time;
  ASSERT_EQ(waves.at("systole.core0.sequencer.done", time), engine.core(0).sequencer().advanced()) << time;
}

void expect_equal(const test::ParsedVcd& waves, const isa::Program& program, const Chip& chip, const std::vector<Tensor>& inputs, std::int64_t period) {
  auto engine = machine::RegisterEngine::create(program, chip, inputs);
  ASSERT_TRUE(engine.ok());
  while (!(*engine)->done()) {
    const std::int64_t now = (*engine)->cycle(), time = now * period;
    expect_registers(waves, **engine, chip, time);
    (*engine)->step();
    if ((*engine)->cycle() == now) break;
    expect_wires(waves, **engine, time);
    ASSERT_EQ(waves.at("systole.cycle", time), static_cast<std::uint64_t>(now));
    ASSERT_EQ(waves.at("systole.clk", time), 1u);
    ASSERT_EQ(waves.at("systole.clk", time + period / 2), 0u);
  }
  EXPECT_EQ(waves.times.back(), (*engine)->cycle() * period);
}

TEST_F(Waves, AProductsDumpIsTheEnginesStateInEveryCycle) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const isa::Program program = test::product_program(*chip);
  const auto inputs = test::product_inputs();
  const auto waves = dump(program, *chip, inputs);
  EXPECT_EQ(waves.timescale, "1ps");
  expect_equal(waves, program, *chip, inputs, 10000);
  // The product itself, by definition, from the dump's last instant.
  for (int m = 0; m < 4; ++m) {
    for (int n = 0; n < 4; ++n) {
      std::int32_t sum = 0;
      for (int k = 0; k < 4; ++k) sum += static_cast<std::int8_t>(inputs[0].raw()[4 * m + k]) * static_cast<std::int8_t>(inputs[1].raw()[4 * k + n]);
      const std::string word = "systole.core0.accumulators.row_" + std::to_string(m) + "_" + std::to_string(n);
      EXPECT_EQ(static_cast<std::int32_t>(waves.at(word, waves.times.back())), sum) << word;
    }
  }
}

TEST_F(Waves, ARandomProgramsDumpIsTheEnginesState) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  for (const std::uint64_t seed : {11u, 12u, 13u}) {
    Random random(seed);
    const rtl::Kernel kernel = rtl::random_kernel(random, *chip);
    const auto waves = dump(kernel.program, *chip, kernel.inputs);
    auto engine = machine::RegisterEngine::create(kernel.program, *chip, kernel.inputs);
    ASSERT_TRUE(engine.ok());
    SCOPED_TRACE("seed " + std::to_string(seed));
    for (; !(*engine)->done(); (*engine)->step()) {
      for (int i = 0; i < 16; ++i) {
        const std::string pe = "systole.core0.array.pe_" + std::to_string(i / 4) + "_" + std::to_string(i % 4) + ".";
        ASSERT_EQ(waves.at(pe + "sum", (*engine)->cycle() * 10000), (*engine)->core(0).array(0).element(i / 4, i % 4).sum) << pe << (*engine)->cycle();
      }
    }
  }
}

// max(x, 0) of 8 elements on the vector unit.
TEST_F(Waves, TheVectorUnitsSlotsAndRegisters) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  auto program = isa::assemble(
      "chip \"systolic-4\" format=\"int8\"\n"
      "memory hbm=64 vmem=64\n"
      "input \"x\" type=f32 shape=8 space=hbm address=0\n"
      "output \"y\" type=f32 shape=8 space=hbm address=32\n"
      "micro load r1, s0\n"
      "micro fmax r2, r1, 0x00000000\n"
      "micro store s1, r2\n"
      "core 0\n"
      "  dma0: load far=0x0 local=0x0 bytes=32 signal=vpu\n"
      "  vpu: bind slot=0 type=f32 base=0x0 s4=1 wait=dma0\n"
      "  vpu: bind slot=1 type=f32 base=0x20 s4=1\n"
      "  vpu: run prologue=0 body=3 epilogue=0 d4=8 signal=dma0\n"
      "  dma0: store far=0x20 local=0x20 bytes=32 wait=vpu\n"
      "  scalar: halt\n", "relu");
  ASSERT_TRUE(program.ok()) << program.error().text();
  program->fingerprint = chip->fingerprint();
  Tensor x(DType::kF32, {8});
  for (int i = 0; i < 8; ++i) reinterpret_cast<float*>(x.mutable_raw())[i] = static_cast<float>(i - 4);
  const auto waves = dump(*program, *chip, {x});
  auto engine = machine::RegisterEngine::create(*program, *chip, {x});
  ASSERT_TRUE(engine.ok());
  std::int64_t ran = 0;
  for (; !(*engine)->done(); (*engine)->step()) {
    const auto& unit = (*engine)->core(0).vector();
    const std::int64_t time = (*engine)->cycle() * 10000;
    const MicroOp* const op = unit.running() ? unit.operation() : nullptr;
    ASSERT_EQ(text_of(waves.at("systole.core0.vpu.operation", time)), op != nullptr ? micro_opcode_name(op->op) : "") << time;
    ASSERT_EQ(waves.at("systole.core0.vpu.group", time), static_cast<std::uint64_t>(unit.slot().group)) << time;
    if (!unit.running()) continue;
    ++ran;
    ASSERT_EQ(waves.at("systole.core0.vpu.lane3_r1", time), unit.reg(1, 3)) << time;
  }
  EXPECT_EQ(ran, 6);      // two groups of four lanes, three operations
}

TEST_F(Waves, AWindowOfCyclesBeginsWithEveryValue) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const isa::Program program = test::product_program(*chip);
  const auto whole = dump(program, *chip, test::product_inputs());
  const auto part = dump(program, *chip, test::product_inputs(), "20:29");
  EXPECT_EQ(part.times.front(), 200000);
  EXPECT_EQ(part.times.back(), 300000);
  ASSERT_EQ(part.variables.size(), whole.variables.size());
  for (const auto& variable : part.variables) {
    for (std::int64_t half = 40; half < 60; ++half) {
      ASSERT_EQ(part.bits(variable.name, half * 5000), whole.bits(variable.name, half * 5000)) << variable.name << " half cycle " << half;
    }
  }
}

TEST_F(Waves, ElementsAreChosen) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const auto waves = dump(test::product_program(*chip), *chip, test::product_inputs(), "", "1:2,3");
  EXPECT_TRUE(waves.has("systole.core0.array.pe_1_3.sum"));
  EXPECT_TRUE(waves.has("systole.core0.array.pe_2_3.sum"));
  EXPECT_FALSE(waves.has("systole.core0.array.pe_0_3.sum"));
  EXPECT_FALSE(waves.has("systole.core0.array.pe_1_2.sum"));
}

TEST_F(Waves, ADumpBeyondTheLimitLeavesNothingBehind) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const isa::Program program = test::product_program(*chip);
  auto source = register_waves(program, *chip, test::product_inputs(), *element_window(*chip, ""));
  ASSERT_TRUE(source.ok());
  const auto result = write_vcd(file("w.vcd"), **source, chip->clock, {{0, 60}, "", 9000});
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().hint.find("--cycles"), std::string::npos);
  EXPECT_EQ(files(), 0);
  { const auto abandoned = VcdWriter::create(file("v.vcd"), 100); }
  EXPECT_EQ(files(), 0);
  EXPECT_FALSE(VcdWriter::create(file("no/folder.vcd"), 100).ok());
}

TEST_F(Waves, TheSaveFileNamesOnlyVariablesOfTheDump) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const isa::Program program = test::product_program(*chip);
  const auto waves = dump(program, *chip, test::product_inputs());
  auto source = register_waves(program, *chip, test::product_inputs(), *element_window(*chip, ""));
  ASSERT_TRUE(source.ok());
  std::istringstream lines(gtkwave_save("w.vcd", (*source)->signals()));
  std::int64_t names = 0, depth = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("systole.", 0) == 0) {
      EXPECT_TRUE(waves.has(line.substr(0, line.find('[')))) << line;
      ++names;
    }
    depth += line == "@800200" || line == "@c00200" ? 1 : line == "@1000200" || line == "@1400200" ? -1 : 0;
    EXPECT_TRUE(depth == 0 || depth == 1) << line;
  }
  EXPECT_EQ(depth, 0);
  EXPECT_EQ(names, static_cast<std::int64_t>(waves.variables.size()));
}

// A push in Q4.12: its weights and sums show 12 bits of fraction.
TEST(WaveFormats, FixedPointShowsTheChipsFraction) {
  auto chip = load_chip("systolic-2-q412");
  ASSERT_TRUE(chip.ok()) << chip.error().text();
  const auto program = isa::assemble(
      "chip \"systolic-2-q412\" format=\"q4.12\"\nmemory hbm=64 vmem=64\ncore 0\n"
      "  push0: push pitch=4 rows=2 columns=2 type=q4.12 format=q4.12 signal=mxu0\n"
      "  mxu0: pad step_pitch=4 type=q4.12\n"
      "  mxu0: matmul out_columns=2 length=2 columns=2 format=q4.12 wait=push0\n"
      "  scalar: halt\n",
      "push");
  ASSERT_TRUE(program.ok()) << program.error().text();
  const auto source = register_waves(*program, *chip, {}, *element_window(*chip, ""));
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_EQ((*source)->sum_format(), fixed_format(12));
  const std::string save = gtkwave_save("w.vcd", (*source)->signals());
  EXPECT_NE(save.find("[fpshift_count] 12\n"), std::string::npos);
  EXPECT_EQ(save.find("[fpshift_count] 8\n"), std::string::npos);
  for (int n = 1; n <= 15; ++n) EXPECT_EQ(fraction_of(fixed_format(n)), n);
  EXPECT_EQ(fraction_of(WaveFormat::kText), 0);
  EXPECT_EQ(fixed_format(8), WaveFormat::kFixed8);
  EXPECT_EQ(decode_word(0x1800, fixed_format(12), 16), "1.5");
  EXPECT_EQ(decode_word(0x8000, fixed_format(12), 16), "-8");
  EXPECT_EQ(decode_word(0xFFFF, fixed_format(1), 16), "-0.5");
  EXPECT_EQ(decode_word(0x7FFF, fixed_format(1), 16), "16383.5");
  EXPECT_EQ(decode_word(0x4CCD, fixed_format(15), 16), "0.6");  // 19661 / 32768 = 0.60001
}

TEST(WaveClock, EdgesAreTheExactTimesRoundedToTheNearestUnit) {
  const auto check = [](std::int64_t hertz) {
    const auto clock = wave_clock(Hertz(static_cast<double>(hertz)));
    ASSERT_TRUE(clock.ok());
    const __int128 units = clock->unit == "1ps" ? 1'000'000'000'000 : 1'000'000'000'000'000;
    // 9,000 seconds: as many femtoseconds as 63 bits hold.
    for (std::int64_t half = 0; half < 18'000 * hertz; half = half * 3 + 1) {
      // | time - half / (2 hertz) | <= 1/2 unit, in units of 1 / (2 hertz).
      const __int128 error = static_cast<__int128>(clock->time(half)) * 2 * hertz - static_cast<__int128>(half) * units;
      ASSERT_LE(error < 0 ? -error : error, hertz) << hertz << " Hz, half cycle " << half;
    }
  };
  for (const std::int64_t hertz : {1'200'000'000, 1'050'000'000, 940'000'000, 700'000'000, 100'000'000, 3, 1}) check(hertz);
  EXPECT_EQ(wave_clock(Hertz(1.2e9))->time(2), 833333);
  EXPECT_EQ(wave_clock(Hertz(1.2e9))->time(6), 2500000);
  EXPECT_EQ(wave_clock(Hertz(1.2e9))->text(), "833333 1/3 fs");
  EXPECT_EQ(wave_clock(Hertz(1e8))->unit, "1ps");
  EXPECT_EQ(wave_clock(Hertz(1e8))->time(2), 10000);
  EXPECT_EQ(wave_clock(Hertz(0.5))->time(2), 2'000'000'000'000);
  EXPECT_FALSE(wave_clock(Hertz(0)).ok());
  EXPECT_FALSE(wave_clock(Hertz(1e15)).ok());
}

TEST(WaveWindows, NamePlaceAndHint) {
  const auto big = load_chip("tpu-v4");
  ASSERT_TRUE(big.ok());
  const auto whole = element_window(*big, "");
  ASSERT_FALSE(whole.ok());
  EXPECT_NE(whole.error().hint.find("--elements"), std::string::npos);
  for (const char* text : {"0:7", "x,0", "3:1,0", "0:128,0:3", "0:127,0:127", ",", "0:1,0:1,0:1"}) EXPECT_FALSE(element_window(*big, text).ok()) << text;
  EXPECT_TRUE(element_window(*big, "120:127,0:7").ok());
  for (const char* text : {"5:3", "0:100", "-1:3", "a:b", ":", "0:99999999999999999999"}) EXPECT_FALSE(cycle_window(100, text).ok()) << text;
  EXPECT_EQ(cycle_window(100, "7:99")->last, 99);
  EXPECT_EQ(cycle_window(100, "7")->first, 7);
}

}  // namespace
}  // namespace systole::report
