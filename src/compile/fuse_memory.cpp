// Values and where they stand: views of storages, made by kernels, reshapes, slices, concatenations and gathers.
#include <fmt/format.h>

#include <algorithm>

#include "compile/fuser.h"

namespace systole::compile {

namespace {

constexpr int kMaxDepth = 300;  // operations between two values that are surely in memory

}  // namespace

IndexMap identity_map(const Shape& shape) {
  IndexMap map(shape.size());
  for (std::size_t d = 0; d < shape.size(); ++d) map[d] = {static_cast<int>(d), 1, -1, 0, 0};
  return map;
}

Expected<KernelGraph> Fuser::run() {
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

const Op* Fuser::definition(ValueId v) const {
  const int op = defining_[index(v)];
  return op < 0 ? nullptr : &graph_.ops[static_cast<std::size_t>(op)];
}

const Tensor* Fuser::constant_of(ValueId v) const {
  const Op* op = definition(v);
  return op != nullptr && op->kind == OpKind::kConstant ? &op->get<graph::ConstantAttr>().value : nullptr;
}

StorageId Fuser::new_storage(const graph::TensorType& type) {
  Storage s;
  s.type = type.type;
  s.shape = type.shape;
  out_.storages.push_back(s);
  return static_cast<StorageId>(out_.storages.size() - 1);
}

Expected<View> Fuser::leaf(ValueId v) {
  SYSTOLE_TRY(materialize(v));
  return *views_[index(v)];
}

Status Fuser::materialize(ValueId v) {
  if (views_[index(v)]) return ok_status();
  const Op& op = *definition(v);
  switch (op.kind) {
    case OpKind::kConstant: {
      const StorageId id = new_storage(graph_.type(v));
      storage(id).constant = &op.get<graph::ConstantAttr>().value;
      views_[index(v)] = full_view(id);
      return ok_status();
    }
    case OpKind::kReshape:
      return materialize_reshape(op);
    case OpKind::kConcatenate:
      return materialize_concatenate(op);
    case OpKind::kGather:
      return materialize_gather(op);
    case OpKind::kSlice:
      if (is_unit_slice(op) && !is_output_[index(v)] && options_.fuse) {
        SYSTOLE_ASSIGN(View view, leaf(op.operands[0]));
        const auto& start = op.get<graph::SliceAttr>().start;
        for (std::size_t d = 0; d < start.size(); ++d) view.offset[d] += start[d];
        views_[index(v)] = view;
        return ok_status();
      }
      break;
    default:
      break;
  }
  const StorageId id = new_storage(graph_.type(v));
  const Access output = access_of(full_view(id), identity_map(shape_of(v)));
  SYSTOLE_TRY(make_kernel(v, output));
  views_[index(v)] = full_view(id);
  return ok_status();
}

bool Fuser::is_unit_slice(const Op& op) {
  for (const auto stride : op.get<graph::SliceAttr>().stride)
    if (stride != 1) return false;
  return true;
}

View Fuser::copy_of(const View& view, const graph::TensorType& type, const std::string& name) {
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

Expected<View> Fuser::dense_leaf(ValueId v, const std::string& name) {
  SYSTOLE_ASSIGN(const View view, leaf(v));
  if (is_full(view, shape_of(v))) return view;
  return copy_of(view, graph_.type(v), name);
}

Status Fuser::materialize_reshape(const Op& op) {
  SYSTOLE_ASSIGN(const View view, dense_leaf(op.operands[0], op.source));
  views_[index(op.result)] = View{view.storage, shape_of(op.result), Shape(shape_of(op.result).size(), 0)};
  return ok_status();
}

Status Fuser::materialize_concatenate(const Op& op) {
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

Status Fuser::materialize_gather(const Op& op) {
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

Status Fuser::add_output(ValueId v) {
  SYSTOLE_ASSIGN(View view, leaf(v));
  const bool taken = std::find(out_.outputs.begin(), out_.outputs.end(), view.storage) != out_.outputs.end();
  if (taken || storage(view.storage).is_input || storage(view.storage).constant != nullptr ||
      element_count(view.shape) != graph_.type(v).count()) {
    view =
        copy_of({view.storage, view.shape, view.offset}, graph_.type(v), "output");  // an output has bytes of its own
  }
  storage(view.storage).is_output = true;
  out_.outputs.push_back(view.storage);
  return ok_status();
}

}  // namespace systole::compile
