// Effective addresses and the order of fetch, against nested loops written out in C++.
#include <gtest/gtest.h>

#include "isa/program.h"

namespace systole::isa {
namespace {

Instruction scalar(Body body) { return {std::move(body), kScalar, 0, 0}; }
Instruction load(std::int64_t far, std::int64_t far_strides, std::int64_t local, std::int64_t local_strides) {
  Load l;
  l.far = far, l.far_strides = far_strides, l.local = local, l.local_strides = local_strides, l.bytes = 1;
  return {l, dma_unit(0), 0, 0};
}
Strides strides(std::int64_t set, std::int64_t s0, std::int64_t s1 = 0, std::int64_t s2 = 0) {
  Strides s;
  s.set = set, s.s0 = s0, s.s1 = s1, s.s2 = s2;
  return s;
}

std::vector<Fetcher::Step> all_steps(const CoreCode& core) {
  std::vector<Fetcher::Step> steps;
  Fetcher fetcher(core);
  for (Fetcher::Step step; fetcher.next(step);) steps.push_back(step);
  return steps;
}

TEST(Fetcher, UnrollsNestedLoops) {
  const CoreCode core{{scalar(strides(1, 100, 10)), scalar(strides(2, -7, 3)), scalar(Loop{3}), scalar(Loop{2}), load(1000, 1, 50, 2),
                       scalar(End{}), load(5000, 2, 0, 0), scalar(End{}), scalar(Halt{})}, {}};
  std::vector<std::pair<std::int64_t, std::int64_t>> expected, seen;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 2; ++j) expected.emplace_back(1000 + 100 * i + 10 * j, 50 - 7 * i + 3 * j);
    expected.emplace_back(5000 - 7 * i, 0);
  }
  const auto steps = all_steps(core);
  for (const auto& step : steps) {
    const auto* l = step.instruction.as<Load>();
    if (!l) continue;
    seen.emplace_back(l->far, l->local);
    EXPECT_EQ(l->far_strides, 0);
  }
  EXPECT_EQ(seen, expected);
  // 2 strides, outer loop, 3 x (inner loop, 2 x (load, end), load, end), halt.
  EXPECT_EQ(steps.size(), 2u + 1 + 3 * (1 + 2 * 2 + 2) + 1);
}

TEST(Fetcher, AStrideSetMayChangeInsideALoop) {
  const CoreCode core{{scalar(Loop{2}), load(0, 1, 0, 0), scalar(strides(1, 8)), load(0, 1, 0, 0), scalar(End{}), scalar(Halt{})}, {}};
  std::vector<std::int64_t> far;
  for (const auto& step : all_steps(core)) {
    if (const auto* l = step.instruction.as<Load>()) far.push_back(l->far);
  }
  EXPECT_EQ(far, (std::vector<std::int64_t>{0, 0, 8, 8}));
}

TEST(Fetcher, AMatmulSourceIsModulo2To32) {
  Matmul m;
  m.source = 16, m.source_strides = 1;
  const CoreCode core{{scalar(strides(1, -32)), scalar(Loop{2}), {m, matrix_unit(0), 0, 0}, scalar(End{}), scalar(Halt{})}, {}};
  std::vector<std::int64_t> sources;
  for (const auto& step : all_steps(core)) {
    if (const auto* i = step.instruction.as<Matmul>()) sources.push_back(i->source);
  }
  EXPECT_EQ(sources, (std::vector<std::int64_t>{16, (std::int64_t{1} << 32) - 16}));
}

TEST(Fetcher, StopsAfterHalt) {
  const CoreCode core{{scalar(Halt{}), scalar(Nop{})}, {}};
  EXPECT_EQ(all_steps(core).size(), 1u);
}

TEST(Fetcher, SurvivesMalformedCode) {
  EXPECT_EQ(all_steps({{scalar(End{}), scalar(End{})}, {}}).size(), 2u);
  CoreCode deep;
  for (int i = 0; i < 9; ++i) deep.code.push_back(scalar(Loop{1}));
  deep.code.push_back(load(4, 31, 0, 0));
  EXPECT_EQ(all_steps(deep).size(), 10u);
  EXPECT_TRUE(all_steps({}).empty());
}

}  // namespace
}  // namespace systole::isa
