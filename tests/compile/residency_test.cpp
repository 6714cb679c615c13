// Tensors that live in VMEM from kernel to kernel: what crosses the chip's edge, and that the bits are the same.
#include <gtest/gtest.h>

#include "base/random.h"
#include "compile/compiler.h"
#include "machine/event.h"

namespace systole {
namespace {

using graph::OpKind;
using graph::ValueId;

constexpr std::int64_t kRows = 24, kWidth = 40, kLayers = 4;

Tensor random_matrix(Random& random, const Shape& shape) {
  Tensor t(DType::kF32, shape);
  for (std::int64_t i = 0; i < t.count(); ++i) t.mutable_data<float>()[i] = static_cast<float>(random.real(-1, 1));
  return t;
}

// tanh(x W) four times, each added to what it was made of.
graph::Graph residual_layers(Random& random) {
  graph::Graph graph;
  ValueId x = graph.add_input({DType::kF32, {kRows, kWidth}}, "x");
  graph::DotAttr dot;
  dot.lhs_contract = {1};
  dot.rhs_contract = {0};
  for (int i = 0; i < kLayers; ++i) {
    const ValueId w = graph.constant(random_matrix(random, {kWidth, kWidth}));
    const ValueId y = graph.add_typed(OpKind::kDotGeneral, {x, w}, {DType::kF32, {kRows, kWidth}}, dot);
    x = graph.add(OpKind::kAdd, {x, graph.add(OpKind::kTanh, {y})});
  }
  graph.add_output(x, "y");
  return graph;
}

compile::Compiled compiled(const graph::Graph& graph, const Chip& chip, bool resident) {
  compile::Options options;
  if (!resident) options.disabled_passes = {"residency"};
  auto result = compile::compile(graph, chip, options);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().text());
  return std::move(*result);
}

// One core with room: only inputs, weights and outputs cross, each once.
TEST(Residency, OnlyInputsWeightsAndOutputsCrossTheEdge) {
  Random random(7);
  const graph::Graph graph = residual_layers(random);
  const Chip chip = *load_chip("systolic-32");
  const auto here = compiled(graph, chip, true), away = compiled(graph, chip, false);
  const auto time = machine::simulate_time(here.program, chip), slow = machine::simulate_time(away.program, chip);
  ASSERT_TRUE(time.ok() && slow.ok());
  const std::int64_t matrix = kRows * kWidth * 4, weights = kLayers * kWidth * kWidth * 2;  // weights in bf16
  EXPECT_EQ(time->memory.at("hbm").written_bytes, matrix);
  // The first layer reads its input twice: as the product's operand and in the sum.
  EXPECT_LE(time->memory.at("hbm").read_bytes, 2 * matrix + weights);
  EXPECT_GE(time->memory.at("hbm").read_bytes, matrix + weights);
  EXPECT_GE(slow->memory.at("hbm").written_bytes, kLayers * matrix);
  EXPECT_LT(time->cycles, slow->cycles);
  const std::vector<Tensor> inputs{random_matrix(random, {kRows, kWidth})};
  const auto values = machine::simulate_values(here.program, chip, inputs);
  const auto others = machine::simulate_values(away.program, chip, inputs);
  ASSERT_TRUE(values.ok() && others.ok());
  EXPECT_TRUE((*values)[0].same_bits((*others)[0]));
}

// Whatever VMEM there is, down to where tensors must leave it for the tiles to fit: the same bits, no hazard.
TEST(Residency, LessVmemGivesTheSameBits) {
  Random random(8);
  const graph::Graph graph = residual_layers(random);
  const std::vector<Tensor> inputs{random_matrix(random, {kRows, kWidth})};
  Chip chip = *load_chip("systolic-32");
  std::vector<Tensor> first;
  int written_away = 0;
  for (std::int64_t kib = 64; kib >= 10; kib -= 3) {
    chip.vmem_bytes = kib * 1024;
    const auto result = compiled(graph, chip, true);
    const auto values = machine::simulate_values(result.program, chip, inputs);
    ASSERT_TRUE(values.ok()) << values.error().text();
    if (first.empty()) first = *values;
    EXPECT_TRUE((*values)[0].same_bits(first[0])) << kib << " KiB";
    const Status hazards = machine::check_hazards(result.program, chip);
    EXPECT_TRUE(hazards.ok()) << kib << " KiB: " << hazards.error().text();
    const auto time = machine::simulate_time(result.program, chip);
    ASSERT_TRUE(time.ok());
    written_away += time->memory.at("hbm").written_bytes > kRows * kWidth * 4;
  }
  EXPECT_GT(written_away, 0);
}

}  // namespace
}  // namespace systole
