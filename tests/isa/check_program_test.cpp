// The static rules of docs/machine.md: for each a program just inside and one just outside. Where a rule sums over loops, the
// unrolled program, run through the fetcher, is the oracle.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <array>
#include <set>

#include "isa/limits.h"
#include "isa/program.h"
#include "isa/table.h"
#include "isa/window.h"
#include "base/random.h"

namespace systole::isa {
namespace {

MachineLimits small() {
  return {.array_rows = 4, .array_columns = 4, .arrays = 1, .accumulator_rows = 16, .vmem_bytes = 1024, .hbm_bytes = 4096, .cmem_bytes = 0,
          .dma_engines = 1, .has_vector_unit = true};
}

Program program_of(const std::string& core, const std::string& micro = "") {
  auto program = assemble(micro + "core 0\n" + core, "t");
  EXPECT_TRUE(program.ok()) << program.error().text();
  return program.ok() ? *program : Program{};
}
std::string verdict(const std::string& core, const std::string& micro = "", MachineLimits limits = small()) {
  const auto status = check_program(program_of(core + "scalar: halt\n", micro), limits);
  return status.ok() ? "ok" : status.error().text();
}
void expect_error(const std::string& core, const std::string& part, const std::string& micro = "") {
  const std::string text = verdict(core, micro);
  EXPECT_NE(text.find(part), std::string::npos) << text << "\n" << core;
}

TEST(CheckProgram, AnEmptyCoreThatHaltsIsFine) { EXPECT_EQ(verdict(""), "ok"); }

TEST(CheckProgram, Structure) {
  EXPECT_NE(check_program(Program{}, small()).error().message.find("no core"), std::string::npos);
  expect_error("scalar: end\n", "end without a loop");
  expect_error("scalar: loop count=2\n", "the loop has no end");
  expect_error("scalar: halt\n", "halt is not the last instruction");
  std::string six, seven;
  for (int i = 0; i < 6; ++i) six += "scalar: loop count=2\n";
  seven = six + "scalar: loop count=2\nscalar: end\n";
  for (int i = 0; i < 6; ++i) six += "scalar: end\n", seven += "scalar: end\n";
  EXPECT_EQ(verdict(six), "ok");
  expect_error(seven, "loops nest 7 deep");
  const auto status = check_program(program_of("scalar: nop\n"), small());
  EXPECT_NE(status.error().message.find("does not end with halt"), std::string::npos);
}

TEST(CheckProgram, UnitsMustExist) {
  expect_error("dma1: nop\n", "the chip has no dma1");
  expect_error("mxu1: nop\n", "the chip has no mxu1");
  expect_error("dma0: nop signal=mxu2\n", "names mxu2, which the chip does not have");
  MachineLimits without = small();
  without.has_vector_unit = false;
  EXPECT_NE(verdict("vpu: nop\n", "", without).find("the chip has no vpu"), std::string::npos);
}

TEST(CheckProgram, ArraysMultiplyTheirFormatsOnly) {
  const std::string product = "push0: push rows=4 columns=4 type=i8 format=i8 signal=mxu0\n"
                              "mxu0: pad step_pitch=4 type=i8\n"
                              "mxu0: matmul out_columns=4 length=4 columns=4 format=i8 wait=push0\n";
  MachineLimits integers = small(), floats = small();
  integers.formats = 1u << static_cast<int>(DType::kI8);
  floats.formats = 1u << static_cast<int>(DType::kBF16);
  EXPECT_EQ(verdict(product, "", integers), "ok");
  EXPECT_NE(verdict(product, "", floats).find("instruction 0 (push): the chip's arrays do not multiply i8"), std::string::npos) << verdict(product, "", floats);
  const std::string fed = "push0: push rows=4 columns=4 type=i8 format=i8 signal=mxu0\n"
                          "mxu0: pad step_pitch=4 type=bf16\n"
                          "mxu0: matmul out_columns=4 length=4 columns=4 format=bf16 wait=push0\n";
  EXPECT_NE(verdict(fed, "", integers).find("instruction 2 (matmul): the chip's arrays do not multiply bf16"), std::string::npos) << verdict(fed, "", integers);
  const auto chip = load_chip("edge-tpu");
  ASSERT_TRUE(chip.ok()) << chip.error().text();
  EXPECT_EQ(limits(*chip).formats, 1u << static_cast<int>(DType::kI8) | 1u << static_cast<int>(DType::kU8));
}

TEST(CheckProgram, AChipHasOneFixedPointFormat) {
  const auto chip = load_chip("systolic-2-q412");
  ASSERT_TRUE(chip.ok()) << chip.error().text();
  MachineLimits one = small();
  one.types = limits(*chip).types;
  EXPECT_EQ(verdict("vpu: bind type=q4.12\n", "", one), "ok");
  EXPECT_EQ(verdict("vpu: bind type=f32\n", "", one), "ok");
  EXPECT_NE(verdict("vpu: bind type=q8.8\n", "", one).find("instruction 0 (bind): the chip has no q8.8"),
            std::string::npos)
      << verdict("vpu: bind type=q8.8\n", "", one);
  EXPECT_NE(verdict("mxu0: pad type=q5.11\n", "", one).find("instruction 0 (pad): the chip has no q5.11"),
            std::string::npos);
  const std::string converted =
      "push0: push rows=4 columns=4 type=q8.8 format=q4.12 signal=mxu0\nmxu0: matmul length=4 columns=4 format=q4.12 "
      "wait=push0\n";
  EXPECT_NE(verdict(converted, "", one).find("instruction 0 (push): the chip has no q8.8"), std::string::npos)
      << verdict(converted, "", one);
}

TEST(CheckProgram, FarAndLocalAddresses) {
  EXPECT_EQ(verdict("dma0: load far=4032 bytes=64 local=960\n"), "ok");
  expect_error("dma0: load far=4033 bytes=64\n", "hbm address 4033 .. 4096 is outside 0 .. 4095");
  expect_error("dma0: load bytes=64 local=961\n", "vmem address 961 .. 1024 is outside 0 .. 1023");
  EXPECT_EQ(verdict("dma0: load far=300 bytes=1 rows=4 pitch=-100\n"), "ok");
  expect_error("dma0: load far=299 bytes=1 rows=4 pitch=-100\n", "hbm address -1 ..");
  EXPECT_EQ(verdict("dma0: load bytes=1 planes=4096 plane_pitch=1 rows=1 local=0 far=0\n").substr(0, 6), "core 0");   // VMEM: 4096 bytes
  expect_error("dma0: load far_space=cmem bytes=1\n", "cmem address");
  EXPECT_EQ(verdict("dma0: store local_space=accumulators local=12 bytes=16 rows=4 pitch=16\n"), "ok");
  expect_error("dma0: store local_space=accumulators local=13 bytes=16 rows=4 pitch=16\n", "accumulator row 13 .. 16");
  expect_error("dma0: store local_space=accumulators bytes=17\n", "bytes of an accumulator row");
  expect_error("dma0: store local_space=accumulators array=1 bytes=4\n", "array 1 does not exist");
  EXPECT_EQ(verdict("dma0: gather pitch=64 limit=64 bytes=64 count=2 index=0 local=8\n"), "ok");
  expect_error("dma0: gather pitch=64 limit=65 bytes=64 count=2\n", "hbm address");
  expect_error("dma0: gather limit=1 bytes=4 count=2 index=1020\n", "vmem address of the indices");
}

TEST(CheckProgram, AddressesOverLoops) {
  const std::string loop = "scalar: strides set=1 s0=1000 s1=24\nscalar: loop count=4\nscalar: loop count=2\n";
  const std::string ends = "scalar: end\nscalar: end\n";
  // Largest: 3 x 1000 + 24 + far + 64 <= 4096.
  EXPECT_EQ(verdict(loop + "dma0: load far=1008 far_strides=1 bytes=64\n" + ends), "ok");
  expect_error(loop + "dma0: load far=1009 far_strides=1 bytes=64\n" + ends, "hbm address 1009 .. 4096");
  // The next iteration sees the set that the body's end wrote.
  expect_error("scalar: loop count=2\ndma0: load far=0 far_strides=3 bytes=1\nscalar: strides set=3 s0=4096\nscalar: end\n", "hbm address 0 .. 4096");
  EXPECT_EQ(verdict("scalar: loop count=1\ndma0: load far=0 far_strides=3 bytes=1\nscalar: strides set=3 s0=4096\nscalar: end\n"), "ok");
}

TEST(CheckProgram, Tiles) {
  const std::string swap = "mxu0: matmul length=1 columns=1\n";
  EXPECT_EQ(verdict("push0: push weights=1004 pitch=4 rows=4 columns=4 type=i8 format=i8 weights_strides=0\n" + swap), "ok");
  EXPECT_EQ(verdict("push0: push weights=1008 pitch=4 rows=4 columns=4 type=i8 format=i8\n" + swap), "ok");
  expect_error("push0: push weights=1009 pitch=4 rows=4 columns=4 type=i8 format=i8\n" + swap, "vmem address 1009 .. 1024");
  expect_error("push0: push rows=5 columns=4\n" + swap, "tile row 0 .. 4 is outside 0 .. 3");
  expect_error("push0: push rows=4 columns=5\n" + swap, "tile column");
  EXPECT_EQ(verdict("push0: push weights=1022 pitch=1 rows=2 columns=1 transpose=1\n" + swap), "ok");
  expect_error("push0: push weights=1022 pitch=1 rows=2 columns=2 transpose=1\n" + swap, "vmem address");
}

TEST(CheckProgram, Matmuls) {
  const std::string push = "push0: push rows=1 columns=1\n";
  EXPECT_EQ(verdict(push + "mxu0: matmul length=4 columns=4 out_columns=16\n"), "ok");
  expect_error(push + "mxu0: matmul length=4 columns=4 out_columns=17\n", "accumulator row 0 .. 16");
  expect_error(push + "mxu0: matmul length=5 columns=4\n", "chunk element");
  expect_error(push + "mxu0: matmul length=4 columns=5\n", "column 0 .. 4");
  // Rows of 4 bytes from 1000: six fit.
  EXPECT_EQ(verdict("mxu0: pad step_pitch=4 type=i8\n" + push + "mxu0: matmul source=1000 out_columns=6 length=4 columns=4\n"), "ok");
  expect_error("mxu0: pad step_pitch=4 type=i8\n" + push + "mxu0: matmul source=1000 out_columns=7 length=4 columns=4\n", "vmem address 1000 .. 1027");
  expect_error(push + "mxu0: matmul length=4 columns=4 format=bf16 part=1\n", "a part needs activations of type f32");
}

// A 3-wide window with a border of one: 8 elements at 0, read from -1 to 8; what the bounds cut off is not read.
TEST(CheckProgram, BoundsCutOffWhatIsNotRead) {
  const std::string push = "push0: push rows=1 columns=1\n";
  const std::string matmul = "mxu0: matmul source=0xffffffff out_columns=8 length=3 column=-1 columns=4\n";
  EXPECT_EQ(verdict("mxu0: pad step_pitch=1 column_step=1 width=8 type=i8\n" + push + matmul), "ok");
  expect_error("mxu0: pad step_pitch=1 column_step=1 width=0 type=i8\n" + push + matmul, "vmem address");
}

// Taps of a 5 x 5 window at a corner (row and column -2): the first that exists is (2, 2), 2 x 12 + 2 x 4 words behind the base. Both
// axes look at dimension 0, which has one index.
TEST(CheckProgram, AWindowOfOneDimensionCutsOffBothAxes) {
  const auto program = [](const std::string& base) {
    return "vpu: bind base=" + base + " type=f32 s4=1 w0=12 w1=4\nvpu: bind slot=1 base=0x200 type=f32 s4=1\n" +
           "vpu: window slots=1 row=-2 column=-2 row_step=0 column_step=0 height=3 width=3\nvpu: run prologue=0 body=1 epilogue=1 d4=4 w0=5 w1=5\n";
  };
  const std::string micro = "micro load r0, s0\nmicro store s1, r0\n";
  EXPECT_EQ(verdict(program("0xfffffff80"), micro), "ok");          // 2^36 - 128
  expect_error(program("0xfffffff7c"), "vmem address", micro);
  EXPECT_EQ(verdict(program("0x0"), micro), "ok");
}

TEST(CheckProgram, Tokens) {
  EXPECT_EQ(verdict("dma0: nop signal=vpu\nvpu: nop wait=dma0\n"), "ok");
  expect_error("vpu: nop wait=dma0\ndma0: nop signal=vpu\n", "a token from dma0 to vpu is taken before it is given");
  EXPECT_EQ(verdict("scalar: loop count=5\ndma0: nop signal=vpu\nvpu: nop wait=dma0\nscalar: end\n"), "ok");
  // The first iteration has its token, the second does not.
  expect_error("dma0: nop signal=vpu\nscalar: loop count=2\nvpu: nop wait=dma0\nscalar: end\n", "in a later iteration a token from dma0 to vpu");
  EXPECT_EQ(verdict("dma0: nop signal=vpu\ndma0: nop signal=vpu\nscalar: loop count=2\nvpu: nop wait=dma0\nscalar: end\n"), "ok");
}

TEST(CheckProgram, PushesAndSwaps) {
  const std::string push = "push0: push rows=1 columns=1\n", swap = "mxu0: matmul length=1 columns=1\n", stay = "mxu0: matmul length=1 columns=1 swap=0\n";
  EXPECT_EQ(verdict(push + swap + stay + stay + push + swap), "ok");
  expect_error(swap, "swaps weights that no push has brought");
  expect_error(push + push + swap + swap, "pushes twice before a swap");
  expect_error(push + swap + push, "the last push of push0 has no matmul");
  expect_error(push + "scalar: loop count=2\n" + swap + push + "scalar: end\n", "the last push");
  EXPECT_EQ(verdict(push + "scalar: loop count=2\n" + swap + push + "scalar: end\n" + swap), "ok");
  expect_error("scalar: loop count=2\n" + push + "scalar: end\n", "in a later iteration push0 pushes twice");
}

// Random loops over random signals and waits: the balance of docs/machine.md, counted word by word on the unrolled program.
TEST(CheckProgram, TokensAgreeWithTheUnrolledProgram) {
  int good = 0;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::string text;
    int depth = 0;
    for (int i = 0; i < 14; ++i) {
      const auto pick = random.integer(0, 5);
      if (pick == 0 && depth < 3) text += fmt::format("scalar: loop count={}\n", random.integer(1, 4)), ++depth;
      else if (pick == 1 && depth > 0) text += "scalar: end\n", --depth;
      else if (pick <= 3) text += random.chance(0.5) ? "dma0: nop signal=vpu\n" : "dma0: nop signal=vpu,dma0\n";
      else text += "vpu: nop wait=dma0\n";
    }
    while (depth-- > 0) text += "scalar: end\n";
    const Program program = program_of(text + "scalar: halt\n");
    bool expected = true;
    std::map<std::pair<int, int>, int> tokens;
    Fetcher fetcher(program.cores[0]);
    for (Fetcher::Step step; fetcher.next(step);) {
      const Instruction& i = step.instruction;
      for (int u = 0; u < kUnits; ++u) if (i.wait >> u & 1) expected = --tokens[{u, i.unit}] >= 0 && expected;
      for (int u = 0; u < kUnits; ++u) if (i.signal >> u & 1) ++tokens[{i.unit, u}];
    }
    EXPECT_EQ(check_program(program, small()).ok(), expected) << text;
    good += expected;
  }
  EXPECT_GT(good, 100);
  EXPECT_LT(good, 1900);
}

TEST(CheckProgram, VectorStreams) {
  const std::string micro = "micro load r0, s0\nmicro load r1, s1\nmicro fadd r2, r0, r1\nmicro store s2, r2\n";
  const std::string binds = "vpu: bind slot=0 base=0 type=f32 s4=1\nvpu: bind slot=1 base=512 type=f32 s4=1\n";
  const std::string run = "vpu: run body=4 d4=64\n";
  EXPECT_EQ(verdict(binds + "vpu: bind slot=2 base=768 type=f32 s4=1\n" + run, micro), "ok");
  expect_error(binds + "vpu: bind slot=2 base=772 type=f32 s4=1\n" + run, "stream s2: vmem address 772 .. 1027", micro);
  expect_error(binds + run, "stream s2 is not bound", micro);
  expect_error(binds + "vpu: bind slot=2 space=accumulators base=1 type=f32 s4=1\n" + run, "stream s2: accumulator word 1 .. 64", micro);
  expect_error(binds + "vpu: run body=5 d4=64\n", "micro-operation 0 .. 4", micro);
}

// A window of 3 taps over 8 elements with a border: loads outside are cut off, stores are not.
TEST(CheckProgram, VectorWindows) {
  const std::string micro = "micro load r0, s0\nmicro store s1, r0\n";
  const std::string binds = "vpu: bind slot=0 base=0 type=i8 s4=1 w1=1\nvpu: bind slot=1 base=512 type=i8 s4=1\n";
  const std::string run = "vpu: run body=2 d4=8 w1=1024\n";
  expect_error(binds + run, "stream s0: vmem address 0 .. 1030", micro);
  EXPECT_EQ(verdict(binds + "vpu: window slots=1 row_dim=3 column_dim=4 height=1 width=16\n" + run, micro), "ok");
  EXPECT_EQ(verdict(binds + "vpu: window slots=1 row_dim=3 column_dim=4 height=1 width=1024\n" + run, micro), "ok");
  expect_error(binds + "vpu: window slots=1 row_dim=3 column_dim=4 height=1 width=1025\n" + run, "stream s0: vmem address 0 .. 1024", micro);
}

// Base -4 modulo 2^36: the first tap that the window lets through is element 4.
TEST(CheckProgram, AStreamMayBeginBeforeTheMemory) {
  const std::string micro = "micro load r0, s0\nmicro store s1, r0\n";
  const std::string bind = "vpu: bind slot=0 base=0xffffffffc type=i8 s4=1\nvpu: bind slot=1 base=512 type=i8 s4=1\n";
  EXPECT_EQ(verdict(bind + "vpu: window slots=1 row_dim=3 column_dim=4 column=-4 height=1 width=8\nvpu: run body=2 d4=12\n", micro), "ok");
  expect_error(bind + "vpu: window slots=1 row_dim=3 column_dim=4 column=-3 height=1 width=8\nvpu: run body=2 d4=12\n", "stream s0: vmem address 68719476735", micro);
  expect_error(bind + "vpu: run body=2 d4=12\n", "stream s0: vmem address", micro);
}

// A loop whose body ends with the next turn's bind and window, as software pipelines have it: a bind goes with its own window.
TEST(CheckProgram, ABindGoesWithItsWindowAroundALoop) {
  const std::string micro = "micro load r0, s0\nmicro store s1, r0\n";
  const std::string out = "vpu: bind slot=1 base=512 type=i8 s4=1\n", run = "vpu: run body=2 d4=12\n";
  const auto setters = [](const std::string& base, int column, int width) {
    return fmt::format("vpu: bind slot=0 base={} type=i8 s4=1\nvpu: window slots=1 row_dim=3 column_dim=4 column={} height=1 width={}\n", base, column, width);
  };
  const std::string first = setters("0xffffffffc", -4, 8), later = setters("0", 0, 12);
  const auto looped = [&](const std::string& next) { return out + first + "scalar: loop count=2\n" + run + next + "scalar: end\n" + run; };
  EXPECT_EQ(verdict(looped(later), micro), "ok");
  EXPECT_EQ(verdict(out + "scalar: loop count=3\n" + looped(later) + "scalar: end\n", micro), "ok");
  expect_error(looped(setters("0xffffffffc", -3, 8)), "stream s0: vmem address 68719476735", micro);
  expect_error(looped("vpu: window slots=1 row_dim=3 column_dim=4 column=0 height=1 width=12\n"), "stream s0: vmem address 68719476732", micro);
}

TEST(CheckProgram, CoresMeetAtTheSameBarriers) {
  const auto two = assemble("core 0\nscalar: loop count=3\nscalar: barrier\nscalar: end\nscalar: halt\ncore 1\nscalar: barrier\nscalar: halt\n", "t");
  ASSERT_TRUE(two.ok());
  EXPECT_EQ(check_program(*two, small()).error().text(), "core 1: comes to 1 barriers, core 0 to 3");
}

TEST(CheckProgram, TensorsInsideTheirMemory) {
  const auto check = [](const std::string& text) {
    const auto program = assemble(text + "core 0\nscalar: halt\n", "t");
    EXPECT_TRUE(program.ok());
    const auto status = check_program(*program, small());
    return status.ok() ? "ok" : status.error().text();
  };
  EXPECT_EQ(check("input \"x\" type=f32 shape=1024 space=hbm address=0\n"), "ok");
  EXPECT_EQ(check("input \"x\" type=f32 shape=1024 space=hbm address=1\n"), "input 'x': ends at byte 4097, the memory has 4096");
  EXPECT_EQ(check("output \"y\" type=f32 shape=1 space=cmem\n"), "output 'y': ends at byte 4, the memory has 0");
  EXPECT_EQ(check("image space=hbm address=4095 bytes=2\ndata 0000\n"), "image 0: ends at byte 4097, the memory has 4096");
}

// Brute force over both counts.
TEST(WindowOffsets, EqualEnumeration) {
  for (std::uint64_t seed = 1; seed <= 20000; ++seed) {
    Random random(seed);
    const WindowAxis axis{random.integer(1, 7), random.integer(1, 7), random.integer(-9, 9), random.integer(-4, 4), random.integer(-4, 4), random.integer(0, 9), random.chance(0.9)};
    const std::int64_t i_pitch = random.integer(-20, 20), j_pitch = random.integer(-20, 20);
    std::set<std::int64_t> values;
    for (std::int64_t i = 0; i < axis.i_count; ++i) {
      for (std::int64_t j = 0; j < axis.j_count; ++j) {
        const std::int64_t at = axis.origin + i * axis.i_step + j * axis.j_step;
        if (!axis.checked || (at >= 0 && at < axis.bound)) values.insert(i * i_pitch + j * j_pitch);
      }
    }
    const auto found = window_offsets(axis, i_pitch, j_pitch);
    ASSERT_EQ(found.has_value(), !values.empty()) << seed;
    if (!found) continue;
    ASSERT_EQ(static_cast<std::int64_t>(found->low), *values.begin()) << seed;
    ASSERT_EQ(static_cast<std::int64_t>(found->high), *values.rbegin()) << seed;
  }
}

}  // namespace
}  // namespace systole::isa
