// The inside of fusion: what fuse.h promises, in four files. Memory: values and where they stand. Choose: which
// operations join a kernel. Build: the micro-program of a kernel. Anchor: contractions, reductions and windows.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compile/expression.h"
#include "compile/fuse.h"

namespace systole::compile {

using graph::Graph;
using graph::Op;
using graph::OpKind;
using graph::ValueId;

// Where a value's elements stand: the box at `offset` of the storage seen as a dense tensor of `shape`.
struct View {
  StorageId storage = -1;
  Shape shape;
  Shape offset;
};

using IndexMap = std::vector<DimAccess>;  // per dimension of a value

// Registers hold this for a splat constant of any type.
std::uint32_t register_bits(const Tensor& tensor);
bool is_contraction(const Op& op);
bool is_window(const Op& op);
bool is_anchor(const Op& op);
IndexMap identity_map(const Shape& shape);

class Fuser {
 public:
  Fuser(const Graph& graph, const FuseOptions& options) : graph_(graph), options_(options) {
    defining_ = graph.defining_op();
    views_.resize(graph.values.size());
    users_.resize(graph.values.size());
    for (std::size_t i = 0; i < graph.ops.size(); ++i)
      for (const ValueId operand : graph.ops[i].operands)
        users_[static_cast<std::size_t>(operand)].push_back(static_cast<int>(i));
    is_output_.resize(graph.values.size(), false);
    for (const ValueId v : graph.outputs) is_output_[static_cast<std::size_t>(v)] = true;
  }

  Expected<KernelGraph> run();

 private:
  // ---- bookkeeping
  static std::size_t index(ValueId v) { return static_cast<std::size_t>(v); }
  Storage& storage(StorageId id) { return out_.storages[static_cast<std::size_t>(id)]; }
  const Op* definition(ValueId v) const;
  const Tensor* constant_of(ValueId v) const;
  StorageId new_storage(const graph::TensorType& type);
  View full_view(StorageId id) { return {id, storage(id).shape, Shape(storage(id).shape.size(), 0)}; }
  bool is_full(const View& view, const Shape& shape) const { return view.shape == shape; }
  const Shape& shape_of(ValueId v) const { return graph_.type(v).shape; }
  DType type_of(ValueId v) const { return graph_.type(v).type; }

  bool is_movement(const Op& op) const;
  bool is_cheap(const Op& op) const;

  // ---- materialized values
  Expected<View> leaf(ValueId v);

  Status materialize(ValueId v);

  static std::string place(const Op& op) {
    return op.source.empty() ? std::string(graph::op_name(op.kind)) : "node '" + op.source + "'";
  }

  static bool is_unit_slice(const Op& op);

  // A kernel that copies the value at `view` to a storage of its own.
  View copy_of(const View& view, const graph::TensorType& type, const std::string& name);

  // The value as a dense tensor: a part of a larger one is copied first.
  Expected<View> dense_leaf(ValueId v, const std::string& name);

  Status materialize_reshape(const Op& op);

  Status materialize_concatenate(const Op& op);

  Status materialize_gather(const Op& op);

  Status add_output(ValueId v);

  // ---- one kernel
  static Kernel new_kernel(Shape dims, std::string name, std::string label);

  struct Context {
    Context(Kernel& k, ExpressionBuilder& b) : kernel(k), builder(b) {}
    Kernel& kernel;
    ExpressionBuilder& builder;
    std::set<int> inlined;  // ops computed inside the kernel, before the anchor is met
    std::set<int> body;     // ops computed inside the anchor's body
    const Op* anchor = nullptr;
    std::vector<std::pair<std::pair<ValueId, IndexMap>, NodeId>> memo;
    bool in_body = false;
    NodeId anchor_node = -1;
    Shape root_shape;
    bool misfit = false;  // the anchor is needed in another order than it is made
  };

  static Access access_of(const View& view, const IndexMap& map);

  // The slot of the operand stream, made if it is new; -1 if there is no slot left.
  int add_input(Context& context, const Access& access, DType type);

  bool inlineable(const Op& op) const;
  // Adds or removes dimensions of size 1 only.
  bool is_unit_reshape(const Op& op) const;

  // Chooses what joins the kernel of `root`: walking up, an operation joins if all its users have joined.
  void choose(ValueId root, std::size_t limit, const std::set<int>& rejected, Context& context);

  // Builds the kernel that computes `root` into `output`, fusing less when it does not fit.
  Status make_kernel(ValueId root, const Access& output, bool copy_if_materialized = false);

  std::string names_of(const Context& context) const;

  Expected<bool> try_kernel(ValueId root, std::size_t limit, bool copy, std::set<int>& rejected, Kernel& kernel);

  // The node that computes `value` at `map`; -1: no stream or register left.
  Expected<NodeId> build(ValueId value, const IndexMap& map, Context& context, bool is_root = false);

  Expected<NodeId> build_new(ValueId value, const IndexMap& map, Context& context, bool is_root);

  Expected<NodeId> build_leaf(ValueId value, const IndexMap& map, Context& context);

  // The operand's index map, given the result's.
  Expected<IndexMap> through(const Op& op, const IndexMap& map) const;

  // ---- anchors
  Status start_anchor(Context& context);

  // An operand of a product: its view and the type in memory. A conversion is left to the feeder when its source is in
  // memory anyway.
  Expected<std::pair<View, DType>> product_operand(ValueId v);

  Status start_contraction(const Op& op, Context& context);

  Status start_reduce(const Op& op, Context& context);

  static Error no_room(const Op& op) {
    return unsupported(place(op), "the operation does not fit the vector unit's registers or streams", "");
  }

  Status start_window(const Op& op, Context& context);

  // pad: a copy whose loads outside the operand give the padding value. At most two dimensions are padded at a time.
  Expected<bool> pad_kernel(const Op& op, Kernel& kernel, ExpressionBuilder& builder, Context& context);

  const Graph& graph_;
  FuseOptions options_;
  KernelGraph out_;
  std::vector<int> defining_;
  std::vector<std::vector<int>> users_;
  std::vector<bool> is_output_;
  std::vector<std::optional<View>> views_;
};

}  // namespace systole::compile
