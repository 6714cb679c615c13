// The register engine's rates: processing-element steps (one element, one clock) a second with the array always fed, clocks a
// second of a machine that waits for its memory, lanes x micro-operations a second of the vector unit. Run with --benchmark_repetitions=5
// for the spread. Each benchmark first compares outputs and cycles with the event engine.
#include <benchmark/benchmark.h>

#include "base/random.h"
#include "machine/event.h"
#include "machine/register.h"

namespace systole::machine {
namespace {

constexpr std::uint16_t bit(isa::UnitId unit) { return static_cast<std::uint16_t>(1u << unit); }
const isa::UnitId kDma0 = isa::dma_unit(0), kPush0 = isa::push_unit(0), kMxu0 = isa::matrix_unit(0);
constexpr std::int64_t kRows = 256, kTiles = 400, kWeights = 1 << 20, kOutput = 2 << 20;

Chip bench_chip(std::int64_t side) {
  Chip chip;
  chip.name = "bench";
  chip.mxu.rows = chip.mxu.columns = side;
  chip.mxu.accumulator_rows = kRows;
  chip.vpu = {true, side, 1, 1};
  chip.vmem_bytes = 4 << 20;
  chip.hbm = {true, 1 << 24, {32, 1}, 64, 30};
  return chip;
}

isa::Program program_of(std::vector<isa::Instruction> code, std::int64_t output_words) {
  isa::Program program;
  program.hbm_bytes = 4 << 20;
  program.vmem_bytes = 4 << 20;
  program.layers = {{"bench", "dot", 0}};
  program.inputs = {{"memory", DType::kU8, {kOutput}, isa::Space::kHbm, 0}};
  program.outputs = {{"y", DType::kU32, {output_words}, isa::Space::kHbm, kOutput}};
  code.push_back({isa::Halt{}, isa::kScalar});
  program.cores.resize(1);
  program.cores[0].layer.assign(code.size(), 0);
  program.cores[0].code = std::move(code);
  return program;
}

// A tile of weights is pushed while the rows of the tile before stream; all sums join.
isa::Program products(std::int64_t side, DType format) {
  const std::int64_t type = static_cast<std::int64_t>(format), size = dtype_bytes(format);
  return program_of({{isa::Load{.far = 0, .local = 0, .bytes = kRows * side * size}, kDma0},
                     {isa::Load{.far = kWeights, .local = kWeights, .bytes = side * side * size}, kDma0, 0,
                      static_cast<std::uint16_t>(bit(kPush0) | bit(kMxu0))},
                     {isa::Nop{}, kPush0, bit(kDma0)},
                     {isa::Pad{.step_pitch = side * size, .type = type}, kMxu0, bit(kDma0)},
                     {isa::Loop{.count = kTiles}, isa::kScalar},
                     {isa::Push{.weights = kWeights, .pitch = side * size, .rows = side, .columns = side, .type = type, .format = type}, kPush0},
                     {isa::Matmul{.out_columns = kRows, .length = side, .columns = side, .accumulate = 1, .format = type}, kMxu0},
                     {isa::End{}, isa::kScalar},
                     {isa::Nop{}, kMxu0, 0, bit(kDma0)},
                     {isa::Store{.far = kOutput, .local_space = 3, .bytes = 4 * side, .rows = kRows, .pitch = 4 * side}, kDma0, bit(kMxu0)}},
                    kRows * side);
}

Tensor random_memory() {
  Random random(1);
  Tensor memory(DType::kU8, {kOutput});
  for (std::int64_t i = 0; i < kOutput; ++i) memory.mutable_raw()[i] = static_cast<std::uint8_t>(random.bits() & 0xBF);   // as bf16: finite
  return memory;
}

// Cycles of the program, or -1 if the engines differ.
std::int64_t checked_cycles(benchmark::State& state, const isa::Program& program, const Chip& chip, const Tensor& memory) {
  const auto values = simulate_values(program, chip, {memory});
  const auto time = simulate_time(program, chip);
  const auto registers = simulate_registers(program, chip, {memory});
  const bool ok = values.ok() && time.ok() && registers.ok() && registers->cycles == time->cycles && registers->outputs[0].same_bits((*values)[0]);
  if (!ok) state.SkipWithError("differs from the event engine");
  return ok ? registers->cycles : -1;
}

void time_program(benchmark::State& state, const isa::Program& program, const Chip& chip, std::int64_t items_per_cycle) {
  const Tensor memory = random_memory();
  const std::int64_t cycles = checked_cycles(state, program, chip, memory);
  if (cycles < 0) return;
  for (auto _ : state) {
    state.PauseTiming();
    auto engine = RegisterEngine::create(program, chip, {memory});
    state.ResumeTiming();
    while (!(*engine)->done()) (*engine)->step();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * cycles * items_per_cycle);
  state.counters["cycles/s"] = benchmark::Counter(static_cast<double>(state.iterations() * cycles), benchmark::Counter::kIsRate);
}

void pe_steps(benchmark::State& state, DType format) {
  const std::int64_t side = state.range(0);
  time_program(state, products(side, format), bench_chip(side), side * side);
}
BENCHMARK_CAPTURE(pe_steps, i8, DType::kI8)->Arg(16)->Arg(32)->Arg(64)->Arg(128)->Arg(256)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(pe_steps, q8_8, DType::kQ8_8)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(pe_steps, bf16, DType::kBF16)->Arg(64)->Arg(128)->Unit(benchmark::kMillisecond);

// Bursts that come one in sixteen cycles; the array stands.
void quiet_cycles(benchmark::State& state) {
  Chip chip = bench_chip(64);
  chip.hbm.bandwidth = {4, 1};
  time_program(state, program_of({{isa::Load{.bytes = 200'000}, kDma0}, {isa::Store{.far = kOutput, .bytes = 4096}, kDma0}}, 1024), chip, 1);
}
BENCHMARK(quiet_cycles)->Unit(benchmark::kMillisecond);

void vector_steps(benchmark::State& state) {
  Chip chip = bench_chip(64);
  chip.vpu.sublanes = 8;
  const std::int64_t f32 = static_cast<std::int64_t>(DType::kF32), elements = 1 << 16;
  isa::Program program = program_of({{isa::Load{.bytes = elements * 4}, kDma0, 0, bit(isa::kVector)},
                                     {isa::Bind{.slot = 0, .type = f32, .s4 = 1}, isa::kVector, bit(kDma0)},
                                     {isa::Bind{.slot = 1, .base = kWeights, .type = f32, .s4 = 1}, isa::kVector},
                                     {isa::Run{.body = 3, .d4 = elements}, isa::kVector, 0, bit(kDma0)},
                                     {isa::Store{.far = kOutput, .local = kWeights, .bytes = elements * 4}, kDma0, bit(isa::kVector)}},
                                    elements);
  program.microcode = {{.op = MicroOpcode::kLoad, .slot = 0}, {.op = MicroOpcode::kFMul}, {.op = MicroOpcode::kStore, .slot = 1}};
  time_program(state, program, chip, 0);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * elements * 3);
}
BENCHMARK(vector_steps)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace systole::machine

BENCHMARK_MAIN();
