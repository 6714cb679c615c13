#include "chip/yaml_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <set>

#include "chip/suggest.h"

namespace systole {
namespace {

std::string kind_name(const YAML::Node& node) {
  if (node.IsMap()) return "a map";
  if (node.IsSequence()) return "a list";
  if (node.IsScalar()) return fmt::format("'{}'", node.Scalar().substr(0, 40));
  return "nothing";
}

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [last, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc() || last != end) return std::nullopt;
  return value;
}

// "24 MiB" -> {"24", "MiB"}.
std::pair<std::string, std::string> split_unit(const std::string& text) {
  const std::size_t end = text.find_last_of("0123456789.");
  if (end == std::string::npos || end + 1 == text.size()) return {text, ""};
  std::size_t unit = end + 1;
  while (unit < text.size() && text[unit] == ' ') ++unit;
  return {text.substr(0, end + 1), text.substr(unit)};
}

std::optional<std::int64_t> byte_unit(const std::string& unit) {
  if (unit.empty() || unit == "B") return 1;
  if (unit == "KiB") return std::int64_t{1} << 10;
  if (unit == "MiB") return std::int64_t{1} << 20;
  if (unit == "GiB") return std::int64_t{1} << 30;
  return std::nullopt;
}

std::optional<double> hertz_unit(const std::string& unit) {
  if (unit.empty() || unit == "Hz") return 1;
  if (unit == "kHz") return 1e3;
  if (unit == "MHz") return 1e6;
  if (unit == "GHz") return 1e9;
  return std::nullopt;
}

}  // namespace

void YamlContext::fail(const std::string& path, std::string message, std::string hint) {
  if (error) return;
  error = invalid_input(path.empty() ? file : fmt::format("{}: {}", file, path), std::move(message), std::move(hint));
}

YamlSection::YamlSection(YAML::Node node, std::string path, YamlContext& context)
    : node_(node), path_(std::move(path)), context_(&context) {
  if (!node.IsDefined()) return;
  if (!node.IsMap()) {
    context.fail(path_, fmt::format("must be a map of fields, is {}", kind_name(node)));
    return;
  }
  present_ = true;
  std::set<std::string> names;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) {
      context.fail(path_, "a field name must be a word");
      continue;
    }
    const std::string name = entry.first.Scalar();
    if (!names.insert(name).second) context.fail(path_of(name), "is given twice", fmt::format("line {}", entry.first.Mark().line + 1));
  }
}

std::string YamlSection::path_of(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }

YAML::Node YamlSection::find(const std::string& name) {
  asked_.push_back(name);
  if (!present_) return YAML::Node(YAML::NodeType::Undefined);
  const YAML::Node& fixed = node_;   // the const operator[] does not insert
  return fixed[name];
}

bool YamlSection::has(const std::string& name) const {
  const YAML::Node& fixed = node_;
  return present_ && fixed[name].IsDefined();
}

YamlSection YamlSection::section(const std::string& name) { return YamlSection(find(name), path_of(name), *context_); }

std::optional<std::string> YamlSection::scalar(const std::string& name, bool required) {
  const YAML::Node node = find(name);
  if (!node.IsDefined()) {
    if (required) context_->fail(path_of(name), "is missing", "this field is required");
    return std::nullopt;
  }
  if (!node.IsScalar()) {
    context_->fail(path_of(name), fmt::format("must be a single value, is {}", kind_name(node)));
    return std::nullopt;
  }
  return node.Scalar();
}

std::optional<std::string> YamlSection::number(const std::string& name, bool required) {
  context_->numbers.push_back(path_of(name));
  if (has(name)) context_->given.push_back(path_of(name));
  const YAML::Node node = has(name) ? static_cast<const YAML::Node&>(node_)[name] : YAML::Node(YAML::NodeType::Undefined);
  if (!node.IsDefined() || !node.IsMap()) return scalar(name, required);
  YamlSection pair(find(name), path_of(name), *context_);
  const auto value = pair.scalar("value", true);
  const auto source = pair.scalar("source", true);
  pair.finish();
  if (source && source->empty()) context_->fail(path_of(name) + ".source", "is empty", "say where the number comes from");
  if (source) context_->sources[path_of(name)] = *source;
  return value;
}

std::int64_t YamlSection::integer(const std::string& name, IntegerRange range, std::optional<std::int64_t> fallback) {
  const auto text = number(name, !fallback);
  if (!text) return fallback.value_or(range.low);
  const auto value = parse_number<std::int64_t>(*text);
  if (!value) {
    context_->fail(path_of(name), fmt::format("'{}' is not a whole number", *text), fmt::format("{} .. {}", range.low, range.high));
    return range.low;
  }
  if (*value < range.low || *value > range.high) {
    context_->fail(path_of(name), fmt::format("{} is out of range", *value), fmt::format("{} .. {}", range.low, range.high));
    return range.low;
  }
  return *value;
}

std::int64_t YamlSection::bytes(const std::string& name, IntegerRange range, std::optional<std::int64_t> fallback) {
  const auto text = number(name, !fallback);
  if (!text) return fallback.value_or(range.low);
  const auto [digits, unit] = split_unit(*text);
  const auto value = parse_number<std::int64_t>(digits);
  const auto factor = byte_unit(unit);
  if (!value || !factor) {
    context_->fail(path_of(name), fmt::format("'{}' is not a size", *text), "bytes, or a whole number of KiB, MiB or GiB, as \"24 MiB\"");
    return range.low;
  }
  if (*value < 0 || *value > range.high / *factor || *value * *factor < range.low) {
    context_->fail(path_of(name), fmt::format("{} is out of range", *text), fmt::format("{} .. {} bytes", range.low, range.high));
    return range.low;
  }
  return *value * *factor;
}

