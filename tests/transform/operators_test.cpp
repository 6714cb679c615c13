// What the last passes bring into form, and the check itself: each rule broken once.
#include "transform/models.h"

namespace systole::transform::testing {
namespace {

TEST(Operators, ReductionOfScatteredDimensions) {
  for (const Dims& dims : {Dims{0, 2}, Dims{0, 3}, Dims{1, 3}, Dims{}, Dims{0, 1, 3}, Dims{3, 0}}) {
    for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{2, 1, 4, 5}, Shape{1, 3, 1, 5}}) {
      Maker m(1);
      m.output(m.reduce(Reduction::kAdd, m.input(shape), dims));
      expect_same(m.g, lowered(m.g), 1e-12);
    }
  }
}

TEST(Operators, GatherAlongAnyAxis) {
  for (std::int64_t axis = 0; axis < 3; ++axis) {
    Maker m(1);
    m.output(m.g.add(OpKind::kGather, {m.input({3, 4, 5}), m.input({2, 2}, DType::kI32)}, graph::GatherAttr{axis}));
    expect_same(m.g, lowered(m.g), 0);
  }
}

TEST(Operators, SelectAndClampWithScalars) {
  Maker m(1);
  const ValueId x = m.input({3, 4}), y = m.input({3, 4});
  m.output(m.g.add(OpKind::kSelect, {m.input({}, DType::kPred), x, y}));
  m.output(m.g.add(OpKind::kClamp, {m.scalar(-0.5), x, m.scalar(0.5)}));
  m.output(m.g.add(OpKind::kClamp, {y, x, m.scalar(0.5)}));
  expect_same(m.g, lowered(m.g), 0);
}

TEST(Operators, DynamicSlicesFollowTheLayout) {
  Maker m(1);
  const ValueId y = m.conv(m.input({1, 3, 6, 6}), 4, 3);
  const auto at = [&](double v) { return m.scalar(v, DType::kI32); };
  const ValueId i = m.input({}, DType::kI32);
  const ValueId part =
      m.g.add(OpKind::kDynamicSlice, {y, at(0), i, at(1), at(2)}, graph::DynamicSliceAttr{{1, 2, 3, 3}});
  m.output(m.g.add(OpKind::kDynamicUpdateSlice, {y, part, at(0), at(1), i, at(0)}));
  expect_same(m.g, lowered(m.g), 1e-12);
}

// Starts below, inside and beyond what is there; of each dimension, of several, constant and not; rows longer than 16384.
TEST(Operators, DynamicSlicesAtEveryStart) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Maker m(seed);
    Shape shape, part;
    for (std::int64_t rank = m.random.integer(1, 4); rank > 0; --rank) shape.push_back(m.random.integer(1, 5));
    if (seed % 20 == 0) shape.push_back(20000);
    for (const std::int64_t n : shape) part.push_back(m.random.chance(0.3) ? n : m.random.integer(1, n));
    const DType type = m.random.chance(0.5) ? DType::kF32 : DType::kI8;
    const ValueId x = m.input(shape, type), u = m.input(part, type);
    std::vector<ValueId> slice{x}, update{x, u};
    const bool constant = seed % 4 == 0;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      const bool known = constant || m.random.chance(0.3);
      const ValueId start = known ? m.scalar(static_cast<double>(m.random.integer(-2, 6)), DType::kI32)
                                  : m.input({}, m.random.chance(0.5) ? DType::kI32 : DType::kI64);
      slice.push_back(start), update.push_back(start);
    }
    m.output(m.g.add(OpKind::kDynamicSlice, slice, graph::DynamicSliceAttr{part}));
    m.output(m.g.add(OpKind::kDynamicUpdateSlice, update));
    const Graph result = lowered(m.g);
    EXPECT_TRUE(check_lowered(result).ok());
    for (std::uint64_t inputs = 1; inputs <= 5; ++inputs) expect_same(m.g, result, 0, 100 * seed + inputs);
  }
}

// JAX's decode step: one row of a cache is replaced at a position that is data. No gather is needed.
TEST(Operators, OneRowOfACacheIsASelect) {
  Maker m(1);
  const ValueId cache = m.input({2, 4, 16, 8}), row = m.input({2, 4, 1, 8}), at = m.input({}, DType::kI32);
  const ValueId zero = m.scalar(0, DType::kI32);
  m.output(m.g.add(OpKind::kDynamicUpdateSlice, {cache, row, zero, zero, at, zero}));
  const Graph result = lowered(m.g);
  EXPECT_EQ(count(result, OpKind::kGather), 0);
  EXPECT_EQ(count(result, OpKind::kSelect), 1);
  expect_same(m.g, result, 0);
}

