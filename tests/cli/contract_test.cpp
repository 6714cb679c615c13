// The keys that DESIGN's command line contract promises, the program cache, and what a run writes.
#include "program.h"

namespace systole::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

void expect_keys(const json& object, const std::vector<const char*>& keys) {
  for (const char* key : keys) EXPECT_TRUE(object.contains(key)) << key;
}

// What run, exec and gemm promise; every unit's cycles add up.
void expect_run(const json& run) {
  expect_keys(run, {"chip", "engine", "format", "cycles", "seconds", "macs", "mxu_utilization", "units", "bytes", "energy_joules", "layers", "outputs",
                    "host_operators", "program_bytes", "compile_seconds", "simulate_seconds"});
  EXPECT_FALSE(run["units"].empty());
  for (const auto& [name, unit] : run["units"].items()) {
    std::int64_t total = unit["busy"].get<std::int64_t>() + unit["idle"].get<std::int64_t>();
    for (const auto& [cause, cycles] : unit["stall"].items()) total += cycles.get<std::int64_t>();
    EXPECT_EQ(total, run["cycles"].get<std::int64_t>()) << name;
  }
  for (const auto& [name, memory] : run["bytes"].items()) expect_keys(memory, {"read", "written"});
  for (const auto& layer : run["layers"]) expect_keys(layer, {"name", "kind", "cycles", "seconds", "macs", "mxu_utilization", "units", "bytes", "energy_joules"});
  EXPECT_FALSE(run["outputs"].empty());
  for (const auto& output : run["outputs"]) expect_keys(output, {"name", "shape", "type", "sha256"});
}

class Contract : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    write("dense.onnx", dense_model());
  }
};

TEST_F(Contract, RunHasItsKeys) {
  ASSERT_EQ(run("run @dense.onnx --chip systolic-128 --batch 3 --no-cache --check --json"), 0) << err_;
  expect_run(json());
  EXPECT_EQ(json()["macs"], 3 * 8 * 4);
  EXPECT_EQ(json()["outputs"][0]["shape"], (std::vector<int>{3, 4}));
  expect_keys(json()["outputs"][0], {"max_abs_error", "max_rel_error", "check_passed"});
}

TEST_F(Contract, AFixedPointChipRunsAModelInItsFormat) {
  for (const char* engine : {"event", "register"}) {
    ASSERT_EQ(
        run(std::string(
                "run @dense.onnx --chip systolic-2-q412 --format q4.12 --batch 3 --no-cache --check --json --engine ") +
            engine),
        0)
        << err_;
    EXPECT_EQ(json()["format"], "q4.12");
    EXPECT_TRUE(json()["outputs"][0]["same_bits"].get<bool>());
  }
}

TEST_F(Contract, TimingOnlyHasTheSameKeysAndNoDigest) {
  ASSERT_EQ(run("run @dense.onnx --chip systolic-128 --batch 3 --no-cache --json"), 0) << err_;
  const auto full = json();
  ASSERT_EQ(run("run @dense.onnx --chip systolic-128 --batch 3 --no-cache --timing-only --json"), 0) << err_;
  expect_run(json());
  EXPECT_TRUE(json()["outputs"][0]["sha256"].is_null());
  EXPECT_EQ(json()["cycles"], full["cycles"]);
  EXPECT_EQ(json()["bytes"], full["bytes"]);
}

TEST_F(Contract, GemmAndExecHaveTheirKeys) {
  ASSERT_EQ(run("gemm 5 6 7 --chip systolic-4 --json"), 0) << err_;
  expect_run(json());
  write("p.s", kProduct);
  ASSERT_EQ(run("asm @p.s -o @p.systole --json"), 0) << err_;
  ASSERT_EQ(run("exec @p.systole --json"), 0) << err_;
  expect_run(json());
}

TEST_F(Contract, ChipsHasItsKeys) {
  ASSERT_EQ(run("chips --json"), 0);
  const auto all = json();
  for (const auto& chip : all["chips"]) {
    ASSERT_EQ(run("chips " + chip["name"].get<std::string>() + " --json"), 0);
    expect_keys(json(), {"chip", "clock_hz", "cores", "formats", "peak_macs_per_second", "sources"});
    ASSERT_EQ(run("chips --json"), 0);
  }
}

