#include "frontend/registry.h"

namespace systole::frontend {

namespace {

Registry build() {
  Registry registry;
  register_activations(registry);
  register_elementwise(registry);
  register_convolution(registry);
  register_pooling(registry);
  register_matmul(registry);
  register_reductions(registry);
  register_normalization(registry);
  register_shape(registry);
  register_select(registry);
  register_generators(registry);
  register_resize(registry);
  register_quantization(registry);
  register_losses(registry);
  register_recurrent(registry);
  register_control(registry);
  return registry;
}

}  // namespace

OpImporter find_importer(const std::string& op_type) {
  static const Registry registry = build();
  const auto found = registry.find(op_type);
  return found == registry.end() ? nullptr : found->second;
}

}  // namespace systole::frontend
