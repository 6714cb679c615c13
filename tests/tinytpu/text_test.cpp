// Words, their encoding, assembly text and its errors; the page that describes them.
#include <fmt/format.h>

#include "base/random.h"
#include "helpers.h"
#include "machine/tinytpu/first_word.h"
#include "machine/tinytpu/xor.h"
#include "rtl/tinytpu_random.h"

namespace systole::tinytpu {
namespace {

// The fields lie side by side from bit 0 to bit 93, at the places of the published layout.
TEST(Words, FieldsFillTheWord) {
  const int published[] = {0, 1, 2, 3, 4, 5, 7, 15, 23, 26, 42, 58, 62, 78};
  int next = 0;
  std::size_t i = 0;
  for (const Field& field : word_fields()) {
    EXPECT_EQ(field.low, next) << field.name;
    EXPECT_EQ(field.low, published[i++]) << field.name;
    next += field.width;
  }
  EXPECT_EQ(next, kWordBits);
}

TEST(Words, OneWordBitByBit) {
  const Program program = assembled("switch read weight transpose cols=2 rows=5 at=0x81 write1=-2 write2=1.5 pathway=1100 scale=0.5 leak=-1\n");
  const Bits bits = encode(program.code[0]);
  // leak FFFF, scale 0080, pathway C, data2 0180, data1 FFFE, stream 1, address 81, rows 05, columns 2, valid 11, transpose, start, switch.
  const unsigned __int128 expected = (static_cast<unsigned __int128>(0xFFFF) << 78) | (static_cast<unsigned __int128>(0x80) << 62) |
                                     (static_cast<unsigned __int128>(0xC) << 58) | (static_cast<unsigned __int128>(0x180) << 42) |
                                     (static_cast<unsigned __int128>(0xFFFE) << 26) | (1u << 23) | (0x81u << 15) | (5u << 7) | (2u << 5) | 0x1F;
  for (int part = 0; part < 3; ++part) EXPECT_EQ(bits[static_cast<std::size_t>(part)], static_cast<std::uint32_t>(expected >> (32 * part)));
}

TEST(Words, TextAndHexAreTheSameProgram) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Program program = rtl::random_tinytpu_program(seed);
    const auto from_text = assemble(disassemble(program), "t.s");
    ASSERT_TRUE(from_text.ok()) << from_text.error().text();
    EXPECT_EQ(from_text->code, program.code) << disassemble(program);
    const auto from_hex = read_hex(write_hex(program), "t.hex");
    ASSERT_TRUE(from_hex.ok()) << from_hex.error().text();
    EXPECT_EQ(from_hex->code, program.code);
  }
}

// Any 94 bits are a word, and its text gives the same bits again.
TEST(Words, AnyBitsHaveAText) {
  Random random(7);
  for (int i = 0; i < 5000; ++i) {
    Program program;
    const Bits bits = {static_cast<std::uint32_t>(random.bits()), static_cast<std::uint32_t>(random.bits()), static_cast<std::uint32_t>(random.bits()) & 0x7FFFFFFFu};
    program.code.push_back(*decode(bits));
    EXPECT_EQ(encode(program.code[0]), bits);
    const auto again = assemble(disassemble(program), "t.s");
    ASSERT_TRUE(again.ok()) << again.error().text();
    EXPECT_EQ(encode(again->code[0]), bits) << disassemble(program);
  }
}

TEST(Words, TheExamplesAreTheGeneratedPrograms) {
  EXPECT_EQ(source_file("examples/tinytpu/xor.s"), xor_step_source({}));
  XorSettings settings;
  settings.leak = 26;
  EXPECT_EQ(source_file("examples/tinytpu/xor_train.s"), xor_train_source(200, settings));
}

struct BadText {
  std::string text, place, message, hint;
};

TEST(Words, BadTextSaysWhereAndWhat) {
  const BadText cases[] = {
      {"idle\nread wieght at=0\n", "t.s:2:6", "'wieght' is no stream", "weight"},
      {"read\n", "t.s:1:1", "read needs a stream", "read input"},
      {"idle rows=256\n", "t.s:1:6", "rows=256 is out of range", "0 .. 255"},
      {"idle rows=-1\n", "t.s:1:6", "rows=-1 is out of range", "0 .. 255"},
      {"idle cols=4\n", "t.s:1:6", "cols=4 is out of range", "0 .. 3"},
      {"write1=200.0\n", "t.s:1:1", "write1=200.0 is out of range", "-32768 .. 32767"},
      {"write1=abc\n", "t.s:1:1", "'abc' is no number", "1/256"},
      {"write1\n", "t.s:1:1", "'write1' needs a value", "write1=..."},
      {"idle pathway=2\n", "t.s:1:6", "'2' is no number", "binary digits"},
      {"idle patway=1100\n", "t.s:1:6", "'patway' is no field of a word", "did you mean 'pathway'?"},
      {"switch switch\n", "t.s:1:8", "'switch' stands twice", "once"},
      {"loop\nend\n", "t.s:1:1", "loop needs a number", "1 .. 16777215"},
      {"loop 0\nend\n", "t.s:1:6", "loop=0 is out of range", "1 .."},
      {"halt now\n", "t.s:1:6", "'now' does not belong to halt", "alone"},
      {"pointer 65536\n", "t.s:1:9", "pointer=65536 is out of range", "0 .. 65535"},
      {"loop 2\nidle\n", "t.s:1", "this loop has no end", "end"},
      {"end\n", "t.s:1", "end without a loop", "loop"},
      {"loop 2\nloop 2\nloop 2\nloop 2\nloop 2\nend\nend\nend\nend\nend\n", "t.s:5", "more than four deep", "four loop counters"},
      {".mse predictions=120 targets=0 count=9\n", "t.s:1:1", "outside the buffer", "128"},
      {".mse prediction=120\n", "t.s:1:6", "'prediction' is no part of .mse", "predictions"},
      {".data 5\n", "t.s:1:1", "'.data' is no directive", ".mse"},
  };
  for (const BadText& bad : cases) {
    const auto program = assemble(bad.text, "t.s");
    ASSERT_FALSE(program.ok()) << bad.text;
    EXPECT_EQ(program.error().code, ErrorCode::kInvalidInput);
    EXPECT_EQ(program.error().place, bad.place) << bad.text;
    EXPECT_NE(program.error().message.find(bad.message), std::string::npos) << program.error().text();
    EXPECT_NE(program.error().hint.find(bad.hint), std::string::npos) << program.error().text();
  }
}

