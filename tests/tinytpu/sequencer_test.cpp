// What the sequencer adds: waits, loops, holds, the write pointer, halt; and what can be built with it.
#include "helpers.h"
#include "machine/tinytpu/xor.h"

namespace systole::tinytpu {
namespace {

TEST(Sequencer, ControlWordsTakeOneClock) {
  EXPECT_EQ(ran("").issue_cycles, 0);
  EXPECT_EQ(ran("idle\n").issue_cycles, 1);
  EXPECT_EQ(ran("idle\nhalt\nidle\n").issue_cycles, 1);
  EXPECT_EQ(ran("pointer 5\n").issue_cycles, 1);
  EXPECT_EQ(ran("hold 7\n").issue_cycles, 7);
  EXPECT_EQ(ran("loop 3\nidle\nend\n").issue_cycles, 1 + 3 * 2);
  EXPECT_EQ(ran("loop 3\nloop 2\nhold 2\nend\nidle\nend\n").issue_cycles, 1 + 3 * (1 + 2 * 3 + 2));
  EXPECT_EQ(ran("loop 2\nloop 2\nloop 2\nloop 2\nidle\nend\nend\nend\nend\n").issue_cycles, 1 + 2 * (1 + 2 * (1 + 2 * (1 + 2 * 2 + 1) + 1) + 1));
}

// A wait ends in the clock in which the first lane's valid bit has fallen: not one earlier, not one later.
TEST(Sequencer, WaitEndsWithTheFirstLanesLastValue) {
  const std::string start = "write1=1.0 pathway=0000\nread weight at=0 rows=1 cols=1\nidle\nread input at=0 rows=3 cols=1\n";
  Machine machine(assembled(start + "switch wait\nwrite1=7\n"), {});
  std::int64_t last_valid = -1, write = -1;
  for (; !machine.done(); machine.step()) {
    if (machine.wires().vector[0].valid) last_valid = machine.state().cycle;
    if (machine.wires().word.write_valid[0] && machine.wires().word.write_data[0] == 7) write = machine.state().cycle;
  }
  EXPECT_EQ(last_valid, 3 + 3 + 2);        // read at 3, three clocks through the array, three rows
  EXPECT_EQ(write, last_valid + 1);
}

TEST(Sequencer, LevelsStayWhileNoWordIsGiven) {
  Machine machine(assembled("idle pathway=1010 scale=5 leak=-6\nhold 3\nloop 1\nend\n"), {});
  for (int i = 0; i < 7; ++i, machine.step()) {
    EXPECT_EQ(machine.wires().word.pathway, 0b1010);
    EXPECT_EQ(machine.wires().word.loss_scale, 5);
    EXPECT_EQ(machine.wires().word.leak, -6);
    EXPECT_FALSE(machine.wires().word.read);
  }
}

TEST(Sequencer, ThePointerCountsFromTheNextClockOn) {
  const Memory memory = ran("write1=1\npointer 40\nwrite1=2 write2=3\npointer 127\nwrite1=4 write2=5\nwrite1=6\npointer 9\nwrite1=7\n").memory;
  EXPECT_EQ(memory[0], 1);
  EXPECT_EQ(memory[40], 3);
  EXPECT_EQ(memory[41], 2);
  EXPECT_EQ(memory[127], 5);
  EXPECT_EQ(memory[9], 7);
  EXPECT_EQ(ran("pointer 127\nwrite1=4 write2=5\nwrite1=6\n").lost_writes, 2);
}

// What leaves the vector unit in the pointer's own clock still goes where the old pointer says.
TEST(Sequencer, ThePointerLeavesItsOwnClocksWriteAlone) {
  const std::string start = "write1=1.0 pathway=0000\nread weight at=0 rows=1 cols=1\nidle\nread input at=0 rows=2 cols=1\nswitch\nidle\n";
  const Memory memory = ran(start + "pointer 50\nhold 4\n").memory;
  EXPECT_EQ(memory[1], 256);               // 1.0 x 1.0, in the pointer's clock
  EXPECT_EQ(memory[50], 0);                // word 1 was 0 when it was read
  EXPECT_EQ(ran(start + "pointer 50\nhold 4\n").memory[2], 0);
}

TEST(Sequencer, AWaitThatCannotEndIsAnError) {
  const Program program = assembled("idle\nread weight at=0 rows=1 cols=1\nread bias at=0 rows=3 cols=1 wait\nidle\n", "w.s");
  const auto registers = run_registers(program, {}), events = run_events(program, {});
  for (const auto* result : {&registers, &events}) {
    ASSERT_FALSE(result->ok());
    EXPECT_EQ(result->error().code, ErrorCode::kInvalidInput);
    EXPECT_EQ(result->error().place, "w.s:3");
    EXPECT_NE(result->error().message.find("waits for ever"), std::string::npos);
    EXPECT_FALSE(result->error().hint.empty());
  }
}

// The loop's words with waits do in 60 cycles what the words alone do, and leave the same; two more for pointer and end.
TEST(Sequencer, TrainingStepsRunFromInstructionMemory) {
  constexpr std::int64_t kLoad = 14, kForward = 11 + 11;
  for (const std::int64_t steps : {1, 2, 3, 50}) {
    const Program program = assembled(xor_train_source(steps, {}));
    std::vector<Memory> after;
    const auto events = run_events(program, {}, [&](const Memory& memory) { after.push_back(memory); });
    ASSERT_TRUE(events.ok());
    EXPECT_EQ(events->issue_cycles, kLoad + 1 + 62 * steps + kForward);
    ASSERT_EQ(after.size(), static_cast<std::size_t>(steps));
    const Memory one = ran(xor_step_source({})).memory;
    EXPECT_EQ(after[0], one);
    EXPECT_EQ(ran(program).memory, events->memory);
  }
}

// After k steps the parameters are those of k runs of one step, each from the parameters of the one before.
TEST(Sequencer, ManyStepsAreOneStepManyTimes) {
  XorSettings settings;
  settings.leak = 26;
  XorSettings next = settings;
  for (int step = 0; step < 20; ++step) {
    const Memory memory = ran(xor_step_source(next)).memory;
    for (std::size_t i = 0; i < next.parameters.size(); ++i) next.parameters[i] = memory[12 + i];
  }
  const Memory looped = ran(xor_train_source(20, settings)).memory;
  for (std::size_t i = 0; i < next.parameters.size(); ++i) EXPECT_EQ(looped[12 + i], next.parameters[i]) << i;
}

// Exclusive or, solved in Q8.8: rate 0.75, leak 26/256, half-up rounding.
TEST(Sequencer, ExclusiveOrIsSolved) {
  XorSettings settings;
  settings.leak = 26;
  const Program program = assembled(xor_train_source(2000, settings));
  std::int64_t step = 0, first = 0, above_since = 0;
  const auto result = run_events(program, {}, [&](const Memory& memory) {
    ++step;
    const bool solved = xor_error(memory, settings) < 0.01;
    if (solved && first == 0) first = step;
    if (!solved) above_since = step;
  });
  ASSERT_TRUE(result.ok());
  ASSERT_TRUE(program.error.has_value());
  const double error = mean_squared_error(result->memory, *program.error);
  std::printf("solved after step %lld, below 0.01 for good after step %lld; error after 2000 steps %.6f, %lld cycles\n", static_cast<long long>(first),
              static_cast<long long>(above_since), error, static_cast<long long>(result->cycles));
  EXPECT_LT(error, 0.01);
  EXPECT_GT(first, 0);
  EXPECT_LT(first, 200);
  // The predictions that the machine stored, by their meaning.
  for (int sample = 0; sample < 4; ++sample) {
    EXPECT_NEAR(result->memory[static_cast<std::size_t>(29 + sample)] / 256.0, sample == 1 || sample == 2 ? 1.0 : 0.0, 0.15);
  }
  // The machine's forward pass and the formulas agree on the error.
  EXPECT_DOUBLE_EQ(error, xor_error(result->memory, settings));
}

TEST(Sequencer, StochasticRoundingSolvesItWithTheStorysSlope) {
  XorSettings settings;
  settings.leak = 3;                       // 0.01
  Options options;
  options.rounding = Options::Rounding::kStochastic;
  options.learning_rate = 128;
  const Program program = assembled(xor_train_source(500, settings));
  const auto result = run_events(program, options);
  ASSERT_TRUE(result.ok());
  EXPECT_LT(mean_squared_error(result->memory, *program.error), 0.01);
  EXPECT_EQ(ran(program, options).memory, result->memory);
}

// The clocks in which a program starts to read inputs.
std::vector<std::int64_t> input_reads(const Program& program) {
  std::vector<std::int64_t> clocks;
  for (Machine machine(program, {}); !machine.done(); machine.step()) {
    const Word& word = machine.wires().word;
    if (word.read && word.stream == Stream::kInput) clocks.push_back(machine.state().cycle);
  }
  return clocks;
}

// Six layers, weights loaded between the layers or behind them: the same numbers, a layer in half the cycles.
TEST(Sequencer, ShadowWeightsHalveTheCycles) {
  constexpr int kLayers = 6, kSamples = 5, kInputs = 6 * kLayers, kResults = kInputs + 2 * kSamples;
  constexpr std::int64_t kLoad = (6 * kLayers + 2 * kSamples) / 2 + 1;
  const Program plain = assembled(source_file("examples/tinytpu/layers.s")), shadow = assembled(source_file("examples/tinytpu/layers_shadow.s"));
  const Result slow = ran(plain), fast = ran(shadow);
  EXPECT_EQ(slow.memory, fast.memory);
  const auto slow_reads = input_reads(plain), fast_reads = input_reads(shadow);
  ASSERT_EQ(slow_reads.size(), static_cast<std::size_t>(kLayers));
  ASSERT_EQ(fast_reads.size(), static_cast<std::size_t>(kLayers));
  for (std::size_t layer = 1; layer < kLayers; ++layer) {
    EXPECT_EQ(slow_reads[layer] - slow_reads[layer - 1], kSamples + 7);   // a load, the array, the vector unit
    EXPECT_EQ(fast_reads[layer] - fast_reads[layer - 1], kSamples + 1);   // the inputs, the second one clock behind
  }
  std::printf("%d layers, load and way out included: %lld cycles without shadow weights, %lld with\n", kLayers,
              static_cast<long long>(slow.cycles - kLoad), static_cast<long long>(fast.cycles - kLoad));
  EXPECT_EQ(slow.cycles - kLoad, 12 * kLayers + 2);
  EXPECT_EQ(fast.cycles - kLoad, 2 + 6 * kLayers + 6);
  // The numbers by their definition.
  for (int layer = 0; layer < kLayers; ++layer) {
    const int from = layer == 0 ? kInputs : kResults + 2 * kSamples * (layer - 1), weights = 6 * layer;
    for (int i = 0; i < 2 * kSamples; ++i) {
      const int sample = i / 2, neuron = i % 2;
      const auto at = [&](int address) { return static_cast<std::int64_t>(fast.memory[static_cast<std::size_t>(address)]); };
      const auto product = [](std::int64_t a, std::int64_t b) { return (a * b + 128) >> 8; };
      std::int64_t z = product(at(from + 2 * sample), at(weights + 2 * neuron)) + product(at(from + 2 * sample + 1), at(weights + 2 * neuron + 1)) + at(weights + 4 + neuron);
      if (z < 0) z = product(z, 64);
      ASSERT_EQ(at(kResults + 2 * kSamples * layer + i), z) << "layer " << layer << ", value " << i;
    }
  }
}

// No bit of the 94 is idle: flipping it in some word of the training step changes what is left in the buffer.
TEST(Words, EveryBitMatters) {
  const Program program = assembled(xor_step_source({}));
  const Memory golden = ran(program).memory;
  for (int bit = 0; bit < kWordBits; ++bit) {
    bool matters = false;
    for (std::size_t i = 0; i < program.code.size() && !matters; ++i) {
      Bits bits = encode(program.code[i]);
      bits[static_cast<std::size_t>(bit / 32)] ^= 1u << (bit % 32);
      Program changed = program;
      const auto word = decode(bits);
      ASSERT_TRUE(word.ok());
      changed.code[i] = *word;
      const auto result = run_events(changed, {});
      matters = result.ok() && result->memory != golden;
    }
    EXPECT_TRUE(matters) << "bit " << bit;
  }
}

}  // namespace
}  // namespace systole::tinytpu
