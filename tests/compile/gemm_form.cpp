// Times of docs/machine.md, section 10.
#include "gemm_form.h"

#include <algorithm>
#include <array>
#include <limits>

namespace systole::test {
namespace {

constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::max() / 2;
constexpr std::int64_t kFirst = 2;  // the cycle in which the first load starts: fetch and issue

// The memory rule of section 3 as it stands, cycle by cycle, for the engine that loads (0) and the one that stores (1).
struct Memory {
  std::int64_t bytes = 0, cost = 0, credit = 0;
  std::array<std::int64_t, 2> pending{};
  std::size_t turn = 0;

  bool idle() const { return pending[0] == 0 && pending[1] == 0; }

  // Which of the two is served its last burst in this cycle.
  std::array<bool, 2> cycle() {
    std::array<bool, 2> served{};
    credit += bytes;
    while (credit >= cost && !idle()) {
      const std::size_t who = pending[turn] > 0 ? turn : 1 - turn;
      credit -= cost;
      served[who] = --pending[who] == 0;
      turn = 1 - who;
    }
    if (idle()) credit = 0;
    return served;
  }
};

class Schedule {
 public:
  Schedule(const Chip& chip, const std::vector<GemmStep>& steps)
      : chip_(chip),
        steps_(steps),
        memory_{chip.hbm.bandwidth.bytes, chip.hbm.burst_bytes * chip.hbm.bandwidth.cycles} {
    for (std::size_t s = 0; s < steps.size(); ++s) {
      Times times;
      for (const bool is_x : {true, false}) {
        const GemmStep::Load& load = is_x ? steps[s].x : steps[s].w;
        if (load.bursts > 0) loads_.push_back({s, is_x, load});
        (is_x ? times.x : times.w) = load.bursts > 0 ? kUnknown : 0;
      }
      times_.push_back(times);
      if (steps[s].ends_wave) stores_.push_back({s, kUnknown, kUnknown});
    }
  }

  std::int64_t cycles() {
    std::int64_t next_load = load_start(), next_store = kUnknown;
    for (std::int64_t now = 0; stored_ < stores_.size(); ++now) {
      if (memory_.idle()) now = std::min(next_load, next_store);
      if (now == kUnknown) return 0;  // everything waits: no form
      if (next_load == now) memory_.pending[0] = loads_[loaded_].load.bursts;
      if (next_store == now) start_store(now);
      const auto served = memory_.cycle();
      if (served[0]) load_served(now);
      if (served[1]) store_served(now);
      if (!served[0] && !served[1] && next_store != now) continue;
      multiply();
      if (memory_.pending[0] == 0) next_load = load_start();
      if (memory_.pending[1] == 0) next_store = store_start();
    }
    return stores_.back().end;
  }

 private:
  struct Times {
    std::int64_t x = 0, w = 0;                              // ends of its loads
    std::int64_t pushed = kUnknown, multiplied = kUnknown;  // ends of its last push and of its last product
  };
  struct Load {
    std::size_t step = 0;
    bool is_x = false;
    GemmStep::Load load;
  };
  struct Store {
    std::size_t step = 0;
    std::int64_t start = kUnknown, end = kUnknown;
  };

  // When a load of the step may start for the sequencer: the words of the step two before it are in their queues.
  std::int64_t fetched(std::size_t step) const {
    if (step < 2) return kFirst;
    const GemmStep& before = steps_[step - 2];
    const std::int64_t product = before.last_chunk - chip_.timing.queue_depth;
    const std::int64_t store = before.wave - chip_.timing.queue_depth;
    std::int64_t start = kFirst;
    if (product >= static_cast<std::int64_t>(products_.size())) return kUnknown;
    if (product >= 0) start = products_[static_cast<std::size_t>(product)] + (before.ends_wave ? 4 : 3);
    if (store >= 0 && before.ends_wave) start = std::max(start, stores_[static_cast<std::size_t>(store)].start + 3);
    return start;
  }

  std::int64_t load_start() const {
    if (loaded_ == loads_.size()) return kUnknown;
    const Load& load = loads_[loaded_];
    std::int64_t start = std::max(load_free_, fetched(load.step));
    if (load.load.last_user >= 0) {
      const Times& user = times_[static_cast<std::size_t>(load.load.last_user)];
      start = std::max(start, (load.is_x ? user.multiplied : user.pushed) + 1);
    }
    return std::min(start, kUnknown);
  }

