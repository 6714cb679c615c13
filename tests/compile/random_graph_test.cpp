// Random small graphs on random small chips: the compiled program gives the bits of the chip-arithmetic interpreter,
// under every tiling, thread count, fusion, memory and loop option, without a hazard.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/random.h"
#include "compile/compiler.h"
#include "machine/event.h"
#include "random_graph.h"

namespace systole {
namespace {

using graph::Graph;
using graph::OpKind;
using graph::ValueId;
using test::random_tensor;

// The first operator of the lowered graph whose value, as the only output, comes out wrong: for the failure message.
std::string first_wrong(const Graph& lowered, const Chip& chip, compile::Options options,
                        const std::vector<Tensor>& inputs) {
  std::string dump;
  options.after = [&](const std::string& pass, const std::string& text) {
    if (pass == "kernels") dump = text;
  };
  for (const graph::Op& op : lowered.ops) {
    Graph part = lowered;
    part.outputs.clear();
    part.output_names.clear();
    part.add_output(op.result, "part");
    part.remove_dead_ops();
    const auto compiled = compile::compile(part, chip, options);
    if (!compiled.ok()) continue;
    const auto expected = graph::interpret_chip(compiled->lowered, inputs, compile::arithmetic_of(chip));
    const auto values = machine::simulate_values(compiled->program, chip, inputs);
    if (!expected.ok() || !values.ok() || (*values)[0].same_bits((*expected)[0])) continue;
    std::string text = "tile limit " + std::to_string(options.tile_limit) + "\n" + dump +
                       graph::print_text(compiled->lowered) + isa::disassemble(compiled->program);
    for (std::int64_t i = 0; i < (*values)[0].count(); ++i)
      if ((*values)[0].type() == DType::kF32 &&
          (*values)[0].data<std::int32_t>()[i] != (*expected)[0].data<std::int32_t>()[i])
        text += std::to_string(i) + ": " + std::to_string((*values)[0].data<float>()[i]) + " for " +
                std::to_string((*expected)[0].data<float>()[i]) + "\n";
    return text;
  }
  return "none alone";
}

void check_one(std::uint64_t seed) {
  Random random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  const Chip chip = test::small_chip(random);
  const Graph source = test::random_graph(random, static_cast<int>(random.integer(1, 12)));
  ASSERT_TRUE(graph::verify(source).ok());
  std::vector<Tensor> inputs;
  for (const ValueId v : source.inputs)
    inputs.push_back(random_tensor(random, DType::kF32, source.type(v).shape));
  compile::Options options;
  options.format = random.chance(0.3) ? DType::kF32 : DType::kBF16;
  for (const DType other : {chip.fixed_format(), DType::kF16})
    if (chip.multiplies(other) && random.chance(0.6)) options.format = other;
  options.bf16x3 = random.chance(0.3);
  std::string dumps;
  options.after = [&](const std::string& pass, const std::string& text) {
    if (pass == "kernels") dumps = text;
  };
  for (int variant = 0; variant < 5; ++variant) {
    options.disabled_passes.clear();
    if (variant == 4) options.disabled_passes = {random.chance(0.5) ? "residency" : "prefetch"};
    options.fuse = variant != 1;
    options.double_buffer = variant != 2;
    options.roll_loops = variant != 0;
    options.tile_limit = variant == 3 ? random.integer(1, 200) : 0;
    SCOPED_TRACE("variant " + std::to_string(variant));
    const auto compiled = compile::compile(source, chip, options);
    if (!compiled.ok() && compiled.error().code == ErrorCode::kUnsupported &&
        compiled.error().message.find("VMEM") != std::string::npos)
      return;
    ASSERT_TRUE(compiled.ok()) << compiled.error().text() << "\n" << graph::print_text(source);
    const auto expected = graph::interpret_chip(compiled->lowered, inputs, compile::arithmetic_of(chip));
    ASSERT_TRUE(expected.ok()) << expected.error().text();
    const auto values = machine::simulate_values(compiled->program, chip, inputs, variant == 3 ? 2 : 1);
    ASSERT_TRUE(values.ok()) << values.error().text() << "\n" << dumps << graph::print_text(compiled->lowered);
    for (std::size_t i = 0; i < expected->size(); ++i)
      ASSERT_TRUE((*values)[i].same_bits((*expected)[i])) << "output " << i << "\n"
                                                          << first_wrong(compiled->lowered, chip, options, inputs);
    const auto time = machine::simulate_time(compiled->program, chip);
    ASSERT_TRUE(time.ok()) << time.error().text();
    for (const auto& unit : time->units) {
      std::int64_t total = unit.busy + unit.idle;
      for (const auto& [cause, cycles] : unit.stall) total += cycles;
      EXPECT_EQ(total, time->cycles) << unit.name;
    }
    machine::Trace trace;
    const auto traced = machine::simulate_time(compiled->program, chip, &trace);
    ASSERT_TRUE(traced.ok());
    EXPECT_EQ(traced->cycles, time->cycles);
    const auto text = isa::assemble(isa::disassemble(compiled->program), "text");
    ASSERT_TRUE(text.ok()) << text.error().text();
    EXPECT_EQ(isa::serialize(*text), isa::serialize(compiled->program));
    const Status hazards = machine::check_hazards(compiled->program, chip);
    ASSERT_TRUE(hazards.ok()) << hazards.error().text() << "\n" << dumps << isa::disassemble(compiled->program);
  }
}

// A chain of values with two users each: nothing recurses as deep as the model is long.
TEST(Compile, LongChainsCompile) {
  Graph graph;
  ValueId x = graph.add_input({DType::kF32, {4}}, "x");
  for (int i = 0; i < 20000; ++i) x = graph.add(OpKind::kAdd, {x, graph.add(OpKind::kAbs, {x})});
  graph.add_output(x, "y");
  const auto chip = load_chip("systolic-8");
  ASSERT_TRUE(chip.ok());
  compile::Options options;
  const auto compiled = compile::compile(graph, *chip, options);
  ASSERT_TRUE(compiled.ok()) << compiled.error().text();
  EXPECT_TRUE(machine::simulate_time(compiled->program, *chip).ok());
}

// A strided box with more rows than a transfer's field holds, a prime number of them.
TEST(Compile, ManyRowsAreSeveralTransfers) {
  Graph graph;
  const std::int64_t rows = 131071;
  const ValueId x = graph.add_input({DType::kF32, {rows, 3}}, "x");
  const ValueId part = graph.add(OpKind::kSlice, {x}, graph::SliceAttr{{0, 1}, {rows, 2}, {1, 1}});
  graph.add_output(graph.add(OpKind::kNegate, {part}), "y");
  auto chip = load_chip("systolic-128");
  ASSERT_TRUE(chip.ok());
  const auto compiled = compile::compile(graph, *chip, {});
  ASSERT_TRUE(compiled.ok()) << compiled.error().text();
  Random random(3);
  const std::vector<Tensor> inputs{random_tensor(random, DType::kF32, {rows, 3})};
  const auto values = machine::simulate_values(compiled->program, *chip, inputs);
  ASSERT_TRUE(values.ok()) << values.error().text();
  for (std::int64_t i = 0; i < rows; ++i) ASSERT_EQ((*values)[0].data<float>()[i], -inputs[0].data<float>()[3 * i + 1]);
}

TEST(Compile, RandomGraphsGiveTheInterpretersBits) {
  const char* from = std::getenv("SYSTOLE_SEED");
  const std::uint64_t start = from == nullptr ? 1 : std::strtoull(from, nullptr, 10);
  const char* many = std::getenv("SYSTOLE_COUNT");
  const std::uint64_t count = many != nullptr ? std::strtoull(many, nullptr, 10) : from == nullptr ? 300 : 1;
  for (std::uint64_t seed = start; seed < start + count; ++seed) {
    check_one(seed);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace systole
