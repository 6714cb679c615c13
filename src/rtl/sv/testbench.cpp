// Runs one program on the Verilated chip: the host (axi_host.h), far memory (axi_memory.h) and a checker of the AXI rules at each port (axi_checker.h).
//
// usage: Vsystole INPUT OUTPUT [HASHES | FST FIRST LAST UNIT PERIOD_NUMERATOR PERIOD_DENOMINATOR]
// INPUT: thirteen 64-bit little-endian numbers: words, memory bytes, bandwidth bytes, bandwidth cycles, burst bytes, latency,
// DMA engines, the seed of an awkward memory (0: the memory rule), most cycles, micro-operations, rows, columns and data bits of the array; then 32 bytes a word; then 8 bytes a
// micro-operation; then the memory.
// OUTPUT: the cycle count (64 bits), then the memory. Exit status 3: not halted after the most cycles; 4: a rule is broken, said on standard error.
// HASHES: 64 bits a cycle, machine/array_state.h's hash of the array's registers in that cycle.
// FST: the waves of the cycles FIRST .. LAST, if the model was built with --trace-fst; cycle k begins at k x PERIOD units.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "Vsystole.h"
#include "Vsystole___024root.h"
#include "axi_host.h"
#include "axi_memory.h"
#include "fst_waves.h"
#include "verilated.h"

namespace {

// Bits of a port of any width; at most 56 of them.
template <typename T>
std::uint64_t get_bits(const T& port, int low, int count) {
  std::uint64_t value = 0;
  const std::size_t byte = static_cast<std::size_t>(low) / 8, left = sizeof(port) - byte;
  std::memcpy(&value, reinterpret_cast<const std::uint8_t*>(&port) + byte, left < 8 ? left : 8);
  return value >> (low % 8) & ((std::uint64_t{1} << count) - 1);
}
template <typename T>
void set_bits(T& port, int low, int count, std::uint64_t value) {
  auto* words = reinterpret_cast<std::uint8_t*>(&port);
  for (int i = 0; i < count; ++i) {
    const std::uint8_t mask = static_cast<std::uint8_t>(1u << ((low + i) % 8));
    if ((value >> i) & 1u) words[(low + i) / 8] |= mask;
    else words[(low + i) / 8] &= static_cast<std::uint8_t>(~mask);
  }
}

struct Header {
  std::uint64_t words, memory_bytes, bytes, cycles, burst_bytes, latency, dmas, awkward_seed, most_cycles, micro_words, rows, columns, data_bits;
};

class Testbench {
 public:
  Testbench(const Header& header, std::vector<std::uint8_t> memory)
      : header_(header),
        memory_({header.bytes, header.cycles, header.burst_bytes, header.latency}, std::move(memory), header.dmas, header.awkward_seed),
        wires_(header.dmas),
        checkers_(header.dmas, axi::Checker(static_cast<unsigned>(header.burst_bytes))) {}

