// Random products in every pair of formats, without a gap between them, and random vector programs of every mode, type and
// micro-operation, on random cores: the register engine gives the event engine's bits (all of VMEM and of the accumulators) and
// cycles. SYSTOLE_SEED repeats one seed, SYSTOLE_COUNT runs so many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "base/random.h"
#include "machine/event.h"
#include "machine/register.h"

namespace systole::machine {
namespace {

constexpr std::int64_t kVmem = 1 << 17, kFar = 1 << 18, kAccumulatorRows = 256;
constexpr std::int64_t kActivations = 0, kWeights = 1 << 14, kVectorIn = 1 << 15, kVectorOut = 1 << 16;   // parts of VMEM
constexpr std::uint16_t bit(isa::UnitId unit) { return static_cast<std::uint16_t>(1u << unit); }
const isa::UnitId kDma = isa::dma_unit(0), kPush = isa::push_unit(0), kMatrix = isa::matrix_unit(0);

constexpr DType kInteger[] = {DType::kI4, DType::kI8, DType::kU8, DType::kI16, DType::kU16, DType::kI32};
constexpr DType kShort[] = {DType::kI4, DType::kI8, DType::kU8, DType::kI16};
constexpr DType kReal[] = {DType::kBF16, DType::kF16, DType::kF8E4M3, DType::kF8E5M2, DType::kTF32, DType::kF32};
constexpr DType kAny[] = {DType::kPred, DType::kI4,   DType::kI8,  DType::kI16,    DType::kI32,    DType::kI64,  DType::kU8,  DType::kU16, DType::kU32,
                          DType::kU64,  DType::kBF16, DType::kF16, DType::kF8E4M3, DType::kF8E5M2, DType::kTF32, DType::kF32, DType::kF64, DType::kQ8_8};
// Q8.8 stands for the chip's fixed-point format.
template <std::size_t N>
DType pick(Random& random, const DType (&from)[N]) {
  return from[random.integer(0, N - 1)];
}
std::int64_t number(DType type) { return static_cast<std::int64_t>(type); }

Chip random_core(Random& random) {
  Chip chip;
  chip.name = "random";
  chip.mxu.rows = random.integer(1, random.chance(0.1) ? 80 : 12);
  chip.mxu.columns = random.integer(1, random.chance(0.2) ? 140 : 20);
  if (random.chance(0.05)) chip.mxu.rows = random.integer(33, 80), chip.mxu.columns = 32;   // rows without padding in the host's memory, and tall
  if (random.chance(0.1)) chip.mxu.rows = random.integer(1, 12), chip.mxu.columns = random.integer(257, 300);   // more than the engines convert at once
  chip.mxu.weight_double_buffer = random.chance(0.7);
  chip.mxu.formats = {fixed_type(static_cast<int>(random.integer(1, 15)))};
  chip.mxu.accumulator_rows = kAccumulatorRows;
  chip.vpu = {true, random.integer(1, 9), random.integer(1, 4), random.integer(1, 3)};
  chip.vmem_bytes = kVmem;
  chip.hbm = {true, 1 << 22, {random.integer(64, 512), 1}, 64, random.integer(0, 9)};
  chip.dma_engines = 1;
  chip.timing = {random.integer(0, 1), random.integer(1, 9), random.integer(0, 3), random.integer(0, 3), random.integer(0, 6), 0};
  return chip;
}

class Maker {
 public:
  Maker(Random& random, const Chip& chip) : random_(random), chip_(chip), only_(random.chance(0.5) ? Only::kAny : random.chance(0.6) ? Only::kShorts : Only::kBf16) {
    for (const isa::UnitId unit : {kPush, kMatrix, isa::kVector}) code_.push_back({isa::Nop{}, unit, bit(kDma), 0});
    code_.insert(code_.begin(), {isa::Load{.bytes = kVmem}, kDma, 0, static_cast<std::uint16_t>(bit(kPush) | bit(kMatrix) | bit(isa::kVector))});
    for (std::int64_t n = random.integer(1, 6); n > 0; --n) {
      if (random.chance(0.6)) product();
      if (random.chance(0.6)) vector_run(false);
    }
    code_.push_back({isa::Nop{}, kMatrix, 0, bit(isa::kVector)});
    code_.push_back({isa::Nop{}, isa::kVector, bit(kMatrix), 0});
    vector_run(true);
    code_.push_back({isa::Nop{}, isa::kVector, 0, bit(kDma)});
    code_.push_back({isa::Store{.far = kVmem, .bytes = kVmem}, kDma, bit(isa::kVector), 0});
    code_.push_back({isa::Store{.far = kFar, .local_space = 3, .bytes = 4 * chip.mxu.columns, .rows = kAccumulatorRows, .pitch = 4 * chip.mxu.columns}, kDma});
    code_.push_back({isa::Halt{}});
  }

