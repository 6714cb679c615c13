// Anchors: contractions, reductions, windows; and padding.
#include <algorithm>
#include <bit>

#include "compile/fuser.h"

namespace systole::compile {

namespace {

std::uint32_t reduction_identity(graph::Reduction reduction, bool real) {
  switch (reduction) {
    case graph::Reduction::kAdd:
    case graph::Reduction::kOr:
      return 0;
    case graph::Reduction::kMultiply:
      return real ? std::bit_cast<std::uint32_t>(1.0f) : 1u;
    case graph::Reduction::kMaximum:
      return real ? 0xFF800000u : 0x80000000u;
    case graph::Reduction::kMinimum:
      return real ? 0x7F800000u : 0x7FFFFFFFu;
    case graph::Reduction::kAnd:
      return ~0u;
  }
  return 0;
}

MicroOpcode reduction_opcode(graph::Reduction reduction, bool real) {
  switch (reduction) {
    case graph::Reduction::kAdd:
      return real ? MicroOpcode::kFAdd : MicroOpcode::kIAdd;
    case graph::Reduction::kMultiply:
      return real ? MicroOpcode::kFMul : MicroOpcode::kIMul;
    case graph::Reduction::kMaximum:
      return real ? MicroOpcode::kFMax : MicroOpcode::kIMax;
    case graph::Reduction::kMinimum:
      return real ? MicroOpcode::kFMin : MicroOpcode::kIMin;
    case graph::Reduction::kAnd:
      return MicroOpcode::kAnd;
    case graph::Reduction::kOr:
      return MicroOpcode::kOr;
  }
  return MicroOpcode::kMove;
}

}  // namespace

Status Fuser::start_anchor(Context& context) {
  const Op& op = *context.anchor;
  context.kernel.dims = shape_of(op.result);
  if (is_contraction(op)) return start_contraction(op, context);
  if (op.kind == OpKind::kReduce) return start_reduce(op, context);
  return start_window(op, context);
}

Expected<std::pair<View, DType>> Fuser::product_operand(ValueId v) {
  const Op* op = definition(v);
  if (!views_[index(v)] && op != nullptr && op->kind == OpKind::kConvert && options_.fuse &&
      type_of(op->operands[0]) == DType::kF32 && is_float(type_of(v))) {
    const ValueId source = op->operands[0];
    const Op* maker = definition(source);
    const bool in_memory =
        maker == nullptr || views_[index(source)] || users_[index(source)].size() > 1 ||
        (maker->kind == OpKind::kReshape || maker->kind == OpKind::kSlice || maker->kind == OpKind::kConcatenate);
    if (in_memory) {
      SYSTOLE_ASSIGN(View view, leaf(source));
      return std::pair<View, DType>{view, storage(view.storage).type};
    }
  }
  SYSTOLE_ASSIGN(View view, leaf(v));
  return std::pair<View, DType>{view, storage(view.storage).type};
}

Status Fuser::start_contraction(const Op& op, Context& context) {
  Kernel& kernel = context.kernel;
  kernel.kind = KernelKind::kContraction;
  Contraction c;
  SYSTOLE_ASSIGN(const auto lhs, product_operand(op.operands[0]));
  SYSTOLE_ASSIGN(const auto rhs, product_operand(op.operands[1]));
  c.lhs_type = lhs.second;
  c.rhs_type = rhs.second;
  c.format = type_of(op.operands[0]);
  c.weight_format = type_of(op.operands[1]);
  const Shape& in = shape_of(op.operands[0]);
  const Shape& out = shape_of(op.result);
  if (op.kind == OpKind::kConvolution) {
    const auto& attr = op.get<graph::ConvAttr>();
    const Shape& filter = shape_of(op.operands[1]);
    kernel.label = "convolution";
    c.is_convolution = true;
    c.conv = attr;
    c.algorithm = attr.algorithm;
    IndexMap map(4);
    map[0] = {0, 1, -1, 0, 0};
    map[1] = {1, attr.stride[0], 0, attr.rhs_dilation[0], -attr.pad_low[0]};
    map[2] = {2, attr.stride[1], 1, attr.rhs_dilation[1], -attr.pad_low[1]};
    c.lhs = access_of(lhs.first, map);
    c.rhs = access_of(rhs.first, IndexMap(4));
    c.k = filter[0] * filter[1] * filter[2];
    c.in_height = in[1];
    c.in_width = in[2];
    c.in_channels = in[3];
  } else {
    const auto& attr = op.get<graph::DotAttr>();
    kernel.label = "dot";
    c.batched = in.size() == 3;
    c.algorithm = attr.algorithm;
    c.rhs_transposed = attr.rhs_contract[0] == static_cast<std::int64_t>(in.size()) - 1;
    IndexMap left(in.size()), right(in.size());
    if (c.batched) left[0] = right[0] = {0, 1, -1, 0, 0};
    left[in.size() - 2] = {static_cast<int>(in.size()) - 2, 1, -1, 0, 0};
    c.lhs = access_of(lhs.first, left);
    c.rhs = access_of(rhs.first, right);
    c.k = in.back();
  }
  kernel.macs = element_count(out) * c.k;
  kernel.contraction = c;
  kernel.accumulator_slot = 0;
  context.anchor_node = context.builder.load(0);
  if (is_fixed(c.format))  // the accumulators hold words of the format
    context.anchor_node =
        context.builder.op(MicroOpcode::kFMul, {context.builder.op(MicroOpcode::kIToF, {context.anchor_node}),
                                                context.builder.constant(std::bit_cast<std::uint32_t>(
                                                    1.0f / static_cast<float>(1 << fraction_bits(c.format))))});
  return ok_status();
}

Status Fuser::start_reduce(const Op& op, Context& context) {
  Kernel& kernel = context.kernel;
  const auto& attr = op.get<graph::ReduceAttr>();
  kernel.kind = KernelKind::kReduce;
  kernel.label = "reduce";
  const ValueId x = op.operands[0];
  const Shape& in = shape_of(x);
  const bool real = is_real(type_of(op.result));
  kernel.reduce_mode = 1 + static_cast<int>(attr.reduction) + (real ? 0 : 8);
  ExpressionBuilder body;
  Context inner{kernel, body};
  inner.body = context.body;
  inner.in_body = true;
  NodeId node = -1;
  std::set<std::int64_t> reduced(attr.dimensions.begin(), attr.dimensions.end());
  if (reduced.size() <= 2) {
    IndexMap map(in.size());
    int next = 0, tap = 0;
    for (std::size_t d = 0; d < in.size(); ++d) {
      if (reduced.contains(static_cast<std::int64_t>(d))) {
        map[d] = {-1, 0, tap++, 1, 0};
        kernel.taps.push_back(in[d]);
      } else {
        map[d] = {next++, 1, -1, 0, 0};
      }
    }
    SYSTOLE_ASSIGN(node, build(x, map, inner));
  } else {
    SYSTOLE_ASSIGN(const View view, dense_leaf(x, op.source));
    // The reduced dimensions are adjacent: see them as one.
    Access access{view.storage, {}, {}};
    int next = 0;
    for (std::size_t d = 0; d < in.size(); ++d) {
      if (!reduced.contains(static_cast<std::int64_t>(d))) {
        access.shape.push_back(in[d]);
        access.dims.push_back({next++, 1, -1, 0, 0});
      } else if (!reduced.contains(static_cast<std::int64_t>(d) - 1)) {
        access.shape.push_back(in[d]);
        access.dims.push_back({-1, 0, 0, 1, 0});
      } else {
        access.shape.back() *= in[d];
      }
    }
    for (std::size_t d = 0; d < access.dims.size(); ++d)
      if (access.dims[d].tap == 0) kernel.taps = {access.shape[d]};
    node = body.load(add_input(inner, access, storage(view.storage).type));
  }
  if (kernel.taps.empty()) kernel.taps = {1};
  if (node < 0) return no_room(op);
  const auto program = body.emit(node, -1, 0, 1);
  if (!program || program->size() > 1000) return no_room(op);
  kernel.program.body = *program;
  kernel.program.result = 0;
  SYSTOLE_ASSIGN(const NodeId init, build(op.operands[1], {}, context));
  context.anchor_node = context.builder.op(reduction_opcode(attr.reduction, real), {init, context.builder.pinned(0)});
  context.anchor_node = context.builder.round_to(context.anchor_node, type_of(op.result));
  return ok_status();
}

Status Fuser::start_window(const Op& op, Context& context) {
  Kernel& kernel = context.kernel;
  ExpressionBuilder body;
  Context inner{kernel, body};
  inner.in_body = true;
  SYSTOLE_ASSIGN(const View view, leaf(op.operands[0]));
  const DType type = storage(view.storage).type;
  IndexMap map = identity_map(shape_of(op.operands[0]));
  std::vector<std::int64_t> pad_low, pad_high;
  std::uint32_t start = 0;
  NodeId sum = body.pinned(0);
  if (op.kind == OpKind::kConvolution) {
    const auto& attr = op.get<graph::ConvAttr>();
    const Shape& filter = shape_of(op.operands[1]);
    kernel.label = "convolution";
    kernel.taps = {filter[0], filter[1]};
    kernel.macs = element_count(kernel.dims) * filter[0] * filter[1];
    for (std::size_t s = 0; s < 2; ++s)
      map[s + 1] = {static_cast<int>(s) + 1, attr.stride[s], static_cast<int>(s), attr.rhs_dilation[s],
                    -attr.pad_low[s]};
    pad_low = attr.pad_low;
    pad_high = attr.pad_high;
    SYSTOLE_ASSIGN(const View weights, leaf(op.operands[1]));
    const IndexMap weight_map{{-1, 0, 0, 1, 0}, {-1, 0, 1, 1, 0}, {}, {3, 1, -1, 0, 0}};
    const NodeId x = body.load(add_input(inner, access_of(view, map), type));
    const NodeId w = body.load(add_input(inner, access_of(weights, weight_map), storage(weights.storage).type));
    sum = is_real(type) ? body.op(MicroOpcode::kFFma, {x, w, sum})
                        : body.op(MicroOpcode::kIAdd, {sum, body.op(MicroOpcode::kIMul, {x, w})});
  } else {
    const auto& attr = op.get<graph::ReduceWindowAttr>();
    const bool real = is_real(type_of(op.result));
    kernel.label = "window";
    kernel.taps = {attr.window[1], attr.window[2]};
    for (std::size_t s = 0; s < 2; ++s)
      map[s + 1] = {static_cast<int>(s) + 1, attr.stride[s + 1], static_cast<int>(s), attr.window_dilation[s + 1],
                    -attr.pad_low[s + 1]};
    pad_low = {attr.pad_low[1], attr.pad_low[2]};
    pad_high = {attr.pad_high[1], attr.pad_high[2]};
    const Tensor* init = constant_of(op.operands[1]);
    if (init == nullptr) return unsupported(place(op), "the window's initial value must be constant", "");
    start = register_bits(*init);
    kernel.window.value = reduction_identity(attr.reduction, real);
    sum =
        body.op(reduction_opcode(attr.reduction, real), {sum, body.load(add_input(inner, access_of(view, map), type))});
  }
  if (pad_low[0] > 0 || pad_high[0] > 0 || pad_low[1] > 0 || pad_high[1] > 0) {
    const Shape& in = shape_of(op.operands[0]);
    kernel.window.input = 0;
    kernel.window.row = 1;
    kernel.window.column = 2;
    kernel.window.row_lo = view.offset[1];
    kernel.window.row_hi = view.offset[1] + in[1];
    kernel.window.column_lo = view.offset[2];
    kernel.window.column_hi = view.offset[2] + in[2];
  }
  const auto program = body.emit(sum, -1, 0, 1);
  if (!program) return no_room(op);
  kernel.program.body = *program;
  MicroOp clear;
  clear.op = MicroOpcode::kConst;
  clear.imm = start;
  clear.imm_operand = MicroOp::Imm::kA;
  kernel.program.prologue = {clear};
  context.anchor_node = context.builder.round_to(context.builder.pinned(0), type_of(op.result));
  return ok_status();
}

Expected<bool> Fuser::pad_kernel(const Op& op, Kernel& kernel, ExpressionBuilder& builder, Context& context) {
  const auto& attr = op.get<graph::PadAttr>();
  const Tensor* value = constant_of(op.operands[1]);
  if (value == nullptr) return unsupported(place(op), "the padding value must be constant", "");
  SYSTOLE_ASSIGN(const View view, leaf(op.operands[0]));
  const Shape& in = shape_of(op.operands[0]);
  IndexMap map = identity_map(in);
  std::vector<int> padded;
  for (std::size_t d = 0; d < in.size(); ++d) {
    map[d].offset = -attr.low[d];
    if (attr.low[d] != 0 || attr.high[d] != 0) padded.push_back(static_cast<int>(d));
  }
  if (padded.size() > 2) return unsupported(place(op), "pads more than two dimensions at a time", "");
  kernel.label = "movement";
  const int slot = add_input(context, access_of(view, map), storage(view.storage).type);
  kernel.window.input = 0;
  kernel.window.value = register_bits(*value);
  const auto bound = [&](int d, int& dim, std::int64_t& lo, std::int64_t& hi) {
    dim = d;
    lo = view.offset[static_cast<std::size_t>(d)];
    hi = lo + in[static_cast<std::size_t>(d)];
  };
  if (!padded.empty()) bound(padded[0], kernel.window.row, kernel.window.row_lo, kernel.window.row_hi);
  if (padded.size() > 1) bound(padded[1], kernel.window.column, kernel.window.column_lo, kernel.window.column_hi);
  kernel.output_slot = 1;
  kernel.program.body = *builder.emit(builder.load(slot), 1, -1, 0);
  return true;
}

}  // namespace systole::compile
