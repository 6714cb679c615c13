// usage: Vvpu_unit INPUT OUTPUT. INPUT: records of 8 little-endian 32-bit words: operation, type, a, b, c, element (2), 0.
// OUTPUT: records of 4 words: result, loaded, stored (2).
#include <cstdint>
#include <cstdio>

#include "Vvpu_unit.h"

int main(int count, char** arguments) {
  if (count != 3) return 2;
  std::FILE* input = std::fopen(arguments[1], "rb");
  std::FILE* output = std::fopen(arguments[2], "wb");
  if (input == nullptr || output == nullptr) return 2;
  Vvpu_unit unit;
  std::uint32_t in[8], out[4];
  while (std::fread(in, sizeof in, 1, input) == 1) {
    unit.operation = static_cast<std::uint8_t>(in[0]);
    unit.kind = static_cast<std::uint8_t>(in[1]);
    unit.a = in[2];
    unit.b = in[3];
    unit.c = in[4];
    unit.element = in[5] | std::uint64_t{in[6]} << 32;
    unit.eval();
    out[0] = unit.result;
    out[1] = unit.loaded;
    out[2] = static_cast<std::uint32_t>(unit.stored);
    out[3] = static_cast<std::uint32_t>(unit.stored >> 32);
    if (std::fwrite(out, sizeof out, 1, output) != 1) return 2;
  }
  return std::fclose(output) == 0 ? 0 : 2;
}
