// Words from instructions and back, from the field tuples alone.
#include <fmt/format.h>

#include <cassert>

#include "isa/program.h"
#include "isa/table.h"

namespace systole::isa {
namespace {

std::uint64_t low_mask(int bits) { return bits >= 64 ? ~0ull : (1ull << bits) - 1; }

void put(Word& word, int offset, int bits, std::uint64_t value) {
  value &= low_mask(bits);
  const int element = offset / 64, shift = offset % 64;
  word[element] |= value << shift;
  if (shift + bits > 64) word[element + 1] |= value >> (64 - shift);
}

std::uint64_t get(const Word& word, int offset, int bits) {
  const int element = offset / 64, shift = offset % 64;
  std::uint64_t value = word[element] >> shift;
  if (shift + bits > 64) value |= word[element + 1] << (64 - shift);
  return value & low_mask(bits);
}

std::int64_t sign_extend(std::uint64_t value, int bits) {
  const std::uint64_t sign = 1ull << (bits - 1);
  return static_cast<std::int64_t>((value ^ sign) - sign);
}

bool unused_bits_zero(const Word& word, int used) {
  for (int bit = used; bit < kWordBits; ++bit) {
    if (get(word, bit, 1) != 0) return false;
  }
  return true;
}

}  // namespace

Word encode(const Instruction& instruction) {
  Word word{};
  put(word, kOpcodeOffset, kOpcodeBits, instruction.body.index());
  assert(instruction.unit < kUnits);
  put(word, kUnitOffset, kUnitBits, instruction.unit);
  put(word, kWaitOffset, kMaskBits, instruction.wait);
  put(word, kSignalOffset, kMaskBits, instruction.signal);
  std::visit([&]<typename S>(const S& s) {
    int offset = kFieldsOffset;
    for_each_field<S>([&](const Field<S>& f, int) {
      const std::int64_t value = s.*f.member;
      assert(f.is_signed ? sign_extend(static_cast<std::uint64_t>(value) & low_mask(f.bits), f.bits) == value
                         : (static_cast<std::uint64_t>(value) & ~low_mask(f.bits)) == 0);
      put(word, offset, f.bits, static_cast<std::uint64_t>(value));
      offset += f.bits;
    });
  }, instruction.body);
  return word;
}

Expected<Instruction> decode(const Word& word) {
  const auto opcode = static_cast<int>(get(word, kOpcodeOffset, kOpcodeBits));
  if (opcode >= kOpcodes) return invalid_input("", fmt::format("unknown opcode {}", opcode), fmt::format("0 .. {}", kOpcodes - 1));
  const OpcodeInfo& info = instruction_table()[opcode];
  if (!unused_bits_zero(word, info.used_bits)) {
    return invalid_input("", fmt::format("{}: a bit at or above {}, which the instruction does not use, is set", info.name, info.used_bits));
  }
  Instruction instruction{make_body(opcode), static_cast<UnitId>(get(word, kUnitOffset, kUnitBits)),
                          static_cast<std::uint16_t>(get(word, kWaitOffset, kMaskBits)),
                          static_cast<std::uint16_t>(get(word, kSignalOffset, kMaskBits))};
  std::visit([&]<typename S>(S& s) {
    int offset = kFieldsOffset;
    for_each_field<S>([&](const Field<S>& f, int) {
      const std::uint64_t bits = get(word, offset, f.bits);
      s.*f.member = f.is_signed ? sign_extend(bits, f.bits) : static_cast<std::int64_t>(bits);
      offset += f.bits;
    });
  }, instruction.body);
  return instruction;
}

std::int64_t Program::instruction_bytes() const {
  std::int64_t words = 0;
  for (const CoreCode& core : cores) words += static_cast<std::int64_t>(core.code.size());
  return words * (kWordBits / 8);
}

}  // namespace systole::isa
