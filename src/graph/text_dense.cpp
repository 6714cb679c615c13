// dense<...>: MLIR's elements literal, as numbers, nested lists, one number for all, or the raw bytes in hex.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "graph/text_scanner.h"
#include "tensor/element.h"

namespace systole::graph {
namespace {

constexpr std::int64_t kMaxBytes = std::int64_t{1} << 31;  // of one constant in text
constexpr std::int64_t kMaxListed = 64;                    // longer constants print in hex

class DenseParser {
 public:
  DenseParser(Scanner& in, const TensorType& type)
      : in_(in), value_(type.type, type.shape), bytes_(value_.mutable_raw()) {}

  Tensor parse() {
    if (in_.at_end()) {
      if (value_.count() != 0) in_.fail("dense<> needs a tensor without elements");
    } else if (in_.peek("\"")) {
      hex_string();
    } else if (in_.peek("[")) {
      list(0, 0);
    } else {
      splat();
    }
    if (in_.ok() && !in_.at_end()) in_.fail("expected '>'");
    return value_;
  }

 private:
  std::int64_t size() const { return dtype_bytes(value_.type()); }

  void splat() {
    std::uint8_t one[8];
    element(one);
    for (std::int64_t i = 0; in_.ok() && i < value_.count(); ++i)
      std::memcpy(bytes_ + i * size(), one, static_cast<std::size_t>(size()));
  }

  void list(std::size_t d, std::int64_t first) {
    if (d == value_.shape().size()) return element(bytes_ + first * size());
    in_.expect("[");
    const std::int64_t step = row_major_strides(value_.shape())[d];
    for (std::int64_t i = 0; in_.ok() && i < value_.shape()[d]; ++i) {
      if (i > 0) in_.expect(",");
      list(d + 1, first + i * step);
    }
    if (!in_.accept("]")) in_.fail(fmt::format("expected a list of {} in dimension {}", value_.shape()[d], d));
  }

  // A decimal or the bits in hex.
  void element(std::uint8_t* to) {
    const DType type = value_.type();
    if (in_.peek("(")) return in_.fail("complex numbers are not supported", {}, ErrorCode::kUnsupported);
    const std::string_view text = in_.number();
    if (!in_.ok()) return;
    if (text == "true" || text == "false") return store_from_i64(type, to, text == "true");
    const char *begin = text.data(), *end = begin + text.size();
    if (text.starts_with("0x")) {
      std::uint64_t bits = 0;
      const auto [next, error] = std::from_chars(begin + 2, end, bits, 16);
      if (error != std::errc() || next != end) return in_.fail("malformed hexadecimal number");
      std::memcpy(to, &bits, static_cast<std::size_t>(size()));
    } else if (holds_integer(type)) {
      std::int64_t x = 0;
      std::uint64_t large = 0;
      if (const auto r = std::from_chars(begin, end, x); r.ec == std::errc() && r.ptr == end) {
        store_from_i64(type, to, x);
        if (load_as_i64(type, to) != x) in_.fail(fmt::format("{} does not fit {}", x, dtype_name(type)));
      } else if (type == DType::kU64 && std::from_chars(begin, end, large).ptr == end) {
        std::memcpy(to, &large, sizeof large);
      } else {
        in_.fail(fmt::format("'{}' is not an integer", text));
      }
    } else if (type == DType::kF32) {
      store_real<float>(to, begin, end);
    } else {
      store_real<double>(to, begin, end);
    }
  }

  template <typename T>
  void store_real(std::uint8_t* to, const char* begin, const char* end) {
    T x = 0;
    const auto [next, error] = std::from_chars(begin, end, x);
    if ((error != std::errc() && error != std::errc::result_out_of_range) || next != end)
      return in_.fail("expected a number");
    store_from_double(value_.type(), to, static_cast<double>(x));
  }

  // The bytes of all elements, or of one for all; i1 packs eight elements a byte.
  void hex_string() {
    std::string text = in_.string();
    if (!in_.ok()) return;
    std::vector<std::uint8_t> raw;
    if (!text.starts_with("0x") || text.size() % 2 != 0)
      return in_.fail("expected an even number of hexadecimal digits after 0x");
    for (std::size_t i = 2; i < text.size(); i += 2) {
      std::uint8_t byte = 0;
      if (std::from_chars(&text[i], &text[i] + 2, byte, 16).ptr != &text[i] + 2)
        return in_.fail("malformed hexadecimal digits");
      raw.push_back(byte);
    }
    if (value_.type() == DType::kPred) return packed_bits(raw);
    const auto given = static_cast<std::int64_t>(raw.size());
    if (given != value_.bytes() && given != size()) {
      return in_.fail(fmt::format("{} bytes given, {} needed", given, value_.bytes()));
    }
    for (std::int64_t i = 0; i < value_.bytes(); ++i) bytes_[i] = raw[static_cast<std::size_t>(i % given)];
  }

