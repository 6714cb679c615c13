// Words: fields where the table says, distinct for distinct instructions, and refused when malformed.
#include <gtest/gtest.h>

#include <set>

#include "base/file.h"
#include "isa/doc.h"
#include "random_program.h"

namespace systole::isa {
namespace {

void flip(Word& word, int position) { word[static_cast<std::size_t>(position / 64)] ^= 1ull << (position % 64); }

// The word by the definition in docs/isa.md, one bit at a time.
Word encode_by_definition(const Instruction& instruction) {
  Word word{};
  int at = 0;
  const auto append = [&](std::uint64_t value, int bits) {
    for (int i = 0; i < bits; ++i, ++at) if (value >> i & 1) flip(word, at);
  };
  append(instruction.body.index(), 8);
  append(instruction.unit, 4);
  append(instruction.wait, 16);
  append(instruction.signal, 16);
  const auto fields = info_of(instruction).fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    append(static_cast<std::uint64_t>(get_field(instruction.body, static_cast<int>(i))), fields[i].bits);
  }
  return word;
}

TEST(Encode, FollowsTheDefinitionAndDecodesBack) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Instruction instruction = random_word(random, static_cast<int>(seed) % kOpcodes);
    const Word word = encode(instruction);
    EXPECT_EQ(word, encode_by_definition(instruction));
    const auto back = decode(word);
    ASSERT_TRUE(back.ok()) << back.error().text();
    EXPECT_EQ(*back, instruction);
  }
}

// Literal words, so that the format cannot move unnoticed: opcode 11 (matmul) on mxu0 (7), wait 0x0044, signal 0x0002.
TEST(Encode, ALiteralWord) {
  Matmul matmul;
  matmul.source = 0x100;
  matmul.length = 4;
  matmul.columns = 3;
  const Word word = encode({matmul, matrix_unit(0), 0x0044, 0x0002});
  EXPECT_EQ(word[0] & 0xFF, 11u);
  EXPECT_EQ(word[0] >> 8 & 0xF, 7u);
  EXPECT_EQ(word[0] >> 12 & 0xFFFF, 0x0044u);
  EXPECT_EQ(word[0] >> 28 & 0xFFFF, 0x0002u);
  EXPECT_EQ((word[0] >> 44 | word[1] << 20) & 0xFFFFFFFF, 0x100u);          // source: bits 75:44
  EXPECT_EQ(word[1] >> (81 - 64) & 0xFFF, 1u);                              // images: bits 92:81
  EXPECT_EQ((word[1] >> (127 - 64) | word[2] << 1) & 0x3FF, 4u);            // length: bits 136:127
  EXPECT_EQ(word[2] >> (137 - 128) & 0x3FF, 3u);                            // columns: bits 146:137
}

TEST(Encode, EveryBitOfEveryFieldFlipsTheInstruction) {
  Random random(7);
  for (int opcode = 0; opcode < kOpcodes; ++opcode) {
    const Instruction instruction = random_word(random, opcode);
    const Word word = encode(instruction);
    const int used = instruction_table()[static_cast<std::size_t>(opcode)].used_bits;
    for (int position = 0; position < kWordBits; ++position) {
      Word changed = word;
      flip(changed, position);
      const auto decoded = decode(changed);
      if (position >= used) EXPECT_FALSE(decoded.ok()) << opcode << " bit " << position;
      else if (decoded.ok()) EXPECT_FALSE(*decoded == instruction) << opcode << " bit " << position;
      else EXPECT_LT(position, kOpcodeBits) << "only the opcode can make the word unreadable";
    }
  }
}

// A flipped bit of a field changes that field and no other.
TEST(Encode, FieldsDoNotOverlap) {
  for (const OpcodeInfo& row : instruction_table()) {
    std::set<int> seen;
    for (std::size_t f = 0; f < row.fields.size(); ++f) {
      for (int b = 0; b < row.fields[f].bits; ++b) {
        EXPECT_TRUE(seen.insert(row.fields[f].offset + b).second) << row.name << "." << row.fields[f].name;
        Word word = encode({make_body(row.opcode), 0, 0, 0});
        flip(word, row.fields[f].offset + b);
        const auto decoded = decode(word);
        ASSERT_TRUE(decoded.ok());
        for (std::size_t g = 0; g < row.fields.size(); ++g) {
          const bool changed = get_field(decoded->body, static_cast<int>(g)) != row.fields[g].initial;
          EXPECT_EQ(changed, f == g) << row.name << ": bit " << b << " of " << row.fields[f].name << " and " << row.fields[g].name;
        }
      }
    }
    EXPECT_LE(row.used_bits, kWordBits);
  }
}

TEST(Encode, OpcodesAndNamesAreDistinct) {
  std::set<std::string_view> names;
  std::set<Word> words;
  for (const OpcodeInfo& row : instruction_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(words.insert(encode({make_body(row.opcode), 0, 0, 0})).second) << row.name;
    EXPECT_EQ(find_opcode(row.name), &row);
    EXPECT_FALSE(row.doc.empty());
  }
}

TEST(Encode, UnknownOpcodesAreRefused) {
  for (std::uint64_t opcode = kOpcodes; opcode < 256; ++opcode) {
    const auto decoded = decode({opcode, 0, 0, 0});
    ASSERT_FALSE(decoded.ok()) << opcode;
    EXPECT_NE(decoded.error().message.find(std::to_string(opcode)), std::string::npos);
  }
}

TEST(Encode, AFieldOneTooLargeIsRefusedByName) {
  for (const OpcodeInfo& row : instruction_table()) {
    for (std::size_t f = 0; f < row.fields.size(); ++f) {
      for (const std::int64_t value : {row.fields[f].lowest() - 1, row.fields[f].highest() + 1}) {
        Instruction instruction{make_body(row.opcode), 0, 0, 0};
        set_field(instruction.body, static_cast<int>(f), value);
        const auto status = check_instruction(instruction);
        ASSERT_FALSE(status.ok());
        EXPECT_EQ(status.error().place, std::string(row.name) + "." + std::string(row.fields[f].name));
      }
    }
  }
}

TEST(Encode, UnitNamesRoundTrip) {
  for (int unit = 0; unit < 14; ++unit) EXPECT_EQ(parse_unit(unit_name(unit)), unit);
  for (const char* name : {"unit14", "unit15", "dma4", "mxu4", "", "MXU0"}) EXPECT_FALSE(parse_unit(name)) << name;
}

TEST(Document, IsCurrent) {
  const auto text = read_text_file(SYSTOLE_SOURCE_DIR "/docs/isa.md");
  ASSERT_TRUE(text.ok()) << text.error().text();
  EXPECT_TRUE(*text == isa_document()) << "build systole_isa_doc and run: systole_isa_doc docs/isa.md";
}

}  // namespace
}  // namespace systole::isa
