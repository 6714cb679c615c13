// usage: rtl_soak [PROGRAMS [SEED [JSON [THREADS [CHIP]...]]]]
//
// PROGRAMS (10,000) random and compiled programs, spread over the chips below, on the event engine, the register engine and the RTL; on
// chips of several cores, which the RTL has not, on the first two. With CHIPs, names as below, only their shares. Prints a Markdown table and writes JSON to the file of that name.
// A chip gets more than its share, up to twice as many, if a combination of opcode and format that it has occurred fewer than 100 times. Strided
// streams count on all chips together, unless no other chip has them.
// Exit status 1: the engines differ somewhere, or a combination is still too rare (with fewer PROGRAMS, in proportion); 2: a model cannot be built.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>

#include "base/file.h"
#include "rtl/check.h"

namespace {

using namespace systole;

struct Variant {
  const char* name;
  const char* chip;             // of the catalogue
  void (*change)(Chip&);
};

void size(Chip& chip, std::int64_t rows, std::int64_t columns, std::int64_t lanes, std::int64_t sublanes) {
  chip.mxu.rows = rows, chip.mxu.columns = columns;
  chip.vpu.lanes = lanes, chip.vpu.sublanes = sublanes;
}
void memory(Chip& chip, Bandwidth bandwidth, std::int64_t burst, std::int64_t latency) {
  chip.hbm.bandwidth = bandwidth, chip.hbm.burst_bytes = burst, chip.hbm.latency_cycles = latency;
}

constexpr Variant kVariants[] = {
    {"systolic-2-q88", "systolic-2-q88", [](Chip&) {}},
    {"systolic-2-q412", "systolic-2-q412", [](Chip&) {}},
    {"systolic-4", "systolic-4", [](Chip&) {}},
    {"systolic-8", "systolic-8", [](Chip&) {}},
    {"systolic-16", "systolic-16", [](Chip&) {}},
    {"systolic-32", "systolic-32", [](Chip&) {}},
    {"2x2 bf16, 1 engine, queues of 2", "systolic-2-q88",
     [](Chip& c) {
       c.mxu.formats = {DType::kBF16};
       c.dma_engines = 1, c.timing.queue_depth = 2, c.timing.vector_latency = 0;
       memory(c, {3, 2}, 8, 3);
     }},
    {"3x5 all formats, 3x2 lanes, strided 3", "systolic-4",
     [](Chip& c) {
       size(c, 3, 5, 3, 2);
       c.mxu.formats = {DType::kI8, DType::kU8, DType::kQ8_8, DType::kBF16};
       c.vpu.strided_cycles = 3, c.dma_engines = 3, c.timing.queue_depth = 5;
       c.timing.feeder_latency = 2, c.timing.accumulator_latency = 3;
       memory(c, {7, 3}, 32, 3);
     }},
    {"8x3 bf16, 4 engines, latency 40", "systolic-8",
     [](Chip& c) {
       size(c, 8, 3, 4, 4);
       c.mxu.formats = {DType::kBF16};
       c.vpu.strided_cycles = 2, c.dma_engines = 4, c.timing.vector_latency = 9;
       memory(c, {16, 1}, 64, 40);
     }},
    {"7x7 q8.8 and bf16, 1 lane", "systolic-8",
     [](Chip& c) {
       size(c, 7, 7, 1, 1);
       c.mxu.formats = {DType::kQ8_8, DType::kBF16};
       c.vpu.strided_cycles = 4, c.timing.queue_depth = 3;
       memory(c, {32, 1}, 64, 5);
     }},
    {"6x4 ui8, no vector unit, no shadow weights, 1 engine", "systolic-4",
     [](Chip& c) {
       size(c, 6, 4, 0, 0);
       c.mxu.formats = {DType::kU8};
       c.mxu.weight_double_buffer = false;
       c.vpu.present = false, c.dma_engines = 1, c.timing.queue_depth = 4;
       memory(c, {5, 1}, 16, 12);
     }},
    {"16x16 q8.8, 8x2 lanes", "systolic-16",
     [](Chip& c) {
       size(c, 16, 16, 8, 2);
       c.mxu.formats = {DType::kQ8_8};
       c.vpu.strided_cycles = 2, c.dma_engines = 4, c.timing.feeder_latency = 4;
     }},
    {"5x32 int8 and q8.8, queues of 1", "systolic-32",
     [](Chip& c) {
       size(c, 5, 32, 5, 3);
       c.mxu.formats = {DType::kI8, DType::kQ8_8};
       c.mxu.accumulator_rows = 24, c.dma_engines = 3, c.timing.queue_depth = 1;
     }},
    {"32x32 q6.10, no vector unit", "systolic-32",
     [](Chip& c) {
       size(c, 32, 32, 0, 0);
       c.mxu.formats = {DType::kQ6_10};
       c.vpu.present = false;
       memory(c, {16, 1}, 32, 9);
     }},
    {"32x9 i8, 16 lanes, latency 3", "systolic-32",
     [](Chip& c) {
       size(c, 32, 9, 16, 1);
       c.mxu.formats = {DType::kI8};
       c.vpu.strided_cycles = 3;
       memory(c, {11, 1}, 32, 3);
     }},
    {"12x12 q3.13, 1 engine", "systolic-16",
     [](Chip& c) {
       size(c, 12, 12, 12, 1);
       c.mxu.formats = {DType::kQ3_13};
       c.dma_engines = 1;
     }},
    {"3x4 int8, q1.15 and bf16", "systolic-4",
     [](Chip& c) {
       size(c, 3, 4, 4, 1);
       c.mxu.formats = {DType::kI8, DType::kQ1_15, DType::kBF16};
       c.timing.accumulator_latency = 2;
     }},
    {"4x4, 2 cores", "systolic-4", [](Chip& c) { c.cores = 2; }},
    {"8x8, 3 cores, all formats", "systolic-8",
     [](Chip& c) {
       c.cores = 3;
       c.mxu.formats = {DType::kI8, DType::kU8, DType::kQ8_8, DType::kBF16};
       c.vpu.strided_cycles = 2, c.dma_engines = 3;
     }},
};
constexpr std::size_t kCount = std::size(kVariants);
constexpr std::int64_t kLeast = 100, kAllPrograms = 10000;

struct Row {
  std::optional<Chip> chip;
  std::set<std::string> wanted;        // combinations, on this chip alone
  std::optional<rtl::CheckResult> result;
  std::vector<std::string> rare;       // combinations that occurred too seldom
  std::string error;
};

bool is_strided(const std::string& what) { return what.ends_with(" strided"); }

// Loads the chips and says what is wanted of each: all that it has, strided streams only if no other chip has them. False: a chip file is wrong.
bool prepare(std::vector<Row>& rows) {
  std::map<std::string, int> chips;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto chip = load_chip(kVariants[i].chip);
    if (!chip.ok()) {
      fmt::print(stderr, "rtl_soak: {}\n", chip.error().text());
      return false;
    }
    kVariants[i].change(*chip);
    rows[i].chip = std::move(*chip);
    for (const std::string& what : rtl::combinations(*rows[i].chip)) ++chips[what];
  }
  for (Row& row : rows) {
    for (const std::string& what : rtl::combinations(*row.chip)) {
      if (!is_strided(what) || chips[what] == 1) row.wanted.insert(what);
    }
  }
  return true;
}

