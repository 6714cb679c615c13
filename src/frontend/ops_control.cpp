// If, and Loop with a known trip count.
#include <fmt/core.h>

#include "frontend/import.h"
#include "frontend/registry.h"

namespace systole::frontend {

namespace {

const onnx::GraphProto& subgraph(const Node& n, const char* name) {
  const auto* a = n.find(name);
  if (!a || !a->has_g()) n.invalid(fmt::format("attribute '{}' holds no graph", name));
  return a->g();
}

// A known condition inlines its branch. Otherwise both run and the results are selected, which needs equal shapes.
void if_op(Node& n) {
  const Val condition = n.in(0);
  n.require(condition.count() == 1 && condition.type() == DType::kPred, "the condition must be one boolean");
  const std::string place = n.b.place();
  const auto& then_graph = subgraph(n, "then_branch");
  const auto& else_graph = subgraph(n, "else_branch");
  const auto outputs = static_cast<std::size_t>(n.proto.output_size());
  if (condition.known()) {
    const auto values = n.importer.run_subgraph(condition.integers()[0] ? then_graph : else_graph, {});
    n.require(values.size() == outputs, "the branch has another number of outputs");
    for (std::size_t i = 0; i < values.size(); ++i) n.out(i, values[i]);
    return;
  }
  const auto on_true = n.importer.run_subgraph(then_graph, {}), on_false = n.importer.run_subgraph(else_graph, {});
  n.b.set_source(n.proto.name(), place);
  n.require(on_true.size() == outputs && on_false.size() == outputs, "the branches have another number of outputs");
  for (std::size_t i = 0; i < outputs; ++i) {
    if (on_true[i].shape() != on_false[i].shape())
      n.not_supported("the branches' shapes differ, and the condition depends on the data");
    n.out(i, n.b.select(n.b.reshape(condition, {}), on_true[i], on_false[i]));
  }
}

constexpr std::int64_t kMaxTrips = 4096;

// Unrolled while the condition stays known. Scan outputs are stacked along a new first dimension.
void loop(Node& n) {
  const std::string place = n.b.place();
  const auto& body = subgraph(n, "body");
  const std::int64_t trips = n.has(0) ? n.known_ints(0, "the trip count").at(0) : kMaxTrips + 1;
  Val condition = n.in_or(1, n.b.scalar(DType::kPred, 1));
  std::vector<Val> state;
  for (std::size_t i = 2; i < n.input_count(); ++i) state.push_back(n.in(i));
  const std::size_t carried = state.size();
  n.require(static_cast<std::size_t>(body.output_size()) > carried, "the body has too few outputs");
  std::vector<std::vector<Val>> scans(static_cast<std::size_t>(body.output_size()) - 1 - carried);
  for (std::int64_t i = 0; i < trips; ++i) {
    n.b.set_source(n.proto.name(), place);
    if (!condition.known()) n.not_supported("the loop's condition depends on the data");
    if (!condition.integers().at(0)) break;
    if (i >= kMaxTrips) n.not_supported(fmt::format("more than {} trips", kMaxTrips));
    std::vector<Val> inputs = {n.b.scalar(DType::kI64, static_cast<double>(i)), condition};
    inputs.insert(inputs.end(), state.begin(), state.end());
    const auto results = n.importer.run_subgraph(body, inputs);
    condition = results[0];
    std::copy_n(results.begin() + 1, carried, state.begin());
    for (std::size_t s = 0; s < scans.size(); ++s) scans[s].push_back(results[1 + carried + s]);
  }
  n.b.set_source(n.proto.name(), place);
  for (std::size_t i = 0; i < carried; ++i) n.out(i, state[i]);
  for (std::size_t s = 0; s < scans.size(); ++s) {
    if (scans[s].empty()) n.not_supported("a loop that never runs, with scan outputs");
    for (Val& v : scans[s]) {
      Shape shape = v.shape();
      shape.insert(shape.begin(), 1);
      v = n.b.reshape(v, shape);
    }
    n.out(carried + s, n.b.concat(scans[s], 0));
  }
}

}  // namespace

void register_control(Registry& registry) { registry.insert({{"If", if_op}, {"Loop", loop}}); }

}  // namespace systole::frontend
