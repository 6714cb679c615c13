// Writes a chip as synthesisable SystemVerilog: the sources of src/rtl/sv and two packages, `chip` (sizes) and `isa`
// (the instruction table's opcodes and field offsets).
//
// One core with one array: integers (i8, ui8) and a Qm.n up to 32 x 32 elements, bf16 up to 8 x 8, with and without
// shadow weights, a vector unit of any number of lanes, one to four DMA engines, each an AXI4 master (docs/axi.md), on
// HBM that serves at most one burst every two cycles. Any other chip is kUnsupported, and the error names the field.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chip/chip.h"
#include "numeric/microcode.h"
#include "rtl/verilate.h"

namespace systole::rtl {

struct SourceText {
  std::string_view name;   // "pe.sv"
  std::string_view text;
};
std::span<const SourceText> source_texts();   // the files of src/rtl/sv and the Verilator testbench, in order of name

constexpr std::int64_t kProgramWords = 1 << 16;  // instruction memory
constexpr std::int64_t kMicroWords = 1 << 12;    // of micro-operations
constexpr std::int64_t kLeastBusBytes = 4, kMostBusBytes = 128;   // of an AXI4 beat, a burst's bytes
constexpr std::int64_t kLeastLatency = 3;         // of far memory: address, data and answer of a write that is two beats
constexpr std::int64_t kMostRows = 32, kMostFloatRows = 8;   // elements of an array's side

constexpr std::int64_t kMostLatency = 64;        // of feeder and accumulators, in cycles

// Which arithmetic the elements have.
struct Families { bool integer = false, fixed = false, floating = false; };
Families families_of(const Chip& chip);
int size_bits(const Chip& chip);                  // of a burst's size at the memory port
std::int64_t data_bits(const Chip& chip);         // of an operand, without its family
std::uint64_t encode_micro(const MicroOp& op);    // as the microcode memory holds it

Status check_chip(const Chip& chip);          // can it be written?
std::string chip_package(const Chip& chip);   // chip.sv; the chip must have passed check_chip
std::string isa_package();                    // isa.sv
std::vector<HardwareText> hardware_texts(const Chip& chip);      // both packages, then source_texts()
Status write_rtl(const Chip& chip, const std::string& folder);   // makes the folder; packages first in files.f

}  // namespace systole::rtl
