// Bounds of the register engine's memories. A legal program's accesses lie inside (docs/isa.md); others read zeros and write nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace systole::machine {

inline bool inside(std::int64_t address, std::int64_t bytes, std::size_t size) {
  return address >= 0 && address <= static_cast<std::int64_t>(size) - bytes;
}

// All of `to`, from `address` on.
inline void read_bytes(std::span<const std::uint8_t> from, std::int64_t address, std::span<std::uint8_t> to) {
  if (inside(address, std::ssize(to), from.size())) std::copy_n(from.begin() + address, to.size(), to.begin());
  else std::fill(to.begin(), to.end(), std::uint8_t{0});
}
inline void write_bytes(std::span<std::uint8_t> to, std::int64_t address, std::span<const std::uint8_t> from) {
  if (inside(address, std::ssize(from), to.size())) std::copy(from.begin(), from.end(), to.begin() + address);
}

}  // namespace systole::machine
