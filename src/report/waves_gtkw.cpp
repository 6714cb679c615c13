// GTKWave's save file. A trace is a line with its name; a line @FLAGS before it says how it is shown (hexadecimal sums of
// GTKWave's TR_ flags), and [fpshift_count] how many bits of it are a fraction.
#include <fmt/format.h>

#include <algorithm>

#include "report/waves.h"

namespace systole::report {
namespace {

constexpr std::uint32_t kHex = 0x2, kDecimal = 0x4, kBinary = 0x8, kRightJustified = 0x20, kBlank = 0x200, kSigned = 0x400, kAscii = 0x800,
                        kBitsToReal = 0x40000, kClosed = 0x400000, kGroupBegin = 0x800000, kGroupEnd = 0x1000000, kFractionShift = 0x40000000;

std::uint32_t flags_of(WaveFormat format) {
  switch (format) {
    case WaveFormat::kBit: return kBinary | kRightJustified;
    case WaveFormat::kUnsigned: return kDecimal | kRightJustified;
    case WaveFormat::kSigned: return kSigned | kRightJustified;
    case WaveFormat::kFloat32: return kBitsToReal | kRightJustified;
    case WaveFormat::kText: return kAscii | kRightJustified;
    case WaveFormat::kHex: break;
    default: return kSigned | kRightJustified | kFractionShift;
  }
  return kHex | kRightJustified;
}

std::string name_of(const Signal& signal) {
  return signal.path() + (signal.width > 1 ? fmt::format("[{}:0]", signal.width - 1) : "");
}

// The line that names a scope: of the RTL's, everything below the top module.
std::string label(const std::vector<std::string>& scope) {
  if (scope.front() != "TOP") return scope.back();
  return fmt::format("{}", fmt::join(scope.begin() + std::min<std::ptrdiff_t>(2, std::ssize(scope) - 1), scope.end(), "."));
}

// Groups whose inside is seldom wanted first are closed when the file is opened.
bool is_closed(std::string_view group) { return group == "tokens" || group == "memory"; }

}  // namespace

std::string gtkwave_save(const std::string& dump_name, const std::vector<Signal>& signals, bool counted) {
  std::string text = fmt::format("[*] Made by systole waves.\n[dumpfile] \"{}\"\n[timestart] 0\n[size] 1600 900\n[sst_expanded] 1\n[signals_width] 320\n", dump_name);
  const std::string top = signals.empty() ? std::string("systole") : signals.front().scope.front();
  text += fmt::format("@28\n{}.clk\n", top);
  if (counted) text += fmt::format("@24\n{}.cycle[63:0]\n", top);
  std::vector<std::string> groups;
  for (const Signal& signal : signals) {
    if (std::find(groups.begin(), groups.end(), signal.group) == groups.end()) groups.push_back(signal.group);
  }
  for (const std::string& group : groups) {
    const std::uint32_t closed = is_closed(group) ? kClosed : 0;
    text += fmt::format("@{:x}\n-{}\n", kGroupBegin | kBlank | closed, group);
    std::uint32_t flags = 0;
    std::vector<std::string> scope;
    for (const Signal& signal : signals) {
      if (signal.group != group) continue;
      if (signal.scope != scope) text += fmt::format("@{:x}\n-{}\n", kBlank, label(signal.scope)), flags = 0;
      scope = signal.scope;
      if (flags_of(signal.format) != flags) text += fmt::format("@{:x}\n", flags = flags_of(signal.format));
      if (const int fraction = fraction_of(signal.format); fraction > 0)
        text += fmt::format("[fpshift_count] {}\n", fraction);
      text += name_of(signal) + "\n";
    }
    text += fmt::format("@{:x}\n-{}\n", kGroupEnd | kBlank | closed, group);
  }
  return text + "[pattern_trace] 1\n[pattern_trace] 0\n";
}

}  // namespace systole::report
