// Bad assembly: the place (line and column), what is wrong, and what would help.
#include <gtest/gtest.h>

#include "isa/program.h"

namespace systole::isa {
namespace {

struct Case {
  const char* text;
  const char* place;
  const char* message;
  const char* hint;
};

const Case kCases[] = {
    {"core 0\nmxu0: matmull length=4\n", "t:2:7", "unknown instruction 'matmull'", "did you mean 'matmul'?"},
    {"core 0\nmxu5: nop\n", "t:2:1", "unknown unit 'mxu5'", "did you mean 'mxu0'?"},
    {"core 0\nmxu0: matmul lenght=4\n", "t:2:14", "unknown argument 'lenght'", "did you mean 'length'?"},
    {"core 0\nmxu0: matmul length=2000 columns=1\n", "t:2:21", "2000 does not fit in 'length'", "0 .. 1023"},
    {"core 0\nmxu0: matmul length=-1\n", "t:2:21", "-1 does not fit in 'length'", "0 .. 1023"},
    {"core 0\nmxu0: matmul columns=1\n", "t:2:7", "matmul.length: 0 is below 1", ""},
    {"core 0\nscalar: loop count=0\n", "t:2:14", "loop.count: 0 is below 1", ""},
    {"core 0\nmxu0: matmul length=abc\n", "t:2:21", "'abc' is no value for 'length'", "elements of the chunk"},
    {"core 0\nmxu0: matmul length=4 length=5\n", "t:2:23", "'length' is given twice", ""},
    {"core 0\nmxu0: matmul length 4\n", "t:2:21", "expected '=' after 'length'", "name=value"},
    {"core 0\nmxu0: matmul length=\n", "t:2:21", "expected a value for 'length', the line ends", ""},
    {"core 0\nmxu0 matmul\n", "t:2:6", "expected ':' after 'mxu0'", "as in mxu0:"},
    {"core 0\nvpu: load bytes=4\n", "t:2:6", "load.unit: vpu does not run load", "dma0 .. dma3"},
    {"core 0\ndma0: load bytes=4 wait=mxu0,dam1\n", "t:2:30", "unknown unit 'dam1'", "did you mean 'dma1'?"},
    {"core 0\nscalar: nop signal=dma0\n", "t:2:9", "nop.signal: the sequencer gives no tokens", "is after it already"},
    {"core 0\npush0: push rows=1 columns=1 type=int9\n", "t:2:35", "unknown element type 'int9'", "i8"},
    {"core 0\ndma0: store bytes=4 local_space=hbm\n", "t:2:21", "store.local_space: 0 is outside 2 .. 3", ""},
    {"mxu0: nop\n", "t:1:1", "an instruction before the first core", "core 0"},
    {"core 1\n", "t:1:6", "expected core 0, found '1'", "numbered from 0"},
    {"layer 0 \"a\"\nlayer 0 \"b\"\n", "t:2:7", "expected layer 1, found '0'", "numbered from 0"},
    {"cores 0\n", "t:1:1", "unknown directive 'cores'", "did you mean 'core'?"},
    {"chip \"a\n", "t:1:6", "the quote is not closed", ""},
    {"chip \"a\\q\"\n", "t:1:8", "unknown escape", "\\xNN"},
    {"chip \"a\" fingerprint=x\n", "t:1:22", "'x' is not a number", "64 bits"},
    {"chip \"a\" finger=1\n", "t:1:10", "unknown argument 'finger'", "one of fingerprint, format"},
    {"micro fad r1, r2, r3\n", "t:1:7", "unknown micro-operation 'fad'", "did you mean 'fadd'?"},
    {"micro fadd r1, r2\n", "t:1:18", "expected ',' and another operand of fadd", ""},
    {"micro fadd r32, r2, r3\n", "t:1:12", "'r32' is not a register r0 .. r31", ""},
    {"micro fadd r1, 1, 2\n", "t:1:19", "a second immediate", "at most one"},
    {"micro load r1, s8\n", "t:1:16", "'s8' is not a stream s0 .. s7", ""},
    {"micro const r1, 0x100000000\n", "t:1:17", "'0x100000000' is not 32 bits", ""},
    {"input \"x\" shape=1xx2\n", "t:1:17", "'1xx2' is not a shape", "1x3x224x224"},
    {"input \"x\" shape=4294967296x4294967296\n", "t:1:17", "", ""},
    {"input \"x\" space=vmem\n", "t:1:17", "'vmem' is not a far memory", "hbm or cmem"},
    {"image space=hbm bytes=2\ndata 00\n", "t:1:1", "the image says 2 bytes, its data has 1", ""},
    {"image space=hbm bytes=1\ndata 0\n", "t:2:6", "an odd number of hexadecimal digits", "two for a byte"},
    {"image space=hbm bytes=1\ndata 0g\n", "t:2:6", "'0g' is not a byte", ""},
    {"data 00\n", "t:1:1", "data without an image", ""},
    {"core 0\nscalar: halt layer=1\n", "t:2:20", "1 is out of range for 'layer'", ""},
    {"core 0 layers=all\n", "t:1:15", "layers can only be none", ""},
    {"host_operator \"a\" b\n", "t:1:19", "text after the end of the statement", "';'"},
};

TEST(AssembleErrors, NameThePlaceAndAHint) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.text);
    const auto program = assemble(c.text, "t");
    ASSERT_FALSE(program.ok());
    EXPECT_EQ(program.error().place, c.place) << program.error().text();
    EXPECT_NE(program.error().message.find(c.message), std::string::npos) << program.error().text();
    EXPECT_NE(program.error().hint.find(c.hint), std::string::npos) << program.error().text();
  }
}

TEST(Assemble, ReadsNamesNumbersAndComments) {
  const auto program = assemble(
      "; a comment\n"
      "chip \"a;b\" fingerprint=0xffffffffffffffff format=\"i8\" ; another\r\n"
      "core 0\n"
      "\tpush0: push rows=1 columns=1 type=i8 format=bf16 pitch=0x10 wait=dma0,vpu\n"
      "  mxu0: matmul length=1 columns=1 row=-3\n",
      "t");
  ASSERT_TRUE(program.ok()) << program.error().text();
  EXPECT_EQ(program->chip, "a;b");
  EXPECT_EQ(program->fingerprint, ~0ull);
  const Push& push = *program->cores[0].code[0].as<Push>();
  EXPECT_EQ(push.type, static_cast<std::int64_t>(DType::kI8));
  EXPECT_EQ(push.format, static_cast<std::int64_t>(DType::kBF16));
  EXPECT_EQ(push.pitch, 16);
  EXPECT_EQ(program->cores[0].code[0].wait, 1u << dma_unit(0) | 1u << kVector);
  EXPECT_EQ(program->cores[0].code[1].as<Matmul>()->row, -3);
  EXPECT_EQ(program->cores[0].code[1].unit, matrix_unit(0));
}

TEST(Disassemble, PrintsOnlyWhatDiffersFromTheInitialValues) {
  Matmul m;
  m.source = 0x100, m.length = 8, m.columns = 8;
  Program p;
  p.layers = {{"stem", "convolution", 5}, {"conv\"1\"", "convolution", 5}};
  p.cores = {{{{m, matrix_unit(0), 1u << push_unit(0) | 1u << dma_unit(0), 1u << kVector}}, {1}}};
  const std::string text = disassemble(p);
  EXPECT_NE(text.find("  mxu0: matmul source=0x100 length=8 columns=8 wait=dma0,push0 signal=vpu layer=1  ; \"conv\\\"1\\\"\"\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace systole::isa
