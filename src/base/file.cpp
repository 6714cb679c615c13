#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace systole {
namespace {

Error cannot_open(const std::string& path) {
  return not_found(path, std::string("cannot open: ") + std::strerror(errno), "check the name and permissions");
}

}  // namespace

Expected<std::vector<std::uint8_t>> read_file(const std::string& path) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) return invalid_input(path, "is a folder, not a file");
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return cannot_open(path);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(in.tellg()));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!in) return invalid_input(path, "read error");
  return bytes;
}

Expected<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return cannot_open(path);
  struct stat status {};
  const bool known = ::fstat(file, &status) == 0;
  void* at = nullptr;
  const auto size = static_cast<std::size_t>(status.st_size);
  if (known && S_ISREG(status.st_mode) && size > 0) at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  ::close(file);
  if (known && S_ISDIR(status.st_mode)) return invalid_input(path, "is a folder, not a file");
  if (!known || !S_ISREG(status.st_mode) || at == MAP_FAILED) return invalid_input(path, "read error");
  return std::shared_ptr<const MappedFile>(new MappedFile({static_cast<const std::uint8_t*>(at), size}));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

void release_pages(std::span<const std::uint8_t> bytes) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(bytes.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
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
