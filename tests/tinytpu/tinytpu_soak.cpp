// usage: tinytpu_soak [PROGRAMS [SEED]]
//
// Random programs on TinyTPU's three engines, PROGRAMS (1000) for each option of the chip file by itself, every register in every cycle.
// Prints a Markdown table. Exit status 1: the engines differ somewhere; 2: a model cannot be built.
#include <fmt/format.h>

#include <cstdlib>

#include "rtl/tinytpu_check.h"

namespace {

using systole::tinytpu::Options;

struct Variant {
  const char* name;
  void (*set)(Options&);
};
constexpr Variant kVariants[] = {
    {"as built: rounding half up", [](Options&) {}},
    {"rounding: truncate", [](Options& o) { o.rounding = Options::Rounding::kTruncate; }},
    {"rounding: wrap", [](Options& o) { o.rounding = Options::Rounding::kWrap; }},
    {"rounding: stochastic", [](Options& o) { o.rounding = Options::Rounding::kStochastic; }},
    {"registered switch", [](Options& o) { o.registered_switch = true; }},
    {"registered bypass", [](Options& o) { o.registered_bypass = true; }},
    {"block RAM", [](Options& o) { o.block_ram = true; }},
    {"shared multiplier", [](Options& o) { o.shared_multiplier = true; }},
    {"forward slope -100/256", [](Options& o) { o.forward_slope = -100; }},
    {"derivative slope -100/256", [](Options& o) { o.derivative_slope = -100; }},
};

}  // namespace

int main(int count, char** arguments) {
  systole::rtl::CheckOptions check;
  check.programs = count > 1 ? std::strtoll(arguments[1], nullptr, 10) : 1000;
  check.seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
  auto chip = systole::load_chip("tinytpu");
  if (!chip.ok() || check.programs < 1) return 2;
  std::int64_t mismatches = 0;
  fmt::print("| option | programs | cycles compared | mismatches |\n|---|---|---|---|\n");
  for (const Variant& variant : kVariants) {
    fmt::print(stderr, "tinytpu_soak: {}\n", variant.name);
    chip->tinytpu = {};
    variant.set(chip->tinytpu);
    const auto result = systole::rtl::check_tinytpu(*chip, check);
    if (!result.ok()) {
      fmt::print(stderr, "tinytpu_soak: {}\n", result.error().text());
      return 2;
    }
    fmt::print("| {} | {} | {} | {} |\n", variant.name, result->programs, result->cycles_compared, result->mismatches);
    for (const std::string& line : result->details) fmt::print(stderr, "{}: {}\n", variant.name, line);
    mismatches += result->mismatches;
  }
  return mismatches == 0 ? 0 : 1;
}