TEST(Words, BadHexSaysWhereAndWhat) {
  const BadText cases[] = {
      {"0\nxyz\n", "t.hex:2", "is no word", "24 hexadecimal digits"},
      {"0 1\n", "t.hex:1", "is no word", "24 hexadecimal digits"},
      {"1000000000000000000000000\n", "t.hex:1", "is no word", "24 hexadecimal digits"},
      {"c00000000000000000000000\n", "t.hex:1", "kind 3 is no instruction", "bits 95..94"},
      {"bc0000000000000000000000\n", "t.hex:1", "15 is no control word", "bits 93..90"},
      {"800000000000000000000001\n", "t.hex:1", "halt 1 is out of range", "0 .. 0"},
      {"840000000000000001000001\n", "t.hex:1", "has bits that mean nothing", "must be 0"},
      {"840000000000000000000000\n", "t.hex:1", "loop 0 is out of range", "1 .."},
  };
  for (const BadText& bad : cases) {
    const auto program = read_hex(bad.text, "t.hex");
    ASSERT_FALSE(program.ok()) << bad.text;
    EXPECT_EQ(program.error().place, bad.place) << bad.text;
    EXPECT_NE(program.error().message.find(bad.message), std::string::npos) << program.error().text();
    EXPECT_NE(program.error().hint.find(bad.hint), std::string::npos) << program.error().text();
  }
}

TEST(Words, ProgramsFitTheInstructionMemory) {
  std::string text;
  for (int i = 0; i < kProgramWords - 1; ++i) text += "idle\n";
  EXPECT_TRUE(assemble(text, "t.s").ok());
  const auto program = assemble(text + "idle\n", "t.s");
  ASSERT_FALSE(program.ok());
  EXPECT_NE(program.error().message.find("1024 instructions do not fit"), std::string::npos) << program.error().text();
}

TEST(FirstWords, FieldsFillTwentyFourBits) {
  int next = 0;
  for (const Field& field : first_word_fields()) {
    EXPECT_EQ(field.low, next);
    next += field.width;
  }
  EXPECT_EQ(next, 24);
}

TEST(FirstWords, AssembleAndBack) {
  const std::string text = ".isa 24\nstart accept switch path=2 load=weights address=1 data=-0.5\nload=bias data=256\nidle\n";
  ASSERT_TRUE(is_first_form(text));
  EXPECT_FALSE(is_first_form("idle\n"));
  const auto words = read_first_words(text, "t.s", false);
  ASSERT_TRUE(words.ok()) << words.error().text();
  const std::vector<std::uint32_t> expected = {0xF5FF80, 0x060100, 0};    // 1 1 1 10 10 1 FF80; 11 0 0100
  EXPECT_EQ(*words, expected);
  for (const bool hex : {false, true}) {
    const std::string written = write_first_words(expected, hex);
    EXPECT_TRUE(is_first_form(written));
    EXPECT_EQ(*read_first_words(written, "t", hex), expected);
  }
  const auto bad = read_first_words(".isa 24\nstart lod=bias\n", "t.s", false);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().place, "t.s:2:7");
  EXPECT_EQ(bad.error().hint, "did you mean 'load'?");
  EXPECT_FALSE(read_first_words(".isa 24\nload=4\n", "t.s", false).ok());
  EXPECT_FALSE(read_first_words(".isa 24\n1234567\n", "t.hex", true).ok());
}

// docs/tinytpu.md has each table row that the source's tables have.
TEST(Docs, TablesAreTheSources) {
  const std::string page = source_file("docs/tinytpu.md");
  const auto row = [](const Field& field) { return fmt::format("| {} | {} | {} |", field.name, field.width == 1 ? fmt::format("{}", field.low) : fmt::format("{}:{}", field.low + field.width - 1, field.low), field.meaning); };
  for (const Field& field : word_fields()) EXPECT_NE(page.find(row(field)), std::string::npos) << row(field);
  for (const Field& field : first_word_fields()) EXPECT_NE(page.find(row(field)), std::string::npos) << row(field);
  const auto controls = control_table();
  for (std::size_t i = 0; i < controls.size(); ++i) {
    const std::string line = fmt::format("| {} | {} | {} | {} |", i, controls[i].name, controls[i].has_operand ? fmt::format("{} .. {}", controls[i].low, controls[i].high) : "", controls[i].meaning);
    EXPECT_NE(page.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace systole::tinytpu
