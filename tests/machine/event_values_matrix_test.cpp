// push, pad and matmul against docs/machine.md section 4, element by element.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "numeric/formats.h"
#include "numeric/mac.h"
#include "values_harness.h"

namespace systole::machine {
namespace {

std::int64_t code(DType type) { return static_cast<std::int64_t>(type); }

// What the array sees of an element in memory: an fp32 (every float format fits) or an int32.
struct Operand { float f = 0; std::int32_t i = 0; };
Operand edge(DType type, DType format, std::int64_t part, const std::uint8_t* p) {
  std::uint8_t bytes[8];
  if (part != 0) return {bf16_to_f32(bf16_part(load_as_f32(type, p), static_cast<int>(part) - 1)), 0};
  if (is_float(format)) {
    store_from_f32(format, bytes, load_as_f32(type, p));
    return {load_as_f32(format, bytes), 0};
  }
  if (is_fixed(format)) store_from_f32(format, bytes, load_as_f32(type, p));
  else if (is_float(type)) store_from_f32(format, bytes, load_as_f32(type, p));
  else store_from_i32(format, bytes, load_as_i32(type, p));
  if (!is_fixed(format)) return {0, load_as_i32(format, bytes)};
  std::int16_t q = 0;
  std::memcpy(&q, bytes, 2);
  return {0, q};
}

struct Case { DType type, format; std::int64_t part; };

Operand activation(const isa::Matmul& mm, const isa::Pad& pad, const std::vector<std::uint8_t>& vmem, std::int64_t n, std::int64_t oh,
                   std::int64_t ow, std::int64_t e) {
  const auto type = static_cast<DType>(pad.type);
  const auto format = static_cast<DType>(mm.format);
  const std::int64_t h = mm.row + oh * pad.row_step, x = mm.column + ow * pad.column_step + e;
  const bool inside = (pad.height == 0 || (h >= 0 && h < pad.height)) && (pad.width == 0 || (x >= 0 && x < pad.width));
  if (!inside) {
    std::uint8_t bits[8] = {};
    std::memcpy(bits, &pad.value, 2);
    return edge(type, format, mm.part, bits);
  }
  const std::int64_t address = (mm.source + n * pad.image_pitch + oh * pad.row_pitch + ow * pad.step_pitch + e * dtype_bytes(type)) & 0xFFFFFFFF;
  return edge(type, format, mm.part, vmem.data() + address);
}

std::uint32_t sum_of(const isa::Matmul& mm, const isa::Pad& pad, const isa::Push& push, const std::vector<std::uint8_t>& vmem,
                     std::int64_t n, std::int64_t oh, std::int64_t ow, std::int64_t column, std::uint32_t before) {
  const auto format = static_cast<DType>(mm.format);
  float f = 0;
  std::uint32_t i = 0;
  std::int16_t q = 0;
  for (std::int64_t r = 0; r < kRows; ++r) {
    const Operand a = r < mm.length ? activation(mm, pad, vmem, n, oh, ow, r) : Operand{};
    Operand w;
    if (r < push.rows && column < push.columns) {
      const std::int64_t size = dtype_bytes(static_cast<DType>(push.type));
      const std::int64_t at = push.transpose != 0 ? column * push.pitch + r * size : r * push.pitch + column * size;
      w = edge(static_cast<DType>(push.type), static_cast<DType>(push.format), push.part, vmem.data() + push.weights + at);
    }
    f = mac_f32(a.f, w.f, f);
    i += static_cast<std::uint32_t>(a.i) * static_cast<std::uint32_t>(w.i);
    if (is_fixed(format))
      q = fixed_add(fixed_mul(static_cast<std::int16_t>(a.i), static_cast<std::int16_t>(w.i), fraction_bits(format)),
                    q);
  }
  if (mm.accumulate == 0) before = 0;
  if (is_float(format)) return std::bit_cast<std::uint32_t>(add_f32_flushed(std::bit_cast<float>(before), f));
  if (is_fixed(format))
    return static_cast<std::uint32_t>(std::int32_t{fixed_add(static_cast<std::int16_t>(before), q)});
  return before + i;
}

struct Scene {
  isa::Pad pad;
  isa::Push push;
  isa::Matmul mm;
};

Scene random_scene(Random& random, const Case& c) {
  Scene s;
  const std::int64_t size = dtype_bytes(c.type);
  const bool plain = random.chance(0.3);
  s.pad.type = code(c.type);
  s.mm.images = random.integer(1, 2);
  s.mm.out_rows = random.integer(1, 4);
  s.mm.out_columns = random.integer(1, 8);
  s.mm.length = random.integer(1, kRows);
  s.mm.columns = random.integer(1, kColumns);
  s.mm.accumulator = random.integer(0, kAccumulatorRows - 64);
  s.mm.format = code(c.format);
  s.mm.part = c.part;
  s.mm.source = 16384 + random.integer(0, 64) * size;
  if (plain) {
    s.pad.step_pitch = s.mm.length * size;
    s.pad.row_pitch = s.mm.out_columns * s.pad.step_pitch;
    s.pad.image_pitch = s.mm.out_rows * s.pad.row_pitch;
  } else {
    s.pad.step_pitch = random.integer(-3, 12) * size;
    s.pad.row_pitch = random.integer(-50, 90) * size;
    s.pad.image_pitch = random.integer(-300, 500) * size;
    if (random.chance(0.6)) s.pad.height = random.integer(1, 6);
    if (random.chance(0.6)) s.pad.width = random.integer(1, 40);
    s.pad.row_step = random.integer(0, 2);
    s.pad.column_step = random.integer(0, 4);
    s.mm.row = random.integer(-3, 2);
    s.mm.column = random.integer(-9, 9);
    if (dtype_bytes(c.type) <= 2) s.pad.value = random.integer(0, size == 1 ? 255 : 65535);
  }
  s.push = {.weights = 32768 + random.integer(0, 100), .pitch = random.integer(0, 20) * dtype_bytes(c.type), .rows = random.integer(1, kRows),
            .columns = random.integer(1, kColumns), .type = code(c.type), .format = code(c.format), .part = c.part,
            .transpose = random.integer(0, 1)};
  if (plain) s.push.rows = s.mm.length;
  return s;
}

const Case kCases[] = {
    {DType::kBF16, DType::kBF16, 0},     {DType::kF32, DType::kBF16, 0},   {DType::kF32, DType::kBF16, 1},
    {DType::kF32, DType::kBF16, 2},      {DType::kF32, DType::kBF16, 3},   {DType::kF32, DType::kF32, 0},
    {DType::kI8, DType::kI8, 0},         {DType::kU8, DType::kU8, 0},      {DType::kI32, DType::kI8, 0},
    {DType::kI16, DType::kI16, 0},       {DType::kQ8_8, DType::kQ8_8, 0},  {DType::kF32, DType::kQ8_8, 0},
    {DType::kF8E4M3, DType::kF8E4M3, 0}, {DType::kF32, DType::kF8E5M2, 0}, {DType::kF16, DType::kF16, 0},
    {DType::kF32, DType::kTF32, 0},      {DType::kU8, DType::kBF16, 0},    {DType::kQ4_12, DType::kQ4_12, 0},
    {DType::kF32, DType::kQ4_12, 0},     {DType::kF32, DType::kQ1_15, 0},  {DType::kQ15_1, DType::kQ15_1, 0}};

TEST(EventValues, MatmulIsItsDefinition) {
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    Random random(seed);
    const Case& c = kCases[seed % std::size(kCases)];
    const Scene s = random_scene(random, c);
    const std::vector<std::uint8_t> vmem = random_vmem(random);
    isa::Matmul second = s.mm;   // the same rows again, added
    second.swap = 0;
    second.accumulate = 1;
    const auto got = run_values({{s.pad, isa::matrix_unit(0)}, {s.push, isa::push_unit(0)}, {s.mm, isa::matrix_unit(0)}, {second, isa::matrix_unit(0)}},
                                {}, vmem, static_cast<int>(random.integer(1, 2)), is_fixed(c.format) ? c.format : DType::kQ8_8);
    ASSERT_TRUE(got.ok()) << "seed " << seed << ": " << got.error().text();
    std::vector<std::uint32_t> expected(got->accumulators.size(), 0);
    isa::Matmul pass = s.mm;
    for (int times = 0; times < 2; ++times, pass = second) {
      std::int64_t row = s.mm.accumulator;
      for (std::int64_t n = 0; n < s.mm.images; ++n) {
        for (std::int64_t oh = 0; oh < s.mm.out_rows; ++oh) {
          for (std::int64_t ow = 0; ow < s.mm.out_columns; ++ow, ++row) {
            for (std::int64_t j = 0; j < s.mm.columns; ++j) {
              std::uint32_t& word = expected[static_cast<std::size_t>(row * kColumns + j)];
              word = sum_of(pass, s.pad, s.push, vmem, n, oh, ow, j, word);
            }
          }
        }
      }
    }
    ASSERT_EQ(got->accumulators, expected) << "seed " << seed << ", " << dtype_name(c.type) << " as " << dtype_name(c.format) << " part " << c.part;
  }
}

TEST(EventValues, WeightsPushedAheadAreSwappedInTurn) {
  // Identity tiles times 1, 2, 3: the n-th swap takes the n-th push.
  std::vector<std::uint8_t> vmem(kVmemBytes, 0);
  vmem[0] = 7;
  for (std::size_t i = 0; i < 3; ++i) vmem[1024 + i * 64] = static_cast<std::uint8_t>(i + 1);
  const std::int64_t i8 = code(DType::kI8);
  std::vector<isa::Instruction> program = {{isa::Pad{.type = i8}, isa::matrix_unit(0)}};
  for (std::int64_t i = 0; i < 3; ++i) {
    program.push_back({isa::Push{.weights = 1024 + i * 64, .pitch = 1, .rows = 1, .columns = 1, .type = i8, .format = i8}, isa::push_unit(0)});
  }
  for (std::int64_t i = 0; i < 3; ++i) {
    program.push_back({isa::Matmul{.length = 1, .columns = 1, .accumulator = i, .format = i8}, isa::matrix_unit(0)});
  }
  const auto got = run_values(program, {}, vmem);
  ASSERT_TRUE(got.ok());
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(got->accumulators[i * kColumns], 7 * (i + 1));
}

TEST(EventValues, AccessesOutsideAMemoryAreErrorsThatNameTheInstruction) {
  const std::vector<std::uint8_t> vmem(kVmemBytes, 0);
  const auto place = [&](const std::vector<isa::Instruction>& program) {
    const auto got = run_values(program, {{.op = MicroOpcode::kLoad}}, vmem);
    return got.ok() ? std::string("no error") : error_code_name(got.error().code) + (" " + got.error().place);
  };
  const std::string invalid = error_code_name(ErrorCode::kInvalidInput);
  EXPECT_EQ(place({{isa::Load{.far = 1 << 20, .bytes = 8}, isa::dma_unit(0)}}), invalid + " core 0, instruction 1 (load)");
  EXPECT_EQ(place({{isa::Load{.local = kVmemBytes - 4, .bytes = 8}, isa::dma_unit(0)}}), invalid + " core 0, instruction 1 (load)");
  EXPECT_EQ(place({{isa::Store{.bytes = 8, .rows = 2, .pitch = -8}, isa::dma_unit(0)}}), invalid + " core 0, instruction 1 (store)");
  EXPECT_EQ(place({{isa::Gather{.far = 0, .pitch = 1 << 20, .limit = 2, .bytes = 4, .count = 1, .index = kVmemBytes - 2}, isa::dma_unit(0)}}),
            invalid + " core 0, instruction 1 (gather)");
  EXPECT_EQ(place({{isa::Push{.weights = kVmemBytes - 1, .pitch = 4, .rows = 2, .columns = 1}, isa::push_unit(0)}}),
            invalid + " core 0, instruction 1 (push)");
  EXPECT_EQ(place({{isa::Matmul{.source = kVmemBytes, .length = 1, .columns = 1, .swap = 0}, isa::matrix_unit(0)}}),
            invalid + " core 0, instruction 1 (matmul)");
  EXPECT_EQ(place({{isa::Matmul{.length = 1, .columns = 1, .accumulator = kAccumulatorRows, .swap = 0}, isa::matrix_unit(0)}}),
            invalid + " core 0, instruction 1 (matmul)");
  EXPECT_EQ(place({{isa::Bind{.base = kVmemBytes - 8, .type = code(DType::kF32), .s4 = 1}, isa::kVector}, {isa::Run{.body = 1, .d4 = 3}, isa::kVector}}),
            invalid + " core 0, instruction 2 (run)");
  EXPECT_EQ(place({{isa::Matmul{.length = 1, .columns = 1}, isa::matrix_unit(0)}}), invalid + " core 0, instruction 1 (matmul)");
}

}  // namespace
}  // namespace systole::machine
