// Inside the room: the scalar definition of a weight tile's product.
#pragma once

#include <cstdint>

#include "numeric/matmul.h"

namespace systole {

struct TileShape {
  std::int64_t rows = 0;        // k
  std::int64_t columns = 0;     // n
  std::int64_t array_rows = 0;  // R >= k
};

// weights: row-major, `columns` elements between rows, of format.weight.
void multiply_tile_reference(const TileFormat& format, const TileShape& shape, const void* weights, const void* a,
                             std::int64_t m, std::int64_t a_pitch, void* acc, std::int64_t acc_pitch, bool accumulate);

}  // namespace systole
