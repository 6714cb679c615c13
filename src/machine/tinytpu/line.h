// Lines of assembly text: tokens with their columns, and numbers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace systole::tinytpu {

struct Token {
  std::string key, value;                  // KEY or KEY=VALUE
  bool has_value = false;
  std::size_t column = 1;
};

// Without what follows a ';'.
std::vector<Token> split(std::string_view line);
std::vector<std::string_view> lines_of(std::string_view text);

enum class NumberKind { kWhole, kFixed, kBinary };
// Decimal or 0x hexadecimal; kFixed: with a decimal point a real number, in 1/256, rounded to the nearest; kBinary: digits 0 and 1.
std::optional<std::int64_t> parse_number(std::string_view text, NumberKind kind);
std::string_view kind_name(NumberKind kind);

}  // namespace systole::tinytpu
