// `systole waves` as its users run it: what is written, and what bad input gets.
#include "../cli/program.h"
#include "chip/chip.h"
#include "machine/tinytpu/run.h"
#include "machine/tinytpu/text.h"
#include "product.h"

namespace systole::test {
namespace {

class WavesCli : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    write("p.s", std::string(kProductText));
  }
  // Exit status 2, a place and a hint on standard error, and nothing but the program in the folder.
  void expect_refused(const std::string& arguments, const std::string& part) {
    EXPECT_EQ(run("waves " + arguments), 2) << arguments;
    EXPECT_NE(err_.find(part), std::string::npos) << arguments << ": " << err_;
    EXPECT_NE(err_.find('('), std::string::npos) << "no hint: " << err_;
    EXPECT_EQ(out_, "") << arguments;
    EXPECT_EQ(files().size(), 1u) << arguments;
  }
};

TEST_F(WavesCli, WritesTheDumpItsSaveFileAndThePictures) {
  ASSERT_EQ(run("waves @p.s --json --quiet -o @w.vcd --html @w.html --svg @w.svg"), 0) << err_;
  EXPECT_EQ(json()["chip"], "systolic-4");
  EXPECT_EQ(json()["cycles"], 61);
  EXPECT_GT(json()["signals"], 100);
  EXPECT_EQ(files(), (std::vector<std::string>{file("p.s"), file("w.gtkw"), file("w.html"), file("w.svg"), file("w.vcd")}));
  EXPECT_EQ(err_, "");
}

TEST_F(WavesCli, TakesProgramFilesWithInputs) {
  ASSERT_EQ(run("asm @p.s -o @p.systole"), 0) << err_;
  write("x.npy", product_inputs()[0]);
  write("w.npy", product_inputs()[1]);
  ASSERT_EQ(run("waves @p.systole --input x=@x.npy --input w=@w.npy -o @a.vcd"), 0) << err_;
  EXPECT_EQ(err_.find("random"), std::string::npos);
  ASSERT_EQ(run("waves @p.s --input x=@x.npy --input w=@w.npy -o @b.vcd"), 0) << err_;
  const auto body = [&](const std::string& name) {
    const std::string text = read_text_file(file(name)).value();
    return text.substr(text.find("$timescale"));
  };
  EXPECT_EQ(body("a.vcd"), body("b.vcd"));
}

TEST_F(WavesCli, ShowsTinyTpuLearningExclusiveOr) {
  ASSERT_EQ(run("waves xor --json -o @xor.vcd --html @xor.html"), 0) << err_;
  EXPECT_EQ(json()["chip"], "tinytpu");
  EXPECT_EQ(json()["cycles"], 76);      // 60 of the step, from cycle 16 of the original's count on
  ASSERT_EQ(run("waves xor --chip tinytpu --steps 0 --svg @forward.svg"), 0) << err_;
  EXPECT_NE(read_text_file(file("forward.svg")).value().find("the forward pass"), std::string::npos);
}

// A buffer in block RAM takes several clocks for a cycle: the dump's time is the chip's.
TEST_F(WavesCli, TimeIsTheChipsClocks) {
  ASSERT_EQ(run("waves xor --chip tinytpu -o @a.vcd"), 0) << err_;
  ASSERT_EQ(run("waves xor --chip tinytpu-bram -o @b.vcd"), 0) << err_;
  const auto end_seconds = [&](const std::string& name) {
    const std::string text = read_text_file(file(name)).value();
    const double unit = text.find("$timescale 1fs") != std::string::npos ? 1e-15 : 1e-12;
    return static_cast<double>(std::stoll(text.substr(text.rfind('#') + 1))) * unit;
  };
  write("xor.s", read_text_file(std::string(SYSTOLE_SOURCE_DIR) + "/examples/tinytpu/xor.s").value());
  for (const auto& [chip, dump] : {std::pair{"tinytpu", "a.vcd"}, std::pair{"tinytpu-bram", "b.vcd"}}) {
    const auto loaded = load_chip(chip);
    ASSERT_TRUE(loaded.ok());
    const auto program = tinytpu::load_program(file("xor.s"));
    ASSERT_TRUE(program.ok()) << program.error().text();
    const auto result = tinytpu::run_events(*program, loaded->tinytpu);
    ASSERT_TRUE(result.ok());
    EXPECT_NEAR(end_seconds(dump), static_cast<double>(result->clocks) / loaded->clock.value(), 1e-14) << chip;
  }
}

TEST_F(WavesCli, RefusesWithPlaceAndHint) {
  expect_refused("@p.s", "nothing to write");
  expect_refused("@p.s -o @w.fst", "-o ");
  expect_refused("@p.s -o @w.vcd --svg @w.png", "--svg ");
  expect_refused("@p.s -o @no/w.vcd", "no folder");
  expect_refused("@p.s -o @w.vcd --engine event", "--engine event");
  expect_refused("@p.s -o @w.vcd --engine registers", "register");
  expect_refused("@p.s -o @w.fst --engine rtl --html @w.html", "--engine rtl");
  expect_refused("@p.s -o @w.fst --engine rtl --elements 0:1,0:1", "--elements");
  expect_refused("@p.s -o @w.vcd --cycles 5:1000", "61 cycles");
  expect_refused("@p.s -o @w.vcd --elements 0:4,0:3", "4 rows");
  expect_refused("@p.s -o @w.vcd --input x=@p.s", "p.s");
  expect_refused("@none.systole -o @w.vcd", "none.systole");
  expect_refused("xor --chip systolic-4 -o @w.vcd", "94-bit words");
  expect_refused("xor --engine rtl -o @w.fst --elements 0:1,0:1", "--elements");
  expect_refused("xor --input x=@p.s -o @w.vcd", "");
  expect_refused("@p.s --chip tinytpu -o @w.vcd", "p.s");
}

TEST_F(WavesCli, AProgramFileIsForItsChip) {
  ASSERT_EQ(run("asm @p.s -o @p.systole"), 0);
  std::filesystem::remove(file("p.s"));
  expect_refused("@p.systole -o @w.vcd --chip systolic-8", "another chip");
}

TEST_F(WavesCli, BigArraysNeedAChoiceOfElements) {
  std::string big = kProductText;
  big.replace(big.find("systolic-4"), 10, "systolic-32");
  write("p.s", big);
  expect_refused("@p.s -o @w.vcd", "--elements");
  ASSERT_EQ(run("waves @p.s -o @w.vcd --elements 0:3,28:31"), 0) << err_;
  EXPECT_EQ(run("waves @p.s --html @w.html --elements 0:3,0:3"), 0) << err_;
}

}  // namespace
}  // namespace systole::test
