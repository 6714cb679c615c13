// Little-endian bytes out and in. A reader never reads past its end and never allocates more than the bytes that are there.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace systole::isa {

class ByteWriter {
 public:
  template <typename T>
  void put(T value) {
    const auto bits = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) bytes_.push_back(static_cast<std::uint8_t>(bits >> (8 * i)));
  }
  void put_bytes(std::span<const std::uint8_t> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void put_text(const std::string& text) {
    put<std::uint64_t>(text.size());
    put_bytes({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

// After a read past the end every getter returns zero or empty, and ok() is false.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  template <typename T>
  T get() {
    std::uint64_t bits = 0;
    if (!need(sizeof(T))) return T{};
    for (std::size_t i = 0; i < sizeof(T); ++i) bits |= static_cast<std::uint64_t>(bytes_[i]) << (8 * i);
    bytes_ = bytes_.subspan(sizeof(T));
    return static_cast<T>(bits);
  }
  std::span<const std::uint8_t> get_bytes(std::uint64_t count) {
    if (!need(count)) return {};
    const auto taken = bytes_.first(static_cast<std::size_t>(count));
    bytes_ = bytes_.subspan(static_cast<std::size_t>(count));
    return taken;
  }
  std::string get_text() {
    const auto taken = get_bytes(get<std::uint64_t>());
    return {taken.begin(), taken.end()};
  }
  // A count of items of at least `item_bytes` bytes each that are to follow; 0 and not ok() if they cannot be there.
  std::size_t get_count(std::size_t item_bytes) {
    const auto count = get<std::uint64_t>();
    if (count > bytes_.size() / item_bytes) ok_ = false;
    return ok_ ? static_cast<std::size_t>(count) : 0;
  }
  bool ok() const { return ok_; }
  std::size_t left() const { return bytes_.size(); }

 private:
  bool need(std::uint64_t count) {
    ok_ = ok_ && count <= bytes_.size();
    return ok_;
  }
  std::span<const std::uint8_t> bytes_;
  bool ok_ = true;
};

}  // namespace systole::isa
