#include <algorithm>
#include <array>

#include "rtl/random_canvas.h"

namespace systole::rtl {
namespace {

using isa::Space;

// Q8.8 stands for the chip's fixed-point format.
constexpr DType kStreams[] = {DType::kPred, DType::kI4,   DType::kI8,  DType::kI16,    DType::kI32,    DType::kI64,  DType::kU8,  DType::kU16, DType::kU32,
                              DType::kU64,  DType::kBF16, DType::kF16, DType::kF8E4M3, DType::kF8E5M2, DType::kTF32, DType::kF32, DType::kQ8_8};
constexpr DType kWords[] = {DType::kF32, DType::kI32, DType::kU32, DType::kTF32};   // of the accumulators
constexpr DType kCommon[] = {DType::kF32, DType::kBF16, DType::kI8, DType::kU8, DType::kI32, DType::kQ8_8};
constexpr std::uint8_t kInPlace = 5;   // a stream that the epilogue loads and stores at the same places

// One run. Streams 0 .. 2 are read, 3 is stored by the epilogue (a value per element), 4 by the body (one per tap).
class Writer {
 public:
  explicit Writer(Canvas& canvas) : canvas_(canvas), random_(canvas.random) {}

  void write() {
    shape();
    // Stores in one half of VMEM, loads in the other, for within a run their order is open.
    const std::int64_t half = canvas_.vmem / 2, out = random_.chance(0.5) ? half : 0;
    in_from_ = half - out, in_to_ = in_from_ + half;
    const std::int64_t all = run_.d0 * run_.d1 * run_.d2 * run_.d3 * run_.d4, taps = run_.w0 * run_.w1;
    const bool to_words = random_.chance(0.15) && store_words(3);
    if (!to_words) dense_stream(3, out, out + half / 2, 1);
    for (std::int64_t slot = 0; slot < 3; ++slot) load_stream(slot, !to_words && random_.chance(0.25));
    const bool tap_stores = all * taps * 8 <= half / 2 && random_.chance(0.4);
    if (tap_stores) dense_stream(4, out + half / 2, out + half, taps);
    if (random_.chance(0.4)) window();
    run_.program = static_cast<std::int64_t>(canvas_.microcode.size());
    operations(run_.prologue, -1);
    operations(run_.body, tap_stores ? 4 : -1);
    if (run_.mode != 0 && random_.chance(0.5)) carry_result();
    operations(run_.epilogue, 3);
    std::vector<Access> accesses;
    for (const auto& [slot, access] : touched_) accesses.push_back(access);
    canvas_.writer->add(run_, isa::kVector, std::move(accesses));
  }

