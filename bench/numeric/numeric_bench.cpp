// Rates of the arithmetic: weight tiles of 128 x 128 under 1024 rows of activations, and micro-operations over lanes.
// Run with --benchmark_repetitions=5 for the spread. Each benchmark first compares with the scalar definition.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <new>
#include <string>
#include <vector>

#include "base/random.h"
#include "numeric/formats.h"
#include "numeric/functions.h"
#include "numeric/matmul.h"
#include "numeric/microcode.h"

namespace systole {
namespace {

constexpr std::int64_t kRows = 1024, kDepth = 128, kColumns = 128;

// Rows of registers start at a cache line.
template <typename T>
struct LineAllocator {
  using value_type = T;
  LineAllocator() = default;
  template <typename U>
  LineAllocator(const LineAllocator<U>&) {}  // NOLINT: allocators convert
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t{64}); }
  bool operator==(const LineAllocator&) const = default;
};
using Words = std::vector<std::uint32_t, LineAllocator<std::uint32_t>>;

std::vector<std::uint8_t> elements(Random& random, DType type, std::int64_t count) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count * dtype_bytes(type)));
  const double range = is_float(type) ? 2 : 120;
  for (std::int64_t i = 0; i < count; ++i) {
    store_from_f32(type, bytes.data() + i * dtype_bytes(type), static_cast<float>(random.real(is_unsigned(type) ? 0 : -range, range)));
  }
  return bytes;
}

void tile_product(benchmark::State& state, TileFormat format) {
  Random random(1);
  const auto a = elements(random, format.activation, kRows * kDepth);
  const auto w = elements(random, format.weight, kDepth * kColumns);
  const WeightTile tile(format, w.data(), kDepth, kColumns, kColumns, kDepth);
  std::vector<std::uint32_t> acc(static_cast<std::size_t>(kRows * kColumns)), expected = acc;
  tile.multiply(a.data(), kRows, kDepth, acc.data(), kColumns, true);
  tile.multiply_reference(a.data(), kRows, kDepth, expected.data(), kColumns, true);
  if (acc != expected) return state.SkipWithError("differs from the reference");
  for (auto _ : state) {
    tile.multiply(a.data(), kRows, kDepth, acc.data(), kColumns, true);
    benchmark::ClobberMemory();
  }
  state.counters["GOP/s"] = benchmark::Counter(2e-9 * static_cast<double>(kRows * kDepth * kColumns),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

void tile_packing(benchmark::State& state, TileFormat format) {
  Random random(1);
  const auto w = elements(random, format.weight, kDepth * kColumns);
  for (auto _ : state) {
    const WeightTile tile(format, w.data(), kDepth, kColumns, kColumns, kDepth);
    benchmark::DoNotOptimize(tile.rows());
  }
}

void micro_operation(benchmark::State& state, MicroOpcode code) {
  const std::int64_t width = state.range(0);
  Random random(2);
  Words matrix(static_cast<std::size_t>(kRegisters * width));
  for (std::uint32_t& word : matrix) word = std::bit_cast<std::uint32_t>(static_cast<float>(random.real(-2, 2)));
  const MicroOp op{code, 3, 0, 1, 2};
  Words stepped = matrix;
  step_lanes(op, stepped.data(), width);
  for (std::int64_t lane = 0; lane < width; ++lane) {
    std::array<std::uint32_t, kRegisters> registers;
    for (int r = 0; r < kRegisters; ++r) registers[static_cast<std::size_t>(r)] = matrix[static_cast<std::size_t>(r * width + lane)];
    step_lane(op, registers);
    if (registers[3] != stepped[static_cast<std::size_t>(3 * width + lane)]) return state.SkipWithError("differs from step_lane");
  }
  for (auto _ : state) {
    step_lanes(op, matrix.data(), width);
    benchmark::ClobberMemory();
  }
  state.counters["Glane-op/s"] = benchmark::Counter(1e-9 * static_cast<double>(width), benchmark::Counter::kIsIterationInvariantRate);
}

void vector_function(benchmark::State& state, VectorFunction function) {
  const std::int64_t width = state.range(0);
  const FunctionProgram& program = function_program(function);
  Words matrix(static_cast<std::size_t>(kRegisters * width), std::bit_cast<std::uint32_t>(1.25f));
  step_lanes(program.program, matrix.data(), width);
  const float expected = evaluate(function, 1.25f, 1.25f);
  if (matrix[static_cast<std::size_t>(program.result * width)] != std::bit_cast<std::uint32_t>(expected)) {
    return state.SkipWithError("differs from evaluate");
  }
  for (auto _ : state) {
    step_lanes(program.program, matrix.data(), width);
    benchmark::ClobberMemory();
  }
  const double operations = static_cast<double>(width) * static_cast<double>(program.program.size());
  state.counters["Glane-op/s"] = benchmark::Counter(1e-9 * operations, benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK_CAPTURE(tile_product, bf16, TileFormat{DType::kBF16, DType::kBF16});
BENCHMARK_CAPTURE(tile_product, f8e4m3, TileFormat{DType::kF8E4M3, DType::kF8E4M3});
BENCHMARK_CAPTURE(tile_product, f16, TileFormat{DType::kF16, DType::kF16});
BENCHMARK_CAPTURE(tile_product, f32, TileFormat{DType::kF32, DType::kF32});
BENCHMARK_CAPTURE(tile_product, i8, TileFormat{DType::kI8, DType::kI8});
BENCHMARK_CAPTURE(tile_product, ui8_i8, TileFormat{DType::kU8, DType::kI8});
BENCHMARK_CAPTURE(tile_product, ui8_ui8, TileFormat{DType::kU8, DType::kU8});
BENCHMARK_CAPTURE(tile_product, i16, TileFormat{DType::kI16, DType::kI16});
BENCHMARK_CAPTURE(tile_product, q88, TileFormat{DType::kQ8_8, DType::kQ8_8});
BENCHMARK_CAPTURE(tile_packing, bf16, TileFormat{DType::kBF16, DType::kBF16});
BENCHMARK_CAPTURE(tile_packing, i8, TileFormat{DType::kI8, DType::kI8});
BENCHMARK_CAPTURE(micro_operation, ffma, MicroOpcode::kFFma)->Arg(128)->Arg(256)->Arg(1024);
BENCHMARK_CAPTURE(micro_operation, fmax, MicroOpcode::kFMax)->Arg(1024);
BENCHMARK_CAPTURE(micro_operation, iadd, MicroOpcode::kIAdd)->Arg(1024);
BENCHMARK_CAPTURE(micro_operation, select, MicroOpcode::kSelect)->Arg(1024);
BENCHMARK_CAPTURE(vector_function, exp, VectorFunction::kExp)->Arg(256)->Arg(1024);
BENCHMARK_CAPTURE(vector_function, erf, VectorFunction::kErf)->Arg(1024);

}  // namespace
}  // namespace systole

BENCHMARK_MAIN();
