#include "graph/graph.h"

#include "base/file.h"
#include "helpers.h"

namespace systole::graph {
namespace {

const TensorType kVector{DType::kF32, {3}};

TEST(OpNames, ParseIsTheInverse) {
  for (int k = 0; k < static_cast<int>(OpKind::kCount); ++k) {
    const auto kind = static_cast<OpKind>(k);
    const auto back = parse_op_name(op_name(kind));
    ASSERT_TRUE(back.ok()) << op_name(kind);
    EXPECT_EQ(*back, kind);
  }
  EXPECT_FALSE(parse_op_name("fft").ok());
  EXPECT_EQ(op_dialect(OpKind::kErf), "chlo");
  EXPECT_EQ(op_dialect(OpKind::kAdd), "stablehlo");
}

TEST(OpNames, EveryOperatorIsDocumented) {
  const auto page = read_text_file(SYSTOLE_SOURCE_DIR "/docs/graph.md");
  ASSERT_TRUE(page.ok()) << page.error().text();
  const std::string table = page->substr(page->find("## 2. Constraints"));
  for (int k = 0; k < static_cast<int>(OpKind::kCount); ++k) {
    const std::string name(op_name(static_cast<OpKind>(k)));
    EXPECT_NE(table.find("`" + name + "`"), std::string::npos) << name;
  }
}

// The example of docs/graph.md is read by the parser.
TEST(Text, TheDocumentedExampleParses) {
  const auto page = read_text_file(SYSTOLE_SOURCE_DIR "/docs/graph.md");
  ASSERT_TRUE(page.ok()) << page.error().text();
  const std::size_t begin = page->find("```mlir\n") + 8, end = page->find("```", begin);
  const auto g = parse_text(page->substr(begin, end - begin), "docs/graph.md");
  ASSERT_TRUE(g.ok()) << g.error().text();
  const auto y = interpret_double(*g, {f32({1, 2}, {4, 3})});
  EXPECT_EQ(values_of<double>(y->at(0)), (std::vector<double>{-1}));
  EXPECT_EQ(g->ops[1].source, "Mul_3");
}

TEST(Graph, BuildsDefinitionsAndUses) {
  Graph g;
  const ValueId x = g.add_input(kVector, "x");
  const ValueId y = g.add(OpKind::kAdd, {x, x});
  g.add_output(y, "y");
  EXPECT_EQ(g.defining_op(), (std::vector<int>{-1, 0}));
  EXPECT_EQ(g.use_count(), (std::vector<int>{2, 1}));
  EXPECT_TRUE(verify(g).ok());
}

TEST(Graph, RemovesDeadChainsAndKeepsIds) {
  Graph g;
  const ValueId x = g.add_input(kVector, "x");
  const ValueId dead = g.add(OpKind::kAbs, {x});
  g.add(OpKind::kNegate, {dead});
  const ValueId y = g.add(OpKind::kTanh, {x});
  g.add_output(y, "y");
  g.remove_dead_ops();
  ASSERT_EQ(g.ops.size(), 1u);
  EXPECT_EQ(g.ops[0].result, y);
  EXPECT_TRUE(verify(g).ok());
}

class Verify : public testing::Test {
 protected:
  void SetUp() override {
    x = g.add_input(kVector, "x");
    y = g.add(OpKind::kAdd, {x, x});
    g.add_output(y, "y");
  }
  void expect(const std::string& part) {
    const Status status = verify(g);
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.error().text().find(part), std::string::npos) << status.error().text();
  }
  Graph g;
  ValueId x, y;
};

TEST_F(Verify, UseBeforeDefinition) {
  g.ops[0].operands[0] = y;
  expect("operand %1 is not defined");
}
TEST_F(Verify, OperandOutOfRange) {
  g.ops[0].operands[0] = 99;
  expect("operand %99");
}
TEST_F(Verify, NegativeOperand) {
  g.ops[0].operands[0] = -1;
  expect("operand %-1");
}
TEST_F(Verify, DefinedTwice) {
  g.ops.push_back(g.ops[0]);
  expect("defined twice");
}
TEST_F(Verify, InputTwice) {
  g.inputs.push_back(x);
  g.input_names.push_back("z");
  expect("defined twice");
}
TEST_F(Verify, ResultOutOfRange) {
  g.ops[0].result = 7;
  expect("result 7");
}
TEST_F(Verify, WrongType) {
  g.values[1].type.shape = {4};
  expect("is declared tensor<4xf32> but is tensor<3xf32>");
}
TEST_F(Verify, UndefinedOutput) {
  g.outputs[0] = 12;
  expect("output 'y'");
}
TEST_F(Verify, WrongAttribute) {
  g.ops[0].attr = IotaAttr{};
  expect("attributes of another operator");
}
TEST_F(Verify, WrongOperandCount) {
  g.ops[0].operands.push_back(x);
  expect("takes 2 operands, not 3");
}
TEST_F(Verify, NegativeSize) {
  g.values[0].type.shape = {-3};
  expect("negative");
}
TEST_F(Verify, MissingName) {
  g.input_names.clear();
  expect("one name each");
}

TEST(Interpreter, ChecksItsInputs) {
  const Graph g = one_op(OpKind::kAbs, {f32({2}, {1, 2})});
  EXPECT_FALSE(interpret_double(g, {}).ok());
  EXPECT_FALSE(interpret_double(g, {f32({3}, {1, 2, 3})}).ok());
  EXPECT_FALSE(interpret_double(g, {i32({2}, {1, 2})}).ok());
  EXPECT_FALSE(interpret_chip(g, {f32({2}, {1, 2})}, {.array_rows = 0}).ok());
}

TEST(Interpreter, FreesAndReusesValuesCorrectly) {
  Graph g;
  const ValueId x = g.add_input(kVector, "x");
  const ValueId a = g.add(OpKind::kAdd, {x, x}), b = g.add(OpKind::kMultiply, {a, x}),
                c = g.add(OpKind::kSubtract, {b, a});
  g.add_output(c, "c");
  g.add_output(x, "x");
  g.add_output(c, "again");
  const auto r = interpret_double(g, {f32({3}, {1, 2, 3})});
  ASSERT_TRUE(r.ok());
  EXPECT_EQ(values_of<double>((*r)[0]), (std::vector<double>{0, 4, 12}));  // 2x * x - 2x
  EXPECT_EQ(values_of<double>((*r)[1]), (std::vector<double>{1, 2, 3}));
  EXPECT_TRUE((*r)[2].same_bits((*r)[0]));
}

TEST(Interpreter, ChipRefusesIntegersBeyondInt32) {
  Graph g;
  g.add_output(g.constant(Tensor::of<std::int64_t>(DType::kI64, {1}, {std::int64_t{1} << 31}), "big"), "y");
  const auto r = interpret_chip(g, {}, {});
  ASSERT_FALSE(r.ok());
  EXPECT_NE(r.error().text().find("stablehlo.constant from 'big'"), std::string::npos);
  EXPECT_TRUE(interpret_double(g, {}).ok());
  g.ops[0].get<ConstantAttr>().value = Tensor::of<std::int64_t>(DType::kI64, {1}, {(std::int64_t{1} << 31) - 1});
  EXPECT_TRUE(interpret_chip(g, {}, {}).ok());
}

}  // namespace
}  // namespace systole::graph
