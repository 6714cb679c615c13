// The intermediate representation: a list of operators in topological order over typed values with static shapes.
//
// Names and meaning are those of the public StableHLO specification; `erf` is CHLO's. Differences, all checked by the
// verifier: every operator has one result; `gather` is the row-gather form below; `reduce` and `reduce_window` take one operand
// and a named reduction instead of a region; batch_group_count is 1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tensor/tensor.h"

namespace systole::graph {

using ValueId = std::int32_t;

enum class OpKind : std::uint8_t {
  kConstant, kIota,
  // elementwise, one operand
  kAbs, kNegate, kSign, kFloor, kCeil, kRoundNearestEven, kExponential, kExponentialMinusOne, kLog, kLogPlusOne,
  kLogistic, kTanh, kErf, kSqrt, kRsqrt, kSine, kCosine, kNot, kIsFinite, kConvert,
  // elementwise, two operands
  kAdd, kSubtract, kMultiply, kDivide, kMaximum, kMinimum, kPower, kRemainder, kAnd, kOr, kXor, kShiftLeft,
  kShiftRightLogical, kShiftRightArithmetic, kCompare,
  // elementwise, three operands
  kSelect, kClamp,          // select(pred, on_true, on_false); clamp(min, x, max), all of x's shape or scalar min/max
  // data movement
  kBroadcastInDim, kReshape, kTranspose, kSlice, kConcatenate, kPad, kReverse, kGather, kDynamicSlice,
  kDynamicUpdateSlice,
  // contraction and reduction
  kReduce, kReduceWindow, kDotGeneral, kConvolution,
  kCount
};

enum class CompareDirection : std::uint8_t { kEQ, kNE, kLT, kLE, kGT, kGE };
enum class Reduction : std::uint8_t { kAdd, kMultiply, kMaximum, kMinimum, kAnd, kOr };

struct ConstantAttr { Tensor value; };
struct IotaAttr { std::int64_t dimension = 0; };
struct CompareAttr { CompareDirection direction = CompareDirection::kEQ; };
struct BroadcastAttr { std::vector<std::int64_t> dimensions; };        // operand dim i -> result dim dimensions[i]
struct TransposeAttr { std::vector<std::int64_t> permutation; };       // result dim i = operand dim permutation[i]
struct SliceAttr { std::vector<std::int64_t> start, limit, stride; };
struct ConcatenateAttr { std::int64_t dimension = 0; };
struct PadAttr { std::vector<std::int64_t> low, high, interior; };     // operands: x, scalar padding value; low/high may be < 0
struct ReverseAttr { std::vector<std::int64_t> dimensions; };
// gather(table, indices): result = table with dimension `axis` replaced by the shape of indices (ONNX Gather, NumPy take);
// an index is clamped into range (StableHLO's rule).
struct GatherAttr { std::int64_t axis = 0; };
struct DynamicSliceAttr { std::vector<std::int64_t> sizes; };          // operands: x, then one scalar i32 start per dim (clamped)
// reduce(x, init scalar): `dimensions` are removed. Elements are taken in row-major order of the reduced dimensions.
struct ReduceAttr { Reduction reduction = Reduction::kAdd; std::vector<std::int64_t> dimensions; };
// One entry per operand dimension; elements of a window in row-major order; padding counts as init.
struct ReduceWindowAttr {
  Reduction reduction = Reduction::kAdd;
  std::vector<std::int64_t> window, stride, base_dilation, window_dilation, pad_low, pad_high;
};
// How a contraction of fp32 operands runs: natively, or as bf16 passes (numeric/matmul.h).
enum class Algorithm : std::uint8_t { kDefault, kBf16x3, kBf16x6 };
// Result dims: batch, lhs free, rhs free (StableHLO).
struct DotAttr {
  std::vector<std::int64_t> lhs_batch, rhs_batch, lhs_contract, rhs_contract;
  Algorithm algorithm = Algorithm::kDefault;
};
// Where a convolution runs once the graph is lowered for a chip; its order of sums depends on it (docs/numerics.md).
enum class Placement : std::uint8_t { kMatrixUnit, kVectorUnit };
struct ConvAttr {
  // Positions of batch, feature and spatial dimensions in lhs / output; of input feature, output feature, spatial in rhs.
  std::int64_t lhs_batch = 0, lhs_feature = 1, rhs_input = 1, rhs_output = 0, out_batch = 0, out_feature = 1;
  std::vector<std::int64_t> lhs_spatial, rhs_spatial, out_spatial;
  std::vector<std::int64_t> stride, pad_low, pad_high, lhs_dilation, rhs_dilation;
  std::int64_t feature_groups = 1;
  Algorithm algorithm = Algorithm::kDefault;
  Placement placement = Placement::kMatrixUnit;
};

using Attr = std::variant<std::monostate, ConstantAttr, IotaAttr, CompareAttr, BroadcastAttr, TransposeAttr, SliceAttr,
                          ConcatenateAttr, PadAttr, ReverseAttr, GatherAttr, DynamicSliceAttr, ReduceAttr,
                          ReduceWindowAttr, DotAttr, ConvAttr>;

struct TensorType {
  DType type = DType::kF32;
  Shape shape;
  bool operator==(const TensorType&) const = default;
  std::int64_t count() const { return element_count(shape); }
  std::int64_t bytes() const { return count() * dtype_bytes(type); }
};

struct Op {
  OpKind kind = OpKind::kConstant;
  std::vector<ValueId> operands;
  ValueId result = -1;
  Attr attr;
  std::string source;     // the model's node(s) this came from, for reports and traces