 private:
  void shape() {
    const std::int64_t width = canvas_.chip.vpu.lanes * canvas_.chip.vpu.sublanes;
    run_ = {.prologue = random_.integer(0, 3), .body = random_.integer(0, 5), .epilogue = random_.integer(1, 4), .result = random_.integer(0, 5)};
    run_.mode = random_.chance(0.55) ? 0 : random_.integer(1, 6) + 8 * random_.integer(0, 1);
    for (std::int64_t* d : {&run_.d0, &run_.d1, &run_.d2, &run_.d3, &run_.d4}) *d = random_.chance(0.35) ? random_.integer(1, 3) : 1;
    if (random_.chance(0.6)) run_.d4 *= random_.integer(2, 12);
    run_.w0 = random_.chance(0.5) ? random_.integer(1, 3) : 1, run_.w1 = random_.chance(0.5) ? random_.integer(1, 7) : 1;
    const std::int64_t lanes = canvas_.chip.vpu.lanes;
    const bool rounds = run_.mode != 0 && lanes <= 16 && random_.chance(0.5);   // of a reduction: chunks of more taps than there are lanes
    if (rounds) run_.w0 = 1, run_.w1 = random_.integer(lanes + 1, 2 * lanes + 1);
    const auto elements = [&] { return run_.d0 * run_.d1 * run_.d2 * run_.d3 * run_.d4; };
    const auto slots = [&] { return (elements() / (run_.mode == 0 ? width : canvas_.chip.vpu.sublanes) + 1) * run_.w0 * run_.w1; };
    std::array<std::int64_t*, 7> counts = {&run_.w0, &run_.d0, &run_.d1, &run_.d2, &run_.d3, &run_.w1, &run_.d4};
    std::rotate(counts.begin(), counts.begin() + random_.integer(0, 6), counts.end());
    for (std::int64_t* d : counts) {
      while (*d > 1 && !(rounds && d == &run_.w1) && (elements() * 8 > canvas_.vmem / 4 || slots() > 14)) --*d;
    }
  }
  DType type() {
    const DType drawn = random_.chance(0.15) ? kCommon[random_.integer(0, std::size(kCommon) - 1)]
                                             : kStreams[random_.integer(0, std::size(kStreams) - 1)];
    return is_fixed(drawn) ? canvas_.chip.fixed_format() : drawn;
  }
  void bind(isa::Bind bind, const Access& access) {
    canvas_.writer->add(bind, isa::kVector);
    touched_.emplace_back(bind.slot, access);
  }
  DType word_type() { return kWords[random_.integer(0, std::size(kWords) - 1)]; }
  void load_stream(std::int64_t slot, bool words) {
    const Stride moved = canvas_.stride(words ? canvas_.rows : canvas_.bytes);
    for (std::int64_t most = 3; most >= 0; --most) {
      const auto stride = [&] { return random_.chance(0.3) ? std::min(most, random_.integer(0, 1)) : random_.integer(-most, most); };
      isa::Bind b{.slot = slot, .space = words ? 3 : 2, .base_strides = moved.set, .type = static_cast<std::int64_t>(type()), .s0 = stride(), .s1 = stride(),
                  .s2 = stride(), .s3 = stride(), .s4 = random_.chance(0.4) ? std::min<std::int64_t>(most, 1) : stride(), .w0 = stride(),
                  .w1 = random_.chance(0.4) ? std::min<std::int64_t>(most, 1) : stride()};
      if (words) b.type = static_cast<std::int64_t>(word_type());
      const std::int64_t size = words ? 1 : dtype_bytes(static_cast<DType>(b.type));
      const Span elements = steps(b.s0, run_.d0) + steps(b.s1, run_.d1) + steps(b.s2, run_.d2) + steps(b.s3, run_.d3) + steps(b.s4, run_.d4) +
                            steps(b.w0, run_.w0) + steps(b.w1, run_.w1);
      const Span span = Span{elements.low * size, elements.high * size + size - 1} + moved.reach;
      const std::int64_t columns = canvas_.chip.mxu.columns;
      b.base = words ? canvas_.place(span, 0, canvas_.accumulator_rows * columns) : canvas_.place(span, in_from_, in_to_);
      if (b.base < 0) continue;
      const std::int64_t first = b.base + span.low, end = b.base + span.high + 1;
      if (words) return bind(b, {Space::kAccumulator, first / columns, (end + columns - 1) / columns, false});
      return bind(b, {Space::kVmem, first, end, false});
    }
    bind({.slot = slot, .base = in_from_, .type = static_cast<std::int64_t>(DType::kI8)}, {Space::kVmem, in_from_, in_from_ + 1, false});
  }
  // A value per element to the accumulators; false: they are too few.
  bool store_words(std::int64_t slot) {
    const std::int64_t e3 = run_.d4, e2 = e3 * run_.d3, e1 = e2 * run_.d2, e0 = e1 * run_.d1, columns = canvas_.chip.mxu.columns;
    const Span span{0, e0 * run_.d0 - 1};
    const std::int64_t base = canvas_.place(span, 0, canvas_.accumulator_rows * columns);
    if (base < 0) return false;
    bind({.slot = slot, .space = 3, .base = base, .type = static_cast<std::int64_t>(word_type()), .s0 = e0, .s1 = e1, .s2 = e2, .s3 = e3, .s4 = 1},
         {Space::kAccumulator, base / columns, (base + span.high + columns) / columns, true});
    return true;
  }
  // No address twice in a run.
  void dense_stream(std::int64_t slot, std::int64_t from, std::int64_t to, std::int64_t taps) {
    const std::int64_t e3 = run_.d4, e2 = e3 * run_.d3, e1 = e2 * run_.d2, e0 = e1 * run_.d1, all = e0 * run_.d0;
    isa::Bind b{.slot = slot, .type = static_cast<std::int64_t>(type()), .s0 = e0, .s1 = e1, .s2 = e2, .s3 = e3, .s4 = 1,
                .w0 = taps > 1 ? all * run_.w1 : 0, .w1 = taps > 1 ? all : 0};
    const std::int64_t size = dtype_bytes(static_cast<DType>(b.type)), gap = taps == 1 && all * size * 2 <= to - from && random_.chance(0.6) ? 2 : 1;
    for (std::int64_t* s : {&b.s0, &b.s1, &b.s2, &b.s3, &b.s4}) *s *= gap;
    const Span span{0, ((all * taps - 1) * gap + 1) * size - 1};
    Stride moved = canvas_.stride(canvas_.bytes);
    b.base = canvas_.place(span + moved.reach, from, to);
    if (b.base < 0) {
      moved = {};
      b.base = canvas_.place(span, from, to);
    }
    b.base_strides = moved.set;
    const Access access{Space::kVmem, b.base + moved.reach.low, b.base + span.high + moved.reach.high + 1, true};
    bind(b, access);
    in_place_ = slot == 3 && random_.chance(0.3);
    if (!in_place_) return;
    b.slot = kInPlace;
    bind(b, {access.space, access.begin, access.end, false});
  }
  void window() {
    canvas_.writer->add(isa::Window{.slots = random_.integer(0, 7), .row_dim = random_.integer(0, 4), .column_dim = random_.integer(0, 4),
                                    .row = random_.integer(-2, 2), .column = random_.integer(-2, 2), .row_step = random_.integer(-1, 2),
                                    .column_step = random_.integer(-1, 2), .row_tap = random_.integer(-1, 2), .column_tap = random_.integer(-1, 2),
                                    .height = random_.integer(0, 5), .width = random_.integer(0, 8),
                                    .value = static_cast<std::int64_t>(random_.bits() >> 32)},
                        isa::kVector);
  }
  MicroOp operation() {
    MicroOp op;
    op.op = static_cast<MicroOpcode>(random_.integer(0, static_cast<int>(MicroOpcode::kLoad) - 1));
    for (std::uint8_t* r : {&op.d, &op.a, &op.b, &op.c}) *r = static_cast<std::uint8_t>(random_.chance(0.1) ? random_.integer(0, kRegisters - 1) : random_.integer(0, 5));
    if (random_.chance(0.4)) op.a = last_;
    const int operands = micro_operand_count(op.op);
    if (operands > 0 && random_.chance(0.3)) op.imm_operand = static_cast<MicroOp::Imm>(random_.integer(1, operands));
    op.imm = static_cast<std::uint32_t>(random_.bits());
    return op;
  }
  void operations(std::int64_t count, std::int64_t store_slot) {
    for (std::int64_t i = 0; i < count; ++i) {
      MicroOp op = operation();
      if (store_slot >= 0 && i + 1 == count) op = {.op = MicroOpcode::kStore, .a = stored(), .slot = static_cast<std::uint8_t>(store_slot)};
      else if (random_.chance(0.35)) op = {.op = MicroOpcode::kLoad, .d = op.d, .slot = static_cast<std::uint8_t>(store_slot == 3 && in_place_ ? kInPlace : random_.integer(0, 2))};
      if (op.op != MicroOpcode::kStore) last_ = op.d;
      canvas_.microcode.push_back(op);
    }
  }
  // The prologue leaves a value in the register that a reduction's results are taken from, and the body ends by adding to it in every round.
  void carry_result() {
    if (run_.prologue == 0 || run_.body == 0) return;
    const auto result = static_cast<std::uint8_t>(run_.result);
    const auto body = canvas_.microcode.begin() + run_.program + run_.prologue, last = body + run_.body - 1;
    (body - 1)->d = last_ = result;
    if (last->op == MicroOpcode::kStore) return;
    const std::uint8_t other = last->op == MicroOpcode::kLoad ? result : last->b;
    *last = {.op = run_.mode >= 8 ? MicroOpcode::kIAdd : MicroOpcode::kFAdd, .d = result, .a = result, .b = other};
  }
  // Mostly what an operation before it has made: else few of them would ever be seen.
  std::uint8_t stored() {
    const double dice = random_.real();
    return dice < 0.5 ? last_ : static_cast<std::uint8_t>(dice < 0.8 ? run_.result : random_.integer(0, 5));
  }

  Canvas& canvas_;
  Random& random_;
  isa::Run run_;
  std::uint8_t last_ = 0;   // the register written last
  std::int64_t in_from_ = 0, in_to_ = 0;
  bool in_place_ = false;
  std::vector<std::pair<std::int64_t, Access>> touched_;
};

}  // namespace

void random_vector_words(Canvas& canvas) { Writer(canvas).write(); }

}  // namespace systole::rtl
