// Strict reading of a YAML map: each field is asked for by name, type and range; what nobody asked for is an error, and
// each number may carry its source as {value: 128, source: "..."}.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/expected.h"
#include "chip/chip.h"

namespace systole {

// Of one file: the first error, and the sources met so far (field path -> text).
struct YamlContext {
  std::string file;
  std::optional<Error> error;
  std::map<std::string, std::string> sources;
  std::vector<std::string> numbers;          // paths of all numeric fields asked for
  std::vector<std::string> given;            // those of them that the file states

  // Keeps the first one only.
  void fail(const std::string& path, std::string message, std::string hint = {});
};

struct IntegerRange {
  std::int64_t low = 0, high = 0;
};

// After an error every getter returns its fallback, so that a reader needs no checks between fields.
class YamlSection {
 public:
  // `node` must be a map (or undefined: an absent section).
  YamlSection(YAML::Node node, std::string path, YamlContext& context);

  bool has(const std::string& name) const;
  bool present() const { return present_; }
  YamlSection section(const std::string& name);

  // No fallback: the field is required.
  std::int64_t integer(const std::string& name, IntegerRange range, std::optional<std::int64_t> fallback = {});
  std::int64_t bytes(const std::string& name, IntegerRange range, std::optional<std::int64_t> fallback = {});   // 4096, "24 MiB"
  double hertz(const std::string& name);                                                                      // 7e8, "700 MHz"
  bool boolean(const std::string& name, bool fallback);
  std::string text(const std::string& name, std::optional<std::string> fallback = {});
  std::string choice(const std::string& name, const std::vector<std::string>& choices, std::optional<std::string> fallback = {});
  DType type(const std::string& name);
  std::vector<DType> types(const std::string& name);
  // free | {bytes: 340, cycles: 7} | {bytes_per_second: 34e9}, the last divided by `clock`.
  Bandwidth bandwidth(const std::string& name, double clock_hz);
  std::map<std::string, std::string> texts(const std::string& name);   // an optional map of texts

  // Names every field that was not asked for.
  void finish();

 private:
  std::string path_of(const std::string& name) const;
  std::optional<std::string> scalar(const std::string& name, bool required);
  std::optional<std::string> number(const std::string& name, bool required);
  YAML::Node find(const std::string& name);

  YAML::Node node_;
  std::string path_;
  YamlContext* context_;
  bool present_ = false;
  std::vector<std::string> asked_;
};

}  // namespace systole
