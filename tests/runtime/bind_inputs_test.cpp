#include "runtime/bind_inputs.h"

#include <gtest/gtest.h>

namespace systole::runtime {
namespace {

using isa::Space;
const std::vector<isa::Binding> kBindings = {{"image", DType::kF32, {2}, Space::kHbm, 0}, {"index", DType::kI32, {1}, Space::kHbm, 64}};

Tensor f32(std::vector<float> v) { const auto n = static_cast<std::int64_t>(v.size()); return Tensor::of<float>(DType::kF32, {n}, v); }
Tensor i64(std::int64_t v) { return Tensor::of<std::int64_t>(DType::kI64, {1}, {v}); }

TEST(BindInputs, InTheProgramsOrderAndTypes) {
  const auto bound = bind_inputs(kBindings, {{"index", i64(7)}, {"image", f32({1, 2})}});
  ASSERT_TRUE(bound.ok()) << bound.error().text();
  EXPECT_TRUE((*bound)[0].same_bits(f32({1, 2})));
  EXPECT_EQ((*bound)[1].type(), DType::kI32);
  EXPECT_EQ((*bound)[1].data<std::int32_t>()[0], 7);
}

TEST(BindInputs, Float64RoundsToFp32) {
  const auto bound = bind_inputs(kBindings, {{"index", i64(7)}, {"image", Tensor::of<double>(DType::kF64, {2}, {0.1, 1e-300})}});
  ASSERT_TRUE(bound.ok()) << bound.error().text();
  EXPECT_EQ((*bound)[0].data<float>()[0], 0.1f);
}

void expect_error(const std::map<std::string, Tensor>& inputs, const std::string& place, const std::string& part) {
  const auto bound = bind_inputs(kBindings, inputs);
  ASSERT_FALSE(bound.ok());
  EXPECT_EQ(bound.error().place, place);
  EXPECT_NE(bound.error().text().find(part), std::string::npos) << bound.error().text();
}

TEST(BindInputs, Errors) {
  expect_error({{"index", i64(7)}}, "input 'image'", "is missing: f32 2");
  expect_error({{"index", i64(7)}, {"imgae", f32({1, 2})}}, "input 'imgae'", "did you mean 'image'?");
  expect_error({{"index", i64(7)}, {"image", f32({1, 2, 3})}}, "input 'image'", "has shape 3, the model wants 2");
  expect_error({{"index", i64(std::int64_t{1} << 40)}, {"image", f32({1, 2})}}, "input 'index'", "not exact in the model's i32");
  expect_error({{"index", f32({0.5f})}, {"image", f32({1, 2})}}, "input 'index'", "not exact");
}

}  // namespace
}  // namespace systole::runtime
