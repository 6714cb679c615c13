// The AXI4-Lite slave alone, with a host whose channels come and go at random: every write takes effect once and in order, or is refused, as docs/axi.md says.
// usage: Vaxi_control SEED. Exit status 0: all as documented; else the difference on standard error.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>

#include "Vaxi_control.h"
#include "axi_checker.h"

namespace {

struct Write { std::uint32_t address, data, strobes; bool good; };
struct Stroke { bool program, micro; std::uint32_t place, data; };   // of a memory
bool operator==(const Stroke& a, const Stroke& b) { return a.program == b.program && a.micro == b.micro && a.place == b.place && a.data == b.data; }

class Bench {
 public:
  explicit Bench(unsigned seed) : random_(seed) {}

  void reset() {
    chip_.aresetn = 0;
    clock();
    clock();
    chip_.aresetn = 1;
  }
  // Gives the writes, each channel in its own time, and compares answers and strokes.
  void write(const std::vector<Write>& writes) {
    std::size_t addresses = 0, data = 0, answers = 0;
    strokes_.clear();
    while (answers < writes.size()) {
      // What has been offered stands until it is taken.
      chip_.s_axi_awvalid = addresses < writes.size() && (chip_.s_axi_awvalid || chance());
      chip_.s_axi_wvalid = data < writes.size() && (chip_.s_axi_wvalid || chance());
      if (chip_.s_axi_awvalid) chip_.s_axi_awaddr = writes[addresses].address;
      if (chip_.s_axi_wvalid) chip_.s_axi_wdata = writes[data].data, chip_.s_axi_wstrb = static_cast<std::uint8_t>(writes[data].strobes);
      chip_.s_axi_bready = chance();
      chip_.eval();
      const bool took_address = chip_.s_axi_awvalid && chip_.s_axi_awready, took_data = chip_.s_axi_wvalid && chip_.s_axi_wready;
      if (chip_.s_axi_bvalid && chip_.s_axi_bready) {
        expect(chip_.s_axi_bresp == (writes[answers].good ? axi::kOkay : axi::kSlaveError), "the answer of a write", writes[answers].address);
        ++answers;
      }
      clock();
      if (took_address) ++addresses, chip_.s_axi_awvalid = 0;
      if (took_data) ++data, chip_.s_axi_wvalid = 0;
    }
    std::vector<Stroke> wanted;
    for (const Write& w : writes) {
      const bool program = w.address >= 0x200000, micro = w.address >= 0x10000 && w.address < 0x18000;
      if (w.good && (program || micro)) wanted.push_back({program, micro, program ? (w.address - 0x200000) / 4 : (w.address - 0x10000) / 4, w.data});
    }
    expect(strokes_ == wanted, "what the memories were given", static_cast<std::uint32_t>(strokes_.size()));
  }
  void read(std::uint32_t address, std::uint32_t want, bool good = true) {
    chip_.s_axi_araddr = address;
    while (!chance()) clock();
    chip_.s_axi_arvalid = 1;
    for (bool taken = false; !taken;) {
      chip_.eval();
      taken = chip_.s_axi_arready;
      clock();
    }
    chip_.s_axi_arvalid = 0;
    for (bool taken = false; !taken;) {
      chip_.s_axi_rready = chance();
      chip_.eval();
      taken = chip_.s_axi_rvalid && chip_.s_axi_rready;
      if (taken) expect(chip_.s_axi_rresp == (good ? axi::kOkay : axi::kSlaveError), "the response of a read", address);
      if (taken && good) expect(chip_.s_axi_rdata == want, "the value of a read", address);
      clock();
    }
    chip_.s_axi_rready = 0;
  }
  // Clocks in which the core was out of reset and the program had not ended.
  std::uint32_t run_clocks() const { return run_clocks_; }
  bool chance() { return (random_() & 1u) != 0; }
  std::uint32_t bits() { return static_cast<std::uint32_t>(random_()); }
  Vaxi_control& chip() { return chip_; }
  void clock() {
    chip_.clk = 0;
    chip_.eval();
    watch();
    if (chip_.program_write || chip_.micro_write) {
      const std::uint32_t place = chip_.program_write ? chip_.host_address : chip_.host_address & 0x1FFFu;
      strokes_.push_back({chip_.program_write != 0, chip_.micro_write != 0, place, chip_.host_data});
    }
    run_clocks_ += chip_.run && !chip_.halt ? 1 : 0;
    chip_.clk = 1;
    chip_.eval();
  }
  void expect(bool good, const char* what, std::uint32_t number) {
    if (good) return;
    std::fprintf(stderr, "%s: %#x\n", what, number);
    std::exit(1);
  }

