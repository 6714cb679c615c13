// Internal: elements as the vector unit's 32-bit words, fp32 for float formats and fixed point, int32 for integers and
// pred.
#pragma once

#include <cstdint>

#include "numeric/dtype.h"
#include "numeric/formats.h"

namespace systole::graph {

constexpr bool is_word_float(DType type) { return is_real(type); }

inline void load_words(DType type, const void* from, std::uint32_t* to, std::int64_t count) {
  if (is_word_float(type)) {
    load_lanes_f32(type, from, reinterpret_cast<float*>(to), count);
  } else {
    load_lanes_i32(type, from, reinterpret_cast<std::int32_t*>(to), count);
  }
}

inline void store_words(DType type, const std::uint32_t* from, void* to, std::int64_t count) {
  if (is_word_float(type)) {
    store_lanes_f32(type, reinterpret_cast<const float*>(from), to, count);
  } else {
    store_lanes_i32(type, reinterpret_cast<const std::int32_t*>(from), to, count);
  }
}

}  // namespace systole::graph