TEST_F(Contract, AnalyzeHasItsKeysAndCounts) {
  ASSERT_EQ(run("analyze @dense.onnx --shape x=3x8 --json"), 0) << err_;
  const std::vector<const char*> keys = {"parameters", "macs", "flops", "activation_bytes", "weight_bytes", "intensity", "bound", "bound_seconds"};
  ASSERT_EQ(json()["layers"].size(), 2u);
  const auto report = json();
  for (const auto& layer : report["layers"]) expect_keys(layer, keys);
  expect_keys(json()["total"], keys);
  EXPECT_EQ(json()["total"]["parameters"], 32);
  EXPECT_EQ(json()["total"]["macs"], 3 * 8 * 4);
  EXPECT_EQ(json()["total"]["flops"], 2 * 3 * 8 * 4 + 3 * 4);
  EXPECT_TRUE(json()["total"]["bound"].is_null());
  ASSERT_EQ(run("analyze @dense.onnx --shape x=3x8 --chip tpu-v4 --json"), 0) << err_;
  EXPECT_EQ(json()["total"]["bound"], "memory");
  EXPECT_GT(json()["total"]["bound_seconds"].get<double>(), 0);
}

TEST_F(Contract, CompiledProgramsGiveTheRunsOutputs) {
  write("x.npy", Tensor::of<float>(DType::kF32, {1, 8}, {1, 2, 3, 4, 5, 6, 7, 8}));
  ASSERT_EQ(run("run @dense.onnx --chip tpu-v4 --input x=@x.npy --no-cache --json"), 0) << err_;
  const auto direct = json();
  ASSERT_EQ(run("compile @dense.onnx --chip tpu-v4 --batch 1 --no-cache -o @p.systole --json"), 0) << err_;
  expect_keys(json(), {"chip", "format", "file", "program_bytes", "compile_seconds"});
  ASSERT_EQ(run("exec @p.systole --input x=@x.npy --json"), 0) << err_;
  EXPECT_EQ(json()["cycles"], direct["cycles"]);
  EXPECT_EQ(json()["format"], direct["format"]);
  EXPECT_EQ(json()["outputs"][0]["sha256"], direct["outputs"][0]["sha256"]);
}

TEST_F(Contract, OutputsAreWhatTheModelMeans) {
  write("x.npy", Tensor::of<float>(DType::kF32, {1, 8}, {1, 1, 1, 1, 1, 1, 1, 1}));
  ASSERT_EQ(run("run @dense.onnx --chip systolic-128 --input x=@x.npy --output @out/new --no-cache"), 0) << err_;
  const auto y = read_npy(file("out/new/y.npy"));
  ASSERT_TRUE(y.ok()) << y.error().text();
  // Sums of i - j for i = 0..7: 28 - 8 j, exact in bf16.
  EXPECT_TRUE(y->same_bits(Tensor::of<float>(DType::kF32, {1, 4}, {28, 20, 12, 4})));
}

TEST_F(Contract, ASecondShapeMissesTheCacheAndTheFirstHitsAgain) {
  std::vector<bool> hits;
  std::vector<std::string> digests;
  for (const char* shape : {"2x8", "5x8", "2x8"}) {
    ASSERT_EQ(run(std::string("run @dense.onnx --chip systolic-128 --cache @cache --check --json --shape x=") + shape), 0) << err_;
    hits.push_back(json()["cache_hit"]);
    digests.push_back(json()["outputs"][0]["sha256"]);
  }
  EXPECT_EQ(hits, (std::vector<bool>{false, false, true}));
  EXPECT_EQ(digests[0], digests[2]);
  ASSERT_EQ(run("run @dense.onnx --chip tpu-v4 --cache @cache --json --shape x=2x8"), 0) << err_;
  EXPECT_FALSE(json()["cache_hit"].get<bool>());
  ASSERT_EQ(run("run @dense.onnx --chip tpu-v4 --format int8 --cache @cache --json --shape x=2x8"), 2);   // floats do not become int8
  ASSERT_EQ(run("run @dense.onnx --chip systolic-128 --no-cache --cache @cache --json --shape x=2x8"), 0) << err_;
  EXPECT_FALSE(json()["cache_hit"].get<bool>());
}

TEST_F(Contract, ADamagedCacheEntryIsAMiss) {
  ASSERT_EQ(run("run @dense.onnx --chip systolic-128 --cache @cache --json --batch 2"), 0) << err_;
  const std::string digest = json()["outputs"][0]["sha256"];
  for (const auto& entry : fs::directory_iterator(file("cache"))) {
    auto bytes = read_file(entry.path().string()).value();
    bytes.resize(bytes.size() / 2);
    ASSERT_TRUE(write_file(entry.path().string(), bytes).ok());
  }
  for (const bool hit : {false, true}) {
    ASSERT_EQ(run("run @dense.onnx --chip systolic-128 --cache @cache --json --batch 2"), 0) << err_;
    EXPECT_EQ(json()["cache_hit"], hit);
    EXPECT_EQ(json()["outputs"][0]["sha256"], digest);
  }
}

