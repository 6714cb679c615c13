#include "machine/tinytpu/first_word.h"

#include <fmt/format.h>

#include "chip/suggest.h"
#include "machine/tinytpu/line.h"

namespace systole::tinytpu {
namespace {

constexpr Field kFields[] = {
    {"data", 0, 16, true, "Q8.8"},
    {"address", 16, 1, false, "which channel takes the data"},
    {"load", 17, 2, false, "what the data is: 0 none, 1 inputs, 2 weights, 3 bias"},
    {"path", 19, 2, false, "activation data path"},
    {"switch", 21, 1, false, "shadow weights become active"},
    {"accept", 22, 1, false, "the array takes weights"},
    {"start", 23, 1, false, "the network starts"},
};
constexpr std::string_view kLoads[] = {"none", "inputs", "weights", "bias"};
constexpr std::size_t kLoad = 2, kFirstFlag = 4;
constexpr int kWordHexDigits = 6;

std::int64_t field_of(std::uint32_t word, std::size_t i) {
  const std::uint32_t bits = (word >> kFields[i].low) & ((1u << kFields[i].width) - 1);
  return kFields[i].is_signed ? static_cast<std::int16_t>(bits) : static_cast<std::int64_t>(bits);
}

Error error_at(const std::string& place, std::size_t number, const Token& token, std::string message, std::string hint) {
  return invalid_input(fmt::format("{}:{}:{}", place, number, token.column), std::move(message), std::move(hint));
}

std::optional<std::int64_t> value_of(const Token& token, std::size_t field) {
  if (field >= kFirstFlag && !token.has_value) return 1;
  for (std::size_t load = 0; field == kLoad && load < std::size(kLoads); ++load) {
    if (token.value == kLoads[load]) return static_cast<std::int64_t>(load);
  }
  return parse_number(token.value, kFields[field].is_signed ? NumberKind::kFixed : NumberKind::kWhole);
}

Expected<std::uint32_t> assemble_word(const std::vector<Token>& tokens, const std::string& place, std::size_t number) {
  std::uint32_t word = 0;
  std::vector<std::string> names = {"idle"};
  for (const Field& field : kFields) names.emplace_back(field.name);
  for (const Token& token : tokens) {
    if (token.key == "idle" && !token.has_value) continue;
    std::size_t i = 0;
    while (i < std::size(kFields) && kFields[i].name != token.key) ++i;
    if (i == std::size(kFields)) return error_at(place, number, token, fmt::format("'{}' is no field of a 24-bit word", token.key), suggest(token.key, names));
    const std::int64_t high = (std::int64_t{1} << (kFields[i].width - kFields[i].is_signed)) - 1;
    const std::int64_t low = kFields[i].is_signed ? -high - 1 : 0;
    const auto value = value_of(token, i);
    if (!value || *value < low || *value > high) {
      return error_at(place, number, token, fmt::format("{}={} is out of range", token.key, token.value), fmt::format("{} .. {}", low, high));
    }
    const std::uint32_t mask = ((1u << kFields[i].width) - 1) << kFields[i].low;
    word = (word & ~mask) | ((static_cast<std::uint32_t>(*value) << kFields[i].low) & mask);
  }
  return word;
}

Expected<std::uint32_t> hex_word(const std::vector<Token>& tokens, const std::string& place, std::size_t number) {
  const Token& token = tokens[0];
  const auto value = parse_number("0x" + token.key, NumberKind::kWhole);
  if (tokens.size() > 1 || token.has_value || !value || token.key.size() > kWordHexDigits) {
    return error_at(place, number, token, "is no 24-bit word", "one word of at most six hexadecimal digits stands on a line");
  }
  return static_cast<std::uint32_t>(*value);
}

std::string word_text(std::uint32_t word) {
  std::string line;
  for (std::size_t i = std::size(kFields); i-- > 0;) {
    const std::int64_t value = field_of(word, i);
    if (value == 0) continue;
    if (!line.empty()) line += " ";
    if (i >= kFirstFlag) line += kFields[i].name;
    else if (i == kLoad) line += fmt::format("load={}", kLoads[value]);
    else line += fmt::format("{}={}", kFields[i].name, value);
  }
  return line.empty() ? "idle" : line;
}

}  // namespace

std::span<const Field> first_word_fields() { return kFields; }

bool is_first_form(std::string_view text) {
  for (const std::string_view line : lines_of(text)) {
    const std::vector<Token> tokens = split(line);
    if (!tokens.empty()) return tokens.size() == 2 && tokens[0].key == ".isa" && tokens[1].key == "24";
  }
  return false;
}

Expected<std::vector<std::uint32_t>> read_first_words(const std::string& text, const std::string& place, bool hex) {
  std::vector<std::uint32_t> words;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(text)) {
    ++number;
    const std::vector<Token> tokens = split(line);
    if (tokens.empty() || tokens[0].key == ".isa") continue;
    SYSTOLE_ASSIGN(const std::uint32_t word, hex ? hex_word(tokens, place, number) : assemble_word(tokens, place, number));
    words.push_back(word);
  }
  return words;
}

std::string write_first_words(std::span<const std::uint32_t> words, bool hex) {
  std::string text = ".isa 24\n";
  for (const std::uint32_t word : words) text += hex ? fmt::format("{:06x}\n", word) : word_text(word) + "\n";
  return text;
}

}  // namespace systole::tinytpu
