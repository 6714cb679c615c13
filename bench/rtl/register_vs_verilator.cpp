// The register engine's array against the Verilated array: processing-element steps (one element, one clock) a second of one thread.
//
// usage: register_vs_verilator [--alone | --lean] [SIDE ...]      16 32 64 by default; any side of 2 to 256
// Both clock the array alone, with the same stimuli: int8, a row of activations in every cycle, a new tile of weights pushed behind each 256
// rows. The register engine's has its staging queues and its accumulators with it; the Verilated ones get their wires as prepared: array.sv
// beside this file (the chip's elements in a form that Verilator makes faster) and array_lean.sv (less than the chip's elements: its weights
// are pushed once). Before anything is timed the sums of every column are compared after each of 768 edges. Processor time, so that other
// work on the machine tells less; the Verilated models are built once per side and compiler (array.sv with g++: minutes at 64 x 64, more at
// 128 x 128) and kept. --alone: the register engine by itself; --lean: without array.sv.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "machine/register_array.h"
#include "rtl/generate.h"
#include "rtl/verilate.h"

namespace systole {
namespace {

using machine::StagedRow;
using machine::SystolicArray;
using machine::WeightRow;
constexpr std::int64_t kPeriod = 256, kCycles = 3 * kPeriod;
constexpr int kRepeats = 5;

double seconds() {
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

Chip bench_chip(std::int64_t side) {
  Chip chip;
  chip.name = fmt::format("array-{}", side);
  chip.mxu.rows = chip.mxu.columns = side;
  chip.mxu.formats = {DType::kI8};
  chip.mxu.accumulator_rows = kPeriod;
  return chip;
}

// What is given in each of kCycles: the first period pushes the first tile, then rows stream, behind each period `again` another tile.
// The last period may be repeated.
std::vector<SystolicArray::Inputs> stimuli_of(std::int64_t side, bool again) {
  Random random(side);
  std::vector<SystolicArray::Inputs> all(static_cast<std::size_t>(kCycles));
  const auto operands = [&](std::vector<std::uint32_t>& values) {
    for (std::int64_t i = 0; i < side; ++i) values.push_back(static_cast<std::uint32_t>(static_cast<std::int32_t>(random.bits() % 256) - 128));
  };
  for (std::int64_t t = 0; t < kCycles; ++t) {
    SystolicArray::Inputs& now = all[static_cast<std::size_t>(t)];
    const std::int64_t row = t % kPeriod;
    operands(now.row.values);
    operands(now.weights.values);
    now.row.valid = now.target.valid = now.target.accumulate = t >= kPeriod;
    now.row.switching = now.row.valid && row == 0 && (again || t == kPeriod);
    now.target.row = row, now.target.columns = side, now.target.last = row + 1 == kPeriod;
    now.weights.accept = row >= kPeriod - side && (again || t < kPeriod), now.weights.first = row == kPeriod - side;
  }
  return all;
}

void set_bits(std::uint8_t* port, std::int64_t low, int count, std::uint32_t value) {
  for (int i = 0; i < count; ++i, ++low) port[low / 8] = static_cast<std::uint8_t>(port[low / 8] | ((value >> i) & 1u) << (low % 8));
}

// array_testbench.cpp's file: {switch, valid, operand} for each row and {first, accept, operand} for each column, each as late as the
// register engine's feeder and staging queues make it; the weights of the lean array, which all columns take at once, as late as the first's.
std::vector<std::uint8_t> wires_of(const std::vector<SystolicArray::Inputs>& stimuli, const Chip& chip, bool lean) {
  const std::int64_t side = chip.mxu.rows, bits = rtl::data_bits(chip), wire = bits + 4;
  const std::int64_t port = side * wire <= 8 ? 1 : side * wire <= 16 ? 2 : side * wire <= 32 ? 4 : side * wire <= 64 ? 8 : (side * wire + 31) / 32 * 4;
  const std::uint64_t header[] = {kCycles, kPeriod, static_cast<std::uint64_t>(side), static_cast<std::uint64_t>(side)};
  std::vector<std::uint8_t> file(sizeof(header) + static_cast<std::size_t>(kCycles * 2 * port));
  std::memcpy(file.data(), header, sizeof(header));
  for (std::int64_t t = 0; t < kCycles; ++t) {
    std::uint8_t* const rows = file.data() + sizeof(header) + t * 2 * port;
    std::uint8_t* const weights = rows + port;
    for (std::int64_t i = 0; i < side; ++i) {
      const std::int64_t first = t - chip.timing.feeder_latency, given = first - i;
      const auto at = static_cast<std::size_t>(i);
      if (given >= 0) {
        const StagedRow& then = stimuli[static_cast<std::size_t>(given)].row;
        if (then.valid) set_bits(rows, i * wire, static_cast<int>(bits), then.values[at]);
        set_bits(rows, i * wire + bits + 2, 2, (then.valid ? 1u : 0u) | (then.switching ? 2u : 0u));
      }
      if (const std::int64_t pushed = lean ? first : given; pushed >= 0) {
        const WeightRow& then = stimuli[static_cast<std::size_t>(pushed)].weights;
        if (then.accept) set_bits(weights, i * wire, static_cast<int>(bits), then.values[at]);
        set_bits(weights, i * wire + bits + 2, 2, (then.accept ? 1u : 0u) | (then.first ? 2u : 0u));
      }
    }
  }
  return file;
}

Expected<std::string> build(const Chip& chip, const std::string& source, const rtl::HardwareCompiler& compiler) {
  std::vector<rtl::HardwareText> texts = {{"chip.sv", rtl::chip_package(chip)}};
  const std::string folder = SYSTOLE_SOURCE_DIR "/bench/rtl/";
  SYSTOLE_ASSIGN(const std::string array, read_text_file(folder + source));
  SYSTOLE_ASSIGN(const std::string testbench, read_text_file(folder + "array_testbench.cpp"));
  texts.push_back({"array.sv", array});
  texts.push_back({"testbench.cpp", testbench});
  return rtl::verilate(chip.name + "-" + compiler.kind, texts, "array", {}, false, compiler);
}

// Do the same sums leave the Verilated array as the register engine's, after every edge?
Status compare(const std::vector<SystolicArray::Inputs>& stimuli, const Chip& chip, const std::string& program, const std::string& wires) {
  const std::string sums = wires + ".sums";
  if (std::system(fmt::format("'{}' '{}' sums {} '{}'", program, wires, kCycles, sums).c_str()) != 0) return invalid_input(program, "failed");
  SYSTOLE_ASSIGN(const std::vector<std::uint8_t> bytes, read_file(sums));
  const std::int64_t columns = chip.mxu.columns;
  if (static_cast<std::int64_t>(bytes.size()) != kCycles * columns * 4) return invalid_input(sums, "too short");
  SystolicArray array(chip, machine::Operands::kShorts);
  const std::uint8_t* theirs = bytes.data();
  for (std::int64_t t = 0; t < kCycles; ++t) {
    array.clock(stimuli[static_cast<std::size_t>(t)]);
    for (std::int64_t c = 0; c < columns; ++c, theirs += 4) {
      const std::uint32_t sum = array.element(chip.mxu.rows - 1, c).sum;
      if (std::memcmp(theirs, &sum, 4) != 0) return invalid_input(program, fmt::format("another sum in column {} after edge {}", c, t));
    }
  }
  return ok_status();
}

Expected<double> verilated_seconds(const std::string& program, const std::string& wires, std::int64_t cycles) {
  const std::string output = wires + ".seconds";
  // The first repetition fills the caches.
  if (std::system(fmt::format("'{}' '{}' time {} 2 > '{}'", program, wires, cycles, output).c_str()) != 0) return invalid_input(program, "failed");
  SYSTOLE_ASSIGN(const std::string text, read_text_file(output));
  return std::strtod(text.c_str() + text.find('\n') + 1, nullptr);
}

double register_seconds(SystolicArray& array, const std::vector<SystolicArray::Inputs>& stimuli, std::int64_t cycles) {
  const std::size_t last = static_cast<std::size_t>(kCycles - kPeriod);
  const double began = seconds();
  for (std::int64_t t = 0; t < cycles; ++t) array.clock(stimuli[last + static_cast<std::size_t>(t % kPeriod)]);
  return seconds() - began;
}

struct Rates {
  std::string name;
  std::vector<double> steps;                                // a second
  double median() const { return steps[steps.size() / 2]; }
};

// Additions that wait for each other, a second: the host's clock, where each takes one.
double host_rate() {
  std::uint64_t x = 0;
  const double began = seconds();
  for (int i = 0; i < 200'000'000; ++i) {
    x += 3;
    asm volatile("" : "+r"(x));
  }
  return 2e8 / (seconds() - began);
}

enum class Models { kNone, kLean, kAll };

// A Verilated array with what it is clocked with.
struct Model {
  std::string program, wires;
};

// Builds the model of `source`, compares its sums and adds it to `models` and its name to `rates`.
Status add_model(const Chip& chip, const std::string& source, const rtl::HardwareCompiler& compiler, const std::string& scratch,
                 std::vector<Model>& models, std::vector<Rates>& rates) {
  const bool lean = source != "array.sv";
  const auto stimuli = stimuli_of(chip.mxu.rows, !lean);
  Model model{"", fmt::format("{}/wires-{}", scratch, lean ? "lean" : "all")};
  SYSTOLE_TRY(write_file(model.wires, wires_of(stimuli, chip, lean)));
  SYSTOLE_ASSIGN(model.program, build(chip, source, compiler));
  SYSTOLE_TRY(compare(stimuli, chip, model.program, model.wires));
  models.push_back(model);
  rates.push_back({fmt::format("Verilator, {}{} -O2", lean ? "lean, " : "", compiler.kind == "gcc" ? "g++" : "clang++"), {}});
  return ok_status();
}

Status measure(std::int64_t side, Models wanted, const std::string& scratch) {
  const Chip chip = bench_chip(side);
  const rtl::HardwareCompiler compilers[] = {
      {"clang", "CXX=clang++-16 LINK=clang++-16 \"OPT_FAST=-O2 -march=native\" OPT_SLOW=-O0 OPT_GLOBAL=-O2"},
      {"gcc", "CXX=g++ LINK=g++ \"OPT_FAST=-O2 -march=native\" OPT_SLOW=-O0 OPT_GLOBAL=-O2"}};
  std::vector<Model> models;
  std::vector<Rates> rates = {{"register engine", {}}};
  for (const std::string source : {"array.sv", "array_lean.sv"}) {
    if (wanted == Models::kNone || (wanted == Models::kLean && source == "array.sv")) continue;
    for (const auto& compiler : compilers) SYSTOLE_TRY(add_model(chip, source, compiler, scratch, models, rates));
  }
  const auto stimuli = stimuli_of(side, true);
  SystolicArray array(chip, machine::Operands::kShorts);
  for (const auto& inputs : stimuli) array.clock(inputs);
  const std::int64_t cycles = (100'000'000 / (side * side) + kPeriod) / kPeriod * kPeriod;
  const double steps = static_cast<double>(cycles * side * side);
  for (int k = 0; k < kRepeats; ++k) {                      // by turns, so that a busy host tells on all
    rates[0].steps.push_back(steps / register_seconds(array, stimuli, cycles));
    for (std::size_t i = 0; i < models.size(); ++i) {
      SYSTOLE_ASSIGN(const double taken, verilated_seconds(models[i].program, models[i].wires, cycles));
      rates[i + 1].steps.push_back(steps / taken);
    }
  }
  for (Rates& rate : rates) {
    std::sort(rate.steps.begin(), rate.steps.end());
    fmt::print("| {0} x {0} | {1} | {2:.2f} | {3:.2f} | {4:.2f} | {5:.1f} |\n", side, rate.name, rate.steps.front() * 1e-9, rate.median() * 1e-9,
               rate.steps.back() * 1e-9, rates[0].steps[kRepeats / 2] / rate.median());
  }
  return ok_status();
}

int run(int count, char** arguments) {
  std::string scratch = (std::filesystem::temp_directory_path() / "systole-bench-XXXXXX").string();
  if (mkdtemp(scratch.data()) == nullptr) return 2;
  std::vector<std::int64_t> sides;
  const std::string option = count > 1 ? arguments[1] : "";
  const Models wanted = option == "--alone" ? Models::kNone : option == "--lean" ? Models::kLean : Models::kAll;
  for (int i = wanted == Models::kAll ? 1 : 2; i < count; ++i) sides.push_back(std::atoll(arguments[i]));
  if (sides.empty()) sides = {16, 32, 64};
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 12);
  fmt::print("host: {:.2f} G dependent additions a second; {} repetitions\n\n", host_rate() * 1e-9, kRepeats);
  fmt::print("| int8 array | G PE-steps/s | min | median | max | register engine is times as fast |\n|---|---|---|---|---|---|\n");
  Status status = ok_status();
  for (const std::int64_t side : sides) {
    status = side >= 2 && side <= kPeriod ? measure(side, wanted, scratch) : invalid_input(fmt::format("{}", side), "sides are 2 to 256");
    if (!status.ok()) break;
  }
  std::error_code failure;
  std::filesystem::remove_all(scratch, failure);
  if (!status.ok()) fmt::print(stderr, "register_vs_verilator: {}\n", status.error().message);
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace systole

int main(int count, char** arguments) { return systole::run(count, arguments); }
