// The memory rule in closed form, docs/machine.md section 3.
//
// While bursts are pending, the k-th burst served after a moment with credit c leaves in the first cycle t (counted from
// 1) with c + t x bytes >= k x cost, whoever asks. Which requester it belongs to follows from the cyclic order: in each
// round every pending requester gets one burst. So the requester with the fewest bursts left finishes first (of equals,
// the first in the order), as burst (fewest - 1) x pending + its place in the order.
#include <algorithm>
#include <cassert>
#include <limits>

#include "timing/timing.h"

namespace systole::timing {
namespace {
__extension__ typedef __int128 Wide;
}

MemoryServer::MemoryServer(const MemorySpec& spec, int requesters)
    : spec_(spec), cost_(spec.burst_bytes * spec.bandwidth.cycles), pending_(static_cast<std::size_t>(requesters), 0) {}

void MemoryServer::request(std::int64_t now, int requester, std::int64_t bursts) {
  assert(!spec_.bandwidth.free() && bursts > 0 && now >= time_);
  assert(pending_[static_cast<std::size_t>(requester)] == 0);
  if (now > time_) {
    [[maybe_unused]] const auto finished = advance(now - 1);
    assert(finished.empty());
  }
  pending_[static_cast<std::size_t>(requester)] = bursts;
  ++waiting_;
}

MemoryServer::First MemoryServer::first_to_finish() const {
  First first{-1, 0};
  std::int64_t fewest = std::numeric_limits<std::int64_t>::max();
  const int count = static_cast<int>(pending_.size());
  for (int i = 0, seen = 0; seen < waiting_; ++i) {
    const int who = turn_ + i < count ? turn_ + i : turn_ + i - count;
    const std::int64_t left = pending_[static_cast<std::size_t>(who)];
    if (left == 0) continue;
    ++seen;
    if (left < fewest) {
      fewest = left;
      first = {who, (left - 1) * waiting_ + seen};
    }
  }
  return first;
}

std::int64_t MemoryServer::next_completion() const {
  if (waiting_ == 0) return -1;
  const Wide work = static_cast<Wide>(first_to_finish().burst) * cost_ - credit_;
  return time_ - 1 + static_cast<std::int64_t>((work + spec_.bandwidth.bytes - 1) / spec_.bandwidth.bytes);
}

void MemoryServer::serve(std::int64_t bursts) {
  const std::int64_t rounds = bursts / waiting_, rest = bursts % waiting_;
  const int count = static_cast<int>(pending_.size()), start = turn_;
  int seen = 0;
  for (int i = 0; i < count; ++i) {
    const int who = start + i < count ? start + i : start + i - count;
    std::int64_t& left = pending_[static_cast<std::size_t>(who)];
    if (left == 0) continue;
    ++seen;
    left -= rounds + (seen <= rest ? 1 : 0);
    // The last one served is the last of the partial round, or the last of a whole one.
    if (seen == (rest > 0 ? rest : waiting_)) turn_ = (who + 1) % count;
  }
}

std::vector<int> MemoryServer::advance(std::int64_t cycle) {
  std::vector<int> finished;
  const std::int64_t cycles = cycle + 1 - time_;
  if (cycles <= 0) return finished;
  time_ = cycle + 1;
  if (waiting_ == 0) return finished;
  const Wide total = static_cast<Wide>(cycles) * spec_.bandwidth.bytes + credit_;
  Wide affordable = total / cost_;
  Wide used = 0;
  while (waiting_ > 0 && affordable > 0) {
    const First first = first_to_finish();
    if (first.burst > affordable) {
      serve(static_cast<std::int64_t>(affordable));
      used += affordable;
      break;
    }
    serve(first.burst);
    affordable -= first.burst;
    used += first.burst;
    --waiting_;
    finished.push_back(first.requester);
  }
  credit_ = waiting_ > 0 ? static_cast<std::int64_t>(total - used * cost_) : 0;
  return finished;
}

bool MemoryServer::repeats(const MemoryServer& earlier, std::int64_t cycles) const {
  if (credit_ != earlier.credit_ || turn_ != earlier.turn_ || pending_ != earlier.pending_) return false;
  return waiting_ == 0 || earlier.time_ + cycles == time_;
}

}  // namespace systole::timing
