#include "isa/text_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "chip/suggest.h"

namespace systole::isa {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '+' || c == '-'; }

}  // namespace

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\', out += c;
    else if (byte < 0x20 || byte == 0x7F) out += fmt::format("\\x{:02x}", byte);
    else out += c;
  }
  return out + "\"";
}

Error TextLine::error(std::size_t column, std::string message, std::string hint) const {
  return invalid_input(fmt::format("{}:{}:{}", place_, number_, column), std::move(message), std::move(hint));
}

void TextLine::skip() {
  while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\t' || text_[position_] == '\r')) ++position_;
  if (position_ < text_.size() && text_[position_] == ';') position_ = text_.size();
}

bool TextLine::at_end() {
  skip();
  return position_ == text_.size();
}

bool TextLine::accept(char c) {
  if (at_end() || text_[position_] != c) return false;
  ++position_;
  return true;
}

Expected<Token> TextLine::run(std::string_view what, std::string_view extra) {
  skip();
  const std::size_t start = position_;
  while (position_ < text_.size() && (is_word(text_[position_]) || extra.find(text_[position_]) != std::string_view::npos)) ++position_;
  if (position_ > start) return Token{std::string(text_.substr(start, position_ - start)), start + 1, false};
  if (start == text_.size()) return error(start + 1, fmt::format("expected {}, the line ends", what));
  return error(start + 1, fmt::format("expected {}, found {}", what, quote(text_.substr(start, 1))));
}

Expected<Token> TextLine::word(std::string_view what) { return run(what, ""); }

Expected<Token> TextLine::value(std::string_view what) {
  skip();
  return position_ < text_.size() && text_[position_] == '"' ? quoted() : run(what, ",");
}

Expected<Token> TextLine::quoted() {
  Token token{"", position_ + 1, true};
  for (++position_; position_ < text_.size(); ++position_) {
    const char c = text_[position_];
    if (c == '"') {
      ++position_;
      return token;
    }
    if (c != '\\') {
      token.text += c;
      continue;
    }
    const std::string_view rest = text_.substr(position_ + 1);
    unsigned byte = 0;
    if (rest.starts_with('"') || rest.starts_with('\\')) {
      token.text += rest[0];
      position_ += 1;
    } else if (rest.size() >= 3 && rest[0] == 'x' && std::from_chars(rest.data() + 1, rest.data() + 3, byte, 16).ptr == rest.data() + 3) {
      token.text += static_cast<char>(byte);
      position_ += 3;
    } else {
      return error(position_ + 1, "unknown escape", "one of \\\" \\\\ \\xNN");
    }
  }
  return error(token.column, "the quote is not closed");
}

Expected<std::vector<Argument>> TextLine::arguments() {
  std::vector<Argument> list;
  while (!at_end()) {
    Argument argument;
    SYSTOLE_ASSIGN(argument.key, word("an argument name=value"));
    if (!accept('=')) return error(column(), fmt::format("expected '=' after '{}'", argument.key.text), "arguments are written name=value");
    SYSTOLE_ASSIGN(argument.value, value(fmt::format("a value for '{}'", argument.key.text)));
    for (const Argument& earlier : list) {
      if (earlier.key.text == argument.key.text) return error(argument.key.column, fmt::format("'{}' is given twice", argument.key.text));
    }
    list.push_back(std::move(argument));
  }
  return list;
}

Status TextLine::expect_end() {
  if (at_end()) return ok_status();
  return error(column(), "text after the end of the statement", "a comment begins with ';'");
}

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (text.empty() || code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto magnitude = parse_unsigned(text);
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 63;
  if (!magnitude || *magnitude > kLargest || (*magnitude == kLargest && !negative)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? ~*magnitude + 1 : *magnitude);
}

const Argument* Arguments::take(std::string_view name) {
  for (std::size_t i = 0; i < list_.size(); ++i) {
    if (list_[i].key.text != name) continue;
    taken_[i] = true;
    return &list_[i];
  }
  return nullptr;
}

Status Arguments::integer(std::string_view name, std::int64_t low, std::int64_t high, std::int64_t& value) {
  const Argument* argument = take(name);
  if (!argument) return ok_status();
  const auto parsed = parse_integer(argument->value.text);
  const std::string range = fmt::format("{} .. {}", low, high);
  if (!parsed || argument->value.quoted) return line_->error(argument->value.column, fmt::format("'{}' is not a number", argument->value.text), range);
  if (*parsed < low || *parsed > high) return line_->error(argument->value.column, fmt::format("{} is out of range for '{}'", *parsed, name), range);
  value = *parsed;
  return ok_status();
}

Status Arguments::text(std::string_view name, std::string& value) {
  const Argument* argument = take(name);
  if (!argument) return ok_status();
  value = argument->value.text;
  return ok_status();
}

Status Arguments::finish(std::span<const std::string> known) const {
  for (std::size_t i = 0; i < list_.size(); ++i) {
    if (!taken_[i]) return line_->error(list_[i].key.column, fmt::format("unknown argument '{}'", list_[i].key.text), suggest(list_[i].key.text, known));
  }
  return ok_status();
}

}  // namespace systole::isa
