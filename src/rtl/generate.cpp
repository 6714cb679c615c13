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
  return unsupported(fmt::format("chip {}: {}", chip.name, field), std::move(message), "`systole run --engine register` runs any chip");
}

}  // namespace

Status check_chip(const Chip& chip) {
  const MemorySpec& hbm = chip.hbm;
  if (chip.machine != MachineKind::kGeneric) return reject(chip, "machine", "only the generic machine is written as RTL");
  if (chip.cores != 1) return reject(chip, "cores", "more than one core");
  if (chip.mxu.count != 1) return reject(chip, "mxu.count", "more than one array in a core");
  if (chip.mxu.rows < 2 || chip.mxu.columns < 2) return reject(chip, "mxu.rows", "an array of fewer than 2 x 2 elements");
  if (chip.mxu.rows > kMostRows || chip.mxu.columns > kMostRows) return reject(chip, "mxu.rows", "an array of more than 32 x 32 elements");
  const Families families = families_of(chip);
  if (!families.integer && !families.fixed && !families.floating) {
    return reject(chip, "mxu.formats", "none of i8, ui8, a fixed-point format and (up to 8 x 8) bf16");
  }
  if (chip.mxu.accumulator_rows < 2) return reject(chip, "mxu.accumulator_rows", "accumulators without a size");
  if (chip.dma_engines < 1 || chip.dma_engines > isa::kMaxDmaEngines) return reject(chip, "dma_engines", "one to four engines are needed");
  if (hbm.bandwidth.free()) return reject(chip, "hbm.bandwidth", "transfers that cost nothing");
  if (2 * hbm.bandwidth.bytes > hbm.burst_bytes * hbm.bandwidth.cycles) {
    return reject(chip, "hbm.bandwidth", "more than one burst every two cycles (a burst can be two beats of the AXI bus)");
  }
  if (hbm.burst_bytes < kLeastBusBytes || hbm.burst_bytes > kMostBusBytes || !std::has_single_bit(static_cast<std::uint64_t>(hbm.burst_bytes))) {
    return reject(chip, "hbm.burst_bytes", fmt::format("an AXI bus of {} bytes: a power of two from {} to {} is needed", hbm.burst_bytes, kLeastBusBytes, kMostBusBytes));
  }
  if (hbm.latency_cycles < kLeastLatency) {
    return reject(chip, "hbm.latency_cycles", fmt::format("a latency below {} cycles, in which an AXI write cannot be answered", kLeastLatency));
  }
  if (chip.timing.control_cycles != 1) return reject(chip, "timing.control_cycles", "control without registers");
  if (chip.timing.feeder_latency < 1) return reject(chip, "timing.feeder_latency", "inputs in the cycle of their address: memory has a register");
  if (chip.timing.accumulator_latency < 1) return reject(chip, "timing.accumulator_latency", "accumulators without a register");
  if (std::max(chip.timing.feeder_latency, chip.timing.accumulator_latency) > kMostLatency) {
    return reject(chip, "timing", fmt::format("a feeder or accumulator latency of more than {} cycles: each is a register as wide as the array", kMostLatency));
  }
  return ok_status();
}

std::string chip_package(const Chip& chip) {
  const std::int64_t rows = chip.mxu.rows, columns = chip.mxu.columns, dmas = chip.dma_engines;
  const Families families = families_of(chip);
  const std::int64_t element_bytes = families.floating ? 4 : families.fixed ? 2 : 1;   // the widest in VMEM: fp32, Qm.n, int8
  const bool vector = chip.vpu.present;
  const std::int64_t lanes = vector ? chip.vpu.lanes : 1, sublanes = vector ? chip.vpu.sublanes : 1;
  // Open at once: an instruction a cycle from its issue to its end.
  const int ends_bits = bits_for(std::max({rows + columns + chip.timing.feeder_latency + chip.timing.accumulator_latency + 2, chip.hbm.latency_cycles + 4, chip.timing.vector_latency + 4}));
  std::string text = fmt::format("// Chip {}: sizes.\n/* verilator lint_off UNUSEDPARAM */\npackage chip;\n", chip.name);
  constant(text, "ROWS", rows);
  constant(text, "COLUMNS", columns);
  constant(text, "DMAS", dmas);
  constant(text, "GIVERS", dmas + 3);       // of tokens: DMA engines, push unit, matrix unit, vector unit
  constant(text, "RECEIVERS", dmas + 4);    // the sequencer, then as the givers
  constant(text, "QUEUE_DEPTH", chip.timing.queue_depth);
  constant(text, "QUEUE_BITS", bits_for(chip.timing.queue_depth));
  constant(text, "ENDS_BITS", ends_bits);
  constant(text, "GIVE_BITS", ends_bits + 1);
  constant(text, "TOKEN_BITS", 16);
  constant(text, "FEEDER_LATENCY", chip.timing.feeder_latency);
  constant(text, "ACCUMULATOR_LATENCY", chip.timing.accumulator_latency);
  constant(text, "SHADOW", chip.mxu.weight_double_buffer);
  constant(text, "ACC_ROWS", chip.mxu.accumulator_rows);
  constant(text, "ACC_BITS", bits_for(chip.mxu.accumulator_rows));
  constant(text, "TARGET_BITS", bits_for(chip.mxu.accumulator_rows) + 15);
  constant(text, "WORD_BITS", bits_for(chip.mxu.accumulator_rows * columns));   // a word of the accumulators
  constant(text, "ROW_BITS", bits_for(columns * 4));    // a byte of an accumulator row
  constant(text, "VMEM_BITS", bits_for(chip.vmem_bytes));
  constant(text, "BURST_BYTES", chip.hbm.burst_bytes);
  constant(text, "SIZE_BITS", size_bits(chip));
  constant(text, "FLIGHT_BITS", bits_for(chip.hbm.latency_cycles + 2));
  constant(text, "AXI_ID_BITS", bits_for(dmas));
  constant(text, "CONTROL_BITS", bits_for(kProgramWords) + 6);   // byte addresses of the AXI4-Lite slave: the upper half is instruction memory
  // Operands: {family, data}. Integers with their sign, fixed point, floats as bf16.
  text += "  localparam logic [1:0] INTEGER = 2'd0;\n  localparam logic [1:0] FIXED = 2'd1;\n  localparam logic [1:0] FLOAT = 2'd2;\n";
  constant(text, "HAS_INTEGER", families.integer);
  constant(text, "HAS_FIXED", families.fixed);
  text += fmt::format("  localparam logic [4:0] FIXED_TYPE = 5'd{};\n", static_cast<int>(chip.fixed_format()));
  constant(text, "FRACTION", fraction_bits(chip.fixed_format()));  // bits behind its point
  constant(text, "HAS_FLOAT", families.floating);
  constant(text, "DATA_BITS", data_bits(chip));
  constant(text, "OPERAND_BITS", data_bits(chip) + 2);
  constant(text, "ELEMENT_BYTES", element_bytes);
  constant(text, "FEEDER_BYTES", rows * element_bytes);
  constant(text, "PUSH_ITEMS", std::max(rows, columns));   // weights of a row, or of a column of a transposed tile
  constant(text, "PUSH_BYTES", std::max(rows, columns) * element_bytes);
  constant(text, "LANES", lanes);
  constant(text, "SUBLANES", sublanes);
  constant(text, "WIDTH", lanes * sublanes);
  constant(text, "STRIDED_CYCLES", std::max<std::int64_t>(chip.vpu.strided_cycles, 1));
  constant(text, "VECTOR_LATENCY", chip.timing.vector_latency);
  constant(text, "MICRO_WORDS", kMicroWords);
  constant(text, "MICRO_BITS", bits_for(kMicroWords));
  constant(text, "PROGRAM_WORDS", kProgramWords);
  constant(text, "PROGRAM_BITS", bits_for(kProgramWords));
  return text + "endpackage\n/* verilator lint_on UNUSEDPARAM */\n";
}

