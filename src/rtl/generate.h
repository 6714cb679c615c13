// Writes a chip as synthesisable SystemVerilog: the sources of src/rtl/sv and two packages, `chip` (sizes) and `isa` (the
// instruction table's opcodes and field offsets).
//
// First form: one core with one array, int8 and uint8 operands, shadow weights, one to four DMA engines on HBM that serves
// at most one burst a cycle; no vector unit. Any other chip is kUnsupported, and the error names the field.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "chip/chip.h"

namespace systole::rtl {

struct SourceText {
  std::string_view name;   // "pe.sv"
  std::string_view text;
};
std::span<const SourceText> source_texts();   // the files of src/rtl/sv and the Verilator testbench, in order of name

constexpr std::int64_t kProgramWords = 4096;  // instruction memory

Status check_chip(const Chip& chip);          // can it be written?
std::string chip_package(const Chip& chip);   // chip.sv; the chip must have passed check_chip
std::string isa_package();                    // isa.sv
Status write_rtl(const Chip& chip, const std::string& folder);   // makes the folder; packages first in files.f

}  // namespace systole::rtl
