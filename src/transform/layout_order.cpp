#include "transform/layout.h"
#include "transform/rewriter.h"

namespace systole::transform {
namespace {

struct Group {
  Dims from, to;  // dimensions longer than 1
};

// Pairs runs of dimensions of equal products; no size is 0.
std::vector<Group> matched_groups(const Shape& from, const Shape& to) {
  std::vector<Group> groups;
  std::size_t i = 0, j = 0;
  while (true) {
    while (i < from.size() && from[i] == 1) ++i;
    while (j < to.size() && to[j] == 1) ++j;
    if (i == from.size() || j == to.size()) return groups;
    Group group{{static_cast<std::int64_t>(i)}, {static_cast<std::int64_t>(j)}};
    std::int64_t a = from[i++], b = to[j++];
    while (a != b) {
      if (a < b) {
        if (from[i] != 1) group.from.push_back(static_cast<std::int64_t>(i));
        a *= from[i++];
      } else {
        if (to[j] != 1) group.to.push_back(static_cast<std::int64_t>(j));
        b *= to[j++];
      }
    }
    groups.push_back(std::move(group));
  }
}

}  // namespace

Dims composed(const Dims& list, const Dims& order) {
  Dims result;
  for (const std::int64_t d : order) result.push_back(list[static_cast<std::size_t>(d)]);
  return result;
}

bool keeps_order(const Shape& shape, const Dims& order) {
  std::int64_t last = -1;
  for (const std::int64_t d : order) {
    if (shape[static_cast<std::size_t>(d)] == 1) continue;
    if (d < last) return false;
    last = d;
  }
  return true;
}

Dims without(const Dims& order, const Dims& removed) {
  Dims number(order.size(), 0);
  for (const std::int64_t d : removed) number[static_cast<std::size_t>(d)] = -1;
  std::int64_t next = 0;
  for (std::int64_t& n : number) n = n < 0 ? -1 : next++;
  Dims result;
  for (const std::int64_t d : order) {
    if (number[static_cast<std::size_t>(d)] >= 0) result.push_back(number[static_cast<std::size_t>(d)]);
  }
  return result;
}

Dims free_positions(const Dims& order, const Dims& batch, const Dims& contract) {
  Dims removed = batch;
  removed.insert(removed.end(), contract.begin(), contract.end());
  return without(order, removed);
}

Dims following(const Dims& listed, std::size_t rank) {
  std::vector<bool> is_listed(rank, false);
  for (const std::int64_t d : listed) is_listed[static_cast<std::size_t>(d)] = true;
  Dims result;
  const auto append_from = [&](std::size_t d) {
    for (; d < rank && !is_listed[d]; ++d) result.push_back(static_cast<std::int64_t>(d));
  };
  append_from(0);
  for (const std::int64_t d : listed) {
    result.push_back(d);
    append_from(static_cast<std::size_t>(d) + 1);
  }
  return result;
}

bool reshaped_order(const Shape& from, const Shape& to, const Dims& order, Dims& result) {
  if (element_count(from) == 0) return false;
  if (keeps_order(from, order)) {
    result = identity(to.size());
    return true;
  }
  Dims stored;  // dimensions longer than 1, as they are stored
  for (const std::int64_t d : order) {
    if (from[static_cast<std::size_t>(d)] != 1) stored.push_back(d);
  }
  const std::vector<Group> groups = matched_groups(from, to);
  Dims real;
  for (std::size_t at = 0; at < stored.size();) {
    const auto group =
        std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.from[0] == stored[at]; });
    if (group == groups.end() || at + group->from.size() > stored.size()) return false;
    if (!std::equal(group->from.begin(), group->from.end(), stored.begin() + static_cast<std::ptrdiff_t>(at)))
      return false;
    real.insert(real.end(), group->to.begin(), group->to.end());
    at += group->from.size();
  }
  result = following(real, to.size());  // what is not listed has size 1
  return true;
}

}  // namespace systole::transform
