#include "random_program.h"

#include <algorithm>
#include <array>

namespace systole::machine {
namespace {

using Balance = std::array<std::array<int, isa::kUnits>, isa::kUnits>;   // tokens given and not taken, [from][to]

class Writer {
 public:
  // `most`: iterations of any word in loops that leave no tokens over; 0: a few of any loop.
  Writer(Random& random, const Chip& chip, std::vector<isa::Instruction>& code, std::int64_t most = 0)
      : random_(random), code_(code), most_(most) {
    units_ = {isa::kVector};
    for (int e = 0; e < chip.dma_engines; ++e) units_.push_back(isa::dma_unit(e));
    for (int a = 0; a < chip.mxu.count; ++a) {
      units_.push_back(isa::matrix_unit(a));
      units_.push_back(isa::push_unit(a));
    }
  }

  void words(int count, int depth) {
    while (count > 0) {
      const double dice = random_.real();
      if (dice < 0.08 && depth < 3) {
        const int inner = static_cast<int>(random_.integer(1, std::max(1, count / 2)));
        if (most_ > 0) steady_loop(inner, depth);
        else loop(inner, depth);
        count -= inner + 2;
      } else if (dice < 0.14) {
        add(isa::Nop{}, isa::kScalar);
        --count;
      } else {
        unit_word();
        --count;
      }
    }
  }
  void add(const isa::Body& body, isa::UnitId unit) {
    isa::Instruction word{body, unit};
    for (std::size_t from = 1; from < isa::kUnits; ++from) {
      int& left = balance_[from][unit];
      if (left == 0 || !random_.chance(0.4)) continue;
      --left;
      word.wait |= static_cast<std::uint16_t>(1u << from);
    }
    if (unit != isa::kScalar) {
      for (const isa::UnitId to : units_) signal(word, to, 0.2);
      signal(word, isa::kScalar, 0.1);
    }
    code_.push_back(word);
  }

 private:
  void signal(isa::Instruction& word, isa::UnitId to, double chance) {
    if (!random_.chance(chance)) return;
    word.signal |= static_cast<std::uint16_t>(1u << to);
    ++balance_[word.unit][to];
  }
  // A body takes only what it has given itself, so that every iteration does. What it leaves over stays, once an iteration.
  void loop(int inner, int depth) {
    const std::int64_t count = random_.integer(1, 4);
    code_.push_back({isa::Loop{.count = count}, isa::kScalar});
    const Balance outside = balance_;
    balance_ = {};
    words(inner, depth + 1);
    for (std::size_t from = 0; from < isa::kUnits; ++from) {
      for (std::size_t to = 0; to < isa::kUnits; ++to) {
        balance_[from][to] = outside[from][to] + static_cast<int>(count) * balance_[from][to];
      }
    }
    code_.push_back({isa::End{}, isa::kScalar});
  }
  void steady_loop(int inner, int depth) {
    const std::int64_t outside_most = most_;
    const std::int64_t count = random_.chance(0.5) ? random_.integer(1, most_) : random_.integer(1, std::min<std::int64_t>(most_, 4));
    const isa::UnitId from = any_unit(), to = any_unit();
    const std::int64_t ahead = from != to && random_.chance(0.5) ? random_.integer(1, 3) : 0;   // tokens that the body hands on
    const auto ahead_mask = [&](isa::UnitId unit) { return static_cast<std::uint16_t>(ahead > 0 ? 1u << unit : 0u); };
    for (std::int64_t i = 0; i < ahead; ++i) code_.push_back({isa::Nop{}, from, 0, ahead_mask(to)});
    code_.push_back({isa::Loop{.count = count}, isa::kScalar});
    const Balance outside = balance_;
    balance_ = {};
    most_ = std::max<std::int64_t>(most_ / count, 1);
    code_.push_back({isa::Nop{}, to, ahead_mask(from)});
    words(inner, depth + 1);
    for (std::size_t giver = 1; giver < isa::kUnits; ++giver) {
      for (std::size_t taker = 0; taker < isa::kUnits; ++taker) {
        for (int& left = balance_[giver][taker]; left > 0; --left) {
          code_.push_back({isa::Nop{}, static_cast<isa::UnitId>(taker), static_cast<std::uint16_t>(1u << giver)});
        }
      }
    }
    code_.push_back({isa::Nop{}, from, 0, ahead_mask(to)});
    code_.push_back({isa::End{}, isa::kScalar});
    most_ = outside_most;
    balance_ = outside;
    balance_[from][to] += static_cast<int>(ahead);
  }
  isa::UnitId any_unit() { return units_[static_cast<std::size_t>(random_.integer(0, static_cast<std::int64_t>(units_.size()) - 1))]; }
  void unit_word() {
    const isa::UnitId unit = any_unit();
    if (random_.chance(0.08)) return add(isa::Nop{}, unit);
    if (unit == isa::kVector) return vector_word();
    if (unit < isa::push_unit(0)) return transfer(unit);
    if (unit % 2 == 0) return tile(unit);
    if (random_.chance(0.3)) return add(isa::Pad{}, unit);
    add(isa::Matmul{.out_columns = random_.integer(1, 12), .length = 1, .columns = 1, .swap = 0}, unit);
  }
  void vector_word() {
    if (random_.chance(0.4)) return add(isa::Bind{.slot = random_.integer(0, 1), .s4 = random_.integer(0, 2)}, isa::kVector);
    if (random_.chance(0.2)) return add(isa::Window{}, isa::kVector);
    add(isa::Run{.program = 0, .prologue = 1, .body = random_.integer(1, 2), .epilogue = 1, .mode = random_.chance(0.5) ? 1 : 0,
                 .d4 = random_.integer(1, 20), .w1 = random_.integer(1, 9)},
        isa::kVector);
  }
  void transfer(isa::UnitId unit) {
    const std::int64_t space = random_.integer(0, 1), bytes = random_.integer(1, 100), rows = random_.integer(1, 5);
    const double dice = random_.real();
    if (dice < 0.5) return add(isa::Load{.far_space = space, .bytes = bytes, .rows = rows}, unit);
    if (dice < 0.8) return add(isa::Store{.far_space = space, .bytes = bytes, .rows = rows}, unit);
    add(isa::Gather{.far_space = space, .bytes = bytes, .count = rows}, unit);
  }
  void tile(isa::UnitId push) {
    const auto matrix = static_cast<isa::UnitId>(push + 1);
    add(isa::Push{.rows = 1, .columns = 1, .transpose = random_.integer(0, 1)}, push);
    if (random_.chance(0.2)) add(isa::Matmul{.out_columns = random_.integer(1, 5), .length = 1, .columns = 1, .swap = 0}, matrix);
    add(isa::Matmul{.out_columns = random_.integer(1, 12), .length = 1, .columns = 1, .swap = 1}, matrix);
  }

