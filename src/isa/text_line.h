// One line of assembly text: words, quoted texts and key=value arguments, each with its column for messages.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.h"

namespace systole::isa {

std::string quote(std::string_view text);       // "a\"b\\c\x01"

struct Token {
  std::string text;
  std::size_t column = 1;
  bool quoted = false;
};

struct Argument {
  Token key, value;
};

class TextLine {
 public:
  // Comments begin with ';' outside of quotes.
  TextLine(std::string_view text, std::size_t number, const std::string& place) : text_(text), number_(number), place_(place) {}

  bool at_end();
  bool accept(char c);                          // skips spaces, then takes c if it is next
  Expected<Token> word(std::string_view what);  // letters, digits, "_.+-"
  Expected<Token> value(std::string_view what); // a word (with commas) or a quoted text
  Expected<std::vector<Argument>> arguments();  // key=value until the end of the line; no key twice
  Status expect_end();

  Error error(std::size_t column, std::string message, std::string hint = {}) const;
  std::size_t column() const { return position_ + 1; }

 private:
  Expected<Token> quoted();
  Expected<Token> run(std::string_view what, std::string_view extra);
  void skip();

  std::string_view text_;
  std::size_t position_ = 0;
  std::size_t number_;
  const std::string& place_;
};

// Decimal or 0x hexadecimal, with an optional sign; the whole text.
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<std::uint64_t> parse_unsigned(std::string_view text);

// Takes arguments by name; what nobody took is an error that suggests a name.
class Arguments {
 public:
  Arguments(const TextLine& line, std::vector<Argument> list) : line_(&line), list_(std::move(list)), taken_(list_.size()) {}

  const Argument* take(std::string_view name);
  Status integer(std::string_view name, std::int64_t low, std::int64_t high, std::int64_t& value);   // leaves value alone if absent
  Status text(std::string_view name, std::string& value);
  Status finish(std::span<const std::string> known) const;

 private:
  const TextLine* line_;
  std::vector<Argument> list_;
  std::vector<bool> taken_;
};

}  // namespace systole::isa
