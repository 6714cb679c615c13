// A session end to end: values against sums written out here, engines against each other, the cache's misses.
#include "runtime/session.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "base/random.h"
#include "runtime/cache.h"

namespace systole::runtime {
namespace {

Chip chip(const std::string& name) { return load_chip(name).value(); }

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("systole-session-" + std::to_string(::getpid()))) { std::filesystem::create_directories(path_); }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

struct Gemm {
  std::int64_t m, k, n;
  std::map<std::string, Tensor> inputs;
  std::vector<std::int32_t> product;
};

// int8 operands and their int32 product by three loops.
Gemm random_gemm(std::uint64_t seed, std::int64_t m, std::int64_t k, std::int64_t n) {
  Random random(seed);
  std::vector<std::int8_t> a(static_cast<std::size_t>(m * k)), b(static_cast<std::size_t>(k * n));
  for (auto* v : {&a, &b}) for (std::int8_t& x : *v) x = static_cast<std::int8_t>(random.integer(-128, 127));
  std::vector<std::int32_t> c(static_cast<std::size_t>(m * n));
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t l = 0; l < k; ++l) c[static_cast<std::size_t>(i * n + j)] += a[static_cast<std::size_t>(i * k + l)] * b[static_cast<std::size_t>(l * n + j)];
    }
  }
  return {m, k, n, {{"a", Tensor::of<std::int8_t>(DType::kI8, {m, k}, a)}, {"b", Tensor::of<std::int8_t>(DType::kI8, {k, n}, b)}}, c};
}

Expected<Session> gemm_session(const Gemm& g, const std::string& name) {
  LoadOptions options;
  options.format = "int8";
  return Session::load_graph(compile::gemm_graph(g.m, g.k, g.n, DType::kI8).value(), chip(name), options);
}

TEST(Session, ProductsAreExactOnEveryInt8Chip) {
  std::uint64_t seed = 1;
  for (const char* name : {"systolic-4", "systolic-8", "systolic-16", "systolic-32", "systolic-128", "systolic-128-plain", "tpu-v1", "tpu-v4", "edge-tpu"}) {
    SCOPED_TRACE(name);
    const Gemm g = random_gemm(seed++, 13, 37, 21);
    const auto session = gemm_session(g, name);
    ASSERT_TRUE(session.ok()) << session.error().text();
    RunOptions options;
    options.check = true;
    options.check_hazards = true;
    const auto result = session->run(g.inputs, options);
    ASSERT_TRUE(result.ok()) << result.error().text();
    EXPECT_TRUE(result->outputs[0].value.same_bits(Tensor::of<std::int32_t>(DType::kI32, {13, 21}, g.product)));
    EXPECT_TRUE(result->checks[0].same_bits);
    EXPECT_EQ(result->checks[0].max_abs_error, 0);
  }
}

// Each format's own limit (docs/numerics.md), and as many bits as its passes keep: bf16x3 lies between bf16 and fp32.
TEST(Session, EachFormatIsJudgedByItsOwnLimit) {
  std::map<std::string, double> error;
  for (const std::string format : {"bf16", "bf16x3", "fp32"}) {
    SCOPED_TRACE(format);
    LoadOptions load;
    load.format = format;
    const auto session = Session::load_graph(compile::gemm_graph(64, 300, 64, DType::kF32).value(), chip("tpu-v4"), load);
    ASSERT_TRUE(session.ok()) << session.error().text();
    Random random(11);
    std::map<std::string, Tensor> inputs;
    for (const auto& [name, shape] : {std::pair{"a", Shape{64, 300}}, std::pair{"b", Shape{300, 64}}}) {
      std::vector<float> values(64 * 300);
      for (float& v : values) v = static_cast<float>(random.real() * 2 - 1);
      inputs.emplace(name, Tensor::of<float>(DType::kF32, shape, values));
    }
    RunOptions options;
    options.check = true;
    const auto result = session->run(inputs, options);
    ASSERT_TRUE(result.ok()) << result.error().text();
    EXPECT_TRUE(result->checks[0].judged && result->checks[0].passed);
    error[format] = result->checks[0].max_rel_error;
  }
  EXPECT_LT(error["fp32"], error["bf16x3"]);
  EXPECT_LT(error["bf16x3"], error["bf16"] / 100);
}

TEST(Session, TheRegisterEngineAgreesInBitsAndCycles) {
  const Gemm g = random_gemm(5, 9, 10, 11);
  const auto session = gemm_session(g, "systolic-4");
  ASSERT_TRUE(session.ok()) << session.error().text();
  RunOptions options;
  options.engine = Engine::kRegister;                       // the session compares the cycle counts
  const auto result = session->run(g.inputs, options);
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_TRUE(result->outputs[0].value.same_bits(Tensor::of<std::int32_t>(DType::kI32, {9, 11}, g.product)));
}