  isa::Program program() const {
    const std::int64_t words = kAccumulatorRows * chip_.mxu.columns;
    isa::Program program;
    program.microcode = microcode_;
    program.layers = {{"test", "dot", 0}};
    program.inputs = {{"vmem", DType::kU8, {kVmem}, isa::Space::kHbm, 0}};
    program.outputs = {{"vmem", DType::kU8, {kVmem}, isa::Space::kHbm, kVmem}, {"accumulators", DType::kU32, {words}, isa::Space::kHbm, kFar}};
    program.hbm_bytes = kFar + 4 * words;
    program.vmem_bytes = kVmem;
    program.cores.resize(1);
    program.cores[0].layer.assign(code_.size(), 0);
    program.cores[0].code = code_;
    return program;
  }

 private:
  // A pad, a push, one or two matmuls; integers with integers, floats with floats, parts of fp32.
  void product() {
    const double kind = only_ == Only::kAny ? random_.real() : only_ == Only::kBf16 ? 0.85 : random_.chance(0.7) ? 0.0 : 1.0;
    DType activation = chip_.fixed_format(), weight = activation, from = activation, weight_from = activation;
    std::int64_t part = 0;
    if (kind < 0.4) {
      const bool shorts = only_ == Only::kShorts;
      activation = shorts ? pick(random_, kShort) : pick(random_, kInteger), weight = shorts ? pick(random_, kShort) : pick(random_, kInteger);
      from = random_.chance(0.7) ? activation : pick(random_, kInteger), weight_from = random_.chance(0.5) ? weight : pick(random_, kInteger);
    } else if (kind < 0.8) {
      activation = pick(random_, kReal), weight = pick(random_, kReal);
      from = random_.chance(0.7) ? activation : pick(random_, kReal), weight_from = random_.chance(0.5) ? weight : pick(random_, kReal);
    } else if (kind < 0.9) {
      activation = weight = DType::kBF16, from = weight_from = DType::kF32;
      part = random_.integer(1, 3);
    } else if (random_.chance(0.3)) {
      from = DType::kF32;
    }
    const std::int64_t size = dtype_bytes(from), length = random_.integer(1, chip_.mxu.rows), columns = random_.chance(0.4) ? chip_.mxu.columns : random_.integer(1, chip_.mxu.columns);
    isa::Pad pad{.image_pitch = random_.integer(0, 300), .row_pitch = random_.integer(0, 200), .step_pitch = random_.integer(0, 60), .type = number(from)};
    if (random_.chance(0.5)) {
      pad.height = random_.integer(1, 5), pad.width = random_.integer(1, 12);
      pad.row_step = random_.integer(0, 2), pad.column_step = random_.integer(0, 3);
      if (size == 1) pad.value = random_.integer(0, 0xFF);
      if (size == 2) pad.value = random_.integer(0, 0xFFFF);
    }
    code_.push_back({pad, kMatrix});
    const bool transpose = random_.chance(0.4);
    const std::int64_t rows = random_.integer(1, chip_.mxu.rows), pushed = random_.chance(0.4) ? chip_.mxu.columns : random_.integer(1, chip_.mxu.columns);
    code_.push_back({isa::Push{.weights = kWeights + random_.integer(0, 500), .pitch = (transpose ? rows : pushed) * dtype_bytes(weight_from) + random_.integer(0, 3),
                               .rows = rows, .columns = pushed, .type = number(weight_from), .format = number(weight), .part = part, .transpose = transpose},
                     kPush});
    for (int i = 0; i < (random_.chance(0.3) ? 2 : 1); ++i) {
      code_.push_back({isa::Matmul{.source = kActivations + 2000 + random_.integer(0, 999), .images = random_.integer(1, 3), .out_rows = random_.integer(1, 3),
                                   .out_columns = random_.integer(1, 7), .length = length, .columns = columns, .row = random_.integer(-2, 2),
                                   .column = random_.integer(-4, 3), .accumulator = random_.integer(0, kAccumulatorRows - 64),
                                   .accumulate = random_.integer(0, 1), .swap = i == 0, .format = number(activation), .part = part},
                       kMatrix});
    }
  }

