#include "chip/catalogue.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "chip/chip.h"
#include "chip/suggest.h"

namespace systole {
namespace {

bool looks_like_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".yaml") || name.ends_with(".yml");
}

}  // namespace

std::vector<std::string> catalogue() {
  std::vector<std::string> names;
  for (const CatalogueEntry& entry : catalogue_entries()) names.emplace_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

Expected<Chip> load_chip(const std::string& name_or_path) {
  for (const CatalogueEntry& entry : catalogue_entries()) {
    if (entry.name == name_or_path) return parse_chip(std::string(entry.yaml), fmt::format("chips/{}.yaml", entry.name));
  }
  if (!looks_like_path(name_or_path)) {
    return not_found("chip", fmt::format("no chip '{}' in the catalogue", name_or_path),
                     suggest(name_or_path, catalogue()) + "; a file of your own ends in .yaml");
  }
  SYSTOLE_ASSIGN(const std::string text, read_text_file(name_or_path));
  return parse_chip(text, name_or_path);
}

}  // namespace systole