TEST(Operators, IotaIsABroadcastConstant) {
  Maker m(1);
  const ValueId x = m.input({64, 1024});
  m.output(m.binary(OpKind::kAdd, x, m.g.add_typed(OpKind::kIota, {}, {DType::kF32, {64, 1024}}, graph::IotaAttr{1})));
  const Graph result = lowered(m.g);
  EXPECT_EQ(count(result, OpKind::kIota), 0);
  expect_same(m.g, result, 0);
}

TEST(Operators, PaddingOfFourDimensionsIsTwoPads) {
  Maker m(1);
  const ValueId x = m.input({2, 3, 4, 5});
  m.output(m.g.add(OpKind::kPad, {x, m.scalar(7)}, graph::PadAttr{{1, 2, 0, 1}, {0, 1, 2, -1}, {0, 1, 0, 0}}));
  const Graph result = lowered(m.g);
  for (const Op& op : result.ops) {
    if (op.kind != OpKind::kPad) continue;
    const auto& a = op.get<graph::PadAttr>();
    int padded = 0;
    for (std::size_t d = 0; d < a.low.size(); ++d) padded += a.low[d] != 0 || a.high[d] != 0;
    EXPECT_LE(padded, 2);
  }
  expect_same(m.g, result, 0);
}

// Products and convolutions of all integer types, on chips whose matrix unit has bytes, 16 bits, both, nothing.
TEST(Operators, IntegerContractions) {
  const DType types[] = {DType::kI8, DType::kU8, DType::kI16, DType::kI32};
  for (int chip = 0; chip < 4; ++chip) {
    Target target = fp32_target();
    target.multiplies_i8 = chip % 2 == 1, target.multiplies_i16 = chip >= 2;
    for (const DType a : types) {
      for (const DType b : types) {
        Maker m(static_cast<std::uint64_t>(chip) + 1);
        m.output(m.dot(m.input({3, 5}, a), m.input({5, 4}, b), {{}, {}, {1}, {0}, {}}));
        m.output(m.dot(m.input({2, 3, 5}, a), m.input({2, 4, 5}, b), {{0}, {0}, {2}, {2}, {}}));
        graph::ConvAttr attr = m.conv_attr();
        attr.stride = {2, 1}, attr.pad_low = {1, 0}, attr.pad_high = {1, 2}, attr.rhs_dilation = {1, 2};
        m.output(m.conv(m.input({2, 4, 6, 5}, a), m.weights({6, 4, 3, 2}, b), attr));
        attr.feature_groups = 2;
        m.output(m.conv(m.input({2, 4, 6, 5}, a), m.weights({6, 2, 3, 2}, b), attr));
        const Graph result = lowered(m.g, target);
        expect_same(m.g, result, 0);
        const auto byte = [](DType t) { return t == DType::kI8 || t == DType::kU8; };
        const bool bytes = byte(a) && byte(b), wide = a == DType::kI32 || b == DType::kI32;
        const bool on_arrays = !wide && ((bytes && target.multiplies_i8) || target.multiplies_i16);
        EXPECT_EQ(count(result, OpKind::kDotGeneral) + count(result, OpKind::kConvolution), on_arrays ? 4 : 0);
        EXPECT_EQ(count(result, OpKind::kReduce), on_arrays ? 0 : 4);
      }
    }
  }
}

// Unsigned 16 to 64 bits are held in int32, where what the operators give is the same.
TEST(Operators, UnsignedArithmetic) {
  for (const DType type : {DType::kU16, DType::kU32, DType::kU64}) {
    Maker m(2);
    const ValueId x = m.input({4, 5}, type), y = m.input({4, 5}, type);
    for (const OpKind kind : {OpKind::kMaximum, OpKind::kMinimum, OpKind::kAnd, OpKind::kOr, OpKind::kXor,
                              OpKind::kRemainder, OpKind::kShiftRightLogical})
      m.output(m.binary(kind, x, y));
    m.output(m.g.add(OpKind::kReduce, {x, m.scalar(0, type)}, graph::ReduceAttr{Reduction::kMaximum, {1}}));
    m.output(m.convert(m.input({6}), type));   // negative: 0
    if (type == DType::kU16) {
      const ValueId high = m.filled(x, 65533);
      for (const OpKind kind : {OpKind::kAdd, OpKind::kSubtract}) m.output(m.binary(kind, x, high));
      m.output(m.binary(OpKind::kSubtract, high, x));
      m.output(m.binary(OpKind::kShiftLeft, high, x));
    }
    expect_same(m.g, lowered(m.g), 0);
  }
  Maker m(2);
  const ValueId x = m.input({3}, DType::kU32);
  m.output(m.binary(OpKind::kMultiply, x, x));
  const auto refused = lower(m.g, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("multiply of ui32"), std::string::npos) << refused.error().text();
}

