// Runs one program on the Verilated chip: far memory and its rule (docs/machine.md section 3) stand here.
//
// usage: Vsystole INPUT OUTPUT [HASHES | FST FIRST LAST UNIT PERIOD_NUMERATOR PERIOD_DENOMINATOR]
// INPUT: thirteen 64-bit little-endian numbers: words, memory bytes, bandwidth bytes, bandwidth cycles, burst bytes, latency,
// DMA engines, bits of a request's size, most cycles, micro-operations, rows, columns and data bits of the array; then 32 bytes a word; then 8 bytes a micro-operation; then the memory.
// OUTPUT: the cycle count (64 bits), then the memory. Exit status 3: not halted after the most cycles.
// HASHES: 64 bits a cycle, machine/array_state.h's hash of the array's registers in that cycle.
// FST: the waves of the cycles FIRST .. LAST, if the model was built with --trace-fst; cycle k begins at k x PERIOD units.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "Vsystole.h"
#include "Vsystole___024root.h"
#include "verilated.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
#endif

namespace {

// Bits of a port of any width.
template <typename T>
std::uint64_t get_bits(const T& port, int low, int count) {
  const auto* words = reinterpret_cast<const std::uint8_t*>(&port);
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i) value |= std::uint64_t{(words[(low + i) / 8] >> ((low + i) % 8)) & 1u} << i;
  return value;
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
  std::uint64_t words, memory_bytes, bytes, cycles, burst_bytes, latency, dmas, size_bits, most_cycles, micro_words, rows, columns, data_bits;
};
struct Burst {
  std::uint64_t due, address, size;
  bool write, data_taken;
};

#if VM_TRACE_FST
// The clock falls in the middle of a cycle and rises at its end; what rises there stands in the next cycle.
class Waves {
 public:
  void open(Vsystole& chip, char** arguments) {
    chip.trace(&file_, 99);
    first_ = std::strtoull(arguments[1], nullptr, 10);
    last_ = std::strtoull(arguments[2], nullptr, 10);
    file_.set_time_unit(arguments[3]);
    file_.set_time_resolution(arguments[3]);
    numerator_ = std::strtoull(arguments[4], nullptr, 10);
    denominator_ = std::strtoull(arguments[5], nullptr, 10);
    file_.open(arguments[0]);
  }
  // `half`: half cycles since the start; an even one is the beginning of a cycle.
  void dump(std::uint64_t half) {
    if (!file_.isOpen() || half < 2 * first_ || half / 2 > last_) return;
    const auto scaled = static_cast<unsigned __int128>(half) * numerator_ + denominator_;
    file_.dump(static_cast<std::uint64_t>(scaled / (2 * denominator_)));
  }
  void close() { if (file_.isOpen()) file_.close(); }

 private:
  VerilatedFstC file_;
  std::uint64_t first_ = 0, last_ = 0, numerator_ = 1, denominator_ = 1;
};
#else
struct Waves {
  void open(Vsystole&, char**) {}
  void dump(std::uint64_t) {}
  void close() {}
};
#endif

class Testbench {
 public:
  Testbench(const Header& header, std::vector<std::uint8_t> memory) : header_(header), memory_(std::move(memory)), bursts_(header.dmas), last_(header.dmas - 1) {}

  void load(const std::vector<std::uint8_t>& words, const std::vector<std::uint64_t>& micro_words) {
    chip_.reset = 1;
    for (std::uint64_t i = 0; i < header_.micro_words; ++i) {
      chip_.host_micro_write = 1;
      set_bits(chip_.host_micro_address, 0, 8 * static_cast<int>(sizeof(chip_.host_micro_address)), i);
      set_bits(chip_.host_micro_word, 0, 64, micro_words[i]);
      edge();
    }
    chip_.host_micro_write = 0;
    for (std::uint64_t i = 0; i < header_.words; ++i) {
      chip_.host_write = 1;
      set_bits(chip_.host_address, 0, 8 * static_cast<int>(sizeof(chip_.host_address)), i);
      for (int part = 0; part < 32; ++part) set_bits(chip_.host_word, 8 * part, 8, words[i * 32 + static_cast<std::uint64_t>(part)]);
      edge();
    }
    chip_.host_write = 0;
    edge();
    edge();
    chip_.reset = 0;
  }
  void hash_to(std::FILE* file) { hashes_ = file; }
  void trace(char** arguments) { waves_.open(chip_, arguments); }
  bool run() {
    waves_.dump(0);
    for (std::uint64_t now = 0; now < header_.most_cycles; ++now) {
      chip_.grant = 0;
      chip_.answer = 0;
      chip_.clk = 0;
      chip_.eval();
      take_data();
      if (chip_.halted) return true;
      serve(now);
      answer(now);
      chip_.eval();
      if (hashes_ != nullptr) write_hash();
      waves_.dump(2 * now + 1);
      edge();
      waves_.dump(2 * now + 2);
    }
    return false;
  }
  void close() { waves_.close(); }
  std::uint64_t cycles() const { return chip_.cycles; }
  const std::vector<std::uint8_t>& memory() const { return memory_; }