std::int64_t data_bits(const Chip& chip) {
  const Families families = families_of(chip);
  return families.floating || families.fixed ? 16 : 9;
}

int size_bits(const Chip& chip) { return bits_for(chip.hbm.burst_bytes + 1); }

Families families_of(const Chip& chip) {
  return {chip.multiplies(DType::kI8) || chip.multiplies(DType::kU8), chip.multiplies(chip.fixed_format()),
          chip.multiplies(DType::kBF16) && std::max(chip.mxu.rows, chip.mxu.columns) <= kMostFloatRows};
}

// {imm [63:32], immediate_at [30:29], slot [28:26], c, b, a, d, opcode [5:0]}
std::uint64_t encode_micro(const MicroOp& op) {
  return static_cast<std::uint64_t>(op.op) | std::uint64_t{op.d} << 6 | std::uint64_t{op.a} << 11 | std::uint64_t{op.b} << 16 |
         std::uint64_t{op.c} << 21 | std::uint64_t{op.slot} << 26 | static_cast<std::uint64_t>(op.imm_operand) << 29 | std::uint64_t{op.imm} << 32;
}

std::string isa_package() {
  std::string text = "// The instruction table: opcodes, and where each field lies in a word.\n/* verilator lint_off UNUSEDPARAM */\npackage isa;\n";
  constant(text, "UNIT_LSB", isa::kUnitOffset);
  constant(text, "WAIT_LSB", isa::kWaitOffset);
  constant(text, "SIGNAL_LSB", isa::kSignalOffset);
  constant(text, "VECTOR", isa::kVector);
  constant(text, "FIRST_DMA", isa::dma_unit(0));
  constant(text, "FIRST_PUSH", isa::push_unit(0));
  for (int type = 0; type < kDTypes; ++type) {
    text += fmt::format("  localparam logic [4:0] TYPE_{} = 5'd{};\n", upper(dtype_name(static_cast<DType>(type))), type);
  }
  for (int op = 0; op < static_cast<int>(MicroOpcode::kCount); ++op) {
    text += fmt::format("  localparam logic [5:0] MICRO_{} = 6'd{};\n", upper(micro_opcode_name(static_cast<MicroOpcode>(op))), op);
  }
  for (const auto& [name, low] : {std::pair{"OPCODE", 0}, std::pair{"D", 6}, std::pair{"A", 11}, std::pair{"B", 16}, std::pair{"C", 21},
                                  std::pair{"SLOT", 26}, std::pair{"IMMEDIATE_AT", 29}, std::pair{"IMMEDIATE", 32}}) {
    constant(text, fmt::format("MICRO_{}_LSB", name), low);   // encode_micro
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

std::vector<HardwareText> hardware_texts(const Chip& chip) {
  std::vector<HardwareText> texts = {{"chip.sv", chip_package(chip)}, {"isa.sv", isa_package()}};
  for (const SourceText& source : source_texts()) texts.push_back({std::string(source.name), std::string(source.text)});
  return texts;
}

Status write_rtl(const Chip& chip, const std::string& folder) {
  SYSTOLE_TRY(check_chip(chip));
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return invalid_input(folder, "cannot make the folder: " + failure.message());
  const std::filesystem::path path(folder);
  std::string list;
  for (const HardwareText& text : hardware_texts(chip)) {
    SYSTOLE_TRY(write_file((path / text.name).string(), text.text));
    if (text.name.ends_with(".sv")) list += text.name + "\n";
  }
  return write_file((path / "files.f").string(), list);
}

}  // namespace systole::rtl
