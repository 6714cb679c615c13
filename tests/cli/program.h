// The program under test: run as its users run it, in a folder that goes away.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "../frontend/model_builder.h"
#include "base/file.h"
#include "tensor/npy.h"

namespace systole::test {

class Cli : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("systole-cli-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  // "@" stands for the folder. Streams go to files beside it, so that the folder holds only what the program writes.
  int run(std::string arguments) {
    for (std::size_t at = arguments.find('@'); at != std::string::npos; at = arguments.find('@', at)) arguments.replace(at, 1, folder_.string() + "/");
    const std::string out = folder_.string() + ".out", err = folder_.string() + ".err";
    const std::string command = std::string(SYSTOLE_PROGRAM) + " " + arguments + " > " + out + " 2> " + err;
    const int status = std::system(command.c_str());
    out_ = read_text_file(out).value();
    err_ = read_text_file(err).value();
    std::filesystem::remove(out);
    std::filesystem::remove(err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  nlohmann::json json() const { return nlohmann::json::parse(out_); }
  void write(const std::string& name, const std::string& text) { ASSERT_TRUE(write_file(file(name), text).ok()); }
  void write(const std::string& name, const Tensor& tensor) { ASSERT_TRUE(write_npy(file(name), tensor).ok()); }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) names.push_back(entry.path().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  std::filesystem::path folder_;
  std::string out_, err_;
};

// y = max(x w, 0) with x [batch, 8] and w [8, 4] whose entries are w[i][j] = i - j.
inline std::string dense_model() {
  ModelBuilder b;
  std::vector<float> weights;
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 4; ++j) weights.push_back(static_cast<float>(i - j));
  b.input("x", {-1, 8}).output("y").floats("w", {8, 4}, weights);
  b.node("MatMul", {"x", "w"}, {"product"}, "product");
  b.node("Relu", {"product"}, {"y"}, "relu");
  return b.bytes();
}

// y = the rows `ids` of a 5x4 table.
inline std::string lookup_model() {
  ModelBuilder b;
  std::vector<float> table(20);
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<float>(i);
  b.input("ids", {3}, 7).output("y").floats("table", {5, 4}, table);
  b.node("Gather", {"table", "ids"}, {"y"}, "lookup");
  return b.bytes();
}

// y = x in a shape that is an input of the model.
inline std::string reshape_model() {
  ModelBuilder b;
  b.input("x", {2, 6}).input("shape", {2}, 7).output("y/out:0");
  b.node("Reshape", {"x", "shape"}, {"reshaped"}, "reshape");
  b.node("Relu", {"reshaped"}, {"y/out:0"}, "relu");
  return b.bytes();
}

// A product of two 4x4 matrices on systolic-4, by hand.
inline constexpr const char* kProduct =
    "chip \"systolic-4\" format=\"int8\"\n"
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

}  // namespace systole::test
