// synth: a chip's hardware as gates, or on an FPGA: area, cells, clock.
#include <fmt/format.h>

#include <algorithm>

#include "chip/suggest.h"
#include "cli/command.h"
#include "numeric/dtype.h"
#include "rtl/synth.h"

namespace systole::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  std::string chip, fpga;
  std::vector<std::string> formats;
  rtl::SynthOptions options;
};

// Only these of the chip's formats.
Status keep_formats(Chip& chip, const std::vector<std::string>& names) {
  if (names.empty()) return ok_status();
  std::vector<DType> kept;
  for (const DType format : chip.mxu.formats) {
    if (std::find(names.begin(), names.end(), dtype_name(format)) != names.end()) kept.push_back(format);
  }
  for (const std::string& name : names) {
    const auto is_name = [&](DType format) { return name == dtype_name(format); };
    if (std::none_of(kept.begin(), kept.end(), is_name)) {
      std::vector<std::string> known;
      for (const DType format : chip.mxu.formats) known.emplace_back(dtype_name(format));
      return invalid_input("--formats " + name, fmt::format("{} does not multiply it", chip.name), suggest(name, known));
    }
  }
  chip.mxu.formats = kept;
  return ok_status();
}

Json memories_json(const std::vector<rtl::MemoryMacro>& memories) {
  Json list = Json::array();
  for (const rtl::MemoryMacro& m : memories) {
    list.push_back({{"module", m.module}, {"instances", m.instances}, {"words", m.words}, {"width", m.width}, {"read_ports", m.reads}, {"write_ports", m.writes}, {"bits", m.bits()}});
  }
  return list;
}

void show_gates(const Context& context, const Chip& chip, const rtl::GateResult& r) {
  Json modules = Json::array();
  std::string text = fmt::format("{} ({}) in {} cells\n\n{:<16}{:>10}{:>10}{:>14}{:>16}\n", chip.name, r.top, r.library, "module", "instances", "cells", "um2 each", "um2 together");
  for (const rtl::ModuleCells& m : r.modules) {
    const double together = m.area_um2 * static_cast<double>(m.instances);
    modules.push_back({{"module", m.name}, {"instances", m.instances}, {"cells", m.cells}, {"area_um2", m.area_um2}});
    text += fmt::format("{:<16}{:>10}{:>10}{:>14.0f}{:>16.0f}\n", m.name, m.instances, m.cells, m.area_um2, together);
  }
  for (const rtl::MemoryMacro& m : r.memories) {
    text += fmt::format("memory in {}: {} x {} words of {} bits, {} read and {} write ports, no area counted\n", m.module, m.instances, m.words, m.width, m.reads, m.writes);
  }
  text += fmt::format("\n{} cells ({} flip-flops), {:.0f} um2 = {:.3f} mm2 without wires; {} bits of memory macros\n", r.cells, r.flip_flops, r.area_um2, r.area_um2 / 1e6, r.sram_bits);
  text += r.fmax_mhz > 0 ? fmt::format("longest path {:.2f} ns = {:.1f} MHz, {} to {}\n", r.critical_ns, r.fmax_mhz, r.from, r.to) : "no path between registers\n";
  context.show({{"chip", chip.name}, {"top", r.top}, {"library", r.library}, {"cells", r.cells}, {"flip_flops", r.flip_flops},
                {"area_um2", r.area_um2}, {"fmax_mhz", r.fmax_mhz}, {"critical_ns", r.critical_ns}, {"critical_from", r.from},
                {"critical_to", r.to}, {"sram_bits", r.sram_bits}, {"memories", memories_json(r.memories)}, {"modules", modules}}, text);
}

std::string needs_text(const Chip& chip, const rtl::FpgaResult& r) {
  if (r.modules.empty()) {
    return fmt::format("{} ({}) does not fit {}: {} of {} logic cells, {} LUTs, {} flip-flops, {} of {} block RAMs, {} of {} multipliers\n", chip.name, r.top, r.device, r.cells,
                       r.cells_available, r.luts, r.ffs, r.brams, r.brams_available, r.dsps, r.dsps_available);
  }
  std::string text = fmt::format("{} ({}) does not fit {}; it needs\n\n{:<20}{:>10}{:>10}{:>12}\n", chip.name, r.top, r.device, "module", "instances", "LUT4 each", "flip-flops");
  for (const rtl::ModuleLuts& m : r.modules) text += fmt::format("{:<20}{:>10}{:>10}{:>12}\n", m.name, m.instances, m.luts, m.ffs);
  for (const rtl::MemoryMacro& m : r.memories) {
    text += fmt::format("memory in {}: {} x {} words of {} bits, {} read and {} write ports\n", m.module, m.instances, m.words, m.width, m.reads, m.writes);
  }
  return text + fmt::format("\n{} LUTs of {} logic cells, {} flip-flops, {} of {} block RAMs for the bits alone\n", r.luts, r.cells_available, r.ffs, r.brams, r.brams_available);
}

