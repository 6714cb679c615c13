// The event engine's parts (run.h): streams with addresses in closed form, rows of the array, and what a clock does to them.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "machine/tinytpu/run.h"

namespace systole::tinytpu {

// A read command at work, `age` clocks old.
struct Job {
  int base = 0, rows = 0, columns = 0, skip = 0, age = 0;
  bool turned = false;

  int length() const { return rows + columns - 1; }
  bool running() const { return age < length(); }
  bool has(int lane) const { return lane < columns && age >= lane && age < rows + lane; }
  bool two_lanes() const { return columns > 1; }

  // A row-major matrix of two columns, read a row a clock and the second column one clock later.
  int by_rows(int lane) const { return two_lanes() ? base + 2 * age - lane : base + age; }
  // The same memory walked column by column.
  int by_columns(int lane) const {
    if (!two_lanes()) return base + age;
    if (lane == 0) return base + std::max(2 * age - 1, 0);
    return base + (age < rows ? 2 * age : 2 * rows - 1);
  }
  // From the last row up; `skip` is a row and one more.
  int upwards(int lane) const {
    const int reads = std::min(age, rows) + (two_lanes() ? std::clamp(age - 1, 0, rows) : 0);
    const int walked = age * (skip + 1) - reads * skip;
    if (turned) return base - walked + (lane == 1 && has(0) ? skip : 0);
    return base + walked - (lane == 0 && has(1) ? skip : 0);
  }
};

// One row of inputs on its way: entered with its first value, leaves with two sums.
struct Row {
  bool alive = false;                      // in the first column ...
  bool second = false;                     // ... and in the second
  std::int16_t x0 = 0, x1 = 0, sum0 = 0, sum1 = 0;
};

struct Weights {
  std::int16_t active = 0, shadow = 0;
};

// The machine as far as something is there, clock by clock; clocks in which nothing moves are skipped.
struct Events {
  Events(const Program& p, const Options& o, const OnRound& r) : program(p), options(o), on_round(r), lfsrs(first_lfsrs(o.lfsr_seed)) {}

  Expected<Result> run();

  // One clock, in this order.
  void issue();
  void take_command();
  void vector_unit();
  void array();
  void descend();
  void read();
  void write();

  bool resting() const;
  void skip(std::int64_t count);
  std::int16_t times(std::int16_t a, std::int16_t b, int multiplier) {
    ++products;
    return multiply(a, b, options.rounding, lfsrs[static_cast<std::size_t>(multiplier)]);
  }
  int clocks() const;
  Lane leaving(int lane, std::uint8_t pathway) const;
  std::int16_t fetch(int address);
  void store(int address, std::int16_t value);
  bool descent_on() const { return old_bias.age < old_bias.rows + old_bias.columns || old_weight.age < old_weight.rows + old_weight.columns; }

  const Program& program;
  const Options& options;
  const OnRound& on_round;
  Result result;
  Lfsrs lfsrs;

  // Sequencer.
  std::size_t pc = 0;
  bool waiting = false, halted = false, fresh = false, valid_before = false, round = false;
  std::int64_t hold = 0;
  std::vector<std::pair<std::size_t, std::int64_t>> loops;
  Word word;                               // of this clock
  std::int64_t new_pointer = -1;

  // Buffer.
  Job input, weight, bias, target, activation, old_bias, old_weight;
  std::uint16_t write_pointer = 0;
  int descent_pointer = 0;
  bool weight_mode = false;
  std::array<Lane, 2> inputs, weights;
  std::array<std::int16_t, 2> biases{}, targets{}, activations{}, olds{};
  std::array<Lane, 2> descended, next_descended;
  std::array<int, 2> bank_reads{}, bank_writes{};
  int products = 0;                        // in this clock

  // Array: rows by age, weights by [row][column], the switch's wave.
  std::array<Row, 4> rows;
  std::array<std::array<Weights, 2>, 2> held;
  std::array<std::int16_t, 2> passing{};   // weights on their way from the first row to the second
  // ... as it leaves the first element, the one below, the one beside, the last.
  bool switch_first = false, switch_below = false, switch_beside = false, switch_last = false;
  std::array<bool, 2> enabled{};

  // Vector unit, by lane: registers after bias, leaky ReLU, loss, derivative.
  std::array<std::array<Lane, 4>, 2> stages;
  std::array<std::int16_t, 2> last_activation{};
  std::array<Lane, 2> sums, out;           // array and vector unit, in this clock
};

}  // namespace systole::tinytpu
