// The array pulsing, for people who would rather look than read: a recording of an array's elements over some cycles with a caption
// for each, as a page to step through (HTML) and as an animation (SVG). Both are single files that load nothing.
//
// A frame is a cycle: an element shows what it did in that cycle (its registers after the clock), units what they were doing in it,
// memories what they hold after it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/waves.h"

namespace systole::report {

struct PulseElement {
  std::uint32_t active = 0, shadow = 0, value = 0, sum = 0;
  bool valid = false, switching = false, train = false;    // worked; its weight switched; a weight moved into its shadow
  bool operator==(const PulseElement&) const = default;
};

// Signals of the source shown beside the array: a grid of numbers with so many columns, or (0) a list of lines with names.
struct PanelSpec {
  std::string title;
  int columns = 0;
  bool after = false;                    // as they stand after the cycle's clock
  std::vector<std::size_t> signals;
};

class PulseSource : public WaveSource {
 public:
  virtual std::int64_t rows() const = 0;
  virtual std::int64_t columns() const = 0;
  virtual PulseElement element(std::int64_t r, std::int64_t c) const = 0;
  virtual WaveFormat operand_format() const = 0;
  virtual WaveFormat sum_format() const = 0;
  virtual std::vector<PanelSpec> panels() const = 0;
  // What else to say about the cycle that has just passed; may be "".
  virtual std::string note() const { return {}; }
  // The part of the job that the cycle belongs to; may be "".
  virtual std::string phase() const { return {}; }
};

// Every register of the register engine. The program must have passed check_program and outlive the source.
Expected<std::unique_ptr<PulseSource>> register_waves(const isa::Program& program, const Chip& chip, const std::vector<Tensor>& inputs,
                                                      const ElementWindow& elements);

struct PulseTrack {
  std::string name;
  WaveFormat format = WaveFormat::kUnsigned;
  int width = 32;
  std::vector<std::uint64_t> values;     // per frame
};
struct PulsePanel {
  std::string title;
  int columns = 0;
  std::vector<PulseTrack> tracks;
};
struct PulseMovie {
  std::string title, chip;
  std::int64_t first_cycle = 0, first_row = 0, first_column = 0, rows = 0, columns = 0;
  WaveFormat operand = WaveFormat::kSigned, sum = WaveFormat::kSigned;
  std::vector<std::vector<PulseElement>> frames;     // row-major
  std::vector<std::string> captions;
  std::vector<PulsePanel> panels;

  const PulseElement& at(std::int64_t frame, std::int64_t r, std::int64_t c) const {
    return frames[static_cast<std::size_t>(frame)][static_cast<std::size_t>(r * columns + c)];
  }
};

// Steps the source from its start to the window's end. kInvalidInput: too many frames for a page.
Expected<PulseMovie> record_pulse(PulseSource& source, const CycleWindow& cycles, const ElementWindow& elements, std::string title, std::string chip);
// The frames in which something happens in the array, one more before and two after.
PulseMovie active_part(const PulseMovie& movie);

// A word as the reader sees it: -3, 0.2969 (four digits of a fraction at most), 1.5e+20.
std::string decode_word(std::uint64_t word, WaveFormat format, int width);

std::string pulse_html(const PulseMovie& movie);
// kInvalidInput: too large for an animation.
Expected<std::string> pulse_svg(const PulseMovie& movie);

// Parts of the page (pulse_script.cpp).
extern const char* const kPulseStyle;
extern const char* const kPulseScript;

}  // namespace systole::report