 private:
  void edge() {
    chip_.clk = 0;
    chip_.eval();
    chip_.clk = 1;
    chip_.eval();
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
  bool pending(std::uint64_t d) const { return (chip_.request >> d & 1u) != 0; }
  // A store's bytes come one cycle after its grant.
  void take_data() {
    for (std::uint64_t d = 0; d < header_.dmas; ++d) {
      for (Burst& burst : bursts_[d]) {
        if (!burst.write || burst.data_taken) continue;
        burst.data_taken = true;
        write(burst, d);
      }
      if (late_[d].size != 0) write(late_[d], d);
      late_[d] = {};
    }
  }
  void write(const Burst& burst, std::uint64_t d) {
    for (std::uint64_t i = 0; i < burst.size; ++i) {
      const auto byte = get_bits(chip_.write_data, static_cast<int>((d * header_.burst_bytes + i) * 8), 8);
      if (burst.address + i < memory_.size()) memory_[burst.address + i] = static_cast<std::uint8_t>(byte);
    }
  }
  // The memory rule. The chip asks for one burst per engine at a time, and the bandwidth is at most one a cycle.
  void serve(std::uint64_t now) {
    if (chip_.request == 0) return;
    credit_ += header_.bytes;
    const std::uint64_t cost = header_.burst_bytes * header_.cycles;
    if (credit_ >= cost) {
      for (std::uint64_t k = 1; k <= header_.dmas; ++k) {
        const std::uint64_t d = (last_ + k) % header_.dmas;
        if (!pending(d)) continue;
        grant(now, d);
        credit_ -= cost;
        last_ = d;
        break;
      }
    }
  }
  void grant(std::uint64_t now, std::uint64_t d) {
    const int size = static_cast<int>(header_.size_bits);
    bursts_[d].push_back({now + header_.latency, get_bits(chip_.request_address, static_cast<int>(36 * d), 36),
                          get_bits(chip_.request_size, static_cast<int>(d) * size, size), (chip_.request_write >> d & 1u) != 0, false});
    set_bits(chip_.grant, static_cast<int>(d), 1, 1);
  }
  void answer(std::uint64_t now) {
    for (std::uint64_t d = 0; d < header_.dmas; ++d) {
      if (bursts_[d].empty() || bursts_[d].front().due != now) continue;
      const Burst burst = bursts_[d].front();
      bursts_[d].pop_front();
      if (burst.write && !burst.data_taken) late_[d] = burst;
      set_bits(chip_.answer, static_cast<int>(d), 1, 1);
      for (std::uint64_t i = 0; i < burst.size && !burst.write; ++i) {
        const std::uint64_t byte = burst.address + i < memory_.size() ? memory_[burst.address + i] : 0;
        set_bits(chip_.answer_data, static_cast<int>((d * header_.burst_bytes + i) * 8), 8, byte);
      }
    }
    // The credit of a memory that nobody asks any more is lost.
    if ((chip_.request & ~(chip_.grant & chip_.request_last)) == 0) credit_ = 0;
  }

  Vsystole chip_;
  Waves waves_;
  Header header_;
  std::vector<std::uint8_t> memory_;
  std::vector<std::deque<Burst>> bursts_;   // served, not yet answered
  Burst late_[4] = {};                      // answered in the cycle of the grant: the data is still to come
  std::uint64_t credit_ = 0, last_;
  std::FILE* hashes_ = nullptr;
};

bool read_all(std::FILE* file, void* to, std::size_t bytes) { return bytes == 0 || std::fread(to, 1, bytes, file) == bytes; }

}  // namespace

int main(int count, char** arguments) {
  if (count != 3 && count != 4 && count != 9) return 2;
#if VM_TRACE_FST
  Verilated::traceEverOn(true);
#else
  if (count == 9) return 2;
#endif
  std::FILE* input = std::fopen(arguments[1], "rb");
  Header header{};
  if (input == nullptr || !read_all(input, &header, sizeof(header)) || header.dmas > 4) return 2;
  std::vector<std::uint8_t> words(header.words * 32), memory(header.memory_bytes);
  std::vector<std::uint64_t> micro_words(header.micro_words);
  if (!read_all(input, words.data(), words.size()) || !read_all(input, micro_words.data(), micro_words.size() * 8) || !read_all(input, memory.data(), memory.size())) return 2;
  std::fclose(input);

  Testbench bench(header, std::move(memory));
  bench.load(words, micro_words);
  if (count == 9) bench.trace(arguments + 3);
  std::FILE* hashes = count == 4 ? std::fopen(arguments[3], "wb") : nullptr;
  if (count == 4 && hashes == nullptr) return 2;
  bench.hash_to(hashes);
  const bool halted = bench.run();
  bench.close();
  if (hashes != nullptr && std::fclose(hashes) != 0) return 2;
  if (!halted) return 3;
  std::FILE* output = std::fopen(arguments[2], "wb");
  if (output == nullptr) return 2;
  const std::uint64_t cycles = bench.cycles();
  bool good = std::fwrite(&cycles, 1, sizeof(cycles), output) == sizeof(cycles);
  good = good && std::fwrite(bench.memory().data(), 1, bench.memory().size(), output) == bench.memory().size();
  return std::fclose(output) == 0 && good ? 0 : 2;
}
