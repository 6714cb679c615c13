// Sorts nodes topologically: models do not keep ONNX's rule that they are.
#include <fmt/core.h>

#include <queue>

#include "frontend/import.h"

namespace systole::frontend {

namespace {

// Names that a subgraph takes from outside: its nodes' inputs that it does not make itself.
void add_captured(const onnx::GraphProto& graph, std::vector<std::string>& names) {
  std::set<std::string> own;
  for (const auto& v : graph.input()) own.insert(v.name());
  for (const auto& v : graph.initializer()) own.insert(v.name());
  for (const auto& node : graph.node()) own.insert(node.output().begin(), node.output().end());
  std::vector<std::string> used;
  for (const auto& node : graph.node()) {
    used.insert(used.end(), node.input().begin(), node.input().end());
    for (const auto& a : node.attribute()) {
      if (a.has_g()) add_captured(a.g(), used);
    }
  }
  for (const auto& v : graph.output()) used.push_back(v.name());
  for (const auto& name : used) {
    if (!own.contains(name)) names.push_back(name);
  }
}

std::vector<std::string> needed_names(const onnx::NodeProto& node) {
  std::vector<std::string> names(node.input().begin(), node.input().end());
  for (const auto& a : node.attribute()) {
    if (a.has_g()) add_captured(a.g(), names);
  }
  return names;
}

}  // namespace

std::string node_text(const onnx::NodeProto& node, std::int64_t index, std::int64_t opset) {
  const std::string name = node.name().empty() ? fmt::format("#{}", index) : fmt::format("'{}'", node.name());
  const std::string domain = node.domain().empty() ? "" : node.domain() + ".";
  return fmt::format("node {} ({}{}, opset {})", name, domain, node.op_type(), opset);
}

std::vector<int> node_order(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, const Scope& scope,
                            const std::string& place) {
  std::unordered_map<std::string, int> maker;
  const auto where = [&](int i) {
    const auto& node = nodes.Get(i);
    return fmt::format("{}: node {} ({})", place, node.name().empty() ? fmt::format("#{}", i) : "'" + node.name() + "'",
                       node.op_type());
  };
  for (int i = 0; i < nodes.size(); ++i) {
    for (const auto& output : nodes.Get(i).output()) {
      if (output.empty()) continue;
      if (!maker.emplace(output, i).second || scope.values.contains(output)) {
        fail(invalid_input(where(i), fmt::format("makes '{}', which exists already", output)));
      }
    }
  }
  std::vector<std::vector<int>> users(static_cast<std::size_t>(nodes.size()));
  std::vector<int> missing(static_cast<std::size_t>(nodes.size()), 0);
  for (int i = 0; i < nodes.size(); ++i) {
    for (const auto& name : needed_names(nodes.Get(i))) {
      const auto found = maker.find(name);
      if (found != maker.end()) {
        users[static_cast<std::size_t>(found->second)].push_back(i);
        ++missing[static_cast<std::size_t>(i)];
      } else if (!name.empty() && !scope.find(name)) {
        fail(invalid_input(where(i), fmt::format("'{}' is no input, no initialiser, and no node makes it", name)));
      }
    }
  }
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int i = 0; i < nodes.size(); ++i) {
    if (missing[static_cast<std::size_t>(i)] == 0) ready.push(i);
  }
  std::vector<int> order;
  while (!ready.empty()) {
    order.push_back(ready.top());
    ready.pop();
    for (const int user : users[static_cast<std::size_t>(order.back())]) {
      if (--missing[static_cast<std::size_t>(user)] == 0) ready.push(user);
    }
  }
  for (int i = 0; i < nodes.size(); ++i) {
    if (missing[static_cast<std::size_t>(i)] > 0) fail(invalid_input(where(i), "is part of a cycle, or follows one"));
  }
  return order;
}

}  // namespace systole::frontend
