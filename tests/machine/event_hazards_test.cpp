// check_hazards: exact footprints, and programs in which every single token is needed.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <set>

#include "base/random.h"
#include "machine/event.h"
#include "machine/hazards_footprint.h"
#include "values_harness.h"

namespace systole::machine {
namespace {

std::set<std::int64_t> bytes_of(std::int64_t base, std::int64_t bytes, const std::vector<ByteBox::Dim>& dims, std::size_t from = 0) {
  std::set<std::int64_t> all;
  if (from == dims.size()) {
    for (std::int64_t b = 0; b < bytes; ++b) all.insert(base + b);
    return all;
  }
  for (std::int64_t k = 0; k < dims[from].count; ++k) all.merge(bytes_of(base + k * dims[from].stride, bytes, dims, from + 1));
  return all;
}

TEST(Hazards, BoxesOverlapExactlyWhenTheyShareAByte) {
  for (std::uint64_t seed = 1; seed <= 20000; ++seed) {
    Random random(seed);
    ByteBox box[2];
    std::set<std::int64_t> bytes[2];
    const std::int64_t pitch = random.integer(1, 40);
    for (int i = 0; i < 2; ++i) {
      std::vector<ByteBox::Dim> dims;
      for (std::int64_t d = random.integer(0, 3); d > 0; --d) dims.push_back({random.integer(1, 5), random.chance(0.4) ? pitch : random.integer(-30, 60)});
      const std::int64_t base = random.integer(300, 500), length = random.integer(1, 12);
      box[i] = ByteBox(base, length, dims);
      bytes[i] = bytes_of(base, length, dims);
      ASSERT_EQ(box[i].base, *bytes[i].begin()) << "seed " << seed;
      ASSERT_EQ(box[i].end(), *bytes[i].rbegin() + 1) << "seed " << seed;
    }
    const bool share = std::any_of(bytes[0].begin(), bytes[0].end(), [&](std::int64_t b) { return bytes[1].contains(b); });
    ASSERT_EQ(overlap(box[0], box[1]), share) << "seed " << seed;
    ASSERT_EQ(overlap(box[1], box[0]), share) << "seed " << seed;
  }
}

constexpr std::uint16_t bit(isa::UnitId unit) { return static_cast<std::uint16_t>(1u << unit); }
const isa::UnitId kDma0 = isa::dma_unit(0), kDma1 = isa::dma_unit(1), kPush0 = isa::push_unit(0), kMxu0 = isa::matrix_unit(0);
const std::int64_t kF32 = static_cast<std::int64_t>(DType::kF32);

isa::Program program_of(std::vector<isa::Instruction> code) {
  isa::Program program;
  program.hbm_bytes = 1 << 20;
  program.microcode = {{.op = MicroOpcode::kLoad, .slot = 0}, {.op = MicroOpcode::kStore, .slot = 1}};
  code.push_back({isa::Halt{}, isa::kScalar});
  program.cores.push_back({std::move(code), {}});
  return program;
}

// Double-buffered tiles: load a tile and its weights, multiply, scale out of the accumulators, store.
isa::Program pipeline(std::int64_t tiles) {
  std::vector<isa::Instruction> code;
  for (std::int64_t i = 0; i < tiles; ++i) {
    const std::int64_t half = i % 2;
    const std::uint16_t again = i >= 2 ? 0xFFFF : 0, more = i + 2 < tiles ? 0xFFFF : 0;   // the buffers' second use and the use after it
    const auto when = [](std::uint16_t condition, std::uint16_t mask) { return static_cast<std::uint16_t>(condition & mask); };
    code.push_back({isa::Load{.far = i * 64, .local = half * 256, .bytes = 64}, kDma0, when(again, bit(kMxu0)), bit(kMxu0)});
    code.push_back({isa::Load{.far = 4096 + i * 64, .local = 1024 + half * 256, .bytes = 96}, kDma0, when(again, bit(kPush0)), bit(kPush0)});
    code.push_back({isa::Push{.weights = 1024 + half * 256, .pitch = 24, .rows = 4, .columns = 6, .type = kF32, .format = kF32}, kPush0, bit(kDma0), when(more, bit(kDma0))});
    code.push_back({isa::Pad{.step_pitch = 16, .type = kF32}, kMxu0});
    code.push_back({isa::Matmul{.source = half * 256, .out_columns = 4, .length = 4, .columns = 6, .accumulator = half * 4, .format = kF32}, kMxu0,
                    static_cast<std::uint16_t>(bit(kDma0) | when(again, bit(isa::kVector))), static_cast<std::uint16_t>(bit(isa::kVector) | when(more, bit(kDma0)))});
    code.push_back({isa::Bind{.slot = 0, .space = 3, .base = half * 24, .type = kF32, .s4 = 1}, isa::kVector});
    code.push_back({isa::Bind{.slot = 1, .base = 2048 + half * 256, .type = kF32, .s4 = 1}, isa::kVector});
    code.push_back({isa::Run{.body = 2, .d4 = 24}, isa::kVector, static_cast<std::uint16_t>(bit(kMxu0) | when(again, bit(kDma1))),
                    static_cast<std::uint16_t>(bit(kDma1) | when(more, bit(kMxu0)))});
    code.push_back({isa::Store{.far = 65536 + i * 96, .local = 2048 + half * 256, .bytes = 96}, kDma1, bit(isa::kVector), when(more, bit(isa::kVector))});
  }
  return program_of(std::move(code));
}

TEST(Hazards, ACorrectPipelineIsClean) {
  for (const std::int64_t tiles : {1, 2, 3, 8}) {
    const Status status = check_hazards(pipeline(tiles), values_chip());
    EXPECT_TRUE(status.ok()) << status.error().text();
  }
}

// Takes the pair's n-th token out of the program: its giver gives it no more, its taker does not wait.
isa::Program without_token(isa::Program program, isa::UnitId from, isa::UnitId to, int n, bool& found) {
  int given = 0, taken = 0;
  found = false;
  for (isa::Instruction& word : program.cores[0].code) {
    if (word.unit == from && (word.signal & bit(to)) && given++ == n) word.signal &= static_cast<std::uint16_t>(~bit(to));
    if (word.unit == to && (word.wait & bit(from)) && taken++ == n) {
      word.wait &= static_cast<std::uint16_t>(~bit(from));
      found = true;
    }
  }
  return program;
}

TEST(Hazards, EveryTokenOfThePipelineIsNeeded) {
  const isa::Program whole = pipeline(3);
  int removed = 0;
  for (isa::UnitId from = 1; from < 8; ++from) {
    for (isa::UnitId to = 1; to < 8; ++to) {
      bool found = true;
      for (int n = 0; found; ++n) {
        const isa::Program program = without_token(whole, from, to, n, found);
        if (!found) break;
        ++removed;
        const Status status = check_hazards(program, values_chip());
        EXPECT_FALSE(status.ok()) << "token " << n << " from unit " << int{from} << " to unit " << int{to};
        if (!status.ok()) EXPECT_EQ(status.error().code, ErrorCode::kCheckFailed);
      }
    }
  }
  EXPECT_EQ(removed, 3 * 4 + 4);
}

// The oracle for random programs: a graph of "surely not before" over the issue and the end of every instruction, searched for
// each pair of accesses to a common byte.
class HazardOracle {
 public:
  explicit HazardOracle(const std::vector<isa::Instruction>& code) : code_(code), next_(3 * code.size()) {
    std::array<std::size_t, isa::kUnits> last;
    last.fill(code.size());
    std::array<std::array<std::vector<std::size_t>, isa::kUnits>, isa::kUnits> given;
    for (std::size_t k = 0; k < code.size(); ++k) {
      const isa::Instruction& word = code[k];
      edge(issue(k), end(k));
      edge(fetch(k), issue(k));
      if (k > 0) edge(fetch(k - 1), fetch(k));
      for (std::size_t from = 0; from < isa::kUnits; ++from) {
        if (((word.wait >> from) & 1) == 0) continue;
        edge(end(given[from][word.unit].front()), word.unit == isa::kScalar ? fetch(k) : issue(k));
        given[from][word.unit].erase(given[from][word.unit].begin());
      }
      if (word.unit == isa::kScalar) continue;
      if (last[word.unit] < code.size()) {
        edge(issue(last[word.unit]), issue(k));
        edge(end(last[word.unit]), end(k));
      }
      last[word.unit] = k;
      for (std::size_t to = 0; to < isa::kUnits; ++to) {
        if ((word.signal >> to) & 1) given[word.unit][to].push_back(k);
      }
    }
  }
  bool any_hazard() {
    for (std::size_t x = 0; x < code_.size(); ++x) {
      std::vector<bool> reached(next_.size(), false);
      search(end(x), reached);
      for (std::size_t y = x + 1; y < code_.size(); ++y) {
        const bool itself = code_[x].unit == code_[y].unit && code_[x].unit == isa::kVector;
        if (!itself && !reached[issue(y)] && conflict(x, y)) return true;
      }
    }
    return false;
  }

