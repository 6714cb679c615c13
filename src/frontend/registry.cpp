#include "frontend/registry.h"

#include <algorithm>

namespace systole::frontend {

namespace {

Registry build() {
  Registry table;
  register_activations(table);
  register_elementwise(table);
  register_convolution(table);
  register_pooling(table);
  register_matmul(table);
  register_reductions(table);
  register_normalization(table);
  register_shape(table);
  register_select(table);
  register_generators(table);
  register_resize(table);
  register_quantization(table);
  register_losses(table);
  register_recurrent(table);
  register_sorting(table);
  register_trigonometry(table);
  register_signal(table);
  register_sampling(table);
  register_control(table);
  return table;
}

const Registry& registry() {
  static const Registry table = build();
  return table;
}

}  // namespace

OpImporter find_importer(const std::string& op_type) {
  const auto found = registry().find(op_type);
  return found == registry().end() ? nullptr : found->second;
}

}  // namespace systole::frontend

namespace systole {

std::vector<std::string> onnx_operators() {
  std::vector<std::string> names;
  for (const auto& entry : frontend::registry()) names.push_back(entry.first);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace systole
