// The arithmetic of one vector lane in SystemVerilog against its definition, numeric/microcode.h and numeric/formats.h: every
// operation, every load and store conversion, random and corner operands. SYSTOLE_RTL_SOAK=1: 100,000 of each and more.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "base/file.h"
#include "base/random.h"
#include "numeric/formats.h"
#include "numeric/microcode.h"
#include "rtl/generate.h"

namespace systole::rtl {
namespace {

struct Record {
  std::uint32_t operation = 0, type = 0, a = 0, b = 0, c = 0, element[2] = {}, unused = 0;
};
struct Result {
  std::uint32_t result, loaded, stored[2];
};

// Zeros, subnormals, powers, halves, all-ones, the ends of every format, infinities, NaNs; the small integers.
const std::vector<std::uint32_t>& corners() {
  static const std::vector<std::uint32_t> list = [] {
    std::vector<std::uint32_t> words = {0, 1, 2, 3, 5, 7, 8, 31, 32, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 0x7FFFFFFF, 0x00400000,
                                        0x007FFFFF, 0x00800000, 0x00800001, 0x00FFFFFF, 0x01000000, 0x33000000, 0x33800000, 0x33800001,
                                        0x387FC000, 0x387FE000, 0x38800000, 0x3F000000, 0x3F000001, 0x3EFFFFFF, 0x3F7FFFFF, 0x3F800000,
                                        0x3F800001, 0x3FC00000, 0x40200000, 0x42FE0000, 0x42FF0000, 0x43000000, 0x43E00000, 0x43E80000,
                                        0x43E80001, 0x46FFFE00, 0x477FE000, 0x477FEFFF, 0x477FF000, 0x47600000, 0x476FFFFF, 0x47700000,
                                        0x4B000000, 0x4B000001, 0x4B7FFFFF, 0x4B800000, 0x4EFFFFFF, 0x4F000000, 0x4F000001, 0x7F7FFFFF,
                                        0x7F7F0000, 0x7F7F8000, 0x7F800000, 0x7F800001, 0x7FC00000, 0x34000000, 0x3A800000, 0x3B000000};
    const std::size_t positive = words.size();
    for (std::size_t i = 0; i < positive; ++i) {
      words.push_back(words[i] | 0x80000000u);
      words.push_back(0u - words[i]);
    }
    return words;
  }();
  return list;
}

std::uint32_t operand(Random& random) {
  const auto bits = static_cast<std::uint32_t>(random.bits());
  switch (random.integer(0, 5)) {
    case 0: return corners()[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(corners().size()) - 1))];
    case 1: return (bits & 0x807FFFFFu) | static_cast<std::uint32_t>(random.integer(100, 160)) << 23;   // near one
    case 2: return (bits & 0x8000FFFFu) | static_cast<std::uint32_t>(random.integer(0, 255)) << 23;     // few fraction bits, any exponent
    case 3: return static_cast<std::uint32_t>(static_cast<std::int32_t>(bits) >> random.integer(0, 31));  // small integers, subnormals
    case 4: return corners()[bits % corners().size()] ^ static_cast<std::uint32_t>(random.integer(0, 3));
    default: return bits;
  }
}

// Significands of 24 bits whose product is 2^47 and less than 2^9 more: half a unit of an addend's last place, or of the least subnormal
// number, and a little that is shifted out of any window of 64 bits.
const std::vector<std::pair<std::uint32_t, std::uint32_t>>& near_ties() {
  static const std::vector<std::pair<std::uint32_t, std::uint32_t>> list = [] {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
    constexpr std::uint64_t kHalf = std::uint64_t{1} << 47;
    for (std::uint64_t a = (1u << 23) + 1; a < 1u << 24; ++a) {
      const std::uint64_t b = (kHalf + a - 1) / a, more = a * b - kHalf;
      if (more > 0 && more < 1u << 9) pairs.emplace_back(a, b);
    }
    return pairs;
  }();
  return list;
}

