// The registers of one systolic array at a clock edge, flat, for waves and for the lockstep comparison with the RTL
// (docs/machine.md section 4). A word is 32 bits: integers and fixed point sign-extended (unsigned: zero-extended), floats as
// the fp32 of the same value.
#pragma once

#include <cstdint>
#include <vector>

namespace systole::machine {

struct ArrayState {
  std::int64_t rows = 0, columns = 0;
  // One word per element, row-major.
  std::vector<std::uint32_t> active, shadow, sum, value;
  std::vector<std::uint32_t> valid, switching, train;   // 0 or 1
  // One word per column: the accept bit that stands above the column and acts at the next edge.
  std::vector<std::uint32_t> accept;

  // FNV-1a over 32-bit words (word by word: state = (state xor word) x prime): for each element active, shadow, sum, value, valid,
  // switching, train; then accept for each column.
  std::uint64_t hash() const;
  bool operator==(const ArrayState&) const = default;
};

inline constexpr std::uint64_t kArrayHashStart = 0xCBF29CE484222325ull;
inline constexpr std::uint64_t array_hash_step(std::uint64_t state, std::uint32_t word) { return (state ^ word) * 0x100000001B3ull; }

inline std::uint64_t ArrayState::hash() const {
  std::uint64_t state = kArrayHashStart;
  const std::vector<std::uint32_t>* const fields[] = {&active, &shadow, &sum, &value, &valid, &switching, &train};
  for (std::size_t i = 0; i < active.size(); ++i) {
    for (const auto* field : fields) state = array_hash_step(state, (*field)[i]);
  }
  for (const std::uint32_t word : accept) state = array_hash_step(state, word);
  return state;
}

}  // namespace systole::machine
