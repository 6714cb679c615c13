#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/element.h"

namespace systole {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Shape, CountAndStrides) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 3, 4}), 24);
  EXPECT_EQ(element_count({2, 0, 4}), 0);
  EXPECT_EQ(row_major_strides({2, 3, 4}), (Shape{12, 4, 1}));
  EXPECT_EQ(shape_text({1, 3, 48}), "1x3x48");
  EXPECT_EQ(shape_text({}), "scalar");
}

TEST(Shape, CheckRefusesWhatDoesNotFit) {
  EXPECT_TRUE(check_shape({}, "p").ok());
  EXPECT_TRUE(check_shape({0, 5}, "p").ok());
  EXPECT_TRUE(check_shape({(std::int64_t{1} << 59) - 1}, "p").ok());
  EXPECT_FALSE(check_shape({std::int64_t{1} << 59}, "p").ok());
  EXPECT_FALSE(check_shape({-1}, "p").ok());
  EXPECT_FALSE(check_shape({std::int64_t{1} << 40, std::int64_t{1} << 40}, "p").ok());
  EXPECT_FALSE(check_shape({0, std::int64_t{1} << 40, std::int64_t{1} << 40}, "p").ok());
}

TEST(Tensor, CopiesShareUntilOneIsWritten) {
  Tensor a = Tensor::of<float>(DType::kF32, {2}, {1, 2});
  const Tensor b = a;
  EXPECT_EQ(a.raw(), b.raw());
  a.mutable_data<float>()[0] = 5;
  EXPECT_NE(a.raw(), b.raw());
  EXPECT_EQ(b.data<float>()[0], 1);
  EXPECT_EQ(a.data<float>()[1], 2);
}

TEST(Tensor, WritingToAnAliasCopiesIt) {
  auto storage = std::shared_ptr<const std::uint8_t[]>(new std::uint8_t[4]{1, 2, 3, 4});
  const std::uint8_t* address = storage.get();
  Tensor a(DType::kU8, {4}, std::move(storage));  // the only owner, and still not writable
  EXPECT_EQ(a.raw(), address);
  a.mutable_raw()[0] = 9;
  EXPECT_NE(a.raw(), address);
  EXPECT_EQ(a.raw()[3], 4);
}

TEST(Tensor, StartsZeroAndReshapesInPlace) {
  const Tensor a(DType::kI16, {2, 3});
  for (int i = 0; i < 6; ++i) EXPECT_EQ(a.data<std::int16_t>()[i], 0);
  EXPECT_EQ(a.bytes(), 12);
  const Tensor b = a.reshaped({3, 2});
  EXPECT_EQ(b.raw(), a.raw());
  EXPECT_EQ(b.shape(), (Shape{3, 2}));
}

template <typename T>
std::vector<T> values(const Tensor& t) {
  return {t.data<T>(), t.data<T>() + t.count()};
}

TEST(Convert, FloatToIntegerRoundsToEvenSaturatesAndDropsNan) {
  const Tensor x = Tensor::of<float>(DType::kF32, {9}, {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 300.0f, -300.0f, kNan, kInf});
  EXPECT_EQ(values<std::int8_t>(x.converted(DType::kI8)),
            (std::vector<std::int8_t>{0, 2, 2, 0, -2, 127, -128, 0, 127}));
  EXPECT_EQ(values<std::uint8_t>(x.converted(DType::kU8)), (std::vector<std::uint8_t>{0, 2, 2, 0, 0, 255, 0, 0, 255}));
  EXPECT_EQ(values<std::int64_t>(x.converted(DType::kI64))[8], std::numeric_limits<std::int64_t>::max());
}

TEST(Convert, IntegersKeepTheirValueOrSaturate) {
  const Tensor x =
      Tensor::of<std::int64_t>(DType::kI64, {4}, {5, -5, std::int64_t{1} << 40, (std::int64_t{1} << 53) + 1});
  EXPECT_EQ(values<std::int32_t>(x.converted(DType::kI32)),
            (std::vector<std::int32_t>{5, -5, std::numeric_limits<std::int32_t>::max(),
                                       std::numeric_limits<std::int32_t>::max()}));
  EXPECT_EQ(values<std::uint64_t>(x.converted(DType::kU64))[3], (std::uint64_t{1} << 53) + 1);
  EXPECT_EQ(values<std::uint64_t>(x.converted(DType::kU64))[1], 0u);
  EXPECT_EQ(values<std::uint8_t>(x.converted(DType::kPred)), (std::vector<std::uint8_t>{1, 1, 1, 1}));
  EXPECT_EQ(values<std::int8_t>(x.converted(DType::kI4)), (std::vector<std::int8_t>{5, -5, 7, 7}));
}

