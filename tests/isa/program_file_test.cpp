// Program files and text: round trips, and damage of every kind.
#include <gtest/gtest.h>

#include "random_program.h"

namespace systole::isa {
namespace {

// Serialisation is injective (program_file_test's own round trip), so equal bytes mean equal programs.
std::vector<std::uint8_t> bytes_of(const Program& program) { return serialize(program); }

Program small_program() {
  Random random(11);
  Program p;
  p.chip = "systolic-4";
  p.format = "i8";
  p.layers = {{"conv1", "convolution", 1000}};
  CoreCode core;
  for (int i = 0; i < 3; ++i) core.code.push_back(random_instruction(random)), core.layer.push_back(0);
  p.cores = {core};
  p.microcode = {random_micro_op(random), random_micro_op(random)};
  p.images.push_back({Space::kHbm, 64, Tensor::of<std::uint8_t>(DType::kU8, {3}, {1, 2, 3})});
  p.inputs = {{"x", DType::kI8, {1, 4}, Space::kHbm, 0}};
  p.outputs = {{"y", DType::kI32, {1, 4}, Space::kHbm, 128}};
  p.host_operators = {"NonZero"};
  return p;
}

void expect_equal(const Program& a, const Program& b) {
  EXPECT_EQ(a.chip, b.chip);
  EXPECT_EQ(a.fingerprint, b.fingerprint);
  EXPECT_EQ(a.format, b.format);
  ASSERT_EQ(a.cores.size(), b.cores.size());
  for (std::size_t i = 0; i < a.cores.size(); ++i) {
    EXPECT_EQ(a.cores[i].code, b.cores[i].code);
    EXPECT_EQ(a.cores[i].layer, b.cores[i].layer);
  }
  EXPECT_EQ(a.microcode, b.microcode);
  ASSERT_EQ(a.images.size(), b.images.size());
  for (std::size_t i = 0; i < a.images.size(); ++i) {
    EXPECT_EQ(a.images[i].address, b.images[i].address);
    EXPECT_TRUE(a.images[i].bytes.same_bits(b.images[i].bytes));
  }
  EXPECT_EQ(bytes_of(a), bytes_of(b));
}

TEST(ProgramFile, RoundTripsRandomPrograms) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Program program = random_program(random);
    const auto back = parse_program(serialize(program), "test");
    ASSERT_TRUE(back.ok()) << back.error().text();
    expect_equal(program, *back);
  }
}

TEST(Text, RoundTripsRandomPrograms) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Program program = random_program(random);
    const std::string text = disassemble(program);
    const auto back = assemble(text, "test");
    ASSERT_TRUE(back.ok()) << back.error().text() << "\n" << text;
    expect_equal(program, *back);
    EXPECT_EQ(disassemble(*back), text);
  }
}

TEST(ProgramFile, EveryFlippedBitIsAnErrorThatNamesTheSection) {
  const auto bytes = serialize(small_program());
  ASSERT_TRUE(parse_program(bytes, "p").ok());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int b = 0; b < 8; ++b) {
      auto damaged = bytes;
      damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ 1u << b);
      const auto parsed = parse_program(damaged, "p");
      ASSERT_FALSE(parsed.ok()) << "byte " << i << " bit " << b;
      EXPECT_TRUE(parsed.error().place.starts_with("p: section '")) << parsed.error().text();
      EXPECT_FALSE(parsed.error().hint.empty());
    }
  }
}

TEST(ProgramFile, EveryTruncationIsAnError) {
  const auto bytes = serialize(small_program());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto parsed = parse_program(std::span(bytes).first(length), "p");
    ASSERT_FALSE(parsed.ok()) << length;
    EXPECT_TRUE(parsed.error().place.starts_with("p: section '")) << parsed.error().text();
  }
}

TEST(ProgramFile, BytesAfterTheEndAreAnError) {
  auto bytes = serialize(small_program());
  bytes.push_back(0);
  const auto parsed = parse_program(bytes, "p");
  ASSERT_FALSE(parsed.ok());
  EXPECT_NE(parsed.error().message.find("1 bytes follow"), std::string::npos);
}

// The same CRC-32 as zlib's polynomial, written out bit by bit, so that forged files can be made here.
std::uint32_t crc32_by_definition(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
  }
  return ~crc;
}

// A file whose code section, with a right checksum, claims 2^60 cores.
TEST(ProgramFile, AHugeCountIsRefusedBeforeItIsAllocated) {
  const auto bytes = serialize(Program{});
  std::vector<std::uint8_t> forged(bytes.begin(), bytes.begin() + 12);
  const std::size_t header_length = bytes[12 + 8];
  forged.insert(forged.end(), bytes.begin() + 12, bytes.begin() + 28 + static_cast<std::ptrdiff_t>(header_length));
  const std::vector<std::uint8_t> content = {0, 0, 0, 0, 0, 0, 0, 0x10};
  std::vector<std::uint8_t> checked = {2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0};
  checked.insert(checked.end(), content.begin(), content.end());
  const std::uint32_t crc = crc32_by_definition(checked);
  for (const std::uint32_t word : {2u, crc, 8u, 0u}) for (int i = 0; i < 4; ++i) forged.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
  forged.insert(forged.end(), content.begin(), content.end());
  const auto parsed = parse_program(forged, "p");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().text(), "p: section 'code': a list is longer than the section");
}

TEST(ProgramFile, SomethingElseIsNamedAsSuch) {
  const std::string text = "core 0\n";
  const auto parsed = parse_program({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, "p.txt");
  ASSERT_FALSE(parsed.ok());
  EXPECT_NE(parsed.error().message.find("is not a Systole program file"), std::string::npos);
}

}  // namespace
}  // namespace systole::isa
