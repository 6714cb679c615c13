#include "report/vcd.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <utility>

namespace systole::report {
namespace {

// Printable characters count up with base 94.
std::string code_of(std::size_t number) {
  std::string code;
  do {
    code += static_cast<char>('!' + number % 94);
    number /= 94;
  } while (number > 0);
  return code;
}

}  // namespace

std::int64_t WaveClock::time(std::int64_t half) const {
  const __int128 scaled = static_cast<__int128>(half) * numerator + denominator;
  return static_cast<std::int64_t>(scaled / (2 * static_cast<__int128>(denominator)));
}

std::string WaveClock::text() const {
  const std::string name = unit.substr(1);
  if (denominator == 1) return fmt::format("{} {}", numerator, name);
  return fmt::format("{} {}/{} {}", numerator / denominator, numerator % denominator, denominator, name);
}

Expected<WaveClock> wave_clock(Hertz clock) {
  double hertz = clock.value();
  if (!(hertz >= 1e-3 && hertz <= 1e14)) return invalid_input("clock_hz", fmt::format("{} Hz has no place on a wave's time axis", hertz), "1 mHz to 100 THz");
  std::int64_t numerator = 1'000'000'000'000'000;      // femtoseconds in a second
  // Fractions of a hertz: a double is a whole number of some power of two. Further than 1/1024 Hz nothing is seen in a wave.
  for (int i = 0; i < 10 && hertz != std::floor(hertz) && hertz < 1e12; ++i) hertz *= 2, numerator *= 2;
  std::int64_t denominator = std::max<std::int64_t>(1, std::llround(hertz));
  const std::int64_t common = std::gcd(numerator, denominator);
  numerator /= common, denominator /= common;
  if (denominator == 1 && numerator % 2000 == 0) return WaveClock{"1ps", numerator / 1000, 1};
  return WaveClock{"1fs", numerator, denominator};
}

VcdWriter::VcdWriter(std::string path, std::string temporary, std::FILE* file, std::int64_t limit)
    : path_(std::move(path)), temporary_(std::move(temporary)), file_(file), limit_(limit) {}

VcdWriter::VcdWriter(VcdWriter&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::move(other.temporary_)), file_(std::exchange(other.file_, nullptr)), limit_(other.limit_),
      written_(other.written_), next_(other.next_), time_(other.time_), failed_(other.failed_), scope_(std::move(other.scope_)),
      variables_(std::move(other.variables_)) {}

VcdWriter::~VcdWriter() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::remove(temporary_.c_str());
}

Expected<VcdWriter> VcdWriter::create(const std::string& path, std::int64_t limit_bytes) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  std::FILE* const file = std::fopen(temporary.c_str(), "wb");
  if (file == nullptr) return invalid_input(path, "cannot write", "check that the folder exists and has room");
  return VcdWriter(path, temporary, file, limit_bytes);
}

void VcdWriter::put(const std::string& text) {
  written_ += static_cast<std::int64_t>(text.size());
  if (!full() && !failed_) failed_ = std::fwrite(text.data(), 1, text.size(), file_) != text.size();
}

void VcdWriter::comment(std::string text) {
  std::replace(text.begin(), text.end(), '$', '_');      // "$end" would end it
  put(fmt::format("$comment\n{}\n$end\n", text));
}

void VcdWriter::timescale(const std::string& unit) { put(fmt::format("$timescale {} $end\n", unit)); }

void VcdWriter::scope(const std::vector<std::string>& path) {
  std::size_t same = 0;
  while (same < path.size() && same < scope_.size() && path[same] == scope_[same]) ++same;
  for (; scope_.size() > same; scope_.pop_back()) put("$upscope $end\n");
  for (; scope_.size() < path.size(); scope_.push_back(path[scope_.size()])) put(fmt::format("$scope module {} $end\n", path[scope_.size()]));
}

VcdWriter::Id VcdWriter::variable(const std::string& name, int width) {
  variables_.push_back({code_of(variables_.size()), width});
  const std::string range = width > 1 ? fmt::format(" [{}:0]", width - 1) : "";
  put(fmt::format("$var wire {} {} {}{} $end\n", width, variables_.back().code, name, range));
  return variables_.size() - 1;
}

void VcdWriter::end_definitions() {
  scope({});
  put("$enddefinitions $end\n");
}

void VcdWriter::mark() {
  if (time_ == next_) return;
  time_ = next_;
  put(fmt::format("#{}\n", time_));
}

void VcdWriter::change(Id id, std::uint64_t value) {
  Variable& variable = variables_[id];
  if (variable.width < 64) value &= (std::uint64_t{1} << variable.width) - 1;
  if (variable.known && variable.value == value) return;
  variable.known = true;
  variable.value = value;
  mark();
  if (variable.width == 1) put(fmt::format("{}{}\n", value, variable.code));
  else put(fmt::format("b{:b} {}\n", value, variable.code));
}

Status VcdWriter::finish() {
  std::FILE* const file = std::exchange(file_, nullptr);
  const bool good = std::fclose(file) == 0 && !failed_;
  Status status = ok_status();
  if (full()) {
    status = invalid_input(path_, fmt::format("the waves are longer than {} MB", limit_ / 1'000'000), "choose fewer with --cycles A:B or --elements R0:R1,C0:C1");
  } else if (!good) {
    status = invalid_input(path_, "cannot write", "check that the folder has room");
  } else {
    std::error_code code;
    std::filesystem::rename(temporary_, path_, code);
    if (code) status = invalid_input(path_, "cannot write: " + code.message(), "check that the target is not a folder");
  }
  if (!status.ok()) std::remove(temporary_.c_str());
  return status;
}

}  // namespace systole::report
