// The .npy format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#include "tensor/npy.h"

#include <fmt/core.h>

#include <charconv>
#include <cstring>
#include <string_view>

#include "base/file.h"

namespace systole {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);

struct Descr {
  std::string_view code;  // NumPy's kind and size, without the byte order
  DType type;
};
constexpr Descr kDescrs[] = {{"b1", DType::kPred}, {"i1", DType::kI8},  {"i2", DType::kI16}, {"i4", DType::kI32},
                             {"i8", DType::kI64},  {"u1", DType::kU8},  {"u2", DType::kU16}, {"u4", DType::kU32},
                             {"u8", DType::kU64},  {"f2", DType::kF16}, {"f4", DType::kF32}, {"f8", DType::kF64}};

struct Header {
  DType type = DType::kF32;
  bool fortran_order = false;
  Shape shape;
};

// Reads the header's Python dictionary: three keys, values a string, True or False, and a tuple of integers.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& place) : text_(text), place_(place) {}

  Expected<Header> parse() {
    Header header;
    bool has_descr = false, has_order = false, has_shape = false;
    if (!take('{')) return fail("does not start with '{'");
    while (!take('}')) {
      SYSTOLE_ASSIGN(const std::string_view key, quoted());
      if (!take(':')) return fail("lacks a ':'");
      if (key == "descr") {
        SYSTOLE_ASSIGN(header.type, descr());
        has_descr = true;
      } else if (key == "fortran_order") {
        header.fortran_order = word("True");
        if (!header.fortran_order && !word("False")) return fail("needs True or False for fortran_order");
        has_order = true;
      } else if (key == "shape") {
        SYSTOLE_ASSIGN(header.shape, tuple());
        has_shape = true;
      } else {
        return fail(fmt::format("has an unknown key '{}'", key));
      }
      take(',');
    }
    if (!has_descr || !has_order || !has_shape) return fail("lacks descr, fortran_order or shape");
    return header;
  }

 private:
  Error fail(const std::string& what) const { return invalid_input(place_, "the npy header " + what); }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool word(std::string_view w) {
    skip_space();
    if (text_.substr(at_, w.size()) != w) return false;
    at_ += w.size();
    return true;
  }
  Expected<std::string_view> quoted() {
    skip_space();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return fail("lacks a quoted string");
    const char quote = text_[at_++];
    const std::size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) return fail("has an unterminated string");
    const std::string_view result = text_.substr(at_, end - at_);
    at_ = end + 1;
    return result;
  }
  Expected<DType> descr() {
    SYSTOLE_ASSIGN(const std::string_view code, quoted());
    if (!code.empty() && code[0] == '>')
      return unsupported(place_, "big-endian npy data", "save it with astype('<f4')");
    const std::string_view kind =
        code.substr(!code.empty() && (code[0] == '<' || code[0] == '|' || code[0] == '=') ? 1 : 0);
    for (const Descr& d : kDescrs) {
      if (d.code == kind) return d.type;
    }
    return unsupported(place_, fmt::format("npy element type '{}'", code),
                       "save the array as a plain number type, for example float32");
  }
  Expected<Shape> tuple() {
    Shape shape;
    if (!take('(')) return fail("has a shape that is no tuple");
    while (!take(')')) {
      skip_space();
      std::int64_t size = 0;
      const char* end = text_.data() + text_.size();
      const auto [next, error] = std::from_chars(text_.data() + at_, end, size);
      if (error != std::errc()) return fail("has a shape that is not made of integers");
      at_ = static_cast<std::size_t>(next - text_.data());
      shape.push_back(size);
      if (shape.size() > 64) return fail("has more than 64 dimensions");
      if (!take(',') && !(at_ < text_.size() && text_[at_] == ')')) return fail("has an unterminated shape");
    }
    return shape;
  }

  std::string_view text_;
  const std::string& place_;
  std::size_t at_ = 0;
};

