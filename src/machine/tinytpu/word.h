// The instruction words of TinyTPU: 94 bits that drive the machine's wires for one clock, and the control words of the
// sequencer that this project adds (docs/tinytpu.md).
//
// An instruction is 96 bits: bits 93..0 the word, bits 95..94 its kind.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.h"

namespace systole::tinytpu {

constexpr int kWordBits = 94;
constexpr int kMemoryWords = 128;          // of 16 bits: the unified buffer
constexpr int kProgramWords = 1024;        // instruction memory
constexpr int kLoopDepth = 4;

// Where a read command's values go; 7 goes nowhere.
enum class Stream : std::uint8_t { kInput, kWeight, kBias, kTarget, kActivation, kOldBias, kOldWeight, kNone };
std::string_view stream_name(Stream stream);

// Bits of `pathway`.
constexpr std::uint8_t kBiasStage = 8, kLeakyStage = 4, kLossStage = 2, kDerivativeStage = 1;

// One clock's wires. Numbers that are Q8.8 are in 1/256.
struct Word {
  bool switch_weights = false;             // the shadow weights become active, in a diagonal wave
  bool read = false, transpose = false;    // start a stream
  std::array<bool, 2> write_valid{};       // the host's words, appended to the buffer
  std::uint8_t columns = 0;                // 2 bits
  std::uint8_t rows = 0;
  std::uint8_t address = 0;
  Stream stream = Stream::kInput;
  std::array<std::int16_t, 2> write_data{};
  std::uint8_t pathway = 0;                // 4 bits: bias, leaky ReLU, loss derivative, leaky ReLU derivative
  std::int16_t loss_scale = 0;             // 2/N
  std::int16_t leak = 0;

  bool operator==(const Word&) const = default;
};

// The fields, in order of bits; the table of docs/tinytpu.md.
struct Field {
  std::string_view name;                   // its key in assembly text
  int low = 0, width = 0;
  bool is_signed = false;
  std::string_view meaning;
};
std::span<const Field> word_fields();
std::int64_t get_field(const Word& word, std::size_t field);             // by index in word_fields()
void set_field(Word& word, std::size_t field, std::int64_t value);       // keeps the field's bits only

// Beyond the 94 bits.
enum class Kind : std::uint8_t { kWord, kWordThenWait, kControl };
enum class Control : std::uint8_t { kHalt, kLoop, kEnd, kPointer, kHold };
struct ControlInfo {
  std::string_view name;
  bool has_operand = false;
  std::int64_t low = 0, high = 0;          // of the operand
  std::string_view meaning;
};
std::span<const ControlInfo> control_table();                            // by value of Control

struct Instruction {
  Kind kind = Kind::kWord;
  Word word;                               // kWord, kWordThenWait
  Control control = Control::kHalt;        // kControl
  std::int64_t operand = 0;

  bool operator==(const Instruction&) const = default;
};

using Bits = std::array<std::uint32_t, 3>; // bits 31..0, 63..32, 95..64
Bits encode(const Instruction& instruction);
// The error has no place: the caller knows it.
Expected<Instruction> decode(const Bits& bits);

// Where the mean squared error of a program's result stands in the buffer.
struct ErrorSpec {
  std::int64_t predictions = 0, targets = 0, count = 0;
};

struct Program {
  std::string name;
  std::vector<Instruction> code;           // what follows the last one is a halt
  std::vector<std::string> places;         // "xor.s:12", as long as code, or empty
  std::optional<ErrorSpec> error;

  std::string place(std::size_t index) const;
};

// Fits the instruction memory, loops balanced and at most four deep, operands in range.
Status check_program(const Program& program);

}  // namespace systole::tinytpu
