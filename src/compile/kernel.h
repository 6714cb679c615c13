// What fusion makes of the lowered graph: kernels, each a tiled loop nest over its output whose operands are affine
// accesses to tensors in far memory, with a vector micro-program.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "numeric/microcode.h"

namespace systole::compile {

using StorageId = std::int32_t;

// A dense tensor in far memory. Several values may share one (reshape, slice, concatenate).
struct Storage {
  DType type = DType::kF32;
  Shape shape;
  const Tensor* constant = nullptr;  // its contents, if it holds a constant
  bool is_input = false, is_output = false;
  int first_kernel = -1, last_kernel = -1;  // written by, last read by (indices of kernels)
  std::int64_t address = -1;
  bool in_cmem = false;            // else HBM
  bool in_vmem = false;            // while it lives all of it stands in every core's VMEM
  std::int64_t vmem_address = -1;  // there
  std::int64_t bytes() const { return element_count(shape) * dtype_bytes(type); }
};

// One dimension of a tensor as a function of the kernel's indices: offset + scale x i[iter] + tap_scale x w[tap].
struct DimAccess {
  int iter = -1;
  std::int64_t scale = 0;
  int tap = -1;
  std::int64_t tap_scale = 0;
  std::int64_t offset = 0;
  bool operator==(const DimAccess&) const = default;
};

// A storage read or written as a dense tensor of `shape` (a view of all its bytes).
struct Access {
  StorageId storage = -1;
  Shape shape;
  std::vector<DimAccess> dims;  // per dimension of `shape`
  bool operator==(const Access&) const = default;
};

// A box of indices, [lo, hi) per dimension.
struct Box {
  Shape lo, hi;
  std::int64_t size(std::size_t d) const { return hi[d] - lo[d]; }
  std::int64_t count() const;
  bool operator==(const Box&) const = default;
};

// A vector micro-program with its parts (isa::Run).
struct VectorProgram {
  MicroProgram prologue, body, epilogue;
  int result = 0;  // register reduced, in a reduction
  std::size_t size() const { return prologue.size() + body.size() + epilogue.size(); }
};

// Bounds of a window: dimensions `row` and `column` of the checked input may run out of the tensor.
struct WindowBounds {
  int input = -1;                                                     // index into Kernel::inputs; -1: none
  int row = -1, column = -1;                                          // dimensions of the input's view; -1: not checked
  std::int64_t row_lo = 0, row_hi = 0, column_lo = 0, column_hi = 0;  // what exists, in view coordinates
  std::uint32_t value = 0;                                            // register bits outside
};

// A product on the matrix unit: output dimensions are the kernel's. Convolutions and dots have the same form.
struct Contraction {
  Access lhs;  // a convolution: dims (n, h, w, c); a dot: (b,) m, k
  Access rhs;
  DType lhs_type = DType::kF32;  // element type in memory
  DType rhs_type = DType::kF32;
  DType format = DType::kBF16;  // what the array multiplies
  DType weight_format = DType::kBF16;
  graph::Algorithm algorithm = graph::Algorithm::kDefault;
  bool is_convolution = false;
  graph::ConvAttr conv;         // if is_convolution
  bool rhs_transposed = false;  // dot: rhs is [.., n, k]
  bool batched = false;         // dot with a batch dimension
  std::int64_t k = 0;           // length of the contraction of one output element (of one group)
  std::int64_t in_height = 1, in_width = 1, in_channels = 0;  // of a convolution's input, without padding
};

enum class KernelKind { kMap, kReduce, kContraction, kGather };

struct Kernel {
  KernelKind kind = KernelKind::kMap;
  std::string name;   // nodes of the model
  std::string label;  // Layer::kind
  std::int64_t macs = 0;
  Shape dims;                      // iteration space: the output's dimensions
  std::vector<std::int64_t> taps;  // at most 2
  int reduce_mode = 0;             // isa::Run::mode
  std::vector<Access> inputs;      // operand streams, slot i
  std::vector<DType> input_types;
  std::vector<int> input_slots;  // slot of each input
  Access output;
  DType output_type = DType::kF32;
  int output_slot = 0;
  VectorProgram program;
  WindowBounds window;
  std::optional<Contraction> contraction;
  int accumulator_slot = -1;  // stream of the accumulators, -1: none
  bool replicated = false;    // every core computes all of it, into its own VMEM
  bool direct_store = false;  // accumulators go to far memory without the vector unit
  // gather
  Access table, indices;
  std::int64_t table_rows = 0, row_elements = 0;
};

struct KernelGraph {
  std::vector<Storage> storages;
  std::vector<Kernel> kernels;             // in order of execution
  std::vector<StorageId> inputs, outputs;  // as the graph's
  std::vector<Tensor> owned;               // constants made on the way
};

// The smallest box of the storage's indices that `access` touches while the kernel's indices run over `tile` and its
// taps over their counts; not clipped to the tensor.
Box touched(const Access& access, const Box& tile, const std::vector<std::int64_t>& taps);

}  // namespace systole::compile