void near_tie(Random& random, Record& r) {
  const auto& [a, b] = near_ties()[random.bits() % near_ties().size()];
  const auto number = [&](std::uint32_t significand, std::int64_t exponent) {
    return (random.chance(0.5) ? 0x80000000u : 0u) | static_cast<std::uint32_t>(exponent) << 23 | (significand & 0x7FFFFFu);
  };
  if (random.chance(0.3)) {   // 2^-150 and a little
    const std::int64_t of_a = random.integer(1, 102);
    r.a = number(a, of_a), r.b = number(b, 103 - of_a), r.c = number(0, 0);
    return;
  }
  const std::int64_t of_a = random.integer(100, 150), of_b = random.integer(100, 150);
  r.a = number(a, of_a), r.b = number(b, of_b);
  r.c = number(static_cast<std::uint32_t>(random.bits()), of_a + of_b - 126 + 24);
}

// Now and then an addend that nearly cancels the product or makes it nearly a tie, or the same operand twice.
void operands(Random& random, Record& r) {
  r.a = operand(random);
  r.b = random.chance(0.05) ? r.a : operand(random);
  r.c = operand(random);
  if (random.chance(0.2)) {
    const float product = std::bit_cast<float>(r.a) * std::bit_cast<float>(r.b);
    r.c = (std::bit_cast<std::uint32_t>(product) ^ 0x80000000u) + static_cast<std::uint32_t>(random.integer(-2, 2));
  } else if (random.chance(0.1)) {
    near_tie(random, r);
  } else if (random.chance(0.1)) {
    r.b = r.a ^ 0x80000000u ^ static_cast<std::uint32_t>(random.integer(0, 3));
  }
  r.element[0] = operand(random);
  r.element[1] = random.chance(0.5) ? (r.element[0] >> 31 ? 0xFFFFFFFFu : 0) : operand(random);
}

bool is_memory(MicroOpcode op) { return op == MicroOpcode::kLoad || op == MicroOpcode::kStore || op == MicroOpcode::kConst; }

// Stores and loads of the type; the operands of fixed point are often near its range.
void draw_conversions(Random& random, DType type, std::int64_t count, std::vector<Record>& records) {
  for (std::int64_t i = 0; i < count; ++i) {
    Record r;
    r.operation = static_cast<std::uint32_t>(MicroOpcode::kStore);
    r.type = static_cast<std::uint32_t>(type);
    operands(random, r);
    if (is_fixed(type) && random.chance(0.5)) {
      const double halves = static_cast<double>(random.integer(-70000, 70000)) / 2;  // ties, and beyond both ends
      r.a = std::bit_cast<std::uint32_t>(static_cast<float>(std::ldexp(halves, -fraction_bits(type))));
      if (random.chance(0.3)) r.a += static_cast<std::uint32_t>(random.integer(-1, 1));
    }
    records.push_back(r);
  }
}

std::vector<Record> draw(Random& random, const Chip& chip, std::int64_t each) {
  std::vector<Record> records;
  for (int op = 0; op < static_cast<int>(MicroOpcode::kCount); ++op) {
    if (is_memory(static_cast<MicroOpcode>(op))) continue;
    for (std::int64_t i = 0; i < each; ++i) {
      Record r;
      r.operation = static_cast<std::uint32_t>(op);
      operands(random, r);
      records.push_back(r);
    }
  }
  for (int type = 0; type < kDTypes; ++type) {
    if (static_cast<DType>(type) == DType::kF64 || !chip.knows(static_cast<DType>(type)))
      continue;  // no chip with RTL holds f64
    draw_conversions(random, static_cast<DType>(type), each, records);
  }
  return records;
}

std::string built_unit(const Chip& chip) {
  const std::string folder = ::testing::TempDir() + "/vpu-unit-" + std::string(dtype_name(chip.fixed_format()));
  if (!write_rtl(chip, folder).ok()) return {};
  const std::string here = std::string(SYSTOLE_SOURCE_DIR) + "/tests/rtl/";
  const std::string command = "cd '" + folder + "' && cp '" + here + "vpu_unit.sv' '" + here +
                              "vpu_unit_bench.cpp' . && "
                              "verilator --cc --exe --build -Wall -O3 -fno-const-bit-op-tree --compiler clang "
                              "--top-module vpu_unit --Mdir unit chip.sv isa.sv vpu_unit.sv "
                              "vpu_alu.sv vpu_fma.sv vpu_round.sv vpu_narrow.sv vpu_load.sv vpu_store.sv "
                              "narrow_float.sv widen_float.sv vpu_unit_bench.cpp "
                              "-MAKEFLAGS 'CXX=clang++-16 LINK=clang++-16 OPT_FAST=-O1 OPT_SLOW=-O1' > unit.log 2>&1";
  return std::system(command.c_str()) == 0 ? folder : std::string{};
}

