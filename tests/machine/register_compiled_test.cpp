// Compiled random graphs on random chips, one or two cores, one to three arrays, every format that they multiply: the register engine
// gives the event engine's bits and cycles. SYSTOLE_SEED repeats one seed, SYSTOLE_COUNT runs so many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "../compile/random_graph.h"
#include "compile/compiler.h"
#include "machine/event.h"
#include "machine/register.h"

namespace systole::machine {
namespace {

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

constexpr DType kFormats[] = {DType::kBF16, DType::kF32, DType::kF16, DType::kF8E4M3, DType::kF8E5M2, DType::kTF32, DType::kQ8_8};

struct Tally {
  std::int64_t programs = 0, cycles = 0;
};

void compare(const isa::Program& program, const Chip& chip, const std::vector<Tensor>& inputs, Tally& tally) {
  const auto time = simulate_time(program, chip);
  ASSERT_TRUE(time.ok()) << time.error().text();
  constexpr std::int64_t kMostCycles = 100000;   // of one program in a test
  if (time->cycles > kMostCycles) return;
  const auto values = simulate_values(program, chip, inputs);
  const auto registers = simulate_registers(program, chip, inputs);
  ASSERT_TRUE(values.ok()) << values.error().text();
  ASSERT_TRUE(registers.ok()) << registers.error().text();
  EXPECT_EQ(registers->cycles, time->cycles);
  for (std::size_t i = 0; i < values->size(); ++i) EXPECT_TRUE(registers->outputs[i].same_bits((*values)[i])) << "output " << i;
  ++tally.programs;
  tally.cycles += registers->cycles;
}

void check_one(std::uint64_t seed, Tally& tally) {
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(seed));
  Random random(seed);
  Chip chip = test::small_chip(random);
  chip.timing.feeder_latency = random.integer(0, 3);
  chip.timing.accumulator_latency = random.integer(0, 3);
  chip.timing.vector_latency = random.integer(0, 6);
  if (random.chance(0.1)) chip.hbm.bandwidth.bytes = 0;
  const graph::Graph source = test::random_graph(random, static_cast<int>(random.integer(1, 8)));
  std::vector<Tensor> inputs;
  for (const graph::ValueId v : source.inputs) inputs.push_back(test::random_tensor(random, DType::kF32, source.type(v).shape));
  compile::Options options;
  options.format = kFormats[random.integer(0, std::size(kFormats) - 1)];  // Q8.8: any fixed point
  if (is_fixed(options.format)) {
    std::erase_if(chip.mxu.formats, is_fixed);
    options.format = fixed_type(static_cast<int>(random.integer(1, 15)));
  }
  if (!chip.multiplies(options.format) && options.format != DType::kF32) chip.mxu.formats.push_back(options.format);
  options.bf16x3 = random.chance(0.3);
  options.fuse = random.chance(0.7);
  options.double_buffer = random.chance(0.7);
  options.roll_loops = random.chance(0.7);
  options.tile_limit = random.chance(0.3) ? random.integer(1, 200) : 0;
  const auto compiled = compile::compile(source, chip, options);
  if (!compiled.ok() && compiled.error().code == ErrorCode::kUnsupported) return;
  ASSERT_TRUE(compiled.ok()) << compiled.error().text();
  compare(compiled->program, chip, inputs, tally);
}

// Whatever a chip of the catalogue says: a convolution, a product, reductions and functions, in the chip's own format.
TEST(RegisterCompiled, EveryChipOfTheCatalogueRunsAsInTheEventEngine) {
  for (const std::string& name : catalogue()) {
    const auto chip = load_chip(name);
    ASSERT_TRUE(chip.ok()) << chip.error().text();
    if (chip->machine != MachineKind::kGeneric) continue;
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
      SCOPED_TRACE(name + " seed " + std::to_string(seed));
      Random random(seed);
      const graph::Graph source = test::random_graph(random, 10);
      std::vector<Tensor> inputs;
      for (const graph::ValueId v : source.inputs) inputs.push_back(test::random_tensor(random, DType::kF32, source.type(v).shape));
      compile::Options options;
      options.format = is_integer(chip->default_format) ? DType::kF32 : chip->default_format;
      const auto compiled = compile::compile(source, *chip, options);
      if (!compiled.ok() && compiled.error().code == ErrorCode::kUnsupported) continue;
      ASSERT_TRUE(compiled.ok()) << compiled.error().text();
      Tally tally;
      compare(compiled->program, *chip, inputs, tally);
      EXPECT_EQ(tally.programs, 1);
    }
  }
}

TEST(RegisterCompiled, EqualsTheEventEngineInBitsAndCycles) {
  const bool one = std::getenv("SYSTOLE_SEED") != nullptr;
  const std::uint64_t first = number_from("SYSTOLE_SEED", std::random_device{}());
  const std::uint64_t count = number_from("SYSTOLE_COUNT", one ? 1 : 400);
  Tally tally;
  for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) check_one(seed, tally);
  std::printf("seeds %llu .. %llu: %lld programs, %lld cycles compared\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + count - 1), static_cast<long long>(tally.programs), static_cast<long long>(tally.cycles));
}

}  // namespace
}  // namespace systole::machine
