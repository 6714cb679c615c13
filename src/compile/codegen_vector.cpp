#include "compile/codegen_vector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "base/units.h"
#include "compile/memory_plan.h"

namespace systole::compile {

Region half_region(const Chip& chip, std::size_t kernel_number) {
  const std::int64_t half = chip.vmem_bytes / 2 / kAlignment * kAlignment;
  const bool upper = kernel_number % 2 == 1;
  return {upper ? half : 0, half, !upper, upper};
}
Region whole_region(const Chip& chip) { return {0, chip.vmem_bytes, true, true}; }

Box whole_box(const Shape& dims) { return {Shape(dims.size(), 0), dims}; }

std::vector<Box> tiles_of(const Shape& dims, const Shape& tile) {
  std::vector<Box> boxes;
  Shape at(dims.size(), 0);
  if (element_count(dims) == 0) return boxes;
  while (true) {
    Box box{at, at};
    for (std::size_t d = 0; d < dims.size(); ++d) box.hi[d] = std::min(dims[d], at[d] + tile[d]);
    boxes.push_back(box);
    std::size_t d = dims.size();
    while (d-- > 0) {
      at[d] += tile[d];
      if (at[d] < dims[d]) break;
      at[d] = 0;
      if (d == 0) return boxes;
    }
    if (dims.empty()) return boxes;
  }
}

bool halve(Shape& tile, std::size_t keep) {
  for (std::size_t d = 0; d + keep < tile.size(); ++d) {
    if (tile[d] == 1) continue;
    tile[d] = (tile[d] + 1) / 2;
    return true;
  }
  return false;
}

std::pair<std::size_t, std::size_t> share(std::size_t count, std::size_t core, std::size_t cores) {
  return {count * core / cores, count * (core + 1) / cores};
}

namespace {

std::int64_t tile_count(const Shape& dims, const Shape& tile) {
  std::int64_t n = 1;
  for (std::size_t d = 0; d < dims.size(); ++d) n *= ceil_div(dims[d], tile[d]);
  return n;
}

// Sizes of a kernel's buffers for the largest tile of a tiling (its first one reaches no further than any other).
struct Sizes {
  std::vector<std::int64_t> inputs;
  std::int64_t output = 0;
  std::int64_t total = 0;    // one of each
  std::int64_t largest = 0;  // elements of the largest buffer
};

Sizes sizes_of(const Kernel& kernel, const Shape& tile) {
  Sizes sizes;
  const Box box{Shape(tile.size(), 0), tile};
  for (std::size_t i = 0; i < kernel.inputs.size(); ++i) {
    Box in = touched(kernel.inputs[i], box, kernel.taps);
    std::int64_t count = 1;
    for (std::size_t d = 0; d < in.lo.size(); ++d) count *= std::min(in.size(d), kernel.inputs[i].shape[d]);
    sizes.inputs.push_back(round_up(count * dtype_bytes(kernel.input_types[i]), kAlignment));
    sizes.total += sizes.inputs.back();
    sizes.largest = std::max(sizes.largest, count);
  }
  const std::int64_t count = element_count(tile);
  sizes.output = round_up(count * dtype_bytes(kernel.output_type), kAlignment);
  sizes.total += sizes.output;
  sizes.largest = std::max(sizes.largest, count);
  return sizes;
}

bool run_fits(const Shape& tile) {
  int dims = 0;
  for (std::size_t d = 0; d < tile.size(); ++d) {
    dims += tile[d] > 1;
    if (tile[d] >= (1 << 20)) return false;
  }
  return dims <= isa::kVectorDims;
}

constexpr std::int64_t kWorthSplitting = 64 * 1024;  // bytes moved below which one tile a core is best
constexpr std::int64_t kTilesACore = 16;  // the first load and the last store, which nothing hides, are 1/16 each

// The largest tile that fits; smaller ones where transfers and the vector unit can then overlap.
std::optional<Shape> choose_tile(const Context& context, const Kernel& kernel, std::int64_t room) {
  const std::int64_t copies = 1 + context.lookahead();
  Shape tile = kernel.dims;
  const std::int64_t limit = context.options.tile_limit;
  const auto fits = [&](const Shape& t) {
    const Sizes sizes = sizes_of(kernel, t);
    return copies * sizes.total <= room && sizes.largest <= kMaxBufferElements && run_fits(t) &&
           (limit <= 0 || element_count(t) <= limit);
  };
  while (!fits(tile)) {
    if (!halve(tile)) {
      if (limit > 0 && element_count(tile) == 1) break;
      return std::nullopt;
    }
  }
  if (sizes_of(kernel, tile).total * copies > room) return std::nullopt;
  const std::int64_t total = sizes_of(kernel, kernel.dims).total;
  const std::int64_t wanted =
      context.chip.cores * std::clamp<std::int64_t>(total / context.chip.cores / kWorthSplitting, 1, kTilesACore);
  while (tile_count(kernel.dims, tile) < wanted && sizes_of(kernel, tile).total > kWorthSplitting / 16 && halve(tile)) {
  }
  return tile;
}

}  // namespace

Status generate_vector_kernel(Context& context, const Kernel& kernel, std::size_t number) {
  if (element_count(kernel.dims) == 0) return ok_status();
  Region region = half_region(context.chip, number);
  auto tile = choose_tile(context, kernel, region.bytes);
  if (!tile) {
    region = whole_region(context.chip);
    tile = choose_tile(context, kernel, region.bytes);
  }
  if (!tile)
    return unsupported("node '" + kernel.name + "'",
                       fmt::format("does not fit {} bytes of VMEM even one element at a time", context.chip.vmem_bytes),
                       "choose a chip with more VMEM");
  const Sizes sizes = sizes_of(kernel, *tile);
  const std::vector<Box> tiles = tiles_of(kernel.dims, *tile);
  const std::int64_t program = add_microcode(context.program, kernel.program);
  const int lookahead = context.lookahead();

  for (std::size_t c = 0; c < context.cores.size(); ++c) {
    Core& core = context.cores[c];
    const auto [first, last] = share(tiles.size(), c, context.cores.size());
    if (first == last) continue;
    Arena arena(core, region.base, region.bytes, region.lower, region.upper);
    std::vector<TileCache> inputs;
    for (std::size_t i = 0; i < kernel.inputs.size(); ++i) inputs.emplace_back(arena, sizes.inputs[i], 1 + lookahead);
    TileCache outputs(arena, sizes.output, 1 + lookahead);
    const auto load = [&](std::size_t t) {
      std::vector<Local> locals;
      for (std::size_t i = 0; i < kernel.inputs.size(); ++i) {
        const Box box = input_box(kernel, i, tiles[t]);
        const auto& entry = inputs[i].get(box, static_cast<std::int64_t>(t), lookahead, [&](Arena::Buffer& buffer) {
          load_box(context, core, kernel.inputs[i].storage, kernel.inputs[i].shape, box, buffer);
        });
        locals.push_back({entry.buffer, box});
      }
      return locals;
    };
    std::vector<Local> now = load(first);
    for (std::size_t t = first; t < last; ++t) {
      std::vector<Local> next;
      if (lookahead > 0 && t + 1 < last) next = load(t + 1);
      auto& out = outputs.next(static_cast<std::int64_t>(t), lookahead);
      const Box out_box = touched(kernel.output, tiles[t], {});
      emit_run(context, core, kernel, program, tiles[t], now, {out.buffer, out_box}, nullptr);
      store_box(context, core, kernel.output.storage, kernel.output.shape, out_box, *out.buffer);
      if (lookahead == 0 && t + 1 < last) next = load(t + 1);
      now = std::move(next);
    }
  }
  return ok_status();
}

Status generate_gather(Context& context, const Kernel& kernel, std::size_t number) {
  const std::int64_t count = kernel.dims[0];
  const std::int64_t row_bytes = kernel.row_elements * dtype_bytes(kernel.output_type);
  if (count == 0 || row_bytes == 0) return ok_status();
  const Region region = half_region(context.chip, number);
  const std::int64_t copies = 1 + context.lookahead();
  const std::int64_t rows =
      std::min({count, (region.bytes / copies - 2 * kAlignment) / (row_bytes + 4), std::int64_t{65535},
                context.options.tile_limit > 0 ? context.options.tile_limit : count});
  const Storage& table = context.storage(kernel.table.storage);
  if (rows < 1 || row_bytes >= (1 << 24) || row_bytes >= (std::int64_t{1} << 30))
    return unsupported("node '" + kernel.name + "'", fmt::format("a row of {} bytes does not fit VMEM", row_bytes),
                       "choose a chip with more VMEM");
  const std::vector<Box> tiles = tiles_of({count}, {rows});
  for (std::size_t c = 0; c < context.cores.size(); ++c) {
    Core& core = context.cores[c];
    const auto [first, last] = share(tiles.size(), c, context.cores.size());
    if (first == last) continue;
    Arena arena(core, region.base, region.bytes, region.lower, region.upper);
    TileCache indices(arena, rows * 4, copies), gathered(arena, rows * row_bytes, copies);
    for (std::size_t t = first; t < last; ++t) {
      const auto step = static_cast<std::int64_t>(t);
      auto& index = indices.get(tiles[t], step, context.lookahead(), [&](Arena::Buffer& buffer) {
        load_box(context, core, kernel.indices.storage, kernel.indices.shape, tiles[t], buffer);
      });
      auto& out = gathered.next(step, context.lookahead());
      isa::Gather gather;
      gather.far_space = static_cast<std::int64_t>(table.in_cmem ? isa::Space::kCmem : isa::Space::kHbm);
      gather.far = table.address;
      gather.pitch = row_bytes;
      gather.limit = kernel.table_rows;
      gather.bytes = row_bytes;
      gather.count = tiles[t].size(0);
      gather.index = index.buffer->address;
      gather.local = out.buffer->address;
      core.emitter.emit(context.load_unit(), gather,
                        {&index.buffer->object, &core.far[static_cast<std::size_t>(kernel.table.storage)]},
                        {&out.buffer->object});
      const Box box{{tiles[t].lo[0], 0}, {tiles[t].hi[0], kernel.row_elements}};
      store_box(context, core, kernel.output.storage, kernel.output.shape, box, *out.buffer);
    }
  }
  return ok_status();
}

}  // namespace systole::compile
