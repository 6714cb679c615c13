// What it transforms: a run of n equal bodies of L words whose addresses go up by constant steps becomes `loop n`, one
// body, `end`; bodies may hold loops already, so nests form from the inside out. Stride sets are written before each
// outermost loop.
#include "compile/roll.h"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace systole::compile {

using isa::Instruction;

namespace {

constexpr std::size_t kMaxBody = 640;                     // items of a body looked for
constexpr std::int64_t kMaxStep = std::int64_t{1} << 31;  // of isa::Strides' fields, with room to spare
constexpr std::size_t kMaxSets = isa::kStrideSets - 1;

// Calls f(address, stride set) for each address field of a word that a loop may step.
template <typename F>
void for_each_address(Instruction& instruction, const F& f) {
  std::visit(
      [&f](auto& body) {
        using T = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<T, isa::Load> || std::is_same_v<T, isa::Store>) {
          f(body.far, body.far_strides);
          f(body.local, body.local_strides);
        } else if constexpr (std::is_same_v<T, isa::Gather>) {
          f(body.index, body.index_strides);
          f(body.local, body.local_strides);
        } else if constexpr (std::is_same_v<T, isa::Push>) {
          f(body.weights, body.weights_strides);
        } else if constexpr (std::is_same_v<T, isa::Matmul>) {
          f(body.source, body.source_strides);
          f(body.accumulator, body.accumulator_strides);
        } else if constexpr (std::is_same_v<T, isa::Bind>) {
          f(body.base, body.base_strides);
        }
      },
      instruction.body);
}

// A word, or a loop over items. There is one per word of the flat program, so it holds numbers only: of its word or its
// loop, and of its addresses, which stand in one list one behind the other (a loop's: those of its first round).
struct Item {
  std::uint32_t shape = 0;  // equal items apart from addresses have equal numbers
  std::uint32_t words = 1;  // in the rolled program, loop and end counted
  std::uint32_t first = 0, addresses = 0;
  std::uint32_t index = 0;  // of the flat program's word, or of the loop
  std::uint16_t layer = 0;
  std::uint8_t depth = 0;  // loops inside; 0: a word
};

struct RolledLoop {
  std::int64_t count = 0;
  std::vector<Item> body;
  std::vector<std::vector<std::int64_t>> steps;  // per address: of this loop and those inside around it, outermost first
};

class Shapes {
 public:
  // Words that differ in address fields only, and in nothing else, are alike.
  std::uint32_t of_word(Instruction instruction, std::uint16_t layer) {
    for_each_address(instruction, [](std::int64_t& address, std::int64_t&) { address = 0; });
    const isa::Word word = isa::encode(instruction);
    return words_.emplace(WordKey{word, layer}, next()).first->second;
  }
  std::uint32_t of_loop(const RolledLoop& loop) {
    std::vector<std::uint64_t> key{static_cast<std::uint64_t>(loop.count)};
    for (const Item& item : loop.body) key.push_back(item.shape);
    for (const auto& steps : loop.steps)
      for (const auto s : steps) key.push_back(static_cast<std::uint64_t>(s));
    return loops_.emplace(std::move(key), next()).first->second;
  }

 private:
  struct WordKey {
    isa::Word word;
    std::uint16_t layer;
    bool operator==(const WordKey&) const = default;
  };
  struct Hash {
    std::size_t operator()(const WordKey& key) const {
      std::uint64_t h = key.layer;
      for (const std::uint64_t part : key.word) h = (h ^ part ^ (part >> 29)) * 0x9E3779B97F4A7C15u;
      return static_cast<std::size_t>(h ^ (h >> 32));
    }
  };
  std::uint32_t next() const { return static_cast<std::uint32_t>(words_.size() + loops_.size()); }
  std::unordered_map<WordKey, std::uint32_t, Hash> words_;
  std::map<std::vector<std::uint64_t>, std::uint32_t> loops_;
};

class Roller {
 public:
  explicit Roller(isa::CoreCode& core) : core_(core) {
    items_.reserve(core.code.size());
    for (std::size_t i = 0; i < core.code.size(); ++i) {
      Item item;
      item.index = static_cast<std::uint32_t>(i);
      item.layer = core.layer[i];
      item.shape = shapes_.of_word(core.code[i], core.layer[i]);
      item.first = static_cast<std::uint32_t>(addresses_.size());
      for_each_address(core.code[i], [this](std::int64_t& address, std::int64_t&) { addresses_.push_back(address); });
      item.addresses = static_cast<std::uint32_t>(addresses_.size()) - item.first;
      items_.push_back(item);
    }
  }

  // Layer by layer: a body never spans two.
  void run() {
    const std::vector<Item> all = std::move(items_);
    for (std::size_t first = 0, last = 0; first < all.size(); first = last) {
      while (last < all.size() && all[last].layer == all[first].layer) ++last;
      shape_list_.clear();
      items_.assign(all.begin() + static_cast<std::ptrdiff_t>(first), all.begin() + static_cast<std::ptrdiff_t>(last));
      for (int level = 0; level < isa::kLoopLevels; ++level) {
        bool rolled = false;
        for (std::size_t length = 1; length <= std::min(kMaxBody, items_.size() / 2); ++length)
          rolled |= roll_length(length);
        if (!rolled) break;
      }
      write_items(items_);
    }
    core_.code = std::move(code_);
    core_.layer = std::move(layers_);
  }

