// A shift register of single bits in the register engine: bit k was given k + 1 clocks ago.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace systole::machine {

class ShiftBits {
 public:
  explicit ShiftBits(std::int64_t bits = 1) : words_(static_cast<std::size_t>((bits + 63) / 64 + 2)) {}
  // Every bit moves up by one; `bit` becomes bit 0.
  void shift(bool bit) {
    std::uint64_t carry = bit ? 1 : 0;
    for (std::uint64_t& word : words_) {
      const std::uint64_t out = word >> 63;
      word = (word << 1) | carry;
      carry = out;
    }
  }
  bool test(std::int64_t k) const { return k >= 0 && ((words_[static_cast<std::size_t>(k) / 64] >> (k % 64)) & 1) != 0; }
  // Bits first .. first + 64 (zeros beyond the end).
  std::uint64_t word_from(std::int64_t first) const {
    const auto at = static_cast<std::size_t>(first) / 64;
    const int by = static_cast<int>(first % 64);
    const std::uint64_t low = at < words_.size() ? words_[at] : 0, high = at + 1 < words_.size() ? words_[at + 1] : 0;
    return by == 0 ? low : (low >> by) | (high << (64 - by));
  }

  const std::uint64_t* words() const { return words_.data(); }   // and two words of zeros, or of bits that have left

 private:
  std::vector<std::uint64_t> words_;
};

// Zeros in the bits from `count` on.
inline std::uint64_t low_bits(std::int64_t count) { return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1; }

}  // namespace systole::machine
