#include "graph/text_scanner.h"

#include <fmt/core.h>

#include <cctype>
#include <charconv>

namespace systole::graph {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '$'; }
constexpr std::size_t kMaxRank = 64, kMaxDepth = 256;

}  // namespace

void Scanner::fail(const std::string& message, const std::string& hint, ErrorCode code) {
  if (error_) return;
  std::size_t line = 1, column = 1;
  for (const char c : text_.substr(0, std::min(at_, text_.size()))) {
    ++column;
    if (c == '\n') ++line, column = 1;
  }
  error_ = Error{code, fmt::format("{}:{}:{}", place_, line, column), message, hint};
}

void Scanner::fail(const Error& error) {
  fail(error.place.empty() ? error.message : error.place + ": " + error.message, error.hint, error.code);
}

void Scanner::skip_space() {
  while (at_ < end_) {
    if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
      ++at_;
    } else if (text_.substr(at_, 2) == "//") {
      while (at_ < end_ && text_[at_] != '\n') ++at_;
    } else {
      return;
    }
  }
}

bool Scanner::at_end() {
  skip_space();
  return !ok() || at_ >= end_;
}

bool Scanner::peek(std::string_view token) {
  skip_space();
  if (!ok() || end_ - at_ < token.size() || text_.substr(at_, token.size()) != token) return false;
  const std::size_t next = at_ + token.size();
  return !is_word(token.back()) || next >= end_ || !is_word(text_[next]);
}

bool Scanner::accept(std::string_view token) {
  if (!peek(token)) return false;
  at_ += token.size();
  return true;
}

void Scanner::expect(std::string_view token) {
  if (!accept(token)) fail(fmt::format("expected '{}'", token));
}

std::string_view Scanner::word() {
  skip_space();
  if (!ok()) return {};
  const std::size_t start = at_;
  while (at_ < end_ && is_word(text_[at_])) ++at_;
  if (at_ == start) fail("expected a name");
  return text_.substr(start, at_ - start);
}

std::string_view Scanner::value_name() {
  skip_space();
  if (!ok()) return {};
  const std::size_t start = at_;
  if (at_ >= end_ || text_[at_] != '%') {
    fail("expected a value, %name");
    return {};
  }
  ++at_;
  while (at_ < end_ && (is_word(text_[at_]) || text_[at_] == '-' || text_[at_] == '#')) ++at_;
  return text_.substr(start, at_ - start);
}

std::string Scanner::string() {
  skip_space();
  std::string result;
  if (!accept("\"")) {
    fail("expected a string");
    return {};
  }
  while (at_ < end_ && text_[at_] != '"') {
    char c = text_[at_++];
    if (c == '\\' && at_ < end_) {
      unsigned code = 0;
      const char* from = text_.data() + at_;
      const bool hex = end_ - at_ >= 2 && std::from_chars(from, from + 2, code, 16).ptr == from + 2;
      c = hex ? static_cast<char>(code) : text_[at_] == 'n' ? '\n' : text_[at_] == 't' ? '\t' : text_[at_];
      at_ += hex ? 2 : 1;
    }
    result += c;
  }
  if (at_ >= end_) fail("the string does not end");
  ++at_;
  return result;
}

std::int64_t Scanner::integer() {
  skip_space();
  std::int64_t value = 0;
  if (!ok()) return 0;
  if (accept("true")) return 1;
  if (accept("false")) return 0;
  const auto [next, error] = std::from_chars(text_.data() + at_, text_.data() + end_, value);
  if (error != std::errc()) {
    fail("expected an integer");
    return 0;
  }
  at_ = static_cast<std::size_t>(next - text_.data());
  return value;
}

std::vector<std::int64_t> Scanner::integers() {
  std::vector<std::int64_t> result;
  expect("[");
  for (int depth = 1; ok() && depth > 0;) {
    if (accept("[")) {
      ++depth;
    } else if (accept("]")) {
      --depth;
    } else if (!accept(",")) {
      result.push_back(integer());
    }
  }
  return result;
}

