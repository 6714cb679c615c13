// The matrix unit's arithmetic (docs/numerics.md, "order of sums"): one weight tile times many rows of activations.
//
// For one output element: the chunk's sum starts at +0 and takes rows 0 .. R-1 in order, acc' = fma(a[r], w[r], acc')
// with one rounding to nearest even; rows from `rows` (k) to R-1 count as +0 * +0; then acc = (accumulate ? acc : +0) +
// sum, one rounding. Subnormal inputs and results are zero of the same sign, NaN results are canonical (numeric/mac.h
// is one such step). Integer formats wrap in int32. Fixed point (both operands in one Qm.n): products round half up and
// saturate, every sum saturates to 16 bits, and the accumulator too (kept as int32).
#pragma once

#include <cstdint>
#include <memory>

#include "numeric/dtype.h"

namespace systole {

// What the array multiplies. kI8 takes int8 or uint8 on either side (sign flags); fp8 formats multiply as their bf16
// values; kF32 is native fp32 (fused multiply-add, one rounding).
struct TileFormat {
  DType activation = DType::kBF16;
  DType weight = DType::kBF16;
  bool operator==(const TileFormat&) const = default;
};
// fp32 for floating point, int32 for integers and fixed point.
DType accumulator_type(const TileFormat& format);

struct KernelEntry;  // numeric/tile_kernels.h

// A weight tile, k rows x n columns, packed for the host's fastest exact kernel.
class WeightTile {
 public:
  // weights: row-major, `pitch` elements between rows. array_rows: R of the chip, 1 <= k <= R. `kernel` is for tests:
  // one that is exact for the format; by default the host's fastest.
  WeightTile(TileFormat format, const void* weights, std::int64_t k, std::int64_t n, std::int64_t pitch,
             std::int64_t array_rows, const KernelEntry* kernel = nullptr);
  ~WeightTile();
  WeightTile(WeightTile&&) noexcept;
  WeightTile& operator=(WeightTile&&) noexcept;

  // acc[i][j] (+)= sum over r of a[i][r] * w[r][j] for i < m, j < n.
  // a: m rows of k elements of format.activation, `a_pitch` elements apart; acc: 4-byte words, `acc_pitch` apart.
  void multiply(const void* a, std::int64_t m, std::int64_t a_pitch, void* acc, std::int64_t acc_pitch,
                bool accumulate) const;
  // The same, written as the definition reads: the scalar reference.
  void multiply_reference(const void* a, std::int64_t m, std::int64_t a_pitch, void* acc, std::int64_t acc_pitch,
                          bool accumulate) const;

  std::int64_t rows() const;
  std::int64_t columns() const;

 private:
  struct Packed;
  std::unique_ptr<Packed> packed_;
};

// fp32 as bf16 passes (DESIGN section 4): pass p multiplies part kPassActivation[p] of the activation with part
// kPassWeight[p] of the weight; smallest terms first. bf16x3 is the last three.
constexpr int kPassActivation[6] = {2, 0, 1, 1, 0, 0};
constexpr int kPassWeight[6] = {0, 2, 1, 0, 1, 0};

}  // namespace systole
