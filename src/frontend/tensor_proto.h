// ONNX tensors and element types as ours.
#pragma once

#include <string>

#include "frontend/model_file.h"
#include "tensor/tensor.h"

namespace systole::frontend {

// TensorProto.DataType to DType; strings, complex numbers and undefined are a Failure.
DType element_type(int onnx_type, const std::string& place);

// The tensor's value in its own type (float64 and int64 too). `external` may be null: then external data is a Failure.
Tensor tensor_value(const onnx::TensorProto& proto, ExternalData* external, const std::string& place);

}  // namespace systole::frontend
