// Single kinds of words on the three engines, against their definition: gathers by random lists, tiles that stand in memory row by row and column by column.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <random>

#include "base/random.h"
#include "machine/event.h"
#include "machine/register.h"
#include "rtl/check.h"
#include "rtl/generate.h"
#include "rtl/model.h"
#include "rtl/token_writer.h"

namespace systole::rtl {
namespace {

using isa::Space;

std::uint8_t* bytes_of(Tensor& tensor) { return reinterpret_cast<std::uint8_t*>(tensor.mutable_raw()); }

isa::Program program_of(const Chip& chip, std::vector<isa::Instruction> code, std::vector<isa::Binding> inputs, std::vector<isa::Binding> outputs, std::int64_t hbm_bytes) {
  isa::Program program;
  program.chip = chip.name;
  program.fingerprint = chip.fingerprint();
  program.layers = {{"kernel", "words", 0}};
  program.cores.resize(1);
  program.cores[0].code = std::move(code);
  program.cores[0].code.push_back({isa::Halt{}});
  program.cores[0].layer.assign(program.cores[0].code.size(), 0);
  program.inputs = std::move(inputs);
  program.outputs = std::move(outputs);
  program.hbm_bytes = hbm_bytes;
  program.vmem_bytes = chip.vmem_bytes;
  return program;
}

// The engines agree with each other in cycles, with `expected` in the bits of the one output, and register engine and RTL in every register of the array.
void expect_all(const isa::Program& program, const Chip& chip, const RtlModel& model, const std::vector<Tensor>& inputs, const Tensor& expected, const std::string& what) {
  const auto hazards = machine::check_hazards(program, chip);
  ASSERT_TRUE(hazards.ok()) << hazards.error().text() << what;
  const auto time = machine::simulate_time(program, chip);
  const auto values = machine::simulate_values(program, chip, inputs);
  const auto rtl = model.run_hashed(program, inputs);
  const auto engine = machine::RegisterEngine::create(program, chip, inputs);
  ASSERT_TRUE(time.ok() && values.ok() && engine.ok()) << what;
  ASSERT_TRUE(rtl.ok()) << rtl.error().text() << what;
  std::vector<std::uint64_t> hashes;
  while (!(*engine)->done()) {
    hashes.push_back((*engine)->array_state(0, 0).hash());
    (*engine)->step();
  }
  EXPECT_TRUE((*values)[0].same_bits(expected)) << what;
  EXPECT_TRUE((*engine)->outputs()[0].same_bits(expected)) << what;
  EXPECT_TRUE(rtl->outputs[0].same_bits(expected)) << what;
  EXPECT_EQ((*engine)->cycle(), time->cycles) << what;
  EXPECT_EQ(rtl->cycles, time->cycles) << what;
  // The register engine's done is seen after the cycle of the halt.
  ASSERT_EQ(rtl->hashes.size(), static_cast<std::size_t>(time->cycles)) << what;
  ASSERT_GE(hashes.size(), rtl->hashes.size()) << what;
  EXPECT_TRUE(std::equal(rtl->hashes.begin(), rtl->hashes.end(), hashes.begin())) << what;
}

// Lists with indices before, in and beyond the table; rows from less than a burst to several; tables of any pitch at any place.
void gathers(const Chip& chip, const RtlModel& model, std::uint64_t seed) {
  Random random(seed);
  const std::int64_t table_bytes = 4096, lists = 512, out = table_bytes + lists;
  Tensor memory(DType::kU8, {out + 8192});
  for (std::int64_t i = 0; i < table_bytes; ++i) bytes_of(memory)[i] = static_cast<std::uint8_t>(random.bits());
  Tensor expected = memory;
  TokenWriter writer;
  for (std::int64_t i = 0; i < lists / 4; ++i) {
    auto index = static_cast<std::int32_t>(random.integer(-3, 40));
    if (random.chance(0.1)) index = static_cast<std::int32_t>(random.bits());
    std::memcpy(bytes_of(memory) + table_bytes + 4 * i, &index, 4);
    std::memcpy(bytes_of(expected) + table_bytes + 4 * i, &index, 4);
  }
  writer.add(isa::Load{.far = table_bytes, .local = 0, .bytes = lists}, isa::dma_unit(0), {{Space::kVmem, 0, lists, true}});
  std::int64_t to = out;
  for (int k = 0; k < 12; ++k) {
    isa::Gather g{.limit = random.integer(1, 32), .bytes = random.integer(1, 60), .count = random.integer(1, 9)};
    if (random.chance(0.3)) g.bytes = random.integer(1, 4);
    g.pitch = random.integer(0, 60);
    g.far = random.integer(0, table_bytes - 32 * 60 - 60);
    g.index = 4 * random.integer(0, lists / 4 - g.count);
    g.local = 1024 + 700 * k + random.integer(0, 100);
    const std::int64_t bytes = g.bytes * g.count;
    writer.add(g, isa::dma_unit(static_cast<int>(random.integer(0, chip.dma_engines - 1))),
               {{Space::kVmem, g.index, g.index + 4 * g.count, false}, {Space::kVmem, g.local, g.local + bytes, true}});
    writer.add(isa::Store{.far = to, .local = g.local, .bytes = bytes}, isa::dma_unit(static_cast<int>(random.integer(0, chip.dma_engines - 1))),
               {{Space::kVmem, g.local, g.local + bytes, false}});
    for (std::int64_t i = 0; i < g.count; ++i) {
      std::int32_t index = 0;
      std::memcpy(&index, bytes_of(memory) + table_bytes + g.index + 4 * i, 4);
      const std::int64_t row = std::clamp<std::int64_t>(index, 0, g.limit - 1);
      for (std::int64_t b = 0; b < g.bytes; ++b) bytes_of(expected)[to + i * g.bytes + b] = bytes_of(memory)[g.far + row * g.pitch + b];
    }
    to += bytes;
  }
  const isa::Binding all{"memory", DType::kU8, memory.shape(), Space::kHbm, 0};
  const isa::Program program = program_of(chip, writer.take(), {all}, {all}, memory.bytes());
  expect_all(program, chip, model, {memory}, expected, " seed " + std::to_string(seed));
  const auto awkward = model.run_awkward(program, {memory}, seed);
  ASSERT_TRUE(awkward.ok()) << awkward.error().text();
  EXPECT_TRUE(awkward->outputs[0].same_bits(expected)) << "seed " << seed;
}

// Products of a few rows with tiles of any size, half of them transposed: y[m][c] = sum over k of a[m][k] x w[k][c], w[k][c] at k x pitch + c or c x pitch + k.
void transposes(const Chip& chip, const RtlModel& model, std::uint64_t seed) {
  Random random(seed);
  const std::int64_t rows = chip.mxu.rows, columns = chip.mxu.columns, input = 1024, tiles = 10, most_rows = 6, row_bytes = columns * 4;
  Tensor a(DType::kI8, {input}), y(DType::kI32, {tiles * most_rows, columns});
  for (std::int64_t i = 0; i < input; ++i) bytes_of(a)[i] = static_cast<std::uint8_t>(random.bits());
  const auto value = [&](std::int64_t at) { return static_cast<std::int32_t>(static_cast<std::int8_t>(bytes_of(a)[at])); };
  const auto i8 = static_cast<std::int64_t>(DType::kI8);
  TokenWriter writer;
  writer.add(isa::Load{.local = 0, .bytes = input}, isa::dma_unit(0), {{Space::kVmem, 0, input, true}});
  writer.add(isa::Pad{.step_pitch = rows, .type = i8}, isa::matrix_unit(0));
  for (std::int64_t t = 0; t < tiles; ++t) {
    isa::Push push{.rows = random.integer(1, rows), .columns = random.integer(1, columns), .type = i8, .format = i8, .transpose = random.integer(0, 1)};
    const std::int64_t items = push.transpose != 0 ? push.rows : push.columns, lines = push.transpose != 0 ? push.columns : push.rows;
    push.pitch = items + random.integer(0, 3);
    push.weights = random.integer(0, input - lines * push.pitch);
    isa::Matmul matmul{.source = random.integer(0, input - most_rows * rows), .out_columns = random.integer(1, most_rows), .length = push.rows, .columns = columns,
                       .accumulator = t * most_rows, .swap = 1, .format = i8};
    writer.add(push, isa::push_unit(0), {{Space::kVmem, 0, input, false}});
    writer.add(matmul, isa::matrix_unit(0), {{Space::kVmem, 0, input, false}, {Space::kAccumulator, t * most_rows, t * most_rows + matmul.out_columns, true}});
    for (std::int64_t m = 0; m < matmul.out_columns; ++m) {
      for (std::int64_t c = 0; c < push.columns; ++c) {
        std::int32_t sum = 0;
        for (std::int64_t k = 0; k < push.rows; ++k) {
          sum += value(matmul.source + m * rows + k) * value(push.weights + (push.transpose != 0 ? c * push.pitch + k : k * push.pitch + c));
        }
        y.mutable_data<std::int32_t>()[(t * most_rows + m) * columns + c] = sum;
      }
    }
  }
  writer.add(isa::Store{.far = input, .local_space = 3, .bytes = row_bytes, .rows = tiles * most_rows, .pitch = row_bytes}, isa::dma_unit(0),
             {{Space::kAccumulator, 0, tiles * most_rows, false}});
  const isa::Program program = program_of(chip, writer.take(), {{"a", DType::kI8, a.shape(), Space::kHbm, 0}}, {{"y", DType::kI32, y.shape(), Space::kHbm, input}},
                                          input + y.bytes());
  expect_all(program, chip, model, {a}, y, chip.name + " seed " + std::to_string(seed));
}

// Arrays that are not square: with shadow weights, and without and with a later feeder.
std::vector<Chip> oblong_chips() {
  Chip wide = load_chip("systolic-4").value();
  wide.mxu.formats = {DType::kI8};
  wide.vpu.present = false;
  Chip high = wide;
  wide.name = "systolic-3x6";
  wide.mxu.rows = 3;
  wide.mxu.columns = 6;
  high.name = "systolic-6x3";
  high.mxu.rows = 6;
  high.mxu.columns = 3;
  high.mxu.weight_double_buffer = false;
  high.timing.feeder_latency = 2;
  return {wide, high};
}

TEST(Words, TilesByRowsAndByColumns) {
  const std::uint64_t seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  for (const Chip& chip : oblong_chips()) {
    const auto model = RtlModel::build(chip);
    ASSERT_TRUE(model.ok()) << model.error().text();
    for (std::uint64_t i = 0; i < 20; ++i) transposes(chip, *model, seed + i);
  }
}

TEST(Words, RandomProgramsOnOblongArrays) {
  CheckOptions options;
  options.seed = std::random_device{}();
  options.programs = 20;
  for (const Chip& chip : oblong_chips()) {
    const auto result = check(chip, options);
    ASSERT_TRUE(result.ok()) << result.error().text() << " seed " << options.seed;
    for (const std::string& line : result->details) std::cout << line << "\n";
    EXPECT_EQ(result->mismatches, 0) << "seed " << options.seed;
    EXPECT_GE(result->array_cycles, 200 * options.programs);
  }
}

TEST(Words, GathersTakeTheRowsThatTheListNames) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const auto model = RtlModel::build(*chip);
  ASSERT_TRUE(model.ok()) << model.error().text();
  const std::uint64_t seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  for (std::uint64_t i = 0; i < 20; ++i) gathers(*chip, *model, seed + i);
}

}  // namespace
}  // namespace systole::rtl
