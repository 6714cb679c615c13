#include "compile/fuse.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <queue>
#include <set>

#include "compile/expression.h"

namespace systole::compile {

using graph::Graph;
using graph::Op;
using graph::OpKind;
using graph::ValueId;

namespace {

constexpr int kMaxInputs = 7;            // streams of isa::kVectorSlots, one kept for the output
constexpr std::size_t kMaxFused = 96;    // operations of one kernel
constexpr int kMaxDepth = 300;           // operations between two values that are surely in memory

// Where a value's elements stand: the box at `offset` of the storage seen as a dense tensor of `shape`.
struct View {
  StorageId storage = -1;
  Shape shape;
  Shape offset;
};

using IndexMap = std::vector<DimAccess>;   // per dimension of a value

bool is_contraction(const Op& op) {
  return op.kind == OpKind::kDotGeneral ||
         (op.kind == OpKind::kConvolution && op.get<graph::ConvAttr>().placement == graph::Placement::kMatrixUnit);
}
bool is_window(const Op& op) {
  return op.kind == OpKind::kReduceWindow ||
         (op.kind == OpKind::kConvolution && op.get<graph::ConvAttr>().placement == graph::Placement::kVectorUnit);
}
bool is_anchor(const Op& op) { return is_contraction(op) || is_window(op) || op.kind == OpKind::kReduce; }

// Registers hold this for a splat constant of any type.
std::uint32_t register_bits(const Tensor& tensor) {
  if (is_real(tensor.type())) {
    const Tensor f = tensor.converted(DType::kF32);
    return std::bit_cast<std::uint32_t>(f.data<float>()[0]);
  }
  const Tensor i = tensor.converted(DType::kI32);
  return static_cast<std::uint32_t>(i.data<std::int32_t>()[0]);
}

bool is_splat(const Tensor& tensor) {
  const std::int64_t size = dtype_bytes(tensor.type());
  if (tensor.count() == 0 || tensor.count() > 4096) return tensor.count() == 1;
  for (std::int64_t i = 1; i < tensor.count(); ++i)
    if (!std::equal(tensor.raw(), tensor.raw() + size, tensor.raw() + i * size)) return false;
  return true;
}

std::uint32_t reduction_identity(graph::Reduction reduction, bool real) {
  switch (reduction) {
    case graph::Reduction::kAdd: case graph::Reduction::kOr: return 0;
    case graph::Reduction::kMultiply: return real ? std::bit_cast<std::uint32_t>(1.0f) : 1u;
    case graph::Reduction::kMaximum: return real ? 0xFF800000u : 0x80000000u;
    case graph::Reduction::kMinimum: return real ? 0x7F800000u : 0x7FFFFFFFu;
    case graph::Reduction::kAnd: return ~0u;
  }
  return 0;
}

MicroOpcode reduction_opcode(graph::Reduction reduction, bool real) {
  switch (reduction) {
    case graph::Reduction::kAdd: return real ? MicroOpcode::kFAdd : MicroOpcode::kIAdd;
    case graph::Reduction::kMultiply: return real ? MicroOpcode::kFMul : MicroOpcode::kIMul;
    case graph::Reduction::kMaximum: return real ? MicroOpcode::kFMax : MicroOpcode::kIMax;
    case graph::Reduction::kMinimum: return real ? MicroOpcode::kFMin : MicroOpcode::kIMin;
    case graph::Reduction::kAnd: return MicroOpcode::kAnd;
    case graph::Reduction::kOr: return MicroOpcode::kOr;
  }
  return MicroOpcode::kMove;
}

IndexMap identity_map(const Shape& shape) {
  IndexMap map(shape.size());
  for (std::size_t d = 0; d < shape.size(); ++d) map[d] = {static_cast<int>(d), 1, -1, 0, 0};
  return map;
}

class Fuser {
 public:
  Fuser(const Graph& graph, const FuseOptions& options) : graph_(graph), options_(options) {
    defining_ = graph.defining_op();
    views_.resize(graph.values.size());
    users_.resize(graph.values.size());
    for (std::size_t i = 0; i < graph.ops.size(); ++i)
      for (const ValueId operand : graph.ops[i].operands) users_[static_cast<std::size_t>(operand)].push_back(static_cast<int>(i));
    is_output_.resize(graph.values.size(), false);
    for (const ValueId v : graph.outputs) is_output_[static_cast<std::size_t>(v)] = true;
  }

