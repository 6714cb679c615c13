// The table of ONNX operators. To add one: write its importer in the family's file (or a new ops_*.cpp), list it in
// that file's register function, and take its cases off tests/frontend/unsupported_cases.txt. An importer reads
// node.in(i) and attributes and calls node.out(i, value); it throws through node.invalid / node.not_supported.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "frontend/node.h"

namespace systole::frontend {

using OpImporter = void (*)(Node&);
using Registry = std::unordered_map<std::string, OpImporter>;

// The importer of an operator of the default domain, or nullptr.
OpImporter find_importer(const std::string& op_type);

void register_activations(Registry& registry);
void register_elementwise(Registry& registry);
void register_convolution(Registry& registry);
void register_pooling(Registry& registry);
void register_matmul(Registry& registry);
void register_reductions(Registry& registry);
void register_normalization(Registry& registry);
void register_shape(Registry& registry);
void register_select(Registry& registry);
void register_generators(Registry& registry);
void register_resize(Registry& registry);
void register_quantization(Registry& registry);
void register_losses(Registry& registry);
void register_recurrent(Registry& registry);
void register_sorting(Registry& registry);
void register_trigonometry(Registry& registry);
void register_signal(Registry& registry);
void register_sampling(Registry& registry);
void register_control(Registry& registry);

}  // namespace systole::frontend
