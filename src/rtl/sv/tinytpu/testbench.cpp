// Runs one program on the Verilated TinyTPU.
//
// usage: Vtinytpu_probe INPUT OUTPUT [STATES | FST FIRST LAST UNIT PERIOD_NUMERATOR PERIOD_DENOMINATOR]
// INPUT: three 64-bit little-endian numbers: instructions, learning rate, most clocks; then 12 bytes an instruction.
// OUTPUT: three 64-bit numbers: cycles until the halt, cycles and clocks until nothing moves; then 128 words of 16 bits.
// STATES: every register and the memory at the beginning of each cycle of the machine. Exit status 3: not at rest in time.
// FST: waves of the machine's cycles FIRST .. LAST (fst_waves.h).
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "Vtinytpu_probe.h"
#include "fst_waves.h"
#include "verilated.h"

namespace {

constexpr std::size_t kRegisterBytes = 1744 / 8, kMemoryBytes = 2048 / 8;

std::vector<std::uint8_t> read_all(const char* path) {
  std::vector<std::uint8_t> bytes;
  std::FILE* const file = std::fopen(path, "rb");
  if (file == nullptr) std::exit(2);
  std::uint8_t chunk[65536];
  for (std::size_t n = 0; (n = std::fread(chunk, 1, sizeof chunk, file)) > 0;) bytes.insert(bytes.end(), chunk, chunk + n);
  std::fclose(file);
  return bytes;
}

void clock(Vtinytpu_probe& top) {
  top.clk = 1;
  top.eval();
  top.clk = 0;
  top.eval();
}
// The same, with the rise in the waves: it begins clock `number` in `cycle`.
void clock(Vtinytpu_probe& top, FstWaves& waves, std::uint64_t cycle, std::uint64_t number) {
  top.clk = 1;
  top.eval();
  waves.dump(cycle, 2 * number);
  top.clk = 0;
  top.eval();
}

void load(Vtinytpu_probe& top, const std::uint8_t* words, std::uint64_t count) {
  top.reset = 1;
  top.clk = 0;
  top.eval();
  for (std::uint64_t i = 0; i < count; ++i) {
    top.program_write = 1;
    top.program_address = static_cast<std::uint16_t>(i);
    std::memcpy(&top.program_data, words + 12 * i, 12);
    clock(top);
  }
  top.program_write = 0;
  clock(top);
  clock(top);
  top.reset = 0;
  top.eval();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4 && argc != 9) return 2;
  if (argc == 9 && !FstWaves::kPossible) return 2;
  Verilated::traceEverOn(FstWaves::kPossible);
  const std::vector<std::uint8_t> input = read_all(argv[1]);
  std::uint64_t header[3];
  std::memcpy(header, input.data(), sizeof header);
  Vtinytpu_probe top;
  load(top, input.data() + sizeof header, header[0]);
  top.learning_rate = static_cast<std::uint16_t>(header[1]);
  top.eval();
  FstWaves waves;
  if (argc == 9) waves.open(top, argv + 3);
  std::FILE* const states = argc == 4 ? std::fopen(argv[3], "wb") : nullptr;
  std::uint64_t issued = 0, cycles = 0, clocks = 0;
  bool begins = true, halted = false;
  waves.dump(0, 0);
  while (!(begins && top.done)) {
    if (begins && top.halting && !halted) {
      issued = cycles;
      halted = true;
    }
    if (begins && states != nullptr) {
      std::fwrite(&top.registers, 1, kRegisterBytes, states);
      std::fwrite(&top.memory, 1, kMemoryBytes, states);
    }
    begins = top.advance;
    waves.dump(cycles, 2 * clocks + 1);
    clock(top, waves, cycles + (begins ? 1 : 0), ++clocks);
    if (begins) ++cycles;
    if (clocks > header[2]) return 3;
  }
  if (!halted) issued = cycles;
  waves.close();
  if (states != nullptr) std::fclose(states);
  std::FILE* const output = std::fopen(argv[2], "wb");
  if (output == nullptr) return 2;
  const std::uint64_t counts[3] = {issued, cycles, clocks};
  std::fwrite(counts, 1, sizeof counts, output);
  std::fwrite(&top.memory, 1, kMemoryBytes, output);
  std::fclose(output);
  return 0;
}
