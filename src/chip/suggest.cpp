#include "chip/suggest.h"

#include <algorithm>
#include <vector>

namespace systole {

int edit_distance(std::string_view a, std::string_view b) {
  const std::size_t width = b.size() + 1;
  std::vector<int> d((a.size() + 1) * width);
  const auto at = [&](std::size_t i, std::size_t j) -> int& { return d[i * width + j]; };
  for (std::size_t i = 0; i <= a.size(); ++i) at(i, 0) = static_cast<int>(i);
  for (std::size_t j = 0; j <= b.size(); ++j) at(0, j) = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
    }
  }
  return d.back();
}

std::string suggest(std::string_view unknown, std::span<const std::string> known) {
  constexpr std::size_t kLongestName = 64, kMostNames = 24;
  if (unknown.size() <= kLongestName) {
    const std::string* best = nullptr;
    int best_distance = static_cast<int>(unknown.size()) / 3 + 2;   // farther than this is another word
    for (const std::string& name : known) {
      const int distance = edit_distance(unknown, name);
      if (distance < best_distance) best = &name, best_distance = distance;
    }
    if (best) return "did you mean '" + *best + "'?";
  }
  if (known.empty() || known.size() > kMostNames) return {};
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "one of " : ", ") + name;
  return list;
}

}  // namespace systole
