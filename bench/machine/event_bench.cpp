// The event engine's rates: instructions a second of the time pass, multiply-accumulates a second of the value pass, elements
// a second of its vector unit, instructions a second of the hazard check. Run with --benchmark_repetitions=5 for the spread.
// Each benchmark first checks its result against a formula or the definition.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "base/random.h"
#include "machine/event.h"
#include "numeric/matmul.h"

namespace systole::machine {
namespace {

constexpr std::uint16_t bit(isa::UnitId unit) { return static_cast<std::uint16_t>(1u << unit); }
const isa::UnitId kDma0 = isa::dma_unit(0), kDma1 = isa::dma_unit(1), kPush0 = isa::push_unit(0), kMxu0 = isa::matrix_unit(0);

Chip bench_chip() {
  Chip chip;
  chip.name = "bench";
  chip.mxu.rows = chip.mxu.columns = 128;
  chip.mxu.accumulator_rows = 4096;
  chip.vpu = {true, 128, 8, 1};
  chip.vmem_bytes = 16 << 20;
  chip.hbm = {true, std::int64_t{1} << 30, {256, 1}, 64, 100};
  return chip;
}

isa::Program program_of(std::vector<isa::Instruction> code, std::vector<MicroOp> microcode = {}) {
  isa::Program program;
  program.hbm_bytes = 64 << 20;
  program.microcode = std::move(microcode);
  code.push_back({isa::Halt{}, isa::kScalar});
  program.cores.push_back({std::move(code), {}});
  return program;
}

// Loop of tiles: load, push, matmul, run, store, with tokens from each to the next: 7 words an iteration.
isa::Program tile_loop(std::int64_t tiles, std::int64_t rows) {
  const std::int64_t bf16 = static_cast<std::int64_t>(DType::kBF16), f32 = static_cast<std::int64_t>(DType::kF32);
  return program_of({{isa::Bind{.slot = 0, .space = 3, .type = f32, .s4 = 1}, isa::kVector},
                     {isa::Bind{.slot = 1, .base = 8 << 20, .type = f32, .s4 = 1}, isa::kVector},
                     {isa::Pad{.step_pitch = 256, .type = bf16}, kMxu0},
                     {isa::Loop{.count = tiles}, isa::kScalar},
                     {isa::Load{.bytes = 32768}, kDma0, 0, bit(kPush0)},
                     {isa::Push{.pitch = 256, .rows = 128, .columns = 128, .type = bf16, .format = bf16}, kPush0, bit(kDma0)},
                     {isa::Matmul{.source = 4 << 20, .out_columns = rows, .length = 128, .columns = 128, .format = bf16}, kMxu0, 0, bit(isa::kVector)},
                     {isa::Run{.body = 2, .d4 = rows * 128}, isa::kVector, bit(kMxu0), bit(kDma1)},
                     {isa::Store{.far = 32 << 20, .local = 8 << 20, .bytes = rows * 512}, kDma1, bit(isa::kVector)},
                     {isa::End{}, isa::kScalar}},
                    {{.op = MicroOpcode::kLoad, .slot = 0}, {.op = MicroOpcode::kStore, .slot = 1}});
}

// `skip`: the loop's steady state is skipped, as by default; else every word is gone through.
void time_pass(benchmark::State& state, bool skip) {
  const std::int64_t tiles = 200'000, rows = 256;
  const TimingOptions options{.skip_repeats = skip};
  const Chip chip = bench_chip();
  const isa::Program program = tile_loop(tiles, rows);
  const auto report = simulate_time(program, chip, nullptr, options);
  // The memory bounds it: each tile moves 32768 + 131072 bytes at 256 a cycle.
  const std::int64_t least = tiles * (32768 + 131072) / 256;
  if (!report.ok() || report->cycles < least || report->cycles > least + 10'000) return state.SkipWithError("not bound by its memory");
  for (auto _ : state) benchmark::DoNotOptimize(simulate_time(program, chip, nullptr, options));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * (tiles * 6 + 5));
}
BENCHMARK_CAPTURE(time_pass, every_word, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(time_pass, steady_state_skipped, true)->Unit(benchmark::kMillisecond);

void time_pass_without_memory(benchmark::State& state) {
  const std::int64_t tiles = 500'000, rows = 64;
  const Chip chip = bench_chip();
  const isa::Program program = program_of({{isa::Loop{.count = tiles}, isa::kScalar},
                                           {isa::Push{.rows = 1, .columns = 1}, kPush0},
                                           {isa::Matmul{.out_columns = rows, .length = 1, .columns = 1}, kMxu0},
                                           {isa::End{}, isa::kScalar}});
  const TimingOptions options{.skip_repeats = false};
  const auto report = simulate_time(program, chip, nullptr, options);
  // Steady state: a push of 128 rows bounds each tile. Last: 2 + tiles x 128, then the stream and the drain.
  if (!report.ok() || report->cycles < tiles * 128 || report->cycles > tiles * 128 + 1000) return state.SkipWithError("not bound by its pushes");
  for (auto _ : state) benchmark::DoNotOptimize(simulate_time(program, chip, nullptr, options));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * (tiles * 3 + 2));
}
BENCHMARK(time_pass_without_memory)->Unit(benchmark::kMillisecond);

void value_pass(benchmark::State& state, DType memory, DType format) {
  const std::int64_t rows = 2048, tiles = 64, size = dtype_bytes(memory);
  const Chip chip = bench_chip();
  Random random(1);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(rows * 128 * size));
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random.integer(0, 60));   // as bf16 or fp32: small positive numbers
  isa::Program program = program_of({{isa::Load{.bytes = rows * 128 * size}, kDma0},
                                     {isa::Pad{.step_pitch = 128 * size, .type = static_cast<std::int64_t>(memory)}, kMxu0},
                                     {isa::Push{.pitch = 128 * size, .rows = 128, .columns = 128, .type = static_cast<std::int64_t>(memory), .format = static_cast<std::int64_t>(format)}, kPush0},
                                     {isa::Matmul{.out_columns = rows, .length = 128, .columns = 128, .format = static_cast<std::int64_t>(format)}, kMxu0},
                                     {isa::Loop{.count = tiles}, isa::kScalar},
                                     {isa::Push{.pitch = 128 * size, .rows = 128, .columns = 128, .type = static_cast<std::int64_t>(memory), .format = static_cast<std::int64_t>(format)}, kPush0},
                                     {isa::Matmul{.out_columns = rows, .length = 128, .columns = 128, .format = static_cast<std::int64_t>(format)}, kMxu0},
                                     {isa::End{}, isa::kScalar},
                                     {isa::Store{.far = 32 << 20, .local_space = 3, .bytes = 512, .rows = rows, .pitch = 512}, kDma1}});
  program.inputs = {{"x", DType::kU8, {rows * 128 * size}, isa::Space::kHbm, 0}};
  program.outputs = {{"y", DType::kI32, {rows, 128}, isa::Space::kHbm, 32 << 20}};
  const Tensor input = Tensor::of(DType::kU8, {rows * 128 * size}, bytes);
  const auto got = simulate_values(program, chip, {input});
  if (!got.ok()) return state.SkipWithError(got.error().text().c_str());
  if (memory == format) {
    Tensor expected(DType::kI32, {rows, 128});
    WeightTile({format, format}, bytes.data(), 128, 128, 128, 128).multiply_reference(bytes.data(), rows, 128, expected.mutable_raw(), 128, false);
    if (!expected.same_bits((*got)[0])) return state.SkipWithError("differs from the reference");
  }
  const int threads = static_cast<int>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(simulate_values(program, chip, {input}, threads));
  state.counters["GOP/s"] = benchmark::Counter(2e-9 * static_cast<double>(rows * 128 * 128 * (tiles + 1)), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK_CAPTURE(value_pass, bf16, DType::kBF16, DType::kBF16)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(value_pass, f32_as_bf16, DType::kF32, DType::kBF16)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(value_pass, int8, DType::kI8, DType::kI8)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

// y = max(x + b[channel], 0) over rows x channels, and the sum of every row.
void value_pass_vector(benchmark::State& state, std::int64_t mode) {
  const std::int64_t rows = 4096, channels = 192, f32 = static_cast<std::int64_t>(DType::kF32);
  const Chip chip = bench_chip();
  const isa::Run run = mode == 0 ? isa::Run{.prologue = 2, .body = 0, .epilogue = 3, .d3 = rows, .d4 = channels}
                                 : isa::Run{.program = 5, .prologue = 0, .body = 1, .epilogue = 1, .mode = 1, .d4 = rows, .w1 = channels};
  isa::Program program = program_of({{isa::Load{.bytes = rows * channels * 4}, kDma0},
                                     {isa::Bind{.slot = 0, .type = f32, .s3 = channels, .s4 = mode == 0 ? 1 : channels, .w1 = 1}, isa::kVector},
                                     {isa::Bind{.slot = 1, .type = f32, .s4 = 1}, isa::kVector},
                                     {isa::Bind{.slot = 2, .base = 8 << 20, .type = f32, .s3 = channels, .s4 = 1}, isa::kVector},
                                     {isa::Loop{.count = 10}, isa::kScalar},
                                     {run, isa::kVector},
                                     {isa::End{}, isa::kScalar},
                                     {isa::Store{.far = 32 << 20, .local = 8 << 20, .bytes = 4096}, kDma1}},
                                    {{.op = MicroOpcode::kLoad, .d = 0, .slot = 0}, {.op = MicroOpcode::kLoad, .d = 1, .slot = 1},
                                     {.op = MicroOpcode::kFAdd, .d = 0, .a = 0, .b = 1},
                                     {.op = MicroOpcode::kFMax, .d = 0, .a = 0, .imm_operand = MicroOp::Imm::kB, .imm = 0},
                                     {.op = MicroOpcode::kStore, .a = 0, .slot = 2},
                                     {.op = MicroOpcode::kLoad, .d = 0, .slot = 0}, {.op = MicroOpcode::kStore, .a = 0, .slot = 2}});
  program.inputs = {{"x", DType::kF32, {rows * channels}, isa::Space::kHbm, 0}};
  program.outputs = {{"y", DType::kF32, {1024}, isa::Space::kHbm, 32 << 20}};
  std::vector<float> x(static_cast<std::size_t>(rows * channels));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(static_cast<int>(i % 23) - 11);   // sums are exact
  const Tensor input = Tensor::of(DType::kF32, {rows * channels}, x);
  const auto got = simulate_values(program, chip, {input});
  if (!got.ok()) return state.SkipWithError(got.error().text().c_str());
  for (std::size_t i = 0; i < 1024; ++i) {
    float expected = std::max(x[i] + x[i % static_cast<std::size_t>(channels)], 0.0f);
    if (mode != 0) {
      expected = 0;
      for (std::size_t t = 0; t < static_cast<std::size_t>(channels); ++t) expected += x[i * static_cast<std::size_t>(channels) + t];
    }
    if ((*got)[0].data<float>()[i] != expected) return state.SkipWithError("differs from the formula");
  }
  for (auto _ : state) benchmark::DoNotOptimize(simulate_values(program, chip, {input}));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * 10 * rows * channels);
}
BENCHMARK_CAPTURE(value_pass_vector, bias_relu, 0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(value_pass_vector, row_sums, 1)->Unit(benchmark::kMillisecond);

void hazard_check(benchmark::State& state) {
  const std::int64_t tiles = 20'000, rows = 256;
  const Chip chip = bench_chip();
  isa::Program program = tile_loop(tiles, rows);
  if (check_hazards(program, chip).ok()) return state.SkipWithError("a missing token was not found");
  // Each unit gives back what it has used; the tokens of the first round are given before the loop.
  auto& code = program.cores[0].code;
  code[4].wait |= bit(kPush0);
  code[5].signal |= bit(kDma0);
  code[6].wait |= bit(isa::kVector);
  code[7].signal |= bit(kMxu0);
  code[7].wait |= bit(kDma1);
  code[8].signal |= bit(isa::kVector) | bit(kDma1);
  code[8].wait |= bit(kDma1);
  const auto nop = [](isa::UnitId unit, std::uint16_t signal) { return isa::Instruction{isa::Nop{}, unit, 0, signal}; };
  code.insert(code.begin(), {nop(kPush0, bit(kDma0)), nop(isa::kVector, bit(kMxu0)), nop(kDma1, static_cast<std::uint16_t>(bit(isa::kVector) | bit(kDma1)))});
  const Status status = check_hazards(program, chip);
  if (!status.ok()) return state.SkipWithError(status.error().text().c_str());
  for (auto _ : state) benchmark::DoNotOptimize(check_hazards(program, chip));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * (tiles * 6 + 8));
}
BENCHMARK(hazard_check)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace systole::machine

BENCHMARK_MAIN();
