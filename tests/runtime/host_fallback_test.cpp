// Models that a chip can do only in part. systolic-4 multiplies int8 alone and has a vector unit, so of a float model the products go to
// the host; a core without a vector unit keeps the int8 products and gives the rest away.
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "runtime/parts.h"
#include "runtime/session.h"

namespace systole::runtime {
namespace {

using graph::Graph;
using graph::OpKind;
using graph::ValueId;

constexpr std::int64_t kRows = 3, kColumns = 5;

graph::DotAttr plain_product() {
  graph::DotAttr dot;
  dot.lhs_contract = {1};
  dot.rhs_contract = {0};
  return dot;
}

// A chain of float operators on x [3, 5], each a node of its own: 'd' a product with a weight matrix, 't' tanh, 'a' x + x.
Graph chain(const std::string& letters, Random& random) {
  Graph g;
  ValueId x = g.add_input({DType::kF32, {kRows, kColumns}}, "x");
  int number = 0;
  for (const char letter : letters) {
    const std::string node = letter + std::to_string(number++);
    if (letter == 'd') {
      std::vector<float> weights(kColumns * kColumns);
      for (float& w : weights) w = static_cast<float>(random.real() - 0.5);
      x = g.add_typed(OpKind::kDotGeneral, {x, g.constant(Tensor::of<float>(DType::kF32, {kColumns, kColumns}, weights))},
                      {DType::kF32, {kRows, kColumns}}, plain_product(), node);
    } else {
      x = letter == 't' ? g.add(OpKind::kTanh, {x}, {}, node) : g.add(OpKind::kAdd, {x, x}, {}, node);
    }
  }
  g.add_output(x, "y");
  return g;
}

std::map<std::string, Tensor> input_of(Random& random) {
  std::vector<float> values(kRows * kColumns);
  for (float& v : values) v = static_cast<float>(random.real() * 2 - 1);
  return {{"x", Tensor::of<float>(DType::kF32, {kRows, kColumns}, values)}};
}

Expected<Session> load(const Graph& graph, const Chip& chip, bool host_fallback) {
  LoadOptions options;
  options.host_fallback = host_fallback;
  return Session::load_graph(graph, chip, options);
}

TEST(HostFallback, TheModelIsCutWhereTheSideChanges) {
  Random random(1);
  struct Case { std::string letters; std::vector<bool> on_host; };
  for (const Case& c : {Case{"tt", {false}}, Case{"dt", {true, false}}, Case{"td", {false, true}}, Case{"tdt", {false, true, false}},
                        Case{"ddtdd", {true, false, true}}, Case{"dd", {true}}, Case{"tdtdt", {false, true, false, true, false}}}) {
    SCOPED_TRACE(c.letters);
    std::vector<std::string> nodes;
    for (std::size_t i = 0; i < c.letters.size(); ++i) {
      if (c.letters[i] == 'd') nodes.push_back("d" + std::to_string(i));
    }
    const Parts parts = cut(chain(c.letters, random), nodes);
    std::vector<bool> on_host;
    for (const Part& part : parts.parts) on_host.push_back(part.on_host);
    EXPECT_EQ(on_host, c.on_host);
    for (const Part& part : parts.parts) EXPECT_TRUE(graph::verify(part.graph).ok());
  }
}

TEST(HostFallback, WhatTheChipCannotDoIsAnErrorUntilTheHostIsAsked) {
  Random random(2);
  const auto session = load(chain("tdt", random), load_chip("systolic-4").value(), false);
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(session.error().place.find("d1"), std::string::npos) << session.error().text();
  EXPECT_NE(session.error().hint.find("--host-fallback"), std::string::npos) << session.error().text();
}

TEST(HostFallback, GivesTheModelsValuesAndSaysWhatRanWhere) {
  Random random(3);
  for (const std::string letters : {"dt", "td", "tdt", "ddtdd", "dd", "atdatda"}) {
    SCOPED_TRACE(letters);
    const Graph graph = chain(letters, random);
    const auto session = load(graph, load_chip("systolic-4").value(), true);
    ASSERT_TRUE(session.ok()) << session.error().text();
    std::vector<std::string> products;
    for (std::size_t i = 0; i < letters.size(); ++i) {
      if (letters[i] == 'd') products.push_back("d" + std::to_string(i));
    }
    EXPECT_EQ(session->program().host_operators, products);
    const auto inputs = input_of(random);
    RunOptions options;
    options.check = options.check_hazards = options.trace = true;
    const auto result = session->run(inputs, options);
    ASSERT_TRUE(result.ok()) << result.error().text();
    EXPECT_TRUE(result->check_passed());
    const auto reference = graph::interpret_double(graph, {inputs.at("x")});
    ASSERT_TRUE(reference.ok());
    EXPECT_LT(compare(result->outputs[0].value, reference->at(0)).relative(), 1e-6);
    // Cycles and layers are the chip's, and every unit's account still adds up.
    const bool all_on_host = letters == "dd";
    EXPECT_EQ(result->timing.cycles == 0, all_on_host);
    EXPECT_EQ(result->timing.layers.size(), session->program().layers.size());
    for (const auto& unit : result->timing.units) {
      std::int64_t sum = unit.busy + unit.idle;
      for (const auto& [cause, cycles] : unit.stall) sum += cycles;
      EXPECT_EQ(sum, result->timing.cycles) << unit.name;
    }
    for (const auto& event : result->trace.events) {
      EXPECT_LE(event.end, result->timing.cycles);
      EXPECT_LT(event.layer, session->program().layers.size());
    }
    RunOptions timing;
    timing.timing_only = true;
    EXPECT_EQ(session->run({}, timing)->timing.cycles, result->timing.cycles);
  }
}

TEST(HostFallback, TheCyclesAreThoseOfThePartsAlone) {
  Random random(4);
  const Chip chip = load_chip("systolic-4").value();
  const auto whole = load(chain("tdt", random), chip, true), part = load(chain("t", random), chip, false);
  ASSERT_TRUE(whole.ok() && part.ok());
  RunOptions timing;
  timing.timing_only = true;
  EXPECT_EQ(whole->run({}, timing)->timing.cycles, 2 * part->run({}, timing)->timing.cycles);
}

// Two inputs, a result used on both sides, two outputs of which one is made on the host.
TEST(HostFallback, ValuesCrossInBothDirections) {
  Graph g;
  const ValueId a = g.add_input({DType::kI8, {4, 6}}, "a"), b = g.add_input({DType::kI8, {6, 2}}, "b");
  const ValueId product = g.add_typed(OpKind::kDotGeneral, {a, b}, {DType::kI32, {4, 2}}, plain_product(), "product");
  const ValueId twice = g.add(OpKind::kAdd, {product, product}, {}, "twice");
  g.add_output(g.add(OpKind::kMaximum, {twice, product}, {}, "larger"), "larger");
  g.add_output(product, "product");
  Chip chip = load_chip("systolic-4").value();
  chip.vpu.present = false;
  const auto session = load(g, chip, true);
  ASSERT_TRUE(session.ok()) << session.error().text();
  EXPECT_EQ(session->program().host_operators.size(), 2u);
  Random random(5);
  std::vector<std::int8_t> x(24), y(12);
  for (auto* v : {&x, &y}) for (std::int8_t& e : *v) e = static_cast<std::int8_t>(random.integer(-128, 127));
  RunOptions options;
  options.check = true;
  const auto result = session->run({{"a", Tensor::of<std::int8_t>(DType::kI8, {4, 6}, x)}, {"b", Tensor::of<std::int8_t>(DType::kI8, {6, 2}, y)}}, options);
  ASSERT_TRUE(result.ok()) << result.error().text();
  std::vector<std::int32_t> sums(8), larger(8);
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 2; ++j) {
      for (std::size_t k = 0; k < 6; ++k) sums[i * 2 + j] += x[i * 6 + k] * y[k * 2 + j];
      larger[i * 2 + j] = std::max(sums[i * 2 + j], 2 * sums[i * 2 + j]);
    }
  }
  EXPECT_EQ(result->outputs[0].name, "larger");
  EXPECT_TRUE(result->outputs[0].value.same_bits(Tensor::of<std::int32_t>(DType::kI32, {4, 2}, larger)));
  EXPECT_TRUE(result->outputs[1].value.same_bits(Tensor::of<std::int32_t>(DType::kI32, {4, 2}, sums)));
  EXPECT_TRUE(result->check_passed());
}

}  // namespace
}  // namespace systole::runtime