TEST_F(Contract, RandomInputsAreSaidAndFollowTheSeed) {
  const std::string command = "run @dense.onnx --chip systolic-128 --no-cache --json --batch 2 --seed ";
  std::vector<std::string> digests;
  for (const char* seed : {"1", "1", "2"}) {
    ASSERT_EQ(run(command + seed), 0);
    EXPECT_NE(err_.find("input 'x' is not given: random values from seed"), std::string::npos) << err_;
    EXPECT_EQ(json()["notes"].size(), 1u);
    digests.push_back(json()["outputs"][0]["sha256"]);
  }
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_NE(digests[0], digests[2]);
  ASSERT_EQ(run(command + "1 --quiet"), 0);
  EXPECT_EQ(err_, "");
}

TEST_F(Contract, AnInputCanBeAShapeAndNamesBecomeFileNames) {
  write("reshape.onnx", reshape_model());
  write("x.npy", Tensor::of<float>(DType::kF32, {2, 6}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  write("shape.npy", Tensor::of<std::int64_t>(DType::kI64, {2}, {3, 4}));
  ASSERT_EQ(run("run @reshape.onnx --chip systolic-8 --input x=@x.npy --input shape=@shape.npy --output @out --no-cache --json"), 0) << err_;
  EXPECT_EQ(json()["outputs"][0]["shape"], (std::vector<int>{3, 4}));
  EXPECT_TRUE(fs::exists(file("out/y_out_0.npy")));
}

TEST_F(Contract, IntegersAreConvertedIfTheyFit) {
  write("lookup.onnx", lookup_model());
  write("ids.npy", Tensor::of<std::int64_t>(DType::kI64, {3}, {4, 0, 2}));
  ASSERT_EQ(run("run @lookup.onnx --chip systolic-8 --input ids=@ids.npy --output @out --no-cache"), 0) << err_;
  const auto y = read_npy(file("out/y.npy"));
  ASSERT_TRUE(y.ok()) << y.error().text();
  EXPECT_TRUE(y->same_bits(Tensor::of<float>(DType::kF32, {3, 4}, {16, 17, 18, 19, 0, 1, 2, 3, 8, 9, 10, 11})));
}

TEST_F(Contract, ATraceHasAProcessPerCore) {
  ASSERT_EQ(run("gemm 256 64 256 --chip tpu-v4 --timing-only --trace @t.json --json"), 0) << err_;
  const auto trace = json::parse(read_text_file(file("t.json")).value());
  std::set<int> processes;
  for (const auto& event : trace["traceEvents"]) processes.insert(event["pid"].get<int>());
  EXPECT_EQ(processes, (std::set<int>{0, 1}));
}

TEST_F(Contract, DumpAfterGoesToStandardError) {
  ASSERT_EQ(run("run @dense.onnx --chip systolic-128 --batch 2 --timing-only --json --dump-after kernels"), 0) << err_;
  EXPECT_FALSE(err_.empty());
  EXPECT_TRUE(json().contains("cycles"));
  ASSERT_EQ(run("run @dense.onnx --chip systolic-128 --batch 2 --timing-only --json --dump-after no-such-pass"), 2);
  EXPECT_NE(err_.find("kernels"), std::string::npos) << err_;
}

TEST_F(Contract, RtlIsWrittenForChipsThatItCanDo) {
  ASSERT_EQ(run("rtl --chip systolic-4 -o @hardware --json"), 0) << err_;
  EXPECT_TRUE(fs::exists(file("hardware/files.f")));
}

TEST_F(Contract, VersionAndHelp) {
  EXPECT_EQ(run("--version"), 0);
  EXPECT_EQ(out_.rfind("systole ", 0), 0u) << out_;
  for (const char* command : {"chips", "run", "compile", "exec", "disasm", "asm", "gemm", "analyze", "rtl", "rtl-check", "tinytpu"}) {
    EXPECT_EQ(run(std::string(command) + " --help"), 0);
    EXPECT_NE(out_.find("systole " + std::string(command)), std::string::npos) << command;
    EXPECT_NE(out_.find("Example"), std::string::npos) << command;
    for (const char* option : {"--json", "--seed", "--threads", "--quiet"}) EXPECT_NE(out_.find(option), std::string::npos) << command << " " << option;
  }
}

}  // namespace
}  // namespace systole::test
