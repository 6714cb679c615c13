#include "runtime/bind_inputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "chip/suggest.h"

namespace systole::runtime {
namespace {

Expected<Tensor> convert(const isa::Binding& binding, const Tensor& value) {
  const std::string place = fmt::format("input '{}'", binding.name);
  if (value.shape() != binding.shape) {
    return invalid_input(place, fmt::format("has shape {}, the model wants {}", shape_text(value.shape()), shape_text(binding.shape)),
                         "--shape changes a model's dynamic dimensions");
  }
  if (value.type() == binding.type) return value;
  Tensor converted = value.converted(binding.type);
  const bool rounds = value.type() == DType::kF64 && binding.type == DType::kF32;
  if (!rounds && !converted.converted(value.type()).same_bits(value)) {
    return invalid_input(place, fmt::format("has type {}, and some values are not exact in the model's {}", dtype_name(value.type()), dtype_name(binding.type)),
                         "convert the file first");
  }
  return converted;
}

}  // namespace

Expected<std::vector<Tensor>> bind_inputs(const std::vector<isa::Binding>& bindings, const std::map<std::string, Tensor>& inputs) {
  std::vector<std::string> names;
  for (const isa::Binding& binding : bindings) names.push_back(binding.name);
  for (const auto& [name, value] : inputs) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return invalid_input(fmt::format("input '{}'", name), "the model has no such input", suggest(name, names));
    }
  }
  std::vector<Tensor> tensors;
  for (const isa::Binding& binding : bindings) {
    const auto found = inputs.find(binding.name);
    if (found == inputs.end()) {
      return invalid_input(fmt::format("input '{}'", binding.name),
                           fmt::format("is missing: {} {}", dtype_name(binding.type), shape_text(binding.shape)), "--input NAME=FILE.npy");
    }
    SYSTOLE_ASSIGN(Tensor tensor, convert(binding, found->second));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace systole::runtime
