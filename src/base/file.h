// Whole-file reading and atomic writing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/expected.h"

namespace systole {

// The file's bytes; kNotFound if it cannot be opened, kInvalidInput if it is a folder or cannot be read.
Expected<std::vector<std::uint8_t>> read_file(const std::string& path);
Expected<std::string> read_text_file(const std::string& path);

// A file in the address space, read only: its bytes are read when they are looked at. Nobody may cut the file short meanwhile.
class MappedFile {
 public:
  // Errors as read_file.
  static Expected<std::shared_ptr<const MappedFile>> open(const std::string& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::uint8_t> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  std::span<const std::uint8_t> bytes_;
};
// The pages inside these bytes of a mapped file may leave memory until they are looked at again.
void release_pages(std::span<const std::uint8_t> bytes);

// Writes to a temporary beside `path` and renames, so that a failed write leaves no partial file behind.
Status write_file(const std::string& path, std::span<const std::uint8_t> bytes);
Status write_file(const std::string& path, const std::string& text);

}  // namespace systole
