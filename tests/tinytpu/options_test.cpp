// The options of the chip file against their definitions.
#include <cmath>
#include <set>

#include "base/random.h"
#include "chip/chip.h"
#include "helpers.h"
#include "machine/tinytpu/xor.h"

namespace systole::tinytpu {
namespace {

using Rounding = Options::Rounding;

std::int16_t saturated(double x) { return static_cast<std::int16_t>(std::min(32767.0, std::max(-32768.0, x))); }

// A product by its definition, in double: exact, for it has at most 32 bits.
std::int16_t defined_product(std::int16_t a, std::int16_t b, Rounding rounding) {
  const double exact = static_cast<double>(a) * b / 256;
  if (rounding == Rounding::kHalfUp) return saturated(std::floor(exact + 0.5));
  if (rounding == Rounding::kTruncate) return saturated(std::floor(exact));
  const double wrapped = std::fmod(std::floor(exact), 65536);
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(wrapped < 0 ? wrapped + 65536 : wrapped));
}

TEST(Options, ProductsRoundAsDefined) {
  const std::uint64_t seed = 20260101;
  Random random(seed);
  for (const Rounding rounding : {Rounding::kHalfUp, Rounding::kTruncate, Rounding::kWrap}) {
    for (int i = 0; i < 200000; ++i) {
      const int range = i % 2 == 0 ? 1000 : 32768;
      const auto a = static_cast<std::int16_t>(random.integer(-range, range - 1)), b = static_cast<std::int16_t>(random.integer(-range, range - 1));
      ASSERT_EQ(multiply(a, b, rounding, 0), defined_product(a, b, rounding)) << a << " x " << b << ", rounding " << static_cast<int>(rounding);
    }
  }
  EXPECT_EQ(multiply(-32768, -32768, Rounding::kHalfUp, 0), 32767);
  EXPECT_EQ(multiply(-32768, 32767, Rounding::kTruncate, 0), -32768);
  EXPECT_EQ(multiply(-1, 128, Rounding::kHalfUp, 0), 0);           // -0.5 of the last place goes up
  EXPECT_EQ(multiply(-1, 128, Rounding::kTruncate, 0), -1);
  EXPECT_EQ(multiply(-32768, -32768, Rounding::kWrap, 0), 0);      // 2^22 of the last place
}

// Over all random bytes the mean is the exact product.
TEST(Options, StochasticRoundingHasNoBias) {
  for (const auto& [a, b] : {std::pair{77, 91}, std::pair{-77, 91}, std::pair{-1, 1}, std::pair{300, -255}}) {
    std::int64_t total = 0;
    for (int byte = 0; byte < 256; ++byte) {
      total += multiply(static_cast<std::int16_t>(a), static_cast<std::int16_t>(b), Rounding::kStochastic, static_cast<std::uint16_t>(0xAB00 | byte));
    }
    EXPECT_EQ(total, a * b);
  }
}

TEST(Options, ShiftRegistersRunThroughAllStates) {
  std::uint16_t state = 1;
  std::int64_t period = 0;
  do {
    state = next_lfsr(state);
    ++period;
  } while (state != 1);
  EXPECT_EQ(period, 65535);
  const Lfsrs first = first_lfsrs(0xACE1);
  EXPECT_EQ(std::set<std::uint16_t>(first.begin(), first.end()).size(), first.size());
  for (const std::uint16_t start : first_lfsrs(0x3333)) EXPECT_NE(start, 0);
}

// One training step in plain integers, written from the formulas.
struct IntegerStep {
  Rounding rounding = Rounding::kHalfUp;
  int forward = 128, derivative = 128, rate = 192, scale = 128;
  std::int16_t w1[2][2] = {{76, -148}, {23, 108}}, b1[2] = {-126, 48}, w2[2] = {135, 76}, b2 = 163;

  std::int16_t mul(int a, int b) const { return defined_product(static_cast<std::int16_t>(a), static_cast<std::int16_t>(b), rounding); }
  static std::int16_t add(int a, int b) { return saturated(a + b); }
  void descend(std::int16_t& value, int gradient) const { value = add(value, -mul(gradient, rate)); }

