// The program cache: files that no one needs to keep. Whatever is wrong with an entry, it is a miss.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/session.h"

namespace systole::runtime {

std::string_view compiler_version();   // hash of the compiler's sources

// File name of the entry for these: 32 hexadecimal digits and an extension.
std::string cache_name(const ModelHash& model, const Chip& chip, const LoadOptions& options);

std::optional<isa::Program> read_cache(const std::string& folder, const std::string& name, const Chip& chip);
void write_cache(const std::string& folder, const std::string& name, const isa::Program& program);

}  // namespace systole::runtime
