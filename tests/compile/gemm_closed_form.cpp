// The closed form of docs/machine.md, section 10, and when it holds.
#include <algorithm>

#include "gemm_form.h"

namespace systole::test {
namespace {

// The sizes that both need.
struct Sizes {
  std::int64_t chunks, row_tiles, column_tiles, last_rows, last_columns;
  std::int64_t long_rows, short_rows;  // cycles of a chunk: in a whole row tile, in the last
  std::int64_t x, w, out, last_out;    // cycles of a transfer alone

  Sizes(const Chip& chip, const Product& p, std::int64_t rows) {
    const std::int64_t r = chip.mxu.rows, c = chip.mxu.columns, burst = chip.hbm.burst_bytes;
    chunks = ceil_div(p.k, r);
    row_tiles = ceil_div(p.m, rows);
    column_tiles = ceil_div(p.n, c);
    last_rows = p.m - (row_tiles - 1) * rows;
    last_columns = p.n - (column_tiles - 1) * c;
    long_rows = std::max(rows, r);
    short_rows = std::max(last_rows, r);
    const std::int64_t line = std::min(p.n, c) * p.e;
    x = burst_cycles(chip, ceil_div(rows * p.k * p.e, burst));
    w = burst_cycles(chip, column_tiles == 1 ? ceil_div(p.k * line, burst) : p.k * ceil_div(line, burst));
    out = burst_cycles(chip, rows * ceil_div(4 * std::min(p.n, c), burst));
    last_out = burst_cycles(chip, last_rows * ceil_div(4 * last_columns, burst));
  }
};

}  // namespace

bool gemm_nothing_waits(const Chip& chip, const Product& product, const GemmTiles& tiles) {
  const Sizes s(chip, product, tiles.rows);
  const std::int64_t n = s.column_tiles, c = s.chunks, depth = chip.timing.queue_depth,
                     latency = chip.hbm.latency_cycles;
  const std::int64_t x = s.x + 1, w = s.w + 1, out = s.out + 1, wave = c * s.long_rows,
                     drain = product_tail(chip) + latency;
  if (!tiles.rows_outer || tiles.blocks.size() != 1 || tiles.w_buffers < n) return false;
  if (n * s.row_tiles == 1) return true;
  if (2 * out + drain + 3 > c * s.short_rows) return false;
  if (5 * out + drain + chip.mxu.rows + 12 > (depth + 1) * s.long_rows) return false;
  if (n > 1 && (w > wave || (n - 1) * (w + out) - out > (n - 1) * wave)) return false;
  if (s.row_tiles == 1) return true;
  if ((n - 1) * (w + out) + x > n * wave + chip.mxu.rows) return false;
  if (x + (2 + ceil_div(c + depth, c)) * out + drain + 12 > (c + depth) * s.short_rows) return false;
  return s.row_tiles == 2 || x + n * out + drain + 3 <= n * c * s.short_rows;
}

std::int64_t gemm_closed_cycles(const Chip& chip, const Product& product, const GemmTiles& tiles) {
  const Sizes s(chip, product, tiles.rows);
  const std::int64_t latency = chip.hbm.latency_cycles;
  const std::int64_t array = s.column_tiles * s.chunks * ((s.row_tiles - 1) * s.long_rows + s.short_rows);
  return 2 + s.x + s.w + latency + 1 + chip.mxu.rows + array - s.short_rows + s.last_rows + product_tail(chip) + 1 +
         s.last_out + latency;
}

}  // namespace systole::test
