// --input and --shape, and values for inputs that are not given.
#include <fmt/format.h>

#include "base/random.h"
#include "cli/command.h"
#include "tensor/element.h"
#include "tensor/npy.h"

namespace systole::cli {
namespace {

Expected<std::pair<std::string, std::string>> split(const std::string& option, const std::string& argument, const std::string& example) {
  const std::size_t at = argument.find('=');
  if (at == std::string::npos || at == 0 || at + 1 == argument.size())
    return invalid_input(option + " " + argument, "is not written NAME=VALUE", "as " + option + " " + example);
  return std::pair{argument.substr(0, at), argument.substr(at + 1)};
}

Expected<Tensor> read_tensor(const std::string& path) {
  return path.ends_with(".pb") ? read_tensor_file(path) : read_npy(path);
}

struct Range { std::int64_t low, high; };
Range integer_range(DType type) {
  switch (type) {
    case DType::kPred: return {0, 1};
    case DType::kI4: return {-8, 7};
    case DType::kI8: return {-128, 127};
    case DType::kU8: return {0, 255};
    default: return {0, 9};
  }
}

}  // namespace

Expected<Tensors> read_inputs(const std::vector<std::string>& arguments) {
  Tensors inputs;
  for (const std::string& argument : arguments) {
    SYSTOLE_ASSIGN(const auto pair, split("--input", argument, "x=image.npy"));
    SYSTOLE_ASSIGN(Tensor tensor, read_tensor(pair.second));
    if (!inputs.emplace(pair.first, std::move(tensor)).second) return invalid_input("--input " + argument, "this input is given twice", "leave one out");
  }
  return inputs;
}

Expected<std::map<std::string, Shape>> parse_shapes(const std::vector<std::string>& arguments) {
  std::map<std::string, Shape> shapes;
  for (const std::string& argument : arguments) {
    const std::string place = "--shape " + argument;
    SYSTOLE_ASSIGN(const auto pair, split("--shape", argument, "x=1x3x224x224"));
    Shape shape;
    for (std::size_t at = 0; at <= pair.second.size();) {
      const std::size_t end = std::min(pair.second.find('x', at), pair.second.size());
      const std::string digits = pair.second.substr(at, end - at);
      const bool number = !digits.empty() && digits.size() <= 18 && digits.find_first_not_of("0123456789") == std::string::npos;
      if (!number) return invalid_input(place, fmt::format("'{}' is not a size", digits), "as --shape x=1x3x224x224");
      shape.push_back(std::stoll(digits));
      at = end + 1;
    }
    SYSTOLE_TRY(check_shape(shape, place));
    if (!shapes.emplace(pair.first, shape).second) return invalid_input(place, "this input's shape is given twice", "leave one out");
  }
  return shapes;
}

std::vector<std::string> fill_inputs(const isa::Program& program, std::uint64_t seed, Tensors& inputs) {
  Random random(seed);
  std::vector<std::string> filled;
  for (const isa::Binding& binding : program.inputs) {
    if (inputs.contains(binding.name)) continue;
    const bool real = is_real(binding.type);
    const Range range = integer_range(binding.type);
    Tensor values(binding.type, binding.shape);
    std::uint8_t* at = values.mutable_raw();
    for (std::int64_t i = 0; i < values.count(); ++i, at += dtype_bytes(binding.type)) {
      if (real) store_from_double(binding.type, at, random.real(-1, 1));
      else store_from_i64(binding.type, at, random.integer(range.low, range.high));
    }
    inputs.emplace(binding.name, std::move(values));
    filled.push_back(binding.name);
  }
  return filled;
}

}  // namespace systole::cli