 private:
  std::size_t issue(std::size_t k) const { return 3 * k; }
  std::size_t end(std::size_t k) const { return 3 * k + 1; }
  std::size_t fetch(std::size_t k) const { return 3 * k + 2; }
  void edge(std::size_t from, std::size_t to) { next_[from].push_back(to); }
  void search(std::size_t from, std::vector<bool>& reached) const {
    reached[from] = true;
    for (const std::size_t to : next_[from]) {
      if (!reached[to]) search(to, reached);
    }
  }
  struct Bytes { std::set<std::int64_t> read, written; };
  // HBM from 0, VMEM from 2^30 on.
  Bytes bytes(std::size_t k) const {
    constexpr std::int64_t kVmem = 1 << 30;
    Bytes all;
    if (const auto* load = code_[k].as<isa::Load>()) {
      all.read = bytes_of(load->far, load->bytes, {{load->rows, load->pitch}});
      all.written = bytes_of(kVmem + load->local, load->bytes * load->rows, {});
    } else if (const auto* store = code_[k].as<isa::Store>()) {
      all.written = bytes_of(store->far, store->bytes, {{store->rows, store->pitch}});
      all.read = bytes_of(kVmem + store->local, store->bytes * store->rows, {});
    } else if (const auto* run = code_[k].as<isa::Run>()) {
      std::array<isa::Bind, isa::kVectorSlots> binds{};
      for (std::size_t i = 0; i < k; ++i) {
        if (const auto* bind = code_[i].as<isa::Bind>()) binds[static_cast<std::size_t>(bind->slot)] = *bind;
      }
      const auto stream = [&](const isa::Bind& bind) {
        const std::int64_t size = dtype_bytes(static_cast<DType>(bind.type));
        return bytes_of(kVmem + bind.base, size, {{run->d4, bind.s4 * size}});
      };
      all.read = stream(binds[0]);
      all.written = stream(binds[1]);
    }
    return all;
  }
  bool conflict(std::size_t x, std::size_t y) const {
    const Bytes a = bytes(x), b = bytes(y);
    const auto meet = [](const std::set<std::int64_t>& p, const std::set<std::int64_t>& q) {
      return std::any_of(p.begin(), p.end(), [&](std::int64_t byte) { return q.contains(byte); });
    };
    return meet(a.written, b.written) || meet(a.written, b.read) || meet(a.read, b.written);
  }

