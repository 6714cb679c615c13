// Internal: reading MLIR text. Errors are sticky: after the first one every call does nothing and returns an empty
// value, so that a parser reads as the grammar and asks ok() once per operation. Loops over input must ask ok() too.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace systole::graph {

// A piece of the text, kept for later: an attribute's value, a region, a function's body.
struct Span {
  std::size_t begin = 0, end = 0;
};
using AttributeMap = std::map<std::string, Span, std::less<>>;

class Scanner {
 public:
  Scanner(std::string_view text, const std::string& place) : text_(text), end_(text.size()), place_(place) {}

  bool ok() const { return !error_; }
  const Error& error() const { return *error_; }
  void fail(const std::string& message, const std::string& hint = {}, ErrorCode code = ErrorCode::kInvalidInput);
  void fail(const Error& error);  // an error found elsewhere, at this place

  bool at_end();
  bool peek(std::string_view token);  // does `token` come next? A word must end there.
  bool accept(std::string_view token);
  void expect(std::string_view token);

  std::string_view word();               // letters, digits, _, . and $
  std::string_view value_name();         // "%arg0", "%3#1"
  std::string string();                  // "..." with MLIR's escapes
  std::int64_t integer();                // with an optional ": i64" after it left alone
  std::vector<std::int64_t> integers();  // [1, [2, 3]] flattened; true and false count as 1 and 0
  std::string_view number();             // the characters of a number, for dense<...>
  TensorType tensor_type();              // tensor<2x3xf32>
  AttributeMap attributes();             // after a brace: name = value, ..., and the closing brace
  Span bracketed();                      // (...), {...}, <...> or [...]: what is inside
  void skip_locations();                 // loc(...) after an operation

  // Runs `read` on a piece of the text and comes back; errors stay.
  template <typename F>
  auto within(Span span, F read) {
    const std::size_t at = at_, end = end_;
    at_ = span.begin;
    end_ = span.end;
    auto result = read();
    at_ = at;
    end_ = end;
    return result;
  }
  std::string_view text(Span span) const { return text_.substr(span.begin, span.end - span.begin); }
  std::size_t position() const { return at_; }
  void seek(std::size_t position) { at_ = position; }

 private:
  void skip_space();
  void skip_balanced(std::string_view stop);  // to the first of `stop` outside brackets and strings

  std::string_view text_;
  std::size_t at_ = 0, end_;
  const std::string& place_;
  std::optional<Error> error_;
};

// dense<...> : tensor<...>, the whole literal.
Tensor parse_dense(Scanner& in);
std::string print_dense(const Tensor& value);  // without the type
std::string quoted(std::string_view text);

}  // namespace systole::graph