  void run() {
    const int x[4][2] = {{0, 0}, {0, 256}, {256, 0}, {256, 256}}, y[4] = {0, 256, 256, 0};
    std::int16_t h[4][2], dz2[4], dz1[4][2];
    const std::int16_t old_w2[2] = {w2[0], w2[1]};
    for (int s = 0; s < 4; ++s) {
      for (int n = 0; n < 2; ++n) {
        const std::int16_t z = add(add(mul(x[s][1], w1[n][1]), mul(x[s][0], w1[n][0])), b1[n]);
        h[s][n] = z < 0 ? mul(z, forward) : z;
      }
    }
    const std::int16_t first_b2 = b2;
    for (int s = 0; s < 4; ++s) {
      const std::int16_t z = add(add(mul(h[s][1], old_w2[1]), mul(h[s][0], old_w2[0])), first_b2);
      const std::int16_t h2 = z < 0 ? mul(z, forward) : z;
      const std::int16_t g = mul(add(h2, -y[s]), scale);
      dz2[s] = h2 < 0 ? mul(g, derivative) : g;
      descend(b2, dz2[s]);
    }
    for (int s = 0; s < 4; ++s) {
      for (int n = 0; n < 2; ++n) {
        const std::int16_t g = mul(dz2[s], old_w2[n]);
        dz1[s][n] = h[s][n] < 0 ? mul(g, derivative) : g;
        descend(b1[n], dz1[s][n]);
      }
    }
    for (int tile = 0; tile < 4; tile += 2) {
      for (int i = 0; i < 2; ++i) {
        for (int n = 0; n < 2; ++n) descend(w1[n][i], add(mul(dz1[tile + 1][n], x[tile + 1][i]), mul(dz1[tile][n], x[tile][i])));
        descend(w2[i], add(mul(dz2[tile + 1], h[tile + 1][i]), mul(dz2[tile], h[tile][i])));
      }
    }
  }

