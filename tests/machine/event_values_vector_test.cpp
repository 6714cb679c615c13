// run, bind, window and the transfers against docs/machine.md, one element and one lane at a time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "numeric/formats.h"
#include "values_harness.h"

namespace systole::machine {
namespace {

using Lane = std::array<std::uint32_t, kRegisters>;
constexpr std::int64_t kOutput = 65536;   // outputs lie from here on, inputs before

struct Scene {
  std::array<isa::Bind, isa::kVectorSlots> binds;
  isa::Window window;
  isa::Run run;
  std::vector<MicroOp> ops;
};
struct Index { std::array<std::int64_t, 5> d; std::int64_t t0, t1; };

class OneLaneAtATime {
 public:
  OneLaneAtATime(const Scene& s, std::vector<std::uint8_t>& vmem) : s_(s), vmem_(vmem), before_(vmem) {}

  void run() {
    const isa::Run& r = s_.run;
    for (std::int64_t p = 0; p < r.d0 * r.d1 * r.d2 * r.d3 * r.d4; ++p) {
      Index at{{p / (r.d4 * r.d3 * r.d2 * r.d1), p / (r.d4 * r.d3 * r.d2) % r.d1, p / (r.d4 * r.d3) % r.d2, p / r.d4 % r.d3, p % r.d4}, 0, 0};
      Lane lane{};
      steps(0, r.prologue, lane, at);
      if (r.mode == 0) map(lane, at);
      else reduce(lane, at);
      at.t0 = at.t1 = 0;
      steps(r.prologue + r.body, r.epilogue, lane, at);
    }
  }

 private:
  void map(Lane& lane, Index& at) {
    for (at.t0 = 0; at.t0 < s_.run.w0; ++at.t0) {
      for (at.t1 = 0; at.t1 < s_.run.w1; ++at.t1) steps(s_.run.prologue, s_.run.body, lane, at);
    }
  }
  void reduce(Lane& lane, Index& at) {
    const auto result = static_cast<std::size_t>(s_.run.result);
    std::vector<std::uint32_t> partial;
    for (std::int64_t t = 0; t < s_.run.w0 * s_.run.w1; ++t) {
      Lane tap = lane;
      at.t0 = t / s_.run.w1;
      at.t1 = t % s_.run.w1;
      steps(s_.run.prologue, s_.run.body, tap, at);
      if (t < kLanes) partial.push_back(tap[result]);
      else partial[static_cast<std::size_t>(t % kLanes)] = combine(partial[static_cast<std::size_t>(t % kLanes)], tap[result]);
    }
    while (partial.size() > 1) {
      const std::size_t h = (partial.size() + 1) / 2;
      for (std::size_t j = 0; j + h < partial.size(); ++j) partial[j] = combine(partial[j], partial[j + h]);
      partial.resize(h);
    }
    lane[result] = partial[0];
  }
  std::uint32_t combine(std::uint32_t a, std::uint32_t b) const {
    constexpr MicroOpcode kOps[16] = {MicroOpcode::kCount, MicroOpcode::kFAdd, MicroOpcode::kFMul, MicroOpcode::kFMax, MicroOpcode::kFMin,
                                      MicroOpcode::kAnd, MicroOpcode::kOr, MicroOpcode::kCount, MicroOpcode::kCount, MicroOpcode::kIAdd,
                                      MicroOpcode::kIMul, MicroOpcode::kIMax, MicroOpcode::kIMin, MicroOpcode::kAnd, MicroOpcode::kOr};
    Lane lane{a, b};
    MicroOp op{.op = kOps[s_.run.mode], .d = 0, .a = 0, .b = 1};
    step_lane(op, lane);
    return lane[0];
  }
  void steps(std::int64_t first, std::int64_t count, Lane& lane, const Index& at) {
    for (std::int64_t i = first; i < first + count; ++i) {
      const MicroOp& op = s_.ops[static_cast<std::size_t>(i)];
      if (op.op == MicroOpcode::kLoad) lane[op.d] = load(op.slot, at);
      else if (op.op == MicroOpcode::kStore) store(op.slot, at, lane[op.a]);
      else step_lane(op, lane);
    }
  }
  std::int64_t address(const isa::Bind& b, const Index& at) const {
    const std::int64_t element = at.d[0] * b.s0 + at.d[1] * b.s1 + at.d[2] * b.s2 + at.d[3] * b.s3 + at.d[4] * b.s4 + at.t0 * b.w0 + at.t1 * b.w1;
    return b.base + element * dtype_bytes(static_cast<DType>(b.type));
  }
  static bool floating(DType type) { return is_real(type); }
  std::uint32_t load(int slot, const Index& at) const {
    const isa::Bind& b = s_.binds[static_cast<std::size_t>(slot)];
    const isa::Window& w = s_.window;
    if (((w.slots >> slot) & 1) != 0) {
      const std::int64_t h = w.row + at.d[static_cast<std::size_t>(w.row_dim)] * w.row_step + at.t0 * w.row_tap;
      const std::int64_t x = w.column + at.d[static_cast<std::size_t>(w.column_dim)] * w.column_step + at.t1 * w.column_tap;
      if (h < 0 || h >= w.height || x < 0 || x >= w.width) return static_cast<std::uint32_t>(w.value);
    }
    const auto type = static_cast<DType>(b.type);
    const std::uint8_t* p = before_.data() + address(b, at);
    if (!floating(type)) return static_cast<std::uint32_t>(load_as_i32(type, p));
    const float f = load_as_f32(type, p);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &f, 4);
    return bits;
  }
  void store(int slot, const Index& at, std::uint32_t value) {
    const isa::Bind& b = s_.binds[static_cast<std::size_t>(slot)];
    const auto type = static_cast<DType>(b.type);
    std::uint8_t* p = vmem_.data() + address(b, at);
    float f = 0;
    std::memcpy(&f, &value, 4);
    if (floating(type)) store_from_f32(type, p, f);
    else store_from_i32(type, p, static_cast<std::int32_t>(value));
  }