 private:
  void watch() {
    axi::Wires w;
    w.aw.valid = chip_.s_axi_awvalid, w.aw.ready = chip_.s_axi_awready, w.aw.address = chip_.s_axi_awaddr & ~3u, w.aw.size = 2;
    w.ar.valid = chip_.s_axi_arvalid, w.ar.ready = chip_.s_axi_arready, w.ar.address = chip_.s_axi_araddr, w.ar.size = 2;
    w.w.valid = chip_.s_axi_wvalid, w.w.ready = chip_.s_axi_wready, w.w.strobes = chip_.s_axi_wstrb;
    w.b.valid = chip_.s_axi_bvalid, w.b.ready = chip_.s_axi_bready, w.b.response = chip_.s_axi_bresp;
    w.r.valid = chip_.s_axi_rvalid, w.r.ready = chip_.s_axi_rready, w.r.response = chip_.s_axi_rresp;
    for (std::size_t i = 0; i < 4; ++i) w.r.bytes[i] = static_cast<std::uint8_t>(chip_.s_axi_rdata >> (8 * i));
    const std::string problem = chip_.aresetn ? checker_.clock(w) : std::string();
    expect(problem.empty(), problem.c_str(), 0);
  }

  Vaxi_control chip_;
  axi::Checker checker_{4};
  std::mt19937 random_;
  std::vector<Stroke> strokes_;
  std::uint32_t run_clocks_ = 0;
};

std::vector<Write> random_writes(Bench& bench, bool idle) {
  std::vector<Write> writes;
  for (int i = 0; i < 300; ++i) {
    const std::uint32_t word = bench.bits() & ~3u, strobes = bench.bits() % 8 == 0 ? bench.bits() & 15u : 15u, low = bench.bits() % 16 == 0 ? 1 : 0;
    Write w{0, bench.bits(), strobes, idle && strobes == 15 && low == 0};
    switch (bench.bits() % 4) {
      case 0: w.address = 0x200000 | (word & 0x1FFFFF); break;
      case 1: w.address = 0x10000 + word % 0x8000; break;
      case 2: w.address = 0x18000 + word % 0x1E8000, w.good = false; break;         // beyond the microcode
      default: w.address = word % 0x10000 == 8 ? 12 : word % 0x10000, w.good = false;   // no register but CONTROL is written
    }
    w.address |= low;
    writes.push_back(w);
  }
  return writes;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  Bench bench(static_cast<unsigned>(std::strtoul(arguments[1], nullptr, 10)));
  Vaxi_control& chip = bench.chip();
  bench.reset();
  bench.read(0x00, 0x53595354);
  bench.read(0x04, 1);
  bench.read(0x0C, 0);
  bench.read(0x18, 65536);
  bench.read(0x1C, 4096);
  bench.read(0x20, 0x00040004);   // systolic-4: four by four elements
  bench.read(0x24, 0x00020010);   // two engines, bursts of 16 bytes
  bench.read(0x28, 0, false);
  bench.read(0x1000, 0, false);
  bench.read(0x200000, 0, false);
  bench.write(random_writes(bench, true));
  bench.write({{8, 0, 15, true}});          // no start
  bench.read(0x0C, 0);
  bench.expect(bench.run_clocks() == 0, "clocks before a start", bench.run_clocks());

  for (int round = 1; round <= 3; ++round) {
    const std::uint32_t before = bench.run_clocks();
    bench.write({{8, 1, 15, true}});
    while (!chip.run) bench.clock();
    bench.read(0x0C, 1);
    bench.write(random_writes(bench, false));
    bench.write({{8, 1, 15, false}});       // a start is not heard
    if (round == 2) {                       // one error in one clock stays to be seen
      chip.failed = 1;
      bench.clock();
      chip.failed = 0;
      bench.read(0x0C, 5);
    }
    for (std::uint32_t rest = bench.bits() % 1000; rest > 0; --rest) bench.clock();
    chip.halt = 1;
    chip.eval();
    bench.expect(chip.halted == 1, "halted in the clock of the halt", 0);
    bench.clock();
    bench.expect(chip.run == 0, "run after the halt", 0);
    chip.halt = 0;                          // as the core in reset
    bench.read(0x0C, round == 2 ? 6 : 2);
    bench.expect(chip.halted == 1, "halted afterwards", 0);
    bench.read(0x10, bench.run_clocks() - before);
    bench.read(0x14, 0);
    bench.write(random_writes(bench, true));
    bench.read(0x10, bench.run_clocks() - before);
  }
  return 0;
}
