// What it transforms: a run of n equal bodies of L words whose addresses go up by constant steps becomes `loop n`, one
// body, `end`; bodies may hold loops already, so nests form from the inside out. Stride sets are written before each
// outermost loop.
#include "compile/roll.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

namespace systole::compile {

using isa::Instruction;

namespace {

constexpr std::size_t kMaxBody = 640;                     // items of a body looked for
constexpr std::int64_t kMaxStep = std::int64_t{1} << 31;  // of isa::Strides' fields, with room to spare
constexpr std::size_t kMaxSets = isa::kStrideSets - 1;

// The address fields of a word that a loop may step, with their stride-set fields.
struct AddressField {
  std::int64_t* address;
  std::int64_t* set;
};

std::vector<AddressField> address_fields(Instruction& instruction) {
  return std::visit(
      [](auto& body) -> std::vector<AddressField> {
        using T = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<T, isa::Load> || std::is_same_v<T, isa::Store>)
          return {{&body.far, &body.far_strides}, {&body.local, &body.local_strides}};
        else if constexpr (std::is_same_v<T, isa::Gather>)
          return {{&body.index, &body.index_strides}, {&body.local, &body.local_strides}};
        else if constexpr (std::is_same_v<T, isa::Push>)
          return {{&body.weights, &body.weights_strides}};
        else if constexpr (std::is_same_v<T, isa::Matmul>)
          return {{&body.source, &body.source_strides}, {&body.accumulator, &body.accumulator_strides}};
        else if constexpr (std::is_same_v<T, isa::Bind>)
          return {{&body.base, &body.base_strides}};
        else
          return {};
      },
      instruction.body);
}

// A word, or a loop over items. Addresses are flattened in fetch order; each has the steps of the loops around it
// inside this item, outermost first.
struct Item {
  std::size_t shape = 0;  // equal items apart from addresses have equal numbers
  std::size_t words = 1;  // in the rolled program, loop and end counted
  int depth = 0;          // loops inside
  std::vector<std::int64_t> addresses;
  std::vector<std::vector<std::int64_t>> steps;  // per address
  Instruction instruction;                       // a word
  std::uint16_t layer = 0;
  std::int64_t count = 0;  // > 0: a loop
  std::vector<Item> body;
};

class Shapes {
 public:
  // Words that differ in address fields only, and in nothing else, are alike.
  std::size_t of_word(Instruction instruction, std::uint16_t layer) {
    for (const AddressField& field : address_fields(instruction)) *field.address = 0;
    const isa::Word word = isa::encode(instruction);
    std::vector<std::uint64_t> key(word.begin(), word.end());
    key.push_back(layer);
    return number(std::move(key));
  }
  std::size_t of_loop(const Item& loop) {
    std::vector<std::uint64_t> key{0xFFFFFFFFu, static_cast<std::uint64_t>(loop.count)};
    for (const Item& item : loop.body) key.push_back(item.shape);
    for (const auto& steps : loop.steps)
      for (const auto s : steps) key.push_back(static_cast<std::uint64_t>(s));
    return number(std::move(key));
  }

 private:
  std::size_t number(std::vector<std::uint64_t> key) {
    return numbers_.emplace(std::move(key), numbers_.size()).first->second;
  }
  std::map<std::vector<std::uint64_t>, std::size_t> numbers_;
};

bool is_steppable(const Item& item) {
  if (item.count > 0) return true;
  return !std::holds_alternative<isa::Halt>(item.instruction.body) &&
         !std::holds_alternative<isa::Barrier>(item.instruction.body);
}

class Roller {
 public:
  explicit Roller(isa::CoreCode& core) : core_(core) {
    for (std::size_t i = 0; i < core.code.size(); ++i) {
      Item item;
      item.instruction = core.code[i];
      item.layer = core.layer[i];
      item.shape = shapes_.of_word(core.code[i], core.layer[i]);
      for (const AddressField& field : address_fields(item.instruction)) {
        item.addresses.push_back(*field.address);
        item.steps.emplace_back();
      }
      items_.push_back(std::move(item));
    }
  }