TEST(Convert, UnsignedBeyondInt64) {
  const Tensor x = Tensor::of<std::uint64_t>(DType::kU64, {1}, {std::numeric_limits<std::uint64_t>::max()});
  EXPECT_EQ(values<double>(x.converted(DType::kF64))[0], 0x1p64);
  EXPECT_EQ(values<std::int64_t>(x.converted(DType::kI64))[0], std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(values<std::uint32_t>(x.converted(DType::kU32))[0], std::numeric_limits<std::uint32_t>::max());
}

TEST(Convert, NarrowFloatsRoundTrip) {
  const Tensor x = Tensor::of<float>(DType::kF32, {4}, {1.0f, -2.5f, 0.0f, 96.0f});  // exact in every float format
  for (const DType type : {DType::kBF16, DType::kF16, DType::kF8E4M3, DType::kF8E5M2, DType::kTF32, DType::kF64,
                           DType::kQ8_8, DType::kQ12_4}) {
    EXPECT_TRUE(x.converted(type).converted(DType::kF32).same_bits(x)) << dtype_name(type);
  }
}

// A large one is made when its bytes are read, once for all copies; a small one at once.
TEST(Computed, IsMadeWhenItIsRead) {
  int made = 0;
  const auto make = [&made](std::int64_t count) {
    return [&made, count] {
      ++made;
      Tensor t(DType::kF32, {count});
      t.mutable_data<float>()[count - 1] = 3;
      return t;
    };
  };
  EXPECT_EQ(Tensor::computed(DType::kF32, {4}, make(4)).data<float>()[3], 3);
  EXPECT_EQ(made, 1);
  const std::int64_t count = 100'000;
  const Tensor x = Tensor::computed(DType::kF32, {count}, make(count)), copy = x;
  const Tensor table = x.reshaped({count / 100, 100}), bytes = x.as_bytes();
  EXPECT_EQ(x.identity(), table.identity());
  EXPECT_EQ(bytes.shape(), (Shape{4 * count}));
  EXPECT_EQ(made, 1);
  EXPECT_EQ(table.data<float>()[count - 1], 3);
  EXPECT_TRUE(copy.same_bits(x));
  EXPECT_EQ(made, 2);
  Tensor own = copy;
  own.mutable_data<float>()[0] = 1;
  EXPECT_EQ(own.data<float>()[count - 1], 3);
  EXPECT_EQ(x.data<float>()[0], 0);
}

TEST(Compare, LargestDifferenceAndReference) {
  const Tensor a = Tensor::of<float>(DType::kF32, {3}, {1, 2, 3}),
               b = Tensor::of<double>(DType::kF64, {3}, {1, 2.5, -4});
  const Difference d = compare(a, b);
  EXPECT_EQ(d.max_abs_error, 7);
  EXPECT_EQ(d.max_abs_reference, 4);
  EXPECT_EQ(d.relative(), 7.0 / 4);
  EXPECT_EQ(compare(a, a).relative(), 0);
}

TEST(Compare, NanAndInfinityMustBeInBoth) {
  const Tensor nan = Tensor::of<float>(DType::kF32, {2}, {kNan, 1}),
               inf = Tensor::of<float>(DType::kF32, {2}, {kInf, 1});
  const Tensor one = Tensor::of<float>(DType::kF32, {2}, {1, 1}), zero = Tensor::of<float>(DType::kF32, {2}, {0, 0});
  EXPECT_EQ(compare(nan, nan).max_abs_error, 0);
  EXPECT_EQ(compare(inf, inf).max_abs_error, 0);
  EXPECT_TRUE(std::isinf(compare(nan, one).max_abs_error));
  EXPECT_TRUE(std::isinf(compare(one, inf).max_abs_error));
  EXPECT_TRUE(std::isinf(compare(one, zero).relative()));
}

TEST(SameBits, LooksAtTypeShapeAndBits) {
  const Tensor a = Tensor::of<float>(DType::kF32, {2}, {0.0f, 1}), b = Tensor::of<float>(DType::kF32, {2}, {-0.0f, 1});
  EXPECT_FALSE(a.same_bits(b));
  EXPECT_FALSE(a.same_bits(a.reshaped({1, 2})));
  EXPECT_TRUE(a.same_bits(Tensor::of<float>(DType::kF32, {2}, {0.0f, 1})));
  EXPECT_TRUE(Tensor(DType::kF32, {0}).same_bits(Tensor(DType::kF32, {0})));
}

}  // namespace
}  // namespace systole
