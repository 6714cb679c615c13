// The ONNX project's operator tests: every model imported, interpreted in double precision and compared with the
// outputs stored beside it. unsupported_cases.txt lists the cases that are not expected to pass, by reason; a case
// listed there that passes fails this test too, and so does one that is missing there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "base/file.h"
#include "frontend/onnx.h"
#include "graph/interpreter.h"
#include "onnx/onnx.pb.h"

namespace systole {
namespace {

namespace fs = std::filesystem;

const char* const kSets[] = {"node", "simple", "pytorch-operator", "pytorch-converted"};

struct Case {
  std::string name;   // "node/test_relu"
  fs::path folder;
};

std::vector<Case> cases_of(const std::string& set) {
  std::vector<Case> cases;
  const fs::path root = fs::path(SYSTOLE_ONNX_TESTDATA) / set;
  if (!fs::exists(root)) return cases;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (fs::exists(entry.path() / "model.onnx"))
      cases.push_back({set + "/" + entry.path().filename().string(), entry.path()});
  }
  std::sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) { return a.name < b.name; });
  return cases;
}

Expected<std::vector<Tensor>> read_tensors(const fs::path& folder, const std::string& kind) {
  std::vector<Tensor> tensors;
  for (int i = 0;; ++i) {
    const fs::path file = folder / "test_data_set_0" / (kind + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(file)) return tensors;
    SYSTOLE_ASSIGN(Tensor tensor, read_tensor_file(file.string()));
    tensors.push_back(std::move(tensor));
  }
}

// The bfloat16 cases store bit patterns as uint16.
Tensor as_declared(const Tensor& t, DType declared) {
  if (t.type() != DType::kU16 || declared != DType::kBF16) return t;
  std::vector<std::uint16_t> bits(t.data<std::uint16_t>(), t.data<std::uint16_t>() + t.count());
  return Tensor::of<std::uint16_t>(DType::kBF16, t.shape(), bits);
}

bool small_integers(const Tensor& t) { return is_integer(t.type()) || t.type() == DType::kPred; }

// The declared inputs whose values are fixed at import, from the most to the least interesting attempt: none; those
// after the first that hold integers or at most 8 numbers (shapes, axes, scales); all of these and the first.
enum class Fixed { kNone, kShapeLike, kAll };

ImportOptions options_for(const std::vector<DeclaredInput>& declared, const std::vector<Tensor>& inputs, Fixed fixed) {
  ImportOptions options;
  for (std::size_t i = 0; i < std::min(declared.size(), inputs.size()); ++i) {
    const bool shape_like = i > 0 && (small_integers(inputs[i]) || (inputs[i].rank() <= 1 && inputs[i].count() <= 8));
    if (fixed == Fixed::kAll || (fixed == Fixed::kShapeLike && shape_like))
      options.inputs[declared[i].name] = inputs[i];
  }
  return options;
}

// "" if the outputs agree, otherwise what differs. Tolerance: that of the ONNX project's runner, 1e-3 relative and 1e-5
// (fp16: 1e-3) absolute; bf16: a unit in its last place, since the stored outputs truncate.
std::string difference(const Tensor& ours, const Tensor& wanted) {
  if (ours.shape() != wanted.shape())
    return "shape " + shape_text(ours.shape()) + ", wanted " + shape_text(wanted.shape());
  const bool half = wanted.type() == DType::kF16, brain = wanted.type() == DType::kBF16;
  const Tensor a = ours.converted(DType::kF64), b = wanted.converted(DType::kF64);
  for (std::int64_t i = 0; i < a.count(); ++i) {
    const double x = a.data<double>()[i], y = b.data<double>()[i];
    if (std::isnan(x) && std::isnan(y)) continue;
    if (x == y) continue;
    if (is_float(wanted.type()) && std::abs(x - y) <= (half ? 1e-3 : 1e-5) + (brain ? 0x1p-7 : 1e-3) * std::abs(y))
      continue;
    return "element " + std::to_string(i) + " is " + std::to_string(x) + ", wanted " + std::to_string(y);
  }
  return "";
}

// The graph's inputs in its order and types, from the case's in the model's order.
std::vector<Tensor> graph_inputs(const graph::Graph& g, const std::vector<DeclaredInput>& declared,
                                 const std::vector<Tensor>& inputs) {
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < g.inputs.size(); ++i) {
    for (std::size_t j = 0; j < std::min(declared.size(), inputs.size()); ++j) {
      if (declared[j].name == g.input_names[i])
        result.push_back(as_declared(inputs[j], declared[j].type).converted(g.type(g.inputs[i]).type));
    }
  }
  return result;
}

struct Outcome {
  bool passed = false;
  std::string detail;
};