  const Scene& s_;
  std::vector<std::uint8_t>& vmem_;
  const std::vector<std::uint8_t> before_;
};

MicroOp arithmetic(Random& random) {
  constexpr MicroOpcode kOps[] = {MicroOpcode::kFAdd, MicroOpcode::kFMul, MicroOpcode::kFMax, MicroOpcode::kIAdd, MicroOpcode::kSelect,
                                  MicroOpcode::kFFma, MicroOpcode::kXor, MicroOpcode::kFLess, MicroOpcode::kIMin, MicroOpcode::kMove};
  MicroOp op;
  op.op = kOps[random.integer(0, std::size(kOps) - 1)];
  const auto any = [&] { return static_cast<std::uint8_t>(random.integer(0, 5)); };
  op.d = any();
  op.a = any();
  op.b = any();
  op.c = any();
  if (random.chance(0.3)) {
    op.imm_operand = MicroOp::Imm::kB;
    op.imm = 0x3FC00000u;
  }
  return op;
}

const DType kTypes[] = {DType::kF32, DType::kI32, DType::kBF16, DType::kI8, DType::kU8, DType::kF16, DType::kPred, DType::kI16, DType::kQ8_8};

// Stores go to dense places of their own (slots 4 .. 7), so that no two elements touch the same byte.
Scene random_scene(Random& random, DType fixed) {
  const auto type = [&] {
    const DType drawn = kTypes[random.integer(0, 8)];
    return static_cast<std::int64_t>(is_fixed(drawn) ? fixed : drawn);
  };
  Scene s;
  s.run.mode = random.chance(0.5) ? 0 : random.integer(1, 6) + 8 * random.integer(0, 1);
  s.run.result = random.integer(0, 5);
  const bool large = random.chance(0.15);
  const auto count = [&] { return random.chance(0.5) ? 1 : random.integer(1, 4); };
  s.run.d0 = count(), s.run.d1 = count(), s.run.d2 = count(), s.run.d3 = count();
  s.run.d4 = large ? random.integer(200, 1500) : random.integer(1, 9);
  if (large) s.run.d0 = s.run.d1 = s.run.d2 = 1, s.run.d3 = random.integer(1, 2);
  s.run.w0 = count(), s.run.w1 = random.integer(1, large ? 2 : 11);
  if (s.run.mode != 0 && random.chance(0.1)) s.run.d4 = 1, s.run.d3 = 1, s.run.d2 = 1, s.run.w1 = random.integer(1000, 2500);
  const std::int64_t largest = std::max<std::int64_t>({s.run.d4, s.run.w1, 1});
  const auto stride = [&] { return random.chance(0.3) ? 1 : random.integer(-2, std::min<std::int64_t>(9, 1 + 2500 / largest)); };
  for (std::size_t slot = 0; slot < 4; ++slot) {
    isa::Bind& b = s.binds[slot];
    b = {.slot = static_cast<std::int64_t>(slot), .base = 24000 + random.integer(0, 50), .type = type()};
    b.s0 = stride(), b.s1 = stride(), b.s2 = stride(), b.s3 = stride(), b.s4 = stride(), b.w0 = stride(), b.w1 = stride();
  }
  const bool tapped = s.run.w0 * s.run.w1 * s.run.d0 * s.run.d1 * s.run.d2 * s.run.d3 * s.run.d4 <= 4000;   // room for a value per tap
  for (std::size_t slot = 4; slot < 8; ++slot) {
    isa::Bind& b = s.binds[slot];
    b = {.slot = static_cast<std::int64_t>(slot),
         .base = kOutput + static_cast<std::int64_t>(slot - 4) * 16384,
         .type = type()};
    std::int64_t next = 1;
    if (slot == 7 && tapped) b.w1 = next, next *= s.run.w1, b.w0 = next, next *= s.run.w0;
    b.s4 = next, b.s3 = b.s4 * s.run.d4, b.s2 = b.s3 * s.run.d3, b.s1 = b.s2 * s.run.d2, b.s0 = b.s1 * s.run.d1;
  }
  const auto part = [&](std::int64_t loads, std::int64_t steps, std::initializer_list<int> stores) {
    const std::size_t first = s.ops.size();
    for (std::int64_t i = 0; i < loads; ++i) {
      s.ops.push_back({.op = MicroOpcode::kLoad, .d = static_cast<std::uint8_t>(random.integer(0, 5)), .slot = static_cast<std::uint8_t>(random.integer(0, 3))});
    }
    for (std::int64_t i = 0; i < steps; ++i) s.ops.push_back(arithmetic(random));
    for (const int slot : stores) s.ops.push_back({.op = MicroOpcode::kStore, .a = static_cast<std::uint8_t>(random.integer(0, 5)), .slot = static_cast<std::uint8_t>(slot)});
    return static_cast<std::int64_t>(s.ops.size() - first);
  };
  s.run.prologue = part(random.integer(0, 2), random.integer(0, 2), {4});
  s.run.body = tapped ? part(random.integer(1, 3), random.integer(0, 3), {7}) : part(random.integer(1, 3), random.integer(0, 3), {});
  s.run.epilogue = part(random.integer(0, 1), random.integer(0, 2), {5, 6});
  if (random.chance(0.5)) {
    s.window = {.slots = random.integer(0, 15), .row_dim = random.integer(0, 4), .column_dim = random.integer(0, 4), .row = random.integer(-3, 3),
                .column = random.integer(-3, 3), .row_step = random.integer(-2, 2), .column_step = random.integer(-2, 2),
                .row_tap = random.integer(-2, 2), .column_tap = random.integer(-2, 2), .height = random.integer(0, 9), .width = random.integer(0, 9),
                .value = random.integer(0, 1) * 0xFF800000};
  }
  return s;
}

TEST(EventValues, RunIsItsDefinitionLaneByLane) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Random random(seed);
    const DType fixed = fixed_type(static_cast<int>(seed % 15) + 1);
    const Scene s = random_scene(random, fixed);
    const std::vector<std::uint8_t> vmem = random_vmem(random);
    std::vector<isa::Instruction> program;
    for (const isa::Bind& bind : s.binds) program.push_back({bind, isa::kVector});
    program.push_back({s.window, isa::kVector});
    program.push_back({s.run, isa::kVector});
    const auto got = run_values(program, s.ops, vmem, 1, fixed);
    ASSERT_TRUE(got.ok()) << "seed " << seed << ": " << got.error().text();
    std::vector<std::uint8_t> expected = vmem;
    OneLaneAtATime(s, expected).run();
    const auto differ = std::mismatch(expected.begin(), expected.end(), got->vmem.begin());
    ASSERT_EQ(differ.first - expected.begin(), kVmemBytes) << "seed " << seed << ", mode " << s.run.mode << ", the first address that differs";
  }
}

