// Convolution. Operands are brought to lhs [n, spatial.., c], rhs [spatial.., c, o]; the last spatial dimension is w.
#include <tbb/parallel_for.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "graph/eval.h"
#include "graph/infer.h"
#include "graph/product.h"
#include "graph/strided.h"
#include "graph/words.h"
#include "numeric/microcode.h"

namespace systole::graph {
namespace {

// One spatial dimension.
struct Axis {
  std::int64_t input = 1, kernel = 1, output = 1, stride = 1, low = 0, lhs_dilation = 1, rhs_dilation = 1;
  // The input element under kernel element k at output position o, or -1: padding or a hole of the dilated input.
  std::int64_t at(std::int64_t o, std::int64_t k) const {
    const std::int64_t i = o * stride + k * rhs_dilation - low;
    if (i < 0) return -1;
    if (lhs_dilation == 1) return i < input ? i : -1;
    return i % lhs_dilation == 0 && i / lhs_dilation < input ? i / lhs_dilation : -1;
  }
};

struct Convolution {
  Tensor lhs, rhs;  // canonical layouts
  std::vector<Axis> outer;  // spatial dimensions but the last
  Axis w;
  std::int64_t batch = 0, channels = 0, outputs = 0, groups = 1;
  std::int64_t group_channels() const { return channels / groups; }
  std::int64_t group_outputs() const { return outputs / groups; }
  std::int64_t taps() const { return product(&Axis::kernel); }
  std::int64_t positions() const { return batch * product(&Axis::output); }
  Shape output_shape() const {  // [n, spatial.., o]
    Shape shape = {batch};
    for (const Axis& axis : outer) shape.push_back(axis.output);
    shape.insert(shape.end(), {w.output, outputs});
    return shape;
  }
  // The element of lhs, in elements, of channel 0 under tap `tap` of output position `position`; -1: padding or a hole.
  std::int64_t input_of(std::int64_t position, std::int64_t tap) const {
    std::int64_t pitch = channels, at = 0;
    const auto step = [&](const Axis& axis) {
      const std::int64_t i = axis.at(position % axis.output, tap % axis.kernel);
      at = i < 0 || at < 0 ? -1 : at + i * pitch;
      pitch *= axis.input, position /= axis.output, tap /= axis.kernel;
    };
    step(w);
    for (std::size_t i = outer.size(); i-- > 0;) step(outer[i]);
    return at < 0 ? -1 : at + position * pitch;
  }