  Expected<KernelGraph> run() {
    for (const ValueId v : graph_.inputs) {
      const StorageId id = new_storage(graph_.type(v));
      storage(id).is_input = true;
      out_.inputs.push_back(id);
      views_[index(v)] = full_view(id);
    }
    // In order, so that the recursion into operands stays shallow: what a product reads is in memory anyway.
    std::vector<int> depth(graph_.values.size(), 0);
    for (const Op& op : graph_.ops) {
      if (is_contraction(op))
        for (const ValueId operand : op.operands) SYSTOLE_TRY(product_operand(operand));
      int& here = depth[index(op.result)];
      for (const ValueId operand : op.operands)
        if (!views_[index(operand)]) here = std::max(here, depth[index(operand)] + 1);
      if (is_output_[index(op.result)] || here > kMaxDepth) {
        SYSTOLE_TRY(materialize(op.result));
        here = 0;
      }
    }
    for (const ValueId v : graph_.outputs) SYSTOLE_TRY(add_output(v));
    return std::move(out_);
  }

 private:
  // ---- bookkeeping
  static std::size_t index(ValueId v) { return static_cast<std::size_t>(v); }
  Storage& storage(StorageId id) { return out_.storages[static_cast<std::size_t>(id)]; }
  const Op* definition(ValueId v) const {
    const int op = defining_[index(v)];
    return op < 0 ? nullptr : &graph_.ops[static_cast<std::size_t>(op)];
  }
  const Tensor* constant_of(ValueId v) const {
    const Op* op = definition(v);
    return op != nullptr && op->kind == OpKind::kConstant ? &op->get<graph::ConstantAttr>().value : nullptr;
  }
  StorageId new_storage(const graph::TensorType& type) {
    Storage s;
    s.type = type.type;
    s.shape = type.shape;
    out_.storages.push_back(s);
    return static_cast<StorageId>(out_.storages.size() - 1);
  }
  View full_view(StorageId id) { return {id, storage(id).shape, Shape(storage(id).shape.size(), 0)}; }
  bool is_full(const View& view, const Shape& shape) const { return view.shape == shape; }
  const Shape& shape_of(ValueId v) const { return graph_.type(v).shape; }
  DType type_of(ValueId v) const { return graph_.type(v).type; }

  bool is_movement(const Op& op) const {
    return op.kind == OpKind::kBroadcastInDim || op.kind == OpKind::kTranspose || op.kind == OpKind::kSlice || op.kind == OpKind::kReverse;
  }
  bool is_cheap(const Op& op) const {
    return op.kind == OpKind::kBroadcastInDim || op.kind == OpKind::kConstant;
  }

  // ---- materialized values
  Expected<View> leaf(ValueId v) {
    SYSTOLE_TRY(materialize(v));
    return *views_[index(v)];
  }

  Status materialize(ValueId v) {
    if (views_[index(v)]) return ok_status();
    const Op& op = *definition(v);
    switch (op.kind) {
      case OpKind::kConstant: {
        const StorageId id = new_storage(graph_.type(v));
        storage(id).constant = &op.get<graph::ConstantAttr>().value;
        views_[index(v)] = full_view(id);
        return ok_status();
      }
      case OpKind::kReshape: return materialize_reshape(op);
      case OpKind::kConcatenate: return materialize_concatenate(op);
      case OpKind::kGather: return materialize_gather(op);
      case OpKind::kSlice:
        if (is_unit_slice(op) && !is_output_[index(v)] && options_.fuse) {
          SYSTOLE_ASSIGN(View view, leaf(op.operands[0]));
          const auto& start = op.get<graph::SliceAttr>().start;
          for (std::size_t d = 0; d < start.size(); ++d) view.offset[d] += start[d];
          views_[index(v)] = view;
          return ok_status();
        }
        break;
      case OpKind::kIota: case OpKind::kDynamicSlice: case OpKind::kDynamicUpdateSlice:
        return unsupported(place(op), fmt::format("{} has no form on the chip's units yet", graph::op_name(op.kind)),
                           "make its operands constant");
      default: break;
    }
    const StorageId id = new_storage(graph_.type(v));
    const Access output = access_of(full_view(id), identity_map(shape_of(v)));
    SYSTOLE_TRY(make_kernel(v, output));
    views_[index(v)] = full_view(id);
    return ok_status();
  }

