// An ONNX model's bytes: its protobuf, its external data, a hash over both.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "frontend/initializers.h"
#include "frontend/onnx.h"
#include "onnx/onnx.pb.h"

namespace systole::frontend {

// Bytes of a file, and what keeps them; null: nobody does, they must be copied.
struct StoredBytes {
  std::span<const std::uint8_t> bytes;
  std::shared_ptr<const void> owner;
};

class ModelFile {
 public:
  // `place` is the file's name in errors; `folder`: where external data is looked for; empty: such data is a Failure.
  ModelFile(StoredBytes bytes, std::string place, std::string folder);

  const onnx::ModelProto& model() const { return model_; }
  // The raw_data of the main graph's initialiser i if it is large: then it is not in model().
  std::optional<StoredBytes> raw_data(int i) const;
  // The bytes of a tensor whose data_location is EXTERNAL: `location`, `offset` and `length` of tensor.external_data().
  // The location must stay inside the folder; the range must lie in the file.
  StoredBytes external(const onnx::TensorProto& tensor, const std::string& place);

  // Over the model's bytes and all external data asked for so far. Reads all of them.
  ModelHash hash() const;

 private:
  StoredBytes bytes_;
  std::string folder_;
  LargeInitializers large_;
  onnx::ModelProto model_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;   // by path
  std::vector<std::span<const std::uint8_t>> external_;
};

}  // namespace systole::frontend