  // Loads and starts: the next clock is cycle 0.
  void start(const std::vector<std::uint32_t>& words, const std::vector<std::uint32_t>& micro_words) {
    chip_.aresetn = 0;
    quiet();
    edge();
    edge();
    clear(chip_.rootp->systole__DOT__vmem__DOT__bytes);
    clear(chip_.rootp->systole__DOT__memory__DOT__words);
    chip_.aresetn = 1;
    const auto sixteens = [](std::uint64_t high, std::uint64_t low) { return static_cast<std::uint32_t>(high << 16 | low); };
    expect(axi::kId, axi::kSystole);
    expect(axi::kVersion, 1);
    expect(axi::kArray, sixteens(header_.columns, header_.rows));
    expect(axi::kBus, sixteens(header_.dmas, header_.burst_bytes));
    std::vector<axi::Word> list;
    for (std::size_t i = 0; i < micro_words.size(); ++i) list.push_back({static_cast<std::uint32_t>(axi::kMicroBase + 4 * i), micro_words[i]});
    for (std::size_t i = 0; i < words.size(); ++i) list.push_back({static_cast<std::uint32_t>(axi::kProgramBase + 4 * i), words[i]});
    list.push_back({axi::kControl, 1});
    check(host_.write(list));
    if (!chip_.running) problem_ = "the program does not start";
  }
  void hash_to(std::FILE* file) { hashes_ = file; }
  void trace(char** arguments) { waves_.open(chip_, arguments); }
  // Until the program has ended, a rule is broken or the most cycles are over.
  bool run() {
    waves_.dump(0, 0);
    for (std::uint64_t now = 0; now < header_.most_cycles && problem_.empty(); ++now) {
      chip_.clk = 0;
      chip_.eval();
      if (chip_.halted) return true;
      for (std::size_t d = 0; d < wires_.size(); ++d) sample(d);
      check(memory_.drive(now, wires_));
      for (std::size_t d = 0; d < wires_.size(); ++d) {
        answer(d);
        check(checkers_[d].clock(wires_[d]));
      }
      memory_.clock(now, wires_);
      chip_.eval();
      if (hashes_ != nullptr) write_hash();
      waves_.dump(now, 2 * now + 1);
      edge();
      waves_.dump(now + 1, 2 * now + 2);
    }
    return false;
  }
  // What the chip says of a program that has ended.
  std::uint64_t cycles() {
    for (axi::Checker& checker : checkers_) check(checker.finish());
    std::uint32_t low = 0, high = 0;
    expect(axi::kStatus, axi::kHalted);
    check(host_.read(axi::kCyclesLow, low));
    check(host_.read(axi::kCyclesHigh, high));
    return std::uint64_t{high} << 32 | low;
  }
  void close() { waves_.close(); }
  const std::vector<std::uint8_t>& memory() const { return memory_.bytes(); }
  const std::string& problem() const { return problem_; }

 private:
  void check(const std::string& problem) {
    if (problem_.empty()) problem_ = problem;
  }
  void expect(std::uint32_t address, std::uint32_t value) {
    std::uint32_t got = 0;
    check(host_.read(address, got));
    if (got != value) check("register " + std::to_string(address) + " holds " + std::to_string(got) + " instead of " + std::to_string(value));
  }
  // The host clears the memories (docs/machine.md section 9); what the registers held before reset may have been written there.
  template <typename Memory>
  static void clear(Memory& memory) {
    for (auto& word : memory.m_storage) word = 0;
  }
  // Nothing on the inputs.
  void quiet() {
    chip_.s_axi_awvalid = chip_.s_axi_wvalid = chip_.s_axi_bready = chip_.s_axi_arvalid = chip_.s_axi_rready = 0;
    chip_.m_axi_awready = chip_.m_axi_wready = chip_.m_axi_bvalid = chip_.m_axi_arready = chip_.m_axi_rvalid = 0;
  }
  void edge() {
    chip_.clk = 0;
    chip_.eval();
    chip_.clk = 1;
    chip_.eval();
  }
  int id_bits() const { return header_.dmas > 2 ? 2 : 1; }

