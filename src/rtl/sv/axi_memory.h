// Far memory as an AXI4 slave with a port per DMA engine, in one of two manners.
//
// By the memory rule (docs/machine.md section 3): an address is taken in the cycle in which its burst is served; the burst's last answer comes `latency` cycles
// later. Awkward (seed other than 0): addresses, data and answers are taken and given at random times, data before its address too; reads and writes overtake
// each other. It is legal AXI, costs other cycles and must give the same bytes.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "axi_checker.h"

namespace axi {

struct MemoryRule {
  std::uint64_t bytes = 1, cycles = 1, burst_bytes = 16, latency = 8;   // `bytes` every `cycles`
};
// What AxUSER says (axi_master.sv).
constexpr unsigned kSecond = 1, kMoreBehind = 2;

class Memory {
 public:
  Memory(const MemoryRule& rule, std::vector<std::uint8_t> bytes, std::size_t ports, std::uint64_t seed)
      : rule_(rule), bytes_(std::move(bytes)), ports_(ports), last_(ports - 1), random_(seed) {}

  // Sets the slave's side of the wires for cycle `now`. "" or what does not fit the memory rule.
  std::string drive(std::uint64_t now, std::vector<Wires>& wires) {
    for (std::size_t d = 0; d < ports_.size(); ++d) answer(now, ports_[d], wires[d]);
    if (random_ == 0) return serve(now, wires);
    for (Wires& w : wires) {
      w.ar.ready = chance();
      w.aw.ready = chance();
      w.w.ready = chance();
    }
    return {};
  }

  // The handshakes of cycle `now`.
  void clock(std::uint64_t now, const std::vector<Wires>& wires) {
    for (std::size_t d = 0; d < ports_.size(); ++d) {
      Port& port = ports_[d];
      const Wires& w = wires[d];
      if (w.r.valid && w.r.ready) port.reads.pop_front();
      if (w.b.valid && w.b.ready) {
        commit(port.writes.front());
        port.writes.pop_front();
      }
      if (w.ar.valid && w.ar.ready) take(now, w.ar, port.reads).data = read(w.ar.address);
      if (w.aw.valid && w.aw.ready) take(now, w.aw, port.writes);
      if (w.w.valid && w.w.ready) port.data.push_back(w.w);
      for (Transaction& write : port.writes) {
        if (write.complete || port.data.empty()) continue;
        write.data = port.data.front();
        write.complete = true;
        port.data.pop_front();
      }
    }
  }

  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  struct Transaction {
    std::uint64_t address, due;
    unsigned id;
    bool complete = false;   // a write's data is there
    Beat data;
  };
  struct Port {
    std::deque<Transaction> reads, writes;
    std::deque<Beat> data;           // without an address yet
    std::uint64_t served = 0;        // the cycle of the last burst, and its second transaction is taken in the next
  };

  bool chance() {   // xorshift64
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return (random_ & 1u) != 0;
  }

  void answer(std::uint64_t now, const Port& port, Wires& w) {
    const bool master_takes_r = w.r.ready, master_takes_b = w.b.ready;
    w.r = {};
    w.b = {};
    w.r.ready = master_takes_r;
    w.b.ready = master_takes_b;
    if (!port.reads.empty() && port.reads.front().due <= now) {
      w.r = port.reads.front().data;
      w.r.ready = master_takes_r;
      w.r.valid = true;
      w.r.id = port.reads.front().id;
    }
    if (!port.writes.empty() && port.writes.front().due <= now && port.writes.front().complete) {
      w.b.valid = true;
      w.b.id = port.writes.front().id;
      w.b.response = port.writes.front().address < bytes_.size() ? kOkay : kDecodeError;
    }
    // By the rule, data is taken from the cycle after its address on.
    w.w.ready = !port.writes.empty() && !port.writes.back().complete;
    w.ar.ready = w.aw.ready = false;
  }

  // The memory rule. A second transaction is no burst of its own: it is taken at once.
  std::string serve(std::uint64_t now, std::vector<Wires>& wires) {
    const auto asks = [](const Address& a, unsigned second) { return a.valid && (a.user & kSecond) == second; };
    std::vector<int>& state = state_;   // 1: a burst is pending; 2: one behind a second transaction
    state.assign(wires.size(), 0);
    bool pending = false;
    for (std::size_t d = 0; d < wires.size(); ++d) {
      Wires& w = wires[d];
      for (Address* a : {&w.ar, &w.aw}) {
        if (asks(*a, 0)) state[d] = 1;
        if (!asks(*a, kSecond)) continue;
        a->ready = true;
        if ((a->user & kMoreBehind) != 0) state[d] = 2;
        if (ports_[d].served + 1 != now) return "the second transaction of a burst does not follow the first";
      }
      pending = pending || state[d] != 0;
    }
    if (!pending) return {};
    credit_ += rule_.bytes;
    const std::uint64_t cost = rule_.burst_bytes * rule_.cycles;
    for (std::size_t k = 1; k <= wires.size() && credit_ >= cost; ++k) {
      const std::size_t d = (last_ + k) % wires.size();
      if (state[d] == 0) continue;
      if (state[d] == 2) return "a burst is served while the one before it is being asked for";
      Address& a = wires[d].ar.valid ? wires[d].ar : wires[d].aw;
      a.ready = true;
      state[d] = (a.user & kMoreBehind) != 0 ? 1 : 0;
      ports_[d].served = now;
      last_ = d;
      credit_ -= cost;
      break;
    }
    // The credit of a memory that nobody asks any more is lost.
    if (std::all_of(state.begin(), state.end(), [](int s) { return s == 0; })) credit_ = 0;
    return {};
  }

  Transaction& take(std::uint64_t now, const Address& a, std::deque<Transaction>& line) {
    std::uint64_t due = now + rule_.latency;
    if (random_ != 0) {
      due = now + 1;
      for (int i = 0; i < 24; ++i) due += chance() ? 1 : 0;
      if (chance() && chance() && chance()) due += 80;   // more bursts come than the master has places for
    } else if ((a.user & kSecond) != 0) {   // the burst's last answer comes when a lone one would, the first a cycle before it
      --due;
      --line.back().due;
    }
    line.push_back({a.address, due, a.id, false, {}});
    return line.back();
  }

  // The beat at an address, by lanes.
  Beat read(std::uint64_t address) const {
    Beat beat;
    if (address >= bytes_.size()) beat.response = kDecodeError;
    const std::uint64_t base = address / rule_.burst_bytes * rule_.burst_bytes;
    for (std::uint64_t lane = address - base; lane < rule_.burst_bytes && base + lane < bytes_.size(); ++lane) beat.bytes[lane] = bytes_[base + lane];
    return beat;
  }
  void commit(const Transaction& write) {
    const std::uint64_t base = write.address / rule_.burst_bytes * rule_.burst_bytes;
    for (std::uint64_t lane = 0; lane < rule_.burst_bytes && base + lane < bytes_.size(); ++lane) {
      if (write.data.strobes[lane]) bytes_[base + lane] = write.data.bytes[lane];
    }
  }

  MemoryRule rule_;
  std::vector<std::uint8_t> bytes_;
  std::vector<Port> ports_;
  std::vector<int> state_;
  std::size_t last_;
  std::uint64_t credit_ = 0, random_;   // 0: by the rule
};

}  // namespace axi
