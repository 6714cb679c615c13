#include "frontend/initializers.h"

#include <optional>

namespace systole::frontend {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kLargeBytes = 4096;
// onnx.proto: ModelProto.graph, GraphProto.initializer, TensorProto.raw_data.
constexpr std::uint64_t kGraph = 7, kInitializer = 5, kRawData = 9;
constexpr int kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5;   // wire types; groups (3, 4) are not used by ONNX

struct Field {
  std::uint64_t number = 0;
  int wire_type = 0;
  Bytes whole, content;      // with tag and length; of a length-delimited field, what it holds
};

class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }

  std::optional<Field> next() {
    const Bytes begin = rest_;
    const auto tag = varint();
    if (!tag) return std::nullopt;
    Field field{*tag >> 3, static_cast<int>(*tag & 7), {}, {}};
    std::uint64_t length = 0;
    if (field.wire_type == kVarint) {
      if (!varint()) return std::nullopt;
    } else if (field.wire_type == kLengthDelimited) {
      const auto size = varint();
      if (!size) return std::nullopt;
      length = *size;
    } else if (field.wire_type == kFixed64 || field.wire_type == kFixed32) {
      length = field.wire_type == kFixed64 ? 8 : 4;
    } else {
      return std::nullopt;
    }
    if (length > rest_.size()) return std::nullopt;
    field.content = rest_.first(static_cast<std::size_t>(length));
    rest_ = rest_.subspan(static_cast<std::size_t>(length));
    field.whole = begin.first(begin.size() - rest_.size());
    return field;
  }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return std::nullopt;
      const std::uint8_t byte = rest_.front();
      rest_ = rest_.subspan(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  Bytes rest_;
};

void put(std::vector<std::uint8_t>& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
void put_varint(std::vector<std::uint8_t>& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}
void put_message(std::vector<std::uint8_t>& out, std::uint64_t number, Bytes message) {
  put_varint(out, number << 3 | kLengthDelimited);
  put_varint(out, message.size());
  put(out, message);
}

// The tensor without its raw data, if that is large; nullopt: it stays as it is.
std::optional<std::vector<std::uint8_t>> without_raw_data(Bytes tensor, Bytes& raw) {
  std::vector<std::uint8_t> rest;
  int found = 0;
  for (Reader reader(tensor); !reader.done();) {
    const auto field = reader.next();
    if (!field) return std::nullopt;
    const bool is_raw = field->number == kRawData && field->wire_type == kLengthDelimited;
    if (!is_raw) {
      if (field->content.size() > kLargeBytes) return std::nullopt;   // values in typed fields
      put(rest, field->whole);
      continue;
    }
    raw = field->content;
    ++found;
  }
  if (found != 1 || raw.size() <= kLargeBytes) return std::nullopt;
  return rest;
}

bool split_graph(Bytes graph, int& count, LargeInitializers& split) {
  std::vector<std::uint8_t> rest;
  for (Reader reader(graph); !reader.done();) {
    const auto field = reader.next();
    if (!field) return false;
    if (field->number != kInitializer || field->wire_type != kLengthDelimited) {
      put(rest, field->whole);
      continue;
    }
    Bytes raw;
    if (const auto tensor = without_raw_data(field->content, raw)) {
      split.raw.emplace(count, raw);
      put_message(rest, kInitializer, *tensor);
    } else {
      put(rest, field->whole);
    }
    ++count;
  }
  put_message(split.model, kGraph, rest);
  return true;
}

}  // namespace

LargeInitializers split_initializers(Bytes bytes) {
  LargeInitializers split;
  int count = 0;
  for (Reader reader(bytes); !reader.done();) {
    const auto field = reader.next();
    const bool is_graph = field && field->number == kGraph && field->wire_type == kLengthDelimited;
    if (!field || (is_graph && !split_graph(field->content, count, split))) return {{bytes.begin(), bytes.end()}, {}};
    if (!is_graph) put(split.model, field->whole);
  }
  return split;
}

}  // namespace systole::frontend
