#include "machine/values_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace systole::machine {

bool ByteStore::grow(std::int64_t size) {
  if (size <= size_) return true;
  ByteStore larger;
  if (!larger.allocate(std::max(size, size_ + size_ / 2))) return false;
  if (size_ > 0) std::memcpy(larger.data(), data(), static_cast<std::size_t>(size_));
  *this = std::move(larger);
  return true;
}

Outcome outside(const char* memory, std::int64_t address, std::int64_t bytes, std::int64_t size) {
  return impossible(fmt::format("bytes {} .. {} are outside {} of {} bytes", address, address + bytes - 1, memory, size));
}

Outcome impossible(std::string message) { return std::make_unique<Failure>(Failure{std::move(message)}); }

}  // namespace systole::machine