  void packed_bits(const std::vector<std::uint8_t>& raw) {
    const std::int64_t count = value_.count();
    if (raw.size() == 1 && (raw[0] == 0 || raw[0] == 0xFF)) {
      std::fill_n(bytes_, count, static_cast<std::uint8_t>(raw[0] & 1));
    } else if (static_cast<std::int64_t>(raw.size()) != (count + 7) / 8) {
      in_.fail(fmt::format("{} bytes given, {} needed", raw.size(), (count + 7) / 8));
    } else {
      for (std::int64_t i = 0; i < count; ++i)
        bytes_[i] = static_cast<std::uint8_t>(raw[static_cast<std::size_t>(i / 8)] >> (i % 8) & 1);
    }
  }

  Scanner& in_;
  Tensor value_;
  std::uint8_t* bytes_;
};

// MLIR wants a '.' in every decimal.
std::string with_point(std::string text) {
  if (text.find('.') != std::string::npos) return text;
  const std::size_t exponent = text.find('e');
  return exponent == std::string::npos ? text + ".0" : text.insert(exponent, ".0");
}

std::string bits_text(const std::uint8_t* p, std::int64_t size) {
  std::string text = "0x";
  for (std::int64_t i = size; i-- > 0;) text += fmt::format("{:02X}", p[i]);
  return text;
}

std::string element_text(DType type, const std::uint8_t* p) {
  if (type == DType::kPred) return *p != 0 ? "true" : "false";
  if (type == DType::kU64) {
    std::uint64_t x = 0;
    std::memcpy(&x, p, sizeof x);
    return fmt::format("{}", x);
  }
  if (holds_integer(type)) return fmt::format("{}", load_as_i64(type, p));
  const double x = load_as_double(type, p);
  if (!std::isfinite(x)) return bits_text(p, dtype_bytes(type));
  return with_point(type == DType::kF64 ? fmt::format("{}", x) : fmt::format("{}", static_cast<float>(x)));
}

std::string list_text(const Tensor& value, std::size_t d, std::int64_t first) {
  const std::int64_t size = dtype_bytes(value.type());
  if (d == value.shape().size()) return element_text(value.type(), value.raw() + first * size);
  const std::int64_t step = row_major_strides(value.shape())[d];
  std::string text = "[";
  for (std::int64_t i = 0; i < value.shape()[d]; ++i)
    text += (i > 0 ? ", " : "") + list_text(value, d + 1, first + i * step);
  return text + "]";
}

bool is_splat(const Tensor& value) {
  const std::int64_t size = dtype_bytes(value.type());
  return value.count() > 0 &&
         std::memcmp(value.raw(), value.raw() + size, static_cast<std::size_t>(value.bytes() - size)) == 0;
}

}  // namespace

Tensor parse_dense(Scanner& in) {
  if (in.peek("dense_resource"))
    in.fail("dense_resource is not supported", "print with elements inline", ErrorCode::kUnsupported);
  in.expect("dense");
  const Span literal = in.bracketed();
  in.expect(":");
  const TensorType type = in.tensor_type();
  if (in.ok() && type.bytes() > kMaxBytes) in.fail("a constant of more than 2 GiB", {}, ErrorCode::kUnsupported);
  if (!in.ok()) return {};
  return in.within(literal, [&] { return DenseParser(in, type).parse(); });
}

std::string print_dense(const Tensor& value) {
  if (value.count() == 0) return "dense<>";
  if (is_splat(value)) return fmt::format("dense<{}>", element_text(value.type(), value.raw()));
  if (value.count() <= kMaxListed || value.type() == DType::kPred)
    return fmt::format("dense<{}>", list_text(value, 0, 0));
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text = "dense<\"0x";
  text.reserve(static_cast<std::size_t>(value.bytes()) * 2 + 16);
  for (std::int64_t i = 0; i < value.bytes(); ++i) {
    text += kDigits[value.raw()[i] >> 4];
    text += kDigits[value.raw()[i] & 15];
  }
  return text + "\">";
}

}  // namespace systole::graph
