// A compiled program: instruction words per core, micro-operations, constants, the table of inputs and outputs.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "isa/instruction.h"
#include "numeric/microcode.h"
#include "tensor/tensor.h"

namespace systole::isa {

// A tensor in far memory: dense, row-major.
struct Binding {
  std::string name;
  DType type = DType::kF32;
  Shape shape;
  Space space = Space::kHbm;
  std::int64_t address = 0;
};

// Bytes that far memory holds before the program starts (weights, packed as the compiler wants them).
struct Image {
  Space space = Space::kHbm;
  std::int64_t address = 0;
  Tensor bytes;  // kU8, one dimension
};

// One kernel of the compiled graph, for reports: figures that are not the engine's to know.
struct Layer {
  std::string name;       // the model's nodes
  std::string kind;       // "convolution", "dot", "elementwise", "reduce", "movement"
  std::int64_t macs = 0;  // useful multiply-accumulates, all cores
};

struct CoreCode {
  std::vector<Instruction> code;
  std::vector<std::uint16_t> layer;  // per instruction: index into Program::layers
};

struct Program {
  std::string chip;               // name, for messages
  std::uint64_t fingerprint = 0;  // Chip::fingerprint()
  std::string format;             // what contractions multiply: "bf16", "int8", ...
  std::vector<CoreCode> cores;
  std::vector<MicroOp> microcode;
  std::vector<Image> images;
  std::vector<Binding> inputs, outputs;
  std::vector<Layer> layers;
  std::int64_t hbm_bytes = 0, cmem_bytes = 0, vmem_bytes = 0;  // highest byte used + 1
  std::vector<std::string> host_operators;                     // what --host-fallback left to the host

  std::int64_t instruction_bytes() const;  // 32 per instruction of all cores
};

// 256-bit words, little endian, 4 x 64 bits.
using Word = std::array<std::uint64_t, 4>;
Word encode(const Instruction& instruction);     // asserts that every field fits; check_instruction for user input
Expected<Instruction> decode(const Word& word);  // unknown opcode, non-zero unused bits: kInvalidInput
// Every field in its width and in the range the machine allows, unit right for the opcode. The error names the field.
Status check_instruction(const Instruction& instruction);

// Program file: magic, version, header, sections, checksum (docs/isa.md). Any flipped bit is an error that names the
// section.
std::vector<std::uint8_t> serialize(const Program& program);
Expected<Program> parse_program(std::span<const std::uint8_t> bytes, const std::string& place);

// Text form; assemble(disassemble(p)) == p, constants included.
std::string disassemble(const Program& program);
Expected<Program> assemble(std::string_view text, const std::string& place);

// Static rules of docs/machine.md: loops nest and are at most 6 deep, each push has its matmul, signals precede their
// waits, addresses inside the memories, operand formats that the arrays multiply, types that the chip knows,
// micro-programs inside the microcode. The error names core and instruction index.
struct MachineLimits {
  std::int64_t array_rows = 0, array_columns = 0, arrays = 0, accumulator_rows = 0, vmem_bytes = 0, hbm_bytes = 0,
               cmem_bytes = 0, dma_engines = 0;
  bool has_vector_unit = true;
  std::uint32_t formats = ~0u;   // bit t: the arrays multiply operands of format DType(t)
  std::uint32_t types = ~0u;     // bit t: the chip knows elements of type DType(t)
};
Status check_program(const Program& program, const MachineLimits& limits);

// Calls visit(instruction index, instruction with effective addresses) in fetch order, loops unrolled; stops when visit
// returns false. Strides, Loop and End are visited too (they are fetched). The one place that knows how addresses are
// formed.
class Fetcher {
 public:
  explicit Fetcher(const CoreCode& core);
  struct Step {
    std::int64_t index;
    Instruction instruction;
  };
  bool next(Step& step);  // false after halt or the end
 private:
  const CoreCode* core_;
  std::int64_t pc_ = 0;
  struct Frame {
    std::int64_t start, count, index;
  };
  std::vector<Frame> frames_;
  std::array<std::array<std::int64_t, kLoopLevels>, kStrideSets> strides_{};
};

}  // namespace systole::isa
