// "Did you mean": the known name nearest to a misspelt one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace systole {

// Edits (insert, delete, replace, swap of neighbours) between two names.
int edit_distance(std::string_view a, std::string_view b);

// "did you mean 'rows'?" if some known name is near, else "one of a, b, c" (at most 24 names), else "".
std::string suggest(std::string_view unknown, std::span<const std::string> known);

}  // namespace systole
