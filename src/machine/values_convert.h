// Conversion at the matrix unit's edge: from the type in memory to the format of the product.
#pragma once

#include <cstdint>

#include "numeric/dtype.h"

namespace systole::machine {

struct EdgeFormat {
  DType type = DType::kF32;      // in memory
  DType format = DType::kF32;    // of the product
  std::int64_t part = 0;         // 0: convert; 1, 2, 3: bf16 part 0, 1, 2 of an fp32
  bool copies() const { return type == format && part == 0; }
};

// count elements from `from` (any alignment) to `to`.
void convert_edge(const EdgeFormat& edge, const std::uint8_t* from, std::uint8_t* to, std::int64_t count);

}  // namespace systole::machine