  Random& random_;
  std::vector<isa::Instruction>& code_;
  std::int64_t most_;
  std::vector<isa::UnitId> units_;
  Balance balance_{};
};

MemorySpec random_memory(Random& random) {
  MemorySpec memory{true, 1 << 20, {random.integer(1, 100), random.integer(1, 4)}, std::int64_t{1} << random.integer(3, 6), random.integer(0, 20)};
  if (random.chance(0.3)) memory.bandwidth.bytes = 0;
  return memory;
}

}  // namespace

Chip random_chip(Random& random) {
  Chip chip;
  chip.name = "random";
  chip.cores = random.integer(1, 3);
  chip.mxu.count = random.integer(1, 4);
  chip.mxu.rows = random.integer(1, 6);
  chip.mxu.columns = random.integer(1, 6);
  chip.mxu.weight_double_buffer = random.chance(0.7);
  chip.vpu.lanes = random.integer(1, 4);
  chip.vpu.sublanes = random.integer(1, 2);
  chip.vpu.strided_cycles = random.integer(1, 3);
  chip.vmem_bytes = 1 << 16;
  chip.dma_engines = random.integer(1, 4);
  chip.hbm = random_memory(random);
  chip.cmem = random_memory(random);
  chip.timing.control_cycles = random.integer(0, 1);
  chip.timing.queue_depth = random.integer(1, 8);
  chip.timing.feeder_latency = random.integer(0, 2);
  chip.timing.accumulator_latency = random.integer(0, 2);
  chip.timing.vector_latency = random.integer(0, 5);
  chip.timing.barrier_cycles = random.integer(0, 9);
  if (random.chance(0.03)) {   // a sum that is there in the cycle of its row
    chip.mxu.rows = chip.mxu.columns = 1;
    chip.timing.feeder_latency = chip.timing.accumulator_latency = 0;
  }
  return chip;
}

namespace {

isa::Program any_program(Random& random, const Chip& chip, int words, std::int64_t most, bool halts) {
  isa::Program program;
  program.microcode = {{.op = MicroOpcode::kLoad, .slot = 0}, {.op = MicroOpcode::kFAdd}, {.op = MicroOpcode::kFAdd}, {.op = MicroOpcode::kStore, .slot = 1}};
  program.layers.resize(3);
  const std::int64_t barriers = random.integer(0, 2);
  for (std::int64_t c = 0; c < chip.cores; ++c) {
    isa::CoreCode core;
    Writer writer(random, chip, core.code, most);
    for (std::int64_t b = 0; b <= barriers; ++b) {
      writer.words(static_cast<int>(random.integer(0, words / (barriers + 1))), 0);
      if (b < barriers) writer.add(isa::Barrier{}, isa::kScalar);
    }
    if (halts || core.code.empty() || random.chance(0.8)) core.code.push_back({isa::Halt{}, isa::kScalar});
    for (std::size_t i = 0; i < core.code.size(); ++i) core.layer.push_back(static_cast<std::uint16_t>(random.integer(0, 2)));
    program.cores.push_back(std::move(core));
  }
  return program;
}

}  // namespace

isa::Program random_program(Random& random, const Chip& chip, int words, bool halts) { return any_program(random, chip, words, 0, halts); }
isa::Program random_loops(Random& random, const Chip& chip, int words, std::int64_t most) { return any_program(random, chip, words, most, true); }

}  // namespace systole::machine