std::uint32_t expected_result(const Record& r) {
  std::array<std::uint32_t, kRegisters> registers{};
  registers[1] = r.a;
  registers[2] = r.b;
  registers[3] = r.c;
  MicroOp op;
  op.op = static_cast<MicroOpcode>(r.operation);
  op.a = 1;
  op.b = 2;
  op.c = 3;
  step_lane(op, registers);
  return registers[0];
}

bool matches(const Record& r, const Result& got, std::string& text) {
  const auto type = static_cast<DType>(r.type);
  if (static_cast<MicroOpcode>(r.operation) != MicroOpcode::kStore) {
    const std::uint32_t want = expected_result(r);
    text = std::string(micro_opcode_name(static_cast<MicroOpcode>(r.operation))) + " want " + std::to_string(want) + " got " + std::to_string(got.result);
    return got.result == want;
  }
  std::uint8_t want[8] = {}, have[8] = {};
  std::memcpy(have, got.stored, 8);
  std::uint32_t loaded = 0;
  if (is_real(type)) {
    store_from_f32(type, want, std::bit_cast<float>(r.a));
    loaded = std::bit_cast<std::uint32_t>(load_as_f32(type, r.element));
  } else {
    store_from_i32(type, want, static_cast<std::int32_t>(r.a));
    loaded = static_cast<std::uint32_t>(load_as_i32(type, r.element));
  }
  const bool store_good = std::memcmp(want, have, static_cast<std::size_t>(dtype_bytes(type))) == 0;
  text = std::string(dtype_name(type)) + (store_good ? " load" : " store");
  return store_good && got.loaded == loaded;
}

void expect_as_defined(const Chip& chip, const std::vector<Record>& records) {
  const std::string folder = built_unit(chip);
  ASSERT_FALSE(folder.empty()) << "the unit could not be built with verilator and clang++-16: tools/install.sh";
  std::ofstream(folder + "/in", std::ios::binary).write(reinterpret_cast<const char*>(records.data()), static_cast<std::streamsize>(records.size() * sizeof(Record)));
  ASSERT_EQ(std::system(("'" + folder + "/unit/Vvpu_unit' '" + folder + "/in' '" + folder + "/out'").c_str()), 0);
  const auto bytes = read_file(folder + "/out");
  ASSERT_TRUE(bytes.ok());
  ASSERT_EQ(bytes->size(), records.size() * sizeof(Result));
  int wrong = 0;
  for (std::size_t i = 0; i < records.size() && wrong < 20; ++i) {
    Result got;
    std::memcpy(&got, bytes->data() + i * sizeof(Result), sizeof(Result));
    std::string text;
    if (matches(records[i], got, text)) continue;
    ++wrong;
    ADD_FAILURE() << text << std::hex << ": a " << records[i].a << " b " << records[i].b << " c " << records[i].c << " element " << records[i].element[1] << " "
                  << records[i].element[0] << " got " << got.result << " loaded " << got.loaded << " stored " << got.stored[0];
  }
}

std::int64_t count_of_each() { return std::getenv("SYSTOLE_RTL_SOAK") != nullptr ? 200000 : 20000; }

TEST(VpuUnit, EveryOperationAndConversionAsDefined) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const std::uint64_t seed = std::random_device{}();
  std::cout << "seed " << seed << ", " << count_of_each() << " of each operation and type\n";
  Random random(seed);
  expect_as_defined(*chip, draw(random, *chip, count_of_each()));
}

// Where the point stands is wired: the ends, and one between.
TEST(VpuUnit, EveryFixedPointFormatConvertsAsDefined) {
  auto chip = load_chip("systolic-2-q412");
  ASSERT_TRUE(chip.ok());
  const std::uint64_t seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  Random random(seed);
  for (const DType type : {DType::kQ4_12, DType::kQ1_15, DType::kQ15_1}) {
    chip->mxu.formats = {type};
    std::vector<Record> records;
    draw_conversions(random, type, 5 * count_of_each(), records);
    expect_as_defined(*chip, records);
  }
}

}  // namespace
}  // namespace systole::rtl
