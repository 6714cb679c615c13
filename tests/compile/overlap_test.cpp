// What the schedule must achieve and must not depend on.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "compile/compiler.h"
#include "machine/event.h"
#include "numeric/functions.h"

namespace systole {
namespace {

using graph::OpKind;

Chip chip_named(const std::string& name) {
  auto chip = load_chip(name);
  EXPECT_TRUE(chip.ok());
  return *chip;
}

graph::Graph pointwise(std::int64_t elements) {
  graph::Graph graph;
  const auto x = graph.add_input({DType::kF32, {elements}}, "x");
  graph.add_output(graph.add(OpKind::kTanh, {x}), "y");
  return graph;
}

struct Timed {
  machine::TimingReport time;
  machine::Trace trace;
};

Timed time_of(const graph::Graph& graph, const Chip& chip, const compile::Options& options) {
  Timed out;
  const auto compiled = compile::compile(graph, chip, options);
  EXPECT_TRUE(compiled.ok()) << (compiled.ok() ? "" : compiled.error().text());
  auto time = machine::simulate_time(compiled->program, chip, &out.trace);
  EXPECT_TRUE(time.ok());
  out.time = *time;
  return out;
}

std::int64_t busy_of(const Timed& run, const std::string& suffix) {
  std::int64_t busy = 0;
  for (const auto& unit : run.time.units)
    if (unit.name.ends_with(suffix)) busy += unit.busy;
  return busy;
}

// Cycles in which both kinds of unit are busy.
std::int64_t overlap(const machine::Trace& trace, const std::string& a, const std::string& b) {
  std::vector<std::pair<std::int64_t, std::int64_t>> first, second;
  for (const auto& event : trace.events) {
    const std::string& unit = trace.units[static_cast<std::size_t>(event.unit)];
    if (unit.find(a) != std::string::npos) first.push_back({event.start, event.end});
    if (unit.find(b) != std::string::npos) second.push_back({event.start, event.end});
  }
  std::int64_t cycles = 0;
  for (const auto& x : first)
    for (const auto& y : second)
      cycles += std::max<std::int64_t>(0, std::min(x.second, y.second) - std::max(x.first, y.first));
  return cycles;
}

// HBM -> VMEM -> vector unit -> HBM: memory and vector time are closed formulas; buffered twice the run takes about the
// larger, buffered once their sum.
TEST(Overlap, PointwiseHidesTheSmallerOfMemoryAndCompute) {
  const Chip chip = chip_named("systolic-128");
  const std::int64_t elements = 4 << 20;
  const std::int64_t memory = 2 * 4 * elements * chip.hbm.bandwidth.cycles / chip.hbm.bandwidth.bytes;
  const std::int64_t length =
      static_cast<std::int64_t>(function_program(VectorFunction::kTanh).program.size()) + 2;  // load, store
  const std::int64_t compute = elements / (chip.vpu.lanes * chip.vpu.sublanes) * length;
  compile::Options options;
  const Timed twice = time_of(pointwise(elements), chip, options);
  EXPECT_GE(twice.time.cycles, std::max(memory, compute));
  EXPECT_LE(static_cast<double>(twice.time.cycles), 1.1 * static_cast<double>(std::max(memory, compute)));
  EXPECT_GE(static_cast<double>(overlap(twice.trace, "vpu", "dma0")),
            0.9 * static_cast<double>(busy_of(twice, "dma0")));
  options.double_buffer = false;
  const Timed once = time_of(pointwise(elements), chip, options);
  EXPECT_GE(static_cast<double>(once.time.cycles), 0.95 * static_cast<double>(memory + compute));
  EXPECT_GE(memory + compute, twice.time.cycles);
}

// A fixed program, one requester: more bandwidth is never slower, less latency neither.
TEST(Overlap, MoreBandwidthIsNeverSlower) {
  Random random(11);
  for (int i = 0; i < 30; ++i) {
    Chip chip = chip_named("systolic-8");
    chip.dma_engines = 1;
    chip.hbm.bandwidth = {random.integer(1, 20), random.integer(1, 4)};
    const auto graph =
        compile::gemm_graph(random.integer(1, 60), random.integer(1, 60), random.integer(1, 60), DType::kI8);
    compile::Options options;
    options.format = DType::kI8;
    const auto compiled = compile::compile(*graph, chip, options);
    ASSERT_TRUE(compiled.ok()) << compiled.error().text();
    std::int64_t before = -1;
    for (std::int64_t factor = 1; factor <= 6; ++factor) {
      Chip faster = chip;
      faster.hbm.bandwidth.bytes *= factor;
      isa::Program program = compiled->program;
      program.fingerprint = faster.fingerprint();
      const auto time = machine::simulate_time(program, faster);
      ASSERT_TRUE(time.ok()) << time.error().text();
      if (before >= 0) {
        EXPECT_LE(time->cycles, before) << "bandwidth x" << factor;
      }
      before = time->cycles;
    }
  }
}

// The machine skips nothing for zeros.
TEST(Overlap, ZerosInWeightsChangeNoCycle) {
  const Chip chip = chip_named("systolic-16");
  std::int64_t cycles[3];
  for (int variant = 0; variant < 3; ++variant) {
    Random random(5);
    graph::Graph graph;
    const auto x = graph.add_input({DType::kF32, {20, 50}}, "x");
    Tensor w(DType::kF32, {50, 30});
    for (std::int64_t i = 0; i < w.count(); ++i) {
      const double value = random.real(-1, 1);
      w.mutable_data<float>()[i] = variant == 2 ? 0.0f : variant == 1 && i % 2 == 0 ? 0.0f : static_cast<float>(value);
    }
    graph::DotAttr dot;
    dot.lhs_contract = {1};
    dot.rhs_contract = {0};
    graph.add_output(graph.add_typed(OpKind::kDotGeneral, {x, graph.constant(w)}, {DType::kF32, {20, 30}}, dot), "y");
    cycles[variant] = time_of(graph, chip, {}).time.cycles;
  }
  EXPECT_EQ(cycles[0], cycles[1]);
  EXPECT_EQ(cycles[0], cycles[2]);
}

}  // namespace
}  // namespace systole
