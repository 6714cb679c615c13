// Rolling changes how a program is written, not what is fetched: the fetcher visits the same words with the same
// addresses.
#include "compile/roll.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace systole {
namespace {

bool is_loop_word(const isa::Instruction& i) { return i.as<isa::Loop>() || i.as<isa::End>() || i.as<isa::Strides>(); }

// Stride-set numbers are how a word says its address, not the address.
isa::Instruction without_sets(isa::Instruction instruction) {
  std::visit(
      [](auto& body) {
        using T = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<T, isa::Load> || std::is_same_v<T, isa::Store>)
          body.far_strides = body.local_strides = 0;
        if constexpr (std::is_same_v<T, isa::Push>) body.weights_strides = 0;
        if constexpr (std::is_same_v<T, isa::Matmul>) body.source_strides = body.accumulator_strides = 0;
        if constexpr (std::is_same_v<T, isa::Bind>) body.base_strides = 0;
      },
      instruction.body);
  return instruction;
}

std::vector<isa::Instruction> fetched(const isa::CoreCode& core) {
  std::vector<isa::Instruction> words;
  isa::Fetcher fetcher(core);
  isa::Fetcher::Step step;
  while (fetcher.next(step))
    if (!is_loop_word(step.instruction)) words.push_back(without_sets(step.instruction));
  return words;
}

isa::CoreCode random_nest(Random& random) {
  isa::CoreCode core;
  const auto word = [&](isa::Body body, isa::UnitId unit) {
    isa::Instruction instruction;
    instruction.body = std::move(body);
    instruction.unit = unit;
    core.code.push_back(instruction);
    core.layer.push_back(0);
  };
  for (int nest = 0; nest < 3; ++nest) {
    const std::int64_t n0 = random.integer(1, 6), n1 = random.integer(1, 6), n2 = random.integer(1, 6);
    const std::int64_t s0 = random.integer(-4, 4) * 64, s1 = random.integer(-4, 4) * 64, s2 = random.integer(0, 4) * 64;
    for (std::int64_t i = 0; i < n0; ++i)
      for (std::int64_t j = 0; j < n1; ++j) {
        isa::Load load;
        load.far = 100000 + i * s0 + j * s1;
        load.local = (j % 2) * 512;
        load.bytes = 64;
        word(load, isa::dma_unit(0));
        for (std::int64_t k = 0; k < n2; ++k) {
          isa::Push push;
          push.weights = 4096 + k * s2;
          push.rows = push.columns = 4;
          push.pitch = 16;
          word(push, isa::push_unit(0));
          isa::Matmul matmul;
          matmul.source = (j % 2) * 512 + k * 4;
          matmul.length = 4;
          matmul.columns = random.chance(0.01) ? 3 : 4;
          matmul.accumulate = k > 0;
          word(matmul, isa::matrix_unit(0));
        }
      }
  }
  word(isa::Halt{}, isa::kScalar);
  return core;
}

TEST(Roll, FetchesTheSameWords) {
  std::size_t flat = 0, rolled = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    isa::CoreCode core = random_nest(random);
    const auto before = fetched(core);
    flat += core.code.size();
    compile::roll_loops(core);
    rolled += core.code.size();
    ASSERT_EQ(core.code.size(), core.layer.size());
    EXPECT_EQ(fetched(core), before) << "seed " << seed;
  }
  EXPECT_LT(rolled, flat / 2);  // and it does roll
}

TEST(Roll, ProgramSizeDoesNotGrowWithTheCount) {
  const auto size = [](std::int64_t n) {
    isa::CoreCode core;
    for (std::int64_t i = 0; i < n; ++i) {
      isa::Instruction instruction;
      isa::Load load;
      load.far = i * 256;
      load.bytes = 256;
      instruction.body = load;
      instruction.unit = isa::dma_unit(0);
      core.code.push_back(instruction);
      core.layer.push_back(0);
    }
    compile::roll_loops(core);
    return core.code.size();
  };
  EXPECT_EQ(size(1000), size(10));
  EXPECT_EQ(size(10), 4u);  // strides, loop, load, end
}

}  // namespace
}  // namespace systole