Tensor from_fortran_order(const Tensor& in, const Shape& shape) {
  Tensor out(in.type(), shape);
  const auto size = static_cast<std::size_t>(dtype_bytes(in.type()));
  std::uint8_t* to = out.mutable_raw();
  Shape index(shape.size(), 0), stride(shape.size(), 1);
  for (std::size_t d = 1; d < shape.size(); ++d) stride[d] = stride[d - 1] * shape[d - 1];
  for (std::int64_t i = 0; i < out.count(); ++i, to += size) {
    std::int64_t from = 0;
    for (std::size_t d = 0; d < shape.size(); ++d) from += index[d] * stride[d];
    std::memcpy(to, in.raw() + from * static_cast<std::int64_t>(size), size);
    for (std::size_t d = shape.size(); d-- > 0 && ++index[d] == shape[d];) index[d] = 0;
  }
  return out;
}

Tensor with_numpy_type(const Tensor& tensor) {
  if (is_fixed(tensor.type())) return tensor.converted(DType::kF32);
  switch (tensor.type()) {
    case DType::kBF16:
    case DType::kF8E4M3:
    case DType::kF8E5M2:
    case DType::kTF32:
      return tensor.converted(DType::kF32);
    case DType::kI4:
      return tensor.converted(DType::kI8);
    default:
      return tensor;
  }
}

}  // namespace

Expected<Tensor> parse_npy(std::span<const std::uint8_t> bytes, const std::string& place) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.substr(0, kMagic.size()) != kMagic || text.size() < 10) return invalid_input(place, "not an npy file");
  const int version = bytes[6];
  if (version < 1 || version > 3) return unsupported(place, fmt::format("npy format version {}", version));
  const std::size_t length_bytes = version == 1 ? 2 : 4, start = 8 + length_bytes;
  if (bytes.size() < start) return invalid_input(place, "the npy header is cut off");
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) length |= static_cast<std::size_t>(bytes[8 + i]) << (8 * i);
  if (length > bytes.size() - start) return invalid_input(place, "the npy header is cut off");
  SYSTOLE_ASSIGN(const Header header, HeaderParser(text.substr(start, length), place).parse());
  SYSTOLE_TRY(check_shape(header.shape, place));
  const std::int64_t wanted = element_count(header.shape) * dtype_bytes(header.type);
  const std::size_t given = bytes.size() - start - length;
  if (given != static_cast<std::size_t>(wanted)) {
    return invalid_input(place, fmt::format("{} bytes of data, {} needed for {} of {}", given, wanted,
                                            shape_text(header.shape), dtype_name(header.type)));
  }
  Tensor tensor(header.type, header.shape);
  if (wanted > 0) std::memcpy(tensor.mutable_raw(), bytes.data() + start + length, given);
  if (header.fortran_order && header.shape.size() > 1) return from_fortran_order(tensor, header.shape);
  return tensor;
}

std::vector<std::uint8_t> format_npy(const Tensor& original) {
  const Tensor tensor = with_numpy_type(original);
  std::string_view code;
  for (const Descr& d : kDescrs) {
    if (d.type == tensor.type()) code = d.code;
  }
  std::string shape;
  for (const std::int64_t size : tensor.shape()) shape += fmt::format("{}, ", size);
  if (tensor.rank() > 1) shape.resize(shape.size() - 2);
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                   dtype_bytes(tensor.type()) == 1 ? '|' : '<', code,
                                   tensor.rank() == 1 ? shape.substr(0, shape.size() - 1) : shape);
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::vector<std::uint8_t> bytes(kMagic.begin(), kMagic.end());
  bytes.insert(bytes.end(),
               {1, 0, static_cast<std::uint8_t>(header.size() & 255), static_cast<std::uint8_t>(header.size() >> 8)});
  bytes.insert(bytes.end(), header.begin(), header.end());
  if (tensor.raw() != nullptr) bytes.insert(bytes.end(), tensor.raw(), tensor.raw() + tensor.bytes());
  return bytes;
}

Expected<Tensor> read_npy(const std::string& path) {
  SYSTOLE_ASSIGN(const auto bytes, read_file(path));
  return parse_npy(bytes, path);
}

Status write_npy(const std::string& path, const Tensor& tensor) { return write_file(path, format_npy(tensor)); }

}  // namespace systole
