// Inside the room: the inner kernels of a weight tile's product, one per operand form and instruction set.
//
// A kernel computes the sums of a block of kBlockRows x kBlockColumns results from packed panels of 32-bit words: the
// activations [kBlockRows][groups], the weights [groups][kBlockColumns]. A word holds one group of consecutive rows of the
// array, the first in its low bits (bf16 pairs: in the high half, since the host's bf16 dot instruction adds that first).
#pragma once

#include <cstdint>
#include <vector>

namespace systole {

constexpr std::int64_t kBlockRows = 6;
constexpr std::int64_t kBlockColumns = 64;

enum class OperandForm {
  kF32,     // fp32, one a word
  kBF16x2,  // bf16 pairs
  kI8x4,    // uint8 activations, int8 weights, four a word
  kI16x2,   // int16 pairs
  kI32,     // int32, wrapping
  kFixed,   // int16 in an int32 word
};

// sums: [kBlockRows][kBlockColumns] fp32 or int32 words. fraction: of fixed point, the bits behind the point.
using TileKernel = void (*)(const std::uint32_t* activations, const std::uint32_t* weights, std::int64_t groups,
                            std::uint32_t* sums, int fraction);

struct KernelEntry {
  const char* name;
  OperandForm form;
  TileKernel kernel;
  bool flushes;     // runs within a FlushScope (the others define subnormals themselves)
  bool supported;   // by this host
};

// Fastest first within a form; every form has a portable entry at its end.
const std::vector<KernelEntry>& tile_kernels();

// How a block of sums joins the accumulators.
struct Joining {
  bool accumulate = false;
  bool short_chunk = false;                  // k < R: rows of +0 * +0 follow, which turn a sum of -0 into +0
  const std::uint32_t* column_terms = nullptr;  // integers: added per column, [kBlockColumns], or null
  std::uint32_t row_terms[kBlockRows] = {};     // integers: added per row
};

// acc: words `acc_pitch` apart; the first `rows` x `columns` of the block. Within a FlushScope where the kernel is.
using JoinFunction = void (*)(const std::uint32_t* sums, const Joining& joining, std::int64_t rows, std::int64_t columns,
                              std::uint32_t* acc, std::int64_t acc_pitch);
JoinFunction join_function(const KernelEntry& kernel);

// Flush-to-zero and denormals-are-zero while alive, rounding to nearest; the caller's mode comes back afterwards.
class FlushScope {
 public:
  FlushScope();
  ~FlushScope();
  FlushScope(const FlushScope&) = delete;
  FlushScope& operator=(const FlushScope&) = delete;

 private:
  unsigned saved_ = 0;
};

}  // namespace systole