std::string_view Scanner::number() {
  skip_space();
  if (!ok()) return {};
  const std::size_t start = at_;
  if (at_ < end_ && text_[at_] == '-') ++at_;
  while (at_ < end_ &&
         (is_word(text_[at_]) || ((text_[at_] == '+' || text_[at_] == '-') && std::tolower(text_[at_ - 1]) == 'e')))
    ++at_;
  if (at_ == start) fail("expected a number");
  return text_.substr(start, at_ - start);
}

TensorType Scanner::tensor_type() {
  TensorType type;
  expect("tensor");
  expect("<");
  while (ok()) {
    skip_space();
    if (at_ < end_ && text_[at_] == '?') fail("sizes must be static", "lower the function for concrete shapes");
    std::int64_t size = 0;
    const auto [next, error] = std::from_chars(text_.data() + at_, text_.data() + end_, size);
    if (error == std::errc::invalid_argument) break;
    const auto after = static_cast<std::size_t>(next - text_.data());
    if (error != std::errc() || after >= end_ || text_[after] != 'x') {
      fail("expected a size and 'x'");
      break;
    }
    type.shape.push_back(size);
    at_ = after + 1;
    if (type.shape.size() > kMaxRank) fail("a tensor of more than 64 dimensions");
  }
  const std::string_view element = ok() ? word() : std::string_view{};
  if (ok()) {
    const auto parsed = parse_dtype(element);
    if (parsed.ok()) {
      type.type = *parsed;
    } else {
      fail(fmt::format("element type '{}' is not one that Systole has", element), parsed.error().hint,
           ErrorCode::kUnsupported);
    }
  }
  if (accept(",")) skip_balanced(">");  // an encoding
  expect(">");
  if (ok()) {
    const Status status = check_shape(type.shape, {});
    if (!status.ok()) fail(status.error());
  }
  return type;
}

void Scanner::skip_balanced(std::string_view stop) {
  std::string open;
  while (ok() && at_ < end_) {
    const char c = text_[at_];
    if (c == '"') {
      (void)string();
      continue;
    }
    if (text_.substr(at_, 2) == "->") {
      at_ += 2;
      continue;
    }
    if (open.empty() && stop.find(c) != std::string_view::npos) return;
    if (c == '(' || c == '[' || c == '{' || c == '<') {
      open += c == '(' ? ')' : c == '[' ? ']' : c == '{' ? '}' : '>';
      if (open.size() > kMaxDepth) fail("brackets nest too deeply");
    } else if (!open.empty() && c == open.back()) {
      open.pop_back();
    }
    ++at_;
  }
  if (ok() && !stop.empty()) fail(fmt::format("expected one of '{}'", stop));
}

AttributeMap Scanner::attributes() {
  AttributeMap result;
  if (accept("}")) return result;
  while (ok()) {
    const std::string name = peek("\"") ? string() : std::string(word());
    Span value;
    if (accept("=")) {
      skip_space();
      value.begin = at_;
      skip_balanced(",}");
      value.end = at_;
    }
    result.emplace(name, value);
    if (accept("}")) break;
    expect(",");
  }
  return result;
}

Span Scanner::bracketed() {
  skip_space();
  const char c = at_ < end_ ? text_[at_] : '\0';
  const char close = c == '(' ? ')' : c == '[' ? ']' : c == '{' ? '}' : c == '<' ? '>' : '\0';
  if (close == '\0') {
    fail("expected a bracket");
    return {};
  }
  Span span{++at_, at_};
  skip_balanced(std::string_view(&close, 1));
  span.end = at_;
  ++at_;
  return span;
}

void Scanner::skip_locations() {
  while (ok() && accept("loc")) (void)bracketed();
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\' || code < 0x20 || code >= 0x7F) {
      result += fmt::format("\\{:02X}", code);
    } else {
      result += c;
    }
  }
  return result + "\"";
}

}  // namespace systole::graph