// Products of a 2 x 2 array in Q4.12, by the definition of docs/numerics.md: chunks of two rows, every product and sum
// saturates.
TEST(Session, AProductInQ412IsItsDefinitionOnBothEngines) {
  constexpr std::int64_t kM = 5, kK = 7, kN = 3;
  const auto session =
      Session::load_graph(compile::gemm_graph(kM, kK, kN, DType::kQ4_12).value(), chip("systolic-2-q412"), {});
  ASSERT_TRUE(session.ok()) << session.error().text();
  Random random(31);
  const auto draw = [&](std::int64_t count) {
    std::vector<std::int16_t> words(static_cast<std::size_t>(count));
    for (std::int16_t& word : words)
      word = static_cast<std::int16_t>(random.integer(-14000, 14000));  // to 3.4: some sums pass 8
    return words;
  };
  const std::vector<std::int16_t> a = draw(kM * kK), b = draw(kK * kN);
  const auto bounded = [](std::int64_t x) { return std::min<std::int64_t>(std::max<std::int64_t>(x, -32768), 32767); };
  std::vector<std::int16_t> expected;
  std::int64_t at_an_end = 0;
  for (std::int64_t i = 0; i < kM; ++i) {
    for (std::int64_t j = 0; j < kN; ++j) {
      std::int64_t accumulator = 0;
      for (std::int64_t first = 0; first < kK; first += 2) {
        std::int64_t sum = 0;
        for (std::int64_t k = first; k < std::min(first + 2, kK); ++k) {
          const double exact = static_cast<double>(a[static_cast<std::size_t>(i * kK + k)]) *
                               b[static_cast<std::size_t>(k * kN + j)] / 4096;
          sum = bounded(sum + bounded(static_cast<std::int64_t>(std::floor(exact + 0.5))));
        }
        accumulator = bounded(accumulator + sum);
      }
      expected.push_back(static_cast<std::int16_t>(accumulator));
      at_an_end += accumulator == 32767 || accumulator == -32768;
    }
  }
  EXPECT_GT(at_an_end, 0);
  const std::map<std::string, Tensor> inputs = {{"a", Tensor::of(DType::kQ4_12, {kM, kK}, a)},
                                                {"b", Tensor::of(DType::kQ4_12, {kK, kN}, b)}};
  for (const Engine engine : {Engine::kEvent, Engine::kRegister}) {
    RunOptions options;
    options.engine = engine;
    options.check = true;
    const auto result = session->run(inputs, options);
    ASSERT_TRUE(result.ok()) << result.error().text();
    EXPECT_TRUE(result->outputs[0].value.same_bits(Tensor::of(DType::kQ4_12, {kM, kN}, expected)));
    EXPECT_TRUE(result->checks[0].same_bits);
  }
}

TEST(Session, ANumberOfAnotherFixedPointFormatIsRefused) {
  LoadOptions options;
  options.format = "q8.8";
  const auto format =
      Session::load_graph(compile::gemm_graph(2, 2, 2, DType::kF32).value(), chip("systolic-2-q412"), options);
  ASSERT_FALSE(format.ok());
  EXPECT_NE(format.error().text().find("does not multiply"), std::string::npos) << format.error().text();
  const auto graph =
      Session::load_graph(compile::gemm_graph(2, 2, 2, DType::kQ8_8).value(), chip("systolic-2-q412"), {});
  ASSERT_FALSE(graph.ok());
  EXPECT_NE(graph.error().text().find("chip systolic-2-q412 has no q8.8"), std::string::npos) << graph.error().text();
}

TEST(Session, TracingAndThreadsChangeNothing) {
  const Gemm g = random_gemm(6, 30, 40, 50);
  const auto session = gemm_session(g, "systolic-8");
  RunOptions plain, traced;
  traced.trace = true;
  traced.threads = 4;
  const auto a = session->run(g.inputs, plain), b = session->run(g.inputs, traced);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->timing.cycles, b->timing.cycles);
  EXPECT_TRUE(a->outputs[0].value.same_bits(b->outputs[0].value));
  EXPECT_TRUE(a->trace.events.empty());
  EXPECT_FALSE(b->trace.events.empty());
}

TEST(Session, TimingAloneNeedsNoInputs) {
  const auto session = gemm_session(random_gemm(7, 5, 5, 5), "systolic-4");
  RunOptions options;
  options.timing_only = true;
  const auto result = session->run({}, options);
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_GT(result->timing.cycles, 0);
  EXPECT_TRUE(result->outputs.empty());
}

