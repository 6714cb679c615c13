// Internal: matrix products [M,K] x [K,N] whose rows of activations may be gathered on the fly, in the arithmetics of
// the interpreter. K is cut into chunks, ascending; in double arithmetic and int64 the cut means nothing.
#pragma once

#include <functional>
#include <vector>

#include "graph/eval.h"

namespace systole::graph {

// `k` consecutive rows of the weight matrix, starting at row `row`.
struct Chunk {
  std::int64_t row = 0, k = 0;
};
// Ascending pieces of at most `limit` of [first, first + count).
void append_chunks(std::vector<Chunk>& chunks, std::int64_t first, std::int64_t count, std::int64_t limit);

// Rows of activations as they lie in memory.
struct Rows {
  const std::uint8_t* data = nullptr;
  std::int64_t pitch = 0;  // elements
};
// Elements chunk.row .. chunk.row + chunk.k - 1 of `count` rows from `first` on; `scratch` holds count * chunk.k
// elements.
using Gather = std::function<Rows(std::int64_t first, std::int64_t count, const Chunk& chunk, std::uint8_t* scratch)>;

struct Product {
  DType activation = DType::kF32, weight = DType::kF32;  // as stored
  std::int64_t m = 0, k = 0, n = 0;
  const std::uint8_t* weights = nullptr;  // row-major [k, n], `weight_pitch` elements apart
  std::int64_t weight_pitch = 0;
  std::vector<Chunk> chunks;  // covering 0 .. k - 1
  Gather gather;
  Algorithm algorithm = Algorithm::kDefault;
};

// out: [m, n] row-major, `out_pitch` apart, elements of `result` (stored type).
void multiply(const Product& product, const DoubleArithmetic&, DType result, std::uint8_t* out, std::int64_t out_pitch);
void multiply(const Product& product, const ChipRun& run, DType result, std::uint8_t* out, std::int64_t out_pitch);

// The longest chunk.
inline std::int64_t chunk_limit(const DoubleArithmetic&) { return std::int64_t{1} << 62; }
inline std::int64_t chunk_limit(const ChipRun& run) { return run.chip.array_rows; }

// An operand as the arithmetic multiplies it (f64 as f32 on a chip, int4 as int8).
Tensor product_operand(const Tensor& x, const DoubleArithmetic&);
Tensor product_operand(const Tensor& x, const ChipRun&);
// What a chip's array cannot multiply is an error.
Status check_product(const Step& step, const DoubleArithmetic&);
Status check_product(const Step& step, const ChipRun&);

}  // namespace systole::graph
