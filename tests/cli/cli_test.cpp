// The program as its users see it: exit status, what stands on which stream, files that appear only when all went well.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace systole {
namespace {

namespace fs = std::filesystem;

class Cli : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("systole-cli-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  int run(const std::string& arguments) {
    const std::string command = std::string(SYSTOLE_PROGRAM) + " " + arguments + " > " + file("out") + " 2> " + file("err");
    const int status = std::system(command.c_str());
    out_ = read_text_file(file("out")).value();
    err_ = read_text_file(file("err")).value();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void write(const std::string& name, const std::string& text) { ASSERT_TRUE(write_file(file(name), text).ok()); }

  fs::path folder_;
  std::string out_, err_;
};

constexpr const char* kProduct =
    "chip \"systolic-4\" format=\"i8\"\n"
    "memory hbm=128 vmem=64\n"
    "input \"x\" type=i8 shape=4x4 space=hbm address=0\n"
    "input \"w\" type=i8 shape=4x4 space=hbm address=16\n"
    "output \"y\" type=i32 shape=4x4 space=hbm address=64\n"
    "layer 0 \"product\" kind=\"dot\" macs=64\n"
    "core 0\n"
    "  dma0: load far=0x0 local=0x0 bytes=32 signal=push0,mxu0\n"
    "  push0: push weights=0x10 pitch=4 rows=4 columns=4 type=i8 format=i8 wait=dma0 signal=mxu0\n"
    "  mxu0: pad step_pitch=4 type=i8\n"
    "  mxu0: matmul source=0x0 out_columns=4 length=4 columns=4 format=i8 wait=dma0,push0 signal=dma0\n"
    "  dma0: store far=0x40 local_space=accumulators local=0x0 bytes=16 rows=4 pitch=16 wait=mxu0\n"
    "  scalar: halt\n";

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
  for (const char* command : {"chips", "run", "compile", "exec", "disasm", "asm", "gemm", "analyze", "rtl", "rtl-check"}) {
    EXPECT_NE(out_.find(command), std::string::npos) << command;
  }
  for (const char* command : {"chips", "run", "compile", "exec", "disasm", "asm", "gemm", "analyze", "rtl", "rtl-check"}) EXPECT_EQ(run(std::string(command) + " --help"), 0) << command;
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
}  // namespace systole