void run(const Variant& variant, std::int64_t programs, std::uint64_t seed, std::int64_t least, Row& row, std::mutex& out) {
  rtl::CheckOptions options;
  options.programs = programs;
  options.seed = seed;
  options.wanted.assign(row.wanted.begin(), row.wanted.end());
  options.least = least;
  options.progress = [&](std::int64_t done) {
    if (done % 100 != 0 && done != programs) return;
    const std::lock_guard lock(out);
    fmt::print(stderr, "rtl_soak: {}: {} of {}\n", variant.name, done, programs);
  };
  auto result = rtl::check(*row.chip, options);
  if (!result.ok()) {
    row.error = result.error().text();
    const std::lock_guard lock(out);
    fmt::print(stderr, "rtl_soak: {}: {}\n", variant.name, row.error);
    return;
  }
  row.result = std::move(*result);
}

// Of `wanted`, those that occurred too seldom.
std::vector<std::string> rare(const std::set<std::string>& wanted, const rtl::Coverage& coverage, std::int64_t least) {
  std::vector<std::string> result;
  for (const std::string& what : wanted) {
    const auto found = coverage.find(what);
    const std::int64_t count = found == coverage.end() ? 0 : found->second;
    if (count < least) result.push_back(fmt::format("{} ({} times, {} wanted)", what, count, least));
  }
  return result;
}

nlohmann::ordered_json to_json(const rtl::Tally& tally) {
  return {{"programs", tally.programs}, {"cycles_compared", tally.cycles_compared}, {"array_cycles_compared", tally.array_cycles}, {"mismatches", tally.mismatches}};
}

}  // namespace

