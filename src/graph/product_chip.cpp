// Products as the matrix unit computes them: chunks of at most R rows, each one weight tile (numeric/matmul.h), added
// into the accumulator in ascending order; fp32 as bf16 passes chunk by chunk.
#include <fmt/core.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <memory>

#include "base/units.h"
#include "graph/infer.h"
#include "graph/product.h"
#include "graph/words.h"
#include "numeric/matmul.h"

namespace systole::graph {
namespace {

constexpr std::int64_t kRowBlock = 128, kColumnBlock = 512;

struct Pass {
  int activation, weight;  // bf16 parts; 0 and 0 without an algorithm
};
std::vector<Pass> passes_of(Algorithm algorithm) {
  if (algorithm == Algorithm::kDefault) return {{0, 0}};
  std::vector<Pass> passes;
  for (int p = algorithm == Algorithm::kBf16x3 ? 3 : 0; p < 6; ++p)
    passes.push_back({kPassActivation[p], kPassWeight[p]});
  return passes;
}

void split_part(const float* from, std::int64_t count, int part, std::uint16_t* to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = bf16_part(from[i], part);
}

// The weight tiles of one block of columns: [chunk][part].
struct Tiles {
  std::vector<std::vector<WeightTile>> tiles;
};

class ChipProduct {
 public:
  ChipProduct(const Product& p, const ChipRun& run)
      : p_(p), rows_(run.chip.array_rows), passes_(passes_of(p.algorithm)), split_(p.algorithm != Algorithm::kDefault) {
    format_ = split_ ? TileFormat{DType::kBF16, DType::kBF16} : TileFormat{p.activation, p.weight};
    for (const Pass& pass : passes_) parts_ = std::max({parts_, pass.activation + 1, pass.weight + 1});
  }

  void run(DType result, std::uint8_t* out, std::int64_t out_pitch) const {
    const std::int64_t column_blocks = ceil_div(p_.n, kColumnBlock);
    tbb::parallel_for(std::int64_t{0}, column_blocks, [&](std::int64_t j) {
      const std::int64_t column = j * kColumnBlock, width = std::min(kColumnBlock, p_.n - column);
      const Tiles tiles = make_tiles(column, width);
      tbb::parallel_for(std::int64_t{0}, ceil_div(p_.m, kRowBlock), [&](std::int64_t i) {
        const std::int64_t row = i * kRowBlock, count = std::min(kRowBlock, p_.m - row);
        std::uint8_t* to = out + (row * out_pitch + column) * dtype_bytes(result);
        multiply_block(tiles, row, count, width, result, to, out_pitch);
      });
    });
  }

 private:
  Tiles make_tiles(std::int64_t column, std::int64_t width) const {
    Tiles result;
    const std::int64_t size = dtype_bytes(p_.weight);
    for (const Chunk& chunk : p_.chunks) {
      const std::uint8_t* from = p_.weights + (chunk.row * p_.weight_pitch + column) * size;
      std::vector<WeightTile> parts;
      if (!split_) {
        parts.emplace_back(format_, from, chunk.k, width, p_.weight_pitch, rows_);
      } else {
        std::vector<std::uint16_t> part(static_cast<std::size_t>(chunk.k * width));
        for (int i = 0; i < parts_; ++i) {
          for (std::int64_t r = 0; r < chunk.k; ++r) {
            split_part(reinterpret_cast<const float*>(from) + r * p_.weight_pitch, width, i, part.data() + r * width);
          }
          parts.emplace_back(format_, part.data(), chunk.k, width, width, rows_);
        }
      }
      result.tiles.push_back(std::move(parts));
    }
    return result;
  }

  // The accumulator starts at +0, so that the first chunk's "+0 + sum" is an addition like all others.
  void multiply_block(const Tiles& tiles, std::int64_t row, std::int64_t count, std::int64_t width, DType result,
                      std::uint8_t* out, std::int64_t out_pitch) const {
    std::vector<std::uint32_t> acc(static_cast<std::size_t>(count * width), 0);
    const auto scratch = std::make_unique_for_overwrite<std::uint8_t[]>(static_cast<std::size_t>(count * rows_ * 4));
    std::vector<std::uint16_t> split(static_cast<std::size_t>(split_ ? parts_ * count * rows_ : 0));
    for (std::size_t i = 0; i < p_.chunks.size(); ++i) {
      const Chunk& chunk = p_.chunks[i];
      const Rows a = p_.gather(row, count, chunk, scratch.get());
      if (!split_) {
        tiles.tiles[i][0].multiply(a.data, count, a.pitch, acc.data(), width, true);
        continue;
      }
      for (int part = 0; part < parts_; ++part) {
        for (std::int64_t r = 0; r < count; ++r) {
          split_part(reinterpret_cast<const float*>(a.data) + r * a.pitch, chunk.k, part,
                     split.data() + (part * count + r) * chunk.k);
        }
      }
      for (const Pass& pass : passes_) {
        tiles.tiles[i][static_cast<std::size_t>(pass.weight)].multiply(split.data() + pass.activation * count * chunk.k,
                                                                       count, chunk.k, acc.data(), width, true);
      }
    }
    for (std::int64_t r = 0; r < count; ++r) {
      store_accumulators(result, acc.data() + r * width, out + r * out_pitch * dtype_bytes(result), width);
    }
  }

  // Sums in fixed point are integers; everything else is what the vector unit's edge makes of a word.
  static void store_accumulators(DType result, const std::uint32_t* from, std::uint8_t* to, std::int64_t count) {
    store_words(is_fixed(result) ? DType::kI16 : result, from, to, count);
  }

  const Product& p_;
  std::int64_t rows_;
  std::vector<Pass> passes_;
  bool split_;
  TileFormat format_;
  int parts_ = 1;
};

// What numeric/matmul.h multiplies.
bool is_tile_format(DType a, DType w) {
  const auto narrow = [](DType t) { return t == DType::kBF16 || t == DType::kF8E4M3 || t == DType::kF8E5M2; };
  const auto byte = [](DType t) { return t == DType::kI8 || t == DType::kU8; };
  if ((narrow(a) && narrow(w)) || (byte(a) && byte(w))) return true;
  return a == w && (a == DType::kF16 || a == DType::kTF32 || a == DType::kF32 || a == DType::kI16 || is_fixed(a));
}

DType multiplied_type(DType type) {
  if (type == DType::kF64) return DType::kF32;
  return type == DType::kI4 ? DType::kI8 : type;
}

}  // namespace

void multiply(const Product& p, const ChipRun& run, DType result, std::uint8_t* out, std::int64_t out_pitch) {
  ChipProduct(p, run).run(result, out, out_pitch);
}

Tensor product_operand(const Tensor& x, const ChipRun&) { return x.converted(multiplied_type(x.type())); }

Status check_product(const Step& step, const ChipRun&) {
  const DType a = multiplied_type(step.operand(0).type()), w = multiplied_type(step.operand(1).type());
  if (is_tile_format(a, w)) return ok_status();
  return unsupported(InferContext{step.graph, step.op, nullptr}.place(),
                     fmt::format("the matrix unit does not multiply {} by {}", dtype_name(a), dtype_name(w)),
                     "convert both operands to one of its formats");
}

}  // namespace systole::graph
