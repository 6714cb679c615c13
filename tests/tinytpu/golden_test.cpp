// The original's training step: every clock of its trace, its final integers, its cycle count.
#include <array>
#include <sstream>

#include "helpers.h"
#include "machine/tinytpu/xor.h"

namespace systole::tinytpu {
namespace {

constexpr std::int64_t kTraceOfFirstWord = 2;   // the trace's number of our cycle 0

std::string lanes_text(const std::array<Lane, 2>& lanes) {
  std::ostringstream out;
  out << lanes[0].value << "/" << lanes[1].value << " v" << lanes[0].valid << lanes[1].valid;
  return out.str();
}

// The trace's line for this clock.
std::string line_of(const Machine& machine) {
  const State& s = machine.state();
  const Wires& w = machine.wires();
  std::ostringstream out;
  out << "c" << s.cycle + kTraceOfFirstWord << " in=" << lanes_text(s.buffer.input) << " w=" << lanes_text(s.buffer.weight)
      << " sw" << w.word.switch_weights << " sys=" << lanes_text(w.array) << " vpu=" << lanes_text(w.vector)
      << " gd=" << s.buffer.descent[0].valid << s.buffer.descent[1].valid << " wp=" << s.buffer.write_pointer;
  return out.str();
}

// Values of the trace that its simulation had not initialised: x.
std::string without_unknown(std::string line) {
  for (std::size_t at = line.find("x/x"); at != std::string::npos; at = line.find("x/x")) line.replace(at, 3, "0/0");
  return line;
}

std::vector<std::string> trace_lines() {
  std::istringstream in(source_file("tests/tinytpu/data/step.trace"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("c")) lines.push_back(without_unknown(line));
  }
  return lines;
}

void expect_golden(const std::array<std::int16_t, kMemoryWords>& memory) {
  const std::array<std::int16_t, 53> golden = {
      0, 0, 0, 256, 256, 0, 256, 256, 0, 256, 256, 0,                  // X, Y
      68, -154, 14, 103, -138, 36, 145, 58, 122,                       // W1, B1, W2, B2
      -63, 48, -137, 156, -25, 71, -99, 179,                           // H1
      72, -59, -42, 82,                                                // dZ2
      19, 21, -15, -18, -11, -12, 22, 24,                              // dZ1
      0, -15, 0, -18, 11, 22, 12, 24,                                  // dW1
      14, -22, -28, 45};                                               // dW2
  for (std::size_t i = 0; i < memory.size(); ++i) EXPECT_EQ(memory[i], i < golden.size() ? golden[i] : 0) << "word " << i;
}

TEST(Golden, EveryClockOfTheTrace) {
  const std::vector<std::string> lines = trace_lines();
  ASSERT_EQ(lines.size(), 72u);
  Machine machine(assembled(xor_step_source({})), {});
  std::size_t compared = 0;
  for (std::int64_t cycle = 0; cycle <= 85 - kTraceOfFirstWord; ++cycle, machine.step()) {
    if (cycle + kTraceOfFirstWord < 14) continue;
    EXPECT_EQ(line_of(machine), lines[compared++]);
  }
  EXPECT_EQ(compared, lines.size());
  expect_golden(machine.state().buffer.memory);
}

TEST(Golden, SixtyCyclesAndTwoToTheLastWriteBack) {
  const Program program = assembled(xor_step_source({}));
  constexpr std::int64_t kLoadWords = 14;
  EXPECT_EQ(program.code.size(), kLoadWords + 60u);
  Machine machine(program, {});
  while (!machine.done()) machine.step();
  EXPECT_EQ(machine.state().cycle, kLoadWords + 62);
  expect_golden(machine.state().buffer.memory);
}

}  // namespace
}  // namespace systole::tinytpu
