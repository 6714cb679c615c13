// The instructions of a product, wave by wave.

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "compile/contraction.h"
#include "compile/memory_plan.h"
#include "numeric/matmul.h"

namespace systole::compile {

Status ContractionCodegen::prepare() {
  buffers_.resize(context_.cores.size());
  if (element_count(kernel_.dims) == 0) return ok_status();
  if (!choose_plan())
    return does_not_fit(context_, number_, fmt::format("node '{}'", kernel_.name), "one output row of the product");
  SYSTOLE_TRY(pack_weights());
  make_waves();
  return ok_status();
}

void ContractionCodegen::generate(const std::function<void()>& order,
                                  const std::function<void(std::size_t core)>& between) {
  if (!waves_.empty() && !kernel_.direct_store) program_ = add_microcode(context_.program, kernel_.program);
  for (std::size_t core = 0; core < context_.cores.size(); ++core) prefetch(core);
  order();
  // Accumulators without bound: where the second half begins differs from kernel to kernel.
  if (chip_.mxu.accumulator_rows == 0)
    for (Core& core : context_.cores)
      for (std::vector<Object>& halves : core.sums) {
        halves[0].inherit(halves[1]);
        halves[1].inherit(halves[0]);
      }
  for (std::size_t core = 0; core < context_.cores.size(); ++core) generate_core(core, between);
  buffers_.clear();
}

Status ContractionCodegen::pack_weights() {
  if (!packed()) return ok_status();
  const Tensor weights = *context_.storage(c_.rhs.storage).constant;
  // Computed when first read, which may be after this object is gone.
  const auto pack = [weights, batches = c_.batched ? kernel_.dims[0] : 1, k_total = c_.k, n_total = columns_, element = rhs_bytes(),
                     transposed = c_.rhs_transposed, tiles = column_tiles_, chunks = chunks_] {
    Tensor image(DType::kU8, {weights.bytes()});
    std::uint8_t* out = image.mutable_raw();
    const std::uint8_t* in = weights.raw();
    for (std::int64_t b = 0; b < batches; ++b) {
      for (const ColumnTile& columns : tiles) {
        for (const Chunk& chunk : chunks) {
          for (std::int64_t r = 0; r < chunk.length; ++r) {
            const std::int64_t k = chunk.weight_row + r;
            if (transposed) {
              for (std::int64_t n = columns.lo; n < columns.hi; ++n, out += element)
                std::copy_n(in + ((b * n_total + n) * k_total + k) * element, element, out);
            } else {
              // HWIO: the output features of a group are contiguous.
              const std::int64_t bytes = (columns.hi - columns.lo) * element;
              std::copy_n(in + ((b * k_total + k) * n_total + columns.lo) * element, bytes, out);
              out += bytes;
            }
          }
        }
      }
    }
    return image;
  };
  SYSTOLE_ASSIGN(weights_address_, add_image(context_.program, chip_, Tensor::computed(DType::kU8, {weights.bytes()}, pack)));
  return ok_status();
}

std::int64_t ContractionCodegen::packed_offset(std::int64_t batch, std::size_t column_tile, const Block& block) const {
  const ColumnTile& columns = column_tiles_[column_tile];
  // Column tiles are in order of groups and columns, each with k rows of its own width.
  return ((batch * columns_ + columns.lo) * c_.k + chunk_rows(0, block.first) * (columns.hi - columns.lo)) *
         rhs_bytes();
}

void ContractionCodegen::load_weights(Core& core, std::int64_t batch, std::size_t column_tile, const Block& block,
                                      Arena::Buffer& buffer) {
  const ColumnTile& columns = column_tiles_[column_tile];
  const std::int64_t rows = chunk_rows(block.first, block.last);
  if (packed()) {
    isa::Load load;
    load.far_space = static_cast<std::int64_t>(isa::Space::kHbm);
    load.far = weights_address_ + packed_offset(batch, column_tile, block);
    load.local = buffer.address;
    load.bytes = rows * (columns.hi - columns.lo) * rhs_bytes();
    core.emitter.emit(context_.weight_unit(), load, {}, {}, &buffer.object);
    return;
  }
  load_box(context_, core, c_.rhs.storage, rhs_shape(), rhs_box(batch, columns, block), buffer);
}

Box ContractionCodegen::rhs_box(std::int64_t batch, const ColumnTile& columns, const Block& block) const {
  const std::int64_t k_lo = chunks_[block.first].weight_row, rows = chunk_rows(block.first, block.last);
  Box box;
  if (c_.is_convolution) {  // HWIO seen as k x n
    box.lo = {k_lo, columns.lo};
    box.hi = {k_lo + rows, columns.hi};
    return box;
  }
  std::size_t d = 0;
  const auto push = [&](std::int64_t lo, std::int64_t hi) {
    const std::int64_t offset = c_.rhs.dims[d++].offset;
    box.lo.push_back(lo + offset);
    box.hi.push_back(hi + offset);
  };
  if (c_.batched) push(batch, batch + 1);
  if (c_.rhs_transposed) {
    push(columns.lo, columns.hi);
    push(k_lo, k_lo + rows);
  } else {
    push(k_lo, k_lo + rows);
    push(columns.lo, columns.hi);
  }
  return box;
}

void ContractionCodegen::make_waves() {
  const std::size_t rows = plan_.row_tiles.size(), columns = column_tiles_.size();
  const auto rw = static_cast<std::size_t>(plan_.rows_a_wave), cw = static_cast<std::size_t>(plan_.columns_a_wave);
  const auto add = [&](std::size_t r, std::size_t c) {
    Wave wave;
    for (std::size_t i = r; i < std::min(rows, r + rw); ++i)
      for (std::size_t j = c; j < std::min(columns, c + cw); ++j) wave.jobs.push_back({i, j});
    waves_.push_back(std::move(wave));
  };
  if (plan_.rows_outer) {
    for (std::size_t r = 0; r < rows; r += rw)
      for (std::size_t c = 0; c < columns; c += cw) add(r, c);
  } else {
    for (std::size_t c = 0; c < columns; c += cw)
      for (std::size_t r = 0; r < rows; r += rw) add(r, c);
  }
}

void ContractionCodegen::allocate(std::size_t core_number) {
  CoreBuffers& buffers = buffers_[core_number];
  buffers.arena = std::make_unique<Arena>(context_.cores[core_number], plan_.region.base, plan_.region.bytes);
  Arena& arena = *buffers.arena;
  if (plan_.x_bytes > 0) buffers.x = TileCache(arena, plan_.x_bytes, plan_.x_slots);
  if (plan_.w_bytes > 0) buffers.weights = TileCache(arena, plan_.w_bytes, plan_.w_slots);
  buffers.operands.resize(plan_.operand_bytes.size());
  for (std::size_t i = 0; i < plan_.operand_bytes.size(); ++i)
    if (plan_.operand_bytes[i] > 0) buffers.operands[i] = TileCache(arena, plan_.operand_bytes[i], copies() * arrays_);
  if (plan_.out_bytes > 0) buffers.outputs = TileCache(arena, plan_.out_bytes, copies() * arrays_);
}

std::vector<ContractionCodegen::Step> ContractionCodegen::steps_of(std::size_t core_number) const {
  const auto [first, last] = share(waves_.size(), core_number, context_.cores.size());
  std::vector<Step> steps;
  for (std::size_t w = first; w < last; ++w)
    for (std::size_t b = 0; b < plan_.blocks.size(); ++b) steps.push_back({w, b});
  return steps;
}

void ContractionCodegen::prefetch(std::size_t core_number) {
  CoreBuffers& buffers = buffers_[core_number];
  const std::vector<Step> steps = steps_of(core_number);
  if (steps.empty() || buffers.arena) return;
  allocate(core_number);
  if (context_.lookahead() == 0) return;
  Core& core = context_.cores[core_number];
  // Blocks in the order of their first use, until the slots or the loads are used up.
  std::vector<std::array<std::int64_t, 3>> seen;
  // Where activations come by the same engine, only what the first wave needs goes before them.
  const auto first_wave = static_cast<std::int64_t>(waves_[steps.front().wave].jobs.size());
  const std::int64_t wanted = context_.weights_apart() ? kPrefetchedLoads : first_wave;
  const auto most = static_cast<std::size_t>(std::min(plan_.w_slots, wanted));
  for (std::size_t s = 0; packed() && s < steps.size(); ++s) {
    for (const Job& job : waves_[steps[s].wave].jobs) {
      const std::array<std::int64_t, 3> key{batch_of(job), static_cast<std::int64_t>(job.columns),
                                            static_cast<std::int64_t>(steps[s].block)};
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
      if (seen.size() == most) return;
      seen.push_back(key);
      weights_of(core, buffers, job, steps[s].block, static_cast<std::int64_t>(s));
    }
    if (seen.size() == most) return;
  }
}

ContractionCodegen::Weights ContractionCodegen::weights_of(Core& core, CoreBuffers& buffers, const Job& job,
                                                           std::size_t block, std::int64_t step) {
  const std::int64_t batch = batch_of(job);
  const ColumnTile& columns = column_tiles_[job.columns];
  if (in_vmem(c_.rhs)) {
    const Box box = rhs_box(batch, columns, plan_.blocks[block]);
    const Local all = resident(context_, core, c_.rhs.storage, rhs_shape());
    const Shape strides = row_major_strides(rhs_shape());
    std::int64_t origin = 0;
    for (std::size_t d = 0; d < strides.size(); ++d) origin += box.lo[d] * strides[d];
    return {all.address + origin * rhs_bytes(), all.object, strides[strides.size() - 2] * rhs_bytes()};
  }
  const Box key{{batch, static_cast<std::int64_t>(job.columns), static_cast<std::int64_t>(block)}, {0, 0, 0}};
  const auto fill = [&](Arena::Buffer& buffer) { load_weights(core, batch, job.columns, plan_.blocks[block], buffer); };
  Arena::Buffer& buffer = *buffers.weights.get(key, step, context_.lookahead(), fill).buffer;
  const Block& chunks = plan_.blocks[block];
  const bool transposed = c_.rhs_transposed && !packed();
  const std::int64_t pitch = transposed ? chunk_rows(chunks.first, chunks.last) : columns.hi - columns.lo;
  return {buffer.address, &buffer.object, pitch * rhs_bytes()};
}

void ContractionCodegen::generate_core(std::size_t core_number,
                                       const std::function<void(std::size_t core)>& between) {
  Core& core = context_.cores[core_number];
  CoreBuffers& buffers = buffers_[core_number];
  const std::vector<Step> steps = steps_of(core_number);
  if (steps.empty()) return between(core_number);
  Loaded now = load(core, buffers, steps.front(), 0);
  for (std::size_t s = 0; s < steps.size(); ++s) {
    Loaded next;
    const bool more = s + 1 < steps.size();
    if (context_.lookahead() > 0 && more) next = load(core, buffers, steps[s + 1], static_cast<std::int64_t>(s + 1));
    if (!more) between(core_number);
    compute(core, steps[s], now);
    if (steps[s].block + 1 == plan_.blocks.size()) finish(core, buffers, steps[s], now, static_cast<std::int64_t>(s));
    if (context_.lookahead() == 0 && more) next = load(core, buffers, steps[s + 1], static_cast<std::int64_t>(s + 1));
    now = std::move(next);
  }
}

ContractionCodegen::Loaded ContractionCodegen::load(Core& core, CoreBuffers& buffers, const Step& step,
                                                    std::int64_t number) {
  Loaded loaded;
  const Wave& wave = waves_[step.wave];
  for (const Job& job : wave.jobs) {
    const Box& rows = plan_.row_tiles[job.rows];
    const Box box = lhs_box(rows);
    if (in_vmem(c_.lhs)) {
      loaded.x.push_back(resident(context_, core, c_.lhs.storage, c_.lhs.shape));
    } else {
      auto& x = buffers.x.get(box, number, context_.lookahead(), [&](Arena::Buffer& buffer) {
        load_box(context_, core, c_.lhs.storage, c_.lhs.shape, box, buffer);
      });
      loaded.x.push_back({*x.buffer, box});
    }
    loaded.windows.push_back(box);
    loaded.weights.push_back(weights_of(core, buffers, job, step.block, number));
  }
  if (step.block + 1 < plan_.blocks.size()) return loaded;
  for (const Job& job : wave.jobs) {
    const Box tile = full_tile(plan_.row_tiles[job.rows], column_tiles_[job.columns]);
    std::vector<Local> locals;
    for (std::size_t i = 0; i < kernel_.inputs.size(); ++i) {
      const Access& operand = kernel_.inputs[i];
      if (in_vmem(operand)) {
        locals.push_back(resident(context_, core, operand.storage, operand.shape));
        continue;
      }
      const Box box = touched(operand, tile, {});
      auto& entry = buffers.operands[i].get(box, number, context_.lookahead(), [&](Arena::Buffer& buffer) {
        load_box(context_, core, operand.storage, operand.shape, box, buffer);
      });
      locals.push_back({*entry.buffer, box});
    }
    loaded.operands.push_back(std::move(locals));
  }
  return loaded;
}

std::int64_t ContractionCodegen::sums_row(std::size_t wave) const {
  const std::int64_t half = chip_.mxu.accumulator_rows == 0 ? element_count(plan_.tile) : accumulator_rows();
  return in_halves() && wave % 2 == 1 ? half : 0;
}

Object& ContractionCodegen::sums_object(Core& core, std::size_t wave, std::size_t array) const {
  return core.sums[array][in_halves() ? wave % 2 : 0];
}

void ContractionCodegen::compute(Core& core, const Step& step, const Loaded& loaded) {
  const Wave& wave = waves_[step.wave];
  const Block& block = plan_.blocks[step.block];
  for (std::size_t i = block.first; i < block.last; ++i) {
    for (int pass = 6 - passes_; pass < 6; ++pass) {
      for (std::size_t j = 0; j < wave.jobs.size(); ++j) {
        const bool first = i == 0 && pass == 6 - passes_;
        const int shown = passes_ == 1 ? -1 : pass;
        emit_push(core, j, wave.jobs[j], block, i, shown, loaded.weights[j]);
        emit_matmul(core, step, j, wave.jobs[j], i, shown, !first, loaded.x[j], loaded.windows[j]);
      }
    }
  }
}

void ContractionCodegen::emit_push(Core& core, std::size_t array, const Job& job, const Block& block, std::size_t chunk,
                                   int pass, const Weights& weights) {
  const ColumnTile& columns = column_tiles_[job.columns];
  const std::int64_t n = columns.hi - columns.lo;
  const std::int64_t row = chunk_rows(block.first, chunk);
  isa::Push push;
  const bool transposed = c_.rhs_transposed && !packed();
  push.pitch = weights.pitch;
  push.weights = weights.address + row * (transposed ? rhs_bytes() : weights.pitch);
  push.rows = chunks_[chunk].length;
  push.columns = n;
  push.type = static_cast<std::int64_t>(c_.rhs_type);
  push.format = static_cast<std::int64_t>(pass >= 0 ? DType::kBF16 : c_.weight_format);
  push.part = pass >= 0 ? kPassWeight[pass] + 1 : 0;
  push.transpose = transposed ? 1 : 0;
  core.emitter.emit(isa::push_unit(static_cast<int>(array)), push, {weights.object});
}

void ContractionCodegen::emit_matmul(Core& core, const Step& step, std::size_t array, const Job& job,
                                     std::size_t chunk_number, int pass, bool accumulate, const Local& x, const Box& window) {
  const Chunk& chunk = chunks_[chunk_number];
  const Box& rows = plan_.row_tiles[job.rows];
  const ColumnTile& columns = column_tiles_[job.columns];
  const isa::UnitId unit = isa::matrix_unit(static_cast<int>(array));
  isa::Pad pad;
  isa::Matmul matmul;
  const std::int64_t element = lhs_bytes();
  pad.type = static_cast<std::int64_t>(c_.lhs_type);
  if (c_.is_convolution) {
    const std::int64_t height = window.size(1), width = x.box.size(2) * in_channels_;
    const auto first = [&](std::size_t d) { return c_.lhs.dims[d].offset + c_.lhs.dims[d].scale * rows.lo[d]; };
    pad.image_pitch = x.box.size(1) * width * element;
    pad.row_pitch = c_.conv.stride[0] * width * element;
    pad.step_pitch = c_.conv.stride[1] * in_channels_ * element;
    pad.row_step = c_.conv.stride[0];
    pad.column_step = c_.conv.stride[1] * in_channels_;
    pad.height = height;
    pad.width = window.size(2) * in_channels_;
    matmul.images = rows.size(0);
    matmul.out_rows = rows.size(1);
    matmul.out_columns = rows.size(2);
    // Bounds count from the window's corner, addresses from the buffer's.
    matmul.row = first(1) - window.lo[1] + chunk.tap_row * c_.conv.rhs_dilation[0];
    matmul.column = (first(2) - window.lo[2]) * in_channels_ + chunk.column + columns.group * group_channels_;
    const std::int64_t corner = (first(0) - x.box.lo[0]) * pad.image_pitch +
                                ((window.lo[1] - x.box.lo[1]) * width + (window.lo[2] - x.box.lo[2]) * in_channels_) * element;
    matmul.source = (x.address + corner + (matmul.row * width + matmul.column) * element) & 0xFFFFFFFF;
  } else {
    const std::size_t m = rows.lo.size() - 2;
    const Shape strides = row_major_strides(c_.lhs.shape);
    const auto& dims = c_.lhs.dims;
    std::int64_t corner = 0;
    pad.step_pitch = c_.k * element;
    if (in_vmem(c_.lhs)) {
      for (std::size_t d = 0; d < dims.size(); ++d) {
        corner += (window.lo[d] - x.box.lo[d]) * strides[d] * element;
        if (dims[d].iter == static_cast<int>(m)) pad.step_pitch = dims[d].scale * strides[d] * element;
      }
    }
    matmul.out_columns = rows.size(m);
    matmul.column = chunk.column;
    matmul.source = x.address + corner + chunk.column * element;
  }
  if (!(core.pads[array] == pad)) {
    core.emitter.emit(unit, pad);
    core.pads[array] = pad;
  }
  matmul.length = chunk.length;
  matmul.columns = columns.hi - columns.lo;
  matmul.accumulator = sums_row(step.wave);
  matmul.accumulate = accumulate ? 1 : 0;
  matmul.format = static_cast<std::int64_t>(pass >= 0 ? DType::kBF16 : c_.format);
  matmul.part = pass >= 0 ? kPassActivation[pass] + 1 : 0;
  core.emitter.emit(unit, matmul, {x.object}, {&sums_object(core, step.wave, array)});
}

void ContractionCodegen::finish(Core& core, CoreBuffers& buffers, const Step& step, const Loaded& loaded,
                                std::int64_t number) {
  const Wave& wave = waves_[step.wave];
  for (std::size_t j = 0; j < wave.jobs.size(); ++j) {
    const Box tile = full_tile(plan_.row_tiles[wave.jobs[j].rows], column_tiles_[wave.jobs[j].columns]);
    const Box out_box = touched(kernel_.output, tile, {});
    Object& sums = sums_object(core, step.wave, j);
    if (kernel_.direct_store) {
      store_sums(context_, core, kernel_.output.storage, kernel_.output.shape, out_box, static_cast<int>(j),
                 sums_row(step.wave), sums);
      continue;
    }
    const Accumulators accumulators{static_cast<int>(j), sums_row(step.wave), &sums};
    if (in_vmem(kernel_.output)) {
      const Local out = resident(context_, core, kernel_.output.storage, kernel_.output.shape);
      emit_run(context_, core, kernel_, program_, tile, loaded.operands[j], out, &accumulators);
      continue;
    }
    auto& out = buffers.outputs.next(number, context_.lookahead());
    emit_run(context_, core, kernel_, program_, tile, loaded.operands[j], {*out.buffer, out_box}, &accumulators);
    store_box(context_, core, kernel_.output.storage, kernel_.output.shape, out_box, *out.buffer);
  }
}

}  // namespace systole::compile
