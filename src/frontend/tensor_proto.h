// ONNX tensors and element types as ours.
#pragma once

#include <string>

#include "frontend/model_file.h"
#include "tensor/tensor.h"

namespace systole::frontend {

// TensorProto.DataType to DType; strings, complex numbers and undefined are a Failure.
DType element_type(int onnx_type, const std::string& place);

// The tensor's value in its own type (float64 and int64 too). `file` may be null: then external data is a Failure. `raw`: the
// raw_data if it is not in `proto`. Bytes that somebody keeps are read when the tensor's are.
Tensor tensor_value(const onnx::TensorProto& proto, ModelFile* file, const std::string& place,
                    std::optional<StoredBytes> raw = std::nullopt);

}  // namespace systole::frontend
