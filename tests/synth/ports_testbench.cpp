// TinyTPU by its ports alone, RTL or gates: runs one program and writes what each clock shows.
//
// usage: Vtinytpu INPUT OUTPUT. INPUT: as rtl/sv/tinytpu/testbench.cpp. OUTPUT: five bytes a clock: advance, vector_valid,
// vector_value (two bytes), done; until done stands at the beginning of a cycle. Exit status 3: it never does.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "Vtinytpu.h"
#include "verilated.h"

namespace {

void clock(Vtinytpu& top) {
  top.clk = 1;
  top.eval();
  top.clk = 0;
  top.eval();
}

}  // namespace

int main(int argc, char** argv) {
  std::FILE* const input = argc == 3 ? std::fopen(argv[1], "rb") : nullptr;
  std::uint64_t header[3];
  if (input == nullptr || std::fread(header, 8, 3, input) != 3) return 2;
  Vtinytpu top;
  top.reset = 1;
  top.clk = 0;
  top.learning_rate = static_cast<std::uint16_t>(header[1]);
  top.eval();
  for (std::uint64_t i = 0; i < header[0]; ++i) {
    top.program_write = 1;
    top.program_address = static_cast<std::uint16_t>(i);
    if (std::fread(&top.program_data, 12, 1, input) != 1) return 2;
    clock(top);
  }
  top.program_write = 0;
  clock(top);
  clock(top);
  top.reset = 0;
  top.eval();
  std::FILE* const output = std::fopen(argv[2], "wb");
  if (output == nullptr) return 2;
  bool begins = true;
  for (std::uint64_t clocks = 0; !(begins && top.done); ++clocks) {
    if (clocks > header[2]) return 3;
    const std::uint8_t shown[5] = {top.advance, top.vector_valid, static_cast<std::uint8_t>(top.vector_value), static_cast<std::uint8_t>(top.vector_value >> 8), top.done};
    std::fwrite(shown, 1, sizeof shown, output);
    begins = top.advance;
    clock(top);
  }
  return std::fclose(output) == 0 ? 0 : 2;
}
