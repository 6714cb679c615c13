// `systole tinytpu` as its users run it.
#include "../cli/program.h"

namespace systole::test {
namespace {

const std::string kExamples = std::string(SYSTOLE_SOURCE_DIR) + "/examples/tinytpu/";

class TinyTpu : public Cli {};

TEST_F(TinyTpu, GoldenStepOnTwoEngines) {
  for (const char* engine : {"event", "register"}) {
    ASSERT_EQ(run("tinytpu " + kExamples + "xor.s --json --engine " + engine), 0) << err_;
    const auto result = json();
    EXPECT_EQ(result["cycles"], 14 + 62);
    EXPECT_EQ(result["issue_cycles"], 14 + 60);
    EXPECT_EQ(result["steps"], 1);
    EXPECT_EQ(result["memory"].size(), 128u);
    EXPECT_TRUE(result["mse"].is_null());
    const std::vector<int> parameters(result["memory"].begin() + 12, result["memory"].begin() + 21);
    EXPECT_EQ(parameters, (std::vector<int>{68, -154, 14, 103, -138, 36, 145, 58, 122})) << engine;
    EXPECT_EQ(err_, "");
  }
}

TEST_F(TinyTpu, ExclusiveOrIsLearned) {
  ASSERT_EQ(run("tinytpu xor --steps 200 --json"), 0) << err_;
  const auto built_in = json();
  EXPECT_LT(built_in["mse"].get<double>(), 0.01);
  EXPECT_EQ(built_in["steps"], 200);
  EXPECT_GT(built_in["solved_after_steps"].get<int>(), 1);
  const int solved = built_in["solved_after_steps"];
  ASSERT_EQ(run("tinytpu xor --json --steps " + std::to_string(solved)), 0);
  EXPECT_LT(json()["mse"].get<double>(), 0.01);
  EXPECT_EQ(json()["solved_after_steps"], solved);
  ASSERT_EQ(run("tinytpu xor --json --steps " + std::to_string(solved - 1)), 0);
  EXPECT_GE(json()["mse"].get<double>(), 0.01);
  EXPECT_TRUE(json()["solved_after_steps"].is_null());
  ASSERT_EQ(run("tinytpu " + kExamples + "xor_train.s --json"), 0);
  EXPECT_EQ(json()["memory"], built_in["memory"]);
  EXPECT_EQ(json()["cycles"], built_in["cycles"]);
  ASSERT_EQ(run("tinytpu xor"), 0);
  EXPECT_NE(out_.find("first below 0.01 after step " + std::to_string(solved)), std::string::npos) << out_;
}

TEST_F(TinyTpu, OptionsOfTheCommand) {
  ASSERT_EQ(run("tinytpu xor --steps 1 --leak 0.5 --json"), 0) << err_;
  EXPECT_EQ(json()["memory"][12], 68);
  ASSERT_EQ(run("tinytpu xor --steps 1 --leak 0.5 --learning-rate 0 --json"), 0);
  EXPECT_EQ(json()["memory"][12], 76);
  ASSERT_EQ(run("tinytpu " + kExamples + "xor_train.s --steps 3 --json"), 0);
  EXPECT_EQ(json()["steps"], 3);
  ASSERT_EQ(run("tinytpu xor --steps 2 --chip tinytpu-bram --json"), 0);
  const auto bram = json();
  ASSERT_EQ(run("tinytpu xor --steps 2 --json"), 0);
  EXPECT_EQ(bram["memory"], json()["memory"]);
  EXPECT_EQ(bram["cycles"], json()["cycles"]);
  EXPECT_GT(bram["clocks"].get<int>(), json()["clocks"].get<int>());
}

TEST_F(TinyTpu, TextToWordsAndBack) {
  ASSERT_EQ(run("tinytpu " + kExamples + "xor_train.s -o @p.hex"), 0) << err_;
  ASSERT_EQ(run("tinytpu @p.hex -o @p.s"), 0) << err_;
  ASSERT_EQ(run("tinytpu @p.s -o @again.hex"), 0) << err_;
  EXPECT_EQ(read_text_file(file("p.hex")).value(), read_text_file(file("again.hex")).value());
  ASSERT_EQ(run("tinytpu @p.hex --json"), 0);
  const auto words = json();
  ASSERT_EQ(run("tinytpu " + kExamples + "xor_train.s --json"), 0);
  EXPECT_EQ(words["memory"], json()["memory"]);
  write("first.s", ".isa 24\nstart load=inputs data=1.0\n");
  ASSERT_EQ(run("tinytpu @first.s -o @first.hex"), 0) << err_;
  EXPECT_EQ(read_text_file(file("first.hex")).value(), ".isa 24\n820100\n");
}

TEST_F(TinyTpu, LostWordsAreSaid) {
  write("lost.s", "pointer 127\nwrite1=1 write2=2\n");
  ASSERT_EQ(run("tinytpu @lost.s --json"), 0);
  EXPECT_EQ(json()["lost_writes"], 1);
  EXPECT_NE(err_.find("1 words were written beyond word 127"), std::string::npos) << err_;
}

TEST_F(TinyTpu, HardwareIsWritten) {
  ASSERT_EQ(run("rtl --chip tinytpu-bram -o @hardware"), 0) << err_;
  const std::string list = read_text_file(file("hardware/files.f")).value();
  EXPECT_EQ(list.rfind("tinytpu_chip.sv\n", 0), 0u);
  EXPECT_NE(list.find("tinytpu.sv\n"), std::string::npos);
  EXPECT_EQ(list.find("probe"), std::string::npos);
  EXPECT_NE(read_text_file(file("hardware/tinytpu_chip.sv")).value().find("BLOCK_RAM = 1;"), std::string::npos);
}

struct Bad {
  const char* arguments;
  const char* place;
  const char* help;
};

TEST_F(TinyTpu, BadInputSaysWhereAndHelps) {
  write("field.s", "idle\nidle patway=1100\n");
  write("stuck.s", "idle\nidle wait\n");
  write("straight.s", "idle\n");
  write("first.s", ".isa 24\nstart\n");
  write("bad.hex", "0\nzz\n");
  write("p.txt", "idle\n");
  const Bad cases[] = {
      {"tinytpu", "command line", "--help"},
      {"tinytpu @none.s", "none.s", "cannot open"},
      {"tinytpu @p.txt", "p.txt", "assembly text ends in .s"},
      {"tinytpu @field.s", "field.s:2:6", "did you mean 'pathway'?"},
      {"tinytpu @bad.hex", "bad.hex:2", "hexadecimal digits"},
      {"tinytpu @stuck.s", "stuck.s:2", "a wait ends when"},
      {"tinytpu @stuck.s --engine register", "stuck.s:2", "a wait ends when"},
      {"tinytpu @straight.s --steps 7", "--steps 7", "loop 1"},
      {"tinytpu @straight.s --leak 0.5", "--leak", "leak="},
      {"tinytpu @first.s", "first.s", "-o FILE.hex"},
      {"tinytpu xor --steps -5", "--steps -5", "0 .."},
      {"tinytpu xor --engine rtI", "--engine rtI", "did you mean 'rtl'?"},
      {"tinytpu xor --chip systolic-4", "chip systolic-4", "tinytpu-bram"},
      {"tinytpu xor --learning-rate 200", "--learning-rate 200", "Q8.8"},
      {"tinytpu xor --leak nan", "--leak nan", "Q8.8"},
      {"tinytpu xor -o @p.bin", "p.bin", ".hex"},
      {"tinytpu xor -o @none/p.s", "none/p.s", "make it first"},
      {"run @none.onnx --chip tinytpu-bram", "", ""},
  };
  for (const Bad& bad : cases) {
    EXPECT_EQ(run(bad.arguments), 2) << bad.arguments;
    EXPECT_EQ(out_, "") << bad.arguments;
    EXPECT_NE(err_.find(bad.place), std::string::npos) << bad.arguments << "\n" << err_;
    EXPECT_NE(err_.find(bad.help), std::string::npos) << bad.arguments << "\n" << err_;
  }
}

}  // namespace
}  // namespace systole::test
