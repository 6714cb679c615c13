// The machine's Q8.8 arithmetic: each product is rounded and saturated to 16 bits, each sum saturated.
#pragma once

#include <array>
#include <cstdint>

#include "chip/chip.h"

namespace systole::tinytpu {

using Options = Chip::TinyTpu;

constexpr int kFraction = 8;  // bits behind the point

// The multipliers, each with a shift register of its own for stochastic rounding.
enum Multiplier { kElement = 0, kLeaky = 4, kLoss = 6, kDerivative = 8, kDescent = 10, kMultipliers = 12 };
using Lfsrs = std::array<std::uint16_t, kMultipliers>;

// Galois form of x^16 + x^14 + x^13 + x^11 + 1, shifted right eight times a clock.
constexpr std::uint16_t kLfsrTaps = 0xB400;
Lfsrs first_lfsrs(std::uint16_t seed);     // multiplier m starts at seed xor 0x1111 m, or at 0xFFFF if that is 0
std::uint16_t next_lfsr(std::uint16_t state);

// a x b in Q8.8. `random`: of the multiplier's shift register, its low 8 bits count; only stochastic rounding looks.
std::int16_t multiply(std::int16_t a, std::int16_t b, Options::Rounding rounding, std::uint16_t random);
std::int16_t subtract(std::int16_t a, std::int16_t b);

}  // namespace systole::tinytpu
