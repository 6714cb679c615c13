// Graph to graph: from what the model says to what a chip's units do. Every pass keeps the graph's inputs and outputs
// (names, shapes, and element types except where a chip has no such type).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace systole::transform {

// What the lowering needs to know of a chip; it does not see the chip itself.
struct Target {
  DType format = DType::kBF16;  // operand format of contractions; kF32: as given by fp32_algorithm
  graph::Algorithm fp32_algorithm = graph::Algorithm::kBf16x6;  // kDefault: the array multiplies fp32 natively
  bool multiplies_i8 = true, multiplies_i16 = true;              // what the matrix unit does with integers
  std::int64_t array_rows = 128, array_columns = 128, arrays = 1;
  std::int64_t vector_lanes = 128, vector_sublanes = 8;  // 0: no vector unit
  bool fuse = true;                                      // passes that are optional; off for tests
};

// One pass of the list: its name, whether it may be switched off, what it does.
struct Pass {
  std::string name;
  bool optional = false;
  std::function<Status(graph::Graph&, const Target&)> run;
};
const std::vector<Pass>& lowering_passes();

struct LowerOptions {
  std::vector<std::string> disabled;                                        // names of optional passes
  std::function<void(const std::string& pass, const graph::Graph&)> after;  // --dump-after
};
// Runs the passes in order, the verifier after each. The result is in lowered form (below).
Expected<graph::Graph> lower(graph::Graph graph, const Target& target, const LowerOptions& options = {});

// The lowered form, which the compiler takes:
// 1. Types: f32, bf16, f16, f8*, tf32, i8, u8, i16, i32, pred, fixed point. No i64, u64, f64 (graph inputs and outputs
// of type i64 become i32, f64
//    becomes f32; Graph::inputs keep their names).
// 2. convolution: lhs [b,0,1,f], rhs [0,1,i,o], out [b,0,1,f]; two spatial dimensions; lhs_dilation 1; on the matrix
// unit the operands
//    have the contraction format, on the vector unit they are fp32 or integers; the result is f32 (floats), i32
//    (integers) or their fixed-point format; no negative padding; placement decided.
// 3. dot_general: lhs [M,K] or [B,M,K]; rhs [K,N] / [B,K,N] or, contracting its last dimension, [N,K] / [B,N,K]; result
// [M,N] / [B,M,N].
// 4. No op all of whose operands are constants, except constant itself; broadcasts (of scalars and of vectors) stay.
//    The operand of a broadcast has no dimension of size 1, and its dimensions stay in order. Nothing dead.
// 5. reduce: reduced dimensions are adjacent. reduce_window: rank 4, the window spans dimensions 1 and 2 (NHWC); base
// dilation 1.
// 6. gather: axis 0. clamp's bounds have x's shape or are scalars. No negative pad, no interior pad except by
// decomposition. No iota, dynamic_slice, dynamic_update_slice.
// 7. elementwise operands have the result's shape (broadcasts are explicit), except clamp's scalar bounds.
Status check_lowered(const graph::Graph& graph);

}  // namespace systole::transform