double YamlSection::hertz(const std::string& name) {
  constexpr double kLow = 1e3, kHigh = 1e11;
  const auto text = number(name, true);
  if (!text) return kLow;
  const auto [digits, unit] = split_unit(*text);
  const auto value = parse_number<double>(digits);
  const auto factor = hertz_unit(unit);
  if (!value || !factor || !std::isfinite(*value)) {
    context_->fail(path_of(name), fmt::format("'{}' is not a frequency", *text), "hertz, or a number of kHz, MHz or GHz, as \"700 MHz\"");
    return kLow;
  }
  const double result = *value * *factor;
  if (result < kLow || result > kHigh) {
    context_->fail(path_of(name), fmt::format("{} is out of range", *text), "1 kHz .. 100 GHz");
    return kLow;
  }
  return result;
}

bool YamlSection::boolean(const std::string& name, bool fallback) {
  const auto text = scalar(name, false);
  if (!text) return fallback;
  if (*text != "true" && *text != "false") context_->fail(path_of(name), fmt::format("'{}' is not a truth value", *text), "true or false");
  return *text == "true";
}

std::string YamlSection::text(const std::string& name, std::optional<std::string> fallback) {
  const auto text = scalar(name, !fallback);
  return text ? *text : fallback.value_or("");
}

std::string YamlSection::choice(const std::string& name, const std::vector<std::string>& choices, std::optional<std::string> fallback) {
  const std::string text = this->text(name, fallback);
  if (has(name) && std::find(choices.begin(), choices.end(), text) == choices.end()) {
    context_->fail(path_of(name), fmt::format("unknown value '{}'", text), suggest(text, choices));
  }
  return text;
}

DType YamlSection::type(const std::string& name) {
  const auto text = scalar(name, true);
  if (!text) return DType::kF32;
  auto parsed = parse_dtype(*text);
  if (!parsed.ok()) {
    context_->fail(path_of(name), parsed.error().message, parsed.error().hint);
    return DType::kF32;
  }
  return *parsed;
}

std::vector<DType> YamlSection::types(const std::string& name) {
  const YAML::Node node = find(name);
  if (!node.IsDefined() || !node.IsSequence() || node.size() == 0) {
    context_->fail(path_of(name), node.IsDefined() ? "must be a list with at least one format" : "is missing", "as in [i8, u8, bf16]");
    return {};
  }
  std::vector<DType> types;
  for (const YAML::Node& item : node) {
    const std::string text = item.IsScalar() ? item.Scalar() : "";
    auto parsed = parse_dtype(text);
    if (!parsed.ok()) {
      context_->fail(path_of(name), parsed.error().message, parsed.error().hint);
      return types;
    }
    if (std::find(types.begin(), types.end(), *parsed) != types.end()) context_->fail(path_of(name), fmt::format("'{}' is given twice", text));
    types.push_back(*parsed);
  }
  return types;
}

Bandwidth YamlSection::bandwidth(const std::string& name, double clock_hz) {
  constexpr std::int64_t kHighest = 1'000'000'000'000'000;
  const std::string path = path_of(name);
  context_->numbers.push_back(path);
  const YAML::Node node = find(name);
  if (node.IsDefined()) context_->given.push_back(path);
  if (node.IsDefined() && node.IsScalar() && node.Scalar() == "free") return {};
  if (!node.IsDefined() || !node.IsMap()) {
    context_->fail(path, node.IsDefined() ? fmt::format("{} is not a bandwidth", kind_name(node)) : "is missing",
                   "free, {bytes: 340, cycles: 7} or {bytes_per_second: 34000000000}");
    return {};
  }
  YamlSection map(node, path, *context_);
  std::int64_t bytes = 0, cycles = 1;
  if (map.has("bytes_per_second")) {
    const double rounded = std::round(clock_hz);
    if (rounded != clock_hz) context_->fail(path, "bytes_per_second needs a clock of a whole number of hertz", "give bytes and cycles");
    bytes = map.integer("bytes_per_second", {1, kHighest});
    cycles = static_cast<std::int64_t>(rounded);
  } else {
    bytes = map.integer("bytes", {1, kHighest});
    cycles = map.integer("cycles", {1, kHighest}, 1);
  }
  std::erase_if(context_->numbers, [&](const std::string& n) { return n.starts_with(path + "."); });
  std::erase_if(context_->given, [&](const std::string& n) { return n.starts_with(path + "."); });
  const std::string source = map.text("source", "");
  if (!source.empty()) context_->sources[path] = source;
  map.finish();
  const std::int64_t divisor = std::gcd(bytes, cycles);
  constexpr std::int64_t kLargestPart = 1'000'000'000;   // keeps burst x cycles far inside 64 bits
  if (bytes / divisor > kLargestPart || cycles / divisor > kLargestPart) {
    context_->fail(path, fmt::format("the reduced fraction {}/{} is too fine", bytes / divisor, cycles / divisor), "both at most 1000000000");
  }
  return {bytes / divisor, cycles / divisor};
}

std::map<std::string, std::string> YamlSection::texts(const std::string& name) {
  std::map<std::string, std::string> result;
  YamlSection map = section(name);
  if (!map.present()) return result;
  for (const auto& entry : map.node_) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    const auto value = map.scalar(key, true);
    if (value && value->empty()) context_->fail(map.path_of(key), "is empty", "say where the number comes from");
    if (value) result[key] = *value;
  }
  return result;
}

void YamlSection::finish() {
  if (!present_) return;
  for (const auto& entry : node_) {
    const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (std::find(asked_.begin(), asked_.end(), name) != asked_.end()) continue;
    context_->fail(path_of(name), "unknown field", suggest(name, asked_));
    return;
  }
}

}  // namespace systole