Outcome run_once(const std::string& model, const std::vector<DeclaredInput>& declared,
                 const std::vector<Tensor>& inputs, const std::vector<Tensor>& wanted, Fixed fixed) {
  auto options = options_for(declared, inputs, fixed);
  for (std::size_t i = 0; i < std::min(declared.size(), inputs.size()); ++i) {
    if (!options.inputs.contains(declared[i].name)) options.shapes[declared[i].name] = inputs[i].shape();
  }
  const auto imported = import_onnx(model, options);
  if (!imported.ok()) return {false, imported.error().text()};
  const auto results = graph::interpret_double(imported->graph, graph_inputs(imported->graph, declared, inputs));
  if (!results.ok()) return {false, "interpreter: " + results.error().text()};
  if (results->size() < wanted.size()) return {false, "too few outputs"};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string text =
        difference((*results)[i], as_declared(wanted[i], imported->graph.type(imported->graph.outputs[i]).type));
    if (!text.empty()) return {false, "wrong: output " + std::to_string(i) + ": " + text};
  }
  return {true, ""};
}

Outcome run_case(const Case& c) {
  const std::string model = (c.folder / "model.onnx").string();
  const auto declared = onnx_inputs(model);
  if (!declared.ok()) return {false, declared.error().text()};
  const auto inputs = read_tensors(c.folder, "input"), wanted = read_tensors(c.folder, "output");
  if (!inputs.ok()) return {false, inputs.error().text()};
  if (!wanted.ok()) return {false, wanted.error().text()};
  Outcome outcome;
  for (const Fixed fixed : {Fixed::kNone, Fixed::kShapeLike, Fixed::kAll}) {
    outcome = run_once(model, *declared, *inputs, *wanted, fixed);
    if (outcome.passed || outcome.detail.starts_with("wrong")) break;
  }
  return outcome;
}

// Lines "set/case  reason"; '#' starts a comment.
std::map<std::string, std::string> expected_failures() {
  std::map<std::string, std::string> result;
  std::ifstream in(std::string(SYSTOLE_SOURCE_DIR) + "/tests/frontend/unsupported_cases.txt");
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t space = line.find(' ');
    result[line.substr(0, space)] = space == std::string::npos ? "" : line.substr(space + 1);
  }
  return result;
}

class Conformance : public testing::TestWithParam<const char*> {};

TEST_P(Conformance, AgreesWithTheStoredOutputs) {
  const std::string set = GetParam();
  const auto cases = cases_of(set);
  if (cases.empty()) FAIL() << "libonnx-testdata is not installed: tools/install.sh";
  const auto listed = expected_failures();
  int passed = 0;
  std::map<std::string, int> reasons;
  std::set<std::string> seen;
  for (const Case& c : cases) {
    const Outcome outcome = run_case(c);
    const auto entry = listed.find(c.name);
    seen.insert(c.name);
    passed += outcome.passed;
    if (entry != listed.end()) ++reasons[entry->second];
    EXPECT_FALSE(outcome.detail.starts_with("wrong") && entry == listed.end()) << c.name << ": " << outcome.detail;
    if (outcome.passed) {
      EXPECT_TRUE(entry == listed.end()) << c.name << " passes now: take it off unsupported_cases.txt";
    } else {
      EXPECT_TRUE(entry != listed.end()) << c.name << ": " << outcome.detail;
    }
  }
  for (const auto& entry : listed) {
    if (entry.first.starts_with(set + "/")) EXPECT_TRUE(seen.contains(entry.first)) << "no such case: " << entry.first;
  }
  std::cout << set << ": " << passed << " of " << cases.size() << " pass\n";
  for (const auto& [reason, count] : reasons) std::cout << "  " << count << "  " << reason << "\n";
}

void add_operators(const onnx::GraphProto& graph, std::set<std::string>& operators) {
  for (const auto& node : graph.node()) {
    operators.insert(node.op_type());
    for (const auto& a : node.attribute()) {
      if (a.has_g()) add_operators(a.g(), operators);
    }
  }
}

// Every operator of the registry occurs in a case that is expected to pass, or is named here with where it is tested.
TEST(ConformanceCoverage, EveryOperatorHasACase) {
  std::set<std::string> covered = {
      "Gelu", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "GroupNormalization", "Mish",   // newer than the data
      "LpPool", "LpNormalization", "GlobalLpPool",                                                   // no case in it
  };   // all of these: operator_test.cpp
  const auto listed = expected_failures();
  bool any = false;
  for (const char* set : kSets) {
    for (const Case& c : cases_of(set)) {
      if (listed.contains(c.name)) continue;
      const auto bytes = read_file((c.folder / "model.onnx").string());
      ASSERT_TRUE(bytes.ok());
      onnx::ModelProto model;
      ASSERT_TRUE(model.ParseFromArray(bytes->data(), static_cast<int>(bytes->size())));
      add_operators(model.graph(), covered);
      any = true;
    }
  }
  if (!any) FAIL() << "libonnx-testdata is not installed: tools/install.sh";
  for (const std::string& op : onnx_operators()) EXPECT_TRUE(covered.contains(op)) << op << " has no test";
}

INSTANTIATE_TEST_SUITE_P(Onnx, Conformance, testing::ValuesIn(kSets), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace systole