  std::int64_t stream_type() {
    const DType type = pick(random_, kAny);
    return number(is_fixed(type) ? chip_.fixed_format() : type);
  }
  MicroOp operation() {
    MicroOp op;
    op.op = static_cast<MicroOpcode>(random_.integer(0, static_cast<int>(MicroOpcode::kLoad) - 1));
    for (std::uint8_t* r : {&op.d, &op.a, &op.b, &op.c}) *r = static_cast<std::uint8_t>(random_.integer(0, 5));
    const int operands = micro_operand_count(op.op);
    if (operands > 0 && random_.chance(0.3)) op.imm_operand = static_cast<MicroOp::Imm>(random_.integer(1, operands));
    op.imm = static_cast<std::uint32_t>(random_.bits());
    return op;
  }
  void operations(std::int64_t count, bool stores, std::uint8_t store_slot) {
    for (std::int64_t i = 0; i < count; ++i) {
      MicroOp op = operation();
      if (random_.chance(0.3)) op = {.op = MicroOpcode::kLoad, .d = op.d, .slot = static_cast<std::uint8_t>(random_.integer(0, 2))};
      else if (stores && i + 1 == count) op = {.op = MicroOpcode::kStore, .a = op.a, .slot = store_slot};
      microcode_.push_back(op);
    }
  }

  // Streams 0 .. 2 are read, 3 is stored by the epilogue (one value per element), 4 by the body (one per tap).
  void vector_run(bool accumulators) {
    isa::Run run{.program = static_cast<std::int64_t>(microcode_.size()), .prologue = random_.integer(0, 3), .body = random_.integer(0, 4),
                 .epilogue = random_.integer(0, 3), .result = random_.integer(0, 5)};
    run.mode = random_.chance(0.5) ? 0 : random_.integer(1, 6) + 8 * random_.integer(0, 1);
    for (std::int64_t* d : {&run.d0, &run.d1, &run.d2, &run.d3, &run.d4}) *d = random_.chance(0.4) ? random_.integer(1, 4) : 1;
    run.d4 *= random_.chance(0.3) ? random_.integer(1, 20) : 1;
    run.w0 = random_.chance(0.4) ? random_.integer(1, 4) : 1, run.w1 = random_.chance(0.5) ? random_.integer(1, 7) : 1;
    for (std::int64_t slot = 0; slot < 3; ++slot) load_stream(slot, accumulators);
    const std::int64_t e3 = run.d4, e2 = e3 * run.d3, e1 = e2 * run.d2, e0 = e1 * run.d1, all = e0 * run.d0;
    for (std::int64_t slot = 3; slot < 5; ++slot) {   // dense: no address twice in a run
      const bool taps = slot == 4;
      code_.push_back({isa::Bind{.slot = slot, .base = kVectorOut + (taps ? 1 << 15 : 0) + random_.integer(0, 999), .type = stream_type(), .s0 = e0,
                                 .s1 = e1, .s2 = e2, .s3 = e3, .s4 = 1, .w0 = taps ? all * run.w1 : 0, .w1 = taps ? all : 0},
                       isa::kVector});
    }
    if (random_.chance(0.4)) {
      code_.push_back({isa::Window{.slots = random_.integer(0, 7), .row_dim = random_.integer(0, 4), .column_dim = random_.integer(0, 4),
                                   .row = random_.integer(-2, 2), .column = random_.integer(-2, 2), .row_step = random_.integer(-1, 2),
                                   .column_step = random_.integer(-1, 2), .row_tap = random_.integer(-1, 2), .column_tap = random_.integer(-1, 2),
                                   .height = random_.integer(0, 5), .width = random_.integer(0, 8), .value = static_cast<std::int64_t>(random_.bits() >> 32)},
                       isa::kVector});
    }
    operations(run.prologue, false, 0);
    operations(run.body, all * run.w0 * run.w1 < 3000 && random_.chance(0.4), 4);
    operations(run.epilogue, true, 3);
    code_.push_back({run, isa::kVector});
  }
  void load_stream(std::int64_t slot, bool accumulators) {
    const auto stride = [&] { return random_.chance(0.3) ? random_.integer(0, 1) : random_.integer(-3, 3); };
    isa::Bind bind{.slot = slot, .base = kVectorIn + 8000 + random_.integer(0, 9999), .type = stream_type(), .s0 = stride(), .s1 = stride(),
                   .s2 = stride(), .s3 = stride(), .s4 = stride(), .w0 = stride(), .w1 = stride()};
    if (accumulators) {
      bind.space = 3;
      bind.type = number(random_.chance(0.5) ? DType::kF32 : DType::kI32);
      bind.base = 0;
      for (std::int64_t* s : {&bind.s0, &bind.s1, &bind.s2, &bind.s3, &bind.s4, &bind.w0, &bind.w1}) *s = random_.integer(0, 1);
    }
    code_.push_back({bind, isa::kVector});
  }