 private:
  std::int64_t address(const Item& item, std::size_t k) const { return addresses_[item.first + k]; }
  // What the k-th address of the item steps by from one copy to a later one.
  std::int64_t step(const Item& earlier, const Item& later, std::size_t k) const { return address(later, k) - address(earlier, k); }

  // The number of equal, evenly stepping bodies of `length` items from `start`.
  std::size_t repeats(std::size_t start, std::size_t length) const {
    const std::size_t possible = 1 + equal_run_[start] / length;
    if (possible < 2) return 1;
    for (std::size_t i = start; i < start + length; ++i) {
      for (std::size_t k = 0; k < items_[i].addresses; ++k) {
        const std::int64_t by = step(items_[i], items_[i + length], k);
        if (by >= kMaxStep || -by >= kMaxStep) return 1;  // an address that wraps round
      }
    }
    for (std::size_t n = 2; n < possible; ++n) {
      for (std::size_t i = start; i < start + length; ++i) {
        const Item &before = items_[i + (n - 1) * length], &after = items_[i + n * length];
        for (std::size_t k = 0; k < before.addresses; ++k)
          if (step(before, after, k) != step(items_[i], items_[i + length], k)) return n;
      }
    }
    return possible;
  }

  bool is_steppable(const Item& item) const {
    if (item.depth > 0) return item.depth < isa::kLoopLevels;
    const isa::Body& body = core_.code[item.index].body;
    return !std::holds_alternative<isa::Halt>(body) && !std::holds_alternative<isa::Barrier>(body);
  }
  bool body_ok(std::size_t start, std::size_t length) const {
    for (std::size_t i = start; i < start + length; ++i)
      if (!is_steppable(items_[i])) return false;
    return true;
  }

  bool equal_later(std::size_t i, std::size_t length) const { return shape_list_[i] == shape_list_[i + length]; }

  // Do `length` items anywhere equal the ones behind them? Such a run covers a multiple of `length`: only from there is it looked at.
  bool any_repeat(std::size_t length) const {
    const std::size_t end = shape_list_.size() - length;
    for (std::size_t i = 0; i < end; i += length) {
      if (!equal_later(i, length)) continue;
      std::size_t first = i, last = i + 1;
      while (first > 0 && last - first < length && equal_later(first - 1, length)) --first;
      while (last < end && last - first < length && equal_later(last, length)) ++last;
      if (last - first >= length) return true;
    }
    return false;
  }

  bool roll_length(std::size_t length) {
    if (shape_list_.size() != items_.size()) {
      shape_list_.clear();
      for (const Item& item : items_) shape_list_.push_back(item.shape);
    }
    if (!any_repeat(length)) return false;
    equal_run_.assign(items_.size() + 1, 0);
    for (std::size_t i = items_.size() - length; i-- > 0;) equal_run_[i] = equal_later(i, length) ? equal_run_[i + 1] + 1 : 0;
    std::size_t out = 0;  // items written back so far, in place
    bool rolled = false;
    for (std::size_t i = 0; i < items_.size(); ++out) {
      const std::size_t n = equal_run_[i] >= length && body_ok(i, length) ? repeats(i, length) : 1;
      const std::size_t words = n < 2 ? 0 : words_of(i, length);
      if (n < 2 || (n - 1) * words < 4) {
        items_[out] = items_[i++];
        continue;
      }
      items_[out] = make_loop(i, length, n, words);
      i += n * length;
      rolled = true;
    }
    items_.resize(out);
    if (rolled) shape_list_.clear();
    return rolled;
  }

  std::size_t words_of(std::size_t start, std::size_t length) const {
    std::size_t words = 0;
    for (std::size_t i = start; i < start + length; ++i) words += items_[i].words;
    return words;
  }

  // Where the addresses of these items stand one behind the other: those of a loop's later rounds may lie between them.
  std::uint32_t first_round(std::size_t start, std::size_t length) {
    std::uint32_t end = items_[start].first;
    bool together = true;
    for (std::size_t i = start; i < start + length; ++i) {
      together = together && items_[i].first == end;
      end += items_[i].addresses;
    }
    if (together) return items_[start].first;
    const std::size_t first = addresses_.size();
    for (std::size_t i = start; i < start + length; ++i) {
      for (std::size_t k = 0; k < items_[i].addresses; ++k) addresses_.push_back(address(items_[i], k));
    }
    return static_cast<std::uint32_t>(first);
  }

