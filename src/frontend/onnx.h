// ONNX to graph. Opsets 1 and 6 to 17; a newer model is read as long as every node it uses is one of the known
// operators.
//
// Contract: the graph that import_onnx gives passes graph::verify; all its shapes are static. Integer arithmetic on
// known values (shapes, slices, axes) is done at import. Convolutions and pooling stay in ONNX's NCHW. float64 computes
// as fp32, int64 and uint64 as 32-bit integers; ModelInfo::notes says so. A constant that does not fit 32 bits is an
// error. An operator that cannot be done is an Error of code kUnsupported that names node, operator and opset.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace systole {

struct ImportOptions {
  std::map<std::string, Shape> shapes;     // by input name; must agree with the model's fixed dimensions
  // Inputs whose value is fixed at import (shapes, axes, scales that the model takes as inputs). They are no inputs of
  // the graph.
  std::map<std::string, Tensor> inputs;
  bool hash = true;                        // compute ImportedModel::hash, which reads every byte
  std::int64_t batch = 0;                  // the leading dimension of inputs where it is dynamic; 0: as the model says
};

struct ModelInfo {
  std::int64_t opset = 0;                  // of the default domain
  std::string producer;
  std::int64_t node_count = 0;             // of the main graph
  std::int64_t parameter_count = 0;        // elements of floating-point weights (initialisers and Constant nodes)
  std::vector<std::string> notes;          // what computes differently from what the model says
};

// 128 bits (XXH3): a key for the program cache, not a signature.
using ModelHash = std::array<std::uint64_t, 2>;

struct ImportedModel {
  graph::Graph graph;
  ModelInfo info;
  ModelHash hash{};                        // if asked for: of the model's bytes and of its external data
};

// Large weights stay in the files: their bytes are read when the graph's constants are. Nobody may cut the files short meanwhile.
Expected<ImportedModel> import_onnx(const std::string& path, const ImportOptions& options);
// The same for bytes in memory. `folder` is where external data is looked for; empty: external data is an error.
Expected<ImportedModel> import_onnx_bytes(std::span<const std::uint8_t> bytes, const std::string& place,
                                          const std::string& folder, const ImportOptions& options);

// What an ONNX model declares about its inputs, before a shape is chosen.
struct DeclaredInput {
  std::string name;
  DType type = DType::kF32;
  std::vector<std::string> dimensions;     // "3", or the dimension's name, or "?"
};
Expected<std::vector<DeclaredInput>> onnx_inputs(const std::string& path);

// The operators of the default domain that can be imported, sorted.
std::vector<std::string> onnx_operators();

// A serialised TensorProto (the .pb files of the ONNX project's tests). Strings, sequences and optionals are
// kUnsupported.
Expected<Tensor> parse_tensor_proto(std::span<const std::uint8_t> bytes, const std::string& place);
Expected<Tensor> read_tensor_file(const std::string& path);

}  // namespace systole
