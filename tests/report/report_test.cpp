// Reports add up, and say what the run said.
#include "report/report.h"

#include <gtest/gtest.h>

#include <set>

#include "report/chip_report.h"

namespace systole::report {
namespace {

std::string digest(const std::string& text) { return sha256_hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); }

// FIPS 180-4's examples, and the lengths around the end of a block against each other.
TEST(Sha256, PublishedVectors) {
  EXPECT_EQ(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(digest(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
TEST(Sha256, LengthsDiffer) {
  std::set<std::string> seen;
  for (std::size_t n = 0; n < 200; ++n) EXPECT_TRUE(seen.insert(digest(std::string(n, '\0'))).second) << n;
}

struct Ran {
  runtime::Session session;
  runtime::RunResult result;
};
Ran run_gemm(const std::string& chip_name) {
  const Chip chip = load_chip(chip_name).value();
  runtime::LoadOptions options;
  auto session = runtime::Session::load_graph(compile::gemm_graph(20, 30, 10, chip.default_format).value(), chip, options);
  EXPECT_TRUE(session.ok()) << session.error().text();
  std::map<std::string, Tensor> inputs;
  for (const isa::Binding& b : session->program().inputs) inputs[b.name] = Tensor(b.type, b.shape);
  runtime::RunOptions run;
  run.trace = true;
  run.check = true;
  auto result = session->run(inputs, run);
  EXPECT_TRUE(result.ok()) << result.error().text();
  return {*session, *result};
}

TEST(RunJson, UnitsAddUpToTheCycles) {
  for (const char* chip : {"systolic-4", "systolic-8", "tpu-v4"}) {
    const Ran ran = run_gemm(chip);
    const auto json = run_json(ran.session, ran.result, "event");
    const auto cycles = json["cycles"].get<std::int64_t>();
    EXPECT_GT(cycles, 0);
    for (const auto& [name, unit] : json["units"].items()) {
      std::int64_t total = unit["busy"].get<std::int64_t>() + unit["idle"].get<std::int64_t>();
      for (const auto& [cause, stall] : unit["stall"].items()) total += stall.get<std::int64_t>();
      EXPECT_EQ(total, cycles) << chip << " " << name;
    }
    EXPECT_EQ(json["macs"].get<std::int64_t>(), 20 * 30 * 10);
    EXPECT_DOUBLE_EQ(json["seconds"].get<double>(), static_cast<double>(cycles) / ran.session.chip().clock.value());
  }
}

TEST(RunJson, HasTheContractsKeys) {
  const Ran ran = run_gemm("systolic-8");
  const auto json = run_json(ran.session, ran.result, "event");
  for (const char* key : {"chip", "engine", "format", "cycles", "seconds", "macs", "mxu_utilization", "units", "bytes", "energy_joules", "layers",
                          "outputs", "host_operators", "program_bytes", "compile_seconds", "simulate_seconds"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  ASSERT_EQ(json["outputs"].size(), 1u);
  for (const char* key : {"name", "shape", "type", "sha256", "max_abs_error", "max_rel_error", "check_passed"}) EXPECT_TRUE(json["outputs"][0].contains(key)) << key;
  // 20 x 10 int32 zeros.
  EXPECT_EQ(json["outputs"][0]["sha256"], digest(std::string(800, '\0')));
  EXPECT_TRUE(json["check_passed"].get<bool>());
  EXPECT_NE(run_table(ran.session, ran.result).find("check passed"), std::string::npos);
}

// A float product on a chip that multiplies integers alone.
TEST(RunJson, ListsWhatRanOnTheHostAndWhy) {
  graph::Graph g;
  const auto x = g.add_input({DType::kF32, {2, 3}}, "x"), w = g.add_input({DType::kF32, {3, 4}}, "w");
  graph::DotAttr dot;
  dot.lhs_contract = {1};
  dot.rhs_contract = {0};
  const auto product = g.add(graph::OpKind::kDotGeneral, {x, w}, dot, "dense");
  g.add_output(g.add(graph::OpKind::kTanh, {product}, {}, "squash"), "y");
  runtime::LoadOptions options;
  options.host_fallback = true;
  const auto session = runtime::Session::load_graph(g, load_chip("systolic-4").value(), options);
  ASSERT_TRUE(session.ok()) << session.error().text();
  runtime::RunOptions timing;
  timing.timing_only = true;
  const auto result = session->run({}, timing);
  ASSERT_TRUE(result.ok()) << result.error().text();
  const auto json = run_json(*session, *result, "event");
  ASSERT_EQ(json["host_operators"].size(), 1u);
  EXPECT_EQ(json["host_operators"][0]["name"], "dense");
  EXPECT_EQ(json["host_operators"][0]["op"], "dot_general");
  EXPECT_NE(json["host_operators"][0]["why"].get<std::string>().find("f32"), std::string::npos) << json["host_operators"];
  EXPECT_GT(json["cycles"].get<std::int64_t>(), 0);   // tanh
  EXPECT_EQ(json["layers"].size(), 1u);
  EXPECT_NE(run_table(*session, *result).find("on the host dense"), std::string::npos);
}

TEST(TraceJson, SlicesOfATrackDoNotOverlapAndStayInTheRun) {
  const Ran ran = run_gemm("systolic-8");
  const auto json = nlohmann::json::parse(trace_json(ran.result.trace, ran.session.program(), ran.session.chip()));
  std::map<int, std::int64_t> last;
  int slices = 0;
  for (const auto& event : json["traceEvents"]) {
    if (event["ph"] != "X") continue;
    ++slices;
    const auto start = event["args"]["start_cycle"].get<std::int64_t>(), end = event["args"]["end_cycle"].get<std::int64_t>();
    EXPECT_GE(start, last[event["tid"].get<int>()]);
    EXPECT_GE(end, start);
    EXPECT_LE(end, ran.result.timing.cycles);
    EXPECT_NEAR(event["ts"].get<double>(), static_cast<double>(start) / ran.session.chip().clock.value() * 1e6, 1e-9);
    last[event["tid"].get<int>()] = end;
  }
  EXPECT_GT(slices, 0);
}

TEST(ChipJson, DerivedFigures) {
  const auto json = chip_json(load_chip("tpu-v1").value());
  EXPECT_NEAR(json["ridge_macs_per_byte"].get<double>(), 1350, 2);   // arXiv 1704.04760, figure 5
  EXPECT_NEAR(json["hbm"]["bytes_per_second"].get<double>(), 34e9, 1);
  EXPECT_TRUE(chip_json(load_chip("systolic-128-plain").value())["ridge_macs_per_byte"].is_null());
}

}  // namespace
}  // namespace systole::report
