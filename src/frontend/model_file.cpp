#include "frontend/model_file.h"

#include <fmt/core.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <charconv>
#include <filesystem>
#include <limits>

#include "frontend/failure.h"

namespace systole::frontend {

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

onnx::ModelProto parsed(std::span<const std::uint8_t> bytes, const std::string& place) {
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

// Piece by piece, so that a large file does not fill the memory.
void add_to_hash(XXH3_state_t* state, std::span<const std::uint8_t> bytes, bool mapped) {
  constexpr std::size_t kPiece = 16 << 20;
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(kPiece, bytes.size()));
    XXH3_128bits_update(state, piece.data(), piece.size());
    if (mapped) release_pages(piece);
    bytes = bytes.subspan(piece.size());
  }
}

}  // namespace

ModelFile::ModelFile(StoredBytes bytes, std::string place, std::string folder)
    : bytes_(std::move(bytes)), folder_(std::move(folder)), large_(split_initializers(bytes_.bytes)), model_(parsed(large_.model, place)) {
  large_.model = {};
}

std::optional<StoredBytes> ModelFile::raw_data(int i) const {
  const auto found = large_.raw.find(i);
  if (found == large_.raw.end()) return std::nullopt;
  return StoredBytes{found->second, bytes_.owner};
}

StoredBytes ModelFile::external(const onnx::TensorProto& tensor, const std::string& place) {
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
  const auto path = std::filesystem::weakly_canonical(root / relative, code);
  if (path.lexically_relative(root).string().starts_with("..")) {
    fail(invalid_input(place, fmt::format("external data '{}' links outside the model's folder", location)));
  }
  if (!std::filesystem::is_regular_file(path, code)) {
    fail(not_found(place, fmt::format("external data file '{}' is missing", location), "it belongs beside the model"));
  }
  auto& file = files_[path.string()];
  if (!file) {
    auto opened = MappedFile::open(path.string());
    if (!opened.ok()) fail(invalid_input(place, fmt::format("external data '{}': {}", location, opened.error().message)));
    file = *std::move(opened);
  }
  const auto size = static_cast<std::int64_t>(file->bytes().size());
  if (length < 0) length = size - std::min(offset, size);
  if (offset > size || length > size - offset) {
    fail(invalid_input(place, fmt::format("external data: {} bytes at offset {} of '{}', which has {} bytes", length,
                                          offset, location, size)));
  }
  const auto bytes = file->bytes().subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
  external_.push_back(bytes);
  return {bytes, file};
}

ModelHash ModelFile::hash() const {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  add_to_hash(&state, bytes_.bytes, bytes_.owner != nullptr);
  for (const auto& bytes : external_) add_to_hash(&state, bytes, true);
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  return {hash.low64, hash.high64};
}

}  // namespace systole::frontend
