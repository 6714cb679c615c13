// Which operations join a kernel.
#include <fmt/format.h>

#include <algorithm>
#include <queue>

#include "compile/fuser.h"

namespace systole::compile {

bool is_contraction(const Op& op) {
  return op.kind == OpKind::kDotGeneral ||
         (op.kind == OpKind::kConvolution && op.get<graph::ConvAttr>().placement == graph::Placement::kMatrixUnit);
}
bool is_window(const Op& op) {
  return op.kind == OpKind::kReduceWindow ||
         (op.kind == OpKind::kConvolution && op.get<graph::ConvAttr>().placement == graph::Placement::kVectorUnit);
}
bool is_anchor(const Op& op) { return is_contraction(op) || is_window(op) || op.kind == OpKind::kReduce; }

bool Fuser::is_movement(const Op& op) const {
  return op.kind == OpKind::kBroadcastInDim || op.kind == OpKind::kTranspose || op.kind == OpKind::kSlice ||
         op.kind == OpKind::kReverse;
}

bool Fuser::is_cheap(const Op& op) const { return op.kind == OpKind::kBroadcastInDim || op.kind == OpKind::kConstant; }

bool Fuser::inlineable(const Op& op) const {
  if (graph::is_elementwise(op.kind)) return true;
  if (op.kind == OpKind::kReshape) return is_unit_reshape(op);
  return is_movement(op);
}

bool Fuser::is_unit_reshape(const Op& op) const {
  const auto squeezed = [](const Shape& shape) {
    Shape out;
    for (const auto n : shape)
      if (n != 1) out.push_back(n);
    return out;
  };
  return squeezed(shape_of(op.operands[0])) == squeezed(shape_of(op.result));
}

void Fuser::choose(ValueId root, std::size_t limit, const std::set<int>& rejected, Context& context) {
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
      if (anchor < 0 && !rejected.contains(i) &&
          (is_root || (users_within(op, context.inlined, -1) && context.body.empty()))) {
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

std::string Fuser::names_of(const Context& context) const {
  std::vector<std::string> names;
  const auto add = [&](const Op& op) {
    if (!op.source.empty() && std::find(names.begin(), names.end(), op.source) == names.end())
      names.push_back(op.source);
  };
  for (const int i : context.body) add(graph_.ops[static_cast<std::size_t>(i)]);
  if (context.anchor != nullptr) add(*context.anchor);
  for (const int i : context.inlined) add(graph_.ops[static_cast<std::size_t>(i)]);
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < 4; ++i) text += (i == 0 ? "" : "+") + names[i];
  if (names.size() > 4) text += fmt::format("+{} more", names.size() - 4);
  return text;
}

}  // namespace systole::compile