TEST(EventValues, TransfersCopyBoxesAndGathersClamp) {
  std::vector<std::uint8_t> vmem(kVmemBytes);
  for (std::size_t i = 0; i < vmem.size(); ++i) vmem[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  const std::int32_t indices[] = {3, -5, 99, 0};
  std::memcpy(vmem.data() + 1024, indices, sizeof indices);
  // The host's copy of VMEM stands at HBM 0: a box out of it, the same box elsewhere, and a gather of its rows.
  const isa::Load box{.far = 4096, .local = 2048, .bytes = 5, .rows = 3, .planes = 2, .pitch = 11, .plane_pitch = -100};
  const isa::Store back{.far = 8192, .local = 2048, .bytes = 6, .rows = 5, .pitch = 6};
  const isa::Load again{.far = 8192, .local = 3072, .bytes = 30};
  const isa::Gather rows{.far = 512, .pitch = 20, .limit = 10, .bytes = 8, .count = 4, .index = 1024, .local = 3584};
  const auto got = run_values({{box, isa::dma_unit(0)}, {back, isa::dma_unit(1)}, {again, isa::dma_unit(0)}, {rows, isa::dma_unit(0)}}, {}, vmem);
  ASSERT_TRUE(got.ok()) << got.error().text();
  for (std::size_t p = 0, i = 0; p < 2; ++p) {
    for (std::size_t r = 0; r < 3; ++r) {
      for (std::size_t b = 0; b < 5; ++b, ++i) {
        EXPECT_EQ(got->vmem[2048 + i], vmem[4096 - 100 * p + 11 * r + b]);
        EXPECT_EQ(got->vmem[3072 + i], got->vmem[2048 + i]);
      }
    }
  }
  const std::size_t expected_rows[] = {3, 0, 9, 0};
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t b = 0; b < 8; ++b) EXPECT_EQ(got->vmem[3584 + i * 8 + b], vmem[512 + expected_rows[i] * 20 + b]);
  }
}