  // Products in one narrow kind only: the register engine keeps their operands in 16 bits.
  enum class Only { kAny, kShorts, kBf16 };
  Random& random_;
  const Chip& chip_;
  const Only only_;
  std::vector<isa::Instruction> code_;
  std::vector<MicroOp> microcode_;
};

// Ordinary fp32 numbers, zeros and now and then anything: also good bytes for every other type.
Tensor random_bytes(Random& random) {
  Tensor bytes(DType::kU8, {kVmem});
  for (std::int64_t i = 0; i < kVmem; i += 4) {
    auto word = static_cast<std::uint32_t>(random.bits());
    if (!random.chance(0.03)) word = (word & 0x807FFFFFu) | (static_cast<std::uint32_t>(random.integer(110, 140)) << 23);
    if (random.chance(0.05)) word &= 0x80000000u;
    for (int b = 0; b < 4; ++b) bytes.mutable_raw()[i + b] = static_cast<std::uint8_t>(word >> (8 * b));
  }
  return bytes;
}

void check_one(std::uint64_t seed, const Tensor& bytes, std::int64_t& cycles) {
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(seed));
  Random random(seed);
  const Chip chip = random_core(random);
  const isa::Program program = Maker(random, chip).program();
  const auto time = simulate_time(program, chip);
  const auto values = simulate_values(program, chip, {bytes});
  const auto registers = simulate_registers(program, chip, {bytes});
  ASSERT_TRUE(time.ok()) << time.error().text();
  ASSERT_TRUE(values.ok()) << values.error().text();
  ASSERT_TRUE(registers.ok()) << registers.error().text();
  EXPECT_EQ(registers->cycles, time->cycles);
  EXPECT_TRUE(registers->outputs[0].same_bits((*values)[0])) << "VMEM";
  EXPECT_TRUE(registers->outputs[1].same_bits((*values)[1])) << "accumulators";
  cycles += registers->cycles;
}

TEST(RegisterRandom, ProductsAndVectorProgramsOfEveryFormatEqualTheEventEngine) {
  const char* one = std::getenv("SYSTOLE_SEED");
  const char* many = std::getenv("SYSTOLE_COUNT");
  const std::uint64_t first = one != nullptr ? std::strtoull(one, nullptr, 10) : std::random_device{}();
  const std::uint64_t count = many != nullptr ? std::strtoull(many, nullptr, 10) : one != nullptr ? 1 : 500;
  Random random(7);
  const Tensor bytes = random_bytes(random);
  std::int64_t cycles = 0;
  for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) check_one(seed, bytes, cycles);
  std::printf("seeds %llu .. %llu: %lld cycles compared\n", static_cast<unsigned long long>(first), static_cast<unsigned long long>(first + count - 1),
              static_cast<long long>(cycles));
}

}  // namespace
}  // namespace systole::machine