int main(int count, char** arguments) {
  const std::int64_t all = count > 1 ? std::strtoll(arguments[1], nullptr, 10) : kAllPrograms;
  const std::uint64_t seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
  const int threads = count > 4 ? std::atoi(arguments[4]) : 2;
  if (all < static_cast<std::int64_t>(kCount) || threads < 1) return 2;
  const std::int64_t least = std::min(kLeast, kLeast * all / kAllPrograms);
  std::vector<Row> rows(kCount);
  if (!prepare(rows)) return 2;
  const auto wanted = [&](std::size_t i) {
    const auto names = arguments + std::min(count, 5);
    return count <= 5 || std::any_of(names, arguments + count, [&](const char* name) { return std::string_view(name) == kVariants[i].name; });
  };
  const auto share = [&](std::size_t i) { return (all + static_cast<std::int64_t>(kCount - 1 - i)) / static_cast<std::int64_t>(kCount); };
  std::atomic<std::size_t> next = 0;
  std::mutex out;
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&] {
      for (std::size_t i = next++; i < kCount; i = next++) {
        if (wanted(i)) run(kVariants[i], share(i), seed + (i << 32), least, rows[i], out);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();

  rtl::Tally total;
  rtl::Coverage coverage;
  std::set<std::string> strided;
  nlohmann::ordered_json json = {{"seed", seed}, {"chips", nlohmann::ordered_json::array()}};
  bool good = true;
  fmt::print("| chip | engines | format | programs | cycles compared | array cycles compared | mismatches |\n|---|---|---|---|---|---|---|\n");
  for (std::size_t i = 0; i < kCount; ++i) {
    Row& row = rows[i];
    if (!wanted(i)) continue;
    if (!row.error.empty()) return 2;
    const rtl::CheckResult& result = *row.result;
    for (const std::string& what : rtl::combinations(*row.chip)) {
      if (!row.wanted.contains(what)) strided.insert(what);
    }
    row.rare = rare(row.wanted, result.coverage, least);
    for (const auto& [what, times] : result.coverage) coverage[what] += times;
    const char* engines = row.chip->cores > 1 ? "event, register" : "event, register, RTL";
    nlohmann::ordered_json formats;
    for (const auto& [format, tally] : result.formats) {
      fmt::print("| {} | {} | {} | {} | {} | {} | {} |\n", kVariants[i].name, engines, format, tally.programs, tally.cycles_compared, tally.array_cycles, tally.mismatches);
      formats[format] = to_json(tally);
    }
    nlohmann::ordered_json entry = to_json(result);
    entry["chip"] = kVariants[i].name, entry["engines"] = engines, entry["seed"] = result.seed, entry["formats"] = formats;
    entry["coverage"] = result.coverage, entry["drawn_again"] = result.drawn_again, entry["too_seldom"] = row.rare, entry["details"] = result.details;
    json["chips"].push_back(std::move(entry));
    for (const std::string& line : result.details) fmt::print(stderr, "{}: {}\n", kVariants[i].name, line);
    for (const std::string& line : row.rare) fmt::print(stderr, "{}: {}\n", kVariants[i].name, line);
    for (const auto& [why, times] : result.drawn_again) fmt::print(stderr, "{}: drawn again {} times: {}\n", kVariants[i].name, times, why);
    total.programs += result.programs, total.cycles_compared += result.cycles_compared;
    total.array_cycles += result.array_cycles, total.mismatches += result.mismatches;
    good = good && result.mismatches == 0 && row.rare.empty();
  }
  fmt::print("| all | | | {} | {} | {} | {} |\n", total.programs, total.cycles_compared, total.array_cycles, total.mismatches);
  json["total"] = to_json(total);
  const std::vector<std::string> seldom = rare(strided, coverage, std::min(least, least * total.programs / all));
  for (const std::string& line : seldom) fmt::print(stderr, "all chips: {}\n", line);
  good = good && seldom.empty();
  json["total"]["least"] = least;
  json["total"]["coverage"] = coverage, json["total"]["too_seldom"] = seldom;
  if (count > 3) {
    const auto written = write_file(arguments[3], json.dump(1) + "\n");
    if (!written.ok()) {
      fmt::print(stderr, "rtl_soak: {}\n", written.error().text());
      return 2;
    }
  }
  return good ? 0 : 1;
}
