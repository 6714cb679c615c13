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
