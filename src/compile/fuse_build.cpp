// The vector micro-program of a kernel: a walk from its root up through what has joined, index maps on the way.
#include <fmt/format.h>

#include <algorithm>

#include "compile/fuser.h"

namespace systole::compile {

namespace {

constexpr int kMaxInputs = 7;          // streams of isa::kVectorSlots, one kept for the output
constexpr std::size_t kMaxFused = 96;  // operations of one kernel

bool is_splat(const Tensor& tensor) {
  const std::int64_t size = dtype_bytes(tensor.type());
  if (tensor.count() == 0 || tensor.count() > 4096) return tensor.count() == 1;
  for (std::int64_t i = 1; i < tensor.count(); ++i)
    if (!std::equal(tensor.raw(), tensor.raw() + size, tensor.raw() + i * size)) return false;
  return true;
}

}  // namespace

// Registers hold this for a splat constant of any type.
std::uint32_t register_bits(const Tensor& tensor) {
  if (is_real(tensor.type())) {
    const Tensor f = tensor.converted(DType::kF32);
    return std::bit_cast<std::uint32_t>(f.data<float>()[0]);
  }
  const Tensor i = tensor.converted(DType::kI32);
  return static_cast<std::uint32_t>(i.data<std::int32_t>()[0]);
}

Kernel Fuser::new_kernel(Shape dims, std::string name, std::string label) {
  Kernel kernel;
  kernel.dims = std::move(dims);
  kernel.name = std::move(name);
  kernel.label = std::move(label);
  return kernel;
}

Access Fuser::access_of(const View& view, const IndexMap& map) {
  Access access{view.storage, view.shape, map};
  for (std::size_t d = 0; d < map.size(); ++d) access.dims[d].offset += view.offset[d];
  return access;
}

int Fuser::add_input(Context& context, const Access& access, DType type) {
  Kernel& kernel = context.kernel;
  for (std::size_t i = 0; i < kernel.inputs.size(); ++i)
    if (kernel.inputs[i] == access && kernel.input_types[i] == type) return kernel.input_slots[i];
  const int slot = static_cast<int>(kernel.inputs.size()) + (kernel.accumulator_slot >= 0 ? 1 : 0);
  if (slot >= kMaxInputs) return -1;
  kernel.inputs.push_back(access);
  kernel.input_types.push_back(type);
  kernel.input_slots.push_back(slot);
  return slot;
}

Status Fuser::make_kernel(ValueId root, const Access& output, bool copy_if_materialized) {
  const Op* op = definition(root);
  const bool copy =
      copy_if_materialized &&
      (op == nullptr || views_[index(root)] || !(inlineable(*op) || is_anchor(*op)) || users_[index(root)].size() > 1 ||
       is_output_[index(root)] || op->kind == OpKind::kReshape || op->kind == OpKind::kConstant);
  if (copy) SYSTOLE_TRY(materialize(root));
  std::set<int> rejected;  // anchors whose result the kernel would need in another order than it is made
  for (std::size_t limit = options_.fuse ? kMaxFused : 1;;) {
    Kernel kernel = new_kernel(shape_of(root), {}, "elementwise");
    kernel.output = output;
    kernel.output_type = storage(output.storage).type;
    const std::size_t rejected_before = rejected.size();
    SYSTOLE_ASSIGN(const bool fits, try_kernel(root, limit, copy, rejected, kernel));
    if (fits) {
      out_.kernels.push_back(std::move(kernel));
      return ok_status();
    }
    if (rejected.size() > rejected_before) continue;
    limit /= 2;
    if (limit < 1)
      return unsupported(op == nullptr ? "copy" : place(*op),
                         "the operation does not fit the vector unit's registers or streams", "");
  }
}

Expected<bool> Fuser::try_kernel(ValueId root, std::size_t limit, bool copy, std::set<int>& rejected, Kernel& kernel) {
  ExpressionBuilder builder;
  Context context{kernel, builder};
  context.root_shape = shape_of(root);
  if (!copy) {
    choose(root, limit, rejected, context);
    const Op& op = *definition(root);
    if (op.kind == OpKind::kPad) {
      kernel.name = op.source;
      return pad_kernel(op, kernel, builder, context);
    }
    if (context.anchor == nullptr && !inlineable(op))
      return unsupported(place(op), fmt::format("{} has no form on the chip's units", graph::op_name(op.kind)), "");
    kernel.name = names_of(context);
    if (context.anchor == nullptr && std::all_of(context.inlined.begin(), context.inlined.end(), [&](int i) {
          return !graph::is_elementwise(graph_.ops[static_cast<std::size_t>(i)].kind);
        }))
      kernel.label = "movement";
    // The anchor comes first: its streams take the first slots, its result the pinned register or the accumulators.
    if (context.anchor != nullptr) SYSTOLE_TRY(start_anchor(context));
  } else {
    kernel.name = definition(root) == nullptr ? "copy" : definition(root)->source;
    kernel.label = "movement";
  }
  SYSTOLE_ASSIGN(const NodeId node, build(root, identity_map(shape_of(root)), context, !copy));
  if (context.misfit) rejected.insert(defining_[index(context.anchor->result)]);
  if (node < 0) return false;
  kernel.output_slot = static_cast<int>(kernel.inputs.size()) + (kernel.accumulator_slot >= 0 ? 1 : 0);
  const bool pinned = context.anchor != nullptr && kernel.accumulator_slot < 0;
  const auto program = builder.emit(node, kernel.output_slot, -1, pinned ? 1 : 0);
  if (!program || program->size() > 1000) return false;
  (pinned ? kernel.program.epilogue : kernel.program.body) = *program;
  if (kernel.contraction) {
    const bool plain = kernel.inputs.empty() && program->size() == 2;
    const DType sums = is_float(kernel.contraction->format) ? DType::kF32 : DType::kI32;
    kernel.direct_store = plain && kernel.output_type == sums;
    if (!options_.has_vector_unit && !kernel.direct_store)
      return unsupported(kernel.name, "the chip has no vector unit", "choose a chip with one");
  } else if (!options_.has_vector_unit) {
    return unsupported(kernel.name, "the chip has no vector unit", "choose a chip with one");
  }
  return true;
}

Expected<NodeId> Fuser::build(ValueId value, const IndexMap& map, Context& context, bool is_root) {
  for (const auto& [key, node] : context.memo)
    if (key.first == value && key.second == map) return node;
  SYSTOLE_ASSIGN(const NodeId node, build_new(value, map, context, is_root));
  context.memo.push_back({{value, map}, node});
  return node;
}

Expected<NodeId> Fuser::build_new(ValueId value, const IndexMap& map, Context& context, bool is_root) {
  const Op* op = definition(value);
  if (const Tensor* constant = constant_of(value); constant != nullptr && is_splat(*constant))
    return context.builder.constant(register_bits(*constant));
  const int op_index = defining_[index(value)];
  if (op != nullptr && op == context.anchor && !context.in_body) {
    if (map == identity_map(shape_of(value)) && shape_of(value) == context.root_shape) return context.anchor_node;
    context.misfit = true;
    return -1;
  }
  const bool joined = op != nullptr && (context.in_body ? context.body : context.inlined).contains(op_index) &&
                      (is_root || !views_[index(value)]);
  const bool cheap = op != nullptr && op->kind == OpKind::kBroadcastInDim && options_.fuse;
  if (!joined && !cheap) return build_leaf(value, map, context);
  if (graph::is_elementwise(op->kind)) {
    std::vector<NodeId> operands;
    for (const ValueId operand : op->operands) {
      const bool scalar = shape_of(operand).empty();
      SYSTOLE_ASSIGN(const NodeId node, build(operand, scalar ? IndexMap{} : map, context));
      if (node < 0) return -1;
      operands.push_back(node);
    }
    const auto node = context.builder.elementwise(*op, graph_, operands);
    if (!node)
      return unsupported(place(*op), fmt::format("{} has no form on the vector unit", graph::op_name(op->kind)), "");
    return *node;
  }
  SYSTOLE_ASSIGN(const IndexMap inner, through(*op, map));
  return build(op->operands[0], inner, context);
}

Expected<NodeId> Fuser::build_leaf(ValueId value, const IndexMap& map, Context& context) {
  SYSTOLE_ASSIGN(const View view, leaf(value));
  const int slot = add_input(context, access_of(view, map), storage(view.storage).type);
  return slot < 0 ? -1 : context.builder.load(slot);
}

Expected<IndexMap> Fuser::through(const Op& op, const IndexMap& map) const {
  const Shape& in = shape_of(op.operands[0]);
  IndexMap inner(in.size());
  switch (op.kind) {
    case OpKind::kBroadcastInDim: {
      const auto& dimensions = op.get<graph::BroadcastAttr>().dimensions;
      for (std::size_t d = 0; d < in.size(); ++d) {
        const auto to = static_cast<std::size_t>(dimensions[d]);
        if (in[d] != 1 || shape_of(op.result)[to] == 1) inner[d] = map[to];
      }
      return inner;
    }
    case OpKind::kTranspose: {
      const auto& permutation = op.get<graph::TransposeAttr>().permutation;
      for (std::size_t d = 0; d < in.size(); ++d) inner[static_cast<std::size_t>(permutation[d])] = map[d];
      return inner;
    }
    case OpKind::kSlice: {
      const auto& attr = op.get<graph::SliceAttr>();
      for (std::size_t d = 0; d < in.size(); ++d) {
        inner[d] = map[d];
        inner[d].scale *= attr.stride[d];
        inner[d].tap_scale *= attr.stride[d];
        inner[d].offset = attr.start[d] + attr.stride[d] * map[d].offset;
      }
      return inner;
    }
    case OpKind::kReverse: {
      inner = map;
      for (const auto d : op.get<graph::ReverseAttr>().dimensions) {
        auto& access = inner[static_cast<std::size_t>(d)];
        access.scale = -access.scale;
        access.tap_scale = -access.tap_scale;
        access.offset = in[static_cast<std::size_t>(d)] - 1 - access.offset;
      }
      return inner;
    }
    case OpKind::kReshape: {  // dimensions of size 1 only
      const Shape& out = shape_of(op.result);
      std::size_t j = 0;
      for (std::size_t d = 0; d < in.size(); ++d) {
        if (in[d] == 1) continue;
        while (out[j] == 1) ++j;
        inner[d] = map[j++];
      }
      return inner;
    }
    default:
      return Error{ErrorCode::kInternal, place(op), "not a movement", ""};
  }
}

}  // namespace systole::compile
