// The rules of an AXI4 interface (or AXI4-Lite: one beat, one identifier), watched clock by clock. After Arm IHI 0022, AXI4 and AXI4-Lite.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <deque>
#include <string>

namespace axi {

constexpr unsigned kMostBytes = 128;   // of a bus
constexpr unsigned kIncr = 1;
constexpr unsigned kBufferable = 0b0011;   // AxCACHE: normal memory, no cache
constexpr unsigned kOkay = 0, kSlaveError = 2, kDecodeError = 3;

struct Address {
  bool valid = false, ready = false;
  std::uint64_t address = 0;
  unsigned id = 0, length = 0, size = 0, burst = kIncr, user = 0;   // length: beats - 1; size: log2 of a beat's bytes
  unsigned lock = 0, cache = kBufferable, prot = 0, qos = 0;
  bool same_payload(const Address& o) const {
    return address == o.address && id == o.id && length == o.length && size == o.size && burst == o.burst && user == o.user && lock == o.lock &&
           cache == o.cache && prot == o.prot && qos == o.qos;
  }
};
// A beat of W, R or B; what a channel lacks stays as it is here.
struct Beat {
  bool valid = false, ready = false, last = true;
  unsigned id = 0, response = kOkay;
  std::bitset<kMostBytes> strobes;
  std::array<std::uint8_t, kMostBytes> bytes{};
  bool same_payload(const Beat& o) const {
    return last == o.last && id == o.id && response == o.response && strobes == o.strobes && bytes == o.bytes;
  }
};
struct Wires {
  Address aw, ar;
  Beat w, r, b;
};

class Checker {
 public:
  explicit Checker(unsigned bus_bytes) : bus_bytes_(bus_bytes) {}

  // The wires as they settle in a clock. "" or the rule that is broken.
  std::string clock(const Wires& now) {
    std::string problem = held("AW", before_.aw, now.aw);
    if (problem.empty()) problem = held("AR", before_.ar, now.ar);
    if (problem.empty()) problem = held("W", before_.w, now.w);
    if (problem.empty()) problem = held("R", before_.r, now.r);
    if (problem.empty()) problem = held("B", before_.b, now.b);
    if (problem.empty() && now.aw.valid) problem = legal("AW", now.aw);
    if (problem.empty() && now.ar.valid) problem = legal("AR", now.ar);
    // Answers first: they must belong to what was taken in an earlier clock.
    if (problem.empty() && now.r.valid) problem = read_beat(now.r);
    if (problem.empty() && now.b.valid) problem = write_answer(now.b);
    if (now.ar.valid && now.ar.ready) reads_.push_back({now.ar, 0});
    if (now.aw.valid && now.aw.ready) writes_.push_back({now.aw, 0});
    if (now.w.valid && now.w.ready) data_.push_back(now.w);
    if (problem.empty()) problem = match_data();
    before_ = now;
    return problem;
  }

  // When nothing more is to come.
  std::string finish() const {
    if (!reads_.empty()) return "a read was never answered";
    if (!writes_.empty()) return "a write was never answered";
    if (!data_.empty()) return "write data without an address";
    return {};
  }

 private:
  struct Open { Address address; unsigned beats; };

  template <typename Channel>
  static std::string held(const char* name, const Channel& before, const Channel& now) {
    if (!before.valid || before.ready) return {};
    if (!now.valid) return std::string(name) + ": VALID fell before READY";
    if (!now.same_payload(before)) return std::string(name) + ": the payload changed before READY";
    return {};
  }

  std::string legal(const char* name, const Address& a) const {
    if (a.burst != kIncr) return std::string(name) + ": not an INCR burst";
    if (a.lock != 0) return std::string(name) + ": an exclusive access";
    if (a.cache != kBufferable || a.prot != 0 || a.qos != 0) return std::string(name) + ": not AxCACHE 0011, AxPROT 000 and AxQOS 0000";
    if (a.length > 255) return std::string(name) + ": more than 256 beats";
    if (a.size > 7 || (1u << a.size) > bus_bytes_) return std::string(name) + ": a beat wider than the bus";
    const std::uint64_t bytes = 1u << a.size, aligned = a.address / bytes * bytes;
    if (a.address >> 12 != (aligned + (a.length + 1) * bytes - 1) >> 12) return std::string(name) + ": the transaction crosses 4 KB";
    return {};
  }

  // The oldest open transaction with this identifier.
  static std::deque<Open>::iterator find(std::deque<Open>& open, unsigned id) {
    return std::find_if(open.begin(), open.end(), [id](const Open& o) { return o.address.id == id; });
  }

  std::string read_beat(const Beat& r) {
    const auto open = find(reads_, r.id);
    if (open == reads_.end()) return "R: no read with this identifier was taken in an earlier clock";
    if (r.last != (open->beats == open->address.length)) return "R: RLAST does not stand at the last beat";
    if (!r.ready) return {};
    ++open->beats;
    if (r.last) reads_.erase(open);
    return {};
  }

  std::string write_answer(const Beat& b) {
    const auto open = find(writes_, b.id);
    if (open == writes_.end()) return "B: no write with this identifier was taken in an earlier clock";
    if (open->beats <= open->address.length) return "B: answered before the last data";
    if (b.ready) writes_.erase(open);
    return {};
  }

  // Data belongs to the addresses in their order, and may come before them.
  std::string match_data() {
    while (!data_.empty()) {
      const auto open = std::find_if(writes_.begin(), writes_.end(), [](const Open& o) { return o.beats <= o.address.length; });
      if (open == writes_.end()) return {};
      const Beat& beat = data_.front();
      const std::uint64_t bytes = 1u << open->address.size, aligned = open->address.address / bytes * bytes + open->beats * bytes;
      const std::uint64_t first = open->beats == 0 ? open->address.address % bus_bytes_ : aligned % bus_bytes_, end = aligned % bus_bytes_ + bytes;
      for (std::uint64_t lane = 0; lane < kMostBytes; ++lane) {
        if (beat.strobes[lane] && (lane < first || lane >= end)) return "W: a strobe outside the transfer";
      }
      if (beat.last != (open->beats == open->address.length)) return "W: WLAST does not stand at the last beat";
      ++open->beats;
      data_.pop_front();
    }
    return {};
  }

  unsigned bus_bytes_;
  Wires before_;
  std::deque<Open> reads_, writes_;
  std::deque<Beat> data_;
};

}  // namespace axi
