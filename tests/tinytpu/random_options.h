// Random options of the chip file.
#pragma once

#include "base/random.h"
#include "machine/tinytpu/arithmetic.h"

namespace systole::tinytpu {

inline Options random_options(std::uint64_t seed) {
  Random random(seed);
  const auto fixed = [&] { return static_cast<std::int16_t>(random.integer(-600, 600)); };
  Options o;
  o.registered_switch = random.chance(0.3);
  o.registered_bypass = random.chance(0.3);
  o.rounding = static_cast<Options::Rounding>(random.integer(0, 3));
  if (random.chance(0.3)) o.forward_slope = fixed();
  if (random.chance(0.3)) o.derivative_slope = fixed();
  o.learning_rate = random.chance(0.5) ? std::int16_t{192} : fixed();
  o.lfsr_seed = static_cast<std::uint16_t>(random.integer(1, 65535));
  o.block_ram = random.chance(0.3);
  o.shared_multiplier = random.chance(0.3);
  return o;
}

}  // namespace systole::tinytpu