  void expect_in(const Memory& memory) const {
    const std::int16_t expected[] = {w1[0][0], w1[0][1], w1[1][0], w1[1][1], b1[0], b1[1], w2[0], w2[1], b2};
    for (int i = 0; i < 9; ++i) EXPECT_EQ(memory[static_cast<std::size_t>(12 + i)], expected[i]) << "parameter " << i;
  }
};

TEST(Options, TheIntegerModelGivesTheOriginalsNumbers) {
  IntegerStep step;
  step.run();
  const std::int16_t golden[] = {68, -154, 14, 103, -138, 36, 145, 58, 122};
  EXPECT_EQ(step.w1[0][0], golden[0]);
  EXPECT_EQ(step.w1[1][1], golden[3]);
  EXPECT_EQ(step.b1[0], golden[4]);
  EXPECT_EQ(step.w2[1], golden[7]);
  EXPECT_EQ(step.b2, golden[8]);
}

TEST(Options, SlopesAreSeparate) {
  // The published story: 0.5 forward, 0.01 for the derivative. First one of them, then both, then the word's leak for the other.
  for (const auto& [forward, derivative] : {std::pair{128, 3}, std::pair{3, 128}, std::pair{3, 3}}) {
    Options options;
    options.forward_slope = static_cast<std::int16_t>(forward);
    options.derivative_slope = static_cast<std::int16_t>(derivative);
    IntegerStep step;
    step.forward = forward;
    step.derivative = derivative;
    step.run();
    step.expect_in(ran(xor_step_source({}), options).memory);
  }
  Options options;
  options.derivative_slope = 3;
  XorSettings settings;
  settings.leak = 77;
  IntegerStep step;
  step.forward = 77;
  step.derivative = 3;
  step.run();
  step.expect_in(ran(xor_step_source(settings), options).memory);
}

TEST(Options, RoundingOfTheWholeStep) {
  for (const Rounding rounding : {Rounding::kHalfUp, Rounding::kTruncate, Rounding::kWrap}) {
    Options options;
    options.rounding = rounding;
    IntegerStep step;
    step.rounding = rounding;
    step.run();
    step.expect_in(ran(xor_step_source({}), options).memory);
  }
}

// Truncation and wrapping differ where a product overflows: 100 x 100 in Q8.8.
TEST(Options, WrappingDoesNotSaturate) {
  const std::string text =
      "write1=100.0 pathway=0000\n"
      "read weight at=0 rows=1 cols=1\nidle\nread input at=0 rows=1 cols=1\nswitch\nhold 8\n";
  Options options;
  EXPECT_EQ(ran(text, options).memory[1], 32767);
  options.rounding = Rounding::kTruncate;
  EXPECT_EQ(ran(text, options).memory[1], 32767);
  options.rounding = Rounding::kWrap;
  EXPECT_EQ(ran(text, options).memory[1], 10000 % 256 * 256);
}

TEST(Options, TheLearningRateIsAnInput) {
  Options options;
  options.learning_rate = 64;
  IntegerStep step;
  step.rate = 64;
  step.run();
  step.expect_in(ran(xor_step_source({}), options).memory);
}

// Clocks from the read of an input to the first word that leaves the vector unit.
std::int64_t latency(const std::string& pathway, const Options& options) {
  Machine machine(assembled("write1=1.0 pathway=" + pathway + "\nread weight at=0 rows=1 cols=1\nidle\nread input at=0 rows=1 cols=1\nswitch\nhold 20\n"), options);
  constexpr std::int64_t kRead = 3, kToTheArraysEnd = 3;
  while (!machine.done()) {
    if (machine.wires().vector[0].valid) return machine.state().cycle - kRead - kToTheArraysEnd;
    machine.step();
  }
  return -1;
}

TEST(Options, BypassedStagesAreWiresOrRegisters) {
  Options options;
  EXPECT_EQ(latency("0000", options), 0);
  EXPECT_EQ(latency("0001", options), 1);
  EXPECT_EQ(latency("1100", options), 2);
  EXPECT_EQ(latency("1111", options), 4);
  options.registered_bypass = true;
  for (const char* pathway : {"0000", "0001", "1100", "1111", "0110"}) EXPECT_EQ(latency(pathway, options), 4) << pathway;
}

// A switch that is registered must come a clock earlier; one that comes with the first value meets the old weights.
TEST(Options, RegisteredSwitch) {
  const auto program = [](const std::string& before, const std::string& with) {
    return "write1=3.0 write2=2.0 pathway=0000\nread weight at=1 rows=1 cols=1\nhold 3\nread input at=0 rows=2 cols=1" + before + "\nidle" + with + "\nhold 8\n";
  };
  Options options;
  const std::int16_t six = 6 * 256, nine = 9 * 256;      // inputs 2 and 3, weight 3
  EXPECT_EQ(ran(program("", " switch"), options).memory[2], six);
  EXPECT_EQ(ran(program("", " switch"), options).memory[3], nine);
  options.registered_switch = true;
  EXPECT_EQ(ran(program("", " switch"), options).memory[2], 0);
  EXPECT_EQ(ran(program("", " switch"), options).memory[3], nine);
  EXPECT_EQ(ran(program(" switch", ""), options).memory[2], six);
  EXPECT_EQ(ran(program(" switch", ""), options).memory[3], nine);
}

// Clocks of a cycle: reads of the busier bank, then writes of the busier bank, at least one.
TEST(Options, BlockRamTakesMoreClocks) {
  Options options;
  options.block_ram = true;
  EXPECT_EQ(ran("idle\nidle\n", options).clocks, 2);
  EXPECT_EQ(ran("write1=1 write2=1\n", options).clocks, 1);              // words 0 and 1: a bank each
  const std::string three = "write1=1 write2=1\nwrite1=1\n";
  EXPECT_EQ(ran(three + "read bias at=0 rows=1 cols=1\n", options).clocks, 2 + 2);            // one read, and one for the writes
  EXPECT_EQ(ran(three + "read bias at=0 rows=1 cols=2\n", options).clocks, 2 + 2 + 2);        // the second lane in the clock after
  EXPECT_EQ(ran(three + "read bias at=0 rows=2 cols=1\nread target at=2 rows=1 cols=1\n", options).clocks, 2 + 2 + 3);   // words 0 and 2: one bank
  EXPECT_EQ(ran(three + "read bias at=0 rows=2 cols=1\nread target at=1 rows=1 cols=1\n", options).clocks, 2 + 2 + 2);   // words 0 and 1: two banks
  EXPECT_EQ(ran(three + "read bias at=200 rows=1 cols=1\n", options).clocks, 2 + 1);          // beyond the buffer: nothing to read
  const Result plain = ran(xor_step_source({})), banks = ran(xor_step_source({}), options);
  EXPECT_EQ(plain.memory, banks.memory);
  EXPECT_EQ(plain.cycles, banks.cycles);
  EXPECT_EQ(plain.clocks, plain.cycles);
  EXPECT_GT(banks.clocks, plain.clocks);
}

// One product a clock: a cycle takes as many as there are, at least one, and no less than the buffer wants.
TEST(Options, OneMultiplierTakesMoreClocks) {
  Options options;
  options.shared_multiplier = true;
  // Two rows through one column: the first element and the one below it work on both, in one cycle together.
  const std::string text = "write1=1.0 pathway=0000\nread weight at=0 rows=1 cols=1\nidle\nread input at=0 rows=2 cols=1\nswitch\nhold 8\n";
  EXPECT_EQ(ran(text, options).clocks, ran(text).cycles + 1);
  const Result plain = ran(xor_step_source({})), shared = ran(xor_step_source({}), options);
  EXPECT_EQ(plain.memory, shared.memory);
  EXPECT_EQ(plain.cycles, shared.cycles);
  EXPECT_GT(shared.clocks, plain.clocks);
  Options both = options, banks;
  both.block_ram = banks.block_ram = true;
  EXPECT_GE(ran(xor_step_source({}), both).clocks, std::max(shared.clocks, ran(xor_step_source({}), banks).clocks));
}

TEST(Options, ChipFiles) {
  const auto tiny = load_chip("tinytpu"), bram = load_chip("tinytpu-bram");
  ASSERT_TRUE(tiny.ok() && bram.ok());
  EXPECT_FALSE(tiny->tinytpu.block_ram);
  EXPECT_TRUE(bram->tinytpu.block_ram);
  EXPECT_EQ(tiny->tinytpu.learning_rate, 192);
  EXPECT_NE(tiny->fingerprint(), bram->fingerprint());
  std::string text = source_file("chips/tinytpu.yaml");
  text.replace(text.find("  rounding: half_up"), 19, "  rounding: stochastic\n  lfsr_seed: 77\n  forward_slope: 128\n  derivative_slope: 3");
  const auto chip = parse_chip(text, "t.yaml");
  ASSERT_TRUE(chip.ok()) << chip.error().text();
  EXPECT_EQ(chip->tinytpu.rounding, Rounding::kStochastic);
  EXPECT_EQ(chip->tinytpu.lfsr_seed, 77);
  EXPECT_EQ(chip->tinytpu.forward_slope, 128);
  EXPECT_EQ(chip->tinytpu.derivative_slope, 3);
  EXPECT_FALSE(tiny->tinytpu.derivative_slope.has_value());
}

TEST(Options, BadChipFiles) {
  const std::string good = source_file("chips/tinytpu.yaml");
  const auto error_of = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    const auto chip = parse_chip(text, "t.yaml");
    return chip.ok() ? std::string() : chip.error().text();
  };
  EXPECT_NE(error_of("rounding: half_up", "rounding: haf_up").find("tinytpu.rounding: unknown value 'haf_up' (did you mean 'half_up'?)"), std::string::npos);
  EXPECT_NE(error_of("rounding: half_up", "forward_slop: 3").find("tinytpu.forward_slop: unknown field (did you mean 'forward_slope'?)"), std::string::npos);
  EXPECT_NE(error_of("rounding: half_up", "lfsr_seed: 0").find("tinytpu.lfsr_seed: 0 is out of range"), std::string::npos);
  EXPECT_NE(error_of("machine: tinytpu", "machine: generic").find("tinytpu: only a chip with machine: tinytpu has this section"), std::string::npos);
}

}  // namespace
}  // namespace systole::tinytpu
