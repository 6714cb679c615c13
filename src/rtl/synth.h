// A chip's RTL through Yosys to the gates of a standard-cell library (area, cells; clock by OpenSTA), or to an iCE40 FPGA
// (nextpnr, icepack). What the numbers leave out: docs/synthesis.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "chip/chip.h"

namespace systole::rtl {

struct SynthOptions {
  std::string top;                                 // a module of the RTL; "": the whole chip; for an FPGA several of the core's: "array+feeder"
  std::string library = "osu018";                  // osu018, osu035, osu050
  std::int64_t largest_flops = 8192;               // a memory of more bits is a macro: it has bits and ports, but no area
  std::string output;                              // folder for netlist, scripts and the tools' logs; "": none are kept
  std::function<void(const std::string&)> progress = [](const std::string&) {};
};

struct ModuleCells {
  std::string name;
  std::int64_t instances = 0, cells = 0;           // cells of one instance, without those of modules in it
  double area_um2 = 0;                             // of those
};
struct MemoryMacro {
  std::string module;
  std::int64_t instances = 0, words = 0, width = 0, reads = 0, writes = 0;   // ports

  std::int64_t bits() const { return instances * words * width; }
};
struct GateResult {
  std::string top, library;
  std::int64_t cells = 0, flip_flops = 0, sram_bits = 0;
  double area_um2 = 0, critical_ns = 0, fmax_mhz = 0;   // critical: of the longest path, setup included; 0: no path
  std::string from, to;                            // of the longest path
  std::vector<ModuleCells> modules;                // by name
  std::vector<MemoryMacro> memories;
};
Expected<GateResult> synthesize_gates(const Chip& chip, const SynthOptions& options);

struct ModuleLuts {
  std::string name;
  std::int64_t instances = 0, luts = 0, ffs = 0;   // of one instance, without those of modules in it
};
struct FpgaResult {
  bool fits = true;                                // false: nothing is placed; a whole core's cells, luts, ffs and brams are then what it needs at least
  std::vector<ModuleLuts> modules;                 // only of a whole core that does not fit
  std::vector<MemoryMacro> memories;               // likewise; brams counts their bits alone, not the copies that more ports need
  std::string top, device;
  std::int64_t cells = 0, luts = 0, ffs = 0, brams = 0, dsps = 0;       // cells: logic cells used after packing
  std::int64_t cells_available = 0, brams_available = 0, dsps_available = 0;
  double fmax_mhz = 0;                             // of the placed and routed design
  bool serial_pins = false;                        // too many ports for the package: they stand behind shift registers
  std::string bitstream;                           // path, "" without an output folder
};
// `device`: ice40-hx8k, ice40-up5k. A whole core with VMEM is measured against the device rather than placed; of a part, packing finds
// whether it fits.
Expected<FpgaResult> place_fpga(const Chip& chip, const std::string& device, const SynthOptions& options);

}  // namespace systole::rtl
