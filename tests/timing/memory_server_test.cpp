// The closed form against the memory rule of docs/machine.md section 3, written out cycle by cycle.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/random.h"
#include "timing/timing.h"

namespace systole::timing {
namespace {

struct Request {
  std::int64_t cycle;
  int requester;
  std::int64_t bursts;
};
struct Completion {
  std::int64_t cycle;
  int requester;
  bool operator==(const Completion&) const = default;
};

// The rule as it stands on the page. A requester's requests come one after another: each joins in its cycle, or in the one
// after the previous is served if that is later.
std::vector<Completion> by_the_rule(const MemorySpec& spec, int requesters, std::vector<Request> requests) {
  std::vector<std::int64_t> pending(static_cast<std::size_t>(requesters), 0);
  std::vector<Completion> done;
  std::int64_t credit = 0;
  int last = requesters - 1;
  const auto any = [&] { return std::any_of(pending.begin(), pending.end(), [](std::int64_t n) { return n > 0; }); };
  for (std::int64_t cycle = 0; any() || !requests.empty(); ++cycle) {
    for (auto r = requests.begin(); r != requests.end();) {
      std::int64_t& bursts = pending[static_cast<std::size_t>(r->requester)];
      const bool first = std::none_of(requests.begin(), r, [&](const Request& other) { return other.requester == r->requester; });
      if (r->cycle <= cycle && bursts == 0 && first) {
        bursts = r->bursts;
        r = requests.erase(r);
      } else {
        ++r;
      }
    }
    if (!any()) continue;
    credit += spec.bandwidth.bytes;
    while (credit >= spec.burst_bytes * spec.bandwidth.cycles && any()) {
      do last = (last + 1) % requesters;
      while (pending[static_cast<std::size_t>(last)] == 0);
      if (--pending[static_cast<std::size_t>(last)] == 0) done.push_back({cycle, last});
      credit -= spec.burst_bytes * spec.bandwidth.cycles;
    }
    if (!any()) credit = 0;
  }
  return done;
}

std::vector<Completion> by_events(const MemorySpec& spec, int requesters, std::vector<Request> requests) {
  MemoryServer server(spec, requesters);
  std::vector<Completion> done;
  std::vector<std::int64_t> free_from(static_cast<std::size_t>(requesters), 0);   // -1: pending
  for (;;) {
    const Request* next = nullptr;
    std::int64_t when = 0;
    for (int who = 0; who < requesters; ++who) {
      const auto r = std::find_if(requests.begin(), requests.end(), [&](const Request& q) { return q.requester == who; });
      if (r == requests.end() || free_from[static_cast<std::size_t>(who)] < 0) continue;
      const std::int64_t at = std::max(r->cycle, free_from[static_cast<std::size_t>(who)]);
      if (next == nullptr || at < when) {
        next = &*r;
        when = at;
      }
    }
    const std::int64_t completion = server.next_completion();
    if (next != nullptr && (completion < 0 || when <= completion)) {
      server.request(when, next->requester, next->bursts);
      free_from[static_cast<std::size_t>(next->requester)] = -1;
      requests.erase(requests.begin() + (next - requests.data()));
      continue;
    }
    if (completion < 0) return done;
    for (const int who : server.advance(completion)) {
      done.push_back({completion, who});
      free_from[static_cast<std::size_t>(who)] = completion + 1;
    }
  }
}

MemorySpec random_memory(Random& random) {
  MemorySpec spec;
  spec.present = true;
  spec.burst_bytes = std::int64_t{1} << random.integer(3, 9);
  spec.bandwidth.bytes = random.integer(1, 700);
  spec.bandwidth.cycles = random.integer(1, 9);
  return spec;
}

TEST(MemoryServer, EqualsTheRuleCycleByCycle) {
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    Random random(seed);
    const MemorySpec spec = random_memory(random);
    const int requesters = static_cast<int>(random.integer(1, 6));
    std::vector<Request> requests;
    for (std::int64_t i = random.integer(1, 14), cycle = 0; i > 0; --i) {
      cycle += random.chance(0.5) ? 0 : random.integer(0, 60);
      requests.push_back({cycle, static_cast<int>(random.integer(0, requesters - 1)), random.integer(1, random.chance(0.5) ? 3 : 40)});
    }
    ASSERT_EQ(by_events(spec, requesters, requests), by_the_rule(spec, requesters, requests)) << "seed " << seed;
  }
}

TEST(MemoryServer, AloneTakesTheStatedTime) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Random random(seed);
    const MemorySpec spec = random_memory(random);
    const std::int64_t bursts = random.integer(1, 1'000'000'000), start = random.integer(0, 1'000'000);
    MemoryServer server(spec, 3);
    server.request(start, 1, bursts);
    const std::int64_t work = bursts * spec.burst_bytes * spec.bandwidth.cycles;   // below 2^43: exact
    const std::int64_t cycles = (work + spec.bandwidth.bytes - 1) / spec.bandwidth.bytes;
    ASSERT_EQ(transfer_cycles(spec, bursts), cycles) << "seed " << seed;
    ASSERT_EQ(server.next_completion(), start + cycles - 1) << "seed " << seed;
    ASSERT_TRUE(server.advance(start + cycles - 2).empty()) << "seed " << seed;                    // not yet at t - 1
    ASSERT_EQ(server.advance(start + cycles - 1), std::vector<int>{1}) << "seed " << seed;       // done at t
    ASSERT_EQ(server.next_completion(), -1);
  }
}

TEST(MemoryServer, BillionsOfBurstsShareEvenly) {
  // 8 bytes a cycle, bursts of 64: one burst every 8 cycles. Two equal requests: they end one burst apart.
  MemorySpec spec;
  spec.burst_bytes = 64;
  spec.bandwidth = {8, 1};
  const std::int64_t n = 5'000'000'000;
  MemoryServer server(spec, 2);
  server.request(0, 0, n);
  server.request(0, 1, n);
  EXPECT_EQ(server.next_completion(), 8 * (2 * n - 1) - 1);
  EXPECT_EQ(server.advance(8 * (2 * n - 1) - 1), std::vector<int>{0});
  EXPECT_EQ(server.next_completion(), 8 * 2 * n - 1);
}

TEST(MemoryServer, MoreBandwidthIsNeverSlowerForOneRequester) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    Random random(seed);
    MemorySpec spec = random_memory(random);
    const std::int64_t bursts = random.integer(1, 1000);
    const std::int64_t before = transfer_cycles(spec, bursts);
    spec.bandwidth.bytes += random.integer(1, 100);
    EXPECT_LE(transfer_cycles(spec, bursts), before) << "seed " << seed;
  }
}

}  // namespace
}  // namespace systole::timing
