#include "compile/codegen_vector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "base/units.h"
#include "compile/memory_plan.h"

namespace systole::compile {

Error does_not_fit(Context& context, std::size_t kernel_number, const std::string& place, const std::string& what) {
  context.failed_kernel = static_cast<int>(kernel_number);
  return unsupported(place, fmt::format("{} does not fit {} bytes of VMEM", what, context.chip.vmem_bytes),
                     "choose a chip with more VMEM");
}

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

std::int64_t buffer_bytes(std::int64_t elements, DType type) {
  return round_up(std::max<std::int64_t>(elements * dtype_bytes(type), 1), kAlignment);
}

// Sizes of a kernel's buffers (none for what lives in VMEM) for the largest tile of a tiling (its first one reaches no further than any other).
struct Sizes {
  std::vector<std::int64_t> inputs;
  std::int64_t output = 0;
  std::int64_t total = 0;    // one of each
  std::int64_t largest = 0;  // elements of the largest buffer
};

Sizes sizes_of(const Context& context, const Kernel& kernel, const Shape& tile) {
  Sizes sizes;
  const Box box{Shape(tile.size(), 0), tile};
  for (std::size_t i = 0; i < kernel.inputs.size(); ++i) {
    Box in = touched(kernel.inputs[i], box, kernel.taps);
    std::int64_t count = 1;
    for (std::size_t d = 0; d < in.lo.size(); ++d) count *= std::min(in.size(d), kernel.inputs[i].shape[d]);
    const bool here = context.storage(kernel.inputs[i].storage).in_vmem;
    sizes.inputs.push_back(here ? 0 : buffer_bytes(count, kernel.input_types[i]));
    sizes.total += sizes.inputs.back();
    sizes.largest = std::max(sizes.largest, count);
  }
  const std::int64_t count = element_count(tile);
  const bool stays = context.storage(kernel.output.storage).in_vmem;
  sizes.output = stays ? 0 : buffer_bytes(count, kernel.output_type);
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
    const Sizes sizes = sizes_of(context, kernel, t);
    return copies * sizes.total <= room && sizes.largest <= kMaxBufferElements && run_fits(t) &&
           (limit <= 0 || element_count(t) <= limit);
  };
  while (!fits(tile)) {
    if (!halve(tile)) {
      if (limit > 0 && element_count(tile) == 1) break;
      return std::nullopt;
    }
  }
  if (sizes_of(context, kernel, tile).total * copies > room) return std::nullopt;
  const std::int64_t total = sizes_of(context, kernel, kernel.dims).total;
  const std::int64_t wanted =
      context.chip.cores * std::clamp<std::int64_t>(total / context.chip.cores / kWorthSplitting, 1, kTilesACore);
  while (tile_count(kernel.dims, tile) < wanted && sizes_of(context, kernel, tile).total > kWorthSplitting / 16 && halve(tile)) {
  }
  return tile;
}

}  // namespace

bool fits_its_half(const Context& context, const Kernel& kernel, std::size_t number) {
  return element_count(kernel.dims) == 0 || kernel.kind == KernelKind::kGather ||
         choose_tile(context, kernel, context.regions[number].half.bytes);
}