void show_fpga(Context& context, const Chip& chip, const rtl::FpgaResult& r) {
  Json modules = Json::array();
  for (const rtl::ModuleLuts& m : r.modules) modules.push_back({{"module", m.name}, {"instances", m.instances}, {"luts", m.luts}, {"ffs", m.ffs}});
  std::string text = needs_text(chip, r);
  if (r.fits) {
    text = fmt::format("{} ({}) on {}: {} of {} logic cells, {} LUTs, {} flip-flops, {} of {} block RAMs, {} of {} multipliers\n", chip.name, r.top, r.device,
                       r.cells, r.cells_available, r.luts, r.ffs, r.brams, r.brams_available, r.dsps, r.dsps_available);
    text += fmt::format("{:.1f} MHz placed and routed\n", r.fmax_mhz);
    if (r.serial_pins) text += "more ports than pins: they stand behind shift registers, which are counted too\n";
    if (!r.bitstream.empty()) text += fmt::format("{}: the bitstream\n", r.bitstream);
  } else {
    context.exit = exit_status(ErrorCode::kCheckFailed);
  }
  context.show({{"chip", chip.name}, {"top", r.top}, {"device", r.device}, {"fits", r.fits}, {"luts", r.luts}, {"ffs", r.ffs}, {"brams", r.brams}, {"dsps", r.dsps},
                {"fmax_mhz", r.fmax_mhz}, {"logic_cells", r.cells}, {"logic_cells_available", r.cells_available}, {"brams_available", r.brams_available},
                {"dsps_available", r.dsps_available}, {"serial_pins", r.serial_pins}, {"bitstream", r.bitstream}, {"memories", memories_json(r.memories)}, {"modules", modules}}, text);
}

Status synthesize(Context& context, Flags flags) {
  if (!flags.options.output.empty()) SYSTOLE_TRY(check_output_folder("-o", flags.options.output));
  SYSTOLE_ASSIGN(Chip chip, load_chip(flags.chip));
  SYSTOLE_TRY(keep_formats(chip, flags.formats));
  flags.options.progress = [&context](const std::string& step) { context.note("systole: " + step); };
  if (flags.fpga.empty()) {
    SYSTOLE_ASSIGN(const rtl::GateResult result, rtl::synthesize_gates(chip, flags.options));
    show_gates(context, chip, result);
  } else {
    SYSTOLE_ASSIGN(const rtl::FpgaResult result, rtl::place_fpga(chip, flags.fpga, flags.options));
    show_fpga(context, chip, result);
  }
  return ok_status();
}

}  // namespace

void add_synth(CLI::App& app, Context& context) {
  auto flags = std::make_shared<Flags>();
  CLI::App* const command = add_command(app, context, "synth", "a chip's hardware as gates, or on an FPGA: area, cells, clock", [&context, flags] { return synthesize(context, *flags); });
  command->add_option("--chip", flags->chip, "a catalogue name or a YAML file")->required();
  command->add_option("--top", flags->options.top, "a module of the hardware, such as array; for an FPGA several of a core's, such as array+feeder; the whole chip if left out");
  command->add_option("--formats", flags->formats, "only these of the chip's formats, such as i8")->delimiter(',');
  command->add_option("--library", flags->options.library, "standard cells: osu018, osu035, osu050")->capture_default_str();
  command->add_option("--flop-bits", flags->options.largest_flops, "the largest memory made of flip-flops; larger ones are macros")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20))->capture_default_str();
  command->add_option("--fpga", flags->fpga, "ice40-hx8k or ice40-up5k, rather than standard cells");
  command->add_option("-o,--out", flags->options.output, "a folder for netlist, bitstream and the tools' logs");
  command->footer("Examples:\n  systole synth --chip systolic-4 --top array\n  systole synth --chip tinytpu-bram --fpga ice40-hx8k -o fpga");
}

}  // namespace systole::cli
