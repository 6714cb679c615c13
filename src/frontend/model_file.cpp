#include "frontend/model_file.h"

#include <fmt/core.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <limits>

#include "frontend/failure.h"

namespace systole::frontend {

onnx::ModelProto parse_model(std::span<const std::uint8_t> bytes, const std::string& place) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    fail(invalid_input(place, "larger than 2 GiB", "keep the weights as external data"));
  }
  onnx::ModelProto model;
  if (bytes.empty() || !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    fail(invalid_input(place, "not an ONNX model (its protobuf encoding is broken or cut off)",
                       "check that the file is complete"));
  }
  if (!model.has_graph()) fail(invalid_input(place, "not an ONNX model: it holds no graph"));
  return model;
}

ExternalData::ExternalData(std::string folder, std::span<const std::uint8_t> model_bytes)
    : folder_(std::move(folder)), hash_{0xcbf29ce484222325ull, 0x6c62272e07bb0142ull} {
  add_to_hash(model_bytes);
}

void ExternalData::add_to_hash(std::span<const std::uint8_t> bytes) {
  constexpr unsigned __int128 prime = (static_cast<unsigned __int128>(1) << 88) + 0x13B;   // FNV-1a, 128 bits
  unsigned __int128 state = (static_cast<unsigned __int128>(hash_[1]) << 64) | hash_[0];
  for (const std::uint8_t byte : bytes) state = (state ^ byte) * prime;
  hash_ = {static_cast<std::uint64_t>(state), static_cast<std::uint64_t>(state >> 64)};
}

namespace {

std::int64_t parse_count(const std::string& text, const std::string& place, const char* what) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    fail(invalid_input(place, fmt::format("external data: {} '{}' is not a count of bytes", what, text)));
  }
  return value;
}

// The location as a path inside the folder: relative, without "..".
std::filesystem::path checked_location(const std::string& location, const std::string& place) {
  const std::filesystem::path path(location);
  bool inside = !location.empty() && path.is_relative();
  for (const auto& part : path) inside = inside && part != "..";
  if (!inside) {
    fail(invalid_input(place, fmt::format("external data '{}' lies outside the model's folder", location),
                       "locations are relative to the model, without '..'"));
  }
  return path;
}

}  // namespace

std::vector<std::uint8_t> ExternalData::read(const onnx::TensorProto& tensor, const std::string& place) {
  std::string location;
  std::int64_t offset = 0, length = -1;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = parse_count(entry.value(), place, "offset");
    if (entry.key() == "length") length = parse_count(entry.value(), place, "length");
  }
  const std::filesystem::path relative = checked_location(location, place);
  if (folder_.empty()) fail(invalid_input(place, "external data, and the model has no folder"));
  std::error_code code;
  const auto root = std::filesystem::weakly_canonical(folder_, code);
  const auto file = std::filesystem::weakly_canonical(root / relative, code);
  if (file.lexically_relative(root).string().starts_with("..")) {
    fail(invalid_input(place, fmt::format("external data '{}' links outside the model's folder", location)));
  }
  if (!std::filesystem::is_regular_file(file, code)) {
    fail(not_found(place, fmt::format("external data file '{}' is missing", location), "it belongs beside the model"));
  }
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(file, code));
  if (length < 0) length = size - std::min(offset, size);
  if (code || offset > size || length > size - offset) {
    fail(invalid_input(place, fmt::format("external data: {} bytes at offset {} of '{}', which has {} bytes", length,
                                          offset, location, size)));
  }
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(length));
  std::ifstream in(file, std::ios::binary);
  in.seekg(offset);
  in.read(reinterpret_cast<char*>(bytes.data()), length);
  if (!in && length > 0) fail(invalid_input(place, fmt::format("external data '{}': read error", location)));
  add_to_hash(bytes);
  return bytes;
}

}  // namespace systole::frontend
