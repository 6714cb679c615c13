// Products in double (floats, and integers up to 16 bits, whose sums a double holds exactly) and in int64.
#include <tbb/parallel_for.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/units.h"
#include "graph/product.h"
#include "tensor/element.h"

namespace systole::graph {
namespace {

constexpr std::int64_t kStrip = 8;      // rows of a register block
constexpr std::int64_t kPanel = 8;      // columns of a register block, one vector
constexpr std::int64_t kRowBlock = 64;  // rows gathered at once
constexpr std::int64_t kSlice = 4096;   // of K, to bound what a block of rows takes

using Vector = double __attribute__((vector_size(kPanel * sizeof(double))));

// out[i] += a[i][r] * panel[r] for every r, ascending. Multiplications and additions round apart (-ffp-contract=off),
// so every clone gives the same bits.
#if defined(__x86_64__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
void multiply_strip(const double* a, std::int64_t pitch, const double* panel, std::int64_t k, double* out) {
  Vector acc[kStrip];
  std::memcpy(acc, out, sizeof acc);
  for (std::int64_t r = 0; r < k; ++r) {
    Vector w;
    std::memcpy(&w, panel + r * kPanel, sizeof w);
    for (std::int64_t i = 0; i < kStrip; ++i) acc[i] += a[i * pitch + r] * w;
  }
  std::memcpy(out, acc, sizeof acc);
}

// Panels of kPanel columns, each k x kPanel, zero beyond n.
std::vector<double> packed_weights(const Product& p) {
  const std::int64_t panels = ceil_div(p.n, kPanel), size = dtype_bytes(p.weight);
  std::vector<double> packed(static_cast<std::size_t>(panels * p.k * kPanel));
  tbb::parallel_for(std::int64_t{0}, panels, [&](std::int64_t j) {
    double* to = packed.data() + j * p.k * kPanel;
    const std::int64_t width = std::min(kPanel, p.n - j * kPanel);
    for (std::int64_t r = 0; r < p.k; ++r, to += kPanel) {
      const std::uint8_t* from = p.weights + (r * p.weight_pitch + j * kPanel) * size;
      for (std::int64_t c = 0; c < width; ++c) to[c] = load_as_double(p.weight, from + c * size);
    }
  });
  return packed;
}

void store(DType type, std::uint8_t* to, double x) {
  if (type == DType::kF64) {
    std::memcpy(to, &x, sizeof x);
  } else {
    const auto exact = static_cast<std::int64_t>(x);
    store_from_i64(type, to, type == DType::kI32 ? static_cast<std::int32_t>(exact) : exact);
  }
}

// Rows of activations as doubles, padded with zero rows to whole strips.
void load_rows(const Product& p, std::int64_t first, std::int64_t count, const Chunk& slice, std::vector<double>& a) {
  const std::int64_t size = dtype_bytes(p.activation);
  const auto scratch = std::make_unique_for_overwrite<std::uint8_t[]>(static_cast<std::size_t>(count * slice.k * size));
  const Rows rows = p.gather(first, count, slice, scratch.get());
  std::fill(a.begin(), a.end(), 0.0);
  for (std::int64_t i = 0; i < count; ++i) {
    double* to = a.data() + i * slice.k;
    const std::uint8_t* from = rows.data + i * rows.pitch * size;
    if (p.activation == DType::kF64) {
      std::memcpy(to, from, static_cast<std::size_t>(slice.k) * sizeof(double));
    } else {
      for (std::int64_t r = 0; r < slice.k; ++r) to[r] = load_as_double(p.activation, from + r * size);
    }
  }
}

void multiply_block(const Product& p, const std::vector<double>& packed, std::int64_t first, std::int64_t count,
                    DType result, std::uint8_t* out, std::int64_t out_pitch) {
  constexpr std::int64_t kBlock = kStrip * kPanel;
  const std::int64_t out_size = dtype_bytes(result), strips = ceil_div(count, kStrip), panels = ceil_div(p.n, kPanel);
  std::vector<double> sums(static_cast<std::size_t>(panels * strips * kBlock), 0.0);  // [panel][strip][row][column]
  std::vector<double> a(static_cast<std::size_t>(strips * kStrip * std::min(kSlice, p.k)));
  for (std::int64_t k = 0; k < p.k; k += kSlice) {
    const Chunk slice{k, std::min(kSlice, p.k - k)};
    load_rows(p, first, count, slice, a);
    for (std::int64_t j = 0; j < panels; ++j) {
      const double* panel = packed.data() + (j * p.k + k) * kPanel;
      for (std::int64_t i = 0; i < strips; ++i) {
        multiply_strip(a.data() + i * kStrip * slice.k, slice.k, panel, slice.k,
                       sums.data() + (j * strips + i) * kBlock);
      }
    }
  }
  for (std::int64_t row = 0; row < count; ++row) {
    std::uint8_t* to = out + (first + row) * out_pitch * out_size;
    for (std::int64_t c = 0; c < p.n; ++c, to += out_size) {
      store(result, to,
            sums[static_cast<std::size_t>(((c / kPanel) * strips + row / kStrip) * kBlock + row % kStrip * kPanel +
                                          c % kPanel)]);
    }
  }
}

// 32- and 64-bit integers, wrapping.
void multiply_wide(const Product& p, DType result, std::uint8_t* out, std::int64_t out_pitch) {
  const std::int64_t a_size = dtype_bytes(p.activation), w_size = dtype_bytes(p.weight), out_size = dtype_bytes(result);
  tbb::parallel_for(std::int64_t{0}, p.m, [&](std::int64_t i) {
    std::vector<std::uint8_t> scratch(static_cast<std::size_t>(p.k * a_size + 1));
    const Rows rows = p.gather(i, 1, {0, p.k}, scratch.data());
    std::vector<std::uint64_t> sum(static_cast<std::size_t>(p.n), 0);
    for (std::int64_t r = 0; r < p.k; ++r) {
      const auto x = static_cast<std::uint64_t>(load_as_i64(p.activation, rows.data + r * a_size));
      const std::uint8_t* w = p.weights + r * p.weight_pitch * w_size;
      for (std::int64_t j = 0; j < p.n; ++j)
        sum[static_cast<std::size_t>(j)] += x * static_cast<std::uint64_t>(load_as_i64(p.weight, w + j * w_size));
    }
    for (std::int64_t j = 0; j < p.n; ++j) {
      const auto value = static_cast<std::int64_t>(sum[static_cast<std::size_t>(j)]);
      store_from_i64(result, out + (i * out_pitch + j) * out_size,
                     result == DType::kI32 ? static_cast<std::int32_t>(value) : value);
    }
  });
}

}  // namespace

void append_chunks(std::vector<Chunk>& chunks, std::int64_t first, std::int64_t count, std::int64_t limit) {
  for (std::int64_t at = 0; at < count; at += std::min(limit, count))
    chunks.push_back({first + at, std::min(limit, count - at)});
}

void multiply(const Product& p, const DoubleArithmetic&, DType result, std::uint8_t* out, std::int64_t out_pitch) {
  if (p.activation != DType::kF64 && std::max(dtype_bytes(p.activation), dtype_bytes(p.weight)) > 2) {
    multiply_wide(p, result, out, out_pitch);
    return;
  }
  const std::vector<double> packed = packed_weights(p);
  tbb::parallel_for(std::int64_t{0}, ceil_div(p.m, kRowBlock), [&](std::int64_t block) {
    const std::int64_t first = block * kRowBlock;
    multiply_block(p, packed, first, std::min(kRowBlock, p.m - first), result, out, out_pitch);
  });
}

Tensor product_operand(const Tensor& x, const DoubleArithmetic&) { return x; }
Status check_product(const Step&, const DoubleArithmetic&) { return ok_status(); }

}  // namespace systole::graph
