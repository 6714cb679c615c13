// Any bytes as an ONNX model: the importer gives a graph that the verifier accepts, or an error that is not ours.
#include <cstdlib>

#include "frontend/onnx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model = systole::import_onnx_bytes({data, size}, "fuzz.onnx", "", {.shapes = {}, .inputs = {}, .batch = 2});
  if (model.ok() ? !systole::graph::verify(model->graph).ok() : model.error().code == systole::ErrorCode::kInternal) std::abort();
  return 0;
}
