// The SIMD form of every micro-operation against its one-lane definition, and the definition against its contract.
#include "numeric/microcode.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"

namespace systole {
namespace {

constexpr std::uint32_t kSpecial[] = {
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x807FFFFF, 0x00800000, 0x80800000, 0x3F800000, 0xBF800000,
    0x3F000000, 0xBF000000, 0x3FC00000, 0xBFC00000, 0x40200000, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000,
    0xFFC00000, 0x7F800001, 0xFFFFFFFF, 0x4B000000, 0x4AFFFFFF, 0x4B7FFFFF, 0xCB000001, 0x4EFFFFFF, 0x4F000000, 0xCF000000,
    0xCF000001, 0x477FE000, 0x477FEFFF, 0x477FF000, 0x43E00000, 0x43E80000, 0x43E80001, 0x38800000, 0x387FFFFF, 0x33000000,
    0x33000001, 0x3A800000, 0x3B000000, 0x37000000, 0x36800000, 0x36800001, 0x7FFFFFFF, 0x0000001F, 0x00000020, 0x00000021,
    0x47600000, 0x47700000, 0x476FFFFF, 0x7F7F8000, 0x7F7F7FFF, 0x7F7FF000, 0x2AAAAAAA};

std::uint32_t any_word(Random& random) {
  switch (random.integer(0, 4)) {
    case 0: return kSpecial[random.integer(0, std::ssize(kSpecial) - 1)];
    case 1: return static_cast<std::uint32_t>(random.integer(-40, 40));
    case 2: return std::bit_cast<std::uint32_t>(static_cast<float>(random.real(-1000, 1000)));
    case 3: {  // near a power of two, for ties and carries
      const auto exponent = static_cast<std::uint32_t>(random.integer(0, 255)) << 23;
      return exponent + static_cast<std::uint32_t>(random.integer(-3, 3)) * (1u << random.integer(0, 22)) +
             (random.chance(0.5) ? 0x80000000u : 0u);
    }
    default: return static_cast<std::uint32_t>(random.bits());
  }
}

bool is_memory(MicroOpcode op) { return op == MicroOpcode::kLoad || op == MicroOpcode::kStore; }

void compare_with_step_lane() {
  constexpr std::uint64_t kSeed = 20260101;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  Random random(kSeed);
  const std::int64_t widths[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 256, 1000};
  for (int code = 0; code < static_cast<int>(MicroOpcode::kCount); ++code) {
    MicroOp op;
    op.op = static_cast<MicroOpcode>(code);
    if (is_memory(op.op)) continue;
    for (int repeat = 0; repeat < 60; ++repeat) {
      const std::int64_t width = widths[random.integer(0, std::ssize(widths) - 1)];
      std::vector<std::uint32_t> matrix(static_cast<std::size_t>(kRegisters * width));
      std::generate(matrix.begin(), matrix.end(), [&] { return any_word(random); });
      op.a = static_cast<std::uint8_t>(random.integer(0, kRegisters - 1));
      op.b = static_cast<std::uint8_t>(random.integer(0, kRegisters - 1));
      op.c = static_cast<std::uint8_t>(random.integer(0, kRegisters - 1));
      op.d = random.chance(0.3) ? op.a : static_cast<std::uint8_t>(random.integer(0, kRegisters - 1));
      const int operands = micro_operand_count(op.op);
      op.imm_operand = random.chance(0.3) ? static_cast<MicroOp::Imm>(random.integer(0, operands)) : MicroOp::Imm::kNone;
      op.imm = any_word(random);
      std::vector<std::uint32_t> expected = matrix;
      for (std::int64_t lane = 0; lane < width; ++lane) {
        std::array<std::uint32_t, kRegisters> registers;
        for (int r = 0; r < kRegisters; ++r) registers[static_cast<std::size_t>(r)] = matrix[static_cast<std::size_t>(r * width + lane)];
        step_lane(op, registers);
        expected[static_cast<std::size_t>(op.d * width + lane)] = registers[op.d];
      }
      const std::vector<std::uint32_t> before = matrix;
      step_lanes(op, matrix.data(), width);
      for (std::size_t i = 0; i < matrix.size(); ++i) {
        const std::size_t lane = i % static_cast<std::size_t>(width);
        ASSERT_EQ(matrix[i], expected[i]) << format_micro_op(op) << " width " << width << " lane " << lane << std::hex
                                          << " a " << before[op.a * static_cast<std::size_t>(width) + lane] << " b "
                                          << before[op.b * static_cast<std::size_t>(width) + lane];
      }
    }
  }
}

TEST(StepLanes, EqualsStepLaneBitForBitOnEveryInstructionSet) {
  const auto host = hwy::SupportedTargets();
  for (const auto target : {decltype(host){HWY_AVX3}, decltype(host){HWY_AVX2}, decltype(host){HWY_STATIC_TARGET}}) {
    if ((host & target) == 0) continue;
    hwy::GetChosenTarget().Update(target);
    SCOPED_TRACE(hwy::TargetName(target));
    compare_with_step_lane();
  }
  hwy::GetChosenTarget().Update(host);
  compare_with_step_lane();
}

std::uint32_t run(MicroOpcode code, std::uint32_t a, std::uint32_t b = 0, std::uint32_t c = 0) {
  std::array<std::uint32_t, kRegisters> registers{};
  registers[1] = a;
  registers[2] = b;
  registers[3] = c;
  MicroOp op{code, 0, 1, 2, 3};
  step_lane(op, registers);
  return registers[0];
}
std::uint32_t f(float x) { return std::bit_cast<std::uint32_t>(x); }
std::uint32_t i(std::int32_t x) { return static_cast<std::uint32_t>(x); }

TEST(StepLane, EveryNanResultIsCanonical) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(run(MicroOpcode::kFSub, f(infinity), f(infinity)), 0x7FC00000u);
  EXPECT_EQ(run(MicroOpcode::kFAdd, 0xFFC12345u, f(1)), 0x7FC00000u);
  EXPECT_EQ(run(MicroOpcode::kFMul, f(0), f(infinity)), 0x7FC00000u);
  EXPECT_EQ(run(MicroOpcode::kFFma, f(0), f(infinity), f(1)), 0x7FC00000u);
  EXPECT_EQ(run(MicroOpcode::kFMin, f(1), 0xFFFFFFFFu), 0x7FC00000u);
  EXPECT_EQ(run(MicroOpcode::kFMax, 0x7F800001u, f(1)), 0x7FC00000u);
  EXPECT_EQ(run(MicroOpcode::kFRint, 0xFFC00001u), 0x7FC00000u);
  EXPECT_EQ(run(MicroOpcode::kFToBF16, 0xFFC00001u), 0x7FC00000u);
}

TEST(StepLane, FollowsItsContract) {
  EXPECT_EQ(run(MicroOpcode::kFMin, f(-0.0f), f(0.0f)), f(-0.0f));
  EXPECT_EQ(run(MicroOpcode::kFMin, f(0.0f), f(-0.0f)), f(-0.0f));
  EXPECT_EQ(run(MicroOpcode::kFMax, f(-0.0f), f(0.0f)), f(0.0f));
  EXPECT_EQ(run(MicroOpcode::kFLess, 0x7FC00000u, f(1)), 0u);
  EXPECT_EQ(run(MicroOpcode::kFEqual, 0x7FC00000u, 0x7FC00000u), 0u);
  EXPECT_EQ(run(MicroOpcode::kFEqual, f(0.0f), f(-0.0f)), 1u);
  EXPECT_EQ(run(MicroOpcode::kFFma, f(1 + 0x1p-12f), f(1 - 0x1p-12f), f(-1)), f(-0x1p-24f));  // one rounding
  EXPECT_EQ(run(MicroOpcode::kFRint, f(2.5f)), f(2));
  EXPECT_EQ(run(MicroOpcode::kFRint, f(-0.5f)), f(-0.0f));
  EXPECT_EQ(run(MicroOpcode::kFToI, f(3e9f)), 0x7FFFFFFFu);
  EXPECT_EQ(run(MicroOpcode::kFToI, f(-3e9f)), 0x80000000u);
  EXPECT_EQ(run(MicroOpcode::kFToI, 0x7FC00000u), 0u);
  EXPECT_EQ(run(MicroOpcode::kFToI, f(3.5f)), 4u);
  EXPECT_EQ(run(MicroOpcode::kFToITruncate, f(-3.9f)), i(-3));
  EXPECT_EQ(run(MicroOpcode::kIToF, i(16777217)), f(16777216.0f));
  EXPECT_EQ(run(MicroOpcode::kIAdd, 0x7FFFFFFFu, 1), 0x80000000u);
  EXPECT_EQ(run(MicroOpcode::kIMul, 0x10001u, 0x10001u), 0x20001u);
  EXPECT_EQ(run(MicroOpcode::kIDiv, i(-7), i(2)), i(-3));
  EXPECT_EQ(run(MicroOpcode::kIRem, i(-7), i(2)), i(-1));
  EXPECT_EQ(run(MicroOpcode::kIDiv, i(7), 0), i(-1));
  EXPECT_EQ(run(MicroOpcode::kIRem, i(7), 0), 7u);
  EXPECT_EQ(run(MicroOpcode::kIDiv, 0x80000000u, i(-1)), 0x80000000u);
  EXPECT_EQ(run(MicroOpcode::kIRem, 0x80000000u, i(-1)), 0u);
  EXPECT_EQ(run(MicroOpcode::kShiftLeft, 1, 33), 2u);
  EXPECT_EQ(run(MicroOpcode::kShiftRightArithmetic, 0x80000000u, 31), 0xFFFFFFFFu);
  EXPECT_EQ(run(MicroOpcode::kShiftRight, 0x80000000u, 31), 1u);
  EXPECT_EQ(run(MicroOpcode::kSelect, 2, 5, 6), 5u);
  EXPECT_EQ(run(MicroOpcode::kSelect, 0, 5, 6), 6u);
}

TEST(MicroOp, HasANameAndAText) {
  for (int code = 0; code < static_cast<int>(MicroOpcode::kCount); ++code) {
    const auto op = static_cast<MicroOpcode>(code);
    EXPECT_FALSE(micro_opcode_name(op).empty());
    for (int other = 0; other < code; ++other) EXPECT_NE(micro_opcode_name(op), micro_opcode_name(static_cast<MicroOpcode>(other)));
  }
  EXPECT_EQ(format_micro_op({MicroOpcode::kFFma, 3, 1, 2, 0, 0, MicroOp::Imm::kC, 0x3F800000}), "ffma r3, r1, r2, 0x3f800000");
  EXPECT_EQ(format_micro_op({MicroOpcode::kConst, 3, 0, 0, 0, 0, MicroOp::Imm::kNone, 1}), "const r3, 0x00000001");
  EXPECT_EQ(format_micro_op({MicroOpcode::kStore, 0, 4, 0, 0, 2}), "store s2, r4");
}

}  // namespace
}  // namespace systole
