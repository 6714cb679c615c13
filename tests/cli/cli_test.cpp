// The program as its users see it: exit status, what stands on which stream, files that appear only when all went well.
#include "program.h"

namespace systole::test {
namespace {

namespace fs = std::filesystem;

TEST_F(Cli, ChipsListsTheCatalogue) {
  EXPECT_EQ(run("chips"), 0);
  EXPECT_NE(out_.find("tpu-v4"), std::string::npos);
  EXPECT_EQ(run("chips tpu-v1 --json"), 0);
  EXPECT_EQ(nlohmann::json::parse(out_)["array_rows"], 256);
  EXPECT_EQ(err_, "");
}

TEST_F(Cli, BadInputIsStatus2WithAHint) {
  EXPECT_EQ(run("chips tpu-v5"), 2);
  EXPECT_NE(err_.find("did you mean"), std::string::npos) << err_;
  EXPECT_EQ(out_, "");
  EXPECT_EQ(run("gemm 4 4 4 --chip nothing.yaml"), 2);
  EXPECT_EQ(run("gemm 4 4 --chip systolic-4"), 2);
  EXPECT_EQ(run("gemm 0 4 4 --chip systolic-4"), 2);
  EXPECT_EQ(run("gemm 4 4 4 --chip systolic-4 --engine fast"), 2);
  EXPECT_EQ(run("gemm 4 4 4 --chip systolic-4 --no-such-flag"), 2);
  EXPECT_EQ(run("no-such-command"), 2);
  EXPECT_EQ(run(""), 2);
  EXPECT_EQ(run("run missing.onnx --chip systolic-4"), 2);
  EXPECT_EQ(run("run missing.onnx --chip systolic-4 --shape x=1xtwo"), 2);
  EXPECT_EQ(run("gemm 4 4 4 --chip tinytpu"), 2);
  EXPECT_NE(err_.find("systolic-2-q88"), std::string::npos) << err_;
}

TEST_F(Cli, AnErrorLeavesStandardOutputEmpty) {
  EXPECT_EQ(run("chips tpu-v5 --json"), 2);
  EXPECT_EQ(out_, "");
}

TEST_F(Cli, HelpIsStatus0) {
  EXPECT_EQ(run("--help"), 0);
  for (const char* command : {"chips", "run", "compile", "exec", "disasm", "asm", "gemm", "analyze", "rtl", "rtl-check", "tinytpu"}) {
    EXPECT_NE(out_.find(command), std::string::npos) << command;
  }
  for (const char* command : {"chips", "run", "compile", "exec", "disasm", "asm", "gemm", "analyze", "rtl", "rtl-check", "tinytpu"}) EXPECT_EQ(run(std::string(command) + " --help"), 0) << command;
}

TEST_F(Cli, GemmReportsAndChecks) {
  EXPECT_EQ(run("gemm 16 16 16 --chip systolic-8 --check --json"), 0) << err_;
  const auto json = nlohmann::json::parse(out_);
  EXPECT_EQ(json["macs"], 16 * 16 * 16);
  EXPECT_TRUE(json["outputs"][0]["check_passed"].get<bool>());
  const std::string digest = json["outputs"][0]["sha256"];
  EXPECT_EQ(run("gemm 16 16 16 --chip systolic-8 --json --threads 3"), 0);
  EXPECT_EQ(nlohmann::json::parse(out_)["outputs"][0]["sha256"], digest);
  EXPECT_EQ(run("gemm 16 16 16 --chip systolic-8 --json --seed 2"), 0);
  EXPECT_NE(nlohmann::json::parse(out_)["outputs"][0]["sha256"], digest);
}

TEST_F(Cli, AssembleRunDisassemble) {
  write("p.s", kProduct);
  EXPECT_EQ(run("asm " + file("p.s") + " -o " + file("p.systole")), 0) << err_;
  EXPECT_EQ(run("exec " + file("p.systole") + " --random-inputs --check-hazards --json --trace " + file("t.json") + " --output " + file("o")), 0) << err_;
  const auto event = nlohmann::json::parse(out_);
  EXPECT_TRUE(fs::exists(file("o/y.npy")));
  EXPECT_FALSE(nlohmann::json::parse(read_text_file(file("t.json")).value())["traceEvents"].empty());
  EXPECT_EQ(run("exec " + file("p.systole") + " --random-inputs --engine register --json"), 0) << err_;
  const auto registers = nlohmann::json::parse(out_);
  EXPECT_EQ(registers["cycles"], event["cycles"]);
  EXPECT_EQ(registers["outputs"][0]["sha256"], event["outputs"][0]["sha256"]);

  EXPECT_EQ(run("disasm " + file("p.systole") + " -o " + file("q.s")), 0);
  EXPECT_EQ(run("asm " + file("q.s") + " -o " + file("q.systole")), 0) << err_;
  EXPECT_EQ(read_file(file("q.systole")).value(), read_file(file("p.systole")).value());
  EXPECT_EQ(run("exec " + file("p.systole") + " --input w=" + file("o/y.npy")), 2);     // a shape that fits; x is not there
  EXPECT_NE(err_.find("input 'x': is missing"), std::string::npos) << err_;
}

TEST_F(Cli, AHazardIsStatus1) {
  std::string text = kProduct;
  const std::string wait = " wait=mxu0\n";
  text.replace(text.find(wait), wait.size(), "\n");
  const std::string signal = " signal=dma0\n";
  text.replace(text.find(signal), signal.size(), "\n");
  write("p.s", text);
  ASSERT_EQ(run("asm " + file("p.s") + " -o " + file("p.systole")), 0) << err_;
  EXPECT_EQ(run("exec " + file("p.systole") + " --random-inputs --check-hazards"), 1) << err_;
}

TEST_F(Cli, AFailedAssemblyLeavesNoFile) {
  write("p.s", "core 0\nscalar: hlat\n");
  EXPECT_EQ(run("asm " + file("p.s") + " -o " + file("p.systole")), 2);
  EXPECT_NE(err_.find("p.s:2:9: unknown instruction 'hlat' (did you mean 'halt'?)"), std::string::npos) << err_;
  EXPECT_FALSE(fs::exists(file("p.systole")));
}

TEST_F(Cli, ADamagedProgramIsNamedAsSuch) {
  write("p.s", kProduct);
  ASSERT_EQ(run("asm " + file("p.s") + " -o " + file("p.systole")), 0);
  auto bytes = read_file(file("p.systole")).value();
  bytes[200] ^= 4;
  ASSERT_TRUE(write_file(file("p.systole"), bytes).ok());
  EXPECT_EQ(run("disasm " + file("p.systole")), 2);
  EXPECT_NE(err_.find("section '"), std::string::npos) << err_;
}

}  // namespace
}  // namespace systole::test
