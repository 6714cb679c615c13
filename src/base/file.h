// Whole-file reading and atomic writing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/expected.h"

namespace systole {

// The file's bytes; kNotFound if it cannot be opened, kInvalidInput if it is a folder or cannot be read.
Expected<std::vector<std::uint8_t>> read_file(const std::string& path);
Expected<std::string> read_text_file(const std::string& path);

// Writes to a temporary beside `path` and renames, so that a failed write leaves no partial file behind.
Status write_file(const std::string& path, std::span<const std::uint8_t> bytes);
Status write_file(const std::string& path, const std::string& text);

}  // namespace systole
