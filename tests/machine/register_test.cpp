// The register engine against the closed forms of docs/machine.md: first and last sum of a product, interlock, full queue; and
// against the event engine in formats that the RTL does not have.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "base/random.h"
#include "machine/event.h"
#include "machine/register.h"

namespace systole::machine {
namespace {

Chip small_chip(std::int64_t rows, std::int64_t columns) {
  Chip chip;
  chip.name = "test";
  chip.mxu.rows = rows;
  chip.mxu.columns = columns;
  chip.mxu.formats = {DType::kI8, DType::kU8, DType::kBF16};
  chip.mxu.accumulator_rows = 64;
  chip.vmem_bytes = 1 << 14;
  chip.hbm = {true, 1 << 20, {8, 1}, 16, 5};
  chip.dma_engines = 2;
  chip.timing.queue_depth = 4;
  return chip;
}

isa::Program program_of(std::vector<isa::Instruction> code) {
  isa::Program program;
  program.hbm_bytes = 1 << 14;
  program.layers = {{"test", "dot", 0}};
  code.push_back({isa::Halt{}});
  program.cores.resize(1);
  program.cores[0].layer.assign(code.size(), 0);
  program.cores[0].code = std::move(code);
  return program;
}

constexpr std::int64_t kI8 = static_cast<std::int64_t>(DType::kI8);
isa::Instruction push_word() { return {isa::Push{.pitch = 4, .rows = 1, .columns = 1, .type = kI8, .format = kI8}, isa::push_unit(0)}; }
isa::Instruction matmul_word(std::int64_t rows, std::int64_t swap = 1) {
  return {isa::Matmul{.out_columns = rows, .length = 1, .columns = 1, .swap = swap, .format = kI8}, isa::matrix_unit(0)};
}

// Cycles in which the unit began a word (its first busy cycles), by stepping.
std::vector<std::int64_t> starts(const isa::Program& program, const Chip& chip, isa::UnitId id) {
  auto engine = RegisterEngine::create(program, chip, {});
  EXPECT_TRUE(engine.ok());
  std::vector<std::int64_t> result;
  while (!(*engine)->done()) {
    (*engine)->step();
    if ((*engine)->core(0).unit(id).issuing && !(*engine)->done()) result.push_back((*engine)->cycle());
  }
  return result;
}

TEST(ProgramFit, AChipHasOneFixedPointFormat) {
  Chip chip = small_chip(4, 4);
  chip.mxu.formats = {DType::kQ4_12};
  const auto type = [](DType t) { return static_cast<std::int64_t>(t); };
  const auto verdicts = [&](const isa::Instruction& word) {
    const isa::Program program = program_of({word});
    const auto event = simulate_values(program, chip, {});
    const auto registers = simulate_registers(program, chip, {});
    EXPECT_EQ(event.ok(), registers.ok());
    return event.ok() ? std::string("ok") : event.error().text();
  };
  EXPECT_EQ(verdicts({isa::Bind{.type = type(DType::kQ4_12)}, isa::kVector}), "ok");
  EXPECT_EQ(verdicts({isa::Pad{.type = type(DType::kQ4_12)}, isa::matrix_unit(0)}), "ok");
  EXPECT_NE(verdicts({isa::Bind{.type = type(DType::kQ8_8)}, isa::kVector}).find("chip test has no q8.8"),
            std::string::npos);
  EXPECT_NE(verdicts({isa::Pad{.type = type(DType::kQ5_11)}, isa::matrix_unit(0)}).find("chip test has no q5.11"),
            std::string::npos);
}

TEST(ProgramFit, WordsNameArraysThatExist) {
  const Chip chip = small_chip(2, 2);
  constexpr auto kAccumulator = static_cast<std::int64_t>(isa::Space::kAccumulator);
  const isa::Instruction words[] = {{isa::Bind{.space = kAccumulator, .array = 1}, isa::kVector},
                                    {isa::Store{.local_space = kAccumulator, .array = 1, .bytes = 4}, isa::dma_unit(0)}};
  for (const isa::Instruction& word : words) {
    const isa::Program program = program_of({word});
    const auto time = simulate_time(program, chip);
    const auto registers = simulate_registers(program, chip, {});
    ASSERT_FALSE(time.ok());
    ASSERT_FALSE(registers.ok());
    EXPECT_NE(registers.error().text().find("array 1 does not exist"), std::string::npos) << registers.error().text();
  }
}

class ArraySize : public ::testing::TestWithParam<std::pair<int, int>> {};

// Row m of column c is in the accumulators from cycle S + m + 2 + R + c on, not earlier.
TEST_P(ArraySize, SumsComeInTheCycleOfTheClosedForm) {
  const auto [rows, columns] = GetParam();
  SystolicArray array(small_chip(rows, columns));
  const auto wires = [&] {
    SystolicArray::Inputs inputs;
    inputs.row.values.resize(static_cast<std::size_t>(rows));
    inputs.weights.values.resize(static_cast<std::size_t>(columns));
    return inputs;
  };
  for (int i = 0; i < rows; ++i) {   // weight (r, c) = 10 r + c + 1, last row first
    auto inputs = wires();
    inputs.weights.accept = true;
    inputs.weights.first = i == 0;
    for (int c = 0; c < columns; ++c) inputs.weights.values[static_cast<std::size_t>(c)] = static_cast<std::uint32_t>(10 * (rows - 1 - i) + c + 1);
    array.clock(inputs);
  }
  constexpr int kM = 5;
  for (int t = 0; t < kM + rows + columns + 3; ++t) {   // t: cycles since S; row m is all m + 1
    for (int m = 0; m < kM; ++m) {
      for (int c = 0; c < columns; ++c) {
        int sum = 0;
        for (int r = 0; r < rows; ++r) sum += (m + 1) * (10 * r + c + 1);
        EXPECT_EQ(array.accumulator(m, c), t >= m + 2 + rows + c ? static_cast<std::uint32_t>(sum) : 0u) << "t " << t << " m " << m << " c " << c;
      }
    }
    EXPECT_EQ(array.ending(t == kM - 1), t == kM + rows + columns - 1) << t;   // E - 1, E = S + M + R + C
    auto inputs = wires();
    if (t < kM) {
      inputs.row.valid = true;
      inputs.row.switching = t == 0;
      for (auto& value : inputs.row.values) value = static_cast<std::uint32_t>(t + 1);
      inputs.target = {t, columns, true, false, t == kM - 1, Arithmetic::kInteger};
    }
    array.clock(inputs);
  }
}
INSTANTIATE_TEST_SUITE_P(Sizes, ArraySize, ::testing::Values(std::pair{1, 1}, std::pair{4, 4}, std::pair{8, 8}, std::pair{3, 5}, std::pair{6, 2}));

TEST(RegisterEngine, AProgramOfOneProductTakesItsClosedForm) {
  const Chip chip = small_chip(4, 3);
  // Push: fetched 0, arrives and issues 1, starts 2. Swap: S = 2 + R = 6; E = S + M + R + C; halt leaves at E.
  const isa::Program program = program_of({push_word(), matmul_word(10)});
  auto engine = RegisterEngine::create(program, chip, {});
  ASSERT_TRUE(engine.ok());
  const auto result = (*engine)->run();
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_EQ(result->cycles, 6 + 10 + 4 + 3);
}

TEST(RegisterEngine, APushMayStartWithTheSwapThatFreesTheShadow) {
  const Chip chip = small_chip(4, 4);
  const isa::Program program = program_of({push_word(), matmul_word(20), push_word(), matmul_word(3), push_word(), matmul_word(3)});
  const auto pushes = starts(program, chip, isa::push_unit(0)), products = starts(program, chip, isa::matrix_unit(0));
  EXPECT_EQ(products, (std::vector<std::int64_t>{6, 26, 30}));   // the third waits for its weights: 26 + R
  EXPECT_EQ(pushes, (std::vector<std::int64_t>{2, 6, 26}));
}

TEST(RegisterEngine, WithoutShadowWeightsAPushWaitsForTheEndOfEarlierProducts) {
  Chip chip = small_chip(4, 4);
  chip.mxu.weight_double_buffer = false;
  const isa::Program program = program_of({push_word(), matmul_word(20), push_word(), matmul_word(3)});
  EXPECT_EQ(starts(program, chip, isa::push_unit(0)), (std::vector<std::int64_t>{2, 6 + 20 + 4 + 4}));
}

TEST(RegisterEngine, AWordStandsUntilTheCycleAfterASlotIsFreed) {
  Chip chip = small_chip(4, 4);
  chip.timing.queue_depth = 2;
  // Product: issues in 1, busy 2 .. 21. Words 1 and 2 fill the queue in 1 and 2; word 1 issues in 21 (the last busy cycle), so word
  // 3 is done in 22, word 2 issues in 22, word 4 is done in 23.
  std::vector<isa::Instruction> code = {matmul_word(20, 0)};
  for (int i = 0; i < 4; ++i) code.push_back({isa::Nop{}, isa::matrix_unit(0)});
  const isa::Program program = program_of(code);
  auto engine = RegisterEngine::create(program, chip, {});
  ASSERT_TRUE(engine.ok());
  std::vector<std::int64_t> done;
  while (!(*engine)->done()) {
    const std::int64_t before = (*engine)->core(0).sequencer().pc(), cycle = (*engine)->cycle();
    (*engine)->step();
    if ((*engine)->core(0).sequencer().pc() != before) done.push_back(cycle);
  }
  EXPECT_EQ(done, (std::vector<std::int64_t>{0, 1, 2, 22, 23}));
}

TEST(RegisterEngine, SaysWhereAProgramStandsStill) {
  const isa::Program stuck = program_of({{isa::Nop{}, isa::matrix_unit(0), 1u << isa::push_unit(0), 0}});
  const auto stands = simulate_registers(stuck, small_chip(4, 4), {});
  ASSERT_FALSE(stands.ok());
  EXPECT_NE(stands.error().text().find("stands still"), std::string::npos);
}

// A product in floating point, weights transposed in memory or not, latencies and sizes random.
void compare_bf16(Random& random) {
  Chip chip = small_chip(random.integer(2, 8), random.integer(2, 8));
  chip.timing.feeder_latency = random.integer(1, 3);
  chip.timing.accumulator_latency = random.integer(1, 3);
  const std::int64_t k = random.integer(1, chip.mxu.rows), n = random.integer(1, chip.mxu.columns), m = random.integer(1, 20);
  const bool parts = random.chance(0.5), transpose = random.chance(0.5);
  const DType type = parts ? DType::kF32 : DType::kBF16;
  const std::int64_t size = dtype_bytes(type), t = static_cast<std::int64_t>(type), format = static_cast<std::int64_t>(DType::kBF16);
  const auto bit = [](isa::UnitId unit) { return static_cast<std::uint16_t>(1u << unit); };
  const isa::UnitId push = isa::push_unit(0), matrix = isa::matrix_unit(0), dma = isa::dma_unit(0);
  std::vector<isa::Instruction> code = {
      {isa::Load{.far = 0, .local = 0, .bytes = m * k * size}, dma, 0, bit(matrix)},
      {isa::Load{.far = 8192, .local = 8192, .bytes = k * n * size}, dma, 0, bit(push)},
      {isa::Pad{.step_pitch = k * size, .type = t}, matrix}};
  for (std::int64_t p = 1; p <= (parts ? 3 : 1); ++p) {
    const std::int64_t part = parts ? p : 0;
    code.push_back({isa::Push{.weights = 8192, .pitch = (transpose ? k : n) * size, .rows = k, .columns = n, .type = t, .format = format, .part = part, .transpose = transpose},
                    push, p == 1 ? bit(dma) : std::uint16_t{0}, 0});
    code.push_back({isa::Matmul{.out_columns = m, .length = k, .columns = n, .accumulate = p > 1, .format = format, .part = part}, matrix,
                    p == 1 ? bit(dma) : std::uint16_t{0}, 0});
  }
  code.back().signal = bit(dma);
  code.push_back({isa::Store{.far = 4096, .local_space = 3, .bytes = 4 * n, .rows = m, .pitch = 4 * n}, dma, bit(matrix), 0});
  isa::Program program = program_of(code);
  Tensor memory(type, {(1 << 14) / size});
  const float infinity = std::numeric_limits<float>::infinity(), largest = std::numeric_limits<float>::max();   // as bf16 infinite, too
  const float strange[] = {infinity, -infinity, std::numeric_limits<float>::quiet_NaN(), largest, -largest, 1e-40f};
  const double seldom = random.chance(0.5) ? 0.02 : 0;
  for (std::int64_t i = 0; i < memory.count(); ++i) {
    const float x = random.chance(seldom) ? strange[random.integer(0, 5)] : static_cast<float>(random.real(-2, 2));
    std::memcpy(memory.mutable_raw() + i * size, reinterpret_cast<const char*>(&x) + 4 - size, static_cast<std::size_t>(size));
  }
  program.inputs = {{"memory", type, memory.shape(), isa::Space::kHbm, 0}};
  program.outputs = {{"y", DType::kF32, {m, n}, isa::Space::kHbm, 4096}};
  const auto time = simulate_time(program, chip);
  const auto values = simulate_values(program, chip, {memory});
  const auto registers = simulate_registers(program, chip, {memory});
  ASSERT_TRUE(time.ok() && values.ok() && registers.ok());
  EXPECT_EQ(registers->cycles, time->cycles);
  EXPECT_TRUE(registers->outputs[0].same_bits((*values)[0]));
}

TEST(RegisterEngine, EqualsTheEventEngineInBf16AndItsParts) {
  const std::uint64_t first = std::random_device{}();
  for (std::uint64_t seed = first; seed < first + 60 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    compare_bf16(random);
  }
}

}  // namespace
}  // namespace systole::machine
