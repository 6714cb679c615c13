// The watcher of the AXI rules says nothing of legal traffic and names each rule that is broken.
#include "rtl/sv/axi_checker.h"

#include <gtest/gtest.h>

#include <functional>

namespace axi {
namespace {

constexpr unsigned kBus = 16;

Address address_of(std::uint64_t at, unsigned length = 0) {
  Address a;
  a.valid = a.ready = true;
  a.address = at;
  a.length = length;
  a.size = 4;
  return a;
}
Beat beat(bool last = true, unsigned first = 0, unsigned end = kBus) {
  Beat b;
  b.valid = b.ready = true;
  b.last = last;
  for (unsigned lane = first; lane < end; ++lane) b.strobes[lane] = true;
  return b;
}
Beat answer(unsigned id = 0) {
  Beat b;
  b.valid = b.ready = true;
  b.id = id;
  return b;
}

// The first complaint of a checker that is shown the clocks one after another, and then the end.
std::string watch(const std::vector<Wires>& clocks) {
  Checker checker(kBus);
  for (const Wires& now : clocks) {
    const std::string problem = checker.clock(now);
    if (!problem.empty()) return problem;
  }
  return checker.finish();
}
std::vector<Wires> clocks(std::size_t count, const std::function<void(std::vector<Wires>&)>& set) {
  std::vector<Wires> list(count);
  set(list);
  return list;
}

TEST(AxiChecker, SaysNothingOfLegalTraffic) {
  EXPECT_EQ(watch(clocks(9, [](auto& c) {
    c[0].ar = address_of(0xFF5);                  // to the end of a line, unaligned
    c[1].ar = address_of(0x1000), c[1].ar.ready = false;
    c[2].ar = address_of(0x1000);
    c[2].r = answer(), c[2].r.ready = false;
    c[3].r = answer();
    c[4].r = answer();
    c[2].w = beat(true, 5, 16);                   // data before its address
    c[3].aw = address_of(0x25);
    c[4].aw = address_of(0x30, 1), c[4].w = beat(false, 0, 3);
    c[5].b = answer();
    c[6].w = beat(true);
    c[8].b = answer();
  })), "");
}

TEST(AxiChecker, NamesTheRuleThatIsBroken) {
  const std::pair<const char*, std::vector<Wires>> cases[] = {
      {"AR: VALID fell before READY", clocks(2, [](auto& c) { c[0].ar = address_of(0), c[0].ar.ready = false; })},
      {"AW: the payload changed before READY", clocks(2, [](auto& c) { c[0].aw = address_of(0), c[0].aw.ready = false, c[1].aw = address_of(16); })},
      {"W: the payload changed before READY", clocks(2, [](auto& c) { c[0].w = beat(), c[0].w.ready = false, c[1].w = beat(true, 1); })},
      {"W: VALID fell before READY", clocks(2, [](auto& c) { c[0].w = beat(), c[0].w.ready = false; })},
      {"R: the payload changed before READY", clocks(3, [](auto& c) { c[0].ar = address_of(0), c[1].r = answer(), c[1].r.ready = false, c[2].r = answer(), c[2].r.bytes[3] = 1; })},
      {"B: VALID fell before READY", clocks(4, [](auto& c) { c[0].aw = address_of(0), c[0].w = beat(), c[1].b = answer(), c[1].b.ready = false; })},
      {"AR: the transaction crosses 4 KB", clocks(1, [](auto& c) { c[0].ar = address_of(0xFF8, 1); })},
      {"AW: the transaction crosses 4 KB", clocks(1, [](auto& c) { c[0].aw = address_of(0x1FE0, 2); })},
      {"AR: a beat wider than the bus", clocks(1, [](auto& c) { c[0].ar = address_of(0), c[0].ar.size = 5; })},
      {"AR: not an INCR burst", clocks(1, [](auto& c) { c[0].ar = address_of(0), c[0].ar.burst = 0; })},
      {"AW: an exclusive access", clocks(1, [](auto& c) { c[0].aw = address_of(0), c[0].aw.lock = 1; })},
      {"AR: not AxCACHE 0011, AxPROT 000 and AxQOS 0000", clocks(1, [](auto& c) { c[0].ar = address_of(0), c[0].ar.cache = 0b1111; })},
      {"AW: not AxCACHE 0011, AxPROT 000 and AxQOS 0000", clocks(1, [](auto& c) { c[0].aw = address_of(0), c[0].aw.prot = 0b010; })},
      {"AR: not AxCACHE 0011, AxPROT 000 and AxQOS 0000", clocks(1, [](auto& c) { c[0].ar = address_of(0), c[0].ar.qos = 1; })},
      {"AR: the payload changed before READY", clocks(2, [](auto& c) { c[0].ar = c[1].ar = address_of(0), c[0].ar.ready = false, c[1].ar.lock = 1; })},
      {"W: a strobe outside the transfer", clocks(1, [](auto& c) { c[0].aw = address_of(5), c[0].w = beat(true, 4); })},
      {"W: a strobe outside the transfer", clocks(1, [](auto& c) { c[0].aw = address_of(4), c[0].aw.size = 2, c[0].w = beat(true, 4, 9); })},
      {"W: WLAST does not stand at the last beat", clocks(1, [](auto& c) { c[0].aw = address_of(0), c[0].w = beat(false); })},
      {"W: WLAST does not stand at the last beat", clocks(1, [](auto& c) { c[0].aw = address_of(0, 1), c[0].w = beat(true); })},
      {"R: RLAST does not stand at the last beat", clocks(2, [](auto& c) { c[0].ar = address_of(0, 1), c[1].r = answer(); })},
      {"R: no read with this identifier was taken in an earlier clock", clocks(2, [](auto& c) { c[0].ar = address_of(0), c[1].r = answer(1); })},
      {"R: no read with this identifier was taken in an earlier clock", clocks(1, [](auto& c) { c[0].ar = address_of(0), c[0].r = answer(); })},
      {"B: no write with this identifier was taken in an earlier clock", clocks(2, [](auto& c) { c[0].aw = address_of(0), c[0].w = beat(), c[1].b = answer(1); })},
      {"B: no write with this identifier was taken in an earlier clock", clocks(3, [](auto& c) { c[0].aw = address_of(0), c[0].w = beat(), c[1].b = answer(), c[2].b = answer(); })},
      {"B: answered before the last data", clocks(2, [](auto& c) { c[0].aw = address_of(0), c[1].w = beat(), c[1].b = answer(); })},
      {"a read was never answered", clocks(1, [](auto& c) { c[0].ar = address_of(0); })},
      {"a write was never answered", clocks(1, [](auto& c) { c[0].aw = address_of(0), c[0].w = beat(); })},
      {"write data without an address", clocks(1, [](auto& c) { c[0].w = beat(); })},
  };
  for (const auto& [rule, traffic] : cases) EXPECT_EQ(watch(traffic), rule);
}

}  // namespace
}  // namespace axi