struct Broken {
  const char* text;
  Graph (*make)();
};

Graph simple(OpKind kind, const Shape& shape, Attr attr, DType type = DType::kF32) {
  Maker m(1);
  m.output(m.g.add(kind, {m.input(shape, type)}, std::move(attr)));
  return m.g;
}

const Broken kBroken[] = {
    {"(rule 1): element type i64", [] { return simple(OpKind::kNegate, {2}, {}, DType::kI64); }},
    {"(rule 2): lhs is not [b,0,1,f]",
     [] {
       Maker m(1);
       m.output(m.conv(m.input({1, 2, 3, 3}), 2, 1));
       return m.g;
     }},
    {"(rule 3): an operand is not a matrix",
     [] {
       Maker m(1);
       m.output(m.dot(m.input({2, 3, 4}), m.input({4, 5}), {{}, {}, {2}, {0}, {}}));
       return m.g;
     }},
    {"(rule 3): lhs is not [M,K]",
     [] {
       Maker m(1);
       m.output(m.dot(m.input({4, 3}), m.input({4, 5}), {{}, {}, {0}, {0}, {}}));
       return m.g;
     }},
    {"(rule 4): all operands are constants",
     [] {
       Maker m(1);
       m.output(m.g.add(OpKind::kTanh, {m.weights({3})}));
       return m.g;
     }},
    {"(rule 4): nothing uses the result",
     [] {
       Maker m(1);
       m.g.add(OpKind::kTanh, {m.input({3})});
       return m.g;
     }},
    {"(rule 5): the reduced dimensions are not adjacent",
     [] {
       Maker m(1);
       m.output(m.reduce(Reduction::kAdd, m.input({2, 3, 4}), {0, 2}));
       return m.g;
     }},
    {"(rule 5): the operand is not of rank 4",
     [] {
       Maker m(1);
       graph::ReduceWindowAttr a;
       a.window = {2};
       m.output(m.window(Reduction::kAdd, m.input({4}), a));
       return m.g;
     }},
    {"(rule 6): the axis is not 0",
     [] {
       Maker m(1);
       m.output(m.g.add(OpKind::kGather, {m.input({3, 4}), m.input({2}, DType::kI32)}, graph::GatherAttr{1}));
       return m.g;
     }},
    {"(rule 6): a pad is negative",
     [] {
       Maker m(1);
       m.output(m.g.add(OpKind::kPad, {m.input({3}), m.scalar(0)}, graph::PadAttr{{-1}, {0}, {0}}));
       return m.g;
     }},
    {"(rule 6): the chip's units have no such operator",
     [] {
       Maker m(1);
       m.output(m.g.add(OpKind::kDynamicSlice, {m.input({3}), m.input({}, DType::kI32)}, graph::DynamicSliceAttr{{2}}));
       return m.g;
     }},
    {"(rule 6): interior padding",
     [] {
       Maker m(1);
       m.output(m.g.add(OpKind::kPad, {m.input({3}), m.scalar(0)}, graph::PadAttr{{0}, {0}, {1}}));
       return m.g;
     }},
    {"(rule 7): an operand has not the result's shape",
     [] {
       Maker m(1);
       const ValueId x = m.input({3});
       m.output(m.g.add(OpKind::kSelect, {m.input({}, DType::kPred), x, x}));
       return m.g;
     }},
};

TEST(CheckLowered, NamesEachBrokenRule) {
  for (const Broken& broken : kBroken) {
    const Status status = check_lowered(broken.make());
    ASSERT_FALSE(status.ok()) << broken.text;
    EXPECT_NE(status.error().text().find(broken.text), std::string::npos) << status.error().text();
  }
}

}  // namespace
}  // namespace systole::transform::testing
