#include "machine/tinytpu/line.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace systole::tinytpu {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::optional<std::int64_t> parse_real(std::string_view text) {
  const char* const end = text.data() + text.size();
  double real = 0;
  const auto [last, code] = std::from_chars(text.data(), end, real);
  if (code != std::errc() || last != end || !(std::abs(real) < 256)) return std::nullopt;
  return static_cast<std::int64_t>(std::llround(real * 256));
}

}  // namespace

std::vector<Token> split(std::string_view line) {
  std::vector<Token> tokens;
  const std::size_t end = std::min(line.find(';'), line.size());
  for (std::size_t i = 0; i < end;) {
    if (is_space(line[i])) {
      ++i;
      continue;
    }
    const std::size_t first = i;
    while (i < end && !is_space(line[i])) ++i;
    const std::string_view text = line.substr(first, i - first);
    const std::size_t equals = text.find('=');
    Token token;
    token.key = text.substr(0, equals);
    token.has_value = equals != std::string_view::npos;
    if (token.has_value) token.value = text.substr(equals + 1);
    token.column = first + 1;
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

std::optional<std::int64_t> parse_number(std::string_view text, NumberKind kind) {
  if (kind == NumberKind::kFixed && text.find('.') != std::string_view::npos) return parse_real(text);
  const bool negative = text.starts_with('-');
  std::string_view digits = text.substr(negative ? 1 : 0);
  int base = kind == NumberKind::kBinary ? 2 : 10;
  if (base == 10 && (digits.starts_with("0x") || digits.starts_with("0X"))) base = 16, digits.remove_prefix(2);
  std::int64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [last, code] = std::from_chars(digits.data(), end, value, base);
  if (digits.empty() || code != std::errc() || last != end || digits.front() == '-') return std::nullopt;
  return negative ? -value : value;
}

std::string_view kind_name(NumberKind kind) {
  switch (kind) {
    case NumberKind::kWhole: return "a whole number";
    case NumberKind::kFixed: return "a whole number of 1/256, or a real number with a point";
    case NumberKind::kBinary: return "binary digits";
  }
  return {};
}

}  // namespace systole::tinytpu