  template <typename T> const T& get() const { return std::get<T>(attr); }
  template <typename T> T& get() { return std::get<T>(attr); }
};

struct Value {
  TensorType type;
  std::string name;       // the model's tensor name where it has one
};

// Invariants (verify): operands are graph inputs or results of earlier ops; every value is defined once.
struct Graph {
  std::string name = "main";
  std::vector<Value> values;
  std::vector<Op> ops;
  std::vector<ValueId> inputs, outputs;
  std::vector<std::string> input_names, output_names;

  const TensorType& type(ValueId id) const { return values[static_cast<std::size_t>(id)].type; }
  ValueId add_value(TensorType type, std::string value_name = {});
  ValueId add_input(TensorType type, std::string input_name);
  void add_output(ValueId id, std::string output_name);
  // Appends an op whose result type is inferred; asserts that it is well formed (use infer_type for user input).
  ValueId add(OpKind kind, std::vector<ValueId> operands, Attr attr = {}, std::string source = {});
  // The same with the result type given (constant, iota, convert, reshape, broadcast_in_dim, dot with a result format).
  ValueId add_typed(OpKind kind, std::vector<ValueId> operands, TensorType result, Attr attr = {}, std::string source = {});
  ValueId constant(Tensor value, std::string source = {});

  std::vector<int> defining_op() const;      // per value: index into ops, or -1 for an input
  std::vector<int> use_count() const;        // per value, graph outputs counted
  void remove_dead_ops();                    // ops whose result nothing uses; values keep their ids
};

std::string_view op_name(OpKind kind);       // "add", "broadcast_in_dim", ...; without the dialect prefix
std::string_view op_dialect(OpKind kind);    // "stablehlo" or "chlo"
Expected<OpKind> parse_op_name(std::string_view name);
bool is_elementwise(OpKind kind);

// The result type of an op, or what is wrong with it. `declared` is used where the type is not implied
// (iota, convert, reshape, broadcast_in_dim) and for the result element type of dot and convolution.
Expected<TensorType> infer_type(const Graph& graph, const Op& op, const TensorType* declared);

// Every invariant above, every op against infer_type, outputs defined. The error names the op.
Status verify(const Graph& graph);

// StableHLO's MLIR syntax (pretty form; constants inline: dense<...> or dense<"0x...">). print then parse gives the same graph.
std::string print_text(const Graph& graph);
Expected<Graph> parse_text(std::string_view text, const std::string& place);

}  // namespace systole::graph