  static std::string place(const Op& op) { return op.source.empty() ? std::string(graph::op_name(op.kind)) : "node '" + op.source + "'"; }

  static bool is_unit_slice(const Op& op) {
    for (const auto stride : op.get<graph::SliceAttr>().stride)
      if (stride != 1) return false;
    return true;
  }

  // A kernel that copies the value at `view` to a storage of its own.
  View copy_of(const View& view, const graph::TensorType& type, const std::string& name) {
    const StorageId id = new_storage(type);
    Kernel kernel = new_kernel(type.shape, name, "movement");
    kernel.output = access_of(full_view(id), identity_map(kernel.dims));
    kernel.output_type = type.type;
    ExpressionBuilder builder;
    Context context{kernel, builder};
    add_input(context, access_of(view, identity_map(kernel.dims)), storage(view.storage).type);
    kernel.output_slot = 1;
    kernel.program.body = *builder.emit(builder.load(0), 1, -1, 0);
    out_.kernels.push_back(std::move(kernel));
    return full_view(id);
  }

  // The value as a dense tensor: a part of a larger one is copied first.
  Expected<View> dense_leaf(ValueId v, const std::string& name) {
    SYSTOLE_ASSIGN(const View view, leaf(v));
    if (is_full(view, shape_of(v))) return view;
    return copy_of(view, graph_.type(v), name);
  }

  Status materialize_reshape(const Op& op) {
    SYSTOLE_ASSIGN(const View view, dense_leaf(op.operands[0], op.source));
    views_[index(op.result)] = View{view.storage, shape_of(op.result), Shape(shape_of(op.result).size(), 0)};
    return ok_status();
  }

  Status materialize_concatenate(const Op& op) {
    const StorageId id = new_storage(graph_.type(op.result));
    const auto dimension = static_cast<std::size_t>(op.get<graph::ConcatenateAttr>().dimension);
    std::int64_t offset = 0;
    for (const ValueId operand : op.operands) {
      if (graph_.type(operand).count() > 0) {
        Access output = access_of(full_view(id), identity_map(shape_of(operand)));
        output.dims[dimension].offset = offset;
        SYSTOLE_TRY(make_kernel(operand, output, /*copy_if_materialized=*/true));
      }
      offset += shape_of(operand)[dimension];
    }
    views_[index(op.result)] = full_view(id);
    return ok_status();
  }

  Status materialize_gather(const Op& op) {
    if (type_of(op.operands[1]) != DType::kI32) return unsupported(place(op), "gather takes int32 indices", "");
    SYSTOLE_ASSIGN(const View table, dense_leaf(op.operands[0], op.source));
    SYSTOLE_ASSIGN(const View indices, dense_leaf(op.operands[1], op.source));
    const StorageId id = new_storage(graph_.type(op.result));
    Kernel kernel = new_kernel({element_count(shape_of(op.operands[1]))}, op.source, "gather");
    kernel.kind = KernelKind::kGather;
    kernel.table_rows = shape_of(op.operands[0])[0];
    kernel.row_elements = kernel.table_rows == 0 ? 0 : graph_.type(op.operands[0]).count() / kernel.table_rows;
    kernel.table = {table.storage, {kernel.table_rows, kernel.row_elements}, IndexMap(2)};
    kernel.indices = {indices.storage, kernel.dims, identity_map(kernel.dims)};
    kernel.output = {id, {kernel.dims[0], kernel.row_elements}, identity_map({kernel.dims[0], kernel.row_elements})};
    kernel.output_type = storage(id).type;
    out_.kernels.push_back(std::move(kernel));
    views_[index(op.result)] = full_view(id);
    return ok_status();
  }