  // Layer by layer: a body never spans two.
  void run() {
    std::vector<Item> all = std::move(items_);
    for (std::size_t first = 0, last = 0; first < all.size(); first = last) {
      while (last < all.size() && all[last].layer == all[first].layer) ++last;
      shape_list_.clear();
      items_.assign(std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(first)),
                    std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(last)));
      for (int level = 0; level < isa::kLoopLevels; ++level) {
        bool rolled = false;
        for (std::size_t length = 1; length <= std::min(kMaxBody, items_.size() / 2); ++length)
          rolled |= roll_length(length);
        if (!rolled) break;
      }
      write_items();
    }
    core_.code = std::move(code_);
    core_.layer = std::move(layers_);
  }

 private:
  // The number of equal, evenly stepping bodies of `length` items from `start`.
  std::size_t repeats(std::size_t start, std::size_t length) const {
    const std::size_t possible = 1 + equal_run_[start] / length;
    if (possible < 2) return 1;
    for (std::size_t i = 0; i < length; ++i) {
      const auto& a = items_[start + i].addresses;
      const auto& b = items_[start + length + i].addresses;
      for (std::size_t k = 0; k < a.size(); ++k)
        if (b[k] - a[k] >= kMaxStep || a[k] - b[k] >= kMaxStep) return 1;  // an address that wraps round
    }
    std::size_t n = 2;
    for (; n < possible; ++n) {
      for (std::size_t i = 0; i < length; ++i) {
        const auto& a = items_[start + i].addresses;
        const auto& b = items_[start + length + i].addresses;
        const auto& c = items_[start + (n - 1) * length + i].addresses;
        const auto& d = items_[start + n * length + i].addresses;
        for (std::size_t k = 0; k < a.size(); ++k)
          if (d[k] - c[k] != b[k] - a[k]) return n;
      }
    }
    return n;
  }

  bool body_ok(std::size_t start, std::size_t length) const {
    for (std::size_t i = 0; i < length; ++i)
      if (!is_steppable(items_[start + i]) || items_[start + i].depth >= isa::kLoopLevels) return false;
    return true;
  }

  bool roll_length(std::size_t length) {
    if (shape_list_.size() != items_.size()) {
      shape_list_.clear();
      for (const Item& item : items_) shape_list_.push_back(item.shape);
    }
    equal_run_.assign(items_.size() + 1, 0);
    bool candidate = false;
    for (std::size_t i = items_.size() - length; i-- > 0;) {
      equal_run_[i] = shape_list_[i] == shape_list_[i + length] ? equal_run_[i + 1] + 1 : 0;
      candidate |= equal_run_[i] >= length;
    }
    if (!candidate) return false;
    std::size_t out = 0;   // items written back so far, in place
    bool rolled = false;
    for (std::size_t i = 0; i < items_.size(); ++out) {
      const std::size_t n = equal_run_[i] >= length && body_ok(i, length) ? repeats(i, length) : 1;
      const std::size_t words = n < 2 ? 0 : words_of(i, length);
      if (n < 2 || (n - 1) * words < 4) {
        if (out != i) items_[out] = std::move(items_[i]);
        ++i;
        continue;
      }
      items_[out] = make_loop(i, length, n, words);
      i += n * length;
      rolled = true;
    }
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(out), items_.end());
    if (rolled) shape_list_.clear();
    return rolled;
  }

  std::size_t words_of(std::size_t start, std::size_t length) const {
    std::size_t words = 0;
    for (std::size_t i = start; i < start + length; ++i) words += items_[i].words;
    return words;
  }

  Item make_loop(std::size_t start, std::size_t length, std::size_t n, std::size_t words) {
    Item loop;
    loop.count = static_cast<std::int64_t>(n);
    loop.words = words + 2;
    loop.layer = items_[start].layer;
    for (std::size_t i = 0; i < length; ++i) {
      Item& item = items_[start + i];
      const Item& later = items_[start + length + i];
      loop.depth = std::max(loop.depth, item.depth + 1);
      for (std::size_t k = 0; k < item.addresses.size(); ++k) {
        loop.addresses.push_back(item.addresses[k]);
        std::vector<std::int64_t> steps{later.addresses[k] - item.addresses[k]};
        steps.insert(steps.end(), item.steps[k].begin(), item.steps[k].end());
        loop.steps.push_back(std::move(steps));
      }
    }
    for (std::size_t i = 0; i < length; ++i) loop.body.push_back(std::move(items_[start + i]));
    loop.shape = shapes_.of_loop(loop);
    return loop;
  }

  // ---- writing
  using StrideVector = std::array<std::int64_t, isa::kLoopLevels>;

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

  void write_loop(Item& loop, const std::vector<std::vector<std::int64_t>>& steps, std::size_t& address,
                  const std::map<StrideVector, std::size_t>& sets) {
    append_scalar(isa::Loop{loop.count}, loop.layer);
    for (Item& item : loop.body) {
      if (item.count > 0) {
        write_loop(item, steps, address, sets);
        continue;
      }
      for (const AddressField& field : address_fields(item.instruction)) {
        const auto found = sets.find(strides_of(steps[address++]));
        *field.set = found == sets.end() ? 0 : static_cast<std::int64_t>(found->second);
      }
      append(item.instruction, item.layer);
    }
    append_scalar(isa::End{}, loop.layer);
  }

  // More stride sets than there are: the outermost loop is written out, its loops inside try again.
  void write_flat(Item& loop) {
    std::vector<Item> flat;
    for (std::int64_t n = 0; n < loop.count; ++n) {
      std::size_t address = 0;
      for (const Item& item : loop.body) {
        Item copy = item;
        shift(copy, loop.steps, address, n);
        flat.push_back(std::move(copy));
      }
    }
    std::swap(items_, flat);
    write_items();
    std::swap(items_, flat);
  }

  void shift(Item& item, const std::vector<std::vector<std::int64_t>>& outer, std::size_t& address, std::int64_t n) {
    for (std::size_t k = 0; k < item.addresses.size(); ++k) item.addresses[k] += n * outer[address + k][0];
    std::size_t k = 0;
    place(item, item.addresses, k);
    address += item.addresses.size();
  }

  // Writes the addresses of a shifted item back into its words.
  static void place(Item& item, const std::vector<std::int64_t>& addresses, std::size_t& k) {
    if (item.count == 0) {
      for (const AddressField& field : address_fields(item.instruction)) *field.address = addresses[k++];
      return;
    }
    for (Item& inner : item.body) place(inner, addresses, k);
  }

  void write_items() {
    for (Item& item : items_) {
      if (item.count == 0) {
        append(item.instruction, item.layer);
        continue;
      }
      std::map<StrideVector, std::size_t> sets;
      for (const auto& steps : item.steps) sets.emplace(strides_of(steps), 0);
      sets.erase(StrideVector{});
      if (sets.size() > kMaxSets) {
        Item inner = std::move(item);
        write_flat(inner);
        continue;
      }
      write_with_sets(item, sets);
    }
  }

  void write_with_sets(Item& item, std::map<StrideVector, std::size_t>& sets) {
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
    std::size_t address = 0;
    write_loop(item, item.steps, address, sets);
  }

  isa::CoreCode& core_;
  Shapes shapes_;
  std::vector<Item> items_;
  std::vector<std::size_t> shape_list_;  // of items_, for the scan
  std::vector<std::uint32_t> equal_run_;  // how many items from here equal the ones `length` later
  std::vector<StrideVector> written_;
  std::vector<Instruction> code_;
  std::vector<std::uint16_t> layers_;
};

}  // namespace

void roll_loops(isa::CoreCode& core) { Roller(core).run(); }

}  // namespace systole::compile
