#include "frontend/tensor_proto.h"

#include <fmt/core.h>

#include <cstring>

#include "base/file.h"
#include "frontend/failure.h"

namespace systole::frontend {

DType element_type(int onnx_type, const std::string& place) {
  switch (onnx_type) {
    case 1: return DType::kF32;
    case 2: return DType::kU8;
    case 3: return DType::kI8;
    case 4: return DType::kU16;
    case 5: return DType::kI16;
    case 6: return DType::kI32;
    case 7: return DType::kI64;
    case 9: return DType::kPred;
    case 10: return DType::kF16;
    case 11: return DType::kF64;
    case 12: return DType::kU32;
    case 13: return DType::kU64;
    case 16: return DType::kBF16;
    case 17: return DType::kF8E4M3;
    case 19: return DType::kF8E5M2;
    case 8: fail(unsupported(place, "string tensors cannot be computed"));
    case 14:
    case 15: fail(unsupported(place, "complex tensors cannot be computed"));
    default:
      fail(invalid_input(place,
                         fmt::format("element type {} is not one that ONNX defines and Systole knows", onnx_type)));
  }
}

namespace {

Shape checked_dims(const onnx::TensorProto& proto, const std::string& place) {
  Shape shape(proto.dims().begin(), proto.dims().end());
  unwrap(check_shape(shape, place));
  return shape;
}

// ONNX keeps small types one element per int32 in int32_data; two- and eight-bit patterns are not values but bits.
template <typename T, typename Field>
void copy_field(const Field& field, Tensor& tensor, const std::string& place) {
  if (field.size() != tensor.count()) {
    fail(invalid_input(place, fmt::format("tensor of shape {} needs {} elements, {} are stored",
                                          shape_text(tensor.shape()), tensor.count(), field.size())));
  }
  T* out = tensor.mutable_data<T>();
  for (int i = 0; i < field.size(); ++i) out[i] = static_cast<T>(field.Get(i));
}

void copy_typed(const onnx::TensorProto& proto, Tensor& tensor, const std::string& place) {
  switch (tensor.type()) {
    case DType::kF32: return copy_field<float>(proto.float_data(), tensor, place);
    case DType::kF64: return copy_field<double>(proto.double_data(), tensor, place);
    case DType::kI64: return copy_field<std::int64_t>(proto.int64_data(), tensor, place);
    case DType::kU64: return copy_field<std::uint64_t>(proto.uint64_data(), tensor, place);
    case DType::kU32: return copy_field<std::uint32_t>(proto.uint64_data(), tensor, place);
    case DType::kI32: return copy_field<std::int32_t>(proto.int32_data(), tensor, place);
    default: break;
  }
  if (dtype_bytes(tensor.type()) == 2) return copy_field<std::uint16_t>(proto.int32_data(), tensor, place);
  return copy_field<std::uint8_t>(proto.int32_data(), tensor, place);
}

Tensor stored(DType type, const Shape& shape, const StoredBytes& source) {
  const std::uint8_t* at = source.bytes.data();
  const auto copy = [type, shape, source] {
    Tensor tensor(type, shape);
    if (!source.bytes.empty()) std::memcpy(tensor.mutable_raw(), source.bytes.data(), source.bytes.size());
    return tensor;
  };
  if (source.owner == nullptr) return copy();
  const bool aligned = reinterpret_cast<std::uintptr_t>(at) % static_cast<std::size_t>(dtype_bytes(type)) == 0;
  if (aligned) return Tensor(type, shape, std::shared_ptr<const std::uint8_t[]>(source.owner, at));
  return Tensor::computed(type, shape, copy);
}

}  // namespace

Tensor tensor_value(const onnx::TensorProto& proto, ModelFile* file, const std::string& place, std::optional<StoredBytes> raw) {
  const DType type = element_type(proto.data_type(), place);
  const Shape shape = checked_dims(proto, place);
  if (proto.has_segment()) fail(unsupported(place, "segmented tensors"));
  const std::int64_t bytes = element_count(shape) * dtype_bytes(type);
  if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
    if (file == nullptr) fail(invalid_input(place, "external data is not possible here"));
    raw = file->external(proto, place);
  } else if (proto.has_raw_data()) {
    raw = StoredBytes{{reinterpret_cast<const std::uint8_t*>(proto.raw_data().data()), proto.raw_data().size()}, nullptr};
  }
  if (raw) {
    if (static_cast<std::int64_t>(raw->bytes.size()) != bytes) {
      fail(invalid_input(place, fmt::format("tensor of shape {} needs {} bytes, {} are stored", shape_text(shape),
                                            bytes, raw->bytes.size())));
    }
    return stored(type, shape, *raw);
  }
  // Typed fields hold at least one byte an element, so an absurd shape is refused before memory is taken for it.
  if (element_count(shape) > static_cast<std::int64_t>(proto.ByteSizeLong())) {
    fail(invalid_input(place,
                       fmt::format("tensor of shape {} holds fewer elements than its shape says", shape_text(shape))));
  }
  Tensor tensor(type, shape);
  copy_typed(proto, tensor, place);
  return tensor;
}

}  // namespace systole::frontend

namespace systole {

Expected<Tensor> parse_tensor_proto(std::span<const std::uint8_t> bytes, const std::string& place) {
  onnx::TensorProto proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return invalid_input(place, "not a TensorProto (its protobuf encoding is broken or cut off)");
  }
  try {
    return frontend::tensor_value(proto, nullptr, place);
  } catch (const frontend::Failure& failure) {
    return failure.error;
  }
}

Expected<Tensor> read_tensor_file(const std::string& path) {
  SYSTOLE_ASSIGN(const auto bytes, read_file(path));
  return parse_tensor_proto(bytes, path);
}

}  // namespace systole