  Status add_output(ValueId v) {
    SYSTOLE_ASSIGN(View view, leaf(v));
    const bool taken = std::find(out_.outputs.begin(), out_.outputs.end(), view.storage) != out_.outputs.end();
    if (taken || storage(view.storage).is_input || storage(view.storage).constant != nullptr || element_count(view.shape) != graph_.type(v).count()) {
      view = copy_of({view.storage, view.shape, view.offset}, graph_.type(v), "output");   // an output has bytes of its own
    }
    storage(view.storage).is_output = true;
    out_.outputs.push_back(view.storage);
    return ok_status();
  }

  // ---- one kernel
  static Kernel new_kernel(Shape dims, std::string name, std::string label) {
    Kernel kernel;
    kernel.dims = std::move(dims);
    kernel.name = std::move(name);
    kernel.label = std::move(label);
    return kernel;
  }

  struct Context {
    Context(Kernel& k, ExpressionBuilder& b) : kernel(k), builder(b) {}
    Kernel& kernel;
    ExpressionBuilder& builder;
    std::set<int> inlined;         // ops computed inside the kernel, before the anchor is met
    std::set<int> body;            // ops computed inside the anchor's body
    const Op* anchor = nullptr;
    std::vector<std::pair<std::pair<ValueId, IndexMap>, NodeId>> memo;
    bool in_body = false;
    NodeId anchor_node = -1;
    Shape root_shape;
    bool misfit = false;           // the anchor is needed in another order than it is made
  };

  static Access access_of(const View& view, const IndexMap& map) {
    Access access{view.storage, view.shape, map};
    for (std::size_t d = 0; d < map.size(); ++d) access.dims[d].offset += view.offset[d];
    return access;
  }

  // The slot of the operand stream, made if it is new; -1 if there is no slot left.
  int add_input(Context& context, const Access& access, DType type) {
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

  bool inlineable(const Op& op) const {
    if (graph::is_elementwise(op.kind)) return true;
    if (op.kind == OpKind::kReshape) return is_unit_reshape(op);
    return is_movement(op);
  }
  // Adds or removes dimensions of size 1 only.
  bool is_unit_reshape(const Op& op) const {
    const auto squeezed = [](const Shape& shape) {
      Shape out;
      for (const auto n : shape) if (n != 1) out.push_back(n);
      return out;
    };
    return squeezed(shape_of(op.operands[0])) == squeezed(shape_of(op.result));
  }

  // Chooses what joins the kernel of `root`: walking up, an operation joins if all its users have joined.
  void choose(ValueId root, std::size_t limit, const std::set<int>& rejected, Context& context) {
    const int root_op = defining_[index(root)];
    std::priority_queue<int> queue;
    std::set<int> queued;
    const auto push = [&](const Op& op) {
      for (const ValueId operand : op.operands) {
        const int d = defining_[index(operand)];
        if (d >= 0 && queued.insert(d).second) queue.push(d);
      }
    };
    const auto users_within = [&](const Op& op, const std::set<int>& group, int also) {
      if (is_output_[index(op.result)]) return false;
      for (const int user : users_[index(op.result)])
        if (user != also && !group.contains(user)) return false;
      return true;
    };
    queue.push(root_op);
    queued.insert(root_op);
    int anchor = -1;
    while (!queue.empty()) {
      const int i = queue.top();
      queue.pop();
      const Op& op = graph_.ops[static_cast<std::size_t>(i)];
      if (i != root_op && views_[index(op.result)]) continue;
      const bool is_root = i == root_op;
      if (is_anchor(op)) {
        if (anchor < 0 && !rejected.contains(i) && (is_root || (users_within(op, context.inlined, -1) && context.body.empty()))) {
          anchor = i;
          context.anchor = &op;
          if (op.kind == OpKind::kReduce && op.get<graph::ReduceAttr>().dimensions.size() <= 2) push(op);
        }
        continue;
      }
      if (!inlineable(op) && !is_root) continue;
      if (is_root || is_cheap(op) || users_within(op, context.inlined, -1)) {
        if (context.inlined.size() < limit || is_root) {
          context.inlined.insert(i);
          if (is_root || users_within(op, context.inlined, -1)) push(op);
        }
      } else if (anchor >= 0 && graph_.ops[static_cast<std::size_t>(anchor)].kind == OpKind::kReduce &&
                 users_within(op, context.body, anchor) && context.inlined.size() + context.body.size() < limit) {
        context.body.insert(i);
        push(op);
      }
    }
  }

  // Builds the kernel that computes `root` into `output`, fusing less when it does not fit.
  Status make_kernel(ValueId root, const Access& output, bool copy_if_materialized = false) {
    const Op* op = definition(root);
    const bool copy = copy_if_materialized && (op == nullptr || views_[index(root)] || !(inlineable(*op) || is_anchor(*op)) ||
                                               users_[index(root)].size() > 1 || is_output_[index(root)] || op->kind == OpKind::kReshape ||
                                               op->kind == OpKind::kConstant);
    if (copy) SYSTOLE_TRY(materialize(root));
    std::set<int> rejected;   // anchors whose result the kernel would need in another order than it is made
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
        return unsupported(op == nullptr ? "copy" : place(*op), "the operation does not fit the vector unit's registers or streams", "");
    }
  }