  const std::vector<isa::Instruction>& code_;
  std::vector<std::vector<std::size_t>> next_;
};

std::vector<isa::Instruction> random_words(Random& random) {
  std::vector<isa::Instruction> code;
  std::array<std::array<int, isa::kUnits>, isa::kUnits> balance{};
  const double tokens = random.real();
  const isa::UnitId units[] = {isa::kVector, kDma0, kDma1, isa::kScalar};
  for (std::int64_t i = random.integer(2, 14); i > 0; --i) {
    const isa::UnitId unit = units[random.integer(0, 3)];
    const std::int64_t bytes = random.integer(1, 40), rows = random.integer(1, 3), local = random.integer(0, 300), far = random.integer(0, 400);
    isa::Body body = isa::Nop{};
    if (unit == isa::kVector && random.chance(0.5)) body = isa::Bind{.slot = random.integer(0, 1), .base = local, .type = kF32, .s4 = random.integer(0, 3)};
    else if (unit == isa::kVector) body = isa::Run{.body = 2, .d4 = random.integer(1, 9)};
    else if (unit != isa::kScalar && random.chance(0.5)) body = isa::Load{.far = far, .local = local, .bytes = bytes, .rows = rows, .pitch = 50};
    else if (unit != isa::kScalar) body = isa::Store{.far = far, .local = local, .bytes = bytes, .rows = rows, .pitch = 50};
    isa::Instruction word{body, unit};
    for (const isa::UnitId other : units) {
      if (balance[other][unit] > 0 && random.chance(tokens)) {
        --balance[other][unit];
        word.wait |= bit(other);
      }
    }
    for (const isa::UnitId other : units) {
      if (unit != isa::kScalar && random.chance(tokens)) {
        ++balance[unit][other];
        word.signal |= bit(other);
      }
    }
    code.push_back(word);
  }
  return code;
}

TEST(Hazards, RandomProgramsHaveOneExactlyWhenThePairwiseSearchFindsOne) {
  int clean = 0, bad = 0;
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    Random random(seed);
    const std::vector<isa::Instruction> code = random_words(random);
    const bool expected = HazardOracle(code).any_hazard();
    const Status status = check_hazards(program_of(code), values_chip());
    ASSERT_EQ(!status.ok(), expected) << "seed " << seed << (status.ok() ? "" : ": " + status.error().text());
    ++(expected ? bad : clean);
  }
  EXPECT_GT(clean, 500);
  EXPECT_GT(bad, 500);
}

TEST(Hazards, AnEngineIsNotOrderedWithItself) {
  const isa::Load load{.far = 0, .local = 0, .bytes = 64};
  const isa::Store store{.far = 512, .local = 32, .bytes = 8};
  const Status bad = check_hazards(program_of({{load, kDma0}, {store, kDma0}}), values_chip());
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().place, "core 0, instruction 1 (store)");
  EXPECT_NE(bad.error().message.find("core 0, instruction 0 (load)"), std::string::npos) << bad.error().message;
  EXPECT_TRUE(check_hazards(program_of({{load, kDma0, 0, bit(kDma0)}, {store, kDma0, bit(kDma0)}}), values_chip()).ok());
  isa::Store beside = store;
  beside.local = 64;
  EXPECT_TRUE(check_hazards(program_of({{load, kDma0}, {beside, kDma0}}), values_chip()).ok());
}

