// The snippets of the documentation are code that compiles and does what the page says.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "../../examples/library/square_powers.h"
#include "base/file.h"
#include "graph/interpreter.h"

namespace systole::transform {
namespace {

// x^exponent, the exponent a broadcast scalar as the importer leaves it.
Graph power_graph(float exponent) {
  Graph graph;
  const ValueId x = graph.add_input({DType::kF32, {3}}, "x");
  const ValueId e = graph.constant(Tensor::scalar_f32(exponent));
  const ValueId all = graph.add_typed(OpKind::kBroadcastInDim, {e}, {DType::kF32, {3}}, graph::BroadcastAttr{});
  graph.add_output(graph.add(OpKind::kPower, {x, all}), "y");
  return graph;
}

bool has(const Graph& graph, OpKind kind) {
  return std::any_of(graph.ops.begin(), graph.ops.end(), [&](const Op& op) { return op.kind == kind; });
}

TEST(Snippets, SquarePowersDoesWhatItSays) {
  const Tensor x = Tensor::of<float>(DType::kF32, {3}, {-1.5f, 0.0f, 3.0f});
  for (const float exponent : {2.0f, 3.0f}) {
    Graph graph = power_graph(exponent);
    ASSERT_TRUE(square_powers(graph, Target{}).ok());
    ASSERT_TRUE(graph::verify(graph).ok());
    EXPECT_EQ(has(graph, OpKind::kPower), exponent != 2) << exponent;
    EXPECT_EQ(has(graph, OpKind::kMultiply), exponent == 2) << exponent;
    const auto y = graph::interpret_double(graph, {x});
    ASSERT_TRUE(y.ok()) << y.error().text();
    for (int i = 0; i < 3; ++i) {
      const double v = x.data<float>()[i];
      EXPECT_DOUBLE_EQ((*y)[0].data<double>()[i], exponent == 2 ? v * v : v * v * v);
    }
  }
}

TEST(Snippets, PassesPageShowsTheCodeThatIsCompiled) {
  const auto page = read_text_file(SYSTOLE_SOURCE_DIR "/docs/passes.md");
  const auto code = read_text_file(SYSTOLE_SOURCE_DIR "/examples/library/square_powers.h");
  ASSERT_TRUE(page.ok() && code.ok());
  const std::size_t first = code->find("Status square_powers"), last = code->find("\n}\n", first);
  ASSERT_NE(last, std::string::npos);
  std::string shown;
  std::istringstream lines(code->substr(first, last + 3 - first));
  for (std::string line; std::getline(lines, line);) shown += "   " + line + "\n";
  EXPECT_NE(page->find(shown), std::string::npos) << shown;
}

}  // namespace
}  // namespace systole::transform
