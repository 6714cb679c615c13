// A .npz file is a ZIP archive (PKWARE APPNOTE 6.3) of one .npy file per array.
#include <fmt/core.h>
#include <zlib.h>

#include <cstring>
#include <string_view>

#include "base/file.h"
#include "tensor/npy.h"

namespace systole {
namespace {

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr std::size_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22;
constexpr std::size_t kMaxArchive = 0xFFFFFFFEu;  // larger ones need ZIP64
constexpr std::uint32_t kDosDate = 0x21;          // 1980-01-01: the file is a function of its contents

using Bytes8 = std::span<const std::uint8_t>;

std::uint32_t read_le(Bytes8 bytes, std::size_t at, int count) {
  std::uint32_t x = 0;
  for (int i = 0; i < count; ++i) x |= static_cast<std::uint32_t>(bytes[at + static_cast<std::size_t>(i)]) << (8 * i);
  return x;
}

void append_le(std::vector<std::uint8_t>& bytes, std::uint64_t x, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(x >> (8 * i)));
}

struct Entry {
  std::string name;
  std::uint32_t method = 0, crc = 0, packed = 0, size = 0, offset = 0;
};

Expected<std::vector<Entry>> read_directory(Bytes8 bytes, const std::string& place) {
  std::size_t end = bytes.size() + 1;
  for (std::size_t back = kEndBytes; back <= bytes.size() && back <= kEndBytes + 0xFFFF; ++back) {
    if (read_le(bytes, bytes.size() - back, 4) == kEnd) {
      end = bytes.size() - back;
      break;
    }
  }
  if (end > bytes.size()) return invalid_input(place, "not an npz file: no end of a ZIP directory");
  const std::uint32_t count = read_le(bytes, end + 10, 2);
  std::size_t at = read_le(bytes, end + 16, 4);
  std::vector<Entry> entries;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (at > end || end - at < kCentralBytes || read_le(bytes, at, 4) != kCentral) {
      return invalid_input(place, fmt::format("the ZIP directory is broken at entry {}", i));
    }
    const std::size_t name_bytes = read_le(bytes, at + 28, 2);
    const std::size_t length = kCentralBytes + name_bytes + read_le(bytes, at + 30, 2) + read_le(bytes, at + 32, 2);
    if (end - at < length) return invalid_input(place, fmt::format("the ZIP directory is cut off at entry {}", i));
    Entry e;
    e.name.assign(reinterpret_cast<const char*>(bytes.data()) + at + kCentralBytes, name_bytes);
    if (read_le(bytes, at + 8, 2) & 1) return unsupported(place, fmt::format("'{}' is encrypted", e.name));
    e.method = read_le(bytes, at + 10, 2);
    e.crc = read_le(bytes, at + 16, 4);
    e.packed = read_le(bytes, at + 20, 4);
    e.size = read_le(bytes, at + 24, 4);
    e.offset = read_le(bytes, at + 42, 4);
    entries.push_back(std::move(e));
    at += length;
  }
  return entries;
}

Expected<std::vector<std::uint8_t>> inflate_entry(Bytes8 packed, const Entry& e, const std::string& place) {
  // Deflate cannot expand by more than 1032 (zlib's technical notes), so a larger claim is a lie.
  if (e.size / 1032 > packed.size()) return invalid_input(place, "the unpacked size is impossible");
  std::vector<std::uint8_t> out(std::max<std::size_t>(e.size, 1));
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return Error{ErrorCode::kInternal, place, "zlib failed to start", {}};
  stream.next_in = const_cast<Bytef*>(packed.data());  // zlib's interface predates const; it only reads
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = inflate(&stream, Z_FINISH);
  const bool complete = status == Z_STREAM_END && stream.total_out == e.size;
  inflateEnd(&stream);
  if (!complete) return invalid_input(place, "the deflated data is broken");
  out.resize(e.size);
  return out;
}