  Item make_loop(std::size_t start, std::size_t length, std::size_t n, std::size_t words) {
    RolledLoop loop;
    Item item;
    item.words = static_cast<std::uint32_t>(words + 2);
    item.layer = items_[start].layer;
    item.first = first_round(start, length);
    loop.count = static_cast<std::int64_t>(n);
    for (std::size_t i = start; i < start + length; ++i) {
      const Item& inner = items_[i];
      item.depth = std::max<std::uint8_t>(item.depth, static_cast<std::uint8_t>(inner.depth + 1));
      item.addresses += inner.addresses;
      for (std::size_t k = 0; k < inner.addresses; ++k) {
        std::vector<std::int64_t>& steps = loop.steps.emplace_back(1, step(inner, items_[i + length], k));
        if (inner.depth == 0) continue;
        const std::vector<std::int64_t>& deeper = loops_[inner.index].steps[k];
        steps.insert(steps.end(), deeper.begin(), deeper.end());
      }
      loop.body.push_back(inner);
    }
    item.shape = shapes_.of_loop(loop);
    item.index = static_cast<std::uint32_t>(loops_.size());
    loops_.push_back(std::move(loop));
    return item;
  }

  // ---- writing
  using StrideVector = std::array<std::int64_t, isa::kLoopLevels>;
  using StrideSets = std::map<StrideVector, std::size_t>;
  // Where in the list of addresses the writing is, and the steps and sets of the outermost loop (null: none is open).
  struct Cursor {
    std::size_t at = 0;
    const std::vector<std::vector<std::int64_t>>* steps = nullptr;
    const StrideSets* sets = nullptr;
    std::size_t step = 0;
  };

  void append(Instruction instruction, std::uint16_t layer) {
    code_.push_back(std::move(instruction));
    layers_.push_back(layer);
  }
  void append_scalar(isa::Body body, std::uint16_t layer) {
    Instruction instruction;
    instruction.body = std::move(body);
    append(std::move(instruction), layer);
  }

  static StrideVector strides_of(const std::vector<std::int64_t>& steps) {
    StrideVector v{};
    std::copy(steps.begin(), steps.end(), v.begin());
    return v;
  }

  void write(const Item& item, Cursor& cursor) {
    if (item.depth > 0) {
      append_scalar(isa::Loop{loops_[item.index].count}, item.layer);
      for (const Item& inner : loops_[item.index].body) write(inner, cursor);
      append_scalar(isa::End{}, item.layer);
      return;
    }
    Instruction instruction = core_.code[item.index];
    for_each_address(instruction, [&](std::int64_t& address, std::int64_t& set) {
      address = addresses_[cursor.at++];
      if (cursor.sets == nullptr) return;
      const auto found = cursor.sets->find(strides_of((*cursor.steps)[cursor.step++]));
      set = found == cursor.sets->end() ? 0 : static_cast<std::int64_t>(found->second);
    });
    append(std::move(instruction), item.layer);
  }

  // More stride sets than there are: the outermost loop is written out, its loops inside try again.
  void write_flat(const Item& item) {
    const RolledLoop loop = loops_[item.index];
    for (std::int64_t n = 0; n < loop.count; ++n) {
      std::vector<Item> round = loop.body;
      std::size_t k = 0;
      for (Item& inner : round) {
        const std::uint32_t first = static_cast<std::uint32_t>(addresses_.size());
        for (std::size_t a = 0; a < inner.addresses; ++a, ++k) addresses_.push_back(address(inner, a) + n * loop.steps[k][0]);
        inner.first = first;
      }
      write_items(round);
    }
  }

  void write_items(const std::vector<Item>& items) {
    for (const Item& item : items) {
      if (item.depth == 0) {
        Cursor cursor{.at = item.first};
        write(item, cursor);
        continue;
      }
      StrideSets sets;
      for (const auto& steps : loops_[item.index].steps) sets.emplace(strides_of(steps), 0);
      sets.erase(StrideVector{});
      if (sets.size() > kMaxSets) {
        write_flat(item);
      } else {
        write_with_sets(item, sets);
      }
    }
  }

  void write_with_sets(const Item& item, StrideSets& sets) {
    std::size_t next = 1;
    for (auto& [vector, set] : sets) {
      set = next++;
      if (written_.size() <= set) written_.resize(set + 1, StrideVector{});
      if (written_[set] == vector) continue;
      written_[set] = vector;
      append_scalar(isa::Strides{static_cast<std::int64_t>(set), vector[0], vector[1], vector[2], vector[3], vector[4],
                                 vector[5]},
                    item.layer);
    }
    Cursor cursor{item.first, &loops_[item.index].steps, &sets};
    write(item, cursor);
  }

  isa::CoreCode& core_;
  Shapes shapes_;
  std::vector<Item> items_;
  std::vector<std::int64_t> addresses_;
  std::vector<RolledLoop> loops_;
  std::vector<std::uint32_t> shape_list_;  // of items_
  std::vector<std::uint32_t> equal_run_;  // how many items from here equal the ones `length` later
  std::vector<StrideVector> written_;
  std::vector<Instruction> code_;
  std::vector<std::uint16_t> layers_;
};

}  // namespace

void roll_loops(isa::CoreCode& core) { Roller(core).run(); }

}  // namespace systole::compile