TEST(Hazards, TheSequencersWaitOrdersWhatItFetchesAfterwards) {
  const isa::Load load{.local = 0, .bytes = 64};
  const isa::Store store{.far = 512, .local = 0, .bytes = 64};
  EXPECT_TRUE(check_hazards(program_of({{load, kDma0, 0, bit(isa::kScalar)}, {isa::Nop{}, isa::kScalar, bit(kDma0)}, {store, kDma1}}), values_chip()).ok());
  EXPECT_FALSE(check_hazards(program_of({{load, kDma0, 0, bit(isa::kScalar)}, {store, kDma1}, {isa::Nop{}, isa::kScalar, bit(kDma0)}}), values_chip()).ok());
}

TEST(Hazards, TokensCarryWhatTheirGiverKnows) {
  // dma0 -> vector -> dma1: the store is after the load by way of the vector unit's nop.
  const isa::Load load{.local = 0, .bytes = 64};
  const isa::Store store{.far = 512, .local = 0, .bytes = 64};
  EXPECT_TRUE(check_hazards(program_of({{load, kDma0, 0, bit(isa::kVector)}, {isa::Nop{}, isa::kVector, bit(kDma0), bit(kDma1)}, {store, kDma1, bit(isa::kVector)}}), values_chip()).ok());
  EXPECT_FALSE(check_hazards(program_of({{load, kDma0}, {isa::Nop{}, isa::kVector, 0, bit(kDma1)}, {store, kDma1, bit(isa::kVector)}}), values_chip()).ok());
}

TEST(Hazards, CoresNeedABarrierAndTheirOwnTokenBeforeIt) {
  const isa::Instruction halt{isa::Halt{}, isa::kScalar}, barrier{isa::Barrier{}, isa::kScalar}, waiting{isa::Barrier{}, isa::kScalar, bit(kDma0)};
  const isa::Store store{.far = 512, .local = 0, .bytes = 64};
  const isa::Load load{.far = 540, .local = 0, .bytes = 64};
  const auto two_cores = [&](std::vector<isa::Instruction> a, std::vector<isa::Instruction> b) {
    isa::Program program = program_of({});
    program.cores = {{std::move(a), {}}, {std::move(b), {}}};
    return check_hazards(program, values_chip());
  };
  EXPECT_TRUE(two_cores({{store, kDma0, 0, bit(isa::kScalar)}, waiting, halt}, {barrier, {load, kDma0}, halt}).ok());
  EXPECT_FALSE(two_cores({{store, kDma0}, barrier, halt}, {barrier, {load, kDma0}, halt}).ok());
  EXPECT_FALSE(two_cores({{store, kDma0}, halt}, {{load, kDma0}, halt}).ok());
}

TEST(Hazards, InterleavedTilesOfOneTensorDoNotTouch) {
  // Two stores write the left and the right half of every row of one matrix.
  const isa::Store left{.far = 0, .local = 0, .bytes = 64, .rows = 100, .pitch = 128};
  isa::Store right = left;
  right.far = 64;
  right.local = 8192;
  EXPECT_TRUE(check_hazards(program_of({{left, kDma0}, {right, kDma1}}), values_chip()).ok());
  right.far = 63;
  EXPECT_FALSE(check_hazards(program_of({{left, kDma0}, {right, kDma1}}), values_chip()).ok());
}

TEST(Hazards, ElementsOutsideTheBoundsAreNotRead) {
  // A padded row: the elements before the picture would lie where the other engine writes.
  const isa::Load picture{.far = 0, .local = 1024, .bytes = 64}, before{.far = 4096, .local = 960, .bytes = 64};
  const auto program = [&](std::int64_t width) {
    const isa::Pad pad{.step_pitch = 4, .width = width, .column_step = 1, .type = kF32};
    const isa::Matmul mm{.source = 1024 - 8, .out_columns = 12, .length = 4, .columns = 1, .column = -2, .swap = 0, .format = kF32};
    return check_hazards(program_of({{picture, kDma0, 0, bit(kMxu0)}, {before, kDma1}, {pad, kMxu0}, {mm, kMxu0, bit(kDma0)}}), values_chip());
  };
  EXPECT_TRUE(program(12).ok());
  EXPECT_FALSE(program(0).ok());
}

}  // namespace
}  // namespace systole::machine