  std::int64_t store_start() const {
    if (stored_ == stores_.size() || stores_[stored_].step >= multiplied_) return kUnknown;
    return std::max(store_free_, times_[stores_[stored_].step].multiplied + 1);
  }

  void start_store(std::int64_t now) {
    stores_[stored_].start = now;
    memory_.pending[1] = steps_[stores_[stored_].step].store_bursts;
  }

  void load_served(std::int64_t now) {
    const Load& load = loads_[loaded_++];
    Times& times = times_[load.step];
    (load.is_x ? times.x : times.w) = now + 1 + chip_.hbm.latency_cycles;
    load_free_ = now + 1;
  }

  void store_served(std::int64_t now) {
    stores_[stored_++].end = now + 1 + chip_.hbm.latency_cycles;
    store_free_ = now + 1;
  }

  // When the half of the accumulators that the step writes is free.
  std::int64_t sums_free(const GemmStep& step) const {
    return step.begins_wave && step.wave >= 2 ? stores_[static_cast<std::size_t>(step.wave - 2)].end : 0;
  }

  // Pushes and products of the steps whose operands and accumulators have a known time.
  void multiply() {
    const std::int64_t r = chip_.mxu.rows;
    for (; multiplied_ < steps_.size(); ++multiplied_) {
      const GemmStep& step = steps_[multiplied_];
      Times& times = times_[multiplied_];
      const std::int64_t sums = sums_free(step);
      if (times.w == kUnknown) return;
      if (step.chunks == 1) times.pushed = std::max({push_ + r, product_, times.w + 1}) + r;
      if (std::max(times.x, sums) == kUnknown) return;
      for (std::int64_t i = 0; i < step.chunks; ++i) {
        push_ = std::max(push_ + r, product_);
        if (i == 0) push_ = std::max(push_, times.w + 1);
        product_ = std::max(push_ + r, product_ + product_rows_);
        if (i == 0) product_ = std::max({product_, times.x + 1, sums + 1});
        product_rows_ = step.rows;
        products_.push_back(product_);
      }
      times.pushed = push_ + r;
      times.multiplied = product_ + step.rows + product_tail(chip_);
    }
  }

  const Chip& chip_;
  const std::vector<GemmStep>& steps_;
  Memory memory_;
  std::vector<Load> loads_;
  std::vector<Store> stores_;           // of wave 0, 1, ...
  std::vector<Times> times_;            // per step
  std::vector<std::int64_t> products_;  // starts
  std::size_t loaded_ = 0, stored_ = 0, multiplied_ = 0;
  std::int64_t load_free_ = kFirst, store_free_ = 0;  // the first cycle in which the engine may start
  std::int64_t push_ = -kUnknown, product_ = -kUnknown, product_rows_ = 0;  // the last starts
};

}  // namespace

std::int64_t gemm_cycles(const Chip& chip, const std::vector<GemmStep>& steps) {
  return Schedule(chip, steps).cycles();
}

std::int64_t gemm_array_cycles(const Chip& chip, const std::vector<GemmStep>& steps) {
  const GemmStep& last = steps.back();
  const std::int64_t latency = chip.hbm.latency_cycles, r = chip.mxu.rows;
  std::int64_t array = r + last.rows - std::max(last.rows, r);
  for (const GemmStep& step : steps) array += step.chunks * std::max(step.rows, r);
  const std::int64_t first = burst_cycles(chip, steps.front().x.bursts) + burst_cycles(chip, steps.front().w.bursts);
  return kFirst + first + latency + 1 + array + product_tail(chip) + 1 + burst_cycles(chip, last.store_bursts) +
         latency;
}

std::int64_t gemm_memory_cycles(const Chip& chip, const std::vector<GemmStep>& steps) {
  std::int64_t bursts = 0;
  for (const GemmStep& step : steps) bursts += step.x.bursts + step.w.bursts + (step.ends_wave ? step.store_bursts : 0);
  return kFirst + burst_cycles(chip, bursts) + chip.hbm.latency_cycles;
}

}  // namespace systole::test
