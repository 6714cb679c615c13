// Single kinds of words on the three engines, against their definition: gathers by random lists.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <random>

#include "base/random.h"
#include "machine/event.h"
#include "machine/register.h"
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
