// Value change dumps (IEEE 1364-2005 section 18): a time axis made of a chip's cycles, and a writer of variables in scopes.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "base/expected.h"
#include "base/units.h"

namespace systole::report {

// Where cycles stand on the axis. A period need not be a whole number of any unit (1.2 GHz: 833333 1/3 fs): each edge is rounded by
// itself to the nearest unit, so no error adds up.
struct WaveClock {
  std::string unit;                                      // "1ps" if half a period is a whole number of them, else "1fs"
  std::int64_t numerator = 1, denominator = 1;           // units of a period

  // Time of the beginning of half cycle `half`: 2 k is the beginning of cycle k, 2 k + 1 its middle.
  std::int64_t time(std::int64_t half) const;
  std::string text() const;                              // "833333 1/3 fs"
};
// kInvalidInput: slower than 1 mHz or faster than 100 THz.
Expected<WaveClock> wave_clock(Hertz clock);

// Writes to a temporary beside `path`; finish() renames it. Destroyed unfinished, it leaves nothing behind.
class VcdWriter {
 public:
  // Longer than `limit_bytes`: finish() is an error.
  static Expected<VcdWriter> create(const std::string& path, std::int64_t limit_bytes);
  VcdWriter(VcdWriter&& other) noexcept;
  VcdWriter& operator=(VcdWriter&&) = delete;
  ~VcdWriter();

  using Id = std::size_t;
  void comment(std::string text);                        // before end_definitions; a $ in it becomes _
  void timescale(const std::string& unit);
  // The scope of the variables that follow, from the top: {"systole", "core0"}. Scopes that come back later are opened again.
  void scope(const std::vector<std::string>& path);
  Id variable(const std::string& name, int width);       // 1 .. 64 bits
  void end_definitions();

  // Time does not run backwards. change() writes only what differs from the value before; the first value is always written.
  void at(std::int64_t time) { next_ = time; }
  void change(Id id, std::uint64_t value);
  // Writes the time itself, so that what stands lasts until then.
  void mark();
  bool full() const { return written_ > limit_; }
  Status finish();

 private:
  VcdWriter(std::string path, std::string temporary, std::FILE* file, std::int64_t limit);
  void put(const std::string& text);

  struct Variable { std::string code; int width = 1; std::uint64_t value = 0; bool known = false; };
  std::string path_, temporary_;
  std::FILE* file_;
  std::int64_t limit_, written_ = 0, next_ = 0, time_ = -1;
  bool failed_ = false;
  std::vector<std::string> scope_;
  std::vector<Variable> variables_;
};

}  // namespace systole::report
