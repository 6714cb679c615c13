// Reading an ONNX model: protobuf bytes, external data, hash.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "frontend/onnx.h"
#include "onnx/onnx.pb.h"

namespace systole::frontend {

// The fails-with-a-Failure form of reading a model; `place` is the file's name in errors.
onnx::ModelProto parse_model(std::span<const std::uint8_t> bytes, const std::string& place);

// Where external tensors are read from, and a hash over everything read.
class ExternalData {
 public:
  ExternalData(std::string folder, std::span<const std::uint8_t> model_bytes);

  // The bytes of a tensor whose data_location is EXTERNAL: `location`, `offset` and `length` of tensor.external_data().
  // The location must stay inside the folder; the range must lie in the file.
  std::vector<std::uint8_t> read(const onnx::TensorProto& tensor, const std::string& place);

  const ModelHash& hash() const { return hash_; }

 private:
  void add_to_hash(std::span<const std::uint8_t> bytes);

  std::string folder_;
  ModelHash hash_;
};

}  // namespace systole::frontend