// Weights are not computed for cycles alone, and once for values.
TEST(Session, TimingAloneReadsNoWeights) {
  constexpr std::int64_t kSize = 300;
  int made = 0;
  const auto weights = Tensor::computed(DType::kF32, {kSize, kSize}, [&made] {
    ++made;
    return Tensor(DType::kF32, {kSize, kSize});
  });
  graph::Graph g;
  const graph::ValueId x = g.add_input({DType::kF32, {2, kSize}}, "x");
  const graph::ValueId w = g.add(graph::OpKind::kConstant, {}, graph::ConstantAttr{weights});
  g.add_output(g.add(graph::OpKind::kDotGeneral, {x, w}, graph::DotAttr{{}, {}, {1}, {1}}), "y");
  LoadOptions load;
  load.format = "bf16";
  const auto session = Session::load_graph(g, chip("tpu-v4"), load);
  ASSERT_TRUE(session.ok()) << session.error().text();
  RunOptions options;
  options.timing_only = true;
  ASSERT_TRUE(session->run({}, options).ok());
  EXPECT_EQ(made, 0);
  options.timing_only = false;
  ASSERT_TRUE(session->run({{"x", Tensor(DType::kF32, {2, kSize})}}, options).ok());
  EXPECT_EQ(made, 1);
}

TEST(Session, ProgramFilesRunOnTheirChipOnly) {
  const Folder folder;
  const Gemm g = random_gemm(8, 6, 7, 8);
  const auto session = gemm_session(g, "systolic-4");
  ASSERT_TRUE(write_file(folder.file("p.systole"), isa::serialize(session->program())).ok());
  const auto loaded = Session::load_program(folder.file("p.systole"), chip("systolic-4"));
  ASSERT_TRUE(loaded.ok()) << loaded.error().text();
  const auto result = loaded->run(g.inputs, {});
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_TRUE(result->outputs[0].value.same_bits(Tensor::of<std::int32_t>(DType::kI32, {6, 8}, g.product)));

  const auto other = Session::load_program(folder.file("p.systole"), chip("systolic-8"));
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.error().text().find("was compiled for another chip ('systolic-4'), not for this 'systolic-8'"), std::string::npos) << other.error().text();
  RunOptions check;
  check.check = true;
  EXPECT_FALSE(loaded->run(g.inputs, check).ok());
}

TEST(Session, TinyTpuNamesTheChipThatWouldDo) {
  const auto session = gemm_session(random_gemm(1, 2, 2, 2), "tinytpu");
  ASSERT_FALSE(session.ok());
  EXPECT_NE(session.error().hint.find("systolic-2-q88"), std::string::npos);
}

TEST(Session, AnUnknownFormatIsAnError) {
  LoadOptions options;
  options.format = "bf16";
  const auto session = Session::load_graph(compile::gemm_graph(2, 2, 2, DType::kI8).value(), chip("tpu-v1"), options);
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, ErrorCode::kUnsupported);
}

TEST(Cache, AnEntryIsReadBackUnlessAnythingIsWrong) {
  const Folder folder;
  const auto session = gemm_session(random_gemm(1, 4, 4, 4), "systolic-4");
  ASSERT_TRUE(session.ok());
  const Chip own = chip("systolic-4");
  EXPECT_FALSE(read_cache(folder.path(), "e.systole", own));
  write_cache(folder.path(), "e.systole", session->program());
  const auto hit = read_cache(folder.path(), "e.systole", own);
  ASSERT_TRUE(hit);
  EXPECT_EQ(isa::serialize(*hit), isa::serialize(session->program()));
  EXPECT_FALSE(read_cache(folder.path(), "e.systole", chip("systolic-8")));

  auto bytes = read_file(folder.file("e.systole")).value();
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(write_file(folder.file("e.systole"), bytes).ok());
  EXPECT_FALSE(read_cache(folder.path(), "e.systole", own));
}

TEST(Cache, TheNameSeesEverythingThatDecidesTheProgram) {
  const ModelHash hash = {1, 2};
  const Chip small = chip("systolic-4");
  const LoadOptions plain;
  std::vector<std::string> names = {cache_name(hash, small, plain), cache_name({1, 3}, small, plain), cache_name(hash, chip("systolic-8"), plain)};
  const auto with = [&](auto change) {
    LoadOptions options;
    change(options);
    names.push_back(cache_name(hash, small, options));
  };
  with([](LoadOptions& o) { o.batch = 2; });
  with([](LoadOptions& o) { o.shapes["x"] = {1, 2}; });
  with([](LoadOptions& o) { o.shapes["x"] = {1, 3}; });
  with([](LoadOptions& o) { o.fixed_inputs["x"] = Tensor::scalar_i32(1); });
  with([](LoadOptions& o) { o.fixed_inputs["x"] = Tensor::scalar_i32(2); });
  with([](LoadOptions& o) { o.compile.format = DType::kI8; });
  with([](LoadOptions& o) { o.compile.bf16x3 = true; });
  with([](LoadOptions& o) { o.compile.fuse = false; });
  with([](LoadOptions& o) { o.compile.double_buffer = false; });
  with([](LoadOptions& o) { o.compile.roll_loops = false; });
  with([](LoadOptions& o) { o.compile.tile_limit = 64; });
  with([](LoadOptions& o) { o.compile.disabled_passes = {"fold"}; });
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
  EXPECT_EQ(cache_name(hash, small, plain), cache_name(hash, small, plain));
}

}  // namespace
}  // namespace systole::runtime
