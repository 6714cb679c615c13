#include "machine/tinytpu/machine.h"

#include <algorithm>

#include "machine/tinytpu/buffer.h"
#include "numeric/formats.h"

namespace systole::tinytpu {
namespace {

// The values between one column's stages, in this clock.
struct Points {
  Lane after_bias, after_leaky, after_loss, out;
};

// A stage that is not on the pathway is a wire, or with the option a plain register.
Points points(const VectorLane& lane, const Lane& array, std::uint8_t pathway, const Options& options) {
  if (options.registered_bypass) return {lane.bias, lane.leaky, lane.loss, lane.derivative};
  Points p;
  p.after_bias = pathway & kBiasStage ? lane.bias : array;
  p.after_leaky = pathway & kLeakyStage ? lane.leaky : p.after_bias;
  p.after_loss = pathway & kLossStage ? lane.loss : p.after_leaky;
  p.out = pathway & kDerivativeStage ? lane.derivative : p.after_loss;
  return p;
}

Lane array_output(const State& state, int column) {
  const Element& bottom = state.elements[1][column];
  return {bottom.sum, bottom.valid};
}

// A stage's register after the clock: invalid ones are cleared.
Lane stage(const Lane& in, bool on, const Options& options, std::int16_t value) {
  if (!in.valid || (!on && !options.registered_bypass)) return {};
  return {on ? value : in.value, true};
}

}  // namespace

Machine::Machine(const Program& program, const Options& options) : code_(program.code), options_(options) {
  Instruction halt;
  halt.kind = Kind::kControl;
  code_.push_back(halt);
  state_.lfsrs = first_lfsrs(options.lfsr_seed);
  settle();
}

bool Machine::done() const {
  if (!state_.sequencer.halted && !(wires_.issued && code_[state_.sequencer.pc].kind == Kind::kControl && code_[state_.sequencer.pc].control == Control::kHalt)) return false;
  const Buffer& b = state_.buffer;
  const auto valid = [](const std::array<Lane, 2>& lanes) { return lanes[0].valid || lanes[1].valid; };
  if (std::any_of(b.channels.begin(), b.channels.end(), [](const Channel& c) { return c.running(); })) return false;
  if (valid(b.input) || valid(b.weight) || valid(b.descent)) return false;
  for (int i = 0; i < 2; ++i) {
    for (const Element& e : state_.elements[i]) {
      if (e.valid || e.switching) return false;
    }
    const VectorLane& lane = state_.lanes[i];
    if (lane.bias.valid || lane.leaky.valid || lane.loss.valid || lane.derivative.valid) return false;
  }
  return true;
}

void Machine::issue(const Instruction& instruction, Sequencer& next) {
  Sequencer& s = next;
  ++s.pc;
  if (instruction.kind != Kind::kControl) {
    wires_.word = instruction.word;
    s.waiting = instruction.kind == Kind::kWordThenWait;
    return;
  }
  switch (instruction.control) {
    case Control::kHalt:
      s.halted = true;
      --s.pc;
      break;
    case Control::kLoop: s.loops[s.depth++] = {s.pc, instruction.operand}; break;
    case Control::kEnd: {
      Sequencer::Loop& loop = s.loops[s.depth - 1];
      if (--loop.left > 0) s.pc = loop.first;
      else --s.depth;
      break;
    }
    case Control::kPointer: wires_.pointer = static_cast<std::uint16_t>(instruction.operand); break;
    case Control::kHold: s.hold = instruction.operand - 1; break;
  }
}

void Machine::settle() {
  const Sequencer& s = state_.sequencer;
  Sequencer next = s;
  wires_ = {};
  wires_.pc = s.pc;
  // While no word is given, nothing starts and the levels stay.
  wires_.word.pathway = s.pathway;
  wires_.word.loss_scale = s.loss_scale;
  wires_.word.leak = s.leak;
  for (int i = 0; i < 2; ++i) wires_.array[i] = array_output(state_, i);
  const bool fell = s.valid_before && !points(state_.lanes[0], wires_.array[0], s.pathway, options_).out.valid;
  if (s.hold > 0) {
    --next.hold;
  } else if (!s.halted && (!s.waiting || fell)) {
    wires_.issued = true;
    next.waiting = false;
    issue(code_[static_cast<std::size_t>(s.pc)], next);
  }
  for (int i = 0; i < 2; ++i) wires_.vector[i] = points(state_.lanes[i], wires_.array[i], wires_.word.pathway, options_).out;
  next.pathway = wires_.word.pathway;
  next.loss_scale = wires_.word.loss_scale;
  next.leak = wires_.word.leak;
  next.valid_before = wires_.vector[0].valid;
  wires_.descending = descending(with_command(state_.buffer, wires_.word));
  next_sequencer_ = next;
}

void Machine::step_array(State& next) const {
  const auto& e = state_.elements;
  const Buffer& b = state_.buffer;
  for (int r = 0; r < 2; ++r) {
    for (int c = 0; c < 2; ++c) {
      Element& out = next.elements[r][c];
      if (!state_.enabled[c]) {
        out = {};
        continue;
      }
      // The valid bit comes from the west in the first row, from the north in the second; so does the switch.
      const Element* const before = r == 1 ? &e[0][c] : c == 1 ? &e[0][0] : nullptr;
      const bool valid = before ? before->valid : b.input[0].valid;
      const bool switching = before ? before->switching : wires_.word.switch_weights;
      const std::int16_t input = c == 0 ? b.input[r].value : e[r][0].input;
      const std::int16_t above = r == 0 ? std::int16_t{0} : e[0][c].sum;
      const std::int16_t weight = r == 0 ? b.weight[c].value : e[0][c].weight;
      const Element& was = e[r][c];
      const std::int16_t switched = switching ? was.shadow : was.active;
      const std::int16_t factor = options_.registered_switch ? was.active : switched;
      const std::int16_t product = multiply(input, factor, options_.rounding, state_.lfsrs[kElement + 2 * r + c]);
      out.active = switched;
      out.shadow = b.weight[c].valid ? weight : was.shadow;
      out.weight = b.weight[c].valid ? weight : std::int16_t{0};
      out.input = valid ? input : was.input;
      out.sum = valid ? fixed_add(product, above) : std::int16_t{0};
      out.valid = valid;
      out.switching = switching;
    }
  }
  const Word& word = wires_.word;
  if (!word.read || word.stream != Stream::kWeight) return;
  const int columns = word.transpose ? word.rows : word.columns;
  next.enabled = {columns >= 1, columns >= 2};
}

void Machine::step_vector(State& next) const {
  const Word& word = wires_.word;
  const auto on = [&](std::uint8_t bit) { return (word.pathway & bit) != 0; };
  for (int i = 0; i < 2; ++i) {
    const VectorLane& lane = state_.lanes[i];
    const Points p = points(lane, wires_.array[i], word.pathway, options_);
    const Buffer& b = state_.buffer;
    const auto times = [&](std::int16_t x, std::int16_t y, int multiplier) { return multiply(x, y, options_.rounding, state_.lfsrs[multiplier + i]); };
    const std::int16_t forward = options_.forward_slope.value_or(word.leak), derivative = options_.derivative_slope.value_or(word.leak);
    const std::int16_t activation = on(kLossStage) ? lane.last_activation : b.activation[i];
    const std::int16_t z = p.after_bias.value, g = p.after_loss.value;
    VectorLane& out = next.lanes[i];
    out.bias = stage(wires_.array[i], on(kBiasStage), options_, fixed_add(wires_.array[i].value, b.bias[i]));
    out.leaky = stage(p.after_bias, on(kLeakyStage), options_, z >= 0 ? z : times(z, forward, kLeaky));
    out.loss = stage(p.after_leaky, on(kLossStage), options_, times(subtract(p.after_leaky.value, b.target[i]), word.loss_scale, kLoss));
    // The original's last stage works whether or not the pathway ends in it.
    const bool last = on(kDerivativeStage) || !options_.registered_bypass;
    out.derivative = stage(p.after_loss, last, options_, activation >= 0 ? g : times(g, derivative, kDerivative));
    out.last_activation = on(kLossStage) ? lane.leaky.value : std::int16_t{0};
  }
}

int Machine::products() const {
  const auto& e = state_.elements;
  const auto& on = state_.enabled;
  int count = (on[0] && state_.buffer.input[0].valid) + (on[1] && e[0][0].valid) + (on[0] && e[0][0].valid) + (on[1] && e[0][1].valid);
  const std::uint8_t path = wires_.word.pathway;
  for (int i = 0; i < 2; ++i) {
    const VectorLane& lane = state_.lanes[i];
    const Points p = points(lane, wires_.array[i], path, options_);
    const std::int16_t activation = path & kLossStage ? lane.last_activation : state_.buffer.activation[i];
    const bool derivative = path & kDerivativeStage || !options_.registered_bypass;
    count += path & kLeakyStage && p.after_bias.valid && p.after_bias.value < 0;
    count += path & kLossStage && p.after_leaky.valid;
    count += derivative && p.after_loss.valid && activation < 0;
    count += wires_.descending && p.out.valid;
  }
  return count;
}

void Machine::step() {
  State next = state_;
  step_array(next);
  step_vector(next);
  const Buffer now = with_command(state_.buffer, wires_.word);
  const BufferInputs in{wires_.word, wires_.vector, state_.lfsrs};
  next.buffer = step_buffer(now, in, options_, next.lost_writes);
  if (wires_.pointer) next.buffer.write_pointer = *wires_.pointer;
  for (std::uint16_t& state : next.lfsrs) state = next_lfsr(state);
  next.sequencer = next_sequencer_;
  next.clocks += std::max(options_.block_ram ? bank_clocks(now, in) : 1, options_.shared_multiplier ? products() : 1);
  ++next.cycle;
  waited_ = state_.sequencer.waiting && !wires_.issued ? waited_ + 1 : 0;
  state_ = next;
  settle();
}

}  // namespace systole::tinytpu