Expected<Tensor> read_entry(Bytes8 bytes, const Entry& e, const std::string& place) {
  if (e.packed == 0xFFFFFFFFu || e.size == 0xFFFFFFFFu || e.offset == 0xFFFFFFFFu) {
    return unsupported(place, "arrays of 4 GiB and more (ZIP64)", "save it as an npy file");
  }
  const std::size_t offset = e.offset;
  if (offset > bytes.size() || bytes.size() - offset < kLocalBytes || read_le(bytes, offset, 4) != kLocal) {
    return invalid_input(place, "the ZIP entry is not where the directory says");
  }
  const std::size_t start = kLocalBytes + read_le(bytes, offset + 26, 2) + read_le(bytes, offset + 28, 2);
  if (bytes.size() - offset < start || bytes.size() - offset - start < e.packed) {
    return invalid_input(place, "the ZIP entry is cut off");
  }
  const Bytes8 packed = bytes.subspan(offset + start, e.packed);
  std::vector<std::uint8_t> unpacked;
  if (e.method == 8) {
    SYSTOLE_ASSIGN(unpacked, inflate_entry(packed, e, place));
  } else if (e.method != 0) {
    return unsupported(place, fmt::format("ZIP method {}", e.method), "use numpy.savez or numpy.savez_compressed");
  }
  const Bytes8 data = e.method == 8 ? Bytes8(unpacked) : packed;
  if (crc32_z(0, data.data(), data.size()) != e.crc) return invalid_input(place, "the checksum does not match");
  return parse_npy(data, place);
}

}  // namespace

Expected<std::map<std::string, Tensor>> read_npz(const std::string& path) {
  SYSTOLE_ASSIGN(const auto bytes, read_file(path));
  SYSTOLE_ASSIGN(const auto entries, read_directory(bytes, path));
  std::map<std::string, Tensor> tensors;
  for (const Entry& e : entries) {
    std::string name = e.name;
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    SYSTOLE_ASSIGN(Tensor tensor, read_entry(bytes, e, fmt::format("{}: array '{}'", path, name)));
    if (!tensors.emplace(name, std::move(tensor)).second) {
      return invalid_input(path, fmt::format("array '{}' stands twice", name));
    }
  }
  return tensors;
}

Status write_npz(const std::string& path, const std::map<std::string, Tensor>& tensors) {
  if (tensors.size() > 0xFFFF) return unsupported(path, "more than 65535 arrays in one npz file");
  std::vector<std::uint8_t> bytes, directory;
  for (const auto& [key, tensor] : tensors) {
    const std::string name = key + ".npy";
    const auto data = format_npy(tensor);
    if (name.size() > 0xFFFF || data.size() > kMaxArchive - std::min(bytes.size(), kMaxArchive)) {
      return unsupported(path, "an npz file of 4 GiB and more", "write npy files");
    }
    const std::size_t offset = bytes.size();
    const auto common = [&](std::vector<std::uint8_t>& out) {  // the fields that both headers have
      append_le(out, 20, 2);                                   // version needed: 2.0
      append_le(out, 0, 4);                                    // flags, method: stored
      append_le(out, 0, 2);                                    // time
      append_le(out, kDosDate, 2);
      append_le(out, crc32_z(0, data.data(), data.size()), 4);
      append_le(out, data.size(), 4);
      append_le(out, data.size(), 4);
      append_le(out, name.size(), 2);
      append_le(out, 0, 2);  // extra field
    };
    append_le(bytes, kLocal, 4);
    common(bytes);
    bytes.insert(bytes.end(), name.begin(), name.end());
    bytes.insert(bytes.end(), data.begin(), data.end());
    append_le(directory, kCentral, 4);
    append_le(directory, 20, 2);
    common(directory);
    append_le(directory, 0, 6);  // comment, disk, internal attributes
    append_le(directory, 0, 4);  // external attributes
    append_le(directory, offset, 4);
    directory.insert(directory.end(), name.begin(), name.end());
  }
  const std::size_t start = bytes.size();
  if (start + directory.size() > kMaxArchive)
    return unsupported(path, "an npz file of 4 GiB and more", "write npy files");
  bytes.insert(bytes.end(), directory.begin(), directory.end());
  append_le(bytes, kEnd, 4);
  append_le(bytes, 0, 4);
  append_le(bytes, tensors.size(), 2);
  append_le(bytes, tensors.size(), 2);
  append_le(bytes, directory.size(), 4);
  append_le(bytes, start, 4);
  append_le(bytes, 0, 2);
  return write_file(path, bytes);
}

}  // namespace systole
