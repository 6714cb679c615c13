// The event engine: rows enter the array, values walk through the vector unit; what is not there costs nothing.
//
// Written against docs/tinytpu.md, not against machine.cpp, which it must agree with: stream addresses are closed forms of
// the clock, an array row is one object from its entry to its two results.
#include "machine/tinytpu/event.h"

namespace systole::tinytpu {

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

Expected<Result> run_events(const Program& program, const Options& options, const OnRound& on_round) {
  SYSTOLE_TRY(check_program(program));
  return Events(program, options, on_round).run();
}

}  // namespace systole::tinytpu
