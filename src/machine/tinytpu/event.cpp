// The event engine: rows enter the array, values walk through the vector unit; what is not there costs nothing.
//
// Written against docs/tinytpu.md, not against machine.cpp, which it must agree with: stream addresses are closed forms of
// the clock, an array row is one object from its entry to its two results.
#include <algorithm>

#include "machine/tinytpu/run.h"
#include "numeric/formats.h"

namespace systole::tinytpu {
namespace {

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

struct Events {
  Events(const Program& p, const Options& o, const OnRound& r) : program(p), options(o), on_round(r), lfsrs(first_lfsrs(o.lfsr_seed)) {}

  Expected<Result> run();

  // One clock, in this order.
  void issue();
  void take_command();
  void vector_unit();
  void array();
  void write();
  void read();
  void descend();

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

std::int16_t Events::fetch(int address) {
  if (address < 0 || address >= kMemoryWords) return 0;
  ++bank_reads[address % 2];
  return result.memory[static_cast<std::size_t>(address)];
}

void Events::store(int address, std::int16_t value) {
  if (address >= kMemoryWords) {
    ++result.lost_writes;
    return;
  }
  ++bank_writes[address % 2];
  result.memory[static_cast<std::size_t>(address)] = value;
}

Lane Events::leaving(int lane, std::uint8_t pathway) const {
  const auto& s = stages[static_cast<std::size_t>(lane)];
  if (options.registered_bypass || pathway & kDerivativeStage) return s[3];
  if (pathway & kLossStage) return s[2];
  if (pathway & kLeakyStage) return s[1];
  if (pathway & kBiasStage) return s[0];
  return sums[static_cast<std::size_t>(lane)];
}

void Events::issue() {
  word.switch_weights = word.read = false;
  word.write_valid = {};
  new_pointer = -1;
  fresh = round = false;
  if (hold > 0) {
    --hold;
    return;
  }
  if (halted || (waiting && !(valid_before && !leaving(0, word.pathway).valid))) return;
  waiting = false;
  fresh = true;
  if (pc >= program.code.size()) {
    halted = true;
    return;
  }
  const Instruction& instruction = program.code[pc++];
  if (instruction.kind != Kind::kControl) {
    word = instruction.word;
    waiting = instruction.kind == Kind::kWordThenWait;
    return;
  }
  switch (instruction.control) {
    case Control::kHalt: halted = true; break;
    case Control::kLoop: loops.emplace_back(pc, instruction.operand); break;
    case Control::kEnd:
      round = true;
      if (--loops.back().second > 0) pc = loops.back().first;
      else loops.pop_back();
      break;
    case Control::kPointer: new_pointer = instruction.operand; break;
    case Control::kHold: hold = instruction.operand - 1; break;
  }
}

void Events::take_command() {
  if (!word.read) return;
  Job job{word.address, word.rows, word.columns, 0, 0, false};
  if ((word.stream == Stream::kInput || word.stream == Stream::kWeight) && word.transpose) {
    std::swap(job.rows, job.columns);
    job.turned = true;
  }
  switch (word.stream) {
    case Stream::kInput: input = job; break;
    case Stream::kWeight:
      job.base += word.transpose ? word.columns - 1 : word.rows * word.columns - word.columns;
      job.skip = word.columns + 1;
      weight = job;
      break;
    case Stream::kBias: bias = job; break;
    case Stream::kTarget: target = job; break;
    case Stream::kActivation: activation = job; break;
    case Stream::kOldBias:
    case Stream::kOldWeight:
      weight_mode = word.stream == Stream::kOldWeight;
      (weight_mode ? old_weight : old_bias) = job;
      descent_pointer = word.address;
      break;
    case Stream::kNone: break;
  }
}

void Events::vector_unit() {
  const bool plain = options.registered_bypass;
  const std::uint8_t path = word.pathway;
  for (int lane = 0; lane < 2; ++lane) {
    auto& s = stages[static_cast<std::size_t>(lane)];
    out[lane] = leaving(lane, path);
    // What stands before each stage in this clock.
    Lane before[4];
    before[0] = sums[lane];
    for (int k = 1; k < 4; ++k) before[k] = plain || path & (8 >> (k - 1)) ? s[k - 1] : before[k - 1];
    const std::int16_t h = path & kLossStage ? last_activation[lane] : activations[lane];
    last_activation[lane] = path & kLossStage ? s[1].value : std::int16_t{0};
    for (int k = 0; k < 4; ++k) {
      const bool works = (path & (8 >> k)) != 0 || (k == 3 && !plain);
      const std::int16_t x = before[k].value;
      s[k] = {};
      if (!before[k].valid || (!works && !plain)) continue;
      s[k] = before[k];
      if (!works) continue;
      if (k == 0) s[k].value = q88_add(x, biases[lane]);
      if (k == 1 && x < 0) s[k].value = times(x, options.forward_slope.value_or(word.leak), kLeaky + lane);
      if (k == 2) s[k].value = times(subtract(x, targets[lane]), word.loss_scale, kLoss + lane);
      if (k == 3 && h < 0) s[k].value = times(x, options.derivative_slope.value_or(word.leak), kDerivative + lane);
    }
  }
}

// The weight that an element multiplies with in this clock, after its part of the switch's wave.
struct Factor {
  const Options& options;
  std::int16_t operator()(Weights& w, bool switching) const {
    const std::int16_t before = w.active;
    if (switching) w.active = w.shadow;
    return options.registered_switch ? before : w.active;
  }
};

void Events::array() {
  const Factor factor{options};
  // Age 0 stands at the first element, age 1 at the two beside it, age 2 at the last.
  rows[0] = {inputs[0].valid && enabled[0], false, inputs[0].value, 0, 0, 0};
  const std::int16_t w00 = factor(held[0][0], word.switch_weights), w01 = factor(held[0][1], switch_first);
  const std::int16_t w10 = factor(held[1][0], switch_first), w11 = factor(held[1][1], switch_beside);
  if (rows[0].alive) rows[0].sum0 = q88_add(times(rows[0].x0, w00, kElement + 0), 0);
  Row& middle = rows[1];
  middle.second = middle.alive && enabled[1];
  if (middle.second) middle.sum1 = q88_add(times(middle.x0, w01, kElement + 1), 0);
  middle.alive = middle.alive && enabled[0];
  if (middle.alive) {
    middle.x1 = inputs[1].value;
    middle.sum0 = q88_add(times(middle.x1, w10, kElement + 2), middle.sum0);
  }
  Row& last = rows[2];
  last.second = last.second && enabled[1];
  if (last.second) last.sum1 = q88_add(times(last.x1, w11, kElement + 3), last.sum1);
  // The row below takes in the same clock what the row above took in the clock before.
  for (int c = 0; c < 2; ++c) {
    const bool takes = weights[c].valid;
    if (takes) held[1][c].shadow = passing[c];
    if (takes) held[0][c].shadow = weights[c].value;
    passing[c] = takes ? weights[c].value : std::int16_t{0};
    if (enabled[c]) continue;
    held[0][c] = held[1][c] = {};
    passing[c] = 0;
  }
  switch_last = switch_beside && enabled[1];
  switch_below = switch_first && enabled[0];
  switch_beside = switch_first && enabled[1];
  switch_first = word.switch_weights && enabled[0];
  if (word.read && word.stream == Stream::kWeight) enabled = {weight.columns > 0, weight.columns > 1};
}

void Events::descend() {
  const bool on = descent_on();
  for (int lane = 0; lane < 2; ++lane) {
    next_descended[lane] = {};
    if (!on || !out[lane].valid) continue;
    const std::int16_t from = !weight_mode && descended[lane].valid ? descended[lane].value : olds[lane];
    next_descended[lane] = {subtract(from, times(out[lane].value, options.learning_rate, kDescent + lane)), true};
  }
}

void Events::read() {
  const auto lanes = [this](Job& job, auto address, auto put) {
    for (int lane = 0; lane < 2; ++lane) {
      const bool has = job.running() && job.has(lane);
      put(lane, Lane{has ? fetch(address(lane)) : std::int16_t{0}, has});
    }
    if (job.running()) ++job.age;
    else job = Job{};
  };
  const auto into = [](std::array<std::int16_t, 2>& values) { return [&values](int lane, Lane value) { values[static_cast<std::size_t>(lane)] = value.value; }; };
  lanes(input, [&](int lane) { return input.turned ? input.by_columns(lane) : input.by_rows(lane); }, [&](int lane, Lane value) { inputs[lane] = value; });
  lanes(weight, [&](int lane) { return weight.upwards(lane); }, [&](int lane, Lane value) { weights[lane] = value; });
  lanes(bias, [&](int lane) { return bias.base + lane; }, into(biases));
  lanes(target, [&](int lane) { return target.by_rows(lane); }, into(targets));
  lanes(activation, [&](int lane) { return activation.by_rows(lane); }, into(activations));
  // Old biases go before old weights; both jobs are forgotten when both have ended.
  const bool biases_first = old_bias.running();
  Job& old = biases_first ? old_bias : old_weight;
  if (!old.running()) {
    olds = {};
    old_bias = old_weight = Job{};
    return;
  }
  for (int lane = 0; lane < 2; ++lane) {
    olds[lane] = old.has(lane) ? fetch(biases_first ? old.base + lane : old.by_rows(lane)) : std::int16_t{0};
  }
  ++old.age;
}

void Events::write() {
  for (int lane = 1; lane >= 0; --lane) {
    if (!out[lane].valid && !word.write_valid[lane]) continue;
    store(write_pointer++, out[lane].valid ? out[lane].value : word.write_data[lane]);
  }
  for (int lane = 1; lane >= 0; --lane) {
    if (descended[lane].valid) store(weight_mode ? descent_pointer++ : descent_pointer + lane, descended[lane].value);
  }
  descended = next_descended;
  if (new_pointer >= 0) write_pointer = static_cast<std::uint16_t>(new_pointer);
}

bool Events::resting() const {
  for (const Job* job : {&input, &weight, &bias, &target, &activation, &old_bias, &old_weight}) {
    if (job->running()) return false;
  }
  if (switch_first || switch_below || switch_beside || switch_last) return false;
  for (int lane = 0; lane < 2; ++lane) {
    if (inputs[lane].valid || weights[lane].valid || descended[lane].valid) return false;
    for (const Lane& stage : stages[static_cast<std::size_t>(lane)]) {
      if (stage.valid) return false;
    }
  }
  // By age in the clock before.
  return !rows[0].alive && !rows[1].alive && !rows[1].second && !rows[2].second;
}

// Clocks in which nothing moves.
void Events::skip(std::int64_t count) {
  result.cycles += count;
  result.clocks += count;
  if (options.rounding != Options::Rounding::kStochastic) return;
  for (std::uint16_t& state : lfsrs) {
    for (std::int64_t i = 0; i < count % 65535; ++i) state = next_lfsr(state);
  }
}

int Events::clocks() const {
  const int memory = options.block_ram ? std::max(bank_reads[0], bank_reads[1]) + std::max({1, bank_writes[0], bank_writes[1]}) : 1;
  return std::max(memory, options.shared_multiplier ? products : 1);
}

Expected<Result> Events::run() {
  for (;;) {
    const bool rest = resting();
    if (rest && !halted) {
      // A lane that holds no valid bit reads as 0 from the second clock on.
      if (hold > 1 && !valid_before) {
        skip(hold - 1);
        hold = 1;
      }
      if (waiting && !valid_before && hold == 0) return stuck_error(program, static_cast<std::int64_t>(pc) - 1);
    }
    // Rows one clock older; what has come out of the array.
    rows[3] = rows[2];
    rows[2] = rows[1];
    rows[1] = rows[0];
    sums = {Lane{rows[2].alive ? rows[2].sum0 : std::int16_t{0}, rows[2].alive}, Lane{rows[3].second ? rows[3].sum1 : std::int16_t{0}, rows[3].second}};
    const bool was_halted = halted;
    issue();
    if (halted && !was_halted) result.issue_cycles = result.cycles;
    if (rest && halted) return result;
    bank_reads = bank_writes = {};
    products = 0;
    take_command();
    vector_unit();
    valid_before = out[0].valid;
    array();
    descend();
    read();
    write();
    ++result.cycles;
    result.clocks += clocks();
    if (options.rounding == Options::Rounding::kStochastic) {
      for (std::uint16_t& state : lfsrs) state = next_lfsr(state);
    }
    if (round && on_round) on_round(result.memory);
  }
}

}  // namespace

Expected<Result> run_events(const Program& program, const Options& options, const OnRound& on_round) {
  SYSTOLE_TRY(check_program(program));
  return Events(program, options, on_round).run();
}

}  // namespace systole::tinytpu