  std::string names_of(const Context& context) const {
    std::vector<std::string> names;
    const auto add = [&](const Op& op) {
      if (!op.source.empty() && std::find(names.begin(), names.end(), op.source) == names.end()) names.push_back(op.source);
    };
    for (const int i : context.body) add(graph_.ops[static_cast<std::size_t>(i)]);
    if (context.anchor != nullptr) add(*context.anchor);
    for (const int i : context.inlined) add(graph_.ops[static_cast<std::size_t>(i)]);
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < 4; ++i) text += (i == 0 ? "" : "+") + names[i];
    if (names.size() > 4) text += fmt::format("+{} more", names.size() - 4);
    return text;
  }

  Expected<bool> try_kernel(ValueId root, std::size_t limit, bool copy, std::set<int>& rejected, Kernel& kernel) {
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
            return !graph::is_elementwise(graph_.ops[static_cast<std::size_t>(i)].kind); }))
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

  // The node that computes `value` at `map`; -1: no stream or register left.
  Expected<NodeId> build(ValueId value, const IndexMap& map, Context& context, bool is_root = false) {
    for (const auto& [key, node] : context.memo)
      if (key.first == value && key.second == map) return node;
    SYSTOLE_ASSIGN(const NodeId node, build_new(value, map, context, is_root));
    context.memo.push_back({{value, map}, node});
    return node;
  }

  Expected<NodeId> build_new(ValueId value, const IndexMap& map, Context& context, bool is_root) {
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
      if (!node) return unsupported(place(*op), fmt::format("{} has no form on the vector unit", graph::op_name(op->kind)), "");
      return *node;
    }
    SYSTOLE_ASSIGN(const IndexMap inner, through(*op, map));
    return build(op->operands[0], inner, context);
  }

  Expected<NodeId> build_leaf(ValueId value, const IndexMap& map, Context& context) {
    SYSTOLE_ASSIGN(const View view, leaf(value));
    const int slot = add_input(context, access_of(view, map), storage(view.storage).type);
    return slot < 0 ? -1 : context.builder.load(slot);
  }

  // The operand's index map, given the result's.
  Expected<IndexMap> through(const Op& op, const IndexMap& map) const {
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
      case OpKind::kReshape: {   // dimensions of size 1 only
        const Shape& out = shape_of(op.result);
        std::size_t j = 0;
        for (std::size_t d = 0; d < in.size(); ++d) {
          if (in[d] == 1) continue;
          while (out[j] == 1) ++j;
          inner[d] = map[j++];
        }
        return inner;
      }
      default: return Error{ErrorCode::kInternal, place(op), "not a movement", ""};
    }
  }

  // ---- anchors
  Status start_anchor(Context& context) {
    const Op& op = *context.anchor;
    context.kernel.dims = shape_of(op.result);
    if (is_contraction(op)) return start_contraction(op, context);
    if (op.kind == OpKind::kReduce) return start_reduce(op, context);
    return start_window(op, context);
  }

  // An operand of a product: its view and the type in memory. A conversion is left to the feeder when its source is in memory anyway.
  Expected<std::pair<View, DType>> product_operand(ValueId v) {
    const Op* op = definition(v);
    if (!views_[index(v)] && op != nullptr && op->kind == OpKind::kConvert && options_.fuse && type_of(op->operands[0]) == DType::kF32 &&
        is_float(type_of(v))) {
      const ValueId source = op->operands[0];
      const Op* maker = definition(source);
      const bool in_memory = maker == nullptr || views_[index(source)] || users_[index(source)].size() > 1 ||
                             (maker->kind == OpKind::kReshape || maker->kind == OpKind::kSlice || maker->kind == OpKind::kConcatenate);
      if (in_memory) {
        SYSTOLE_ASSIGN(View view, leaf(source));
        return std::pair<View, DType>{view, storage(view.storage).type};
      }
    }
    SYSTOLE_ASSIGN(View view, leaf(v));
    return std::pair<View, DType>{view, storage(view.storage).type};
  }

  Status start_contraction(const Op& op, Context& context) {
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
    if (c.format == DType::kQ8_8)   // the accumulators hold Q8.8 words
      context.anchor_node = context.builder.op(MicroOpcode::kFMul, {context.builder.op(MicroOpcode::kIToF, {context.anchor_node}),
                                                                    context.builder.constant(std::bit_cast<std::uint32_t>(0x1p-8f))});
    return ok_status();
  }

  Status start_reduce(const Op& op, Context& context) {
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

  static Error no_room(const Op& op) { return unsupported(place(op), "the operation does not fit the vector unit's registers or streams", ""); }

  Status start_window(const Op& op, Context& context) {
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
        map[s + 1] = {static_cast<int>(s) + 1, attr.stride[s], static_cast<int>(s), attr.rhs_dilation[s], -attr.pad_low[s]};
      pad_low = attr.pad_low;
      pad_high = attr.pad_high;
      SYSTOLE_ASSIGN(const View weights, leaf(op.operands[1]));
      const IndexMap weight_map{{-1, 0, 0, 1, 0}, {-1, 0, 1, 1, 0}, {}, {3, 1, -1, 0, 0}};
      const NodeId x = body.load(add_input(inner, access_of(view, map), type));
      const NodeId w = body.load(add_input(inner, access_of(weights, weight_map), storage(weights.storage).type));
      sum = is_real(type) ? body.op(MicroOpcode::kFFma, {x, w, sum}) : body.op(MicroOpcode::kIAdd, {sum, body.op(MicroOpcode::kIMul, {x, w})});
    } else {
      const auto& attr = op.get<graph::ReduceWindowAttr>();
      const bool real = is_real(type_of(op.result));
      kernel.label = "window";
      kernel.taps = {attr.window[1], attr.window[2]};
      for (std::size_t s = 0; s < 2; ++s)
        map[s + 1] = {static_cast<int>(s) + 1, attr.stride[s + 1], static_cast<int>(s), attr.window_dilation[s + 1], -attr.pad_low[s + 1]};
      pad_low = {attr.pad_low[1], attr.pad_low[2]};
      pad_high = {attr.pad_high[1], attr.pad_high[2]};
      const Tensor* init = constant_of(op.operands[1]);
      if (init == nullptr) return unsupported(place(op), "the window's initial value must be constant", "");
      start = register_bits(*init);
      kernel.window.value = reduction_identity(attr.reduction, real);
      sum = body.op(reduction_opcode(attr.reduction, real), {sum, body.load(add_input(inner, access_of(view, map), type))});
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

  // pad: a copy whose loads outside the operand give the padding value. At most two dimensions are padded at a time.
  Expected<bool> pad_kernel(const Op& op, Kernel& kernel, ExpressionBuilder& builder, Context& context) {
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

  const Graph& graph_;
  FuseOptions options_;
  KernelGraph out_;
  std::vector<int> defining_;
  std::vector<std::vector<int>> users_;
  std::vector<bool> is_output_;
  std::vector<std::optional<View>> views_;
};

void note_lifetimes(KernelGraph& kernels) {
  const auto touch = [&](StorageId id, int k, bool writes) {
    Storage& s = kernels.storages[static_cast<std::size_t>(id)];
    if (writes && s.first_kernel < 0) s.first_kernel = k;
    s.last_kernel = std::max(s.last_kernel, k);
  };
  for (std::size_t k = 0; k < kernels.kernels.size(); ++k) {
    const Kernel& kernel = kernels.kernels[k];
    const int i = static_cast<int>(k);
    for (const Access& input : kernel.inputs) touch(input.storage, i, false);
    if (kernel.contraction) {
      touch(kernel.contraction->lhs.storage, i, false);
      touch(kernel.contraction->rhs.storage, i, false);
    }
    if (kernel.kind == KernelKind::kGather) {
      touch(kernel.table.storage, i, false);
      touch(kernel.indices.storage, i, false);
    }
    touch(kernel.output.storage, i, true);
  }
}

}  // namespace

std::int64_t Box::count() const {
  std::int64_t n = 1;
  for (std::size_t d = 0; d < lo.size(); ++d) n *= size(d);
  return n;
}

Box touched(const Access& access, const Box& tile, const std::vector<std::int64_t>& taps) {
  Box box;
  for (const DimAccess& d : access.dims) {
    std::int64_t lo = d.offset, hi = d.offset;
    const auto extend = [&](std::int64_t scale, std::int64_t first, std::int64_t last) {
      lo += scale * (scale >= 0 ? first : last);
      hi += scale * (scale >= 0 ? last : first);
    };
    if (d.iter >= 0) extend(d.scale, tile.lo[static_cast<std::size_t>(d.iter)], tile.hi[static_cast<std::size_t>(d.iter)] - 1);
    if (d.tap >= 0) extend(d.tap_scale, 0, taps[static_cast<std::size_t>(d.tap)] - 1);
    box.lo.push_back(lo);
    box.hi.push_back(hi + 1);
  }
  return box;
}

Expected<KernelGraph> make_kernels(const graph::Graph& lowered, const FuseOptions& options) {
  SYSTOLE_ASSIGN(KernelGraph kernels, Fuser(lowered, options).run());
  note_lifetimes(kernels);
  return kernels;
}

std::string print_kernels(const KernelGraph& kernels) {
  std::string text;
  for (std::size_t k = 0; k < kernels.kernels.size(); ++k) {
    const Kernel& kernel = kernels.kernels[k];
    text += fmt::format("kernel {} {} '{}' dims {} -> s{}\n", k, kernel.label, kernel.name, shape_text(kernel.dims), kernel.output.storage);
    if (kernel.contraction)
      text += fmt::format("  product s{} ({}) x s{} ({}), k {}\n", kernel.contraction->lhs.storage, dtype_name(kernel.contraction->lhs_type),
                          kernel.contraction->rhs.storage, dtype_name(kernel.contraction->rhs_type), kernel.contraction->k);
    for (std::size_t i = 0; i < kernel.inputs.size(); ++i)
      text += fmt::format("  stream {} s{} {}\n", kernel.input_slots[i], kernel.inputs[i].storage, dtype_name(kernel.input_types[i]));
    const auto part = [&](const char* name, const MicroProgram& program) {
      for (const MicroOp& op : program) text += fmt::format("    {} {}\n", name, format_micro_op(op));
    };
    part("prologue", kernel.program.prologue);
    part("body", kernel.program.body);
    part("epilogue", kernel.program.epilogue);
  }
  return text;
}

}  // namespace systole::compile