Status generate_vector_kernel(Context& context, const Kernel& kernel, std::size_t number) {
  if (element_count(kernel.dims) == 0) return ok_status();
  const Regions& regions = context.regions[number];
  Region region;
  std::optional<Shape> tile;
  for (const Region& candidate : {regions.part, regions.half, regions.whole}) {
    region = candidate;
    tile = choose_tile(context, kernel, region.bytes);
    if (tile) break;
  }
  if (!tile)
    return does_not_fit(context, number, fmt::format("node '{}'", kernel.name), "even one element");
  const Sizes sizes = sizes_of(context, kernel, *tile);
  const std::vector<Box> tiles = tiles_of(kernel.dims, *tile);
  const std::int64_t program = add_microcode(context.program, kernel.program);
  const int lookahead = context.lookahead();

  for (std::size_t c = 0; c < context.cores.size(); ++c) {
    Core& core = context.cores[c];
    const auto [first, last] = kernel.replicated ? std::pair<std::size_t, std::size_t>{0, tiles.size()}
                                                 : share(tiles.size(), c, context.cores.size());
    if (first == last) continue;
    Arena arena(core, region.base, region.bytes);
    std::vector<TileCache> inputs(kernel.inputs.size());
    for (std::size_t i = 0; i < kernel.inputs.size(); ++i)
      if (sizes.inputs[i] > 0) inputs[i] = TileCache(arena, sizes.inputs[i], 1 + lookahead);
    TileCache outputs;
    if (sizes.output > 0) outputs = TileCache(arena, sizes.output, 1 + lookahead);
    const auto load = [&](std::size_t t) {
      std::vector<Local> locals;
      for (std::size_t i = 0; i < kernel.inputs.size(); ++i) {
        const Access& input = kernel.inputs[i];
        if (context.storage(input.storage).in_vmem) {
          locals.push_back(resident(context, core, input.storage, input.shape));
          continue;
        }
        const Box box = input_box(kernel, i, tiles[t]);
        const auto& entry = inputs[i].get(box, static_cast<std::int64_t>(t), lookahead, [&](Arena::Buffer& buffer) {
          load_box(context, core, input.storage, input.shape, box, buffer);
        });
        locals.push_back({*entry.buffer, box});
      }
      return locals;
    };
    std::vector<Local> now = load(first);
    for (std::size_t t = first; t < last; ++t) {
      std::vector<Local> next;
      if (lookahead > 0 && t + 1 < last) next = load(t + 1);
      if (sizes.output == 0) {
        const Local out = resident(context, core, kernel.output.storage, kernel.output.shape);
        emit_run(context, core, kernel, program, tiles[t], now, out, nullptr);
      } else {
        auto& out = outputs.next(static_cast<std::int64_t>(t), lookahead);
        const Box out_box = touched(kernel.output, tiles[t], {});
        emit_run(context, core, kernel, program, tiles[t], now, {*out.buffer, out_box}, nullptr);
        store_box(context, core, kernel.output.storage, kernel.output.shape, out_box, *out.buffer);
      }
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
  const Region region = context.regions[number].half;
  const std::int64_t copies = 1 + context.lookahead();
  const std::int64_t rows =
      std::min({count, (region.bytes / copies - 2 * kAlignment) / (row_bytes + 4), std::int64_t{65535},
                context.options.tile_limit > 0 ? context.options.tile_limit : count});
  const Storage& table = context.storage(kernel.table.storage);
  const bool index_here = context.storage(kernel.indices.storage).in_vmem;
  const bool stays = context.storage(kernel.output.storage).in_vmem;
  if (rows < 1 || row_bytes >= (1 << 24) || row_bytes >= (std::int64_t{1} << 30))
    return does_not_fit(context, number, fmt::format("node '{}'", kernel.name), fmt::format("a row of {} bytes", row_bytes));
  const std::vector<Box> tiles = tiles_of({count}, {rows});
  for (std::size_t c = 0; c < context.cores.size(); ++c) {
    Core& core = context.cores[c];
    const auto [first, last] = kernel.replicated ? std::pair<std::size_t, std::size_t>{0, tiles.size()}
                                                 : share(tiles.size(), c, context.cores.size());
    if (first == last) continue;
    Arena arena(core, region.base, region.bytes);
    TileCache indices, gathered;
    if (!index_here) indices = TileCache(arena, rows * 4, copies);
    if (!stays) gathered = TileCache(arena, rows * row_bytes, copies);
    for (std::size_t t = first; t < last; ++t) {
      const auto step = static_cast<std::int64_t>(t);
      const Local index = index_here ? resident(context, core, kernel.indices.storage, kernel.indices.shape)
                                     : Local(*indices.get(tiles[t], step, context.lookahead(), [&](Arena::Buffer& buffer) {
                                         load_box(context, core, kernel.indices.storage, kernel.indices.shape, tiles[t], buffer);
                                       }).buffer, tiles[t]);
      Arena::Buffer* buffer = stays ? nullptr : gathered.next(step, context.lookahead()).buffer;
      const Local out = stays ? resident(context, core, kernel.output.storage, kernel.output.shape) : Local(*buffer, tiles[t]);
      isa::Gather gather;
      gather.far_space = static_cast<std::int64_t>(table.in_cmem ? isa::Space::kCmem : isa::Space::kHbm);
      gather.far = table.address;
      gather.pitch = row_bytes;
      gather.limit = kernel.table_rows;
      gather.bytes = row_bytes;
      gather.count = tiles[t].size(0);
      gather.index = index.address + (tiles[t].lo[0] - index.box.lo[0]) * 4;
      gather.local = out.address + (tiles[t].lo[0] - out.box.lo[0]) * row_bytes;
      core.emitter.emit(context.load_unit(), gather,
                        {index.object, &core.far[static_cast<std::size_t>(kernel.table.storage)]}, {}, out.object);
      if (stays) continue;
      const Box box{{tiles[t].lo[0], 0}, {tiles[t].hi[0], kernel.row_elements}};
      store_box(context, core, kernel.output.storage, kernel.output.shape, box, *buffer);
    }
  }
  return ok_status();
}

}  // namespace systole::compile
