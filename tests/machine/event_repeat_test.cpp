// Skipping the steady state of loops: nothing but the words gone through may differ from the run without.
#include <gtest/gtest.h>

#include "clocked_reference.h"
#include "machine/event.h"
#include "random_program.h"

namespace systole::machine {
namespace {

using MemoryRow = std::pair<std::int64_t, std::int64_t>;
std::map<std::string, MemoryRow> rows(const std::map<std::string, MemoryReport>& memory) {
  std::map<std::string, MemoryRow> out;
  for (const auto& [name, bytes] : memory) out[name] = {bytes.read_bytes, bytes.written_bytes};
  return out;
}

void expect_equal(const TimingReport& a, const TimingReport& b) {
  ASSERT_EQ(a.cycles, b.cycles);
  ASSERT_EQ(a.array_macs, b.array_macs);
  ASSERT_EQ(rows(a.memory), rows(b.memory));
  ASSERT_EQ(a.units.size(), b.units.size());
  for (std::size_t u = 0; u < a.units.size(); ++u) {
    SCOPED_TRACE(a.units[u].name);
    ASSERT_EQ(a.units[u].name, b.units[u].name);
    ASSERT_EQ(a.units[u].busy, b.units[u].busy);
    ASSERT_EQ(a.units[u].idle, b.units[u].idle);
    ASSERT_EQ(a.units[u].stall, b.units[u].stall);
    ASSERT_EQ(a.units[u].instructions, b.units[u].instructions);
  }
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (std::size_t l = 0; l < a.layers.size(); ++l) {
    SCOPED_TRACE(l);
    ASSERT_EQ(a.layers[l].first_cycle, b.layers[l].first_cycle);
    ASSERT_EQ(a.layers[l].last_cycle, b.layers[l].last_cycle);
    ASSERT_EQ(a.layers[l].busy, b.layers[l].busy);
    ASSERT_EQ(rows(a.layers[l].memory), rows(b.layers[l].memory));
    ASSERT_EQ(a.layers[l].array_macs, b.layers[l].array_macs);
  }
}

struct Words {
  std::int64_t programs = 0, with = 0, without = 0, skipping = 0, standing = 0;
};

void compare(const isa::Program& program, const Chip& chip, Words& words) {
  const auto with = simulate_time(program, chip), without = simulate_time(program, chip, nullptr, {.skip_repeats = false});
  words.programs += 1;
  ASSERT_EQ(with.ok(), without.ok());
  if (!with.ok()) {
    words.standing += 1;
    ASSERT_EQ(with.error().text(), without.error().text());
    return;
  }
  expect_equal(*with, *without);
  words.with += with->simulated_words;
  words.without += without->simulated_words;
  words.skipping += with->simulated_words < without->simulated_words ? 1 : 0;
}

Words compare_random(std::uint64_t first_seed, std::uint64_t seeds, int length, std::int64_t most) {
  Words words;
  for (std::uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Chip chip = random_chip(random);
    chip.cores = 1;
    compare(random_loops(random, chip, length, most), chip, words);
    if (testing::Test::HasFatalFailure()) break;
  }
  testing::Test::RecordProperty("programs", std::to_string(words.programs));
  testing::Test::RecordProperty("skipping", std::to_string(words.skipping));
  testing::Test::RecordProperty("standing", std::to_string(words.standing));
  testing::Test::RecordProperty("words", std::to_string(words.without));
  testing::Test::RecordProperty("words_gone_through", std::to_string(words.with));
  return words;
}

TEST(EventRepeat, ChangesNothingInShortLoops) {
  const Words words = compare_random(1000000, 20000, 12, 400);
  EXPECT_GT(words.skipping, words.programs / 8);
}
TEST(EventRepeat, ChangesNothingInNestedLoops) {
  const Words words = compare_random(2000000, 4000, 40, 1000);
  EXPECT_GT(words.skipping, words.programs / 4);
}
TEST(EventRepeat, ChangesNothingInLoopsThatLeaveTokensOver) {
  Words words;
  for (std::uint64_t seed = 1; seed <= 10000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Chip chip = random_chip(random);
    chip.cores = 1;
    compare(random_program(random, chip, 60), chip, words);
    ASSERT_FALSE(testing::Test::HasFatalFailure());
  }
}

TEST(EventRepeat, EqualsTheMachineCycleByCycle) {
  std::int64_t skipping = 0;
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    Random random(seed);
    Chip chip = random_chip(random);
    chip.cores = 1;
    const isa::Program program = random_loops(random, chip, 12, 200);
    const ClockedRun reference = run_clocked(program, chip, 50'000);
    const auto report = simulate_time(program, chip);
    if (!reference.finished) continue;   // more cycles than that, or it stands still
    ASSERT_TRUE(report.ok()) << "seed " << seed;
    ASSERT_EQ(report->cycles, reference.cycles) << "seed " << seed;
    skipping += report->simulated_words < report->units[0].instructions ? 1 : 0;
  }
  EXPECT_GT(skipping, 20);
}

// Two engines that share a memory whose bursts end out of step with the body, tiles behind tokens, results stored.
isa::Program tiles(std::int64_t count) {
  const auto bit = [](isa::UnitId unit) { return static_cast<std::uint16_t>(1u << unit); };
  const isa::UnitId load = isa::dma_unit(0), store = isa::dma_unit(1), push = isa::push_unit(0), matrix = isa::matrix_unit(0);
  isa::Program program;
  program.layers.resize(1);
  program.cores.push_back({{{isa::Loop{.count = count}, isa::kScalar},
                            {isa::Load{.bytes = 64, .rows = 5, .pitch = 64}, load, 0, bit(push)},
                            {isa::Push{.rows = 1, .columns = 1}, push, bit(load)},
                            {isa::Matmul{.out_columns = 3, .length = 1, .columns = 1}, matrix, 0, bit(store)},
                            {isa::Store{.bytes = 64, .rows = 2, .pitch = 64}, store, bit(matrix)},
                            {isa::End{}, isa::kScalar},
                            {isa::Halt{}, isa::kScalar}},
                           {}});
  return program;
}
Chip small_chip() {
  Chip chip;
  chip.name = "small";
  chip.mxu.rows = chip.mxu.columns = 4;
  chip.vpu = {true, 8, 1, 1};
  chip.vmem_bytes = 1 << 20;
  chip.dma_engines = 2;
  chip.hbm = {true, 1 << 20, {37, 2}, 64, 11};
  chip.timing = {1, 8, 1, 1, 4, 16};
  return chip;
}

TEST(EventRepeat, ALongLoopIsNoMoreWorkThanAShortOne) {
  const Chip chip = small_chip();
  const auto some = simulate_time(tiles(1'000), chip), many = simulate_time(tiles(1'000'000), chip);
  const auto most = simulate_time(tiles(1'000'000'000), chip);
  ASSERT_TRUE(some.ok() && many.ok() && most.ok());
  EXPECT_LT(some->simulated_words, 1'000 * 5);
  // 7 bursts of 128 / 37 cycles an iteration: the credit repeats every 37 iterations, of which the last ones are gone through.
  EXPECT_LT(std::abs(many->simulated_words - some->simulated_words), 37 * 5);
  EXPECT_LT(std::abs(most->simulated_words - some->simulated_words), 37 * 5);
  EXPECT_EQ(most->units[0].instructions, 5'000'000'000 + 2);
  // 37 iterations more cost the same however many there are.
  const TimingOptions every_word{.skip_repeats = false};
  const auto later = simulate_time(tiles(1'000'000 + 37), chip), few = simulate_time(tiles(1'000), chip, nullptr, every_word),
             more = simulate_time(tiles(1'000 + 37), chip, nullptr, every_word);
  ASSERT_TRUE(later.ok() && few.ok() && more.ok());
  EXPECT_EQ(later->cycles - many->cycles, more->cycles - few->cycles);
  EXPECT_EQ(later->memory.at("hbm").read_bytes - many->memory.at("hbm").read_bytes, 37 * 5 * 64);
}

TEST(EventRepeat, ARunBeyondAllCountsIsAnError) {
  isa::Program program = tiles(4'000'000'000);
  auto& code = program.cores[0].code;
  for (int level = 0; level < 3; ++level) {
    code.insert(code.begin(), {isa::Loop{.count = 4'000'000'000}, isa::kScalar});
    code.insert(code.end() - 1, {isa::End{}, isa::kScalar});
  }
  const auto report = simulate_time(program, small_chip());
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().text().find("2^62"), std::string::npos) << report.error().text();
}

TEST(EventRepeat, EveryWordIsGoneThroughWhereAsked) {
  const auto report = simulate_time(tiles(1'000), small_chip(), nullptr, {.skip_repeats = false});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->simulated_words, 1'000 * 5 + 2);
  Trace trace;
  const auto traced = simulate_time(tiles(1'000), small_chip(), &trace);
  ASSERT_TRUE(traced.ok());
  EXPECT_EQ(traced->simulated_words, 1'000 * 5 + 2);
  EXPECT_EQ(trace.events.size(), 1'000u * 4);
  expect_equal(*traced, *simulate_time(tiles(1'000), small_chip()));
}

}  // namespace
}  // namespace systole::machine
