// Tiles and steps of docs/machine.md, section 10.
#include <algorithm>
#include <optional>

#include "gemm_form.h"

namespace systole::test {
namespace {

constexpr std::int64_t kLine = 64;             // bytes to which buffers are rounded
constexpr std::int64_t kBlockBytes = 8 << 20;  // of weights loaded together, at most

double real(std::int64_t x) { return static_cast<double>(x); }

struct Candidate {
  GemmTiles tiles;
  double cost = 0;
};

std::int64_t chunk_rows(const Chip& chip, const Product& p, std::int64_t first, std::int64_t count) {
  return std::min(p.k, (first + count) * chip.mxu.rows) - first * chip.mxu.rows;
}

double cost(const Chip& chip, const Product& p, const GemmTiles& t, std::int64_t x, std::int64_t w) {
  const std::int64_t rows = ceil_div(p.m, t.rows), columns = ceil_div(p.n, chip.mxu.columns);
  const auto blocks = static_cast<std::int64_t>(t.blocks.size());
  const auto cycles = [&](double bytes) {
    return bytes * real(chip.hbm.bandwidth.cycles) / real(chip.hbm.bandwidth.bytes);
  };
  const double chunks = real(ceil_div(p.k, chip.mxu.rows)), waves = real(rows * columns);
  const double drain = real(chip.mxu.rows + chip.mxu.columns + 20);
  const double array = real(std::max(t.rows, chip.mxu.rows)) * chunks;
  const double x_times = t.rows_outer || t.x_buffers >= rows ? 1.0 : real(columns);
  const double w_times = !t.rows_outer || t.w_buffers >= columns * blocks ? 1.0 : real(rows);
  const double first = cycles(real(x)) + cycles(real(w));
  const double out = cycles(real(4 * t.rows * std::min(p.n, chip.mxu.columns)));
  const double memory =
      cycles(real(rows * x) * x_times) + cycles(real(columns * blocks * w) * w_times) + (out * waves - first);
  const double words = 2.0 * waves * chunks;
  const double slowest = std::max({array * waves, (array + drain) / 2.0 * waves, memory, words});
  return slowest + 0.02 * (array * waves + std::max(memory, 0.0) + words) + first + out + drain;
}

std::optional<Candidate> candidate(const Chip& chip, const Product& p, std::int64_t rows, bool rows_outer,
                                   std::int64_t room) {
  const std::int64_t chunks = ceil_div(p.k, chip.mxu.rows), row_bytes = std::min(p.n, chip.mxu.columns) * p.e;
  const std::int64_t row_tiles = ceil_div(p.m, rows), column_tiles = ceil_div(p.n, chip.mxu.columns);
  const std::int64_t x = round_up(rows * p.k * p.e, kLine);
  if (room < 2 * x) return std::nullopt;
  const std::int64_t block_room = std::min((room - 2 * x) / 2 / kLine * kLine, kBlockBytes);
  if (block_room < chunk_rows(chip, p, 0, 1) * row_bytes) return std::nullopt;
  Candidate made{{rows, rows_outer, {}, 2, 2}, 0};
  std::int64_t w = 0;
  for (std::int64_t first = 0; first < chunks; first += made.tiles.blocks.back()) {
    std::int64_t count = 1;
    while (first + count < chunks && chunk_rows(chip, p, first, count + 1) * row_bytes <= block_room) ++count;
    w = std::max(w, round_up(chunk_rows(chip, p, first, count) * row_bytes, kLine));
    made.tiles.blocks.push_back(count);
  }
  const std::int64_t spare = room - 2 * x - 2 * w;
  const std::int64_t all_w = column_tiles * static_cast<std::int64_t>(made.tiles.blocks.size());
  if (rows_outer && (all_w - 2) * w <= spare && all_w < 4096) made.tiles.w_buffers = std::max<std::int64_t>(2, all_w);
  if (!rows_outer && (row_tiles - 2) * x <= spare && row_tiles < 4096)
    made.tiles.x_buffers = std::max<std::int64_t>(2, row_tiles);
  made.cost = cost(chip, p, made.tiles, x, w);
  return made;
}

// Buffers that hold tiles; a tile that none holds takes the buffer whose last user is the oldest.
class Buffers {
 public:
  explicit Buffers(std::int64_t count) : slots_(static_cast<std::size_t>(count)) {}

  GemmStep::Load take(std::int64_t tile, std::int64_t step, std::int64_t bursts) {
    for (Slot& slot : slots_) {
      if (slot.tile != tile) continue;
      slot.last_user = step;
      return {};
    }
    Slot& oldest = *std::min_element(slots_.begin(), slots_.end(),
                                     [](const Slot& a, const Slot& b) { return a.last_user < b.last_user; });
    const GemmStep::Load load{bursts, oldest.last_user};
    oldest = {tile, step};
    return load;
  }

 private:
  struct Slot {
    std::int64_t tile = -1, last_user = -1;
  };
  std::vector<Slot> slots_;
};

}  // namespace

GemmTiles gemm_tiles(const Chip& chip, const Product& product) {
  std::optional<Candidate> best;
  for (std::int64_t rows = product.m;; rows = ceil_div(rows, 2)) {
    for (const bool rows_outer : {true, false})
      for (const std::int64_t room : {chip.vmem_bytes / 2 / kLine * kLine, chip.vmem_bytes}) {
        if (rows > chip.mxu.accumulator_rows / 2) continue;
        auto made = candidate(chip, product, rows, rows_outer, room);
        if (made && (!best || made->cost < best->cost)) best = std::move(made);
      }
    if (rows == 1) break;
  }
  return best ? best->tiles : GemmTiles{};
}

std::vector<GemmStep> gemm_steps(const Chip& chip, const Product& p, const GemmTiles& tiles) {
  const std::int64_t burst = chip.hbm.burst_bytes, c = chip.mxu.columns;
  const std::int64_t row_tiles = ceil_div(p.m, tiles.rows), column_tiles = ceil_div(p.n, c);
  const auto blocks = static_cast<std::int64_t>(tiles.blocks.size());
  Buffers x(tiles.x_buffers), w(tiles.w_buffers);
  std::vector<GemmStep> steps;
  std::int64_t chunks_done = 0;
  for (std::int64_t wave = 0; wave < row_tiles * column_tiles; ++wave) {
    const std::int64_t i = tiles.rows_outer ? wave / column_tiles : wave % row_tiles;
    const std::int64_t j = tiles.rows_outer ? wave % column_tiles : wave / row_tiles;
    const std::int64_t rows = std::min(tiles.rows, p.m - i * tiles.rows), columns = std::min(c, p.n - j * c);
    for (std::int64_t b = 0, first = 0; b < blocks; first += tiles.blocks[static_cast<std::size_t>(b)], ++b) {
      const std::int64_t chunks = tiles.blocks[static_cast<std::size_t>(b)];
      const std::int64_t k = chunk_rows(chip, p, first, chunks), line = columns * p.e;
      const auto number = static_cast<std::int64_t>(steps.size());
      GemmStep step{wave, rows, chunks, chunks_done + chunks - 1, b == 0, b + 1 == blocks, {}, {}, 0};
      step.x = x.take(i, number, ceil_div(rows * p.k * p.e, burst));
      // Rows of a matrix of one column tile lie one behind the other.
      step.w =
          w.take(j * blocks + b, number, column_tiles == 1 ? ceil_div(k * line, burst) : k * ceil_div(line, burst));
      step.store_bursts = rows * ceil_div(4 * columns, burst);
      chunks_done += chunks;
      steps.push_back(step);
    }
  }
  return steps;
}

}  // namespace systole::test
