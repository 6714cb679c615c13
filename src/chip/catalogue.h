// The catalogue's texts, compiled into the library from chips/*.yaml, so that an installed program needs no path.
#pragma once

#include <span>
#include <string_view>

namespace systole {

struct CatalogueEntry {
  std::string_view name;   // file name without .yaml
  std::string_view yaml;
};
std::span<const CatalogueEntry> catalogue_entries();

}  // namespace systole
