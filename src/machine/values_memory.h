// Memories of the value pass, and how an instruction says that it missed one.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/expected.h"

namespace systole::machine {

// Zeroed bytes. The host gives pages when they are first written, so a large memory costs what is used of it.
class ByteStore {
 public:
  // False if the host cannot give that much.
  bool allocate(std::int64_t size) {
    bytes_.reset(static_cast<std::uint8_t*>(std::calloc(static_cast<std::size_t>(size > 0 ? size : 1), 1)));
    size_ = bytes_ ? size : 0;
    return bytes_ != nullptr;
  }
  // Keeps what is there.
  bool grow(std::int64_t size);
  std::uint8_t* data() { return bytes_.get(); }
  const std::uint8_t* data() const { return bytes_.get(); }
  std::int64_t size() const { return size_; }
  bool holds(std::int64_t address, std::int64_t bytes) const { return address >= 0 && bytes >= 0 && address <= size_ - bytes; }

 private:
  struct Free { void operator()(std::uint8_t* p) const { std::free(p); } };
  std::unique_ptr<std::uint8_t[], Free> bytes_;
  std::int64_t size_ = 0;
};

// Far memory, shared by the cores: [0] HBM, [1] CMEM.
struct FarMemories {
  ByteStore memory[2];
};

struct Failure {
  std::string message;
};
// What an instruction gives back: nothing, or why it cannot be done; the caller knows where.
using Outcome = std::unique_ptr<Failure>;
Outcome outside(const char* memory, std::int64_t address, std::int64_t bytes, std::int64_t size);
Outcome impossible(std::string message);

}  // namespace systole::machine
