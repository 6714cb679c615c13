#include "base/file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace systole {

Expected<std::vector<std::uint8_t>> read_file(const std::string& path) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) return invalid_input(path, "is a folder, not a file");
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in)
    return not_found(path, std::string("cannot open: ") + std::strerror(errno), "check the name and permissions");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(in.tellg()));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!in) return invalid_input(path, "read error");
  return bytes;
}

Expected<std::string> read_text_file(const std::string& path) {
  SYSTOLE_ASSIGN(const auto bytes, read_file(path));
  return std::string(bytes.begin(), bytes.end());
}

Status write_file(const std::string& path, std::span<const std::uint8_t> bytes) {
  const std::string temporary = path + "." + std::to_string(::getpid()) + ".tmp";
  {
    std::ofstream out(temporary, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    out.flush();
    if (!out) {
      std::remove(temporary.c_str());
      return invalid_input(path, "cannot write", "check that the folder exists and has room");
    }
  }
  std::error_code code;
  std::filesystem::rename(temporary, path, code);
  if (code) {
    std::remove(temporary.c_str());
    return invalid_input(path, "cannot write: " + code.message(), "check that the target is not a folder");
  }
  return ok_status();
}

Status write_file(const std::string& path, const std::string& text) {
  return write_file(path, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace systole
