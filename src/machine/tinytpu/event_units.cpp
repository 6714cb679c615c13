#include "machine/tinytpu/event.h"
#include "numeric/formats.h"

namespace systole::tinytpu {
namespace {

// The weight that an element multiplies with in this clock, after its part of the switch's wave.
struct Factor {
  const Options& options;
  std::int16_t operator()(Weights& w, bool switching) const {
    const std::int16_t before = w.active;
    if (switching) w.active = w.shadow;
    return options.registered_switch ? before : w.active;
  }
};

}  // namespace

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
      if (k == 0) s[k].value = fixed_add(x, biases[lane]);
      if (k == 1 && x < 0) s[k].value = times(x, options.forward_slope.value_or(word.leak), kLeaky + lane);
      if (k == 2) s[k].value = times(subtract(x, targets[lane]), word.loss_scale, kLoss + lane);
      if (k == 3 && h < 0) s[k].value = times(x, options.derivative_slope.value_or(word.leak), kDerivative + lane);
    }
  }
}

void Events::array() {
  const Factor factor{options};
  // Age 0 stands at the first element, age 1 at the two beside it, age 2 at the last.
  rows[0] = {inputs[0].valid && enabled[0], false, inputs[0].value, 0, 0, 0};
  const std::int16_t w00 = factor(held[0][0], word.switch_weights), w01 = factor(held[0][1], switch_first);
  const std::int16_t w10 = factor(held[1][0], switch_first), w11 = factor(held[1][1], switch_beside);
  if (rows[0].alive) rows[0].sum0 = fixed_add(times(rows[0].x0, w00, kElement + 0), 0);
  Row& middle = rows[1];
  middle.second = middle.alive && enabled[1];
  if (middle.second) middle.sum1 = fixed_add(times(middle.x0, w01, kElement + 1), 0);
  middle.alive = middle.alive && enabled[0];
  if (middle.alive) {
    middle.x1 = inputs[1].value;
    middle.sum0 = fixed_add(times(middle.x1, w10, kElement + 2), middle.sum0);
  }
  Row& last = rows[2];
  last.second = last.second && enabled[1];
  if (last.second) last.sum1 = fixed_add(times(last.x1, w11, kElement + 3), last.sum1);
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

}  // namespace systole::tinytpu