 private:
  std::int64_t product(std::int64_t Axis::*size) const {
    std::int64_t all = w.*size;
    for (const Axis& axis : outer) all *= axis.*size;
    return all;
  }
};

Axis axis_of(const ConvAttr& a, std::size_t i, const Step& step) {
  const auto size = [](const Tensor& x, std::int64_t d) { return x.shape()[static_cast<std::size_t>(d)]; };
  return {size(step.operand(0), a.lhs_spatial[i]),
          size(step.operand(1), a.rhs_spatial[i]),
          step.result.shape[static_cast<std::size_t>(a.out_spatial[i])],
          a.stride[i],
          a.pad_low[i],
          a.lhs_dilation[i],
          a.rhs_dilation[i]};
}

Convolution canonical_form(const Step& step) {
  const auto& a = step.op.get<ConvAttr>();
  const Tensor &lhs = step.operand(0), &rhs = step.operand(1);
  std::vector<std::int64_t> lhs_order = {a.lhs_batch}, rhs_order = a.rhs_spatial;
  lhs_order.insert(lhs_order.end(), a.lhs_spatial.begin(), a.lhs_spatial.end());
  lhs_order.push_back(a.lhs_feature);
  rhs_order.insert(rhs_order.end(), {a.rhs_input, a.rhs_output});
  Convolution c;
  c.lhs = transposed(lhs, lhs_order);
  c.rhs = transposed(rhs, rhs_order);
  const std::size_t spatial = a.lhs_spatial.size();
  if (spatial > 0) c.w = axis_of(a, spatial - 1, step);
  for (std::size_t i = 0; i + 1 < spatial; ++i) c.outer.push_back(axis_of(a, i, step));
  c.batch = c.lhs.shape().front();
  c.channels = c.lhs.shape().back();
  c.outputs = c.rhs.shape().back();
  c.groups = a.feature_groups;
  return c;
}

// [n, spatial.., o] back to the op's own layout.
Tensor in_result_layout(const Step& step, Tensor canonical) {
  const auto& a = step.op.get<ConvAttr>();
  std::vector<std::int64_t> order(step.result.shape.size());
  order[static_cast<std::size_t>(a.out_batch)] = 0;
  order[static_cast<std::size_t>(a.out_feature)] = static_cast<std::int64_t>(order.size()) - 1;
  Shape shape = {step.result.shape[static_cast<std::size_t>(a.out_batch)]};
  for (std::size_t i = 0; i < a.out_spatial.size(); ++i) {
    order[static_cast<std::size_t>(a.out_spatial[i])] = static_cast<std::int64_t>(i) + 1;
    shape.push_back(step.result.shape[static_cast<std::size_t>(a.out_spatial[i])]);
  }
  shape.push_back(step.result.shape[static_cast<std::size_t>(a.out_feature)]);
  return transposed(canonical.reshaped(shape), order);
}

// Elements chunk.row .. of the sequence (.., kh, kw, c) under the windows of output rows first .. first + count - 1 of
// group g.
void gather_windows(const Convolution& c, std::int64_t g, std::int64_t first, std::int64_t count, const Chunk& chunk,
                    std::uint8_t* out) {
  const std::int64_t size = dtype_bytes(c.lhs.type()), channels = c.group_channels();
  const std::uint8_t* in = c.lhs.raw() + g * channels * size;
  for (std::int64_t row = first; row < first + count; ++row) {
    for (std::int64_t k = chunk.row; k < chunk.row + chunk.k;) {
      const std::int64_t channel = k % channels, tap = k / channels;
      const std::int64_t piece = std::min(channels - channel, chunk.row + chunk.k - k);
      const std::int64_t at = c.input_of(row, tap);
      const auto bytes = static_cast<std::size_t>(piece * size);
      if (at < 0) {
        std::memset(out, 0, bytes);
      } else {
        std::memcpy(out, in + (at + channel) * size, bytes);
      }
      out += bytes;
      k += piece;
    }
  }
}

// The chunks of one group. Within one kh the elements (kw, c) run on when they are neighbours in memory too.
std::vector<Chunk> convolution_chunks(const Convolution& c, std::int64_t limit) {
  const bool merged = c.w.rhs_dilation == 1 && c.groups == 1;
  const std::int64_t run = c.group_channels() * (merged ? c.w.kernel : 1);
  std::vector<Chunk> chunks;
  for (std::int64_t first = 0; run > 0 && first < c.taps() * c.group_channels(); first += run) {
    append_chunks(chunks, first, run, limit);
  }
  return chunks;
}

template <typename Arithmetic>
Tensor on_matrix_unit(const Step& step, Convolution c, const Arithmetic& arithmetic) {
  c.lhs = product_operand(c.lhs, arithmetic);
  c.rhs = product_operand(c.rhs, arithmetic);
  Tensor out(step.result.type, c.output_shape());
  if (out.count() == 0) return out;
  std::uint8_t* to = out.mutable_raw();
  tbb::parallel_for(std::int64_t{0}, c.groups, [&](std::int64_t g) {
    Product p;
    p.activation = c.lhs.type();
    p.weight = c.rhs.type();
    p.m = c.positions();
    p.k = c.taps() * c.group_channels();
    p.n = c.group_outputs();
    p.weights = c.rhs.raw() + g * p.n * dtype_bytes(p.weight);
    p.weight_pitch = c.outputs;
    p.chunks = convolution_chunks(c, chunk_limit(arithmetic));
    p.gather = [&c, g](std::int64_t first, std::int64_t count, const Chunk& chunk, std::uint8_t* scratch) {
      gather_windows(c, g, first, count, chunk, scratch);
      return Rows{scratch, chunk.k};
    };
    p.algorithm = step.op.get<ConvAttr>().algorithm;
    multiply(p, arithmetic, out.type(), to + g * p.n * dtype_bytes(out.type()), c.outputs);
  });
  return out;
}

Tensor as_words(const Tensor& x) {
  Tensor words(DType::kU32, x.shape());
  load_words(x.type(), x.raw(), words.mutable_data<std::uint32_t>(), x.count());
  return words;
}

// Depthwise on the vector unit: acc = +0; for kh, kw ascending: acc = x * w + acc (fp32 with one rounding, or int32),
// padding as +0 multiplied. Lanes hold output channels; output channel o reads input channel o / multiplier.
Tensor on_vector_unit(const Step& step, const Convolution& c) {
  const bool floats = is_word_float(step.result.type);
  const Tensor x = as_words(c.lhs), w = as_words(c.rhs);
  const std::int64_t outputs = c.outputs, multiplier = outputs / std::max<std::int64_t>(c.channels, 1);
  Tensor out(step.result.type, c.output_shape());
  std::uint8_t* to = out.mutable_raw();
  if (out.count() == 0) return out;
  MicroProgram program(1);
  program[0] = {.op = MicroOpcode::kFFma, .d = 2, .a = 0, .b = 1, .c = 2};
  if (!floats) {
    program = {{.op = MicroOpcode::kIMul, .d = 0, .a = 0, .b = 1}, {.op = MicroOpcode::kIAdd, .d = 2, .a = 2, .b = 0}};
  }
  tbb::parallel_for(std::int64_t{0}, c.positions(), [&](std::int64_t row) {
    std::vector<std::uint32_t> registers(static_cast<std::size_t>(3 * outputs), 0);  // x, w, acc
    for (std::int64_t tap = 0; tap < c.taps(); ++tap) {
      const std::int64_t at = c.input_of(row, tap);
      for (std::int64_t o = 0; o < outputs; ++o)
        registers[static_cast<std::size_t>(o)] = at < 0 ? 0 : x.data<std::uint32_t>()[at + o / multiplier];
      std::copy_n(w.data<std::uint32_t>() + tap * outputs, outputs, registers.begin() + outputs);
      for (const MicroOp& op : program) step_lanes(op, registers.data(), outputs);
    }
    store_words(out.type(), registers.data() + 2 * outputs, to + row * outputs * dtype_bytes(out.type()), outputs);
  });
  return out;
}

}  // namespace

template <>
Expected<Tensor> eval_convolution(const Step& step, const DoubleArithmetic& arithmetic) {
  return in_result_layout(step, on_matrix_unit(step, canonical_form(step), arithmetic));
}

template <>
Expected<Tensor> eval_convolution(const Step& step, const ChipRun& run) {
  if (step.op.get<ConvAttr>().placement == Placement::kVectorUnit) {
    return in_result_layout(step, on_vector_unit(step, canonical_form(step)));
  }
  SYSTOLE_TRY(check_product(step, run));
  return in_result_layout(step, on_matrix_unit(step, canonical_form(step), run));
}

}  // namespace systole::graph