  // What engine d's master says.
  void sample(std::size_t d) {
    const int n = static_cast<int>(d), burst = static_cast<int>(header_.burst_bytes);
    axi::Wires& w = wires_[d];
    w.ar.valid = (chip_.m_axi_arvalid >> d & 1u) != 0;
    if (w.ar.valid) {
      w.ar.address = get_bits(chip_.m_axi_araddr, 36 * n, 36);
      w.ar.id = field(chip_.m_axi_arid, n, id_bits()), w.ar.length = field(chip_.m_axi_arlen, n, 8), w.ar.size = field(chip_.m_axi_arsize, n, 3);
      w.ar.burst = field(chip_.m_axi_arburst, n, 2), w.ar.user = field(chip_.m_axi_aruser, n, 2);
      w.ar.lock = field(chip_.m_axi_arlock, n, 1), w.ar.cache = field(chip_.m_axi_arcache, n, 4);
      w.ar.prot = field(chip_.m_axi_arprot, n, 3), w.ar.qos = field(chip_.m_axi_arqos, n, 4);
    }
    w.aw.valid = (chip_.m_axi_awvalid >> d & 1u) != 0;
    if (w.aw.valid) {
      w.aw.address = get_bits(chip_.m_axi_awaddr, 36 * n, 36);
      w.aw.id = field(chip_.m_axi_awid, n, id_bits()), w.aw.length = field(chip_.m_axi_awlen, n, 8), w.aw.size = field(chip_.m_axi_awsize, n, 3);
      w.aw.burst = field(chip_.m_axi_awburst, n, 2), w.aw.user = field(chip_.m_axi_awuser, n, 2);
      w.aw.lock = field(chip_.m_axi_awlock, n, 1), w.aw.cache = field(chip_.m_axi_awcache, n, 4);
      w.aw.prot = field(chip_.m_axi_awprot, n, 3), w.aw.qos = field(chip_.m_axi_awqos, n, 4);
    }
    w.w.valid = (chip_.m_axi_wvalid >> d & 1u) != 0;
    if (w.w.valid) {
      w.w.last = (chip_.m_axi_wlast >> d & 1u) != 0;
      std::memcpy(w.w.bytes.data(), reinterpret_cast<const std::uint8_t*>(&chip_.m_axi_wdata) + n * burst, header_.burst_bytes);
      for (int i = 0; i < burst; ++i) w.w.strobes[static_cast<std::size_t>(i)] = get_bits(chip_.m_axi_wstrb, n * burst + i, 1) != 0;
    }
    w.r.ready = (chip_.m_axi_rready >> d & 1u) != 0;
    w.b.ready = (chip_.m_axi_bready >> d & 1u) != 0;
  }
  template <typename T>
  static unsigned field(const T& port, int index, int bits) { return static_cast<unsigned>(get_bits(port, index * bits, bits)); }

  // What the memory says to it.
  void answer(std::size_t d) {
    const int n = static_cast<int>(d);
    const axi::Wires& w = wires_[d];
    set_bits(chip_.m_axi_arready, n, 1, w.ar.ready);
    set_bits(chip_.m_axi_awready, n, 1, w.aw.ready);
    set_bits(chip_.m_axi_wready, n, 1, w.w.ready);
    set_bits(chip_.m_axi_rvalid, n, 1, w.r.valid);
    set_bits(chip_.m_axi_bvalid, n, 1, w.b.valid);
    if (w.r.valid) {
      set_bits(chip_.m_axi_rid, n * id_bits(), id_bits(), w.r.id);
      set_bits(chip_.m_axi_rresp, n * 2, 2, w.r.response);
      set_bits(chip_.m_axi_rlast, n, 1, w.r.last);
      std::memcpy(reinterpret_cast<std::uint8_t*>(&chip_.m_axi_rdata) + d * header_.burst_bytes, w.r.bytes.data(), header_.burst_bytes);
    }
    if (w.b.valid) {
      set_bits(chip_.m_axi_bid, n * id_bits(), id_bits(), w.b.id);
      set_bits(chip_.m_axi_bresp, n * 2, 2, w.b.response);
    }
  }
  // An operand {family, data} as a word: integers and fixed point by their sign, floats (family 2) as fp32.
  std::uint32_t word_of(std::uint64_t operand) const {
    const std::uint64_t data = operand & ((std::uint64_t{1} << header_.data_bits) - 1);
    if (operand >> header_.data_bits == 2) {
      const auto word = static_cast<std::uint32_t>(data << 16);
      return (word & 0x7F800000u) == 0x7F800000u && (word & 0x7FFFFFu) != 0 ? 0x7FC00000u : word;
    }
    const std::uint64_t sign = std::uint64_t{1} << (header_.data_bits - 1);
    return static_cast<std::uint32_t>((data ^ sign) - sign);
  }
  void write_hash() {
    const auto& root = *chip_.rootp;
    const int bits = static_cast<int>(header_.data_bits) + 2, columns = static_cast<int>(header_.columns);
    std::uint64_t state = 0xCBF29CE484222325ull;
    const auto add = [&state](std::uint32_t word) { state = (state ^ word) * 0x100000001B3ull; };
    for (int i = 0; i < static_cast<int>(header_.rows) * columns; ++i) {
      add(word_of(get_bits(root.systole__DOT__elements__DOT__active, i * bits, bits)));
      add(word_of(get_bits(root.systole__DOT__elements__DOT__shadow, i * bits, bits)));
      add(static_cast<std::uint32_t>(get_bits(root.systole__DOT__elements__DOT__sum, i * 32, 32)));
      add(word_of(get_bits(root.systole__DOT__elements__DOT__value, i * bits, bits)));
      add(static_cast<std::uint32_t>(get_bits(root.systole__DOT__elements__DOT__valid, i, 1)));
      add(static_cast<std::uint32_t>(get_bits(root.systole__DOT__elements__DOT__switching, i, 1)));
      add(static_cast<std::uint32_t>(get_bits(root.systole__DOT__elements__DOT__train, i, 1)));
    }
    for (int c = 0; c < columns; ++c) add(static_cast<std::uint32_t>(get_bits(root.systole__DOT__weights_skewed, c * (bits + 2) + bits, 1)));
    std::fwrite(&state, sizeof(state), 1, hashes_);
  }

