// The whole list of passes: same answers as the model, lowered form, and the chip's interpreter takes the result.
#include "transform/lower.h"

#include "transform/models.h"

namespace systole::transform::testing {
namespace {

constexpr double kScaled = 1e-6;  // fold_scale rounds weights once to fp32: 2^-24 each, a few thousand terms at most
constexpr double kExact = 1e-12;

struct Model {
  const char* name;
  Graph (*make)(std::uint64_t);
};
void PrintTo(const Model& m, std::ostream* out) { *out << m.name; }

class Models : public ::testing::TestWithParam<Model> {};

TEST_P(Models, LoweringKeepsTheAnswers) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Graph model = GetParam().make(seed);
    expect_same(model, lowered(model), kScaled, seed);
    LowerOptions exact;
    exact.disabled = {"scale"};
    expect_same(model, lowered(model, fp32_target(), exact), kExact, seed);
  }
}

TEST_P(Models, OptionalPassesOffKeepsTheAnswers) {
  Target plain = fp32_target();
  plain.fuse = false;
  const Graph model = GetParam().make(4);
  expect_same(model, lowered(model, plain), kExact);
}

TEST_P(Models, ChipRunsTheResult) {
  for (const DType format : {DType::kBF16, DType::kF16, DType::kF32}) {
    Target target;
    target.format = format;
    target.array_rows = target.vector_lanes = 16;
    const Graph model = GetParam().make(5);
    const Graph low = lowered(model, target);
    Random random(5);
    std::vector<Tensor> inputs = random_inputs(model, random);
    const std::vector<Tensor> reference = evaluated(model, inputs);
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = inputs[i].converted(low.type(low.inputs[i]).type);
    auto result = graph::interpret_chip(low, inputs, {16, 16});
    ASSERT_TRUE(result.ok()) << result.error().text();
    for (std::size_t i = 0; i < reference.size(); ++i) {
      EXPECT_LE(compare((*result)[i], reference[i]).relative(), format == DType::kF32 ? 1e-4 : 5e-2);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Models,
                         ::testing::Values(Model{"residual", residual_network}, Model{"mobile", mobile_network},
                                           Model{"transformer", transformer}, Model{"recogniser", recogniser}),
                         [](const auto& info) { return info.param.name; });

TEST(Transposes, ResidualNetworkHasOneAtItsInput) {
  const Graph low = lowered(residual_network(1));
  EXPECT_EQ(count(low, OpKind::kTranspose), 1);
}
TEST(Transposes, MobileNetworkHasOneAtItsInput) { EXPECT_EQ(count(lowered(mobile_network(1)), OpKind::kTranspose), 1); }
// Per block: q, k, v into heads and the heads back: four; none else.
TEST(Transposes, TransformerHasFourABlock) { EXPECT_EQ(count(lowered(transformer(1)), OpKind::kTranspose), 8); }
TEST(Transposes, RecogniserHasInputAndHeads) { EXPECT_EQ(count(lowered(recogniser(1)), OpKind::kTranspose), 5); }

TEST(Options, UnknownPassIsAnError) {
  LowerOptions options;
  options.disabled = {"nonsense"};
  const auto result = lower(residual_network(1), {}, options);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().text(), "lowering: no pass is called 'nonsense' (see docs/passes.md)");
}

TEST(Options, NecessaryPassStaysOn) {
  LowerOptions options;
  options.disabled = {"layout"};
  EXPECT_FALSE(lower(residual_network(1), {}, options).ok());
}

TEST(Options, AfterSeesEveryPass) {
  std::vector<std::string> seen;
  LowerOptions options;
  options.after = [&](const std::string& pass, const Graph&) { seen.push_back(pass); };
  lowered(mobile_network(1), {}, options);
  EXPECT_EQ(seen.size(), lowering_passes().size());
}

}  // namespace
}  // namespace systole::transform::testing
