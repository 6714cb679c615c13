#include "machine/tinytpu/buffer.h"

#include <algorithm>

#include "numeric/formats.h"

namespace systole::tinytpu {
namespace {

constexpr bool in_memory(int address) { return address >= 0 && address < kMemoryWords; }

// A word beyond the memory reads as 0.
std::int16_t read(const Buffer& buffer, int address) { return in_memory(address) ? buffer.memory[address] : std::int16_t{0}; }

// Addresses that a channel's two lanes read in a clock; -1 - 65536: the lane is idle.
constexpr int kIdle = -1 - 65536;
using Addresses = std::array<int, 2>;

bool lane_active(const Channel& c, int lane) {
  return c.running() && lane < c.columns && c.counter >= lane && c.counter < c.rows + lane;
}

// The pointer walks from lane to lane, in the order in which a row-major matrix stands in memory.
Addresses walk(Channel& c, bool upwards, int step) {
  Addresses addresses{kIdle, kIdle};
  for (int k = 0; k < 2; ++k) {
    const int lane = upwards ? k : 1 - k;
    if (!lane_active(c, lane)) continue;
    addresses[lane] = c.pointer;
    c.pointer += step;
  }
  return addresses;
}

Addresses stay(const Channel& c) {
  return {lane_active(c, 0) ? c.pointer : kIdle, lane_active(c, 1) ? c.pointer + 1 : kIdle};
}

// After the clock: one further, or cleared if the stream has ended.
void advance(Channel& c) {
  if (c.running()) {
    ++c.counter;
  } else {
    c.pointer = c.rows = c.columns = c.counter = 0;
  }
}

Channel& channel(Buffer& buffer, Stream stream) { return buffer.channels[static_cast<std::size_t>(stream)]; }

// What every lane reads in this clock; moves the channels on.
struct Reads {
  Addresses input, weight, bias, target, activation, old{kIdle, kIdle};
};

Addresses walk_weights(Channel& c) {
  if (!c.running()) return {kIdle, kIdle};
  const Addresses addresses = walk(c, c.transpose, c.transpose ? c.skip : -c.skip);
  c.pointer += c.transpose ? -c.skip - 1 : c.skip + 1;
  return addresses;
}

// One set of lanes for both channels of old values; biases go first, and both are cleared only when both have ended.
Addresses walk_old(Buffer& buffer) {
  Channel& bias = channel(buffer, Stream::kOldBias);
  Channel& weight = channel(buffer, Stream::kOldWeight);
  Addresses addresses{kIdle, kIdle};
  if (bias.running()) {
    addresses = stay(bias);
    advance(bias);
  } else if (weight.running()) {
    addresses = walk(weight, false, 1);
    advance(weight);
  } else {
    advance(bias);
    advance(weight);
  }
  return addresses;
}

Reads walk_all(Buffer& buffer) {
  Reads reads;
  Channel& input = channel(buffer, Stream::kInput);
  reads.input = walk(input, input.transpose, 1);
  reads.weight = walk_weights(channel(buffer, Stream::kWeight));
  reads.bias = stay(channel(buffer, Stream::kBias));
  reads.target = walk(channel(buffer, Stream::kTarget), false, 1);
  reads.activation = walk(channel(buffer, Stream::kActivation), false, 1);
  for (const Stream s : {Stream::kInput, Stream::kWeight, Stream::kBias, Stream::kTarget, Stream::kActivation}) advance(channel(buffer, s));
  reads.old = walk_old(buffer);
  return reads;
}

struct Write {
  int address = 0;
  std::int16_t value = 0;
};
struct Writes {
  std::array<Write, 4> list;
  int count = 0;
  void add(int address, std::int16_t value) { list[count++] = {address, value}; }
};

// The second lane's word first: it stands at the lower address, so that a skewed row-major matrix arrives in order.
Writes writes_of(Buffer& next, const Buffer& now, const BufferInputs& in) {
  Writes writes;
  for (int lane = 1; lane >= 0; --lane) {
    if (!in.vector[lane].valid && !in.word.write_valid[lane]) continue;
    writes.add(next.write_pointer, in.vector[lane].valid ? in.vector[lane].value : in.word.write_data[lane]);
    ++next.write_pointer;
  }
  for (int lane = 1; lane >= 0; --lane) {
    if (!now.descent[lane].valid) continue;
    writes.add(now.weight_mode ? next.descent_pointer : now.descent_pointer + lane, now.descent[lane].value);
    if (now.weight_mode) ++next.descent_pointer;
  }
  return writes;
}

}  // namespace

Buffer with_command(const Buffer& buffer, const Word& word) {
  Buffer now = buffer;
  if (!word.read || word.stream == Stream::kNone) return now;
  Channel& c = channel(now, word.stream);
  const bool turned = word.transpose && (word.stream == Stream::kInput || word.stream == Stream::kWeight);
  c.pointer = word.address;
  c.rows = turned ? word.columns : word.rows;
  c.columns = turned ? word.rows : word.columns;
  c.counter = 0;
  c.transpose = turned;
  if (word.stream == Stream::kWeight) {
    c.pointer += word.transpose ? word.columns - 1 : (word.rows - 1) * word.columns;
    c.skip = word.columns + 1;
  }
  if (word.stream == Stream::kOldBias || word.stream == Stream::kOldWeight) {
    now.weight_mode = word.stream == Stream::kOldWeight;
    now.descent_pointer = word.address;
  }
  return now;
}

bool descending(const Buffer& buffer) {
  const auto on = [](const Channel& c) { return c.counter < c.rows + c.columns; };
  return on(buffer.channels[static_cast<std::size_t>(Stream::kOldBias)]) || on(buffer.channels[static_cast<std::size_t>(Stream::kOldWeight)]);
}

Buffer step_buffer(const Buffer& now, const BufferInputs& in, const Options& options, std::int64_t& lost) {
  Buffer next = now;
  const Reads reads = walk_all(next);
  const bool on = descending(now);
  for (int lane = 0; lane < 2; ++lane) {
    next.input[lane] = {read(now, reads.input[lane]), reads.input[lane] != kIdle};
    next.weight[lane] = {read(now, reads.weight[lane]), reads.weight[lane] != kIdle};
    next.bias[lane] = read(now, reads.bias[lane]);
    next.target[lane] = read(now, reads.target[lane]);
    next.activation[lane] = read(now, reads.activation[lane]);
    next.old[lane] = read(now, reads.old[lane]);
    const bool valid = on && in.vector[lane].valid;
    const std::int16_t from = !now.weight_mode && now.descent[lane].valid ? now.descent[lane].value : now.old[lane];
    const std::int16_t move = multiply(in.vector[lane].value, options.learning_rate, options.rounding, in.lfsrs[kDescent + lane]);
    next.descent[lane] = {valid ? subtract(from, move) : std::int16_t{0}, valid};
  }
  const Writes writes = writes_of(next, now, in);
  for (int i = 0; i < writes.count; ++i) {
    if (in_memory(writes.list[i].address)) next.memory[writes.list[i].address] = writes.list[i].value;
    else ++lost;
  }
  return next;
}

int bank_clocks(const Buffer& now, const BufferInputs& in) {
  Buffer next = now;
  const Reads reads = walk_all(next);
  std::array<int, 2> read_count{}, write_count{};
  for (const Addresses& lanes : {reads.input, reads.weight, reads.bias, reads.target, reads.activation, reads.old}) {
    for (const int address : lanes) {
      if (in_memory(address)) ++read_count[address & 1];
    }
  }
  const Writes writes = writes_of(next, now, in);
  for (int i = 0; i < writes.count; ++i) {
    if (in_memory(writes.list[i].address)) ++write_count[writes.list[i].address & 1];
  }
  return std::max(read_count[0], read_count[1]) + std::max({1, write_count[0], write_count[1]});
}

}  // namespace systole::tinytpu