  Vsystole chip_;
  FstWaves waves_;
  Header header_;
  axi::Memory memory_;
  std::vector<axi::Wires> wires_;        // by engine
  std::vector<axi::Checker> checkers_;
  axi::Host<Vsystole> host_{chip_, [this] { edge(); }};
  std::string problem_;
  std::FILE* hashes_ = nullptr;
};

bool read_all(std::FILE* file, void* to, std::size_t bytes) { return bytes == 0 || std::fread(to, 1, bytes, file) == bytes; }

}  // namespace

int main(int count, char** arguments) {
  if (count != 3 && count != 4 && count != 9) return 2;
  if (count == 9 && !FstWaves::kPossible) return 2;
  Verilated::traceEverOn(FstWaves::kPossible);
  std::FILE* input = std::fopen(arguments[1], "rb");
  Header header{};
  if (input == nullptr || !read_all(input, &header, sizeof(header)) || header.dmas > 4) return 2;
  std::vector<std::uint8_t> memory(header.memory_bytes);
  std::vector<std::uint32_t> words(header.words * 8), micro_words(header.micro_words * 2);
  if (!read_all(input, words.data(), words.size() * 4) || !read_all(input, micro_words.data(), micro_words.size() * 4) || !read_all(input, memory.data(), memory.size())) return 2;
  std::fclose(input);

  if (count != 9) {   // registers that reset leaves alone, and those before it, hold anything
    Verilated::randReset(2);
    Verilated::randSeed(static_cast<int>(header.words * 2 + header.awkward_seed % 1000000 + 1));
  }
  Testbench bench(header, std::move(memory));
  bench.start(words, micro_words);
  if (count == 9) bench.trace(arguments + 3);
  std::FILE* hashes = count == 4 ? std::fopen(arguments[3], "wb") : nullptr;
  if (count == 4 && hashes == nullptr) return 2;
  bench.hash_to(hashes);
  const bool halted = bench.run();
  const std::uint64_t cycles = halted ? bench.cycles() : 0;
  bench.close();
  if (hashes != nullptr && std::fclose(hashes) != 0) return 2;
  if (!bench.problem().empty()) {
    std::fprintf(stderr, "%s\n", bench.problem().c_str());
    return 4;
  }
  if (!halted) return 3;
  std::FILE* output = std::fopen(arguments[2], "wb");
  if (output == nullptr) return 2;
  bool good = std::fwrite(&cycles, 1, sizeof(cycles), output) == sizeof(cycles);
  good = good && std::fwrite(bench.memory().data(), 1, bench.memory().size(), output) == bench.memory().size();
  return std::fclose(output) == 0 && good ? 0 : 2;
}
