#include "rtl/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <filesystem>

#include "base/file.h"
#include "isa/table.h"
#include "numeric/microcode.h"

namespace systole::rtl {
namespace {

// Bits that number `count` things, at least one.
int bits_for(std::int64_t count) { return std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(count - 1)))); }

std::string upper(std::string_view name) {
  std::string result(name);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return c == '.' ? '_' : static_cast<char>(std::toupper(c)); });
  return result;
}

void constant(std::string& text, std::string_view name, std::int64_t value) {
  text += fmt::format("  localparam int {} = {};\n", name, value);
}

Status reject(const Chip& chip, std::string_view field, std::string message) {
  return unsupported(fmt::format("chip {}: {}", chip.name, field), std::move(message), "the RTL is in its first form: systolic-4, systolic-8");
}

}  // namespace

Status check_chip(const Chip& chip) {
  const MemorySpec& hbm = chip.hbm;
  if (chip.machine != MachineKind::kGeneric) return reject(chip, "machine", "only the generic machine is written as RTL");
  if (chip.cores != 1) return reject(chip, "cores", "more than one core");
  if (chip.mxu.count != 1) return reject(chip, "mxu.count", "more than one array in a core");
  if (chip.mxu.rows < 2 || chip.mxu.columns < 2) return reject(chip, "mxu.rows", "an array of fewer than 2 x 2 elements");
  if (!chip.multiplies(DType::kI8) && !chip.multiplies(DType::kU8)) return reject(chip, "mxu.formats", "neither i8 nor ui8");
  if (!chip.mxu.weight_double_buffer) return reject(chip, "mxu.weight_double_buffer", "no shadow weights");
  if (chip.mxu.accumulator_rows < 2) return reject(chip, "mxu.accumulator_rows", "accumulators without a size");
  if (chip.dma_engines < 1 || chip.dma_engines > isa::kMaxDmaEngines) return reject(chip, "dma_engines", "one to four engines are needed");
  if (hbm.bandwidth.free()) return reject(chip, "hbm.bandwidth", "transfers that cost nothing");
  if (hbm.bandwidth.bytes > hbm.burst_bytes * hbm.bandwidth.cycles) return reject(chip, "hbm.bandwidth", "more than one burst a cycle");
  if (chip.timing.control_cycles != 1) return reject(chip, "timing.control_cycles", "control without registers");
  if (chip.timing.feeder_latency != 1 || chip.timing.accumulator_latency != 1) {
    return reject(chip, "timing.feeder_latency", "feeder and accumulator latencies other than 1");
  }
  return ok_status();
}

std::string chip_package(const Chip& chip) {
  const std::int64_t rows = chip.mxu.rows, columns = chip.mxu.columns, dmas = chip.dma_engines;
  const std::int64_t banks = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(std::max({rows, columns, chip.hbm.burst_bytes}))));
  const int lane_bits = bits_for(banks), vmem_bits = std::max(bits_for(chip.vmem_bytes), lane_bits + 1);
  // Open at once: an instruction a cycle from its issue to its end.
  const int ends_bits = bits_for(std::max(rows + columns + 4, chip.hbm.latency_cycles + 4));
  std::string text = fmt::format("// Chip {}: sizes.\npackage chip;\n", chip.name);
  constant(text, "ROWS", rows);
  constant(text, "COLUMNS", columns);
  constant(text, "DMAS", dmas);
  constant(text, "GIVERS", dmas + 2);       // of tokens: DMA engines, push unit, matrix unit
  constant(text, "RECEIVERS", dmas + 3);    // the sequencer, then as the givers
  constant(text, "READERS", dmas + 2);      // of VMEM: feeder, push unit, DMA engines
  constant(text, "QUEUE_DEPTH", chip.timing.queue_depth);
  constant(text, "QUEUE_BITS", bits_for(chip.timing.queue_depth));
  constant(text, "ENDS_BITS", ends_bits);
  constant(text, "GIVE_BITS", ends_bits + 1);
  constant(text, "TOKEN_BITS", 16);
  constant(text, "ACC_ROWS", chip.mxu.accumulator_rows);
  constant(text, "ACC_BITS", bits_for(chip.mxu.accumulator_rows));
  constant(text, "TARGET_BITS", bits_for(chip.mxu.accumulator_rows) + 13);
  constant(text, "ROW_BITS", bits_for(columns * 4));    // a byte of an accumulator row
  constant(text, "VMEM_BITS", vmem_bits);
  constant(text, "BANKS", banks);
  constant(text, "LANE_BITS", lane_bits);
  constant(text, "SIZE_BITS", lane_bits + 1);
  constant(text, "BANK_BITS", vmem_bits - lane_bits);
  constant(text, "BANK_ROWS", std::int64_t{1} << (vmem_bits - lane_bits));
  constant(text, "BURST_BYTES", chip.hbm.burst_bytes);
  constant(text, "FLIGHT_BITS", bits_for(chip.hbm.latency_cycles + 2));
  constant(text, "PROGRAM_WORDS", kProgramWords);
  constant(text, "PROGRAM_BITS", bits_for(kProgramWords));
  return text + "endpackage\n";
}

std::string isa_package() {
  std::string text = "// The instruction table: opcodes, and where each field lies in a word.\n/* verilator lint_off UNUSEDPARAM */\npackage isa;\n";
  constant(text, "UNIT_LSB", isa::kUnitOffset);
  constant(text, "WAIT_LSB", isa::kWaitOffset);
  constant(text, "SIGNAL_LSB", isa::kSignalOffset);
  constant(text, "FIRST_DMA", isa::dma_unit(0));
  constant(text, "FIRST_PUSH", isa::push_unit(0));
  for (int type = 0; type <= static_cast<int>(DType::kQ8_8); ++type) {
    text += fmt::format("  localparam logic [4:0] TYPE_{} = 5'd{};\n", upper(dtype_name(static_cast<DType>(type))), type);
  }
  for (int op = 0; op < static_cast<int>(MicroOpcode::kCount); ++op) {
    text += fmt::format("  localparam logic [5:0] MICRO_{} = 6'd{};\n", upper(micro_opcode_name(static_cast<MicroOpcode>(op))), op);
  }
  for (const isa::OpcodeInfo& opcode : isa::instruction_table()) {
    const std::string name = upper(opcode.name);
    text += fmt::format("  localparam logic [7:0] OP_{} = 8'd{};\n", name, opcode.opcode);
    for (const isa::FieldInfo& field : opcode.fields) {
      constant(text, fmt::format("{}_{}_LSB", name, upper(field.name)), field.offset);
      constant(text, fmt::format("{}_{}_BITS", name, upper(field.name)), field.bits);
    }
  }
  return text + "endpackage\n/* verilator lint_on UNUSEDPARAM */\n";
}

Status write_rtl(const Chip& chip, const std::string& folder) {
  SYSTOLE_TRY(check_chip(chip));
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return invalid_input(folder, "cannot make the folder: " + failure.message());
  const std::filesystem::path path(folder);
  std::string list = "chip.sv\nisa.sv\n";
  SYSTOLE_TRY(write_file((path / "chip.sv").string(), chip_package(chip)));
  SYSTOLE_TRY(write_file((path / "isa.sv").string(), isa_package()));
  for (const SourceText& source : source_texts()) {
    SYSTOLE_TRY(write_file((path / source.name).string(), std::string(source.text)));
    if (source.name.ends_with(".sv")) list += fmt::format("{}\n", source.name);
  }
  return write_file((path / "files.f").string(), list);
}

}  // namespace systole::rtl
