#include "helpers.h"

namespace systole::graph {
namespace {

// Data movement is the same in both arithmetics; both are checked against the definition by index.
void expect_moves(OpKind kind, const std::vector<Tensor>& inputs, const Tensor& expected, const Attr& attr = {}) {
  const TensorType type{expected.type(), expected.shape()};
  const Tensor chip = run_chip(kind, inputs, attr, &type);
  EXPECT_TRUE(chip.same_bits(expected)) << op_name(kind);
  EXPECT_TRUE(run_double(kind, inputs, attr, &type).converted(expected.type()).same_bits(expected)) << op_name(kind);
}

const Tensor kMatrix = f32({2, 3}, {1, 2, 3, 4, 5, 6});

TEST(Broadcast, PutsDimensionsWhereTold) {
  expect_moves(OpKind::kBroadcastInDim, {f32({2}, {1, 2})}, f32({2, 3}, {1, 1, 1, 2, 2, 2}), BroadcastAttr{{0}});
  expect_moves(OpKind::kBroadcastInDim, {f32({2}, {1, 2})}, f32({3, 2}, {1, 2, 1, 2, 1, 2}), BroadcastAttr{{1}});
  expect_moves(OpKind::kBroadcastInDim, {f32({}, {7})}, f32({2, 2}, {7, 7, 7, 7}), BroadcastAttr{{}});
  expect_moves(OpKind::kBroadcastInDim, {f32({1, 2}, {1, 2})}, f32({2, 2}, {1, 1, 2, 2}), BroadcastAttr{{1, 0}});
}

TEST(Reshape, KeepsRowMajorOrder) { expect_moves(OpKind::kReshape, {kMatrix}, f32({3, 2}, {1, 2, 3, 4, 5, 6})); }

TEST(Transpose, ByIndexForEveryPermutationOfRank4) {
  Random random(1);
  const Tensor x = random_i32(random, {2, 3, 4, 5}, 0, 1000000);
  std::vector<std::int64_t> p = {0, 1, 2, 3};
  do {
    const Tensor y = run_chip(OpKind::kTranspose, {x}, TransposeAttr{p});
    const Shape xs = row_major_strides(x.shape()), ys = row_major_strides(y.shape());
    for (std::int64_t i = 0; i < y.count(); ++i) {
      std::int64_t from = 0;
      for (std::size_t d = 0; d < 4; ++d) from += i / ys[d] % y.shape()[d] * xs[static_cast<std::size_t>(p[d])];
      ASSERT_EQ(y.data<std::int32_t>()[i], x.data<std::int32_t>()[from]);
    }
  } while (std::next_permutation(p.begin(), p.end()));
}

TEST(Slice, WithStrides) {
  expect_moves(OpKind::kSlice, {kMatrix}, f32({2, 2}, {1, 3, 4, 6}), SliceAttr{{0, 0}, {2, 3}, {1, 2}});
  expect_moves(OpKind::kSlice, {kMatrix}, f32({1, 1}, {5}), SliceAttr{{1, 1}, {2, 2}, {1, 1}});
  expect_moves(OpKind::kSlice, {kMatrix}, Tensor(DType::kF32, {0, 3}), SliceAttr{{1, 0}, {1, 3}, {1, 1}});
}

TEST(Concatenate, AlongEachDimension) {
  expect_moves(OpKind::kConcatenate, {kMatrix, f32({1, 3}, {7, 8, 9})}, f32({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}),
               ConcatenateAttr{0});
  expect_moves(OpKind::kConcatenate, {kMatrix, f32({2, 1}, {7, 8}), Tensor(DType::kF32, {2, 0})},
               f32({2, 4}, {1, 2, 3, 7, 4, 5, 6, 8}), ConcatenateAttr{1});
}

TEST(Pad, EdgesInteriorAndCropping) {
  const Tensor x = f32({3}, {1, 2, 3}), zero = f32({}, {9});
  expect_moves(OpKind::kPad, {x, zero}, f32({6}, {9, 1, 2, 3, 9, 9}), PadAttr{{1}, {2}, {0}});
  expect_moves(OpKind::kPad, {x, zero}, f32({5}, {1, 9, 2, 9, 3}), PadAttr{{0}, {0}, {1}});
  expect_moves(OpKind::kPad, {x, zero}, f32({1}, {2}), PadAttr{{-1}, {-1}, {0}});
  expect_moves(OpKind::kPad, {x, zero}, f32({4}, {9, 2, 9, 3}), PadAttr{{-1}, {0}, {1}});
  expect_moves(OpKind::kPad, {x, zero}, f32({2}, {9, 9}), PadAttr{{5}, {-6}, {0}});
  expect_moves(OpKind::kPad, {x, zero}, f32({2}, {9, 9}), PadAttr{{-4}, {3}, {0}});
  expect_moves(OpKind::kPad, {Tensor(DType::kF32, {0}), zero}, f32({2}, {9, 9}), PadAttr{{1}, {1}, {3}});
}

TEST(Reverse, OneOrBothDimensions) {
  expect_moves(OpKind::kReverse, {kMatrix}, f32({2, 3}, {3, 2, 1, 6, 5, 4}), ReverseAttr{{1}});
  expect_moves(OpKind::kReverse, {kMatrix}, f32({2, 3}, {6, 5, 4, 3, 2, 1}), ReverseAttr{{0, 1}});
}

TEST(Gather, TakesAlongAnAxisAndClamps) {
  const Tensor indices = i32({2, 2}, {1, 0, -5, 99});
  expect_moves(OpKind::kGather, {kMatrix, indices}, f32({2, 2, 3}, {4, 5, 6, 1, 2, 3, 1, 2, 3, 4, 5, 6}),
               GatherAttr{0});
  expect_moves(OpKind::kGather, {kMatrix, i32({2}, {2, 0})}, f32({2, 2}, {3, 1, 6, 4}), GatherAttr{1});
  expect_moves(OpKind::kGather, {kMatrix, i32({}, {1})}, f32({3}, {4, 5, 6}), GatherAttr{0});
}

TEST(DynamicSlice, StartsAreClamped) {
  expect_moves(OpKind::kDynamicSlice, {kMatrix, i32({}, {0}), i32({}, {1})}, f32({1, 2}, {2, 3}),
               DynamicSliceAttr{{1, 2}});
  expect_moves(OpKind::kDynamicSlice, {kMatrix, i32({}, {7}), i32({}, {-3})}, f32({1, 2}, {4, 5}),
               DynamicSliceAttr{{1, 2}});
}

TEST(DynamicUpdateSlice, StartsAreClampedAndTheOperandIsKept) {
  const Tensor update = f32({1, 2}, {-1, -2});
  expect_moves(OpKind::kDynamicUpdateSlice, {kMatrix, update, i32({}, {1}), i32({}, {0})},
               f32({2, 3}, {1, 2, 3, -1, -2, 6}));
  expect_moves(OpKind::kDynamicUpdateSlice, {kMatrix, update, i32({}, {-1}), i32({}, {9})},
               f32({2, 3}, {1, -1, -2, 4, 5, 6}));
  EXPECT_EQ(kMatrix.data<float>()[3], 4);
}

TEST(Iota, CountsAlongItsDimension) {
  const TensorType type{DType::kI32, {2, 3}}, half{DType::kBF16, {4}};
  EXPECT_EQ(values_of<std::int32_t>(run_chip(OpKind::kIota, {}, IotaAttr{1}, &type)),
            (std::vector<std::int32_t>{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(values_of<std::int32_t>(run_chip(OpKind::kIota, {}, IotaAttr{0}, &type)),
            (std::vector<std::int32_t>{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(values_of<std::uint16_t>(run_chip(OpKind::kIota, {}, IotaAttr{0}, &half)),
            (std::vector<std::uint16_t>{0, 0x3F80, 0x4000, 0x4040}));
  EXPECT_EQ(values_of<double>(run_double(OpKind::kIota, {}, IotaAttr{0}, &half)), (std::vector<double>{0, 1, 2, 3}));
}

TEST(Movement, EveryElementSize) {
  for (const DType type : {DType::kI8, DType::kBF16, DType::kF32, DType::kI64}) {
    const Tensor x = kMatrix.converted(type), expected = f32({3, 2}, {1, 4, 2, 5, 3, 6}).converted(type);
    expect_moves(OpKind::kTranspose, {x}, expected, TransposeAttr{{1, 0}});
  }
}

}  // namespace
}  // namespace systole::graph