TEST(EventValues, CoresSeeEachOthersMemoryAfterABarrier) {
  // Core 0 writes a byte to HBM, both meet, core 1 reads it and writes it on.
  isa::Program program;
  program.inputs = {{"x", DType::kU8, {1}, isa::Space::kHbm, 0}};
  program.outputs = {{"y", DType::kU8, {1}, isa::Space::kHbm, 2}};
  program.hbm_bytes = 3;
  const isa::Instruction barrier{isa::Barrier{}, isa::kScalar}, halt{isa::Halt{}, isa::kScalar};
  const isa::UnitId dma = isa::dma_unit(0);
  program.cores.push_back({{{isa::Load{.far = 0, .bytes = 1}, dma}, {isa::Store{.far = 1, .bytes = 1}, dma}, barrier, halt}, {}});
  program.cores.push_back({{barrier, {isa::Load{.far = 1, .bytes = 1}, dma}, {isa::Store{.far = 2, .bytes = 1}, dma}, halt}, {}});
  const auto got = simulate_values(program, values_chip(), {Tensor::of<std::uint8_t>(DType::kU8, {1}, {42})});
  ASSERT_TRUE(got.ok());
  EXPECT_EQ((*got)[0].data<std::uint8_t>()[0], 42);
}

TEST(EventValues, AnInputOfAnotherShapeOrTypeIsAnErrorThatNamesIt) {
  isa::Program program;
  program.inputs = {{"x", DType::kU8, {2}, isa::Space::kHbm, 0}};
  program.hbm_bytes = 2;
  program.cores.push_back({{{isa::Halt{}, isa::kScalar}}, {}});
  const auto shape = simulate_values(program, values_chip(), {Tensor(DType::kU8, {3})});
  ASSERT_FALSE(shape.ok());
  EXPECT_EQ(shape.error().place, "input 'x'");
  EXPECT_FALSE(simulate_values(program, values_chip(), {Tensor(DType::kI8, {2})}).ok());
  EXPECT_FALSE(simulate_values(program, values_chip(), {}).ok());
}

}  // namespace
}  // namespace systole::machine
