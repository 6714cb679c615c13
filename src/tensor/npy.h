// NumPy's .npy and .npz files (format version 1.0 to 3.0, C order or Fortran order, little endian; npz: stored or deflated).
#pragma once

#include <map>
#include <string>

#include "tensor/tensor.h"

namespace systole {

Expected<Tensor> parse_npy(std::span<const std::uint8_t> bytes, const std::string& place);
std::vector<std::uint8_t> format_npy(const Tensor& tensor);   // bf16, fp8, tf32: written as fp32; i4 as int8
Expected<Tensor> read_npy(const std::string& path);
Status write_npy(const std::string& path, const Tensor& tensor);
Expected<std::map<std::string, Tensor>> read_npz(const std::string& path);
Status write_npz(const std::string& path, const std::map<std::string, Tensor>& tensors);   // stored, not deflated

}  // namespace systole
